"""Forecast updates and project views, by hand: what is told, when, and why it changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import (
    BillingCycle,
    BillRate,
    Cap,
    ContractLine,
    Deposit,
    FiscalCalendar,
    FixedPrice,
    ForecastThreshold,
    HoldScope,
    LineRate,
    PlannedHours,
    Policies,
    ProjectBudget,
    RemainingWork,
    ScheduledAmount,
    SharedCap,
    Subscription,
    TimeAndMaterials,
)
from domain.events.delivery import (
    BillingHoldPlaced,
    EstimateRevised,
    ExpenseApproved,
    ExpenseWithdrawn,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    TimeApproved,
    TimeWithdrawn,
)
from domain.events.finance import InvoicePosted
from domain.events.reference import CostRateSet, CustomerDefined, ExchangeRateSet, LegalEntityDefined, PersonDefined
from domain.money import parse_amount
from domain.outputs import (
    BillingStatement,
    ExceptionClosed,
    ExceptionRaised,
    ForecastDelta,
    ForecastUpdate,
    JournalEntry,
    ProjectView,
)
from domain.units import EXCHANGE_RATE_ONE, HOURS_ONE, RATE_ONE
from tests.harness import Books
from tests.told import told as books_of

_numbers: Iterator[int] = count(1)
PRICE = FixedPrice(parse_amount("10000"), (ScheduledAmount(date(2026, 6, 30), parse_amount("10000")),))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def event(kind: type[Any], when: str, **fields: Any) -> Any:
    return kind(event_id=f"e-{next(_numbers)}", occurred_at=at(when), source="test", **fields)


def entity(currency: str = "EUR", policies: Policies | None = None) -> Event:
    fields = {} if policies is None else {"policies": policies}
    made: Event = event(
        LegalEntityDefined,
        "2026-01-01T00:00",
        legal_entity_id="LE",
        version=1,
        name="Firm",
        currency=currency,
        zone="Europe/Berlin",
        fiscal_calendar=FiscalCalendar("calendar_month"),
        **fields,
    )
    return made


def people(cost: int = 100, currency: str = "EUR") -> list[Event]:
    """P-1 and P-2 cost 100 an hour; the customer pays 45 days after the bill."""
    made: list[Event] = [
        event(CustomerDefined, "2026-01-01T00:00", customer_id="C", version=1, name="Customer", payment_terms_days=45)
    ]
    for person_id in ("P-1", "P-2"):
        made.append(
            event(
                PersonDefined,
                "2026-01-01T00:00",
                person_id=person_id,
                version=1,
                legal_entity_id="LE",
                role="consultant",
                cost_center="10",
            )
        )
        made.append(
            event(
                CostRateSet,
                "2026-01-01T00:00",
                cost_rate_id=f"R-{person_id}",
                version=1,
                currency=currency,
                rate=cost * RATE_ONE,
                effective_from=date(2020, 1, 1),
                person_id=person_id,
            )
        )
    return made


def line(
    line_id: str = "L", rate: int = 150, project_id: str = "PR", cap: Cap | None = None, **fields: Any
) -> ContractLine:
    return ContractLine(line_id, project_id, TimeAndMaterials(rates=(LineRate(rate * RATE_ONE),), cap=cap), **fields)


def signed(*lines: ContractLine, currency: str = "EUR", when: str = "2026-03-01T10:00", **fields: Any) -> Event:
    made: Event = event(
        ContractSigned,
        when,
        version=1,
        customer_id="C",
        legal_entity_id="LE",
        currency=currency,
        signed_on=date(2026, 3, 1),
        lines=lines or (line(),),
        **{"contract_id": "K", "starts_on": date(2026, 3, 1), **fields},
    )
    return made


def activated(cost: str | None = None, project_id: str = "PR", **budget: Any) -> Event:
    made: Event = event(
        ProjectActivated,
        "2026-03-01T09:00",
        project_id=project_id,
        version=1,
        name="Migration",
        legal_entity_id="LE",
        starts_on=budget.pop("starts_on", date(2026, 3, 1)),
        ends_on=date(2026, 6, 30),
        budget=ProjectBudget(cost=parse_amount(cost), **budget) if cost is not None else None,
    )
    return made


def time(entry_id: str, day: str, hours: int, **fields: Any) -> Event:
    """Recorded in the evening of the day unless `when` says otherwise."""
    made: Event = event(
        TimeApproved,
        fields.pop("when", f"{day}T18:00"),
        entry_id=entry_id,
        version=fields.pop("version", 1),
        project_id=fields.pop("project_id", "PR"),
        person_id=fields.pop("person_id", "P-1"),
        approved_by="B",
        worked_on=date.fromisoformat(day),
        hours=hours * HOURS_ONE,
        **fields,
    )
    return made


def spent(expense_id: str, day: str, amount: str, line_id: str) -> Event:
    made: Event = event(
        ExpenseApproved,
        f"{day}T18:00",
        expense_id=expense_id,
        version=1,
        project_id="PR",
        category="travel",
        amount=parse_amount(amount),
        currency="EUR",
        spent_on=date.fromisoformat(day),
        person_id="P-1",
        approved_by="B",
        line_id=line_id,
    )
    return made


def remaining(
    month: str, hours: int, cost: str, revenue: str | None = None, category: str | None = None
) -> RemainingWork:
    earned = parse_amount(revenue) if revenue is not None else None
    return RemainingWork(month, hours * HOURS_ONE, parse_amount(cost), earned, category)


def estimate(version: int, as_of: str, *works: RemainingWork, when: str | None = None, **fields: Any) -> Event:
    made: Event = event(
        EstimateRevised,
        when or f"{as_of}T20:00",
        project_id="PR",
        version=version,
        as_of=date.fromisoformat(as_of),
        remaining=works,
        **fields,
    )
    return made


def assigned(
    person_id: str, *planned: tuple[str, int], role: str = "consultant", starts_on: date = date(2026, 3, 1)
) -> ResourceAssigned:
    made: ResourceAssigned = event(
        ResourceAssigned,
        "2026-03-01T12:00",
        assignment_id=f"A-{person_id}",
        version=1,
        project_id="PR",
        person_id=person_id,
        role=role,
        starts_on=starts_on,
        planned=tuple(PlannedHours(month, hours * HOURS_ONE) for month, hours in planned),
    )
    return made


def updates(outputs: Iterable[object], project_id: str = "PR") -> list[ForecastUpdate]:
    return [one for one in outputs if isinstance(one, ForecastUpdate) and one.project_id == project_id]


def views(outputs: Iterable[object], project_id: str = "PR") -> list[ProjectView]:
    return [one for one in outputs if isinstance(one, ProjectView) and one.project_id == project_id]


def exceptions(outputs: Iterable[object]) -> list[tuple[str, str]]:
    return [(type(one).__name__, one.category) for one in outputs if isinstance(one, ExceptionRaised | ExceptionClosed)]


def delta(cause: str, cost: str, revenue: str) -> ForecastDelta:
    spent, earned = parse_amount(cost), parse_amount(revenue)
    return ForecastDelta(cause, spent, earned, earned - spent)


class Eac(NamedTuple):
    hours: int
    cost: int
    revenue: int


def eac(update: ForecastUpdate) -> Eac:
    figures = update.project
    return Eac(figures.eac_hours, figures.eac_cost, figures.eac_revenue)


def money(hours: int, cost: str, revenue: str) -> Eac:
    return Eac(hours * HOURS_ONE, parse_amount(cost), parse_amount(revenue))


@pytest.fixture
def books() -> Iterator[Books]:
    made = Books()
    yield made
    made.close()


def begin(books: Books, *events: Event) -> None:
    """Entity, people and what is given, and the end of 1 March."""
    books.fold(entity(), *people(), *events)
    books.end_day(date(2026, 3, 1))


# Estimates and budgets


def test_between_estimates_the_cost_at_completion_stays(books: Books) -> None:
    """As of 31 March 16 h are done for 1,600 and 2,400; 100 h for 10,000 remain: 11,600 and 2,400 + 100 x 150 = 17,400.

    In April 8 h for 800 come: still 11,600, 9,200 remain, 17,400 of revenue, 24/116 of the hours done.
    """
    begin(books, signed(), activated())
    books.fold(time("T-1", "2026-03-30", 8), time("T-2", "2026-03-31", 8))
    made = updates(
        books.fold(estimate(1, "2026-03-31", remaining("2026-04", 60, "6000"), remaining("2026-05", 40, "4000")))
    )
    assert eac(made[-1]) == money(116, "11600", "17400")
    books.end_day(date(2026, 3, 31))
    assert updates(books.fold(time("T-3", "2026-04-01", 8))) == []
    (told,) = updates(books.end_day(date(2026, 4, 1)))
    assert eac(told) == money(116, "11600", "17400")
    assert (told.project.etc_hours, told.project.etc_cost) == (92 * HOURS_ONE, parse_amount("9200"))
    assert told.percent_complete == 20_689_655  # 2,400 / 11,600
    assert told.deltas == ()


def test_more_cost_than_the_estimate_lifts_it(books: Books) -> None:
    """10 h for 1,000 remain as of 1 March; 16 h come: 1,600 of cost, 600 above the estimate."""
    begin(books, signed(), activated(), estimate(1, "2026-03-01", remaining("2026-03", 10, "1000")))
    books.fold(time("T-1", "2026-03-02", 8))
    (told,) = updates(books.fold(time("T-2", "2026-03-03", 8)))
    assert eac(told) == money(16, "1600", "2400")
    assert told.deltas[0].cost == parse_amount("600")


def test_an_empty_estimate_means_that_nothing_remains(books: Books) -> None:
    begin(books, signed(), activated("5000"))
    books.fold(time("T-1", "2026-03-02", 8))
    (told,) = updates(books.fold(estimate(1, "2026-03-02")))
    assert eac(told) == money(8, "800", "1200")
    assert told.project.etc_cost == 0


def test_late_work_of_before_the_estimate_lifts_it(books: Books) -> None:
    """The estimate of 31 March says 10 h for 1,000; then 8 h of 30 March come: 1,800, three days late."""
    begin(books, signed(), activated(), estimate(1, "2026-03-31", remaining("2026-04", 10, "1000")))
    books.end_day(date(2026, 4, 1))
    late = time("T-1", "2026-03-30", 8, when="2026-03-30T18:00", recorded_at=at("2026-04-02T18:00"))
    (told,) = updates(books.fold(late))
    assert eac(told) == money(18, "1800", "2700")
    assert told.deltas == (delta("late_data", "800", "2700"),)


def test_an_estimate_counts_work_up_to_its_day_alone(books: Books) -> None:
    """8 h on 2 and 3 March each; the estimate of 2 March that comes on the 3rd says 20 h remain: 28 h, of which 16 done."""
    begin(books, signed(), activated())
    books.fold(time("T-1", "2026-03-02", 8), time("T-2", "2026-03-03", 8))
    made = updates(books.fold(estimate(1, "2026-03-02", remaining("2026-03", 20, "2000"), when="2026-03-03T20:00")))
    assert eac(made[-1]) == money(28, "2800", "4200")
    assert made[-1].project.etc_hours == 12 * HOURS_ONE


@pytest.mark.parametrize("as_of", ["2026-03-31", "2026-04-15"])
def test_an_estimate_of_long_ago_looks_at_months_or_entries(books: Books, as_of: str) -> None:
    """8 h a month on the 10th, recorded up to August: up to the day 8 h (or 16 h) are done, and 100 h remained."""
    begin(books, signed(), activated())
    months = ("03", "04", "05", "06", "07", "08")
    for number, month in enumerate(months):
        books.fold(time(f"T-{number}", f"2026-{month}-10", 8))
    done = 8 if as_of == "2026-03-31" else 16
    made = updates(books.fold(estimate(1, as_of, remaining("2026-09", 100, "10000"), when="2026-08-20T12:00")))
    assert eac(made[-1])[:2] == money(100 + done, str(10_000 + done * 100), "0")[:2]


def test_older_versions_and_older_days_change_nothing(books: Books) -> None:
    begin(books, signed(), activated())
    books.fold(estimate(2, "2026-03-31", remaining("2026-04", 10, "1000"), when="2026-03-31T20:00"))
    books.end_day(date(2026, 3, 31))
    same = books.fold(estimate(1, "2026-04-01", remaining("2026-04", 99, "9900"), when="2026-04-01T08:00"))
    older = books.fold(estimate(3, "2026-03-15", remaining("2026-04", 99, "9900"), when="2026-04-01T09:00"))
    assert updates([*same, *older, *books.end_day(date(2026, 4, 1))]) == []
    assert exceptions([*same, *older]) == []


def test_the_same_version_with_other_content_is_a_conflict(books: Books) -> None:
    begin(books, signed(), activated())
    books.fold(estimate(1, "2026-03-31", remaining("2026-04", 10, "1000")))
    again = books.fold(estimate(1, "2026-03-31", remaining("2026-04", 11, "1100")))
    assert exceptions(again) == [("ExceptionRaised", "conflicting_version")]


def test_before_an_estimate_the_projects_budget_counts(books: Books) -> None:
    """Budget 5,000: 8 h for 800 are 16 %; 4,200 remain, at 100 an hour 42 h, at 150 an hour 6,300 of revenue."""
    begin(books, signed(), activated("5000"))
    books.fold(time("T-1", "2026-03-02", 8))
    told = updates(record.record for record in books.folded)[-1]
    assert eac(told) == money(50, "5000", "7500")
    assert told.project.budget_used_percent == 16_000_000
    assert told.percent_complete == 16_000_000


def test_the_lines_budget_comes_before_the_projects(books: Books) -> None:
    begin(books, signed(line(cost_budget=parse_amount("3000"))), activated("5000"))
    assert eac(updates(record.record for record in books.folded)[-1]).cost == parse_amount("3000")


@pytest.mark.parametrize(
    "lines",
    [(ContractLine("L", "PR", PRICE), line("M", tasks=("run",))), (line("L", cap=Cap("hard", parse_amount("10000"))),)],
    ids=["a price", "a hard cap"],
)
def test_a_line_that_earns_no_more_needs_an_estimate_or_a_budget(books: Books, lines: tuple[ContractLine, ...]) -> None:
    books.fold(entity(), *people(), signed(*lines), activated())
    books.end_day(date(2026, 3, 1))
    (raised,) = [one.record for one in books.folded if isinstance(one.record, ExceptionRaised)]
    assert (raised.category, raised.owner_role, raised.subject_id) == ("no_estimate", "delivery", "PR")
    assert raised.message == (
        "line L of contract K: expected what the work of project PR will cost, as it earns no more than was agreed, got neither an "
        "estimate nor a cost budget"
    )
    assert exceptions(books.fold(time("T-1", "2026-03-02", 8))) == []
    assert exceptions(books.end_day(date(2026, 3, 2))) == []
    told = books.fold(estimate(1, "2026-03-02", remaining("2026-03", 10, "1000"), when="2026-03-03T08:00"))
    assert exceptions(told) == [("ExceptionClosed", "no_estimate")]
    assert updates(told)[0].percent_complete is not None


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (line(),),
        (line(cap=Cap("soft", parse_amount("10000"))),),
        (ContractLine("L", "PR", Subscription(parse_amount("1000"))),),
    ],
    ids=["no contract", "hours as they come", "a soft cap", "a fee without an end"],
)
def test_nothing_rests_on_an_estimate_where_no_price_ends(books: Books, lines: tuple[ContractLine, ...]) -> None:
    books.fold(entity(), *people(), *([signed(*lines)] if lines else []), activated())
    books.end_day(date(2026, 3, 1))
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    assert "no_estimate" not in {category for _, category in exceptions(record.record for record in books.folded)}


def test_a_line_that_earns_by_its_cost_asks_for_its_estimate_alone(books: Books) -> None:
    """Before its first hour the project asks for it, from then on the line."""
    priced = ContractLine("L", "PR", PRICE, revenue_policy="cost_to_cost")
    books.fold(entity(), *people(), signed(priced), activated())
    books.end_day(date(2026, 3, 1))
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    made = [one.record for one in books.folded if isinstance(one.record, ExceptionRaised)]
    assert [(one.category, one.subject_kind, one.owner_role) for one in made] == [
        ("no_estimate", "project", "delivery"),
        ("no_estimate", "contract_line", "delivery"),
    ]
    gone = [one.record.exception_id for one in books.folded if isinstance(one.record, ExceptionClosed)]
    assert gone == [made[0].exception_id]


def test_without_an_estimate_progress_is_not_measured(books: Books) -> None:
    begin(books, signed(), activated())
    books.fold(time("T-1", "2026-03-02", 8))
    (told,) = updates(books.end_day(date(2026, 3, 2)))
    assert eac(told) == money(8, "800", "1200")
    assert told.percent_complete is None


def test_without_an_estimate_updates_after_the_first_wait_for_the_days_end(books: Books) -> None:
    """Every hour moves the figures at completion by more than half a per cent there."""
    begin(books, signed(), activated())
    assert updates(books.fold(time("T-1", "2026-03-02", 8), time("T-2", "2026-03-02", 8))) == []
    (told,) = updates(books.end_day(date(2026, 3, 2)))
    assert eac(told) == money(16, "1600", "2400")


def test_without_an_estimate_the_assignments_plan_counts(books: Books) -> None:
    """40 h in March and 60 h in April at cost 100 and rate 150: 10,000 and 15,000; demand by role and month."""
    begin(books, signed(), activated(), assigned("P-1", ("2026-03", 40), ("2026-04", 60)))
    told = updates(record.record for record in books.folded)[-1]
    assert eac(told) == money(100, "10000", "15000")
    assert told.demand == (("consultant", "2026-03", 40 * HOURS_ONE), ("consultant", "2026-04", 60 * HOURS_ONE))
    assert [(month.month, month.hours) for month in told.project.months][:2] == [
        ("2026-03", 40 * HOURS_ONE),
        ("2026-04", 60 * HOURS_ONE),
    ]


def test_work_uses_up_the_months_plan(books: Books) -> None:
    """16 of the 40 h of March are worked: 24 h and the 60 h of April remain, 10,000 stays."""
    begin(books, signed(), activated(), assigned("P-1", ("2026-03", 40), ("2026-04", 60)))
    books.fold(time("T-1", "2026-03-02", 8), time("T-2", "2026-03-03", 8))
    told = updates(books.end_day(date(2026, 3, 3)))[-1]
    assert eac(told) == money(100, "10000", "15000")
    assert told.project.etc_hours == 84 * HOURS_ONE


# Lines with estimates of their own


def two_lines() -> tuple[Event, Event]:
    lines = (
        line("BUILD", tasks=("build",), cost_budget=parse_amount("2000")),
        line("RUN", rate=120, tasks=("run",), cost_budget=parse_amount("3000")),
    )
    return signed(*lines), activated()


def test_lines_do_not_make_up_for_each_other(books: Books) -> None:
    """Budgets 2,000 and 3,000: 24 h on the first for 2,400 lift it by 400, the second keeps its 3,000: 5,400."""
    begin(books, *two_lines())
    for number in range(3):
        books.fold(time(f"T-{number}", f"2026-03-0{number + 2}", 8, task="build"))
    told = updates(books.end_day(date(2026, 3, 4)))
    last = told[-1] if told else updates(record.record for record in books.folded)[-1]
    assert last.project.eac_cost == parse_amount("5400")


def test_the_projects_budget_adds_nothing_to_its_lines(books: Books) -> None:
    """2,000 and 3,000 for the lines are 5,000, whatever the project's budget; 5 h that nobody pays come on top of them."""
    contract, _ = two_lines()
    begin(books, contract, activated("6000"))
    told = updates(record.record for record in books.folded)[-1]
    assert told.project.eac_cost == parse_amount("5000")
    books.fold(time("T-1", "2026-03-02", 5, billable=False))
    told = (updates(record.record for record in books.folded) + updates(books.end_day(date(2026, 3, 2))))[-1]
    assert (told.project.burn_cost, told.project.eac_cost) == (parse_amount("500"), parse_amount("5500"))


def test_the_projects_budget_is_the_whole_where_some_line_has_none(books: Books) -> None:
    """2,000 for the one line, none for the other, 6,000 for the project: 6,000, of which all work is taken."""
    lines = line("BUILD", tasks=("build",), cost_budget=parse_amount("2000")), line("RUN", tasks=("run",))
    begin(books, signed(*lines), activated("6000"))
    books.fold(time("T-1", "2026-03-02", 8, task="build"), time("T-2", "2026-03-02", 8, task="run"))
    told = (updates(record.record for record in books.folded) + updates(books.end_day(date(2026, 3, 2))))[-1]
    assert (told.project.burn_cost, told.project.eac_cost) == (parse_amount("1600"), parse_amount("6000"))


def test_work_of_no_line_counts_as_it_comes_where_the_project_has_no_budget(books: Books) -> None:
    begin(books, *two_lines())
    books.fold(time("T-1", "2026-03-02", 5, billable=False))
    told = updates(record.record for record in books.folded) + updates(books.end_day(date(2026, 3, 2)))
    assert told[-1].project.eac_cost == parse_amount("5500")


def test_months_planned_too_far_ahead_count_once_they_are_near(books: Books) -> None:
    """April 2031 is five years ahead from April 2026 on, whether the store was opened again in between or not."""
    begin(books, signed(), activated(), assigned("P-1", ("2031-04", 10)))
    books.end_day(date(2026, 3, 31))
    books.fold(time("T-1", "2026-04-01", 8))
    (told,) = updates(books.end_day(date(2026, 4, 1)))
    assert eac(told) == money(18, "1800", "2700")


def test_a_lines_estimate_leaves_the_others_budget(books: Books) -> None:
    """8 h for 800 on BUILD, then its estimate: 30 h for 3,000 remain: 3,800 + 3,000 of RUN = 6,800."""
    begin(books, *two_lines())
    books.fold(time("T-1", "2026-03-02", 8, task="build"), time("T-2", "2026-03-02", 5, task="run"))
    told = updates(books.fold(estimate(1, "2026-03-02", remaining("2026-03", 30, "3000"), line_id="BUILD")))
    assert told[-1].project.eac_cost == parse_amount("6800")


def test_lines_that_begin_to_count_on_their_own_take_their_work_with_them(books: Books) -> None:
    """No budgets: 8 h of BUILD and 5 h of RUN stand together. BUILD's estimate says 30 h: 3,800 + 500 of RUN, and RUN lacks one."""
    begin(books, signed(line("BUILD", tasks=("build",)), line("RUN", rate=120, tasks=("run",))), activated())
    books.fold(time("T-1", "2026-03-02", 8, task="build"), time("T-2", "2026-03-02", 5, task="run"))
    books.fold(estimate(1, "2026-03-02", remaining("2026-03", 30, "3000"), line_id="BUILD"))
    told = updates(books.end_day(date(2026, 3, 2)))
    assert told[-1].project.eac_cost == parse_amount("4300")
    books.fold(time("T-3", "2026-03-03", 8, task="build"))
    books.fold(time("T-4", "2026-03-03", 8, task="run"))
    told = updates(books.end_day(date(2026, 3, 3)))
    assert told[-1].project.eac_cost == parse_amount("5100")


def test_a_newer_estimate_of_the_project_counts_for_all_lines(books: Books) -> None:
    begin(books, *two_lines())
    books.fold(estimate(1, "2026-03-02", remaining("2026-03", 30, "3000"), line_id="BUILD"))
    told = updates(books.fold(estimate(1, "2026-03-03", remaining("2026-03", 10, "1000"))))
    assert told[-1].project.eac_cost == parse_amount("1000")


# Why it changed


def test_an_estimate_changes_by_volume_rate_and_mix(books: Books) -> None:
    """The example of the rules: 100 h for 10,000 become 120 h for 13,200; revenue follows the hours, 20 h x 150."""
    begin(books, signed(), activated())
    senior, junior = remaining("2026-04", 40, "6000", None, "senior"), remaining("2026-04", 60, "4000", None, "junior")
    books.fold(time("T-1", "2026-03-02", 8), estimate(1, "2026-03-02", senior, junior))
    senior, junior = remaining("2026-04", 60, "9000", None, "senior"), remaining("2026-04", 60, "4200", None, "junior")
    (told,) = updates(books.fold(estimate(2, "2026-03-02", senior, junior)))
    assert told.deltas == (delta("volume", "2000", "3000"), delta("rate", "240", "0"), delta("mix", "960", "0"))
    assert_explained(told)


@pytest.mark.parametrize("stated", [None, "20000"])
def test_an_estimate_moves_no_agreed_price(books: Books, stated: str | None) -> None:
    """A price of 10,000 is earned whatever remains: 20 h more cost 2,000 more by volume and, dearer, 1,200 by rate, and earn nothing."""
    begin(books, signed(ContractLine("F", "PR", PRICE)), activated())
    books.fold(estimate(1, "2026-03-02", remaining("2026-04", 100, "10000", stated)))
    (told,) = updates(books.fold(estimate(2, "2026-03-02", remaining("2026-04", 120, "13200", stated))))
    assert told.project.eac_revenue == parse_amount("10000")
    assert told.deltas == (delta("volume", "2000", "0"), delta("rate", "1200", "0"))
    assert_explained(told)


def test_an_estimate_beside_an_agreed_price_moves_what_hours_earn(books: Books) -> None:
    """8 h have earned 1,200, and 100 h will earn 15,000 beside a price of 10,000. 20 h more earn 20 x 150 = 3,000."""
    begin(books, signed(line(tasks=("build",)), ContractLine("F", "PR", PRICE)), activated())
    books.fold(time("T-1", "2026-03-02", 8, task="build"))
    books.fold(estimate(1, "2026-03-02", remaining("2026-04", 100, "10000", None)))
    (told,) = updates(books.fold(estimate(2, "2026-03-02", remaining("2026-04", 120, "13200", None))))
    assert told.project.eac_revenue == parse_amount("29200")
    assert told.deltas == (delta("volume", "2000", "3000"), delta("rate", "1200", "0"))
    assert_explained(told)


def test_revenue_that_an_estimate_states_is_of_its_hours(books: Books) -> None:
    """120 h that state 24,000 after 100 h with 20,000, over the price of 10,000 beside them: 20 h at 200, and no hour earns more."""
    begin(books, signed(line(tasks=("build",)), ContractLine("F", "PR", PRICE)), activated())
    books.fold(time("T-1", "2026-03-02", 8, task="build"))
    books.fold(estimate(1, "2026-03-02", remaining("2026-04", 100, "10000", "20000")))
    (told,) = updates(books.fold(estimate(2, "2026-03-02", remaining("2026-04", 120, "12000", "24000"))))
    assert told.deltas == (delta("volume", "2000", "4000"),)
    assert_explained(told)


def test_more_hours_under_a_used_up_cap_earn_nothing_by_volume_or_rate(books: Books) -> None:
    """8 h have earned 1,200 of a cap of 1,500; 10 h will earn the other 300. 20 h more, and dearer, cost 2,000 by volume, 600 by rate."""
    begin(books, signed(line(cap=Cap("hard", parse_amount("1500")))), activated())
    books.fold(time("T-1", "2026-03-02", 8), estimate(1, "2026-03-02", remaining("2026-04", 10, "1000", None)))
    (told,) = updates(books.fold(estimate(2, "2026-03-02", remaining("2026-04", 30, "3600", None))))
    assert told.project.eac_revenue == parse_amount("1500")
    assert told.deltas == (delta("volume", "2000", "0"), delta("rate", "600", "0"))
    assert_explained(told)


def test_more_hours_than_a_cap_allows_earn_its_room_by_volume(books: Books) -> None:
    """8 h have earned 1,200 of a cap of 5,000, and 10 h will earn 1,500. Of 40 h, 6,000, the cap allows 3,800: 2,300 more."""
    begin(books, signed(line(cap=Cap("hard", parse_amount("5000")))), activated())
    books.fold(time("T-1", "2026-03-02", 8), estimate(1, "2026-03-02", remaining("2026-04", 10, "1000", None)))
    (told,) = updates(books.fold(estimate(2, "2026-03-02", remaining("2026-04", 40, "4000", None))))
    assert told.deltas == (delta("volume", "3000", "2300"),)
    assert_explained(told)


def test_hours_moved_to_a_month_with_room_earn_more_by_volume(books: Books) -> None:
    """1,500 a month: of 40 h in April, 6,000, the cap allows 1,500; 10 h in April and in May are 3,000, at 150 as before."""
    begin(books, signed(line(cap=Cap("hard", parse_amount("1500"), period="month"))), activated())
    books.fold(time("T-1", "2026-03-02", 8), estimate(1, "2026-03-02", remaining("2026-04", 40, "4000", None)))
    april, may = remaining("2026-04", 10, "1000", None), remaining("2026-05", 10, "1000", None)
    (told,) = updates(books.fold(estimate(2, "2026-03-02", april, may)))
    assert told.deltas == (delta("volume", "-2000", "1500"),)
    assert_explained(told)


def test_more_hours_count_at_the_average_that_was_estimated(books: Books) -> None:
    """20 h for 1,600 were to come; 8 of them cost 800, and so 12 h and 800 are left. Now 16 h remain, for 1,600: 4 h more at 80 are 320 by
    volume, and 24 h cost 20 more each, 480 by rate."""
    begin(books, signed(), activated())
    books.fold(estimate(1, "2026-03-01", remaining("2026-04", 20, "1600", None)))
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    (told,) = updates(books.fold(estimate(2, "2026-03-02", remaining("2026-04", 16, "1600", None))))
    assert told.deltas == (delta("volume", "320", "600"), delta("rate", "480", "0"))
    assert_explained(told)


def test_an_estimate_of_a_line_is_split_by_its_own_hours(books: Books) -> None:
    """The same beside a line with a budget, whose hours are none of it."""
    begin(books, *two_lines())
    senior, junior = remaining("2026-04", 40, "6000", None, "senior"), remaining("2026-04", 60, "4000", None, "junior")
    books.fold(time("T-1", "2026-03-02", 8), estimate(1, "2026-03-02", senior, junior, line_id="BUILD"))
    senior, junior = remaining("2026-04", 60, "9000", None, "senior"), remaining("2026-04", 60, "4200", None, "junior")
    (update,) = updates(books.fold(estimate(2, "2026-03-02", senior, junior, line_id="BUILD")))
    costs = [(one.cause, one.cost) for one in update.deltas if one.cost]
    assert costs == [
        (cause, parse_amount(cost)) for cause, cost in (("volume", "2000"), ("rate", "240"), ("mix", "960"))
    ]


def test_a_correction_is_told_as_one(books: Books) -> None:
    """8 h become 6 h, then none, on a project without an estimate; the id has a dot."""
    begin(books, signed(), activated())
    books.fold(time("T.1", "2026-03-02", 8), time("T-2", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    books.fold(time("T.1", "2026-03-02", 6, version=2))
    (told,) = updates(books.end_day(date(2026, 3, 3)))
    assert told.deltas == (delta("correction", "-200", "-300"),)
    books.fold(event(TimeWithdrawn, "2026-03-04T20:00", entry_id="T.1", version=3))
    (told,) = updates(books.end_day(date(2026, 3, 4)))
    assert told.deltas == (delta("correction", "-600", "-900"),)
    assert_explained(told)


def test_corrections_of_expenses_and_units_are_told_as_corrections() -> None:
    """At 10 %: 100.00 are 110.00, 150.00 are 165.00. 10 units of 10.00 become 15."""
    lines = [
        *("entity LE USD America/New_York", "customer C", "person bob consultant of LE", "cost person bob 100.00 USD"),
        *("project P of LE", "contract K C LE USD", "  line X P", "    terms Expenses markup=10"),
        *("  line U P", "    terms UnitPrice unit=box unit_price=10.00"),
        *("2026-06-01 expense E-1 travel 100.00 USD", "2026-06-01 units D-1 U 10", "2026-06-01 day ended"),
        *("2026-06-02 expense E-1 travel 150.00 USD on 2026-06-01", "2026-06-02 day ended"),
        *("2026-06-03 units D-1 U 15 on 2026-06-01", "2026-06-03 day ended"),
        *("2026-06-04 withdraw_expense E-1", "2026-06-04 day ended"),
        *("2026-06-05 expense E-2 travel 200.00 USD on 2026-06-05", "2026-06-05 day ended"),
    ]
    with books_of(lines) as books:
        moved = {one.as_of.day: one.deltas for one in updates((each.record for each in books.folded), "P")}
    assert moved[2] == (delta("correction", "50", "55"),)
    assert moved[3] == (delta("correction", "0", "50"),)
    assert moved[4] == (delta("correction", "-150", "-165"),)
    assert moved[5] == (delta("volume", "200", "220"),)


def test_an_amendment_changes_by_rate_and_by_scope(books: Books) -> None:
    """16 h at 150 become 160 an hour: 160 of rate; the budget rises from 3,000 to 4,000: scope, with the hours it buys.

    Revenue was 16 x 150 + 14 x 150 = 4,500; after the new rate 30 h x 160 = 4,800; with 10 h more 6,400.
    """
    begin(books, signed(line(cost_budget=parse_amount("3000"))), activated())
    books.fold(time("T-1", "2026-03-02", 8), time("T-2", "2026-03-03", 8))
    books.end_day(date(2026, 3, 3))
    amended = event(
        ContractAmended,
        "2026-03-04T10:00",
        contract_id="K",
        version=2,
        replaces_version=1,
        effective_on=date(2026, 3, 1),
        treatment="prospective",
        approved_by="B",
        lines=(line(rate=160, cost_budget=parse_amount("4000")),),
    )
    (told,) = updates(books.fold(amended))
    assert told.deltas == (delta("rate", "0", "300"), delta("scope", "1000", "1600"))
    assert_explained(told)


def test_a_termination_that_is_put_off_is_scope(books: Books) -> None:
    """1,000 of a deposit were kept at the end of March. The contract goes on until May, so that they are not earned; an hour of April that
    came after its end before is priced, at 200: revenue at completion falls by 800, and no hour earns less."""
    deposit = ContractLine("D", "PR", Deposit(parse_amount("1000"), date(2026, 3, 5)))
    begin(books, signed(line(rate=200), deposit), activated())
    ended = partial(event, ContractTerminated, contract_id="K")
    books.fold(ended("2026-03-02T10:00", version=2, effective_on=date(2026, 4, 1)))
    (*_, told) = updates(books.end_day(date(2026, 4, 1)))
    assert told.project.eac_revenue == parse_amount("1000")
    books.fold(time("T-1", "2026-04-02", 1))
    books.fold(ended("2026-04-03T10:00", version=3, effective_on=date(2026, 6, 1)))
    (told,) = updates(books.end_day(date(2026, 4, 3)))
    assert told.deltas == (delta("volume", "100", "0"), delta("scope", "0", "-800"))
    assert_explained(told)


def test_a_contract_that_rates_waiting_work_is_scope(books: Books) -> None:
    """Cost was booked before the contract; its 1,200 of revenue come with it."""
    begin(books, activated())
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    books.fold(signed(when="2026-03-03T10:00"))
    told = updates(books.end_day(date(2026, 3, 3)))
    assert told[-1].deltas == (delta("scope", "0", "1200"),)


def assert_explained(update: ForecastUpdate) -> None:
    """The parts sum to the change of cost, revenue and margin."""
    previous, figures = update.previous, update.project
    assert previous is not None
    assert update.baseline_sequence == previous.sequence == update.sequence - 1
    assert sum(part.cost for part in update.deltas) == figures.eac_cost - previous.eac_cost
    assert sum(part.revenue for part in update.deltas) == figures.eac_revenue - previous.eac_revenue
    assert sum(part.margin for part in update.deltas) == figures.margin - previous.margin


# When it is told


def test_small_changes_wait_for_the_days_end_and_no_change_is_not_told(books: Books) -> None:
    begin(books, signed(), activated(), estimate(1, "2026-03-01", remaining("2026-03", 1_000, "100000", "150000")))
    assert updates(books.fold(time("T-1", "2026-03-02", 8))) == []
    (told,) = updates(books.end_day(date(2026, 3, 2)))
    assert (told.as_of, told.cause_kind) == (date(2026, 3, 2), "day")
    assert updates(books.end_day(date(2026, 3, 9))) == []


def test_a_large_change_is_told_at_once(books: Books) -> None:
    """Half a per cent of 20,000 are 100; 8 h more than the estimate are 800."""
    begin(books, signed(), activated(), estimate(1, "2026-03-01", remaining("2026-03", 200, "20000", "30000")))
    late = time("T-1", "2026-02-27", 8, when="2026-03-02T18:00", line_id="L")
    (told,) = updates(books.fold(late))
    assert (told.cause_kind, told.cause_id, told.as_of) == ("time_entry", "T-1", date(2026, 3, 2))


def test_the_threshold_is_a_policy(books: Books) -> None:
    """With 2,000 EUR as the threshold the 800 wait for the day's end."""
    threshold = Policies(forecast_threshold=ForecastThreshold(amount=parse_amount("2000")))
    begin(books, signed(policies=threshold), activated())
    assert updates(books.fold(time("T-1", "2026-03-02", 8))) == []
    assert len(updates(books.end_day(date(2026, 3, 2)))) == 1


def test_sequences_and_view_versions_are_dense(books: Books) -> None:
    begin(books, signed(), activated("5000"))
    for day in range(2, 12):
        books.fold(time(f"T-{day}", f"2026-03-{day:02d}", 8))
        books.end_day(date(2026, 3, day))
    records = [folded.record for folded in books.folded]
    assert [told.sequence for told in updates(records)] == list(range(1, len(updates(records)) + 1))
    assert [view.view_version for view in views(records)] == list(range(1, 12))


# Months, billings and cash


def test_months_bill_and_pay_by_the_contracts_calendar(books: Books) -> None:
    """8 h in March (1,200, not issued), 10 h in April and 6 h in May to come at 150; paid 45 days after the month's end.

    Billed 31 March, 30 April, 31 May; paid 15 May, 14 June, 15 July.
    """
    begin(books, signed(), activated())
    books.fold(time("T-1", "2026-03-02", 8))
    told = updates(
        books.fold(estimate(1, "2026-03-02", remaining("2026-04", 10, "1000"), remaining("2026-05", 6, "600")))
    )[-1]
    months = {month.month: (month.revenue, month.billings, month.cash) for month in told.project.months}
    march, april, may = parse_amount("1200"), parse_amount("1500"), parse_amount("900")
    assert months == {
        "2026-03": (march, march, 0),
        "2026-04": (april, april, 0),
        "2026-05": (may, may, march),
        "2026-06": (0, 0, april),
        "2026-07": (0, 0, may),
    }


def test_an_issued_statement_stays_in_its_month(books: Books) -> None:
    """March is issued on 1 April: its billings and cash are what they were expected to be, and the rest follows."""
    begin(books, signed(), activated())
    books.fold(time("T-1", "2026-03-02", 8), estimate(1, "2026-03-02", remaining("2026-04", 10, "1000")))
    closed = books.end_day(date(2026, 3, 31))
    assert [one.amount_due for one in closed if isinstance(one, BillingStatement)] == [parse_amount("1200")]
    told = updates(record.record for record in books.folded)[-1]
    months = {month.month: (month.billings, month.cash) for month in told.project.months}
    assert months["2026-03"] == (parse_amount("1200"), 0)
    assert months["2026-05"] == (0, parse_amount("1200"))
    assert told.project.unbilled_backlog == parse_amount("1500")


def test_a_cut_off_day_moves_billings(books: Books) -> None:
    """With cut-off day 10 work of April is billed on 10 May (its 15th lies in that period) and paid on 24 June."""
    begin(books, signed(billing_cycle=BillingCycle("monthly", cut_off_day=10)), activated())
    told = updates(books.fold(estimate(1, "2026-03-02", remaining("2026-04", 10, "1000", "1500"))))[-1]
    months = {month.month: (month.billings, month.cash) for month in told.project.months}
    assert months == {"2026-04": (0, 0), "2026-05": (parse_amount("1500"), 0), "2026-06": (0, parse_amount("1500"))}


def test_a_budget_without_a_plan_is_spread_to_the_projects_end(books: Books) -> None:
    """12,300 of cost over March to June, the project's last month; of March 30 of 31 days are to come, so 30 of 123 parts."""
    begin(books, signed(), activated("12300", revenue=parse_amount("24600")))
    told = updates(record.record for record in books.folded)[-1]
    months = {month.month: (month.cost, month.revenue) for month in told.project.months if month.cost}
    whole = parse_amount("3100"), parse_amount("6200")
    march = parse_amount("3000"), parse_amount("6000")
    assert months == {"2026-03": march, **dict.fromkeys(("2026-04", "2026-05", "2026-06"), whole)}


def months_to_come(update: ForecastUpdate) -> dict[str, int]:
    return {month.month: month.cost for month in update.project.months if month.cost}


def test_what_remains_moves_on_when_a_month_has_ended(books: Books) -> None:
    """4,000 up to June, 800 of it done in March: on its last day 3,200 lie in April to June, a month later in May and June."""
    begin(books, signed(), activated("4000"))
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    told = updates(books.end_day(date(2026, 5, 15)))
    assert [one.as_of for one in told] == [date(2026, 3, 31), date(2026, 4, 30)]
    march, third = parse_amount("800"), parse_amount("1066.67")
    later = {"2026-04": third, "2026-05": parse_amount("1066.66"), "2026-06": third}
    assert months_to_come(told[0]) == {"2026-03": march, **later}
    assert months_to_come(told[1]) == {"2026-03": march, "2026-05": 2 * march, "2026-06": 2 * march}
    assert told[1].deltas == ()


def test_the_plan_begins_with_the_project(books: Books) -> None:
    """Told in March of a project of June with a contract of May: all of it lies in June."""
    begins = activated("4000", starts_on=date(2026, 6, 15))
    begin(books, signed(starts_on=date(2026, 5, 1)), begins)
    told = updates(record.record for record in books.folded)[-1]
    assert months_to_come(told) == {"2026-06": parse_amount("4000")}


def test_the_plan_begins_with_the_contract_and_who_is_assigned(books: Books) -> None:
    """The project began in March, its contract begins in May, and the first who is assigned in June."""
    begin(books, signed(starts_on=date(2026, 5, 1)), activated("4000"))
    told = updates(record.record for record in books.folded)[-1]
    assert months_to_come(told) == dict.fromkeys(("2026-05", "2026-06"), parse_amount("2000"))
    told = updates([*books.fold(assigned("P-1", starts_on=date(2026, 6, 1))), *books.end_day(date(2026, 3, 2))])[-1]
    assert months_to_come(told) == {"2026-06": parse_amount("4000")}


# Caps


def test_a_hard_cap_limits_revenue_and_is_the_price(books: Books) -> None:
    """Cap 10,000, 8 h done (1,200), 92 h to come (13,800 wanted): revenue 10,000, backlog 8,800.

    20 h in March are 3,000, 72 h in April 10,800: 5,800 of these are 16.1 of 30 days, so the cap ends on 17 April.
    """
    cap = Cap("hard", parse_amount("10000"))
    begin(books, signed(line(cap=cap)), activated())
    books.fold(time("T-1", "2026-03-02", 8))
    works = remaining("2026-03", 20, "2000"), remaining("2026-04", 72, "7200")
    told = updates(books.fold(estimate(1, "2026-03-02", *works)))[-1]
    assert eac(told) == money(100, "10000", "10000")
    assert told.project.margin == 0
    assert told.project.backlog == parse_amount("8800")
    (used,) = told.caps
    assert (used.cap_id, used.used_amount, used.limit_amount) == ("L", parse_amount("1200"), parse_amount("10000"))
    assert used.used_percent == 12_000_000
    assert used.exhausts_on == date(2026, 4, 17)


def test_planned_hours_have_role_and_rate_of_their_own_assignment(books: Books) -> None:
    """10 h of the first assignment, which states no rate, at 150, and 10 h of the second at its 200: 3,500, at 175 in the average."""
    second = assigned("P-1", ("2026-04", 10), role="lead")._replace(
        assignment_id="A-2", starts_on=date(2026, 3, 15), bill_rate=BillRate(200 * RATE_ONE, "EUR")
    )
    begin(books, signed(policies=Policies(rate_precedence=("assignment", "line_role"))))
    told = updates([*books.fold(assigned("P-1", ("2026-04", 10)), second), *books.end_day(date(2026, 3, 2))])[-1]
    assert eac(told) == money(20, "2000", "3500")


def test_by_pace_where_nothing_is_planned(books: Books) -> None:
    """No estimate: 1,200 in the last 28 days and 3,800 of room: 3,800 x 28 / 1,200 = 88.7, so 89 days after 2 March."""
    begin(books, signed(line(cap=Cap("hard", parse_amount("5000")))), activated())
    books.fold(time("T-1", "2026-03-02", 8))
    (told,) = updates(books.end_day(date(2026, 3, 2)))
    assert told.caps[0].exhausts_on == date(2026, 3, 2) + timedelta(days=89) == date(2026, 5, 30)


def test_who_shares_a_cap_has_less_room(books: Books) -> None:
    """A cap of 3,000 over two projects; A takes 2,400, so that B, with 1,500 to come, has 600 left."""
    shared = SharedCap("BOTH", ("L-A", "L-B"), "hard", parse_amount("3000"))
    lines = line("L-A", project_id="A"), line("L-B", project_id="B")
    books.fold(entity(), *people(), signed(*lines, shared_caps=(shared,)))
    for project_id in ("A", "B"):
        books.fold(activated(project_id=project_id))
    revised = estimate(1, "2026-03-01", remaining("2026-03", 10, "1000", "1500"))._replace(project_id="B")
    books.fold(revised)
    books.end_day(date(2026, 3, 1))
    for number in range(2):
        books.fold(time(f"T-{number}", "2026-03-02", 8, project_id="A"))
    outputs = books.end_day(date(2026, 3, 2))
    assert updates(outputs, "B")[-1].project.eac_revenue == parse_amount("600")
    assert updates(outputs, "B")[-1].deltas == (delta("volume", "0", "-900"),)


def test_projects_that_share_a_cap_share_its_room_by_the_hours_that_remain(books: Books) -> None:
    """3,000 of room; 10 h remain in A and 30 h in B, 1,500 and 4,500 at the line's rate: 750 and 2,250. A takes 300 of its own."""
    shared = SharedCap("BOTH", ("L-A", "L-B"), "hard", parse_amount("3000"))
    lines = line("L-A", project_id="A"), line("L-B", project_id="B")
    books.fold(entity(), *people(), signed(*lines, shared_caps=(shared,)))
    books.fold(*(activated(project_id=project_id) for project_id in ("A", "B")))
    for project_id, hours in (("A", 10), ("B", 30)):
        revised = estimate(1, "2026-03-01", remaining("2026-03", hours, str(hours * 100), str(hours * 150)))
        books.fold(revised._replace(project_id=project_id))
    books.end_day(date(2026, 3, 1))
    outputs = [record.record for record in books.folded]
    backlogs = [updates(outputs, project_id)[-1].project.backlog for project_id in ("A", "B")]
    assert backlogs == [parse_amount("750"), parse_amount("2250")]
    books.fold(time("T-1", "2026-03-02", 2, project_id="A"))
    outputs += books.end_day(date(2026, 3, 2))
    told = [updates(outputs, project_id)[-1].project for project_id in ("A", "B")]
    assert sum(one.backlog for one in told) == parse_amount("2700")
    assert [one.eac_revenue for one in told] == [parse_amount("868.42"), parse_amount("2131.58")]


def test_hours_of_a_line_of_its_own_take_no_room_of_a_shared_cap(books: Books) -> None:
    """2,700 of room are left; 10 h remain in A under the cap, 28 h in B: 710.53 and 1,989.47. The 100 h of L-C are under another one."""
    shared = SharedCap("BOTH", ("L-A", "L-B"), "hard", parse_amount("3000"))
    own = line("L-C", project_id="A", cap=Cap("hard", amount=parse_amount("5000")), tasks=("other",))
    lines = line("L-A", project_id="A"), line("L-B", project_id="B"), own
    books.fold(entity(), *people(), signed(*lines, shared_caps=(shared,)))
    books.fold(*(activated(project_id=project_id) for project_id in ("A", "B")))
    for line_id, hours in (("L-A", 10), ("L-B", 30), ("L-C", 100)):
        work = remaining("2026-03", hours, str(hours * 100), str(hours * 150))
        revised = estimate(1, "2026-03-01", work, line_id=line_id)
        books.fold(revised._replace(project_id="B" if line_id == "L-B" else "A"))
    books.end_day(date(2026, 3, 1))
    books.fold(time("T-1", "2026-03-02", 2, project_id="B"))
    outputs = books.end_day(date(2026, 3, 2))
    figures = [updates(outputs, project_id)[-1].project for project_id in ("A", "B")]
    assert [one.backlog for one in figures] == [parse_amount("5710.53"), parse_amount("1989.47")]


# Currencies


def rate(day: str, to: str, quoted: str) -> Event:
    made: Event = event(
        ExchangeRateSet,
        f"{day}T08:00",
        rate_type="spot",
        from_currency="EUR",
        to_currency=to,
        date=date.fromisoformat(day),
        rate=int(parse_amount(quoted)) * EXCHANGE_RATE_ONE // 10_000,
        version=1,
    )
    return made


def dollars(books: Books, *events: Event, policies: Policies | None = None) -> None:
    """A contract in dollars, costs and ledger in euros, 1.25 dollars a euro on 1 March."""
    books.fold(
        entity(policies=policies), *people(), rate("2026-03-01", "USD", "1.25"), rate("2026-03-01", "CHF", "0.8")
    )
    books.fold(signed(currency="USD"), activated(), *events)
    books.end_day(date(2026, 3, 1))


def test_one_project_in_three_currencies(books: Books) -> None:
    """8 h: 800 EUR are 1,000 USD and 640 CHF; 1,200 USD are 960 EUR and 768 CHF."""
    dollars(books, policies=Policies(group_currency="CHF"))
    books.fold(time("T-1", "2026-03-02", 8))
    (told,) = updates(books.end_day(date(2026, 3, 2)))
    made = [told.project, told.ledger, told.group]
    assert [(one.currency, one.burn_cost, one.burn_revenue) for one in made if one is not None] == [
        ("USD", parse_amount("1000"), parse_amount("1200")),
        ("EUR", parse_amount("800"), parse_amount("960")),
        ("CHF", parse_amount("640"), parse_amount("768")),
    ]


def test_the_same_currency_is_the_same_record(books: Books) -> None:
    begin(books, signed(), activated("5000"))
    told = updates(record.record for record in books.folded)[-1]
    assert told.project == told.ledger == told.group


def test_a_moved_rate_is_told_as_exchange_rate(books: Books) -> None:
    """800 EUR are 1,000 USD at 1.25 and 1,040 at 1.30; then 8 h more at 1.30 are volume."""
    dollars(books)
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    books.fold(rate("2026-03-03", "USD", "1.3"))
    books.fold(time("T-2", "2026-03-03", 8))
    (told,) = updates(books.end_day(date(2026, 3, 3)))
    assert told.deltas == (delta("volume", "1040", "1200"), delta("exchange_rate", "40", "0"))
    assert_explained(told)


def test_a_rate_that_moved_is_no_scope_of_an_amendment_nor_volume_of_an_estimate(books: Books) -> None:
    """800 EUR are 1,000 USD at 1.25 and 1,040 at 1.30. Terms from April on change nothing else; 4 h that remain are 520 USD more."""
    dollars(books)
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    books.fold(rate("2026-03-03", "USD", "1.3"))
    amended = event(
        ContractAmended,
        "2026-03-03T10:00",
        contract_id="K",
        version=2,
        replaces_version=1,
        effective_on=date(2026, 4, 1),
        treatment="prospective",
        approved_by="B",
        lines=(line(rate=160),),
    )
    (told,) = updates([*books.fold(amended), *books.end_day(date(2026, 3, 3))])
    assert told.deltas == (delta("exchange_rate", "40", "0"),)
    books.fold(rate("2026-03-04", "USD", "1.25"))
    (told,) = updates(books.fold(estimate(1, "2026-03-04", remaining("2026-04", 4, "520"))))
    assert told.deltas == (delta("volume", "520", "600"), delta("exchange_rate", "-40", "0"))
    assert_explained(told)


def test_a_rate_alone_is_told_at_the_months_end(books: Books) -> None:
    """Nothing is to come. 800 EUR are 1,000 USD at 1.25; at 1.30 they are 1,040, which March's end tells. April's rate is the same."""
    dollars(books)
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    books.fold(rate("2026-03-27", "USD", "1.3"))
    assert updates(books.end_day(date(2026, 3, 30))) == []
    (told,) = updates(books.end_day(date(2026, 3, 31)))
    assert told.deltas == (delta("exchange_rate", "40", "0"),)
    books.fold(rate("2026-04-28", "USD", "1.3"))
    assert updates(books.end_day(date(2026, 4, 30))) == []


def test_a_rate_of_the_day_moves_what_was_booked_before_it_alone(books: Books) -> None:
    """T-1 comes at 1.25, the day's rate of 1.30 after it, then T-2: 800 EUR are 1,000 USD, 40 more, and 1,040."""
    dollars(books)
    books.end_day(date(2026, 3, 2))
    books.fold(time("T-1", "2026-03-03", 8, when="2026-03-03T07:00"), rate("2026-03-03", "USD", "1.3"))
    books.fold(time("T-2", "2026-03-03", 8))
    (told,) = updates(books.end_day(date(2026, 3, 3)))
    assert told.deltas == (delta("volume", "2040", "2400"), delta("exchange_rate", "40", "0"))


def test_a_currency_that_comes_back_is_compared_with_what_was_told_in_it(books: Books) -> None:
    """8 h cost 800 EUR. A contract in dollars, of which no rate is known, has no forecast; then one in euros comes first, at 150 an hour.
    What it told in euros before is the baseline of what it tells once the rate is known: no cost more, 1,200 of revenue."""
    (first,) = updates(books.fold(entity(), *people(), activated(), time("T-1", "2026-03-02", 8)))
    books.end_day(date(2026, 3, 2))
    assert (first.project.currency, first.project.eac_cost) == ("EUR", parse_amount("800"))
    waits = books.fold(signed(currency="USD", when="2026-03-03T10:00"))
    waits += books.fold(signed(contract_id="A", when="2026-03-03T11:00"))
    waits += books.end_day(date(2026, 3, 3))
    assert updates(waits) == []
    (told,) = updates(books.fold(rate("2026-03-04", "USD", "1.25")))
    assert (told.project.currency, told.sequence, told.cause_kind) == ("EUR", 2, "exchange_rate")
    assert told.previous is not None
    assert told.previous.sequence == first.sequence
    assert_explained(told)
    assert sum(part.revenue for part in told.deltas) == parse_amount("1200")


def test_what_happens_while_no_rate_is_fresh_keeps_its_cause(books: Books) -> None:
    """The contract's currency is the project's, so a rate moves no revenue. While that of 1 March is too old T-1, 8 h, is withdrawn and
    T-2, 3 h, comes, whose revenue waits for the rate too: -1,200 and 450. At 1.25 their cost is -1,000 and 375; at
    1.30 the 300 EUR that stay are 390 instead of 375."""
    dollars(books)
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    books.end_day(date(2026, 3, 19))
    books.fold(event(TimeWithdrawn, "2026-03-20T09:00", entry_id="T-1", version=2), time("T-2", "2026-03-20", 3))
    assert updates(books.end_day(date(2026, 3, 20))) == []
    (told,) = updates(books.fold(rate("2026-03-20", "USD", "1.3")))
    taken_back = delta("correction", "-1000", "-1200")
    assert told.deltas == (delta("volume", "375", "450"), delta("exchange_rate", "15", "0"), taken_back)
    assert_explained(told)


def test_in_one_currency_nothing_is_put_down_to_exchange_rates(books: Books) -> None:
    """BUILD's estimate is close to the most that a record holds, so that E-1 beside RUN's budget of 3,000 is beyond it, and is not counted.
    E-1 is taken back, and E-2 of 4,000 lifts RUN by 1,000 and is charged."""
    lines = (
        line("BUILD", tasks=("build",)),
        line("RUN", tasks=("run",), takes=("time", "expense"), cost_budget=parse_amount("3000")),
    )
    begin(books, signed(*lines), activated())
    books.fold(estimate(1, "2026-03-02", remaining("2026-04", 10, "99999999990000"), line_id="BUILD"))
    assert books.fold(spent("E-1", "2026-03-03", "50000", "RUN"))
    assert books.part("outlook", "PR").eac_cost == parse_amount("99999999993000")
    books.fold(event(ExpenseWithdrawn, "2026-03-03T19:00", expense_id="E-1", version=2))
    (told,) = updates(books.fold(spent("E-2", "2026-03-04", "4000", "RUN")))
    assert told.deltas == (delta("volume", "1000", "4000"),)


def test_what_happens_beside_a_line_without_a_rate_keeps_its_cause(books: Books) -> None:
    """RUN's 3,000 become an estimate of 1,000 GBP, which no rate makes euros. Meanwhile T-2 lifts BUILD's 2,000 to 2,800, and the hours
    that earn 3,000 of it to 4,200; T-1 is withdrawn: -400 and -600. At 0.8 pounds a euro RUN's 1,000 are 1,250 EUR, 1,750 less."""
    begin(books, *two_lines())
    books.fold(time("T-1", "2026-03-02", 4, task="build"))
    books.end_day(date(2026, 3, 2))
    pounds = estimate(1, "2026-03-03", remaining("2026-04", 10, "1000"), currency="GBP", line_id="RUN")
    waits = books.fold(pounds, time("T-2", "2026-03-03", 24, task="build"))
    waits += books.fold(event(TimeWithdrawn, "2026-03-04T09:00", entry_id="T-1", version=2))
    waits += books.end_day(date(2026, 3, 4))
    assert updates(waits) == []
    (told,) = updates(books.fold(rate("2026-03-05", "GBP", "0.8")))
    taken_back = delta("correction", "-400", "-600")
    assert told.deltas == (delta("volume", "800", "1200"), delta("exchange_rate", "-1750", "0"), taken_back)
    assert_explained(told)


def test_what_a_price_changes_while_cost_has_no_rate_is_scope(books: Books) -> None:
    """8 h earned 1,200, a price of 5,000 stands beside them. 20 h remain for 1,400 GBP, which no rate makes euros: they earn 3,000. Then
    the price becomes 6,000. At 0.7 pounds a euro the cost is 2,000 EUR: what is known only by the rate, and no revenue."""
    begin(books, signed(line(), priced("5000")), activated())
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 2))
    waits = books.fold(estimate(1, "2026-03-03", remaining("2026-04", 20, "1400"), currency="GBP"))
    amended = event(
        ContractAmended,
        "2026-03-04T10:00",
        contract_id="K",
        version=2,
        replaces_version=1,
        effective_on=date(2026, 3, 1),
        treatment="prospective",
        approved_by="B",
        lines=(line(), priced("6000")),
    )
    waits += books.fold(amended)
    waits += books.end_day(date(2026, 3, 4))
    assert updates(waits) == []
    (told,) = updates(books.fold(rate("2026-03-05", "GBP", "0.7")))
    assert told.deltas == (
        delta("volume", "0", "3000"),
        delta("scope", "0", "1000"),
        delta("exchange_rate", "2000", "0"),
    )
    assert_explained(told)


def priced(price: str) -> ContractLine:
    due = ScheduledAmount(date(2026, 5, 31), parse_amount(price))
    return ContractLine("F", "PR", FixedPrice(parse_amount(price), schedule=(due,)), tasks=("audit",))


def test_without_a_rate_group_figures_are_left_out(books: Books) -> None:
    books.fold(entity(policies=Policies(group_currency="GBP")), *people(), signed())
    (told,) = updates(books.fold(activated("5000")))
    assert told.group is None
    assert told.ledger == told.project


def test_without_a_rate_into_the_projects_currency_the_forecast_waits(books: Books) -> None:
    """An estimate in pounds: nothing is guessed, an exception says why. A rate that is fresh enough tells it, a nearer one again."""
    begin(books, signed(), activated())
    waiting = books.fold(estimate(1, "2026-03-02", remaining("2026-03", 10, "1000"), currency="GBP"))
    waiting += books.end_day(date(2026, 3, 2))
    assert updates(waiting) == []
    assert ("ExceptionRaised", "no_exchange_rate") in exceptions(waiting)
    (said,) = {
        one.message for one in waiting if isinstance(one, ExceptionRaised) and one.category == "no_exchange_rate"
    }
    assert "expected an exchange rate from GBP to EUR (type spot), found none; publish one" in said
    assert books.fold(rate("2026-02-20", "GBP", "0.25")) == []
    told = books.fold(rate("2026-02-27", "GBP", "0.5"))
    assert updates(told)[0].project.eac_cost == parse_amount("2000")
    assert ("ExceptionClosed", "no_exchange_rate") in exceptions(told)
    told = books.fold(rate("2026-03-02", "GBP", "0.8"))
    assert updates(told)[0].project.eac_cost == parse_amount("1250")
    assert books.fold(rate("2026-02-26", "GBP", "0.4")) == []
    assert updates(books.end_day(date(2026, 3, 3))) == []
    assert not books.part("index", "forecast_rates")
    assert books.fold(rate("2026-03-04", "GBP", "0.9")) == []


def test_a_forecast_that_waits_says_so_once(books: Books) -> None:
    """Every day asks for a newer rate; that it is missing is news where another one is, or where there are older ones."""
    begin(books, signed(), activated())
    books.fold(estimate(1, "2026-03-02", remaining("2026-03", 10, "1000"), currency="GBP"))
    said = [
        [(one.revision, one.message) for one in books.end_day(date(2026, 3, day)) if isinstance(one, ExceptionRaised)]
        for day in (2, 3, 31)
    ]
    of = "the forecast of project PR in EUR waits for an exchange rate; expected an exchange rate from GBP to EUR (type spot), found "
    assert said == [[(1, f"{of}none; publish one")], [], []]
    books.fold(rate("2026-03-02", "GBP", "0.8"))
    (older,) = [one for one in books.end_day(date(2026, 4, 1)) if isinstance(one, ExceptionRaised)]
    assert (older.revision, older.message) == (
        2,
        f"{of}older ones than policy rate_staleness_days allows; publish a newer one",
    )


# Views


def test_a_view_has_all_balances(books: Books) -> None:
    """8 h and 6 h at 150 with a cap of 1,500: 14 h cost 1,400, 1,500 accrued, 600 over the cap; T-1's 1,200 are held."""
    begin(books, signed(line(cap=Cap("hard", parse_amount("1500")))), activated())
    books.fold(time("T-1", "2026-03-02", 8), time("T-2", "2026-03-03", 6))
    scope = HoldScope("entry", "T-1")
    held = event(
        BillingHoldPlaced,
        "2026-03-03T19:00",
        hold_id="H",
        version=1,
        scope=scope,
        placed_on=date(2026, 3, 3),
        reason="dispute",
    )
    books.fold(held)
    (view,) = views(books.end_day(date(2026, 3, 3)))[-1:]
    assert (view.burn.hours, view.burn.cost) == (14 * HOURS_ONE, (("EUR", parse_amount("1400")),))
    (balance,) = view.balances
    assert (balance.accrued, balance.held, balance.over_cap) == tuple(map(parse_amount, ("1500", "1200", "600")))
    assert (balance.recognised, balance.unbilled, balance.billed) == (parse_amount("1500"), parse_amount("1500"), 0)
    assert view.forecast is not None
    assert view.forecast.sequence == updates(record.record for record in books.folded)[-1].sequence


def test_a_view_shows_the_statement_until_it_is_invoiced(books: Books) -> None:
    begin(books, signed(), activated())
    books.fold(time("T-1", "2026-03-02", 8))
    issued = views(books.end_day(date(2026, 3, 31)))[-1]
    assert issued.open_statements == ("E.K/C/2026-03-01/1",)
    assert (issued.balances[0].billed, issued.balances[0].accrued) == (parse_amount("1200"), 0)
    posted = event(
        InvoicePosted,
        "2026-04-02T10:00",
        invoice_id="I-1",
        posted_on=date(2026, 4, 2),
        amount=parse_amount("1200"),
        statement_id=issued.open_statements[0],
    )
    books.fold(posted)
    (view,) = views(books.end_day(date(2026, 4, 2)))
    assert (view.open_statements, view.balances[0].invoiced, view.balances[0].unbilled) == ((), parse_amount("1200"), 0)


def test_a_view_lists_what_waits(books: Books) -> None:
    """Work of someone whose cost rate is missing waits with its own exception; the project has none of its own."""
    begin(books, signed(), activated("5000"))
    unknown = event(
        PersonDefined,
        "2026-03-02T08:00",
        person_id="P-9",
        version=1,
        legal_entity_id="LE",
        role="expert",
        cost_center="10",
    )
    raised = books.fold(unknown, time("T-1", "2026-03-02", 8, person_id="P-9"))
    (fault,) = [one for one in raised if isinstance(one, ExceptionRaised)]
    (view,) = views(books.end_day(date(2026, 3, 2)))
    (listed,) = view.open_exceptions
    assert (listed.exception_id, listed.category, listed.entries) == (fault.exception_id, "no_cost_rate", ("T-1",))


def test_nothing_changed_nothing_shown(books: Books) -> None:
    begin(books, signed(), activated("5000"))
    assert views(books.end_day(date(2026, 3, 20))) == []


def test_journals_and_forecasts_agree(books: Books) -> None:
    """What the last update says was burnt is what the journals posted."""
    begin(books, signed(), activated("5000"))
    for day in range(2, 7):
        books.fold(time(f"T-{day}", f"2026-03-{day:02d}", 7))
    books.fold(time("T-3", "2026-03-03", 4, version=2))
    books.end_day(date(2026, 3, 6))
    records = [folded.record for folded in books.folded]
    posted = {"5000": 0, "4000": 0}
    for record in records:
        for side in record.lines if isinstance(record, JournalEntry) else ():
            if side.account in posted:
                posted[side.account] += side.amount
    told = updates(records)[-1].project
    assert (told.burn_cost, told.burn_revenue) == (posted["5000"], -posted["4000"])


# The end


def terminated(on: str, when: str, contract_id: str = "K") -> Event:
    made: Event = event(
        ContractTerminated, when, contract_id=contract_id, version=2, effective_on=date.fromisoformat(on)
    )
    return made


def closed(on: str, when: str, project_id: str = "PR") -> Event:
    made: Event = event(ProjectClosed, when, project_id=project_id, version=2, ends_on=date.fromisoformat(on))
    return made


def ended() -> list[Event]:
    return [terminated("2026-03-05", "2026-03-04T10:00"), closed("2026-03-04", "2026-03-04T10:00")]


@pytest.mark.parametrize("end", ended())
def test_nothing_remains_of_what_has_ended(books: Books, end: Event) -> None:
    """8 h of 40 are done for 800 and 1,200. Its last day is 4 March: nothing is to come, and 1,200 are still to be billed."""
    begin(books, signed(line(cap=Cap("hard", parse_amount("10000")))), activated("4000"))
    books.fold(time("T-1", "2026-03-02", 8))
    books.end_day(date(2026, 3, 3))
    told = (updates(books.fold(end)) + updates(books.end_day(date(2026, 3, 4))))[-1]
    assert eac(told) == money(8, "800", "1200")
    assert told.project.backlog == 0
    assert told.project.unbilled_backlog == parse_amount("1200")
    assert {one.cause for one in told.deltas} == {"scope"}
    assert told.demand == ()
    books.fold(time("T-2", "2026-03-04", 2, when="2026-03-05T18:00"))
    (told,) = updates(books.end_day(date(2026, 3, 5)))
    assert eac(told) == money(10, "1000", "1500")


def test_what_ends_later_has_its_work_until_then(books: Books) -> None:
    """Closed in March with the end of 10 April: 2,000 of it all are spread over the two months, and gone after that day."""
    begin(books, signed(), activated("2000"))
    books.fold(closed("2026-04-10", "2026-03-02T10:00"))
    books.end_day(date(2026, 3, 2))
    last = updates(record.record for record in books.folded)[-1]
    assert last.project.eac_cost == parse_amount("2000")
    told = updates(books.end_day(date(2026, 4, 9)))
    assert [(one.as_of, one.project.eac_cost) for one in told] == [(date(2026, 3, 31), parse_amount("2000"))]
    (told_last,) = updates(books.end_day(date(2026, 4, 10)))
    assert (told_last.project.eac_cost, told_last.project.months) == (0, ())
    assert told_last.deltas == (delta("scope", "-2000", "0"),)


def test_a_line_whose_contract_was_terminated_leaves_the_others(books: Books) -> None:
    """2,000 and 3,000 budgeted, 800 of the first done when its contract ends: 3,800 at completion."""
    second = signed(line("M", tasks=("run",), cost_budget=parse_amount("3000")), contract_id="K2")
    begin(books, signed(line(tasks=("build",), cost_budget=parse_amount("2000"))), second, activated())
    books.fold(time("T-1", "2026-03-02", 8, task="build"))
    books.end_day(date(2026, 3, 3))
    outputs = books.fold(terminated("2026-03-05", "2026-03-04T10:00"))
    (told,) = updates([*outputs, *books.end_day(date(2026, 3, 4))])
    assert told.project.eac_cost == parse_amount("3800")
    assert ("ExceptionRaised", "no_estimate") not in exceptions(record.record for record in books.folded)


def test_a_project_that_has_ended_takes_no_room_of_a_shared_cap(books: Books) -> None:
    """Where nothing remains anywhere the 3,000 are shared equally by those that go on: B alone."""
    shared = SharedCap("BOTH", ("L-A", "L-B"), "hard", parse_amount("3000"))
    lines = line("L-A", project_id="A"), line("L-B", project_id="B")
    books.fold(entity(), *people(), signed(*lines, shared_caps=(shared,)))
    books.fold(*(activated(project_id=project_id) for project_id in ("A", "B")))
    books.end_day(date(2026, 3, 1))
    books.fold(closed("2026-03-02", "2026-03-02T10:00", "A"))
    books.fold(time("T-1", "2026-03-02", 1, project_id="B"))
    books.end_day(date(2026, 3, 2))
    outputs = [record.record for record in books.folded]
    backlogs = [updates(outputs, project_id)[-1].project.backlog for project_id in ("A", "B")]
    assert backlogs == [0, parse_amount("2850")]


# What is remembered


def test_a_store_opened_anew_tells_the_same(tmp_path: Path) -> None:
    """An amendment that is refused names another project: whatever it makes of its forecast, it does so before a restart and after."""
    amendment = event(
        ContractAmended,
        "2026-03-02T19:00",
        contract_id="K",
        version=2,
        replaces_version=1,
        effective_on=date(2026, 3, 1),
        treatment="prospective",
        approved_by="B",
        lines=(line(), line("X", project_id="Q")),
        policies=Policies(late_line="reissue", statement_approval="required"),
    )
    known = entity("USD"), *people(currency="USD"), rate("2026-03-01", "USD", "1.25"), signed()
    projects = [activated(project_id=project_id) for project_id in ("PR", "Q")]
    works = [time(f"T-{day}", f"2026-03-0{day}", 5, project_id="Q") for day in (2, 3, 4)]
    told = []
    for reopened in (False, True):
        folder = tmp_path / str(reopened)
        folder.mkdir()
        books = Books(folder)
        books.fold(*known, *projects, works[0], amendment)
        for day, work in enumerate(works[1:], 3):
            if reopened:
                books.reopen()
            books.fold(work)
            books.end_day(date(2026, 3, day))
        told.append([one.body for one in books.encoded])
        books.close()
    assert told[0] == told[1]
