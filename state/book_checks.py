"""Whether the books of an engagement are what its entries say: sums against rows, rows against what was posted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from domain.accounts import UNBILLED
from domain.audit.entries import EntryAccount, EntryKey
from domain.audit.findings import BOOKS, Checked, Violation
from domain.identity import composed
from domain.money import format_amount
from domain.units import Amount
from domain.work.rows import named
from state.books import Entry, LineTotals
from state.draft import PartKey
from state.totals import add_issued, add_price, in_project, standing_price, unbilled_positions

SUMMED = (
    "hours",
    "value",
    "recognised",
    "billable",
    "over",
    "written_off",
    "issued",
    "invoiced",
    "by_hours",
    "by_terms",
    "funded",
)


class EngagementBooks(NamedTuple):
    """Parts and rows as the store has them."""

    engagement_id: str
    parts: Mapping[PartKey, Any]
    rows: Iterable[Entry]


def books_agree(books: EngagementBooks, by_journals: Mapping[EntryKey, EntryAccount]) -> Checked:
    """`by_journals` are the entries' accounts by the journals that were written."""
    posted = _posted(by_journals)
    totals = {part_id: part for (kind, part_id), part in books.parts.items() if kind == "line"}
    lines: dict[str, LineTotals] = {key: LineTotals(part.project_id) for key, part in totals.items()}
    found: list[Violation] = []
    count = 0
    for entry in books.rows:
        count += 1
        found += _entry(entry, posted)
        _add(lines, entry)
    for key in sorted(lines):
        count += 1
        has = totals.get(key, LineTotals(""))
        for place in ("", *sorted({*has.elsewhere, *lines[key].elsewhere})):
            parts = [in_project(one, place) if place else one for one in (has, lines[key])]
            found += _line(f"{key} in {place}" if place else key, *parts)
    return Checked(BOOKS, count, tuple(found))


def _add(lines: dict[str, LineTotals], entry: Entry) -> None:
    work, price = entry.standing, standing_price(entry)
    if work is not None and price is not None and price.line_id:
        key = composed(price.contract_id, price.line_id)
        lines[key] = add_price(lines.get(key, LineTotals("")), price, 1, work.earns_in)
    for issued in entry.issued:
        key = composed(issued.contract_id, issued.line_id)
        lines[key] = add_issued(lines.get(key, LineTotals("")), issued, 1, named(entry.entry_id)[0])


def _posted(by_journals: Mapping[EntryKey, EntryAccount]) -> dict[str, tuple[Amount, Amount]]:
    """On 1150 and 1160 by entry, in contract and in ledger currency."""
    sums: dict[str, tuple[Amount, Amount]] = {}
    for (_, entry_id), account in by_journals.items():
        amount, ledger = sums.get(entry_id, (0, 0))
        for posted, posted_ledger in account.accrued.values():
            amount, ledger = amount + posted, ledger + posted_ledger
        sums[entry_id] = (amount, ledger)
    return sums


def _entry(entry: Entry, posted: Mapping[str, tuple[Amount, Amount]]) -> Iterator[Violation]:
    unbilled = unbilled_positions(entry)
    still_open = {contract_id for (contract_id, _), (amount, _) in unbilled.items() if amount}
    for (contract_id, account), (_, rest) in unbilled.items():
        if rest and contract_id not in still_open:
            subject = f"entry {entry.entry_id}, account {account} of contract {contract_id}"
            yield _wrong(subject, "0 in the ledger, as in contract currency", format_amount(rest))
    work = entry.standing
    journals = (*(work.journals if work else ()), *entry.rests)
    lines = [line for journal in journals for line in journal.lines if line.account in UNBILLED]
    standing = (sum(line.amount for line in lines), sum(line.ledger_amount for line in lines))
    said = posted.get(entry.entry_id, (0, 0))
    if standing != said:
        expected = f"{format_amount(said[0])} and {format_amount(said[1])} in the ledger by its journals"
        found = f"{format_amount(standing[0])} and {format_amount(standing[1])}"
        yield _wrong(f"entry {entry.entry_id}, unbilled", expected, found)


def _line(key: str, totals: LineTotals, summed: LineTotals) -> Iterator[Violation]:
    for name in SUMMED:
        expected, found = getattr(summed, name), getattr(totals, name)
        if expected != found:
            yield _wrong(f"contract line {key}, {name}", f"{expected}, the sum of its entries", str(found))


def _wrong(subject: str, expected: str, found: str) -> Violation:
    return Violation(BOOKS, "", None, subject, expected, found)
