"""Exceptions without an end: counted in one, told now and then, and a bounded list in the view of the project."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Any

import pytest

from dataflows.embedded import ENCODERS, decode_event
from domain.events.catalogue import Event
from domain.events.common import Cap
from domain.events.control import ExceptionAssigned, IntakeNoticed
from domain.events.delivery import TimeWithdrawn
from domain.events.finance import PostingAccepted
from domain.events.reference import AccountingPeriodClosed, CustomerDefined
from domain.money import parse_amount
from domain.outputs import ExceptionClosed, ExceptionRaised, ProjectView
from state.batch import OutputProgress
from state.genesis import Genesis
from state.rules import RULES
from state.shard import Shard
from state.store.store import Store
from tests.folding import GENERATION, IN_MEMORY, Logged, fold_on, log_records
from tests.harness import Books
from tests.state.test_forecast_handler import activated, entity, event, line, people, signed, time

_numbers: Iterator[int] = count(1)


@pytest.fixture
def books() -> Iterator[Books]:
    """A project under a contract at 150 an hour."""
    found = Books()
    found.fold(entity(), *people(), activated(), signed(line(cap=Cap("hard", parse_amount("1000.00")))))
    found.end_day(date(2026, 3, 1))
    yield found
    found.close()


def answered(when: str = "2026-03-02T10:00", journal_id: str | None = None) -> Any:
    """Of a journal that these books have never sent."""
    fields = {"erp": "netsuite", "attempt": 1, "erp_reference": "JE-1", "posted_on": date(2026, 3, 2)}
    return event(PostingAccepted, when, **fields, journal_id=journal_id or f"J-{next(_numbers)}")


def raised(outputs: list[Any]) -> list[ExceptionRaised]:
    return [output for output in outputs if isinstance(output, ExceptionRaised)]


def closed(outputs: list[Any]) -> list[ExceptionClosed]:
    return [output for output in outputs if isinstance(output, ExceptionClosed)]


def view_of(outputs: list[Any]) -> ProjectView:
    return [output for output in outputs if isinstance(output, ProjectView)][-1]


def test_ten_thousand_facts_that_nothing_follows_from_are_one_exception(books: Books) -> None:
    """The first one is published at once, all 10,001 when the day ends."""
    (first,) = raised(books.fold(*(answered() for _ in range(10_001))))
    assert (first.category, first.subject_kind, first.subject_id) == ("unknown_reference", "posting", "netsuite")
    assert (first.blocks_count, first.revision) == (1, 1)
    (all_of_them,) = raised(books.end_day(date(2026, 3, 2)))
    assert (all_of_them.exception_id, all_of_them.revision) == (first.exception_id, 2)
    assert all_of_them.blocks_count == 10_001
    assert len(all_of_them.entries) == 100
    assert raised(books.end_day(date(2026, 3, 3))) == []


def test_a_repeat_is_counted_once(books: Books) -> None:
    books.fold(answered(journal_id="A"), answered(journal_id="A"), answered())
    (told,) = raised(books.end_day(date(2026, 3, 2)))
    assert told.blocks_count == 2


def test_the_view_lists_the_gravest_and_counts_all(books: Books) -> None:
    """250 conflicts (errors), and the project without an estimate (a remark), which the list has no room for."""
    work: list[Any] = [time(f"T-{number}", "2026-03-02", 1) for number in range(250)]
    books.fold(*work, *(one._replace(hours=one.hours + 1) for one in work))
    view = view_of(books.end_day(date(2026, 3, 2)))
    assert len(view.open_exceptions) == 200
    assert view.open_exception_count == 252
    assert {one.category for one in view.open_exceptions} == {"conflicting_version"}


def test_what_is_over_a_cap_is_in_the_view(books: Books) -> None:
    """Ten hours are 1,500.00, of which the cap lets 1,000.00 pass."""
    books.fold(time("T-1", "2026-03-02", 10))
    view = view_of(books.end_day(date(2026, 3, 2)))
    (over,) = [one for one in view.open_exceptions if one.category == "over_cap"]
    assert (over.amount, over.currency, over.blocks_count, over.assignee) == (parse_amount("500.00"), "EUR", 1, None)
    books.fold(
        event(
            ExceptionAssigned,
            "2026-03-03T09:00",
            exception_id=over.exception_id,
            version=1,
            assignee="ann",
            requested_by="ben",
        )
    )
    view = view_of(books.end_day(date(2026, 3, 3)))
    assert [one.assignee for one in view.open_exceptions if one.category == "over_cap"] == ["ann"]
    books.fold(event(TimeWithdrawn, "2026-03-04T09:00", entry_id="T-1", version=2))
    view = view_of(books.end_day(date(2026, 3, 4)))
    assert "over_cap" not in {one.category for one in view.open_exceptions}


def test_what_a_parked_entry_is_worth_is_in_the_view(books: Books) -> None:
    """30 hours at 150.00."""
    books.fold(time("T-1", "2026-03-02", 30))
    view = view_of(books.end_day(date(2026, 3, 2)))
    (wrong,) = [one for one in view.open_exceptions if one.category == "hours_out_of_range"]
    assert (wrong.amount, wrong.currency, wrong.entries) == (parse_amount("4500.00"), "EUR", ("T-1",))


def test_hours_that_no_amount_can_hold_stop_nothing(books: Books) -> None:
    (wrong,) = raised(books.fold(time("T-1", "2026-03-02", 7 * 10**11)))
    assert (wrong.category, wrong.blocks_amount, wrong.blocks_basis) == ("hours_out_of_range", 0, None)
    books.end_day(date(2026, 3, 2))


def noticed(when: str, number: int = 1, *, cleared: bool = False) -> Event:
    made: Event = event(
        IntakeNoticed,
        when,
        category="unrouted",
        subject="P-9",
        subject_kind="project",
        project_id="P-9",
        engagement_id="P-9",
        place=f"line {when}",
        event_count=number,
        cleared=cleared,
    )
    return made


def test_what_waits_for_its_project_is_counted(books: Books) -> None:
    """The same count again says nothing new."""
    (first,) = raised(books.fold(noticed("2026-03-02T09:00")))
    assert (first.project_id, first.blocks_count, first.revision) == ("P-9", 1, 1)
    (second,) = raised(books.fold(noticed("2026-03-03T00:00", 7), noticed("2026-03-04T00:00", 7)))
    assert (second.exception_id, second.blocks_count, second.revision) == (first.exception_id, 7, 2)
    (closed,) = books.fold(noticed("2026-03-05T09:00", cleared=True))
    assert isinstance(closed, ExceptionClosed)
    assert closed.exception_id == first.exception_id


def test_what_is_refused_of_reference_data_is_spoken_of_as_it_came_last(books: Books) -> None:
    """Corrected in vain it says the newest fault; two contents of one version are settled by a higher one alone."""

    def customer(when: str, version: int, days: int) -> Any:
        return event(CustomerDefined, when, customer_id="C2", version=version, name="C2", payment_terms_days=days)

    (first,) = raised(books.fold(customer("2026-03-02T10:00", 1, -1)))
    (second,) = raised(books.fold(customer("2026-03-02T11:00", 1, -2)))
    assert (first.category, second.category) == ("invalid_terms", "invalid_terms")
    assert ("-1" in first.message, "-2" in second.message, second.revision) == (True, True, 2)
    assert [one.exception_id for one in closed(books.fold(customer("2026-03-02T12:00", 1, 30)))] == [first.exception_id]
    (conflict,) = raised(books.fold(customer("2026-03-03T10:00", 1, 31)))
    assert conflict.category == "conflicting_version"
    assert closed(books.fold(customer("2026-03-03T11:00", 1, 30))) == []
    assert [one.reason for one in closed(books.fold(customer("2026-03-03T12:00", 2, 31)))] == ["superseded"]


@pytest.mark.parametrize(("number", "said"), [(0, ["ExceptionRaised", "ExceptionClosed"]), (1, [])])
def test_one_of_two_shards_says_that_a_company_is_unknown(number: int, said: list[str]) -> None:
    """Both get the record and keep it: the period counts in each once the company is defined."""
    people = {"requested_by": "ann", "approved_by": "ben"}
    period = event(
        AccountingPeriodClosed, "2026-03-01T09:00", legal_entity_id="LE", period="2026-02", version=1, **people
    )
    genesis = Genesis(GENERATION, number, 2, rules=RULES)
    shard = Shard(Store(IN_MEMORY, GENERATION, number), ENCODERS, genesis, OutputProgress(), decode_event)
    made = fold_on(shard, log_records([Logged("", period), Logged("", entity())]))
    assert [one.type_name for one in made] == said
    assert shard.reference.closed_periods("LE") == {"2026-02"}
    if made:
        assert made[0].record.message == (
            "expected a company that is defined, got LE; until it is, nothing follows from closing its period 2026-02"
        )
    shard.store.close()
