"""What an hour's value goes by: its line, the person with company and policies, role, cost rate and bill rate of the day worked.

Bob has a cost rate to 31 May, and an amendment raises his bill rate from 15 April: hours of 14 and 15 April have two bill rates and one
cost rate, and an hour of 1 June has no cost rate.

Exchange rates and open periods are no part of it.
"""

from datetime import date

from domain.events.delivery import TimeApproved
from domain.events.reference import CostRateSet
from domain.terms.kind import RATED
from domain.units import Hours
from state.books import Entry, Project
from state.draft import Draft
from state.terms.known import Blocked, Worker, cost_rate, entity_policies, worker_on
from state.terms.plan import LinePlan
from state.value import Value
from state.work.bill_rates import Rated, rate_of_work, role_on
from state.work.placing import Placed, day_in, place, taken_projects


class HourTerms(Value, frozen=True, array_like=True, gc=False):
    """`plan` is of the line that takes the work, `blocked` says why none does; both are None for work that is not billed and has no
    contract. Without a worker there is neither role nor rate.

    `rated` is None where it is not the rate of the day worked, or where hours are not charged by themselves."""

    day: date
    plan: LinePlan | None
    blocked: Blocked | None
    worker: Worker | None
    role: str
    hours_max: Hours
    cost_rate: CostRateSet | None
    rated: Rated | None = None


def hour_terms(draft: Draft, entry: Entry, event: TimeApproved, project: Project) -> HourTerms:
    """The terms of the day worked."""
    is_taken = event.billable or event.project_id in taken_projects(draft)
    placed = place(draft, event, entry.waived) if is_taken else None
    if isinstance(placed, Placed):
        return terms_on(draft, event, project, placed.plan, placed.day)
    day = event.worked_on or day_in(event, "UTC")
    worker = worker_on(draft, event.person_id, day)
    if worker is None:
        return HourTerms(day, None, placed, None, "", entity_policies(draft, None).hours_max_per_entry, None)
    day = day_in(event, worker.entity.zone)
    role = role_on(draft, event, project, worker.person, day)
    costed = cost_rate(draft, event.person_id, role, worker.entity.legal_entity_id, day)
    return HourTerms(day, None, placed, worker, role, worker.policies.hours_max_per_entry, costed)


def terms_on(draft: Draft, event: TimeApproved, project: Project, plan: LinePlan, day: date) -> HourTerms:
    """The terms of a day on a line."""
    worker, most = worker_on(draft, event.person_id, day), plan.policies.hours_max_per_entry
    if worker is None:
        return HourTerms(day, plan, None, None, "", most, None)
    role = role_on(draft, event, project, worker.person, day)
    costed = cost_rate(draft, event.person_id, role, worker.entity.legal_entity_id, day)
    rated = None
    if plan.policies.rate_date == "service" and (plan.charged == RATED or not event.billable):
        rated = rate_of_work(draft, event, project, worker.person, role, plan, day)
    return HourTerms(day, plan, None, worker, role, most, costed, rated)
