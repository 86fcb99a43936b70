"""When the ledger of a simulated ERP counts as ours."""

from __future__ import annotations

from domain.delivery.ledgers import LedgerEntry, LedgerLine
from domain.units import AMOUNT_ONE
from simulation.endurance.verdict import Books, faults
from tests.domain.delivery.journals import journal, line

JOURNAL = journal("J-1", [line("1160", 100, 116), line("4000", -100, -116)], currency="GBP")
DAY = JOURNAL.accounting_date.isoformat()


def of(currency: str, units: int) -> dict[tuple[str, ...], int]:
    return {(currency, "1160", DAY): units * AMOUNT_ONE, (currency, "4000", DAY): -units * AMOUNT_ONE}


def test_an_erp_that_keeps_the_ledger_currency_alone_is_compared_in_it() -> None:
    """100.00 GBP at 1.16 stand there as 116.00 EUR."""
    ours = Books({"MPJ1": JOURNAL}, of("GBP", 100), of("EUR", 116))
    lines = tuple(LedgerLine(each.account, each.ledger_amount, each.ledger_amount) for each in JOURNAL.lines)
    entry = LedgerEntry("MPJ1", "1", JOURNAL.accounting_date, "2026-06", "EUR", is_posted=True, lines=lines)
    assert list(faults(ours, [entry._replace(is_in_ledger_currency=True)])) == []
    assert f"balance of EUR 1160 {DAY}: 0.00, in the ERP 116.00" in list(faults(ours, [entry]))
