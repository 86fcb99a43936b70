"""What assignments plan of a forecast, asked of its rule with numbers that say which events state them (R57)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from domain.events.delivery import ResourceAssigned
from domain.explanation import Node, Parameter, constant, evaluated, total
from domain.figure import Recorded, as_recorded, node_of
from domain.money import HALF_UP, format_decimal
from domain.terms import methods
from domain.units import RATE_SCALE, Hours, Rate
from domain.why import in_event
from domain.work.rates import RateDecision
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.rating import Rating
from state.forecast.outlook import has_ended, last_day
from state.forecast.planned import (
    Assigned,
    PlannedWork,
    Worker,
    assigned_in,
    average_rate,
    cost_rate_of,
    first_month,
    less_worked,
    planned_bill_rate,
    planned_decision,
    planned_line,
)
from state.forecast.tracks import rate_to
from state.terms.plan import LinePlan, line_plan, version_on
from state.work.price_record import RateSources, cost_rate, planned_rate

if TYPE_CHECKING:
    from milepost.explain.forecasts import ForecastContext

RATE_STEP: Mapping[str, Parameter] = {"step": format_decimal(1, RATE_SCALE), "mode": HALF_UP}


class PlannedNodes:
    def __init__(
        self, rating: Rating, entries: EntryNodes, entries_of: Callable[[ForecastContext], list[VersionStanding]]
    ) -> None:
        self.rating = rating
        self.entries = entries
        self.entries_of = entries_of
        self._bound = entries.recorded.bound
        self._assigned: dict[tuple[int, str], Assigned] = {}
        self._left: dict[tuple[int, str], PlannedWork] = {}

    def assigned(self, of: ForecastContext) -> Assigned:
        """From the month that runs on."""
        key = of.said.step, of.update.project_id
        if key not in self._assigned:
            project = of.draft.project(of.update.project_id)
            first, end = first_month(of.update.as_of), last_day(of.draft, project)
            self._assigned[key] = assigned_in([self._recorded(one) for one in project.assignments], first, end)
        return self._assigned[key]

    def _recorded(self, assignment: ResourceAssigned) -> ResourceAssigned:
        def of_month(place: int, month: str, hours: Hours) -> Recorded:
            title = f"planned in {month} by {assignment.assignment_id}"
            return Recorded(self._bound(in_event(title, hours, "hours", assignment, f"planned[{place}].hours")))

        return assignment._replace(
            planned=tuple(
                row._replace(hours=of_month(place, *row)) if row.hours > 0 else row
                for place, row in enumerate(assignment.planned)
            )
        )

    def left(self, of: ForecastContext) -> PlannedWork:
        """What is not worked yet of it."""
        key = of.said.step, of.update.project_id
        if key not in self._left:
            first, planned = first_month(of.update.as_of), self.assigned(of).planned
            if has_ended(of.draft, of.draft.project(of.update.project_id), of.update.as_of):
                planned = PlannedWork()
            self._left[key] = less_worked(planned, first, partial(self._worked_in, of, first))
        return self._left[key]

    def _worked_in(self, of: ForecastContext, month: str) -> Hours:
        worked = [
            self.entries.worked_on(at)
            for at in self.entries_of(of)
            if at.work.cost is not None and at.work.cost.day.isoformat().startswith(month)
        ]
        return Recorded(total(f"worked in {month}", worked, "hours"))

    def cost_rate(self, of: ForecastContext, assignment: ResourceAssigned, day: date) -> tuple[str, Rate] | None:
        found = cost_rate_of(of.draft, assignment.person_id, assignment.role, day)
        return (found.currency, Recorded(self._bound(cost_rate(found, day)))) if found is not None else None

    # What planned hours are billed at

    def rate(self, of: ForecastContext) -> Node:
        """Their average."""
        title, plan = "average rate of the planned hours", planned_line(of.lines)
        if not of.forecast.planned_rate or plan is None:
            return constant(title, 0, "rate", of.currency)
        average = average_rate(self.assigned(of).ahead.values(), partial(self._bill_rate, of, plan))
        return node_of(average, title, "rate", of.currency)

    def _bill_rate(self, of: ForecastContext, plan: LinePlan, worker: Worker) -> Rate:
        draft, (person_id, _, day, own) = of.draft, worker
        project, contract = draft.project(of.update.project_id), draft.contract(plan.contract_id)
        assert contract is not None, "the plan is of a contract in the books"
        rate = planned_bill_rate(draft, project, plan, contract, worker)
        if not rate:
            return 0
        plan = line_plan(draft, contract, version_on(contract, day), plan.line.line_id) or plan
        if methods.cost_markup(plan.line.terms) is not None:
            return as_recorded(rate, self._at_cost(of, plan, worker))
        decision = planned_decision(draft, project, plan, contract, worker)
        assert isinstance(decision, RateDecision), "it has a rate"
        theirs = [one for one in project.assignments if one.person_id == person_id and one.bill_rate == own]
        return as_recorded(
            rate, self._bound(planned_rate(RateSources(draft.reference, theirs), plan, person_id, day, decision))
        )

    def _at_cost(self, of: ForecastContext, plan: LinePlan, worker: Worker) -> Node:
        person_id, role, day, _ = worker
        found = cost_rate_of(of.draft, person_id, role, day)
        assert found is not None, "it has a rate"
        exchange = rate_to(of.draft, plan.policies, found.currency, plan.currency, day)
        assert exchange is not None, "it has a rate"
        rates, legs = self.rating.legs(exchange, plan.policies.exchange_rate_type, day)
        operands = (self._bound(cost_rate(found, day)), *rates, self.entries.charges.markup(plan))
        parameters: dict[str, Parameter] = {"legs": legs, **RATE_STEP}
        return evaluated(f"cost of an hour of {person_id}", "convert", operands, parameters, "rate", plan.currency)
