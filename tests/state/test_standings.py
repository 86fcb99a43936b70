"""Where journals stand in the ERP, as the store keeps it: what the scenarios of postings do not show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from domain.events.finance import PostingAccepted, PostingRejected
from domain.outputs import JournalEntry, ProjectView
from state.books import JournalStanding
from state.store.snapshot import JOURNAL_FIELDS
from tests.harness import ENGAGEMENT, Books
from tests.told import told

FIRM = [
    "entity LE USD America/New_York",
    "customer C",
    "person bob consultant of LE",
    "cost person bob 100.00 USD",
    "project P of LE",
    "contract K C LE USD",
    "  line L P",
    "    rate 200.00",
]
WORK = "2026-06-03  time T-1 bob 8 h"


@pytest.fixture
def books() -> Iterator[Books]:
    """Of 8 h, one journal with debits of 800.00 and 1,600.00."""
    with told([*FIRM, WORK]) as found:
        yield found


def journal_of(books: Books) -> str:
    return next(one.journal_id for _, one in books.folded if isinstance(one, JournalEntry))


def standing(books: Books) -> JournalStanding:
    store = books.shard.store
    found = store.journal(store.engagement(ENGAGEMENT).no, journal_of(books))
    assert found is not None
    return found


def accepted(books: Books, reference: str, attempt: int = 1) -> PostingAccepted:
    return PostingAccepted(
        event_id=f"{reference}-{attempt}",
        occurred_at=books.now + 1,
        source="books",
        erp="books",
        attempt=attempt,
        erp_reference=reference,
        posted_on=date(2026, 7, 1),
        journal_id=journal_of(books),
        period="2026-07",
    )


def rejected(books: Books, attempt: int = 1) -> PostingRejected:
    return PostingRejected(
        event_id=f"no-{attempt}",
        occurred_at=books.now + 1,
        source="books",
        erp="books",
        attempt=attempt,
        code="INVALID",
        message="There is no account 58.",
        journal_id=journal_of(books),
    )


def test_the_lines_are_kept_until_the_journal_is_posted(books: Books) -> None:
    assert standing(books).record is not None
    books.fold(rejected(books))
    kept = standing(books).record
    assert kept is not None
    assert kept.journal_id == journal_of(books)
    books.fold(accepted(books, "JE-1", 2))
    assert standing(books).record is None


def test_the_day_and_the_period_of_the_erp_are_kept(books: Books) -> None:
    books.fold(accepted(books, "JE-1"))
    stands = standing(books)
    assert (stands.posted, stands.posted_on, stands.period) == (("books JE-1",), date(2026, 7, 1), "2026-07")


def test_all_of_a_journal_is_kept() -> None:
    """Who adds a field to journals raises the store's form with it."""
    assert len(JournalEntry._fields) == JOURNAL_FIELDS


def test_the_words_of_the_erp_are_kept(books: Books) -> None:
    books.fold(rejected(books, 3))
    stands = standing(books)
    assert (stands.attempt, stands.code, stands.message) == (3, "INVALID", "There is no account 58.")


def test_a_view_counts_journals_by_where_they_stand() -> None:
    """8 h are debits of 800.00 and 1,600.00, 4 h half of it."""
    with told([*FIRM, WORK, "2026-06-03  time T-2 bob 4 h"]) as books:
        books.fold(accepted(books, "JE-1"))
        views = [one for one in books.end_day(date(2026, 6, 3)) if isinstance(one, ProjectView)]
        assert [tuple(one) for one in views[-1].postings] == [
            ("posted", "USD", 1, 24_000_000),
            ("to_send", "USD", 1, 12_000_000),
        ]
