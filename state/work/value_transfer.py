"""What another company of the group is charged for work of a person: reads only; `state/ledger/transfers.py` posts it.

The person's company lends. What is billable is for the company of its contract, and waits until that is known; what nobody is billed for is
for the company of the project. Time goes at a transfer price (`domain.work.transfer`), an expense at what it cost, in the currency spent.
Each company books it by its own calendar, zone and open periods, in its own ledger currency: both can, or neither does.
"""

from datetime import date
from typing import NamedTuple

from domain.events.reference import LegalEntityDefined, TransferPriceSet
from domain.explanation import Node, PolicyUse
from domain.figure import Recorded
from domain.money import format_amount, format_decimal
from domain.policies import Resolved
from domain.policy_faults import ENTRY_MOST
from domain.reference.exchange import Exchange
from domain.reference.transfer_prices import COST_PLUS, RATE, STATED, between, price_for, waits_for_price
from domain.units import Amount
from domain.waiting import waits_for_cost_rate, waits_for_rate
from domain.why import entity_policies as policies_used
from domain.why import in_event, line_policies, quoted
from domain.work import transfer
from domain.work.hours import worked_hours
from domain.work.recorded import COST, figure_of
from domain.work.rows import EXPENSE, row_id
from domain.work.transfer import PURPOSE, HourRate
from state.books import TRANSFER, Cost, Entry, Transfer, Work
from state.draft import Draft
from state.terms.known import Blocked, Slot, conversion, entity_policies, slot_for
from state.terms.plan import LinePlan
from state.value import Value, plain
from state.work import price_record
from state.work.bill_rates import rate_for, rate_query
from state.work.exchange_waits import Waited, settled, settled_exchange
from state.work.hour_terms import HourTerms
from state.work.placing import Placed, day_in, place
from state.work.value_time import CostPlan, Sides, is_beyond, left_out, reversal_day


class TransferPlan(Value, frozen=True, array_like=True, gc=False):
    """What one company of the group charges another, and where both book it. `said` is how the amount comes about, where an explanation
    folds."""

    transfer: Transfer
    lends: Slot
    borrows: Slot
    said: Node | None


class Companies(Value, frozen=True, array_like=True, gc=False):
    """Who lends and who borrows, and the policies that say how the price is found. `plan` is of the line that the work is on, whether it is
    billable or not."""

    lender: LegalEntityDefined
    borrower: LegalEntityDefined
    policies: Resolved
    plan: LinePlan | None
    billable: bool

    def uses(self, *names: str) -> tuple[PolicyUse, ...]:
        if self.billable and self.plan is not None:
            return line_policies(self.plan.terms, self.plan.line.line_id, self.plan.entity, *names)
        return policies_used(self.borrower, *names)


class HourFound(Value, frozen=True, array_like=True, gc=False):
    """An hour's cost or bill rate, and where it comes from, where an explanation folds."""

    rate: HourRate
    said: Node | None


class Priced(Value, frozen=True, array_like=True, gc=False):
    """What it comes to, before anybody asks where it is booked."""

    day: date
    currency: str
    amount: Amount
    said: Node | None


def transfer_of(
    draft: Draft, entry: Entry, work: Work, found: Sides, standing: Work | None, waited: Waited
) -> TransferPlan | Blocked | None:
    """None within one company, and as long as nobody knows for which company it is."""
    cost = work.cost or (found.cost.cost if isinstance(found.cost, CostPlan) else None)
    lender = draft.reference.entity(cost.legal_entity_id) if cost is not None else None
    if (terms := found.terms) is not None:
        if lender is None and terms.worker is not None:
            lender = terms.worker.entity
        companies = _companies(draft, work, lender, terms.plan)
        priced = _of_time(draft, work, terms, companies, waited) if isinstance(companies, Companies) else companies
    elif work.charge is not None and work.charge.kind == EXPENSE and cost is not None:
        placed = place(draft, work.charge, entry.waived) if work.charge.billable else None
        companies = _companies(draft, work, lender, placed.plan if isinstance(placed, Placed) else None)
        priced = _of_expense(draft, work, cost) if isinstance(companies, Companies) else companies
    else:
        return None
    if not isinstance(companies, Companies) or not isinstance(priced, Priced):
        return priced if isinstance(priced, Blocked) else None
    return _booked(draft, work, companies, priced, standing, waited)


def _companies(
    draft: Draft, work: Work, lender: LegalEntityDefined | None, plan: LinePlan | None
) -> Companies | Blocked | None:
    if lender is None:
        return None
    if work.subject.billable:
        if plan is None or plan.entity.legal_entity_id == lender.legal_entity_id:
            return None
        return Companies(lender, plan.entity, plan.policies, plan, billable=True)
    activated = draft.project(work.project_id).activated
    if activated is None or activated.legal_entity_id == lender.legal_entity_id:
        return None
    borrower = draft.reference.entity(activated.legal_entity_id)
    if borrower is None:
        message = (
            f"legal entity {activated.legal_entity_id} of project {work.project_id} is not defined; it owes "
            f"{lender.legal_entity_id} for the work"
        )
        return Blocked(
            TRANSFER, "unknown_reference", message, (("entity", activated.legal_entity_id),), "legal_entity_id"
        )
    return Companies(lender, borrower, entity_policies(draft, borrower), plan, billable=False)


# What it comes to


def _of_expense(draft: Draft, work: Work, cost: Cost) -> Priced:
    said = None
    if draft.why is not None:
        row = row_id(work.subject_kind, work.subject_id)
        said = cost.amount.node if isinstance(cost.amount, Recorded) else draft.why.figure(figure_of(row, COST))
    return Priced(cost.day, cost.currency, plain(cost.amount), said)


def _of_time(draft: Draft, work: Work, terms: HourTerms, companies: Companies, waited: Waited) -> Priced | Blocked:
    event, day, policies = work.event, terms.day, companies.policies
    (lender, borrower), way = _ids(companies), policies.intercompany_transfer
    assert way is not None, "the policy has a value that is built in"
    prices = between(draft.reference.all_of(TransferPriceSet), lender, borrower, day)
    price = price_for(prices, way, terms.role)
    if price is None:
        message = (
            f"no transfer price from {lender} to {borrower} for {terms.role or 'any role'} on {day}: policy intercompany_transfer={way} "
            f"asks for a {STATED[way]}, which finance states by TransferPriceSet"
        )
        waits = waits_for_price(lender, borrower, event.person_id)
        return Blocked(TRANSFER, "no_transfer_price", message, waits, "person_id")
    hour: HourFound | None = None
    if way != RATE:
        asked = _HourAsked(draft, work, terms, companies, price, waited)
        found = _cost_of_hour(asked) if way == COST_PLUS else _bill_of_hour(asked)
        if isinstance(found, Blocked):
            return found
        hour = found
    at = hour.rate if hour is not None else None
    amount = transfer.charged(price, way, worked_hours(event), left_out(event), at, policies.money_mode)
    if draft.why is None:
        return Priced(day, price.currency, amount, None)
    of_hour = None
    if hour is not None and hour.said is not None:
        of_hour = hour.said, quoted(hour.rate.exchange, policies.exchange_rate_type, day, companies.borrower)
    uses = companies.uses("intercompany_transfer", "money_mode")
    said = transfer.said(event, price, way, of_hour, policies.money_mode, uses)
    return Priced(day, price.currency, amount, said)


def _ids(companies: Companies) -> tuple[str, str]:
    return companies.lender.legal_entity_id, companies.borrower.legal_entity_id


class _HourAsked(NamedTuple):
    """An hour of which the cost or the bill rate is asked, since its transfer price goes by that."""

    draft: Draft
    work: Work
    terms: HourTerms
    companies: Companies
    price: TransferPriceSet
    waited: Waited


def _cost_of_hour(asked: _HourAsked) -> HourFound | Blocked:
    """As the version was booked, which cost rates that come later do not change; else by what is known now."""
    draft, work, terms, day = asked.draft, asked.work, asked.terms, asked.terms.day
    person_id, cost, stated = work.person_id, work.cost, terms.cost_rate
    if cost is not None:
        of_id = draft.reference.costs.get(cost.cost_rate_id, ())
        stated = next((one for one in of_id if one.version == cost.cost_rate_version), stated)
    if stated is None:
        message = f"no cost rate for {person_id} ({terms.role}) on {day}, on which the transfer price is a markup"
        return Blocked(TRANSFER, "no_cost_rate", message, waits_for_cost_rate(person_id, terms.role), "person_id")
    exchange = _into(asked, stated.currency)
    if isinstance(exchange, Blocked):
        return exchange
    node = (
        in_event("cost rate", stated.rate, "rate", stated, "rate", stated.currency) if draft.why is not None else None
    )
    return HourFound(HourRate(stated.rate, stated.currency, exchange), node)


def _bill_of_hour(asked: _HourAsked) -> HourFound | Blocked:
    """The bill rate by R5, without what overtime adds, also of hours that are not charged by themselves."""
    draft, work, terms, day, companies = asked.draft, asked.work, asked.terms, asked.terms.day, asked.companies
    event, plan, project = work.event, companies.plan, draft.project(work.project_id)
    if plan is None or terms.worker is None:
        message = (
            f"work on project {work.project_id} is on no contract line, so it has no bill rate of which the transfer price from "
            f"{companies.lender.legal_entity_id} to {companies.borrower.legal_entity_id} is a part"
        )
        return Blocked(TRANSFER, "no_transfer_price", message, field="project_id")
    person = terms.worker.person
    rated = rate_for(draft, event, project, person, terms.role, plan, day)
    if rated.rate is None or rated.decision is None:
        message = f"no rate for {event.person_id} ({terms.role}) on {day} in {plan.currency}, of which the transfer price is a part"
        waits = waits_for_rate(rate_query(draft, event, project, person, terms.role, plan, day), draft.reference)
        return Blocked(TRANSFER, "no_rate", message, waits, "person_id")
    exchange = _into(asked, plan.currency)
    if isinstance(exchange, Blocked):
        return exchange
    node = None
    if draft.why is not None:
        stating = price_record.RateSources(draft.reference, draft.assignments(project.project_id))
        node = price_record.bill_rate(stating, event, plan, day, rated.decision)
    return HourFound(HourRate(rated.rate, plan.currency, exchange), node)


def _into(asked: _HourAsked, currency: str) -> Exchange | Blocked:
    """From the currency of an hour's cost or bill rate into that of the transfer, by the rate of the day worked."""
    draft, day, into, borrower = asked.draft, asked.terms.day, asked.price.currency, asked.companies.borrower
    found = conversion(draft, TRANSFER, borrower, currency, into, day, asked.companies.policies)
    return settled_exchange(draft, found, TRANSFER, borrower, currency, into, day, asked.waited)


# Where it is booked


def _booked(
    draft: Draft, work: Work, companies: Companies, priced: Priced, standing: Work | None, waited: Waited
) -> TransferPlan | Blocked:
    slots: list[Slot] = []
    for entity in (companies.lender, companies.borrower):
        policies = entity_policies(draft, entity)
        start = day_in(work.time, entity.zone) if work.time is not None else priced.day
        instead = None
        if standing is not None and standing.transfer is not None and not _moved(work, standing, priced.day, entity):
            instead = reversal_day(draft, standing, PURPOSE, entity)
        slot = slot_for(draft, TRANSFER, entity, priced.currency, start, instead, priced.day, policies)
        slot = settled(draft, slot, TRANSFER, priced.day, policies, waited)
        if isinstance(slot, Blocked):
            return slot
        if is_beyond(priced.amount, slot):
            return _beyond(companies, priced, slot)
        slots.append(slot)
    made = Transfer(*_ids(companies), priced.currency, priced.amount, priced.day)
    return TransferPlan(made, slots[0], slots[1], priced.said)


def _moved(work: Work, standing: Work, day: date, entity: LegalEntityDefined) -> bool:
    """Whether the work has another date in the company than the version that it replaces."""
    assert standing.transfer is not None, "the version was transferred"
    if work.time is None or standing.time is None:
        return standing.transfer.day != day
    return standing.transfer.day != day or day_in(standing.time, entity.zone) != day_in(work.time, entity.zone)


def _beyond(companies: Companies, priced: Priced, slot: Slot) -> Blocked:
    """Other hours, or a higher version of the transfer price, end it when the work is approved again."""
    lender, borrower = _ids(companies)
    message = (
        f"expected at most {format_amount(ENTRY_MOST)} for one entry, got {format_amount(priced.amount, slot.currency)} {slot.currency} "
        f"from {lender} to {borrower}, to {slot.entity.currency} at {format_decimal(slot.exchange.rate, 12)}"
    )
    waits = (*waits_for_price(lender, borrower, ""),)
    return Blocked(TRANSFER, "hours_out_of_range", message, waits, "hours")
