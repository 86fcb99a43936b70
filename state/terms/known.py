"""What follows from the reference book alone, worked out once and remembered until the book changes.

Answers that depend on a day hold between two days on which something begins or ends, so they are remembered by that stretch rather
than by day.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from domain.events.common import Terms, TimeAndMaterials
from domain.events.reference import CostRateSet, LegalEntityDefined, PersonDefined
from domain.exceptions import ExceptionCategory
from domain.policies import Resolved, resolve
from domain.reference import fiscal
from domain.reference.exchange import Exchange, MissingRate
from domain.reference.fiscal import AccountingPeriod
from domain.waiting import waits_for_exchange_rate
from domain.work.rates import Organisation, card_scopes
from state.draft import Draft
from state.value import Value

DAY = timedelta(days=1)


class Blocked(NamedTuple):
    """Why a side waits, and the keys of what would wake it; `settles_in` is the zone whose day's end finishes it, whatever comes."""

    side: str
    category: ExceptionCategory
    message: str
    waits: tuple[tuple[str, str], ...] = ()
    field: str | None = None
    settles_in: str | None = None


class Slot(Value, frozen=True, array_like=True, gc=False):
    """Where a side is booked: entity, date, and the exact rate into the ledger currency."""

    entity: LegalEntityDefined
    currency: str
    accounting_date: date
    period: str
    exchange: Exchange


class Worker(Value, frozen=True, array_like=True, gc=False):
    """A person as of a day, with the legal entity that bears the cost and its policies."""

    person: PersonDefined
    entity: LegalEntityDefined
    policies: Resolved


def worker_on(draft: Draft, person_id: str, day: date) -> Worker | None:
    """None where the person or the person's legal entity is not defined."""
    person = draft.reference.person_on(person_id, day)
    if person is None:
        return None
    key = ("worker", person_id, person.version)
    found: Worker | None = draft.shared.get(key)
    if found is None:
        entity = draft.reference.entity(person.legal_entity_id)
        if entity is None:
            return None
        found = draft.shared[key] = Worker(person, entity, entity_policies(draft, entity))
    return found


def entity_policies(draft: Draft, entity: LegalEntityDefined | None) -> Resolved:
    key = ("policies", entity.legal_entity_id if entity is not None else "")
    found: Resolved | None = draft.shared.get(key)
    if found is None:
        found = draft.shared[key] = resolve(entity.policies if entity is not None else None)
    return found


def cost_rate(draft: Draft, person_id: str, role: str | None, entity_id: str, day: date) -> CostRateSet | None:
    memo = draft.shared
    days: list[date] | None = memo.get("cost days")
    if days is None:
        versions = (version for stated in draft.reference.costs.values() for version in stated)
        days = memo["cost days"] = turning_days((version.effective_from, version.effective_to) for version in versions)
    own = person_id if ("person", person_id) in draft.reference.costs_by_subject else None
    key = ("cost", own, role, entity_id, bisect_right(days, day))
    if key not in memo:
        memo[key] = draft.reference.cost_rate(person_id, role, entity_id, day)
    found: CostRateSet | None = memo[key]
    return found


def card_days(draft: Draft, terms: Terms, project_id: str, customer_id: str, organisation: Organisation) -> list[date]:
    """The first days on which other rate cards may rate the work, of whatever role."""
    named = terms.rate_card_id if isinstance(terms, TimeAndMaterials) else None
    key = ("card days", named, project_id, customer_id, organisation)
    found: list[date] | None = draft.shared.get(key)
    if found is None:
        book, scopes = draft.reference, card_scopes(draft.reference, project_id, customer_id, organisation)
        ids = [card_id for scope in scopes for card_id in book.cards_of(scope)]
        ids += [] if named is None else [named]
        versions = (version for card_id in ids for version in book.cards.get(card_id, ()))
        found = draft.shared[key] = turning_days((version.effective_from, version.effective_to) for version in versions)
    return found


def named_in_cards(draft: Draft) -> tuple[frozenset[str], frozenset[str]]:
    """Persons and tasks that a line of any rate card, of any version, is for."""
    found: tuple[frozenset[str], frozenset[str]] | None = draft.shared.get("named in cards")
    if found is None:
        criteria = [one for lines in draft.reference.card_lines.values() for one in lines]
        persons = frozenset(person_id for person_id, _, _ in criteria if person_id is not None)
        tasks = frozenset(task for _, _, task in criteria if task is not None)
        found = draft.shared["named in cards"] = (persons, tasks)
    return found


def turning_days(ranges: Iterable[tuple[date | None, date | None]]) -> list[date]:
    """First days on which another answer may hold, ascending; both ends of a range are included in it."""
    days = set()
    for begins, ends in ranges:
        if begins is not None:
            days.add(begins)
        if ends is not None:
            days.add(ends + DAY if ends < date.max else ends)
    return sorted(days)


# Booking dates and exchange rates


def period(draft: Draft, entity: LegalEntityDefined, day: date) -> AccountingPeriod:
    key = ("period", entity.legal_entity_id, day)
    found: AccountingPeriod | None = draft.shared.get(key)
    if found is None:
        found = draft.shared[key] = fiscal.period_of(entity.fiscal_calendar, day)
    return found


def exchange_on(
    draft: Draft, policies: Resolved, from_currency: str, to_currency: str, accounting_date: date, service_day: date
) -> Exchange | MissingRate:
    day = service_day if policies.fx_date == "service" else accounting_date
    key = ("exchange", policies.exchange_rate_type, from_currency, to_currency, day, policies.rate_staleness_days)
    found: Exchange | MissingRate | None = draft.daily.get(key)
    if found is None:
        found = draft.daily[key] = draft.reference.exchange(
            policies.exchange_rate_type, from_currency, to_currency, day, policies.rate_staleness_days
        )
    return found


def conversion(
    draft: Draft,
    side: str,
    entity: LegalEntityDefined,
    from_currency: str,
    to_currency: str,
    day: date,
    policies: Resolved,
) -> Exchange | Blocked:
    """The rate of a day between the currency of a cost and the one that it is charged in."""
    found = exchange_on(draft, policies, from_currency, to_currency, day, day)
    if isinstance(found, Exchange):
        return found
    staleness = policies.rate_staleness_days
    waits = waits_for_exchange_rate(from_currency, to_currency, entity.legal_entity_id, {day}, staleness)
    return Blocked(side, found.category, found.message, waits)


def open_day_from(draft: Draft, entity: LegalEntityDefined, day: date) -> date:
    """The day itself while its period is open, else the first day of the next open one."""
    closed = draft.reference.closed_periods(entity.legal_entity_id)
    if period(draft, entity, day).name not in closed:
        return day
    return fiscal.first_open_day(entity.fiscal_calendar, closed, day)


def slot_for(
    draft: Draft,
    side: str,
    entity: LegalEntityDefined,
    currency: str,
    day: date,
    instead: date | None,
    service_day: date,
    policies: Resolved,
) -> Slot | Blocked:
    """The accounting date (`instead` where a reversal fixes it, else the first open day from `day`) and the rate of that date."""
    if instead is not None or policies.fx_date == "service" or policies.closed_period == "reject":
        return _slot(draft, side, entity, currency, day, instead, service_day, policies)
    key = ("slot", entity.legal_entity_id, currency, day, policies.exchange_rate_type, policies.rate_staleness_days)
    found: Slot | None = draft.daily.get(key)
    if found is None:
        made = _slot(draft, side, entity, currency, day, None, service_day, policies)
        if isinstance(made, Blocked):
            return made
        found = draft.daily[key] = made
    return found


def _slot(
    draft: Draft,
    side: str,
    entity: LegalEntityDefined,
    currency: str,
    day: date,
    instead: date | None,
    service_day: date,
    policies: Resolved,
) -> Slot | Blocked:
    closed = draft.reference.closed_periods(entity.legal_entity_id)
    own = period(draft, entity, day)
    if instead is None and policies.closed_period == "reject" and own.name in closed:
        return Blocked(
            side,
            "period_closed_no_open_period",
            f"accounting period {own.name} of {entity.legal_entity_id} is closed",
            (("period", entity.legal_entity_id),),
        )
    open_day = open_day_from(draft, entity, day)
    accounting_date = instead or open_day
    exchange = exchange_on(draft, policies, currency, entity.currency, accounting_date, service_day)
    if isinstance(exchange, MissingRate) and instead is not None and instead != open_day:
        exchange = exchange_on(draft, policies, currency, entity.currency, open_day, service_day)
    if isinstance(exchange, MissingRate):
        days = {service_day} if policies.fx_date == "service" else {accounting_date, open_day}
        staleness = policies.rate_staleness_days
        waits = waits_for_exchange_rate(currency, entity.currency, entity.legal_entity_id, days, staleness)
        return Blocked(side, exchange.category, exchange.message, waits)
    return Slot(entity, currency, accounting_date, period(draft, entity, accounting_date).name, exchange)
