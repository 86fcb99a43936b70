"""Can this work of a person be posted, and as what? Reads only; what it finds is posted by `state/ledger/posting.py`.

An entry has two sides that post apart, each whole as soon as it can: cost (person, cost rate, exchange rate, open period) and price
(contract, line, dates, rate, exchange rate, open period). A fault of the entry itself parks both (RULES section 6, Parking).
"""

from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from typing import Any

from domain.accounts import LABOR_COST, SERVICE_REVENUE
from domain.events.common import TimeAndMaterials
from domain.events.delivery import ResourceAssigned, TimeApproved
from domain.events.reference import LegalEntityDefined, PersonDefined
from domain.identity import content_digest
from domain.money import extend, extend_at, format_amount, format_decimal, round_ratio
from domain.policies import Resolved
from domain.policy_faults import ENTRY_MOST, HOURS_OF_A_YEAR
from domain.reference.exchange import Exchange
from domain.reference.zones import local_date, universal_day
from domain.terms import methods, time_and_materials
from domain.terms.kind import AT_COST, INCLUDED
from domain.units import (
    EXCHANGE_RATE_ONE,
    MICROSECONDS_A_MILLIONTH,
    MICROSECONDS_A_SECOND,
    Amount,
    Hours,
    Instant,
    Percent,
    Rate,
)
from domain.waiting import WaitKey, waits_for_cost_rate, waits_for_exchange_rate, waits_for_rate
from domain.work.rates import (
    NoRate,
    RateDecision,
    RateQuery,
    covering_assignment,
    overage_decision,
    resolve_bill_rate,
    role_of,
)
from state.books import Charge, Cost, Entry, Posted, Price, Project, Work
from state.draft import Draft
from state.terms.known import (
    Blocked,
    Slot,
    Worker,
    card_stretch,
    conversion,
    cost_rate,
    entity_policies,
    named_in_cards,
    open_day_from,
    slot_for,
    worker_on,
)
from state.terms.plan import LinePlan
from state.totals import of_side
from state.value import Value
from state.work.exchange_waits import NOTHING_WAITED, Waited, settled, settled_exchange
from state.work.placing import Placed, approved_at, day_field, day_in, place, taken_projects

WAIVABLE = frozenset({"self_approved", "hours_out_of_range", "outside_contract_dates", "after_project_end"})
MINUTE = 16_667  # of an hour in 10^-6, rounded up
FAR_OFF_DAYS = 366
SHOWN_RATE_MAX = 10**12 * EXCHANGE_RATE_ONE


class CostPlan(Value, frozen=True, array_like=True, gc=False):
    """`policies` are those of the legal entity that bears the cost."""

    cost: Cost
    slot: Slot
    policies: Resolved


class PricePlan(Value, frozen=True, array_like=True, gc=False):
    """`line` and `slot` are None for work that is not charged."""

    price: Price
    line: LinePlan | None
    slot: Slot | None
    decision: RateDecision | None

    @property
    def charged(self) -> bool:
        return self.line is not None


class Rated(Value, frozen=True, array_like=True, gc=False):
    """A bill rate with how it came about, which is kept once under its digest; no rate at all has no decision."""

    rate: Rate | None
    markup: Percent
    decision: RateDecision | None
    digest: str


class Valuation(Value, frozen=True, array_like=True, gc=False):
    """`cost` is None where there is none."""

    whole: Blocked | None
    cost: CostPlan | Blocked | None
    price: PricePlan | Blocked

    @property
    def complete(self) -> bool:
        return self.whole is None and not isinstance(self.cost, Blocked) and isinstance(self.price, PricePlan)

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        if self.whole is not None:
            return (self.whole,)
        return tuple([side for side in (self.cost, self.price) if isinstance(side, Blocked)])


def worked_hours(event: TimeApproved) -> Hours:
    """As given, else the real time between start and end."""
    if event.hours is not None:
        return event.hours
    return interval_hours(event) or 0


def interval_hours(event: TimeApproved) -> Hours | None:
    if event.started_at is None or event.ended_at is None:
        return None
    return (event.ended_at - event.started_at) // MICROSECONDS_A_MILLIONTH


def left_out(event: TimeApproved) -> int:
    """Microseconds that the hours worked, in six decimals, leave out of the time between start and end, or of seconds: 2,400 of 10 minutes.

    Stated hours that are rounded up have too much, so that it is below zero.
    """
    if event.seconds is not None and event.hours is not None:
        return event.seconds * MICROSECONDS_A_SECOND - event.hours * MICROSECONDS_A_MILLIONTH
    if event.hours is not None or event.started_at is None or event.ended_at is None:
        return 0
    return (event.ended_at - event.started_at) % MICROSECONDS_A_MILLIONTH


def finer_than(hours: Hours, event: TimeApproved) -> int:
    """The same of the hours that are charged, where these are all that was worked."""
    if event.billable_hours is not None:
        return 0
    finer = left_out(event)
    return finer if finer and hours == worked_hours(event) else 0


def finer_of(hours: Hours, entry: Entry | None) -> int:
    """The same of the hours that a statement lists of an entry."""
    work = entry.standing if entry is not None else None
    return finer_than(hours, work.time) if work is not None and work.time is not None else 0


def value_time(
    draft: Draft, entry: Entry, event: TimeApproved, standing: Work | None, waited: Waited = NOTHING_WAITED
) -> Valuation:
    """Judge one version of an entry; `standing` is the posted version it would replace, whose dates it takes over."""
    project = draft.project(event.project_id)
    placed = place(draft, event, entry.waived) if event.billable or event.project_id in taken_projects(draft) else None
    rough = placed.day if isinstance(placed, Placed) else event.worked_on or day_in(event, "UTC")
    worker = worker_on(draft, event.person_id, rough)
    if isinstance(placed, Placed):
        policies = placed.plan.policies
    else:
        policies = worker.policies if worker is not None else entity_policies(draft, None)
    hours = worked_hours(event)
    whole = _validity(draft, entry, event, project, worker, rough, hours, policies)
    if whole is not None:
        if whole.category == "hours_out_of_range":
            whole = whole._replace(waits=_waits_for_limit(event, placed, worker))
        return Valuation(whole, whole, whole)
    assert worker is not None, "an unknown worker is a fault of the whole entry"
    day = rough if isinstance(placed, Placed) else day_in(event, worker.entity.zone)
    role = role_on(draft, event, project, worker.person, day)
    return Valuation(
        None,
        _cost(draft, event, worker, role, day, hours, standing, waited),
        price_of(draft, entry, event, project, worker, role, placed, hours, standing, waited),
    )


def _waits_for_limit(
    event: TimeApproved, placed: Placed | Blocked | None, worker: Worker | None
) -> tuple[WaitKey, ...]:
    """The legal entity whose policy limits the hours."""
    if isinstance(placed, Placed):
        return (("entity", placed.plan.entity.legal_entity_id),)
    return (("entity", worker.entity.legal_entity_id),) if worker is not None else (("person", event.person_id),)


def role_on(draft: Draft, event: TimeApproved, project: Project, person: PersonDefined, day: date) -> str:
    if event.role is not None or not project.assignments:
        return event.role or person.role
    return role_of(None, assigned(draft, project, event.person_id), person, day)


def assigned(draft: Draft, project: Project, person_id: str) -> tuple[ResourceAssigned, ...]:
    """The person's assignments on the project."""
    key = ("assigned", project.project_id, person_id)
    known: tuple[Any, tuple[ResourceAssigned, ...]] | None = draft.plans.get(key)
    if known is None or known[0] is not project.assignments:
        own = tuple(one for one in project.assignments if one.person_id == person_id)
        known = draft.plans[key] = (project.assignments, own)
    return known[1]


# Validity


def _validity(
    draft: Draft,
    entry: Entry,
    event: TimeApproved,
    project: Project,
    worker: Worker | None,
    day: date,
    hours: Hours,
    policies: Resolved,
) -> Blocked | None:
    if "hours_out_of_range" not in entry.waived or max(hours, event.billable_hours or 0) > HOURS_OF_A_YEAR:
        fault = _hours_fault(event, hours, policies.hours_max_per_entry)
        if fault is not None:
            return Blocked("whole", "hours_out_of_range", fault[1], field=fault[0])
    if (
        event.submitted_by is not None
        and event.submitted_by == event.approved_by
        and "self_approved" not in entry.waived
    ):
        return Blocked(
            "whole", "self_approved", f"{event.approved_by} submitted and approved the entry", field="approved_by"
        )
    if entry.conflict is not None:
        return Blocked("whole", "conflicting_version", "the version came twice with different content", field="version")
    if worker is None:
        return unknown_worker(draft, event.person_id, day)
    recorded_at = event.recorded_at if event.recorded_at is not None else event.occurred_at
    return _ended_or_far_off(draft, entry, project, day, recorded_at, "worked_on")


def ended_or_far_off(draft: Draft, entry: Entry, charge: Charge) -> Blocked | None:
    """As of time, of something spent or delivered."""
    recorded_at = charge.recorded_at if charge.recorded_at is not None else charge.approved_at
    project = draft.project(charge.project_id)
    return _ended_or_far_off(draft, entry, project, charge.day, recorded_at, day_field(charge))


def _ended_or_far_off(
    draft: Draft, entry: Entry, project: Project, day: date, recorded_at: Instant, field: str
) -> Blocked | None:
    """After the project's end, or a wrong year: work of more than a year after it was recorded, or of more than a year before its project
    and its contracts begin.

    Of a wrong year nothing may be booked, not even its cost: it would stand in a period that nobody looks at.
    """
    if project.closed_on is not None and day > project.closed_on and "after_project_end" not in entry.waived:
        message = f"project {project.project_id} ended on {project.closed_on}, work is of {day}"
        return Blocked("whole", "after_project_end", message, field=field)
    recorded = universal_day(recorded_at)
    ahead = day.toordinal() - recorded
    if -FAR_OFF_DAYS <= ahead <= FAR_OFF_DAYS:
        return None
    if ahead > 0:
        if "after_project_end" in entry.waived:
            return None
        message = f"work is of {day}, but was recorded on {date.fromordinal(recorded)}, more than a year before"
        return Blocked("whole", "after_project_end", message, field=field)
    begins = _begins(draft, project)
    if begins is None or (begins - day).days <= FAR_OFF_DAYS or "outside_contract_dates" in entry.waived:
        return None
    message = (
        f"work is of {day}, more than a year before project {project.project_id} and its contracts begin on {begins}"
    )
    return Blocked("whole", "outside_contract_dates", message, field=field)


def _begins(draft: Draft, project: Project) -> date | None:
    """The first day of the project or of any of its contracts; None where nobody has said."""
    days = [] if project.activated is None else [project.activated.starts_on]
    for contract_id in taken_projects(draft).get(project.project_id, ()):
        contract = draft.contract(contract_id)
        if contract is not None:
            days += [version.terms.starts_on for version in contract.history]
    return min(days, default=None)


def _hours_fault(event: TimeApproved, hours: Hours, limit: Hours) -> tuple[str, str] | None:
    """Field and message where hours are below zero, above the policy, or differ from start and end by more than a minute."""
    stated = event.billable_hours
    if not 0 <= hours <= limit:
        return "hours", f"expected 0 to {_hours(limit)} hours, got {_hours(hours)}"
    if stated is not None and not 0 <= stated <= limit:
        return "billable_hours", f"expected 0 to {_hours(limit)} billable hours, got {_hours(stated)}"
    if event.started_at is None or event.hours is None:
        return None
    elapsed = interval_hours(event)
    if elapsed is not None and abs(hours - elapsed) > MINUTE:
        return "hours", f"{_hours(hours)} hours are given, but start and end are {_hours(elapsed)} hours apart"
    return None


def _hours(hours: Hours) -> str:
    return format_decimal(hours, 6)


def unknown_worker(draft: Draft, person_id: str, day: date) -> Blocked:
    person = draft.reference.person_on(person_id, day)
    if person is None:
        message = f"person {person_id} is not defined"
        return Blocked("whole", "unknown_reference", message, (("person", person_id),), "person_id")
    message = f"legal entity {person.legal_entity_id} of person {person_id} is not defined"
    return Blocked("whole", "unknown_reference", message, (("entity", person.legal_entity_id),), "legal_entity_id")


# Cost


def _cost(
    draft: Draft,
    event: TimeApproved,
    worker: Worker,
    role: str,
    day: date,
    hours: Hours,
    standing: Work | None,
    waited: Waited,
) -> CostPlan | Blocked:
    entity, policies = worker.entity, worker.policies
    found = cost_rate(draft, event.person_id, role, entity.legal_entity_id, day)
    if found is None:
        message = f"no cost rate for {event.person_id} ({role}) on {day}"
        return Blocked("cost", "no_cost_rate", message, waits_for_cost_rate(event.person_id, role), "person_id")
    start = event.worked_on or day_in(event, entity.zone)
    instead = None
    if standing is not None and standing.cost is not None and standing.time is not None:
        moved = standing.cost.day != day or day_in(standing.time, entity.zone) != start
        instead = None if moved else reversal_day(draft, standing, "cost", entity)
    slot = slot_for(draft, "cost", entity, found.currency, start, instead, day, policies)
    slot = settled(draft, slot, "cost", day, policies, waited)
    if isinstance(slot, Blocked):
        return slot._replace(waits=(*slot.waits, *waits_for_cost_rate(event.person_id, role)))
    amount = extend(hours, found.rate, 0, found.currency, policies.money_mode, left_out(event))
    if is_beyond(amount, slot):
        waits = waits_for_cost_rate(event.person_id, role)
        return _beyond("cost", amount, slot, f"cost rate {found.cost_rate_id}", waits, policies)
    cost = Cost(
        entity.legal_entity_id,
        found.currency,
        found.cost_rate_id,
        found.version,
        found.rate,
        hours,
        amount,
        day,
        LABOR_COST,
    )
    return CostPlan(cost, slot, policies)


# Booking dates of what replaces


def reversal_day(draft: Draft, work: Work, purpose: str, entity: LegalEntityDefined) -> date | None:
    """The date that a reversal of the side's oldest standing journal would take; None where none stands in the entity."""
    entity_id = entity.legal_entity_id
    oldest = next(
        (journal for journal in work.journals if journal.legal_entity_id == entity_id and of_side(journal, purpose)),
        None,
    )
    return journal_reversal_day(draft, oldest) if oldest is not None else None


def journal_reversal_day(draft: Draft, journal: Posted) -> date:
    entity = draft.reference.entity(journal.legal_entity_id)
    assert entity is not None, "a journal was posted in this entity"
    return open_day_from(draft, entity, journal.accounting_date)


# Price


def price_of(
    draft: Draft,
    entry: Entry,
    event: TimeApproved,
    project: Project,
    worker: Worker,
    role: str,
    placed: Placed | Blocked | None,
    worked: Hours,
    standing: Work | None,
    waited: Waited,
) -> PricePlan | Blocked:
    if not event.billable:
        return _uncharged(draft, event, project, worker, role, placed, worked)
    if isinstance(placed, Blocked):
        return placed
    assert placed is not None, "billable work was placed or blocked"
    plan, day = placed.plan, placed.day
    if plan.charged == INCLUDED:
        return _included(draft, entry, event, worker, role, plan, day, worked, waited)
    hours = time_and_materials.billable_hours(worked, event.billable_hours, plan.policies, left_out(event))
    if plan.charged == AT_COST:
        return _at_cost(draft, entry, event, worker, role, plan, day, worked, hours, standing, waited)
    return _at_rate(draft, event, project, worker, role, plan, day, worked, hours, standing, waited)


def _at_rate(
    draft: Draft,
    event: TimeApproved,
    project: Project,
    worker: Worker,
    role: str,
    plan: LinePlan,
    day: date,
    worked: Hours,
    hours: Hours,
    standing: Work | None,
    waited: Waited,
) -> PricePlan | Blocked:
    """Hours at the rate of the card or the terms, or at that of what goes beyond a package."""
    policies = plan.policies
    rated = _overage(draft, plan) if plan.draws is not None else None
    rated = rated or rate_for(draft, event, project, worker.person, role, plan, day)
    if rated.rate is None and policies.no_rate == "queue":
        waits = waits_for_rate(rate_query(draft, event, project, worker.person, role, plan, day), draft.reference)
        message = f"no rate for {event.person_id} ({role}) on {day} in {plan.currency}"
        return Blocked("price", "no_rate", message, waits, "person_id")
    slot = _price_slot(draft, event, plan, day, standing, waited)
    if isinstance(slot, Blocked):
        return slot
    rate = rated.rate or 0

    def value(of: Hours, finer: int) -> Amount:
        return extend(of, rate, rated.markup, plan.currency, policies.money_mode, finer)

    def beyond() -> tuple[str, tuple[WaitKey, ...]]:
        query = rate_query(draft, event, project, worker.person, role, plan, day)
        return f"rate {format_decimal(rate, 6)}", waits_for_rate(query, draft.reference)

    return _by_the_hour(event, plan, day, role, worked, hours, rated, slot, value, beyond)


def _by_the_hour(
    event: TimeApproved,
    plan: LinePlan,
    day: date,
    role: str,
    worked: Hours,
    hours: Hours,
    rated: Rated,
    slot: Slot,
    value: Callable[[Hours, int], Amount],
    beyond: Callable[[], tuple[str, tuple[WaitKey, ...]]],
) -> PricePlan | Blocked:
    """`value` is what hours come to; `beyond` names the rate, and what is waited for, where that is too much."""
    uncharged = max(worked - hours, 0) if event.billable_hours is not None else 0
    price = Price(
        plan.contract_id,
        plan.line.line_id,
        plan.currency,
        day,
        approved_at(event),
        role,
        rated.rate or 0,
        rated.markup,
        rated.digest,
        hours,
        value(hours, finer_than(hours, event)),
        value(uncharged, 0) if uncharged else 0,
        account=plan.account_for(SERVICE_REVENUE),
        earned=plan.earned,
        by_day=plan.by_day,
    )
    if is_beyond(price.value + price.memo, slot):
        return _beyond("price", price.value + price.memo, slot, *beyond(), plan.policies)
    return PricePlan(price, plan, slot, rated.decision)


def _price_slot(
    draft: Draft, event: TimeApproved, plan: LinePlan, day: date, standing: Work | None, waited: Waited
) -> Slot | Blocked:
    kept = standing is not None and standing.price is not None and standing.price.day == day
    instead = reversal_day(draft, standing, "revenue", plan.entity) if kept and standing is not None else None
    start = event.worked_on or day_in(event, plan.entity.zone)
    slot = slot_for(draft, "price", plan.entity, plan.currency, start, instead, day, plan.policies)
    return settled(draft, slot, "price", day, plan.policies, waited)


def _at_cost(
    draft: Draft,
    entry: Entry,
    event: TimeApproved,
    worker: Worker,
    role: str,
    plan: LinePlan,
    day: date,
    worked: Hours,
    hours: Hours,
    standing: Work | None,
    waited: Waited,
) -> PricePlan | Blocked:
    """Hours at what they cost, with what the terms add; in contract currency by the rate of the day, rounded once."""
    costing = _cost_of_hour(draft, entry, event, worker, role, day)
    if costing is None:
        message = f"no cost rate for {event.person_id} ({role}) on {day}, at which line {plan.line.line_id} charges"
        return Blocked("price", "no_cost_rate", message, waits_for_cost_rate(event.person_id, role), "person_id")
    rate, currency = costing
    exchange = into_contract(draft, plan, currency, day, waited)
    if isinstance(exchange, Blocked):
        return exchange
    slot = _price_slot(draft, event, plan, day, standing, waited)
    if isinstance(slot, Blocked):
        return slot
    mode, markup = plan.policies.money_mode, methods.cost_markup(plan.line.terms) or 0

    def value(of: Hours, finer: int) -> Amount:
        return extend_at(of, rate, exchange.numerator, exchange.denominator, markup, plan.currency, mode, finer)

    def beyond() -> tuple[str, tuple[WaitKey, ...]]:
        return f"cost rate {format_decimal(rate, 6)} {currency}", waits_for_cost_rate(event.person_id, role)

    rated = Rated(round_ratio(rate * exchange.numerator, exchange.denominator, 1, mode), markup, None, "")
    return _by_the_hour(event, plan, day, role, worked, hours, rated, slot, value, beyond)


def into_contract(draft: Draft, plan: LinePlan, currency: str, day: date, waited: Waited) -> Exchange | Blocked:
    """The rate of the day between the currency of a cost and the contract's."""
    found = conversion(draft, "price", plan.entity, currency, plan.currency, day, plan.policies)
    return settled_exchange(draft, found, "price", plan.entity, currency, plan.currency, day, waited)


def _cost_of_hour(
    draft: Draft, entry: Entry, event: TimeApproved, worker: Worker, role: str, day: date
) -> tuple[Rate, str] | None:
    """Rate and currency as the version was booked, which cost rates that come later do not change; else by what is known now."""
    work = entry.work
    if work is not None and work.time is event and work.cost is not None:
        return work.cost.rate, work.cost.currency
    found = cost_rate(draft, event.person_id, role, worker.entity.legal_entity_id, day)
    return (found.rate, found.currency) if found is not None else None


def _included(
    draft: Draft,
    entry: Entry,
    event: TimeApproved,
    worker: Worker,
    role: str,
    plan: LinePlan,
    day: date,
    worked: Hours,
    waited: Waited,
) -> PricePlan | Blocked:
    """Work that the charges of its terms are for: it is the line's, at a price of zero, and posts nothing.

    Where its cost counts as spent of the line's budgets, that needs the day's rate.
    """
    costing = _cost_of_hour(draft, entry, event, worker, role, day) if methods.by_budgets(plan.line) else None
    if costing is not None:
        exchange = into_contract(draft, plan, costing[1], day, waited)
        if isinstance(exchange, Blocked):
            return exchange
    hours = time_and_materials.billable_hours(worked, event.billable_hours, plan.policies, left_out(event))
    price = Price(
        plan.contract_id, plan.line.line_id, plan.currency, day, approved_at(event), role, 0, 0, "", hours, 0, 0
    )
    return PricePlan(price, plan, None, None)


def _overage(draft: Draft, plan: LinePlan) -> Rated | None:
    """The rate of what goes beyond what the terms include, where they state it."""
    stated = methods.overage_rate(plan.line.terms)
    if stated is None:
        return None
    key = ("overage", plan.key)
    found: Rated | None = draft.plans.get(key)
    if found is None:
        decision = overage_decision(stated, plan.line.line_id, plan.version)
        found = draft.plans[key] = Rated(stated, 0, decision, content_digest(decision))
    return found


def is_beyond(amount: Amount, slot: Slot) -> bool:
    """Whether the amount, in its currency or in the ledger's, is more than one piece of work may come to."""
    exchange, size = slot.exchange, abs(amount)
    most = ENTRY_MOST * exchange.denominator
    return size > ENTRY_MOST or size * exchange.numerator > most or exchange.rate >= SHOWN_RATE_MAX


def _beyond(
    side: str, amount: Amount, slot: Slot, rate: str, waits: tuple[WaitKey, ...], policies: Resolved
) -> Blocked:
    """No waiver lets it pass: only other hours, another rate or another exchange rate."""
    ledger = slot.entity.currency
    message = (
        f"expected at most {format_amount(ENTRY_MOST)} for one entry, got {format_amount(amount, slot.currency)} {slot.currency}"
        f" at {rate}, to {ledger} at {format_decimal(slot.exchange.rate, 12)}"
    )
    exchange = waits_for_exchange_rate(
        slot.currency,
        ledger,
        slot.entity.legal_entity_id,
        (slot.accounting_date,),
        policies.rate_staleness_days,
    )
    return Blocked(side, "hours_out_of_range", message, (*waits, *exchange), "hours")


def _uncharged(
    draft: Draft,
    event: TimeApproved,
    project: Project,
    worker: Worker,
    role: str,
    placed: Placed | Blocked | None,
    worked: Hours,
) -> PricePlan:
    """Work that is not charged has a memo value where a rate is found; a missing one, or one beyond all measure, never parks it."""
    memo, currency, rate = 0, "", 0
    day = event.worked_on or day_in(event, worker.entity.zone)
    if isinstance(placed, Placed):
        day = placed.day
        rated = rate_for(draft, event, project, worker.person, role, placed.plan, day)
        if rated.rate is not None and methods.cost_markup(placed.plan.line.terms) is None:
            currency, rate = placed.plan.currency, rated.rate
            mode = placed.plan.policies.money_mode
            memo = extend(worked, rate, rated.markup, currency, mode, left_out(event))
            memo = memo if memo <= ENTRY_MOST else 0
    return PricePlan(Price("", "", currency, day, approved_at(event), role, rate, 0, "", 0, 0, memo), None, None, None)


def rate_for(
    draft: Draft,
    event: TimeApproved,
    project: Project,
    person: PersonDefined,
    role: str,
    plan: LinePlan,
    day: date,
) -> Rated:
    """The rate by R5; remembered while no rate that could matter begins or ends."""
    rate_day = _rate_day(event, plan, day)
    dimensions = project.activated.dimensions if project.activated is not None else {}
    billed_as = person if rate_day == day else draft.reference.person_on(event.person_id, rate_day)
    persons, tasks = _named(draft, plan)
    by_person = event.person_id in persons or (billed_as is not None and billed_as.bill_rate is not None)
    key = (
        plan.key,
        event.project_id,
        event.person_id if by_person else None,
        billed_as.version if by_person and billed_as is not None else None,
        role,
        event.task if event.task in tasks else None,
        card_stretch(draft, rate_day),
        bisect_right(plan.rate_days, rate_day),
        event.overtime,
        event.rate,
        event.rate_approved_by,
        assignment_on(draft, project, event.person_id, day) if project.assignments else None,
        dimensions.get("practice") or person.practice,
        dimensions.get("region") or person.region,
    )
    found: Rated | None = draft.plans.get(key)
    if found is None:
        query = rate_query(draft, event, project, person, role, plan, day)
        decision = resolve_bill_rate(query, draft.reference)
        if isinstance(decision, NoRate):
            found = Rated(None, 0, None, "")
        else:
            found = Rated(decision.rate, decision.markup, decision, content_digest(decision))
        draft.plans[key] = found
    return found


def _named(draft: Draft, plan: LinePlan) -> tuple[frozenset[str], frozenset[str]]:
    """Persons and tasks that a rate of the line or of any card is for; all others are rated alike."""
    key = ("named", plan.key)
    found: tuple[frozenset[str], frozenset[str]] | None = draft.plans.get(key)
    if found is None:
        persons, tasks = named_in_cards(draft)
        stated = plan.line.terms.rates if isinstance(plan.line.terms, TimeAndMaterials) else ()
        found = draft.plans[key] = (
            persons.union(rate.person_id for rate in stated if rate.person_id is not None),
            tasks.union(rate.task for rate in stated if rate.task is not None),
        )
    return found


def rate_query(
    draft: Draft, event: TimeApproved, project: Project, person: PersonDefined, role: str, plan: LinePlan, day: date
) -> RateQuery:
    """Practice and region are the project's, where it states them, else the person's."""
    dimensions = project.activated.dimensions if project.activated is not None else {}
    return RateQuery(
        service_date=_rate_day(event, plan, day),
        currency=plan.currency,
        person_id=event.person_id,
        role=role,
        task=event.task,
        project_id=event.project_id,
        customer_id=plan.customer_id,
        legal_entity_id=plan.terms.legal_entity_id,
        practice=dimensions.get("practice") or person.practice,
        region=dimensions.get("region") or person.region,
        terms=plan.line.terms,
        entry_rate=event.rate,
        entry_rate_approver=event.rate_approved_by,
        assignment_rate=assignment_on(draft, project, event.person_id, day),
        overtime=event.overtime,
        precedence=plan.policies.rate_precedence,
    )


def _rate_day(event: TimeApproved, plan: LinePlan, day: date) -> date:
    return day if plan.policies.rate_date == "service" else local_date(approved_at(event), plan.entity.zone)


def assignment_on(draft: Draft, project: Project, person_id: str, day: date) -> tuple[int, str] | None:
    """The bill rate of the assignment that covers the day, None where that states none."""
    assignment = covering_assignment(assigned(draft, project, person_id), person_id, day)
    rate = assignment.bill_rate if assignment is not None else None
    return (rate.amount, rate.currency) if rate is not None else None
