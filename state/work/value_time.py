"""Can this work of a person be posted, and as what? Reads only; what it finds is posted by `state/ledger/posting.py`.

An entry has two sides that post apart, each whole as soon as it can: cost (person, cost rate, exchange rate, open period) and price
(contract, line, dates, rate, exchange rate, open period). A fault of the entry itself parks both (RULES section 6, Parking).
"""

from datetime import date
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import LABOR_COST, SERVICE_REVENUE
from domain.events.delivery import TimeApproved
from domain.events.reference import LegalEntityDefined
from domain.money import extend, extend_at, format_amount, format_decimal, round_ratio
from domain.policies import Resolved
from domain.policy_faults import ENTRY_MOST, HOURS_OF_A_YEAR
from domain.reference.exchange import Exchange
from domain.reference.zones import universal_day
from domain.terms import methods, time_and_materials
from domain.terms.kind import AT_COST, INCLUDED
from domain.tuples import new_tuple
from domain.units import (
    EXCHANGE_RATE_ONE,
    MICROSECONDS_A_MILLIONTH,
    MICROSECONDS_A_SECOND,
    Amount,
    Hours,
    Instant,
    Rate,
)
from domain.waiting import WaitKey, waits_for_cost_rate, waits_for_exchange_rate, waits_for_rate
from domain.work.hours import interval_hours, worked_hours
from state.books import Charge, Cost, Entry, Posted, Price, Project, Work
from state.draft import Draft
from state.terms.known import Blocked, Slot, conversion, open_day_from, slot_for
from state.terms.plan import LinePlan
from state.totals import issued_on
from state.value import Value
from state.work import price_record
from state.work.bill_rates import NO_RATE, Rated, rate_of_work, rate_query
from state.work.exchange_waits import NOTHING_WAITED, Waited, settled, settled_exchange
from state.work.hour_terms import HourTerms, hour_terms
from state.work.placing import approved_at, day_field, day_in, taken_projects

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

    @property
    def charged(self) -> bool:
        return self.line is not None


class Sides(NamedTuple):
    """`cost` is None where there is none; `whole` where neither side can be found without the other. `terms` are those of an
    hour; None of a charge."""

    whole: Blocked | None
    cost: CostPlan | Blocked | None
    price: PricePlan | Blocked
    terms: HourTerms | None = None


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


class TimeToValue(Value, frozen=True, array_like=True, gc=False):
    """One version of an entry with the terms of its day. `finer` are microseconds that the hours leave out, `standing` is the posted
    version that it would replace."""

    entry: Entry
    event: TimeApproved
    project: Project
    terms: HourTerms
    hours: Hours
    finer: int
    standing: Work | None
    waited: Waited


def value_time(
    draft: Draft, entry: Entry, event: TimeApproved, standing: Work | None, waited: Waited = NOTHING_WAITED
) -> Sides:
    """Value one version of an entry; `standing` is the posted version it would replace, whose dates it takes over."""
    worked = _to_value(draft, entry, event, standing, waited)
    whole = _validity(draft, worked)
    if whole is not None:
        return Sides(whole, whole, whole)
    return new_tuple(Sides, (None, _cost(draft, worked), price_of(draft, worked), worked.terms))


def price_of_time(draft: Draft, entry: Entry, event: TimeApproved, standing: Work | None) -> PricePlan | Blocked:
    """The same without its cost."""
    worked = _to_value(draft, entry, event, standing, NOTHING_WAITED)
    return _validity(draft, worked) or price_of(draft, worked)


def _to_value(draft: Draft, entry: Entry, event: TimeApproved, standing: Work | None, waited: Waited) -> TimeToValue:
    project = draft.project(event.project_id)
    terms = hour_terms(draft, entry, event, project)
    hours, finer = event.hours, 0
    if hours is None or event.seconds is not None:
        hours, finer = worked_hours(event), left_out(event)
    return TimeToValue(entry, event, project, terms, hours, finer, standing, waited)


# Validity


def _validity(draft: Draft, worked: TimeToValue) -> Blocked | None:
    entry, event, terms, day, hours = worked.entry, worked.event, worked.terms, worked.terms.day, worked.hours
    stated = event.billable_hours
    if terms.plan is None and event.worked_on is None:
        day = day_in(event, "UTC")
    if "hours_out_of_range" not in entry.waived or max(hours, stated or 0) > HOURS_OF_A_YEAR:
        within = 0 <= hours <= terms.hours_max and (stated is None or 0 <= stated <= terms.hours_max)
        if not within or event.started_at is not None:
            fault = _hours_fault(event, hours, terms.hours_max)
            if fault is not None:
                waits = _waits_for_limit(event, terms)
                return Blocked("whole", "hours_out_of_range", fault[1], waits, field=fault[0])
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
    if terms.worker is None:
        return unknown_worker(draft, event.person_id, day)
    recorded_at = event.recorded_at if event.recorded_at is not None else event.occurred_at
    return _ended_or_far_off(draft, entry, worked.project, day, recorded_at, "worked_on")


def _waits_for_limit(event: TimeApproved, terms: HourTerms) -> tuple[WaitKey, ...]:
    """The legal entity whose policy limits the hours."""
    if terms.plan is not None:
        return (("entity", terms.plan.entity.legal_entity_id),)
    if terms.worker is not None:
        return (("entity", terms.worker.entity.legal_entity_id),)
    return (("person", event.person_id),)


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
    if project.begins_after is not None and day <= project.begins_after:
        message = (
            f"work is of {day}, the balances of project {project.project_id} include all until {project.begins_after}"
        )
        return Blocked("whole", "in_balances", message, field=field)
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
        return "hours", f"expected the {_hours(elapsed)} h between start and end, got {_hours(hours)} h"
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


def _cost(draft: Draft, worked: TimeToValue) -> CostPlan | Blocked:
    event, terms, day, hours, standing = worked.event, worked.terms, worked.terms.day, worked.hours, worked.standing
    found, worker, role = terms.cost_rate, terms.worker, terms.role
    assert worker is not None, "an unknown worker is a fault of the whole entry"
    entity, policies = worker.entity, worker.policies
    if found is None:
        message = f"no cost rate for {event.person_id} ({role}) on {day}"
        return Blocked("cost", "no_cost_rate", message, waits_for_cost_rate(event.person_id, role), "person_id")
    start = event.worked_on or day_in(event, entity.zone)
    instead = None
    if standing is not None and standing.cost is not None and standing.time is not None:
        moved = standing.cost.day != day or day_in(standing.time, entity.zone) != start
        instead = None if moved else reversal_day(draft, standing, "cost", entity)
    slot = slot_for(draft, "cost", entity, found.currency, start, instead, day, policies)
    if worked.waited:
        slot = settled(draft, slot, "cost", day, policies, worked.waited)
    if isinstance(slot, Blocked):
        return slot._replace(waits=(*slot.waits, *waits_for_cost_rate(event.person_id, role)))
    amount = extend(hours, found.rate, 0, found.currency, policies.money_mode, worked.finer)
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
    if draft.why is not None:
        cost = price_record.cost_of_hours(event, found, entity, policies.money_mode, cost)
    return CostPlan(cost, slot, policies)


# Booking dates of what replaces


def reversal_day(draft: Draft, work: Work, purpose: str, entity: LegalEntityDefined) -> date | None:
    """The date that a reversal of the side's oldest standing journal would take; None where none stands in the entity."""
    entity_id = entity.legal_entity_id
    for journal in work.journals:
        if journal.legal_entity_id == entity_id and any(line.purpose == purpose for line in journal.lines):
            return journal_reversal_day(draft, journal)
    return None


def journal_reversal_day(draft: Draft, journal: Posted) -> date:
    entity = draft.reference.known_entity(journal.legal_entity_id)
    return open_day_from(draft, entity, journal.accounting_date)


# Price


def price_of(draft: Draft, worked: TimeToValue) -> PricePlan | Blocked:
    event, terms = worked.event, worked.terms
    if not event.billable:
        return _uncharged(draft, worked)
    plan = terms.plan
    if plan is None:
        assert terms.blocked is not None, "billable work was placed or blocked"
        return terms.blocked
    if plan.charged == INCLUDED:
        return _included(draft, worked, plan)
    hours = time_and_materials.billable_hours(worked.hours, event.billable_hours, plan.policies, worked.finer)
    if plan.charged == AT_COST:
        return _at_cost(draft, worked, plan, hours)
    return _at_rate(draft, worked, plan, hours)


def _at_rate(draft: Draft, worked: TimeToValue, plan: LinePlan, hours: Hours) -> PricePlan | Blocked:
    """Hours at the rate of the card or the terms, or at that of what goes beyond a package."""
    event, project, terms, day = worked.event, worked.project, worked.terms, worked.terms.day
    assert terms.worker is not None, "an unknown worker is a fault of the whole entry"
    person, role = terms.worker.person, terms.role
    kept = billed_price(worked.entry, worked.standing, event, plan, day)
    if kept is not None:
        rated, role = Rated(kept.rate, kept.markup, None, kept.decision), kept.role
    else:
        rated = terms.rated or rate_of_work(draft, event, project, person, role, plan, day)
    if rated.rate is None and plan.policies.no_rate == "queue":
        waits = waits_for_rate(rate_query(draft, event, project, person, role, plan, day), draft.reference)
        message = f"no rate for {event.person_id} ({role}) on {day} in {plan.currency}"
        return Blocked("price", "no_rate", message, waits, "person_id")
    slot = _price_slot(draft, worked, plan)
    if isinstance(slot, Blocked):
        return slot
    price = _by_the_hour(worked, plan, hours, rated, None)
    price = replace(price, role=role) if kept is not None else price
    if is_beyond(price.value + price.memo, slot):
        waits = waits_for_rate(rate_query(draft, event, project, person, role, plan, day), draft.reference)
        rate = f"rate {format_decimal(price.rate, 6)}"
        return _beyond("price", price.value + price.memo, slot, rate, waits, plan.policies)
    if draft.why is not None:
        before = worked.standing.subject.version if kept is not None and worked.standing is not None else None
        price = price_record.at_rate(draft, worked, plan, rated, price, before)
    return PricePlan(price, plan, slot)


def billed_price(entry: Entry, standing: Work | None, event: TimeApproved, plan: LinePlan, day: date) -> Price | None:
    """What a corrected entry is billed at, which neither a card nor an amendment changes (R8); None where nothing of it is issued, or
    where the version states other work: another person, day, task, role or line, overtime, a rate."""
    price = standing.price if standing is not None else None
    if standing is None or price is None or not price.decision or plan.draws is not None:
        return None
    issued = issued_on(entry, price.contract_id, price.line_id)
    if issued is None or not issued.amount or _stated(standing.event) != _stated(event):
        return None
    is_same_place = (price.contract_id, price.line_id, price.day) == (plan.contract_id, plan.line.line_id, day)
    return price if is_same_place else None


_stated = attrgetter("person_id", "project_id", "task", "role", "overtime", "rate", "rate_approved_by")


def _by_the_hour(
    worked: TimeToValue, plan: LinePlan, hours: Hours, rated: Rated, costing: tuple[Rate, Exchange] | None
) -> Price:
    """What hours come to at a rate, or at what they cost (`costing`) with what the terms add."""
    event = worked.event
    stated = event.billable_hours is not None
    finer = worked.finer if hours == worked.hours and not stated else 0
    uncharged = max(worked.hours - hours, 0) if stated else 0
    return Price(
        plan.contract_id,
        plan.line.line_id,
        plan.currency,
        worked.terms.day,
        event.approved_at if event.approved_at is not None else event.occurred_at,
        worked.terms.role,
        rated.rate or 0,
        rated.markup,
        rated.digest,
        hours,
        _amount(plan, hours, finer, rated, costing),
        _amount(plan, uncharged, 0, rated, costing) if uncharged else 0,
        account=plan.account_for(SERVICE_REVENUE),
        earned=plan.earned,
        by_day=plan.by_day,
    )


def _amount(plan: LinePlan, hours: Hours, finer: int, rated: Rated, costing: tuple[Rate, Exchange] | None) -> Amount:
    """Rounded once."""
    currency, mode = plan.currency, plan.policies.money_mode
    if costing is None:
        return extend(hours, rated.rate or 0, rated.markup, currency, mode, finer)
    rate, exchange = costing
    return extend_at(hours, rate, exchange.numerator, exchange.denominator, rated.markup, currency, mode, finer)


def _price_slot(draft: Draft, worked: TimeToValue, plan: LinePlan) -> Slot | Blocked:
    event, day, standing = worked.event, worked.terms.day, worked.standing
    instead = None
    if standing is not None and standing.price is not None and standing.price.day == day:
        instead = reversal_day(draft, standing, "revenue", plan.entity)
    start = event.worked_on or day_in(event, plan.entity.zone)
    slot = slot_for(draft, "price", plan.entity, plan.currency, start, instead, day, plan.policies)
    return settled(draft, slot, "price", day, plan.policies, worked.waited) if worked.waited else slot


def _at_cost(draft: Draft, worked: TimeToValue, plan: LinePlan, hours: Hours) -> PricePlan | Blocked:
    """Hours at what they cost, with what the terms add; in contract currency by the rate of the day, rounded once."""
    event, role, day = worked.event, worked.terms.role, worked.terms.day
    costing = _cost_of_hour(worked)
    if costing is None:
        message = f"no cost rate for {event.person_id} ({role}) on {day}, at which line {plan.line.line_id} charges"
        return Blocked("price", "no_cost_rate", message, waits_for_cost_rate(event.person_id, role), "person_id")
    rate, currency = costing
    exchange = into_contract(draft, plan, currency, day, worked.waited)
    if isinstance(exchange, Blocked):
        return exchange
    slot = _price_slot(draft, worked, plan)
    if isinstance(slot, Blocked):
        return slot
    markup = methods.cost_markup(plan.line.terms) or 0
    at = round_ratio(rate * exchange.numerator, exchange.denominator, 1, plan.policies.money_mode)
    price = _by_the_hour(worked, plan, hours, Rated(at, markup, None, ""), (rate, exchange))
    if is_beyond(price.value + price.memo, slot):
        waits = waits_for_cost_rate(event.person_id, role)
        said = f"cost rate {format_decimal(rate, 6)} {currency}"
        return _beyond("price", price.value + price.memo, slot, said, waits, plan.policies)
    if draft.why is not None:
        price = price_record.at_cost(draft, worked, plan, exchange, price)
    return PricePlan(price, plan, slot)


def into_contract(draft: Draft, plan: LinePlan, currency: str, day: date, waited: Waited) -> Exchange | Blocked:
    """The rate of the day between the currency of a cost and the contract's."""
    found = conversion(draft, "price", plan.entity, currency, plan.currency, day, plan.policies)
    return settled_exchange(draft, found, "price", plan.entity, currency, plan.currency, day, waited)


def _cost_of_hour(worked: TimeToValue) -> tuple[Rate, str] | None:
    """Rate and currency as the version was booked, which cost rates that come later do not change; else by what is known now."""
    work = worked.entry.work
    if work is not None and work.time is worked.event and work.cost is not None:
        return work.cost.rate, work.cost.currency
    found = worked.terms.cost_rate
    return (found.rate, found.currency) if found is not None else None


def _included(draft: Draft, worked: TimeToValue, plan: LinePlan) -> PricePlan | Blocked:
    """Work that the charges of its terms are for: it is the line's, at a price of zero, and posts nothing.

    Where its cost counts as spent, that needs the day's rate.
    """
    event, day = worked.event, worked.terms.day
    costing = _cost_of_hour(worked) if methods.needs_cost(plan.line, plan.policies) else None
    if costing is not None:
        exchange = into_contract(draft, plan, costing[1], day, worked.waited)
        if isinstance(exchange, Blocked):
            return exchange
    hours = time_and_materials.billable_hours(worked.hours, event.billable_hours, plan.policies, worked.finer)
    price = Price(
        plan.contract_id,
        plan.line.line_id,
        plan.currency,
        day,
        approved_at(event),
        worked.terms.role,
        0,
        0,
        "",
        hours,
        0,
        0,
    )
    if draft.why is not None:
        price = price_record.at_rate(draft, worked, plan, NO_RATE, price, None)
    return PricePlan(price, plan, None)


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
        slot.currency, ledger, slot.entity.legal_entity_id, (slot.accounting_date,), policies.rate_staleness_days
    )
    return Blocked(side, "hours_out_of_range", message, (*waits, *exchange), "hours")


def _uncharged(draft: Draft, worked: TimeToValue) -> PricePlan:
    """Work that is not charged has a memo value where a rate is found; a missing one, or one beyond all measure, never parks it."""
    event, project, terms, day = worked.event, worked.project, worked.terms, worked.terms.day
    memo, currency, rate, plan = 0, "", 0, terms.plan
    assert terms.worker is not None, "an unknown worker is a fault of the whole entry"
    if plan is not None:
        rated = terms.rated or rate_of_work(draft, event, project, terms.worker.person, terms.role, plan, day)
        if rated.rate is not None and methods.cost_markup(plan.line.terms) is None:
            currency, rate = plan.currency, rated.rate
            memo = extend(worked.hours, rate, rated.markup, currency, plan.policies.money_mode, worked.finer)
            memo = memo if memo <= ENTRY_MOST else 0
            if draft.why is not None and memo:
                memo = price_record.not_charged(draft, worked, plan, rated, memo)
    price = Price("", "", currency, day, approved_at(event), terms.role, rate, 0, "", 0, 0, memo)
    return PricePlan(price, None, None)
