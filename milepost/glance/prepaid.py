"""Prepaid: what customers paid ahead for retainers and as deposits, from what was brought forward to what is left.

    brought forward + granted - used - expired - given back = left

Amounts are those of 2310 (deposits that may have to be given back) and 2300 (everything else that is invoiced before it is earned). What a
retainer has left to draw is what its project's view showed last, whether its fees are invoiced or not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from connectors.files.glance_index import AboutSum, RetainerShown
from connectors.files.glance_rows import CREDIT_MEMO, INVOICED
from domain.accounts import CONTRACT_LIABILITY, CUSTOMER_DEPOSIT
from domain.identity import composed, escape, parts_of
from domain.units import AMOUNT_SCALE, QUANTITY_SCALE
from domain.work.rows import FEE, SCHEDULED_REVENUE, named
from milepost.glance.account_sums import TableFigure, feet_of
from milepost.glance.figures import AMOUNT, Elsewhere, Part, PostedBetween, less, plus, sum_of
from milepost.glance.firm import FirmAtMoment, lines_of, text
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
from milepost.words import figure_words

PREPAID: Final = (CONTRACT_LIABILITY, CUSTOMER_DEPOSIT)
BEFORE, GRANTED, LEFT_IN_LEDGER = "brought_forward", "granted", "in_ledger"
MOVES: Final = (GRANTED, "used", "expired", "given_back")
# Terms under which a customer may pay before it is earned.
AHEAD: Final = frozenset({"FixedPrice", "Milestones", "Subscription", "Retainer", "Deposit"})
COLUMNS: Final = (
    GlanceColumn("client", "client", CellKind.ID),
    GlanceColumn("client_name", "client name", CellKind.TEXT, 1, "client"),
    GlanceColumn("contract", "contract", CellKind.ID),
    GlanceColumn("project", "project", CellKind.ID, 2, "contract"),
    GlanceColumn("company", "company", CellKind.ID, 3),
    GlanceColumn("kind", "kind", CellKind.TEXT),
    GlanceColumn("currency", "currency", CellKind.TEXT),
    GlanceColumn("brought_forward", "brought forward"),
    GlanceColumn("granted", "granted"),
    GlanceColumn("used", "used"),
    GlanceColumn("expired", "expired"),
    GlanceColumn("given_back", "given back"),
    GlanceColumn("left", "left"),
    GlanceColumn("hours_left", "hours left", CellKind.HOURS),
    GlanceColumn("money_left", "left to draw", CellKind.AMOUNT, 6),
    GlanceColumn("expires_on", "next expiry", CellKind.DAY),
    GlanceColumn("hours_expiring", "hours that expire", CellKind.HOURS, 8),
    GlanceColumn("money_expiring", "that expires", CellKind.AMOUNT, 7),
    GlanceColumn("ledger_currency", "ledger currency", CellKind.TEXT, 5, "in_ledger"),
    GlanceColumn("in_ledger", "in ledger", CellKind.AMOUNT, 4),
)
SUMMED: Final = ("brought_forward", *MOVES, "left", "hours_left", "money_left")
# What a row is of; after them the account.
WHOSE: Final = ("client", "contract", "project", "company", "kind", "currency", "ledger_currency")
RETAINER: Final = "retainer"
QUANTITY_PER_AMOUNT: Final = 10 ** (QUANTITY_SCALE - AMOUNT_SCALE)
# What a fee is that nobody bills: what expires of a retainer, what is kept of a deposit.
EXPIRED: Final = frozenset({"expired", "kept"})


class _Running(NamedTuple):
    """A retainer that has something to draw, or had."""

    project_id: str
    shown: RetainerShown

    def part(self, figure: str) -> Part:
        """Of money as an amount."""
        value: int = getattr(self.shown, figure)
        line = composed(self.shown.contract_id, self.shown.line_id)
        id_ = f"{escape(self.project_id)}#retainers/{line}/{figure}"
        title = f"retainer {line}: {figure_words(figure)}"
        return Part(value if self.shown.unit == "hours" else value // QUANTITY_PER_AMOUNT, Elsewhere(title, id_))


def prepaid(firm: FirmAtMoment, wanted: Wanted, since: date) -> Glance:
    every = _rows(firm, since)
    found = wanted.of(every, firm)
    if wanted.only_open:
        found = [row for row in found if any(row.cells.get(each) for each in ("left", "hours_left", "money_left"))]
    return Glance(
        "prepaid",
        f"Prepaid, since {since}" if firm.cut.offset else "Prepaid",
        firm.as_of,
        COLUMNS,
        found,
        [*_totals(found), *in_ledger_totals(found, (), {"kind": "2300 and 2310"})],
        feet_of(firm, map(_figure, every), {"prepaid": PREPAID}),
        (
            *firm.not_whole(),
            f"Before {since} by accounting date is brought forward; `--since DAY` begins on another day.",
            *_of_several(found),
        ),
        "no customer paid ahead" if firm.accounts else "nothing is posted yet",
        filters=wanted.filters,
        asked=(f"since={since}",),
    )


def _of_several(rows: Sequence[GlanceRow]) -> Iterator[str]:
    whose: dict[Cell, set[Cell]] = defaultdict(set)
    for row in rows:
        whose[row.cells.get("contract")].add(row.cells.get("client"))
    if several := sorted(str(contract) for contract, clients in whose.items() if len(clients) > 1):
        yield (
            f"Several customers pay {', '.join(several)}: what work used and what expired is in the row of the contract's customer alone; "
            "what is left is the sum of a contract's rows."
        )


def _rows(firm: FirmAtMoment, since: date) -> list[GlanceRow]:
    invoiced, refunds = firm.named(INVOICED), firm.statements_with_refunds
    found: dict[tuple[str, ...], dict[str, list[Part]]] = defaultdict(lambda: defaultdict(list))
    for each in firm.about(PREPAID, before=since):
        parts = found[_key(firm, each)]
        parts[BEFORE].append(Part(-each.amount, PostedBetween(each, None, since), AMOUNT))
        parts[LEFT_IN_LEDGER].append(Part(-each.ledger, PostedBetween(each, None, since)))
    for each in firm.about(PREPAID, since=since):
        parts = found[_key(firm, each)]
        what = _move(each, is_invoice=each.about in invoiced, is_refund=each.about in refunds)
        if each.about in invoiced and each.about not in firm.statements:
            what = BEFORE  # a bill of before the books begin
        sign = -1 if what in (BEFORE, GRANTED) else 1
        parts[what].append(Part(sign * each.amount, PostedBetween(each, since, None), AMOUNT))
        parts[LEFT_IN_LEDGER].append(Part(-each.ledger, PostedBetween(each, since, None)))
    running = _running(firm, found)
    rows = (_row(firm, key, found[key], running.get(key, [])) for key in sorted({*found, *running}))
    return [row for row in rows if any(figure.value for figure in row.figures.values())]


def _running(firm: FirmAtMoment, posted: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], list[_Running]]:
    """Retainers by the row of their contract and project on 2300, of several payers the contract's customer first."""
    found: dict[tuple[str, ...], list[_Running]] = defaultdict(list)
    rows: dict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
    for key in posted:
        if key[4] == RETAINER:
            rows[key[1], key[2]].append(key)
    for project_id, shown in firm.retainers():
        client = firm.client_of(project_id, shown.contract_id)
        entity_id = firm.company_of(shown.contract_id, project_id)
        currency = text(firm.contracts.get(shown.contract_id), "currency")
        whose = client, shown.contract_id, project_id, entity_id
        own = (*whose, RETAINER, currency, firm.currency_of(entity_id), CONTRACT_LIABILITY)
        named = sorted(
            rows[shown.contract_id, project_id], key=lambda key: (key[0] != client, key[3] != entity_id, key)
        )
        found[named[0] if named else own].append(_Running(project_id, shown))
    return found


def _key(firm: FirmAtMoment, each: AboutSum) -> tuple[str, ...]:
    whose = firm.payer_of(each), each.contract_id, each.project_id, each.entity_id
    return (*whose, _kind(firm, each), each.currency, each.ledger_currency, each.account)


def _kind(firm: FirmAtMoment, each: AboutSum) -> str:
    terms = {terms for _, _, terms in lines_of(firm.contracts.get(each.contract_id) or {})} & AHEAD
    if each.account == CUSTOMER_DEPOSIT or terms == {"Deposit"}:
        return "deposit"
    return RETAINER if "Retainer" in terms else "billed in advance"


def _move(each: AboutSum, *, is_invoice: bool, is_refund: bool) -> str:
    """What an invoice credits is granted; what it debits was set against it or is given back."""
    if is_invoice:
        return GRANTED if each.amount < 0 else "given_back" if is_refund else "used"
    kind, fact = named(each.about)
    if kind in {FEE, SCHEDULED_REVENUE} and not EXPIRED.isdisjoint(parts_of(fact)[2:3]):
        return "expired"
    return "given_back" if parts_of(each.about)[0] == CREDIT_MEMO else "used"


def _row(
    firm: FirmAtMoment, key: tuple[str, ...], parts: Mapping[str, list[Part]], running: Sequence[_Running]
) -> GlanceRow:
    client, contract_id, project_id, entity_id, _, currency, _, account = key
    texts = {**stated(WHOSE, key), "client_name": firm.client_name(client) or None}
    figures = {name: sum_of(parts.get(name, ())) for name in (BEFORE, *MOVES)}
    left = less(figures, GRANTED, *MOVES[1:])
    figures["left"] = plus(figures, BEFORE, left)
    figures[LEFT_IN_LEDGER] = sum_of(parts.get(LEFT_IN_LEDGER, ()))
    first = min((each.shown.expires_on for each in running if each.shown.expires_on), default=None)
    texts["expires_on"] = date.fromisoformat(first) if first else None
    for unit in {each.shown.unit for each in running}:
        of_unit = [each for each in running if each.shown.unit == unit]
        figures[f"{unit}_left"] = sum_of([each.part("left") for each in of_unit])
        if first:
            expiring = [each.part("expires") for each in of_unit if each.shown.expires_on == first]
            figures[f"{unit}_expiring"] = sum_of(expiring)
    return row_of((entity_id, contract_id, project_id, account, client, currency), texts, figures)


def _figure(row: GlanceRow) -> TableFigure:
    company, currency = str(row.cells["company"]), str(row.cells["ledger_currency"])
    return TableFigure("prepaid", company, currency, -row.amount("in_ledger"))


def _totals(rows: list[GlanceRow]) -> list[GlanceRow]:
    return summed(rows, SUMMED, ("currency", "kind"), {"client": "total"})
