"""When the engagement has to be looked at again: ends of billing periods, and days on which retention is released.

A period has the cycle, zone and grace of the terms that are in force on its first day; an amendment of them acts from the first period
that begins on or after its date.
"""

from datetime import date, timedelta

from domain.billing.periods import BillingPeriod, period_of
from domain.reference.zones import local_date
from state.books import Contract
from state.draft import Draft
from state.terms.plan import billing_cycle, billing_zone, contract_policies, grace_days, stored_on, terms_on


def period_on(draft: Draft, contract: Contract, day: date) -> BillingPeriod | None:
    """The billing period that holds a day; None where that is billed on request."""
    terms = terms_on(contract, day)
    entity = draft.reference.entity(terms.legal_entity_id)
    if entity is None:
        return None
    cycle = billing_cycle(terms, contract_policies(draft, contract, day))
    return period_of(cycle, day, terms.starts_on, entity.fiscal_calendar)


def period_holding(draft: Draft, contract: Contract, day: date) -> BillingPeriod | None:
    """The period in which a day is billed: one that is under way when terms with another cycle take effect ends by its own.

    monthly, and weekly from 10 February on: February is billed as a whole, then the days from 1 March on
    """
    known = draft.of_terms("periods", contract, lambda *_: list[BillingPeriod]())
    for one in reversed(known):
        if one.start <= day < one.to:
            return one
    found = _period_holding(draft, contract, day)
    if found is not None:
        known.append(found)
    return found


def _period_holding(draft: Draft, contract: Contract, day: date) -> BillingPeriod | None:
    found, effective_on = period_on(draft, contract, day), stored_on(contract, day).effective_on
    if effective_on <= contract.history[0].effective_on:
        return found
    before = period_holding(draft, contract, effective_on - timedelta(days=1))
    if before is not None and day < before.to:
        return before
    first = before.to if before is not None else effective_on
    return found._replace(start=max(found.start, first)) if found is not None else None


class ContractDays:
    """What follows for one contract, as it stands, from its terms and its legal entity; `closes_on` is the first day whose end closes the
    oldest open period."""

    __slots__ = ("closes_on", "contract", "period", "zone")

    def __init__(self, draft: Draft, contract: Contract) -> None:
        self.contract = contract
        self.period = _open_period(draft, contract)
        self.closes_on = closes_on(draft, contract, self.period) if self.period is not None else None
        self.zone = _zone_of(draft, contract)


def _days_of(draft: Draft, contract: Contract) -> ContractDays:
    key = ("days", contract.contract_id)
    kept: ContractDays | None = draft.memo.lines.get(key)
    if kept is None or kept.contract is not contract:
        kept = draft.memo.lines[key] = ContractDays(draft, contract)
    return kept


def open_period(draft: Draft, contract: Contract) -> BillingPeriod | None:
    """The oldest billing period that is not closed; None for contracts billed on request.

    Where later terms bring a cycle, the first period is that of the day on which they take effect.
    """
    return _days_of(draft, contract).period


def _open_period(draft: Draft, contract: Contract) -> BillingPeriod | None:
    start = contract.period_start
    if start is None:
        return None
    later = sorted(stored.effective_on for stored in contract.history if stored.effective_on > start)
    for day in (start, *later):
        period = period_on(draft, contract, day)
        if period is not None:
            return period._replace(start=day)
    return None


def zone_of(draft: Draft, contract: Contract) -> str:
    """Of the oldest billing period that is not closed, or of what is not requested yet."""
    return _days_of(draft, contract).zone


def today(draft: Draft, contract: Contract) -> date:
    """When the event was recorded, where the contract is billed."""
    return local_date(draft.cause.recorded_at, zone_of(draft, contract))


def _zone_of(draft: Draft, contract: Contract) -> str:
    day = max((one for one in (contract.period_start, contract.requested_to) if one is not None), default=None)
    terms = terms_on(contract, day) if day is not None else contract.terms
    return billing_zone(terms, draft.reference.entity(terms.legal_entity_id), contract_policies(draft, contract, day))


def closing(draft: Draft, contract: Contract, day: date) -> BillingPeriod | None:
    """The oldest billing period that is not closed, where the end of the day closes it."""
    of = _days_of(draft, contract)
    return of.period if of.closes_on is not None and of.closes_on <= day else None


def closes_on(draft: Draft, contract: Contract, period: BillingPeriod) -> date:
    """Last day of the period plus grace."""
    grace = grace_days(terms_on(contract, period.start), contract_policies(draft, contract, period.start))
    return period.to + timedelta(days=grace - 1)


def schedule(draft: Draft, contract: Contract) -> None:
    of = _days_of(draft, contract)
    days = release_days(draft, contract)
    if of.closes_on is not None:
        days.add(of.closes_on)
    draft.due.update((of.zone, day.isoformat()) for day in days)


def release_days(draft: Draft, contract: Contract) -> set[date]:
    """Days on which what is retained is released, by any version of the terms, as far as they are not over."""
    named = {stored.terms.retention.release_on for stored in contract.history if stored.terms.retention is not None}
    yesterday = today(draft, contract) - timedelta(days=1) if named else date.max
    return {day for day in named if day is not None and day >= yesterday}
