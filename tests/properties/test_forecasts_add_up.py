"""Whatever happens to a project: its forecasts add up, explain their change, and do not depend on what is remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.events.commercial import ContractAmended, ContractSigned, ContractTerminated
from domain.events.common import (
    Cap,
    ContractLine,
    FiscalCalendar,
    FixedPrice,
    LineRate,
    Milestone,
    Milestones,
    PlannedHours,
    Policies,
    ProjectBudget,
    RemainingWork,
    Retainer,
    Retention,
    ScheduledAmount,
    Subscription,
    TimeAndMaterials,
)
from domain.events.delivery import (
    EstimateRevised,
    MilestoneAccepted,
    MilestoneRevoked,
    ProgressReported,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    TimeApproved,
    TimeWithdrawn,
)
from domain.events.reference import CostRateSet, ExchangeRateSet, LegalEntityDefined, PersonDefined
from domain.outputs import ForecastUpdate, JournalEntry, ProjectView
from domain.units import AMOUNT_ONE, EXCHANGE_RATE_ONE, HOURS_ONE, PERCENT_ONE, RATE_ONE
from state.books import ForecastState, Project
from tests.folding import MEMORY_DISK
from tests.harness import Books

FIRST = date(2026, 3, 1)
DAY = 86_400_000_000
START = (FIRST - date(1970, 1, 1)).days * DAY
MONTHS = ("2026-03", "2026-04", "2026-05")
FAR = "2031-04"
LATER = Milestone("M2", "Second", 500 * AMOUNT_ONE, date(2026, 6, 1))

hours = st.integers(1, 12).map(lambda each: each * HOURS_ONE)
money = st.integers(0, 20_000).map(lambda each: each * AMOUNT_ONE)
works = st.tuples(st.sampled_from(MONTHS), hours, money, st.none() | money, st.sampled_from(["a", None])).map(
    lambda fields: RemainingWork(*fields)
)
caps = st.none() | st.integers(500, 20_000).map(lambda each: Cap("hard", each * AMOUNT_ONE))
lines = st.builds(
    lambda line_id, rate, cap, budget: ContractLine(
        line_id,
        "PR",
        TimeAndMaterials(rates=(LineRate(rate * RATE_ONE),), cap=cap),
        tasks=() if line_id == "L" else ("build",),
        cost_budget=budget,
    ),
    st.sampled_from(["L", "M"]),
    st.integers(80, 200),
    caps,
    st.none() | money,
)
prices = st.integers(1, 20).map(lambda each: each * 1_000 * AMOUNT_ONE)
priced = st.one_of(
    prices.map(lambda price: FixedPrice(price, schedule=(ScheduledAmount(date(2026, 4, 10), price),))),
    prices.map(lambda price: FixedPrice(price, by_progress=True)),
    prices.map(lambda price: Milestones((Milestone("M1", "First", price, date(2026, 3, 20)), LATER))),
    st.tuples(prices, hours).map(
        lambda both: Milestones((Milestone("M1", "First", both[0], date(2026, 3, 20), both[1]), LATER), 150 * RATE_ONE)
    ),
    st.tuples(prices, st.booleans()).map(lambda both: Subscription(both[0], in_advance=both[1])),
    prices.map(lambda fee: Retainer(fee, "hours", 10 * HOURS_ONE)),
).map(
    lambda of: ContractLine("N", "PR", of, tasks=() if isinstance(of, Subscription) else ("fixed",), cost_budget=None)
)
terms = st.tuples(st.lists(lines, min_size=1, max_size=2, unique_by=lambda line: line.line_id), st.none() | priced).map(
    lambda both: (*both[0], *((both[1],) if both[1] is not None else ()))
)
steps = st.one_of(
    st.tuples(st.just("work"), st.integers(0, 9), hours, st.integers(0, 40), st.sampled_from([None, "build"])),
    st.tuples(st.just("work"), st.integers(0, 9), hours, st.integers(0, 3), st.just("build")),
    st.tuples(st.just("work"), st.integers(0, 9), hours, st.integers(0, 3), st.just("fixed")),
    st.tuples(st.just("withdraw"), st.integers(0, 9)),
    st.tuples(st.just("accept"), st.sampled_from(["M1", "M2"]), st.booleans()),
    st.tuples(st.just("progress"), st.integers(0, 100)),
    st.tuples(
        st.just("estimate"),
        st.integers(0, 40),
        st.lists(works, max_size=3).map(tuple),
        st.sampled_from([None, None, "L", "M"]),
        st.sampled_from([None, "USD"]),
    ),
    st.tuples(st.just("amend"), terms),
    st.tuples(st.just("refused"), terms),
    st.tuples(st.just("budget"), money, st.none() | hours, st.sampled_from([None, "USD"])),
    st.tuples(st.just("assign"), st.dictionaries(st.sampled_from((*MONTHS, FAR)), hours, max_size=3)),
    st.tuples(st.just("rate"), st.integers(8, 14)),
    st.tuples(st.sampled_from(["close", "terminate"]), st.integers(-3, 40)),
    st.tuples(st.just("end"), st.integers(1, 40)),
)


def history(
    contract: tuple[ContractLine, ...],
    currency: str,
    ends_on: date | None,
    taken: Sequence[tuple[Any, ...]],
    retention: Retention | None = None,
) -> list[Any]:
    """Events, and dates up to which days end."""
    head: dict[str, Any] = {"event_id": "e", "occurred_at": START, "source": "test"}
    made: list[Any] = [
        LegalEntityDefined(
            **head,
            legal_entity_id="LE",
            version=1,
            name="Firm",
            currency="EUR",
            zone="Europe/Berlin",
            fiscal_calendar=FiscalCalendar("calendar_month"),
        ),
        PersonDefined(**head, person_id="P", version=1, legal_entity_id="LE", role="r", cost_center="1"),
        CostRateSet(
            **head,
            cost_rate_id="CR",
            version=1,
            currency="EUR",
            rate=100 * RATE_ONE,
            effective_from=date(2020, 1, 1),
            person_id="P",
        ),
        exchange_rate(head, FIRST, 10),
        activated(head, 1, None),
        ContractSigned(
            **head,
            contract_id="K",
            version=1,
            customer_id="C",
            legal_entity_id="LE",
            currency=currency,
            signed_on=FIRST,
            starts_on=date(2026, 1, 1),
            ends_on=ends_on,
            retention=retention,
            lines=contract,
        ),
    ]
    today = FIRST
    for version, step in enumerate(taken, 2):
        head["occurred_at"] = START + (today - FIRST).days * DAY + DAY // 2
        match step:
            case "work", number, worked, ago, task:
                day = today - timedelta(days=ago)
                common = {**head, "project_id": "PR", "person_id": "P", "approved_by": "B", "hours": worked}
                made.append(TimeApproved(entry_id=f"T-{number}", version=version, worked_on=day, task=task, **common))
            case "withdraw", number:
                made.append(TimeWithdrawn(**head, entry_id=f"T-{number}", version=version))
            case "accept", milestone_id, accepted:
                fact = {**head, "milestone_id": milestone_id, "version": version}
                made.append(
                    MilestoneAccepted(**fact, accepted_on=today, approved_by="C")
                    if accepted
                    else MilestoneRevoked(**fact, approved_by="C")
                )
            case "progress", done:
                made.append(
                    ProgressReported(
                        **head, contract_id="K", line_id="N", version=version, percent=done * PERCENT_ONE, as_of=today
                    )
                )
            case "estimate", ago, remaining, line_id, stated_in:
                made.append(
                    EstimateRevised(
                        **head,
                        project_id="PR",
                        version=version,
                        as_of=today - timedelta(days=ago),
                        remaining=remaining,
                        line_id=line_id,
                        currency=stated_in,
                    )
                )
            case ("amend" | "refused") as kind, changed:
                made.append(
                    ContractAmended(
                        **head,
                        contract_id="K",
                        version=version,
                        replaces_version=1,
                        effective_on=date(2026, 1, 1),
                        treatment="prospective",
                        approved_by="B",
                        lines=changed,
                        policies=Policies(late_line="reissue", statement_approval="required")
                        if kind == "refused"
                        else None,
                    )
                )
            case "assign", planned:
                made.append(
                    ResourceAssigned(
                        **head,
                        assignment_id="A",
                        version=version,
                        project_id="PR",
                        person_id="P",
                        role="r",
                        starts_on=FIRST,
                        planned=tuple(PlannedHours(month, each) for month, each in sorted(planned.items())),
                    )
                )
            case "budget", cost, planned, stated_in:
                made.append(activated(head, version, ProjectBudget(cost=cost, hours=planned, currency=stated_in)))
            case "close", ahead:
                ends = today + timedelta(days=ahead)
                made.append(ProjectClosed(**head, project_id="PR", version=version, ends_on=ends))
            case "terminate", ahead:
                ends = today + timedelta(days=ahead)
                made.append(ContractTerminated(**head, contract_id="K", version=version, effective_on=ends))
            case "rate", tenths:
                made.append(exchange_rate(head, today, tenths))
            case "end", days:
                today += timedelta(days=days)
                made.append(today - timedelta(days=1))
    return [*made, today]


def activated(head: dict[str, Any], version: int, budget: ProjectBudget | None) -> ProjectActivated:
    fields: dict[str, Any] = {**head, "name": "Project", "legal_entity_id": "LE", "starts_on": FIRST}
    return ProjectActivated(**fields, project_id="PR", version=version, budget=budget)


def exchange_rate(head: dict[str, Any], day: date, tenths: int) -> ExchangeRateSet:
    """Dollars for a euro; where none is fresh the forecast waits."""
    pair: dict[str, Any] = {"rate_type": "spot", "from_currency": "EUR", "to_currency": "USD"}
    return ExchangeRateSet(**head, **pair, date=day, rate=tenths * EXCHANGE_RATE_ONE // 10, version=tenths)


def played(taken: list[Any], *, forget: bool = False) -> tuple[list[Any], dict[tuple[str, str], Any]]:
    """Outputs and books; with `forget` the store is opened again before every event and every day's end."""
    with TemporaryDirectory(dir=MEMORY_DISK) as folder:
        books = Books(Path(folder) if forget else None)
        for step in taken:
            if forget:
                books.reopen()
            if isinstance(step, date):
                books.end_day(step)
            else:
                books.fold(step)
        parts = dict(books.parts())
        books.close()
    return [folded.record for folded in books.folded], parts


histories = st.builds(
    history,
    terms,
    st.sampled_from(["EUR", "EUR", "USD"]),
    st.sampled_from([None, date(2026, 8, 31)]),
    st.lists(steps, min_size=3, max_size=25),
)


@given(histories)
def test_figures_add_up_and_changes_are_explained(taken: list[Any]) -> None:
    outputs, _ = played(taken)
    told = [one for one in outputs if isinstance(one, ForecastUpdate)]
    assert [one.sequence for one in told] == list(range(1, len(told) + 1))
    shown = [one.view_version for one in outputs if isinstance(one, ProjectView)]
    assert shown == list(range(1, len(shown) + 1))
    before = None
    for update in told:
        for figures in (update.project, update.ledger, update.group):
            if figures is None:
                continue
            assert figures.eac_hours == figures.burn_hours + figures.etc_hours
            assert figures.eac_cost == figures.burn_cost + figures.etc_cost
            assert figures.eac_revenue == figures.burn_revenue + figures.etc_revenue
            assert figures.margin == figures.eac_revenue - figures.eac_cost
            assert min(figures.etc_hours, figures.etc_cost, figures.etc_revenue) >= 0
            first = (update.as_of + timedelta(days=1)).isoformat()[:7]
            if any((figures.etc_hours, figures.etc_cost, figures.etc_revenue)):
                assert max(month.month for month in figures.months) >= first
            for name in ("hours", "cost", "revenue"):
                assert sum(getattr(month, name) for month in figures.months) == getattr(figures, f"eac_{name}"), name
        if before is not None and update.previous is not None:
            assert update.previous.sequence == before.sequence == update.baseline_sequence
            assert update.previous.eac_cost == before.project.eac_cost
            changes = [sum(getattr(part, name) for part in update.deltas) for name in ("cost", "revenue", "margin")]
            then, now = before.project, update.project
            moved = (now.eac_cost - then.eac_cost, now.eac_revenue - then.eac_revenue, now.margin - then.margin)
            assert tuple(changes) == moved
        before = update


@given(histories)
def test_burn_in_the_ledger_is_what_was_posted(taken: list[Any]) -> None:
    """Whatever exchange rates do afterwards."""
    outputs, _ = played(taken)
    cost = revenue = 0
    for one in outputs:
        if isinstance(one, JournalEntry):
            cost += sum(line.ledger_amount for line in one.lines if line.account == "5000")
            revenue -= sum(line.ledger_amount for line in one.lines if line.account == "4000")
        elif isinstance(one, ForecastUpdate) and one.ledger is not None:
            assert (one.ledger.burn_cost, one.ledger.burn_revenue) == (cost, revenue)


@given(histories)
def test_what_is_kept_is_the_sum_of_the_work(taken: list[Any]) -> None:
    _, parts = played(taken)
    outlook: ForecastState | None = parts.get(("outlook", "PR"))
    project: Project = parts["project", "PR"]
    kept: Counter[tuple[str, int]] = Counter()
    for track in outlook.progress.values() if outlook is not None else ():
        for currency, tally in track.now.items():
            kept.update({(currency, place): each for place, each in enumerate(tally)})
    booked: Counter[tuple[str, int]] = Counter()
    for key, tally in project.months.items():
        booked.update({(key[8:], place): each for place, each in enumerate(tally)})
    assert {key: each for key, each in kept.items() if each} == {key: each for key, each in booked.items() if each}


@given(histories)
def test_nothing_depends_on_what_is_remembered(taken: list[Any]) -> None:
    assert played(taken) == played(taken, forget=True)
