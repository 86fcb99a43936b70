"""Books of events that are told as in a scenario (docs/scenarios.md), for tests that ask what holds whatever the figures are."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.events.finance import InvoicePosted
from domain.outputs import BillingStatement, JournalEntry
from tests.folding import MEMORY_DISK
from tests.harness import Books
from tests.scenario_events import Teller
from tests.scenario_text import read_scenarios


@contextmanager
def told(lines: Iterable[str], *, reopens: bool = False) -> Iterator[Books]:
    """Lines without a date are told on the day before the first event; the store may be closed and opened after each."""
    with TemporaryDirectory(dir=MEMORY_DISK) as name:
        folder = Path(name)
        page = folder / "told.md"
        page.write_text("\n".join(("## told", "```", *lines, "```", "")), encoding="utf-8")
        (scenario,) = read_scenarios(page)
        books, teller = Books(folder if reopens else None), Teller({})
        first = min(step.when for step in scenario.steps if step.when is not None)
        for step in scenario.steps:
            now = datetime.fromisoformat(f"{step.when or first}T12:00").replace(tzinfo=UTC)
            if step.words == ("day", "ended"):
                books.end_day(now.date())
            else:
                books.fold(teller.event(step, now if step.when else now - timedelta(days=1)))
            if reopens:
                books.reopen()
        yield books
        books.close()


def invoiced(books: Books, on: date) -> None:
    """The ERP posts every statement that is issued, as it is in its newest revision."""
    noon = int(datetime(on.year, on.month, on.day, 12, tzinfo=UTC).timestamp()) * 1_000_000
    issued = {one.statement_id: one for one in statements(books) if one.status == "issued"}
    for number, statement in enumerate(issued.values()):
        books.fold(
            InvoicePosted(
                event_id=f"i-{number}",
                occurred_at=noon,
                source="erp",
                statement_id=statement.statement_id,
                invoice_id=f"INV-{number}",
                posted_on=on,
                amount=statement.amount_due,
            )
        )


def all_approved(lines: Sequence[str], months: Iterable[int]) -> list[str]:
    """Whatever waits in these months of 2026 is approved in its newest revision; cuts at their ends bill what the drafts have left.

    A revision that comes of that is approved as well.
    """
    found = list(lines)
    for month in months:
        with told(found) as books:
            newest = newest_statements(books)
        for draft in (one for one in newest if one.status == "open"):
            name = draft.statement_id.partition(".")[2]
            revisions = range(draft.revision, draft.revision + 8)
            found += [f"2026-{month:02}-03 approve {name} revision {number} carol" for number in revisions]
        found.append(f"2026-{month:02}-{monthrange(2026, month)[1]} day ended")
    return found


def statements(books: Books) -> list[BillingStatement]:
    return [one.record for one in books.folded if isinstance(one.record, BillingStatement)]


def newest_statements(books: Books) -> list[BillingStatement]:
    """Each in its newest revision."""
    return list({one.statement_id: one for one in statements(books)}.values())


def balances(books: Books, currency: str | None = None) -> dict[str, int]:
    """By account, credit negative, without those at zero; of all journals, or of those in the currency."""
    found: Counter[str] = Counter()
    for one in books.folded:
        if isinstance(one.record, JournalEntry) and currency in (None, one.record.currency):
            for line in one.record.lines:
                found[line.account] += line.amount
    return {account: amount for account, amount in found.items() if amount}


def ledger_balances(books: Books, currency: str) -> dict[str, int]:
    """In ledger currency, of the journals of that ledger."""
    found: Counter[str] = Counter()
    for one in books.folded:
        if isinstance(one.record, JournalEntry) and one.record.ledger_currency == currency:
            for line in one.record.lines:
                found[line.account] += line.ledger_amount
    return {account: amount for account, amount in found.items() if amount}
