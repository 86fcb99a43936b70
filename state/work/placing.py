"""Which contract line takes a piece of work, and the service date it has there."""

from datetime import date

from domain.contract import BEGINNING, covers, in_force
from domain.events.delivery import TimeApproved
from domain.reference.zones import local_date
from domain.refusals import UNSUPPORTED, of_line
from domain.terms.methods import units
from domain.work.rows import COUNTED_TIME, DELIVERY, EXPENSE, TAKEN_AS, counted_as
from state.books import Charge, Contract
from state.draft import Draft
from state.terms.known import Blocked
from state.terms.plan import (
    LinePlan,
    as_earned,
    billing_zone,
    contract_policies,
    line_plan,
    plan_for,
    terms_on,
    versions,
)
from state.value import Value

# What lines take, by the kind of a charge; what they take of people's time is "time".


class Placed(Value, frozen=True, array_like=True, gc=False):
    """The line that takes the work, and the service date in its billing zone."""

    plan: LinePlan
    day: date


def day_in(event: TimeApproved, zone: str) -> date:
    """The date as given, else the local date of the start; work is never split at midnight."""
    if event.worked_on is not None:
        return event.worked_on
    assert event.started_at is not None, "intake lets no work pass without a date or a start"
    return local_date(event.started_at, zone)


def approved_at(event: TimeApproved) -> int:
    return event.approved_at if event.approved_at is not None else event.occurred_at


def taken_projects(draft: Draft) -> dict[str, tuple[str, ...]]:
    """Contracts by the projects that their lines name, ids ascending."""
    found: dict[str, tuple[str, ...]] = draft.part("index", "contracts") or {}
    return found


def place(draft: Draft, event: TimeApproved | Charge, waived: tuple[str, ...]) -> Placed | Blocked:
    """Which line takes the work: by contract id the first whose line fits and whose dates include the day, else the first that fits."""
    outside: Placed | None = None
    ended: date | None = None
    blocked: Blocked | None = None
    candidates = taken_projects(draft).get(event.project_id, ())
    if isinstance(event, Charge) and event.contract_id is not None:
        candidates = (event.contract_id,) if event.contract_id in candidates else ()
    for contract_id in candidates:
        contract = draft.contract(contract_id)
        if contract is None or not contract.history:
            continue
        if contract.invalid is not None:
            why = f"contract {contract_id} is not in force: {contract.invalid}"
            blocked = blocked or Blocked("price", "no_contract", why, field="project_id")
            continue
        placed = _place_on(draft, contract, event)
        if isinstance(placed, Blocked):
            blocked = blocked or placed
        elif placed is not None:
            if covers(placed.plan.terms, contract.terminated_on, placed.day):
                return placed
            if outside is None:
                outside, ended = placed, contract.terminated_on
    if outside is not None:
        if "outside_contract_dates" in waived:
            return outside
        terms = outside.plan.terms
        runs = f"from {terms.starts_on} to {terms.ends_on or 'open end'}"
        if ended is not None:
            runs += f" and was terminated on {ended}"
        what = event.kind if isinstance(event, Charge) else "work"
        message = f"contract {terms.contract_id} runs {runs}, {what} is of {outside.day}"
        return Blocked("price", "outside_contract_dates", message, field=day_field(event))
    if blocked is not None:
        return blocked
    if event.project_id in taken_projects(draft):
        if event.line_id:
            what = f"line {event.line_id}"
        elif isinstance(event, Charge):
            what = f"{event.kind} {event.category or ''}".strip()
        else:
            what = f"task {event.task}" if event.task else "work without a task"
        return Blocked(
            "price", "no_contract_line", f"no contract line of project {event.project_id} takes {what}", field="line_id"
        )
    return Blocked("price", "no_contract", f"project {event.project_id} has no contract", field="project_id")


def takes(draft: Draft, contract: Contract, event: TimeApproved | Charge) -> bool:
    """Whether a line of the contract takes the work, on whatever day the contract ends."""
    placed = _place_on(draft, contract, event)
    if isinstance(event, Charge) and event.kind == DELIVERY and isinstance(placed, Placed):
        return units(placed.plan.line.terms) is not None
    return placed is not None


def day_field(event: TimeApproved | Charge) -> str:
    if isinstance(event, Charge):
        return "spent_on" if event.kind == EXPENSE else "delivered_on"
    return "worked_on"


def _place_on(draft: Draft, contract: Contract, event: TimeApproved | Charge) -> Placed | Blocked | None:
    if isinstance(event, Charge):
        what, content, day = TAKEN_AS[event.kind], counted_as(event.kind, event.category), event.day
    else:
        what, content, day = "time", COUNTED_TIME, event.worked_on or _service_day(draft, contract, event)
    history = contract.history
    number = history[0].version if len(history) == 1 else in_force(versions(contract), day).number
    if event.line_id is not None:
        plan = line_plan(draft, contract, number, event.line_id, content)
    else:
        plan = plan_for(draft, contract, number, event.project_id, event.task, what, content)
    if plan is None or (isinstance(event, Charge) and plan.line.project_id != event.project_id):
        return None
    if plan.refused is not None:
        field, why = plan.refused
        return Blocked("price", UNSUPPORTED, of_line(plan.line.line_id, why), field=field)
    return Placed(as_earned(draft, contract, plan), day)


def _service_day(draft: Draft, contract: Contract, event: TimeApproved | Charge) -> date:
    """The local date of the start in the billing zone of the terms that hold on it."""
    entity = draft.reference.entity(contract.terms.legal_entity_id)

    assert isinstance(event, TimeApproved), "every charge has a day"
    time = event

    def day_by(since: date) -> date:
        zone = billing_zone(terms_on(contract, since), entity, contract_policies(draft, contract, since))
        return day_in(time, zone)

    since = (stored.effective_on for stored in reversed(contract.history[1:]))
    return next((day for first in since if first <= (day := day_by(first))), None) or day_by(BEGINNING)
