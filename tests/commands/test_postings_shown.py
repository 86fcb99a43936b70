"""What a project's view and an explanation say of where its journals stand in the ERP."""

from __future__ import annotations

from datetime import date

from connectors.files.lookup import Viewed
from domain.outputs import JournalEntry, ProjectView
from milepost.funds_shown import postings
from tests.explained import explainer_of
from tests.harness import ENGAGEMENT, Books
from tests.properties.test_standings import FIRM, Answer, event_of, journals
from tests.told import told

WORK = [*FIRM, "2026-05-05 time T-1 bob 8 h", "2026-05-05 time T-2 bob 4 h"]


def viewed(books: Books) -> Viewed:
    books.end_day(date(2026, 6, 30))
    return Viewed(*next(one for one in reversed(books.folded) if isinstance(one.record, ProjectView)))  # type: ignore[arg-type]  # a view


def test_journals_are_counted_by_where_they_stand() -> None:
    """1 h, 8 h and 4 h are debits of 300.00, 2,400.00 and 1,200.00."""
    with told(WORK) as books:
        first, second, _ = journals(books)
        books.fold(event_of(books, first.journal_id, Answer("posted", 1, 1)))
        books.fold(event_of(books, second.journal_id, Answer("period", 1, 1)))
        (table,) = postings([viewed(books)])
    assert table.rows == [
        ("posted", "USD", "1", "300.00"),
        ("replaced", "USD", "1", "2,400.00"),
        ("to send", "USD", "2", "3,600.00"),
    ]


def test_where_no_erp_answers_nothing_is_shown() -> None:
    with told(WORK) as books:
        assert postings([viewed(books)]) == []


def test_a_journal_is_explained_with_the_words_of_the_erp() -> None:
    with told(WORK) as books:
        first, second, third = journals(books)
        books.fold(event_of(books, first.journal_id, Answer("posted", 2, 1)))
        books.fold(event_of(books, second.journal_id, Answer("data", 1, 1)))
        explainer = explainer_of(books, ENGAGEMENT)
        posted, rejected, waiting = (explainer.explain(one.journal_id) for one in (first, second, third))
    assert posted is not None
    assert rejected is not None
    assert waiting is not None
    assert posted.facts[-4:] == (
        ("in the ERP", "posted"),
        ("answered by", "books, attempt 2"),
        ("the ERP's number", "books JE-1"),
        ("posted there on", "2026-05-30"),
    )
    assert rejected.facts[-3:] == (
        ("in the ERP", "rejected"),
        ("answered by", "books, attempt 1"),
        ("the ERP says", "E1 scenario"),
    )
    assert "in the ERP" not in dict(waiting.facts)


def test_only_what_is_known_of_an_answer_is_said() -> None:
    """T-1 is taken back before the ERP has it, so that nobody ever answers for the reversal; another is posted by hand, in no attempt."""
    with told([*WORK, "2026-05-06 withdraw T-1"]) as books:
        first, second, _, reversal = journals(books)
        books.fold(event_of(books, first.journal_id, Answer("posted", 0, 1)))
        books.fold(event_of(books, second.journal_id, Answer("data", 1, 1)))
        explainer = explainer_of(books, ENGAGEMENT)
        withdrawn, posted = (explainer.explain(one.journal_id) for one in (reversal, first))
    assert reversal.reverses == second.journal_id
    assert withdrawn is not None
    assert posted is not None
    assert withdrawn.facts[-1] == ("in the ERP", "withdrawn")
    assert dict(posted.facts)["answered by"] == "books"


def test_a_replacement_is_explained_by_what_it_replaces() -> None:
    with told(WORK) as books:
        first = journals(books)[0]
        books.fold(event_of(books, first.journal_id, Answer("period", 1, 1)))
        again = next(one for one in journals(books) if one.replaces == first.journal_id)
        explainer = explainer_of(books, ENGAGEMENT)
        node, line = explainer.explain(again.journal_id), explainer.explain(f"{again.journal_id}#1")
    assert isinstance(again, JournalEntry)
    assert node is not None
    assert line is not None
    assert f"replaces journal {first.journal_id}" in [one.title for one in node.why]
    assert [one.rule for one in line.why] == ["R48", "R48"]
