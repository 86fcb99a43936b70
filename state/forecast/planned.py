"""What the assignments plan from a month on: hours, what they would cost, and at which average rate they would be
billed.

The plan begins on the day after; of its month only what is not worked yet is planned. Months more than five years ahead, and after the
project ended, do not count; of a project that has ended nothing is planned.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple, TypeVar

from domain.events.delivery import ResourceAssigned
from domain.events.reference import CostRateSet
from domain.figure import Recorded, at_least, average, called, marked_up, ratio
from domain.forecast.completion import MONTHS_MAX, NOTHING, Tally, added, value_of
from domain.money import HALF_UP, smallest_unit
from domain.outputs import ForecastDemand
from domain.terms import methods
from domain.tuples import new_tuple
from domain.units import Amount, Hours, Percent, Rate
from domain.work.rates import RateDecision, resolve_bill_rate
from state.books import Contract, Project
from state.draft import Draft
from state.forecast.outlook import ONE_DAY, has_ended, last_day
from state.forecast.tracks import rate_to
from state.terms.known import cost_rate, worker_on
from state.terms.plan import LinePlan, line_plan, version_on
from state.totals import month_of
from state.work import price_record
from state.work.bill_rates import planned_query

K = TypeVar("K")
# Person, role, day, and the bill rate of the assignment with its currency.
Worker = tuple[str, str, date, tuple[int, str] | None]


class PlannedWork(NamedTuple):
    """`months` ascending with what is left of them; `demand` is what the assignments say, by month and role."""

    months: tuple[tuple[str, Hours], ...] = ()
    demand: tuple[ForecastDemand, ...] = ()

    @property
    def hours(self) -> Hours:
        return sum(hours for _, hours in self.months)


class PlannedAssignment(NamedTuple):
    """What an assignment plans: hours by month, all of them, and the first day that is planned."""

    assignment: ResourceAssigned
    planned: tuple[tuple[str, Hours], ...]
    hours: Hours
    day: date


class Assigned(NamedTuple):
    """What all assignments of a project plan from a month on: of each that plans anything, and in all."""

    ahead: Mapping[str, PlannedAssignment] = {}
    months: Mapping[str, Hours] = {}
    demand: Mapping[tuple[str, str], Hours] = {}
    planned: PlannedWork = PlannedWork()


NOBODY = Assigned()


def planned_from(draft: Draft, project: Project, as_of: date) -> PlannedWork:
    if has_ended(draft, project, as_of):
        return PlannedWork()
    first = first_month(as_of)
    return planned_in(assigned_from(draft, project, first), project, first)


def planned_in(assigned: Assigned, project: Project, first: str) -> PlannedWork:
    """What is left of what assignments plan from a month on."""

    def worked() -> Hours:
        return sum([tally[0] for month, tally in project.months.items() if month.startswith(first)])

    return less_worked(assigned.planned, first, worked)


def less_worked(planned: PlannedWork, first: str, worked: Callable[[], Hours]) -> PlannedWork:
    """Of the month that runs what is not worked in it."""
    if not planned.months or planned.months[0][0] != first:
        return planned
    (_, hours), *others = planned.months
    rest = called(hours - at_least(worked(), 0, "worked"), "planned, less what is worked")
    months = (first, at_least(rest, 0, "not worked yet")), *others
    return new_tuple(PlannedWork, (months, planned.demand))


def first_month(as_of: date) -> str:
    return month_of(as_of + ONE_DAY)


def assigned_from(draft: Draft, project: Project, first: str) -> Assigned:
    """Large projects have hundreds of assignments, of which an event changes one."""
    key = ("assigned from", project.project_id)
    end = last_day(draft, project)
    since = (first, end)
    stated = draft.assignments(project.project_id)
    kept: tuple[object, object, Assigned] | None = draft.memo.lines.get(key)
    if kept is not None and kept[0] is stated and kept[1] == since:
        return kept[2]
    before = kept[2] if kept is not None and kept[1] == since else Assigned()
    found = assigned_in(stated, first, end, before)
    draft.memo.lines[key] = (stated, since, found)
    return found


def assigned_in(
    assignments: Sequence[ResourceAssigned], first: str, end: date | None, before: Assigned = NOBODY
) -> Assigned:
    """From a month on to the project's end: as it was, less what is gone, with what is new."""
    last = f"{int(first[:4]) + MONTHS_MAX // 12:04d}{first[4:]}"
    if end is not None:
        last = min(last, end.isoformat()[:7])
    gone = dict(before.ahead)
    ahead: dict[str, PlannedAssignment] = {}
    new: list[PlannedAssignment] = []
    for assignment in assignments:
        known = gone.pop(assignment.assignment_id, None)
        if known is None or known.assignment is not assignment:
            if known is not None:
                gone[assignment.assignment_id] = known
            known = _of_assignment(assignment, first, last)
            new.append(known)
        if known.planned:
            ahead[assignment.assignment_id] = known
    months, demand = dict(before.months), dict(before.demand)
    for is_gone, which in ((True, gone.values()), (False, new)):
        for one in which:
            for month, hours in one.planned:
                more = -hours if is_gone else hours
                _add(months, month, more)
                _add(demand, (month, one.assignment.role), more)
    planned = PlannedWork(
        tuple(sorted(months.items())),
        tuple([new_tuple(ForecastDemand, (role, month, hours)) for (month, role), hours in sorted(demand.items())]),
    )
    return Assigned(ahead, months, demand, planned)


def _add(sums: dict[K, Hours], key: K, hours: Hours) -> None:
    """A sum of nothing is not kept."""
    found = sums.get(key, 0) + hours
    if found:
        sums[key] = found
    else:
        del sums[key]


def _of_assignment(assignment: ResourceAssigned, first: str, last: str) -> PlannedAssignment:
    planned = tuple([(month, hours) for month, hours in assignment.planned if first <= month <= last and hours > 0])
    day = _day_in(planned[0][0], assignment) if planned else assignment.starts_on
    return PlannedAssignment(assignment, planned, sum([hours for _, hours in planned]), day)


def planned_cost(
    draft: Draft, project: Project, planned: PlannedWork, as_of: date, now: Mapping[str, Tally]
) -> dict[str, Tally]:
    ahead = assigned_from(draft, project, first_month(as_of)).ahead.values()
    return cost_of_plan(ahead, planned.hours, now, partial(planned_cost_rate, draft))


def cost_of_plan(
    ahead: Iterable[PlannedAssignment],
    left: Hours,
    now: Mapping[str, Tally],
    rate_on: Callable[[ResourceAssigned, date], tuple[str, Rate] | None],
) -> dict[str, Tally]:
    """Cost of the planned hours by currency, at cost rates; hours without one at the average cost of an hour so far. Of all that is planned
    what is `left`."""
    costs: dict[str, Amount] = {}
    whole = uncosted = 0
    for assignment, months, _, _ in ahead:
        for month, hours in months:
            whole += hours
            found = rate_on(assignment, _day_in(month, assignment))
            if found is None:
                uncosted += hours
                continue
            currency, rate = found
            cost = value_of(hours, NOTHING, rate, smallest_unit(currency), "planned cost")
            costs[currency] = costs.get(currency, 0) + cost
    if not whole:
        return {}
    made = {
        currency: (0, ratio(left, cost, whole, smallest_unit(currency), HALF_UP, "cost of what is left of the plan"), 0)
        for currency, cost in costs.items()
    }
    worked = sum(tally[0] for tally in now.values())
    for currency, (_, cost, _) in now.items() if uncosted and worked else ():
        title = "hours without a cost rate, as an hour has cost so far"
        share = ratio(uncosted, cost, worked, smallest_unit(currency), HALF_UP, title, (left, whole))
        made[currency] = added(made.get(currency, NOTHING), (0, share, 0))
    return made


def planned_cost_rate(draft: Draft, assignment: ResourceAssigned, day: date) -> tuple[str, Rate] | None:
    found = cost_rate_of(draft, assignment.person_id, assignment.role, day)
    return (found.currency, _rate(draft, found, day)) if found is not None else None


def _rate(draft: Draft, found: CostRateSet, day: date) -> Rate:
    return Recorded(price_record.cost_rate(found, day)) if draft.asked is not None else found.rate


def cost_rate_of(draft: Draft, person_id: str, role: str, day: date) -> CostRateSet | None:
    worker = worker_on(draft, person_id, day)
    return cost_rate(draft, person_id, role, worker.entity.legal_entity_id if worker is not None else "", day)


def _day_in(month: str, assignment: ResourceAssigned) -> date:
    return max(date(int(month[:4]), int(month[5:7]), 1), assignment.starts_on)


def planned_rate(draft: Draft, project: Project, lines: Sequence[LinePlan], as_of: date) -> Rate:
    """Average of the planned hours that have a rate, each assignment at the rate of its first month that is planned.

    Nothing where the line on which they fall has a price of its own.
    """
    plan = planned_line(lines)
    if plan is not None and not methods.earns_by_hours(plan.line.terms):
        return 0
    contract = draft.contract(plan.contract_id) if plan is not None else None
    if plan is None or contract is None:
        return 0
    ahead = assigned_from(draft, project, first_month(as_of)).ahead
    known = _known_rates(draft, project, plan, 4 * len(ahead))

    def rate_on(worker: Worker) -> Rate:
        rate = known.get(worker)
        if rate is None:
            rate = known[worker] = planned_bill_rate(draft, project, plan, contract, worker)
        return rate

    return average_rate(ahead.values(), rate_on)


def average_rate(ahead: Iterable[PlannedAssignment], rate_on: Callable[[Worker], Rate]) -> Rate:
    """Of the planned hours that have a rate."""
    rated: list[tuple[Hours, Rate]] = []
    for assignment, _, planned, day in ahead:
        own = assignment.bill_rate
        worker = assignment.person_id, assignment.role, day, (own.amount, own.currency) if own is not None else None
        if rate := rate_on(worker):
            rated.append((planned, rate))
    return average(rated, "average rate of the planned hours", "R57")


def planned_line(lines: Sequence[LinePlan]) -> LinePlan | None:
    """The line without tasks, else the first."""
    return next((plan for plan in lines if not plan.line.tasks), lines[0] if lines else None)


def _known_rates(draft: Draft, project: Project, plan: LinePlan, limit: int) -> dict[Worker, Rate]:
    """A memo of the project's, while contract and dimensions are the same, and where hours are charged at cost the exchange rates."""
    key = ("planned rates", project.project_id)
    base = (plan.key, project.activated)
    quotes = draft.reference.exchange_rates if is_at_cost(draft, plan) else None
    kept: tuple[object, object, dict[Worker, Rate]] | None = draft.memo.people.get(key)
    if kept is None or kept[0] != base or kept[1] is not quotes or len(kept[2]) > limit:
        kept = draft.memo.people[key] = (base, quotes, {})
    return kept[2]


def is_at_cost(draft: Draft, plan: LinePlan) -> bool:
    """Whether some version of the line's terms charges hours at cost, which exchange rates move."""
    contract = draft.contract_in_books(plan.contract_id)
    return any(
        line.line_id == plan.line.line_id and methods.cost_markup(line.terms) is not None
        for stored in contract.history
        for line in stored.terms.lines
    )


def planned_bill_rate(draft: Draft, project: Project, newest: LinePlan, contract: Contract, worker: Worker) -> Rate:
    """By R5 on the line, for work without a task; 0 where none is known."""
    person_id, role, day, own = worker
    plan = line_plan(draft, contract, version_on(contract, day), newest.line.line_id) or newest
    if (markup := methods.cost_markup(plan.line.terms)) is not None:
        return _rate_at_cost(draft, plan, worker, markup)
    person = draft.reference.person_on(person_id, day)
    decision = resolve_bill_rate(planned_query(project, person, person_id, role, plan, day, own), draft.reference)
    if not isinstance(decision, RateDecision):
        return 0
    if draft.asked is None:
        return decision.rate
    stated = draft.assignments(project.project_id)
    theirs = [one for one in stated if one.person_id == person_id and one.bill_rate == own]
    sources = price_record.RateSources(draft.reference, theirs)
    return Recorded(price_record.planned_rate(sources, plan, person_id, day, decision))


def _rate_at_cost(draft: Draft, plan: LinePlan, worker: Worker, markup: Percent) -> Rate:
    """What an hour costs with what the terms add; 0 without a cost rate or its exchange rate."""
    person_id, role, day, _ = worker
    found = cost_rate_of(draft, person_id, role, day)
    exchange = rate_to(draft, plan.policies, found.currency, plan.currency, day) if found is not None else None
    if found is None or exchange is None:
        return 0
    return marked_up(_rate(draft, found, day), exchange, markup, plan.currency, f"cost of an hour of {person_id}")
