"""What the assignments plan from a month on: hours, what they would cost, and at which average rate they would be
billed.

Of the month that runs only what is not worked yet is planned. Months more than five years ahead, and after the
project was closed, do not count.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.events.delivery import ResourceAssigned
from domain.forecast import MONTHS_MAX, NOTHING, Tally, added, value_of
from domain.money import HALF_UP, round_ratio, smallest_unit
from domain.outputs import ForecastDemand
from domain.rates import RateDecision, RateQuery, resolve_bill_rate
from domain.units import Amount, Hours, Rate
from state.assess import assignment_on
from state.books import Contract, Project
from state.draft import Draft
from state.known import cost_rate, worker_on
from state.plan import LinePlan, line_plan, version_on


class Planned(NamedTuple):
    """`months` ascending with what is left of them; `demand` is what the assignments say, by month and role."""

    months: tuple[tuple[str, Hours], ...] = ()
    demand: tuple[ForecastDemand, ...] = ()

    @property
    def hours(self) -> Hours:
        return sum(hours for _, hours in self.months)


class Ahead(NamedTuple):
    """What an assignment plans: hours by month, all of them, and the first day that is planned."""

    assignment: ResourceAssigned
    planned: tuple[tuple[str, Hours], ...]
    hours: Hours
    day: date


def planned_from(draft: Draft, project: Project, as_of: date) -> Planned:
    first = as_of.isoformat()[:7]
    key = ("planned", project.project_id, first)
    ahead = _ahead(draft, project, first)
    kept = draft.plans.get(key)
    if kept is None or kept[0] is not ahead:
        kept = draft.plans[key] = (ahead, _planned(ahead))
    planned: Planned = kept[1]
    if not planned.months or planned.months[0][0] != first:
        return planned
    worked = sum(tally[0] for month, tally in project.months.items() if month.startswith(first))
    left = max(planned.months[0][1] - max(worked, 0), 0)
    return Planned(((first, left), *planned.months[1:]), planned.demand)


def _planned(ahead: Mapping[str, Ahead]) -> Planned:
    months: dict[str, Hours] = {}
    demand: dict[tuple[str, str], Hours] = {}
    for assignment, planned, _, _ in ahead.values():
        for month, hours in planned:
            months[month] = months.get(month, 0) + hours
            demand[month, assignment.role] = demand.get((month, assignment.role), 0) + hours
    return Planned(
        tuple(sorted(months.items())),
        tuple(ForecastDemand(role, month, hours) for (month, role), hours in sorted(demand.items())),
    )


def _ahead(draft: Draft, project: Project, first: str) -> Mapping[str, Ahead]:
    """By assignment, those that plan anything. Large projects have hundreds, of which an event changes one."""
    key = ("ahead", project.project_id, first, project.closed_on)
    kept: tuple[object, dict[str, Ahead]] | None = draft.plans.get(key)
    if kept is not None and kept[0] is project.assignments:
        return kept[1]
    last = f"{int(first[:4]) + MONTHS_MAX // 12:04d}{first[4:]}"
    if project.closed_on is not None:
        last = min(last, project.closed_on.isoformat()[:7])
    before = kept[1] if kept is not None else {}
    found: dict[str, Ahead] = {}
    for assignment in project.assignments:
        known = before.get(assignment.assignment_id)
        if known is None or known.assignment is not assignment:
            known = _of_assignment(assignment, first, last)
        if known.planned:
            found[assignment.assignment_id] = known
    draft.plans[key] = (project.assignments, found)
    return found


def _of_assignment(assignment: ResourceAssigned, first: str, last: str) -> Ahead:
    planned = tuple((month, hours) for month, hours in assignment.planned if first <= month <= last and hours > 0)
    day = _day_in(planned[0][0], assignment) if planned else assignment.starts_on
    return Ahead(assignment, planned, sum(hours for _, hours in planned), day)


def planned_cost(
    draft: Draft, project: Project, planned: Planned, as_of: date, now: Mapping[str, Tally]
) -> dict[str, Tally]:
    """Cost of the planned hours by currency, at cost rates; hours without one at the average cost of an hour so far."""
    first = as_of.isoformat()[:7]
    costs: dict[str, Amount] = {}
    whole = uncosted = 0
    for assignment, months, _, _ in _ahead(draft, project, first).values():
        for month, hours in months:
            whole += hours
            found = _cost_rate(draft, assignment, _day_in(month, assignment))
            if found is None:
                uncosted += hours
                continue
            currency, rate = found
            cost = value_of(hours, NOTHING, rate, smallest_unit(currency))
            costs[currency] = costs.get(currency, 0) + cost
    if not whole:
        return {}
    left = {currency: (0, _part(cost, planned.hours, whole, currency), 0) for currency, cost in costs.items()}
    worked = sum(tally[0] for tally in now.values())
    for currency, (_, cost, _) in now.items() if uncosted and worked else ():
        share = _part(cost, uncosted * planned.hours, worked * whole, currency)
        left[currency] = added(left.get(currency, NOTHING), (0, share, 0))
    return left


def _part(amount: Amount, of: int, whole: int, currency: str) -> Amount:
    return round_ratio(amount * of, whole, smallest_unit(currency), HALF_UP)


def _cost_rate(draft: Draft, assignment: ResourceAssigned, day: date) -> tuple[str, Rate] | None:
    worker = worker_on(draft, assignment.person_id, day)
    entity_id = worker.entity.legal_entity_id if worker is not None else ""
    found = cost_rate(draft, assignment.person_id, assignment.role, entity_id, day)
    return (found.currency, found.rate) if found is not None else None


def _day_in(month: str, assignment: ResourceAssigned) -> date:
    return max(date(int(month[:4]), int(month[5:7]), 1), assignment.starts_on)


def planned_rate(draft: Draft, project: Project, lines: Sequence[LinePlan], as_of: date) -> Rate:
    """Average of the planned hours that have a rate, each assignment at the rate of its first month that is planned."""
    plan = next((plan for plan in lines if not plan.line.tasks), lines[0] if lines else None)
    contract = draft.contract(plan.contract_id) if plan is not None else None
    if plan is None or contract is None:
        return 0
    hours = value = 0
    for assignment, _, planned, day in _ahead(draft, project, as_of.isoformat()[:7]).values():
        rate = _bill_rate(draft, project, plan, contract, assignment, day)
        if rate:
            hours, value = hours + planned, value + planned * rate
    return value // hours if hours else 0


def _bill_rate(
    draft: Draft, project: Project, plan: LinePlan, contract: Contract, assignment: ResourceAssigned, day: date
) -> Rate:
    """By R5, for work without a task on the project's line without tasks, else its first; 0 where none is known."""
    person_id, role = assignment.person_id, assignment.role
    own = assignment_on(draft, project, person_id, day)
    dimensions = project.activated.dimensions if project.activated is not None else {}
    practice, region = dimensions.get("practice"), dimensions.get("region")
    number = version_on(contract, day)
    key = ("planned rate", plan.key, number, project.project_id, person_id, role, day, own, practice, region)
    found: Rate | None = draft.plans.get(key)
    if found is None:
        plan = line_plan(draft, contract, number, plan.line.line_id) or plan
        person = draft.reference.person_on(person_id, day)
        query = RateQuery(
            service_date=day,
            currency=plan.currency,
            person_id=person_id,
            role=role,
            task=None,
            project_id=project.project_id,
            customer_id=plan.customer_id,
            legal_entity_id=plan.terms.legal_entity_id,
            practice=practice or (person.practice if person is not None else None),
            region=region or (person.region if person is not None else None),
            terms=plan.line.terms,
            assignment_rate=own,
            precedence=plan.policies.rate_precedence or (),
        )
        decision = resolve_bill_rate(query, draft.reference)
        found = draft.plans[key] = decision.rate if isinstance(decision, RateDecision) else 0
    return found
