"""The books' sums against their rows, and the rows against the journals that were written."""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from domain.audit.entries import EntryAccount
from domain.events.delivery import TimeApproved
from domain.ledger.journal import Leg
from state.book_checks import EngagementBooks, books_agree
from state.books import Entry, Issued, LineTotals, Posted, Price, Work
from state.totals import unbilled_positions

DAY = date(2026, 1, 5)
TOTALS = LineTotals("P", hours=8_000_000, value=800_0000, recognised=800_0000, billable=800_0000, by_hours=800_0000)


def entry(ledger: int = 720_0000, amount: int = 800_0000) -> Entry:
    event = TimeApproved(
        event_id="e",
        occurred_at=0,
        source="test",
        entry_id="T",
        version=1,
        project_id="P",
        person_id="ADA",
        approved_by="BEN",
    )
    price = Price("K", "L", "USD", DAY, 0, "", 100_000_000, 0, "", 8_000_000, 800_0000, 0, 800_0000, 800_0000, 800_0000)
    accrued = journal(Leg("1150", "revenue", amount, ledger), Leg("4000", "revenue", -amount, -ledger))
    return Entry("T", 1, Work(event, 0, None, price, (accrued,)))


def journal(*legs: Leg) -> Posted:
    return Posted("j", "posting", "LE", "USD", "EUR", 9 * 10**11, DAY, "2026-01", DAY, 0, True, legs, "K")


def written(amount: int, ledger: int) -> dict[tuple[str, str], EntryAccount]:
    return {("K", "T"): EntryAccount("USD", {"1150": [amount, ledger]})}


def wrong(row: Entry, totals: LineTotals, said: dict[tuple[str, str], EntryAccount]) -> list[tuple[str, str, str]]:
    books = EngagementBooks("E", {("line", "K/L"): totals}, [row])
    return [(each.subject, each.expected, each.found) for each in books_agree(books, said).violations]


def test_books_that_agree() -> None:
    assert wrong(entry(), TOTALS, written(800_0000, 720_0000)) == []


def test_a_sum_that_is_not_that_of_its_rows() -> None:
    low = replace(TOTALS, recognised=799_0000)
    assert wrong(entry(), low, written(800_0000, 720_0000)) == [
        ("contract line K/L, recognised", "8000000, the sum of its entries", "7990000")
    ]


def test_a_row_that_is_not_what_was_written() -> None:
    (found,) = wrong(entry(), TOTALS, written(800_0000, 721_0000))
    assert found[0] == "entry T, unbilled"


def test_a_rest_in_the_ledger_where_nothing_is_unbilled() -> None:
    (found,) = wrong(entry(ledger=100, amount=0), TOTALS, written(0, 100))
    subject = "entry T, account 1150 of contract K"
    assert found == (subject, "0 in the ledger, as in contract currency", "0.01")


def test_each_contract_and_account_is_looked_at_by_itself() -> None:
    """800.00 are accrued on K and were invoiced on another contract, which has not that much to give: neither is zero by the other."""
    moved = replace(entry(), issued=(Issued("B", "M", 0, 0, DAY, 800_0000, 720_0000, account="1160"),))
    assert unbilled_positions(moved) == {("K", "1150"): (800_0000, 720_0000), ("B", "1160"): (-800_0000, -720_0000)}
    settled = replace(entry(ledger=100, amount=0), rests=(journal(Leg("1150", "exchange_difference", 0, -100)),))
    assert unbilled_positions(settled) == {("K", "1150"): (0, 0)}
    assert wrong(settled, TOTALS, written(0, 0)) == []
