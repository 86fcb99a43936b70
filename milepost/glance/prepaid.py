"""Prepaid: what customers paid ahead for retainers and as deposits, from what was brought forward to what is left.

    brought forward + granted - used - expired - given back = left

Amounts are those of 2310 (deposits that may have to be given back) and 2300 (everything else that is invoiced before it is earned).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Final

from connectors.files.glance_index import AboutSum
from connectors.files.glance_rows import CREDIT_MEMO, INVOICED
from domain.accounts import CONTRACT_LIABILITY, CUSTOMER_DEPOSIT
from domain.identity import parts_of
from domain.units import Amount
from domain.work.rows import FEE, named
from milepost.glance.feet import TableFigure, feet_of
from milepost.glance.firm import FirmAtMoment, lines_of
from milepost.glance.sheet import Cell, CellKind, Glance, GlanceColumn, GlanceRow, in_ledger_totals, summed
from milepost.glance.wanted import Wanted

PREPAID: Final = (CONTRACT_LIABILITY, CUSTOMER_DEPOSIT)
BEFORE, GRANTED, LEDGER = "brought_forward", "granted", "ledger"
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
    GlanceColumn("ledger_currency", "ledger currency", CellKind.TEXT, 5, "in_ledger"),
    GlanceColumn("in_ledger", "in ledger", CellKind.AMOUNT, 4),
)
SUMMED: Final = ("brought_forward", *MOVES, "left")
# What a fee is that nobody bills: what expires of a retainer, what is kept of a deposit; and what a customer gets back.
EXPIRED: Final = frozenset({"expired", "kept"})
REFUND: Final = "refund"


def prepaid(firm: FirmAtMoment, wanted: Wanted, since: date) -> Glance:
    every = _rows(firm, since)
    found = wanted.of(every, firm)
    if wanted.only_open:
        found = [row for row in found if row.cells["left"]]
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
        ),
        "no customer paid ahead" if firm.accounts else "nothing is posted yet",
    )


def _rows(firm: FirmAtMoment, since: date) -> list[GlanceRow]:
    invoiced, refunds = firm.named(INVOICED), firm.statements_with_refunds
    found: dict[tuple[str, ...], dict[str, Amount]] = defaultdict(lambda: dict.fromkeys((BEFORE, *MOVES, LEDGER), 0))
    for each in firm.about(PREPAID, before=since):
        sums = found[_key(firm, each)]
        sums[BEFORE] -= each.amount
        sums[LEDGER] -= each.ledger
    for each in firm.about(PREPAID, since=since):
        sums = found[_key(firm, each)]
        what = _move(each, is_invoice=each.about in invoiced, is_refund=each.about in refunds)
        sums[what] += -each.amount if what == GRANTED else each.amount
        sums[LEDGER] -= each.ledger
    return [_row(firm, key, found[key]) for key in sorted(found) if any(found[key].values())]


def _key(firm: FirmAtMoment, each: AboutSum) -> tuple[str, ...]:
    client = each.customer_id or firm.client_of(each.project_id, each.contract_id)
    kind = _kind(firm, each)
    whose = client, each.contract_id, each.project_id, each.entity_id
    return (*whose, kind, each.currency, each.ledger_currency, each.account)


def _kind(firm: FirmAtMoment, each: AboutSum) -> str:
    terms = {terms for _, _, terms in lines_of(firm.contracts.get(each.contract_id) or {})} & AHEAD
    if each.account == CUSTOMER_DEPOSIT or terms == {"Deposit"}:
        return "deposit"
    return "retainer" if "Retainer" in terms else "billed in advance"


def _move(each: AboutSum, *, is_invoice: bool, is_refund: bool) -> str:
    """What an invoice credits is granted; what it debits was set against it or is given back."""
    if is_invoice:
        return GRANTED if each.amount < 0 else "given_back" if is_refund else "used"
    kind, fact = named(each.about)
    if kind == FEE and not EXPIRED.isdisjoint(parts_of(fact)[2:3]):
        return "expired"
    return "given_back" if parts_of(each.about)[0] == CREDIT_MEMO else "used"


def _row(firm: FirmAtMoment, key: tuple[str, ...], sums: dict[str, Amount]) -> GlanceRow:
    client, contract_id, project_id, entity_id, kind, currency, ledger_currency, account = key
    cells: dict[str, Cell] = {
        "client": client or None,
        "client_name": firm.client_name(client) or None,
        "contract": contract_id or None,
        "project": project_id or None,
        "company": entity_id,
        "kind": kind,
        "currency": currency,
        **{name: sums[name] for name in (BEFORE, *MOVES)},
        "left": sums[BEFORE] + sums[GRANTED] - sums["used"] - sums["expired"] - sums["given_back"],
        "ledger_currency": ledger_currency,
        "in_ledger": sums[LEDGER],
    }
    period = firm.last_period.get(entity_id)
    balance = "deposit" if account == CUSTOMER_DEPOSIT else "contract_position"
    return GlanceRow(cells, {"left": (f"{entity_id}/{period}/{balance}/{contract_id or '-'}/{currency}#closing",)})


def _figure(row: GlanceRow) -> TableFigure:
    company, currency = str(row.cells["company"]), str(row.cells["ledger_currency"])
    return TableFigure("prepaid", company, currency, -row.amount("in_ledger"))


def _totals(rows: list[GlanceRow]) -> list[GlanceRow]:
    return summed(
        rows,
        SUMMED,
        ("currency", "kind"),
        {"client": "total"},
    )
