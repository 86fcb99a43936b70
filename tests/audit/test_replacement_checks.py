"""Journals that an ERP never accepted: an audit finds a replacement or a memo that is not what it must be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from domain.audit.reversals import reversals_mirror
from domain.outputs import JournalEntry
from tests.audited import engagement_of
from tests.properties.test_standings import FIRM, FIRST, Answer, event_of
from tests.told import told

Change = Callable[[JournalEntry], JournalEntry]


def found(change: Change) -> list[str]:
    """What an audit finds once every journal is changed; the first of May is replaced by one of June."""
    with told(FIRM) as books:
        books.fold(event_of(books, FIRST, Answer("period", 1, 1)))
        engagement = engagement_of(books)
    outputs = tuple(
        one._replace(record=change(one.record)) if isinstance(one.record, JournalEntry) else one
        for one in engagement.outputs
    )
    return [each.expected for each in reversals_mirror(engagement._replace(outputs=outputs)).violations]


def halved(journal: JournalEntry) -> JournalEntry:
    if journal.replaces is None:
        return journal
    lines = (line._replace(amount=line.amount // 2, ledger_amount=line.ledger_amount // 2) for line in journal.lines)
    return journal._replace(lines=tuple(lines))


def on_the_same_day(journal: JournalEntry) -> JournalEntry:
    return journal._replace(accounting_date=date(2026, 5, 4))


def of_nothing(journal: JournalEntry) -> JournalEntry:
    return journal._replace(replaces="E.nothing") if journal.replaces is not None else journal


def memo_that_is_sent(journal: JournalEntry) -> JournalEntry:
    return journal._replace(deliver=journal.kind == "reversal")


def test_what_the_fold_makes_holds() -> None:
    assert found(lambda journal: journal) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (halved, f"the lines of {FIRST}, later than 2026-05-04"),
        (on_the_same_day, f"the lines of {FIRST}, later than 2026-05-04"),
        (of_nothing, "a journal E.nothing that it replaces"),
        (memo_that_is_sent, f"deliver False of {FIRST}"),
    ],
)
def test_what_is_not_as_it_must_be_is_found(change: Change, expected: str) -> None:
    assert found(change) == [expected]
