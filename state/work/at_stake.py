"""What a parked entry keeps from being posted or billed: its value at the rate that would be used; where no rate is known, its cost.

Of a day outside the contract, which may be a mistyped year, the cost is that of the day of approval where its own has none. Where neither
is known the amount is 0, and the hours say how much waits.
"""

from domain.events.delivery import TimeApproved
from domain.events.reference import CostRateSet
from domain.exceptions import OUTSIDE, ExceptionCategory
from domain.money import extend
from domain.reference.zones import local_date
from domain.terms import methods
from domain.work.hours import worked_hours
from domain.work.rows import ADJUSTMENT, DELIVERY, row_id
from state.books import AtStake, Charge, Price, Work
from state.draft import AMOUNT_MAX, Draft
from state.terms.known import Blocked, Worker, cost_rate, entity_policies, worker_on
from state.work import stake_record
from state.work.bill_rates import rate_for, role_on
from state.work.placing import approved_at, day_in, place
from state.work.value_charge import delivered
from state.work.value_time import finer_than, left_out


def at_stake(draft: Draft, work: Work, blocked: Blocked) -> AtStake:
    """Of one side of the entry, or of the whole; of a charge its amount."""
    if work.time is not None:
        return _of_time(draft, row_id(work.subject_kind, work.subject_id), work.time, blocked)
    charge = work.subject
    assert isinstance(charge, Charge), "an entry is time or a charge"
    if charge.kind == DELIVERY:
        return _of_delivery(draft, charge)
    amount = stake_record.of_charge(draft, charge, charge.earned or 0 if charge.kind == ADJUSTMENT else charge.amount)
    return _within(AtStake(amount, charge.currency, "fact") if amount else AtStake())


def _of_delivery(draft: Draft, charge: Charge) -> AtStake:
    """What the units come to by themselves."""
    placed = place(draft, charge, (OUTSIDE,))
    price = delivered(charge, placed.plan) if not isinstance(placed, Blocked) else placed
    if isinstance(placed, Blocked) or not isinstance(price, Price):
        return AtStake()
    return _within(AtStake(stake_record.of_units(draft, charge, placed.plan, price), price.currency, "price"))


def _of_time(draft: Draft, row: str, event: TimeApproved, blocked: Blocked) -> AtStake:
    hours = worked_hours(event)
    if blocked.side in ("whole", "price") and event.billable:
        found = _value(draft, row, event)
        if found is not None:
            return _within(found)
    return _within(_cost(draft, row, event, blocked.category) or AtStake(hours=hours))


def _within(found: AtStake) -> AtStake:
    """An amount beyond what the books hold is nonsense of hours or rate; the hours are reported."""
    return found if abs(found.amount) <= AMOUNT_MAX else AtStake(hours=found.hours)


def _value(draft: Draft, row: str, event: TimeApproved) -> AtStake | None:
    """A date outside the contract is priced all the same, as it would be after a waiver."""
    placed = place(draft, event, (OUTSIDE,))
    if isinstance(placed, Blocked):
        return None
    plan, day = placed.plan, placed.day
    worker = worker_on(draft, event.person_id, day)
    at_cost = methods.cost_markup(plan.line.terms) is not None or methods.needs_cost(plan.line, plan.policies)
    if worker is None or at_cost:
        return None
    project, role = draft.project(event.project_id), role_at_stake(draft, event, worker)
    rated = rate_for(draft, event, project, worker.person, role, plan, day)
    if rated.rate is None:
        return None
    hours = methods.billable_hours(plan.line.terms, worked_hours(event), event.billable_hours, plan.policies)
    mode = plan.policies.money_mode
    amount = extend(hours, rated.rate, rated.markup, plan.currency, mode, finer_than(hours, event))
    amount = stake_record.at_rate(draft, row, event, plan, day, role, rated, amount)
    return AtStake(amount, plan.currency, "price", worked_hours(event))


def _cost(draft: Draft, row: str, event: TimeApproved, category: ExceptionCategory) -> AtStake | None:
    worker = worker_on(draft, event.person_id, event.worked_on or day_in(event, "UTC"))
    if worker is None:
        return None
    entity = worker.entity
    found = cost_rate_at_stake(draft, event, worker, category)
    if found is None:
        return None
    hours = worked_hours(event)
    mode = entity_policies(draft, entity).money_mode
    amount = extend(hours, found.rate, 0, found.currency, mode, left_out(event))
    amount = stake_record.at_cost(draft, row, event, entity, day_in(event, entity.zone), found, amount)
    return AtStake(amount, found.currency, "cost", hours)


def cost_rate_at_stake(
    draft: Draft, event: TimeApproved, worker: Worker, category: ExceptionCategory
) -> CostRateSet | None:
    """Of the day worked; of work outside the contract else of the day on which it was approved."""
    role, entity = role_at_stake(draft, event, worker), worker.entity
    days = [day_in(event, entity.zone)]
    if category == OUTSIDE:
        days.append(local_date(approved_at(event), entity.zone))
    rates = (cost_rate(draft, event.person_id, role, entity.legal_entity_id, day) for day in days)
    return next((rate for rate in rates if rate is not None), None)


def role_at_stake(draft: Draft, event: TimeApproved, worker: Worker) -> str:
    return role_on(draft, event, draft.project(event.project_id), worker.person, day_in(event, worker.entity.zone))
