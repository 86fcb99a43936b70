"""Unbilled: what is earned and on no statement, by reason and age; what is on a statement and not invoiced stands apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from domain.accounts import UNBILLED
from domain.units import Amount
from milepost.glance.ages import AGES, age_columns, aged
from milepost.glance.feet import TableFigure, feet_of
from milepost.glance.firm import FirmAtMoment
from milepost.glance.pieces import OVER_CAPS, Reason, UnbilledPiece, pieces
from milepost.glance.sheet import Cell, CellKind, Glance, GlanceColumn, GlanceRow, in_ledger_totals, summed
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
    )


def _rows(firm: FirmAtMoment, every: list[UnbilledPiece]) -> list[GlanceRow]:
    groups: dict[Key, list[UnbilledPiece]] = defaultdict(list)
    for piece in every:
        client = piece.customer_id or firm.client_of(piece.project_id, piece.contract_id)
        groups[
            client,
            piece.project_id,
            piece.contract_id,
            piece.entity_id,
            piece.currency,
            piece.reason,
            piece.ledger_currency,
        ].append(piece)
    return [_row(firm, key, of) for key, of in sorted(groups.items()) if _total(of) != (0, 0)]


def _total(of: Iterable[UnbilledPiece]) -> tuple[Amount, Amount]:
    return sum(piece.amount for piece in of), sum(piece.ledger for piece in of)


def _row(firm: FirmAtMoment, key: Key, of: list[UnbilledPiece]) -> GlanceRow:
    client, project_id, contract_id, entity_id, currency, reason, ledger_currency = key
    amount, in_ledger = _total(of)
    on_statement = reason is Reason.STATEMENT
    by_day = _by_day(of)
    ages: dict[str, Amount] = defaultdict(int)
    for day, open_amount in by_day.items():
        ages[aged(firm.today.toordinal() - day)] += open_amount
    cells: dict[str, Cell] = {
        "client": client or None,
        "client_name": firm.client_name(client) or None,
        "project": project_id or None,
        "contract": contract_id or None,
        "company": entity_id,
        "reason": reason,
        "currency": currency,
        **{name: ages.get(name) for name, _, _ in AGES},
        "unbilled": None if on_statement else amount,
        "on_statement": amount if on_statement else None,
        "oldest": firm.today.fromordinal(min(by_day)),
        "ledger_currency": ledger_currency,
        "in_ledger": in_ledger,
    }
    column = "on_statement" if on_statement else "unbilled"
    return GlanceRow(cells, {column: _explained_by(firm, project_id, contract_id, of)})


def _by_day(of: Iterable[UnbilledPiece]) -> dict[int, Amount]:
    """What is open by service date; what takes back of another day is taken off the oldest."""
    days: dict[int, Amount] = defaultdict(int)
    for piece in of:
        days[piece.day] += piece.amount
    back = sorted(day for day in days if days[day] < 0)
    for day in sorted(days):
        for taken in back:
            part = min(-days[taken], days[day]) if days[day] > 0 else 0
            days[day], days[taken] = days[day] - part, days[taken] + part
    return {day: amount for day, amount in days.items() if amount} or {max(days): 0}


def _explained_by(firm: FirmAtMoment, project_id: str, contract_id: str, of: list[UnbilledPiece]) -> tuple[str, ...]:
    """Its statements, exceptions of what is over a limit, or the entries where they are few; else the contract's balance on the project."""
    if ids := sorted({found for piece in of if (found := piece.statement_id or piece.exception_id)}):
        return tuple(ids)
    rows = sorted({piece.row for piece in of})
    if len(rows) <= ROWS_NAMED:
        return tuple(rows)
    several = sum(contract_id != other for other in firm.contracts_on(project_id)) > 0
    return (f"{project_id}/{contract_id}#accrued" if several else f"{project_id}#accrued",)


ROWS_NAMED: Final = 5


def _not_earned(firm: FirmAtMoment, every: list[UnbilledPiece]) -> list[GlanceRow]:
    """What exceptions say is over a cap and no account has."""
    earned = Counter[str]()
    for piece in every:
        earned[piece.exception_id] += piece.amount
    found = []
    for one in firm.exceptions:
        amount = one.amount - earned[one.exception_id]
        if one.category != OVER_CAPS or not amount:
            continue
        project_id = one.project_id or firm.project_on(one.contract_id)
        client = firm.client_of(project_id, one.contract_id)
        cells: dict[str, Cell] = {
            "client": client or None,
            "client_name": firm.client_name(client) or None,
            "project": project_id or None,
            "contract": one.contract_id or None,
            "company": firm.company_of(one.contract_id, project_id) or None,
            "reason": Reason.NOT_EARNED,
            "currency": one.currency or None,
            "unbilled": amount,
        }
        found.append(GlanceRow(cells, {"unbilled": (one.exception_id,)}))
    return sorted(found, key=lambda row: str((row.cells["client"], row.cells["project"], row.cells["contract"])))


def _totals(rows: list[GlanceRow]) -> list[GlanceRow]:
    """By reason and currency, then by currency."""
    each = summed(
        rows,
        SUMMED,
        ("currency", "reason"),
        {"client": "total"},
    )
    every = summed(
        rows,
        SUMMED,
        ("currency",),
        {"client": "total", "reason": "all"},
    )
    return [*each, *every]
