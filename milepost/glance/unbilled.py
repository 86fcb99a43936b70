"""Unbilled: what is earned and on no statement, by reason and age; what is on a statement and not invoiced stands apart."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Final

from domain.accounts import UNBILLED
from domain.units import Amount
from milepost.glance.account_sums import TableFigure, feet_of
from milepost.glance.ages import AGES, age_columns, aged
from milepost.glance.figures import AMOUNT, LEDGER, Elsewhere, Part, TakenBack, sum_of
from milepost.glance.firm import FirmAtMoment
from milepost.glance.pieces import OVER_CAPS, Reason, UnbilledPiece, pieces
from milepost.glance.sheet import (
    Cell,
    CellKind,
    Glance,
    GlanceColumn,
    GlanceRow,
    in_ledger_totals,
    row_of,
    stated,
    summed,
)
from milepost.glance.wanted import Wanted

COLUMNS: Final = (
    GlanceColumn("client", "client", CellKind.ID),
    GlanceColumn("client_name", "client name", CellKind.TEXT, 2, "client"),
    GlanceColumn("project", "project", CellKind.ID),
    GlanceColumn("contract", "contract", CellKind.ID, 3, "project"),
    GlanceColumn("company", "company", CellKind.ID, 4),
    GlanceColumn("reason", "reason", CellKind.TEXT),
    GlanceColumn("currency", "currency", CellKind.TEXT),
    GlanceColumn("unbilled", "unbilled"),
    GlanceColumn("on_statement", "on a statement"),
    *age_columns(AGES),
    GlanceColumn("oldest", "oldest", CellKind.DAY, 1),
    GlanceColumn("ledger_currency", "ledger currency", CellKind.TEXT, 6, "in_ledger"),
    GlanceColumn("in_ledger", "in ledger", CellKind.AMOUNT, 5),
)
SUMMED: Final = (*(name for name, _, _ in AGES), "unbilled", "on_statement")
NOTES: Final = (
    "Days count from the service date. Unbilled is on no statement; what is on one and not invoiced stands in its own column.",
    "What is over a cap that limits revenue too is in no account: it is listed and not summed.",
)
# What a row is of.
WHOSE: Final = ("client", "project", "contract", "company", "currency", "reason", "ledger_currency")
Key = tuple[str, str, str, str, str, Reason, str]


def unbilled(firm: FirmAtMoment, wanted: Wanted) -> Glance:
    every = pieces(firm)
    found = wanted.of([*_rows(firm, every), *_not_earned(firm, every)], firm)
    figures = (TableFigure("unbilled", each.entity_id, each.ledger_currency, each.ledger) for each in every)
    counted = [row for row in found if row.cells["reason"] != Reason.NOT_EARNED]
    return Glance(
        "unbilled",
        "Unbilled",
        firm.as_of,
        COLUMNS,
        found,
        [*_totals(counted), *in_ledger_totals(counted, (), {"reason": "1150 and 1160"})],
        feet_of(firm, figures, {"unbilled": UNBILLED}),
        (*firm.not_whole(), *NOTES),
        "everything that is earned is invoiced" if firm.accounts else "nothing is posted yet",
        filters=wanted.filters,
    )


def _rows(firm: FirmAtMoment, every: list[UnbilledPiece]) -> list[GlanceRow]:
    groups: dict[Key, list[UnbilledPiece]] = defaultdict(list)
    for piece in every:
        whose = firm.payer_of(piece), piece.project_id, piece.contract_id, piece.entity_id
        groups[*whose, piece.currency, piece.reason, piece.ledger_currency].append(piece)
    return [_row(firm, key, of) for key, of in sorted(groups.items()) if _total(of) != (0, 0)]


def _total(of: Iterable[UnbilledPiece]) -> tuple[Amount, Amount]:
    return sum(piece.amount for piece in of), sum(piece.ledger for piece in of)


def _row(firm: FirmAtMoment, key: Key, of: list[UnbilledPiece]) -> GlanceRow:
    client, project_id, contract_id, entity_id, currency, reason, _ = key
    column = "on_statement" if reason is Reason.STATEMENT else "unbilled"
    by_day = _by_day(of)
    ages: dict[str, list[Part]] = defaultdict(list)
    for day, parts in by_day.items():
        ages[aged(firm.today.toordinal() - day)] += parts
    texts: dict[str, Cell] = {
        **stated(WHOSE, key),
        "client_name": firm.client_name(client) or None,
        "oldest": date.fromordinal(min(by_day)),
    }
    figures = {name: sum_of(parts) for name, parts in ages.items()}
    figures[column] = sum_of([Part(piece.amount, piece, AMOUNT) for piece in of])
    figures["in_ledger"] = sum_of([Part(piece.ledger, piece, LEDGER) for piece in of])
    return row_of((reason, entity_id, project_id, contract_id, client, currency), texts, figures)


def _by_day(of: Iterable[UnbilledPiece]) -> dict[int, list[Part]]:
    """What is open by service date; what takes back of another day is taken off the oldest."""
    days: dict[int, list[Part]] = defaultdict(list)
    for piece in of:
        days[piece.day].append(Part(piece.amount, piece, AMOUNT))
    left = {day: sum(part.value for part in parts) for day, parts in days.items()}
    back = sorted(day for day in left if left[day] < 0)
    for day in sorted(left):
        for taken in back:
            if (part := min(-left[taken], left[day]) if left[day] > 0 else 0) > 0:
                for at, value in ((day, -part), (taken, part)):
                    left[at] += value
                    days[at].append(Part(value, TakenBack(taken, day), AMOUNT))
    return {day: days[day] for day, amount in left.items() if amount} or {max(left): []}


def _not_earned(firm: FirmAtMoment, every: list[UnbilledPiece]) -> list[GlanceRow]:
    """What exceptions say is over a cap and no account has, a row for all caps of a contract on a project."""
    earned: dict[str, list[UnbilledPiece]] = defaultdict(list)
    for piece in every:
        earned[piece.exception_id].append(piece)
    found: dict[tuple[str, ...], list[Part]] = defaultdict(list)
    for one in firm.exceptions:
        pieces_of = earned.get(one.exception_id, [])
        if one.category != OVER_CAPS or one.amount == sum(piece.amount for piece in pieces_of):
            continue
        project_id = one.project_id or firm.project_on(one.contract_id)
        client = firm.client_of(project_id, one.contract_id)
        company = firm.company_of(one.contract_id, project_id)
        over = found[client, project_id, one.contract_id, company, one.currency]
        over.append(Part(one.amount, Elsewhere("over the cap", f"{one.exception_id}#amount"), AMOUNT))
        over += [Part(-piece.amount, piece, AMOUNT) for piece in pieces_of]
    rows = []
    for whose, parts in found.items():
        client, project_id, contract_id, company, currency = whose
        texts = {**stated(WHOSE, (*whose, Reason.NOT_EARNED)), "client_name": firm.client_name(client) or None}
        key = (Reason.NOT_EARNED, company, project_id, contract_id, client, currency)
        rows.append(row_of(key, texts, {"unbilled": sum_of(parts)}))
    return sorted(rows, key=lambda row: str((row.cells["client"], row.cells["project"], row.cells["contract"])))


def _totals(rows: list[GlanceRow]) -> list[GlanceRow]:
    """By reason and currency, then by currency."""
    each = summed(rows, SUMMED, ("currency", "reason"), {"client": "total"})
    every = summed(rows, SUMMED, ("currency",), {"client": "total", "reason": "all"})
    return [*each, *every]
