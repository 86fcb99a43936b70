"""Each day's end says what was posted so far, of every company of the zone, so that its day is known to be closed."""

from datetime import date

from domain.outputs import ControlTotals
from tests.harness import Books
from tests.intake_inputs import entity


def test_a_company_that_posted_nothing_closes_its_day_with_zeros() -> None:
    """In its ledger currency; a company of another zone has its own midnight."""
    books = Books()
    books.fold(
        entity("2026-03-02 09:00", "Europe/Berlin", "DE")._replace(currency="USD"),
        entity("2026-03-02 09:00", "America/New_York", "US"),
        entity("2026-03-02 09:00", "Europe/Berlin", "AT"),
    )
    marks = [mark for mark in books.end_day(date(2026, 3, 2)) if isinstance(mark, ControlTotals)]
    books.close()
    assert [mark[:6] for mark in marks] == [
        (date(2026, 3, 2), "AT", "EUR", 0, 0, 0),
        (date(2026, 3, 2), "DE", "USD", 0, 0, 0),
        (date(2026, 3, 2), "US", "EUR", 0, 0, 0),
    ]
    assert [mark.last_output_seq for mark in marks] == [-1, 0, 1]


def test_a_mark_says_how_many_there_are_and_which_period_is_over() -> None:
    books = Books()
    books.fold(entity("2026-03-02 09:00", "Europe/Berlin", "DE"))
    marks = [mark for mark in books.end_day(date(2026, 3, 31)) if isinstance(mark, ControlTotals)]
    books.close()
    assert {mark.currencies for mark in marks} == {1}
    assert [mark.period_ended for mark in marks] == ["2026-02"] * 29 + ["2026-03"]
