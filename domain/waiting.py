"""What parked work waits for: an entry names all that may finish it, an event what it may finish.

| event                                            | keys                                                          |
|--------------------------------------------------|---------------------------------------------------------------|
| LegalEntityDefined                               | entity: id; period: id, because calendar and policies change  |
| CustomerDefined                                  | customer: id                                                  |
| PersonDefined                                    | person: id                                                    |
| RateCardPublished                                | rate_card: id; card_scope: `<kind>:<id>`; rate: currency      |
| CostRateSet                                      | cost_person: id, or cost_role: role where it states no person |
| ExchangeRateSet                                  | exchange: currency, and `<currency>|<date>`, for each side that is not EUR |
| TaxPolicyDefined                                 | tax_region: id                                                |
| AccountingPeriodClosed, AccountingPeriodReopened | period: legal entity, because accounting dates move           |

Events of capabilities name keys of their own (`domain/capabilities.py`).
A key names a candidate, not a certainty: who is woken is judged again.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from domain.capabilities import OWN_CLASSES, OWN_REFERENCE
from domain.events.catalogue import Event
from domain.events.common import TimeAndMaterials
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CostRateSet,
    CustomerDefined,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonDefined,
    RateCardPublished,
    TaxPolicyDefined,
)
from domain.reference.book import ReferenceBook, Scope, card_scope
from domain.reference.exchange import BRIDGE
from domain.work.rates import RateQuery, card_scopes

# Kind and key, as in the index of waits.
WaitKey = tuple[str, str]
DAYS_NAMED = 31


def wakes(event: Event) -> tuple[WaitKey, ...]:
    match event:
        case LegalEntityDefined():
            return ("entity", event.legal_entity_id), ("period", event.legal_entity_id)
        case CustomerDefined():
            return (("customer", event.customer_id),)
        case PersonDefined():
            return (("person", event.person_id),)
        case RateCardPublished():
            return ("rate_card", event.rate_card_id), _scope_key(card_scope(event)), ("rate", event.currency)
        case CostRateSet():
            return _cost_keys(event.person_id, event.role)[:1]
        case ExchangeRateSet():
            keys = _exchange_keys(event.from_currency, event.to_currency)
            return (*keys, *(_on_day(key, event.date) for key in keys))
        case TaxPolicyDefined():
            return (("tax_region", event.tax_region),)
        case AccountingPeriodClosed() | AccountingPeriodReopened():
            return (("period", event.legal_entity_id),)
        case _:
            return OWN_REFERENCE[type(event)].wakes(event) if isinstance(event, OWN_CLASSES) else ()


def waits_for_cost_rate(person_id: str, role: str | None) -> tuple[WaitKey, ...]:
    """A cost rate of the person or the role, or another role of the person."""
    return (*_cost_keys(person_id, role), ("person", person_id))


def waits_for_exchange_rate(
    from_currency: str, to_currency: str, legal_entity_id: str, days: Iterable[date], staleness_days: int
) -> tuple[WaitKey, ...]:
    """A rate of either currency that is fresh enough for one of the days, or another accounting date or policy of the entity.

    Where rates may be older than a month, any rate of the currencies.
    """
    currencies = _exchange_keys(from_currency, to_currency)
    if staleness_days <= DAYS_NAMED:
        fresh = {day - timedelta(days=age) for day in days for age in range(staleness_days + 1)}
        currencies = tuple(_on_day(key, day) for key in currencies for day in sorted(fresh))
    return (*currencies, ("period", legal_entity_id))


def waits_for_rates_of(currencies: Iterable[str], days: Sequence[date]) -> tuple[WaitKey, ...]:
    """A rate of any of the currencies, of one of the days; of so many days that they are not named, any rate of the currencies."""
    keys = [("exchange", currency) for currency in sorted(set(currencies)) if currency != BRIDGE]
    if len(days) > DAYS_NAMED + 2:
        return tuple(keys)
    return tuple(_on_day(key, day) for key in keys for day in days)


def waits_for_rate(query: RateQuery, book: ReferenceBook) -> tuple[WaitKey, ...]:
    """Any card that may rate the work, other parents of the customer, a bill rate of the person, or another policy of the entity."""
    named = query.terms.rate_card_id if isinstance(query.terms, TimeAndMaterials) else None
    return (
        *((("rate_card", named),) if named is not None else ()),
        *(_scope_key(scope) for scope in card_scopes(book, query.project_id, query.customer_id, query.organisation)),
        *(("customer", customer_id) for customer_id in book.customer_chain(query.customer_id)),
        ("person", query.person_id),
        ("entity", query.legal_entity_id),
    )


def _scope_key(scope: Scope) -> WaitKey:
    kind, scope_id = scope
    return "card_scope", f"{kind}:{scope_id}"


def _cost_keys(person_id: str | None, role: str | None) -> tuple[WaitKey, ...]:
    named = (("cost_person", person_id), ("cost_role", role))
    return tuple((kind, key) for kind, key in named if key is not None)


def _exchange_keys(from_currency: str, to_currency: str) -> tuple[WaitKey, ...]:
    return tuple(("exchange", currency) for currency in (from_currency, to_currency) if currency != BRIDGE)


def _on_day(key: WaitKey, day: date) -> WaitKey:
    kind, currency = key
    return kind, f"{currency}|{day.isoformat()}"
