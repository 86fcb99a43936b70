"""What an explanation has of the amount that waiting work keeps from being posted or billed (`at_stake.py`)."""

from __future__ import annotations

from datetime import date

from domain.events.delivery import TimeApproved
from domain.events.finance import RevenueAdjusted
from domain.events.reference import CostRateSet, LegalEntityDefined
from domain.figure import Recorded, RecordedLater, titled
from domain.identity import composed
from domain.terms import methods
from domain.terms.unit_price import prices
from domain.units import Amount
from domain.why import elsewhere, entity_policies, in_fact
from domain.work import recorded
from domain.work.rows import ADJUSTMENT, EXPENSE
from state.books import Charge, Price
from state.draft import BLOCKED, Draft
from state.terms.known import entity_policies as policies_of
from state.terms.plan import LinePlan
from state.work.bill_rates import Rated
from state.work.charge_record import OF_ROW, WAITING, delivered, field, row_of
from state.work.price_record import RateSources, cost_rate, facts_of, hours_asked, rate_and_markup, worked


def at_rate(
    draft: Draft, row: str, event: TimeApproved, plan: LinePlan, day: date, role: str, rated: Rated, amount: Amount
) -> Amount:
    """At the bill rate that would be used."""
    if draft.why is None:
        return amount
    stating = RateSources(draft.reference, draft.assignments(event.project_id))
    rate, markup = rate_and_markup(stating, event, plan, day, rated.decision)
    hours, facts = hours_asked(draft.why, row, event, plan), (*facts_of(plan, day), ("role", role))
    made = recorded.at_rate(BLOCKED, hours, rate, markup, plan.currency, plan.policies.money_mode, facts=facts)
    return RecordedLater(amount, lambda: made)


def at_cost(
    draft: Draft,
    row: str,
    event: TimeApproved,
    entity: LegalEntityDefined,
    day: date,
    found: CostRateSet,
    amount: Amount,
) -> Amount:
    """Where no rate is known."""
    if draft.why is None:
        return amount
    mode = policies_of(draft, entity).money_mode
    facts = ("company", entity.legal_entity_id), ("service date", day.isoformat())
    used, hours = entity_policies(entity, "money_mode"), worked(draft.why, row, event)
    made = recorded.at_rate(
        BLOCKED, hours, cost_rate(found, day), None, found.currency, mode, facts=facts, policies=used
    )
    return RecordedLater(amount, lambda: made._replace(rule="R22"))


def of_units(draft: Draft, charge: Charge, plan: LinePlan, price: Price) -> Amount:
    """What units come to by themselves."""
    terms = methods.units(plan.line.terms)
    if draft.why is None or terms is None:
        return price.value
    return titled(delivered(charge, plan, prices(terms), price).value, BLOCKED)


def of_charge(draft: Draft, charge: Charge, amount: Amount) -> Amount:
    """As its event states it, or its terms."""
    if draft.why is None or not amount:
        return amount
    if charge.kind == EXPENSE:
        return Recorded(field(charge, BLOCKED, amount, "amount", "amount"))
    if charge.kind == ADJUSTMENT:
        fact = RevenueAdjusted.__name__, ADJUSTMENT, composed(charge.charge_id), 0
        return Recorded(in_fact(BLOCKED, amount, "amount", fact, "amount", charge.currency))
    of = composed(OF_ROW, WAITING, row_of(charge), str(draft.why.now))
    return Recorded(elsewhere(BLOCKED, amount, of, charge.currency))
