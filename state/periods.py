"""When the engagement has to be looked at again: ends of billing periods."""

from datetime import timedelta

from domain.billing_periods import BillingPeriod, period_of
from state.books import Contract
from state.draft import Draft
from state.plan import billing_cycle, billing_zone, contract_policies, grace_days


def open_period(draft: Draft, contract: Contract) -> BillingPeriod | None:
    """The oldest billing period that is not closed; None for contracts billed on request."""
    terms = contract.terms
    entity = draft.reference.entity(terms.legal_entity_id)
    if entity is None or contract.period_start is None:
        return None
    cycle = billing_cycle(terms, contract_policies(draft, contract))
    period = period_of(cycle, contract.period_start, terms.starts_on, entity.fiscal_calendar)
    return period._replace(start=contract.period_start) if period is not None else None


def zone_of(draft: Draft, contract: Contract) -> str:
    terms = contract.terms
    entity = draft.reference.entity(terms.legal_entity_id)
    return billing_zone(terms, entity, contract_policies(draft, contract))


def closes_on(draft: Draft, contract: Contract, period: BillingPeriod) -> str:
    """Last day of the period plus grace: the first day whose end closes it."""
    grace = grace_days(contract.terms, contract_policies(draft, contract))
    return (period.to + timedelta(days=grace - 1)).isoformat()


def schedule(draft: Draft, contract: Contract) -> None:
    period = open_period(draft, contract)
    if period is not None:
        draft.due.add((zone_of(draft, contract), closes_on(draft, contract, period)))
