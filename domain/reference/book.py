"""The reference book: what is known about entities, people, customers, rates and periods at one place in the log.

A frozen value; `apply` gives the next one and shares what did not change. Versions of rate cards, cost rates and
persons stand beside each other: for a date the highest version holds whose range contains it, whichever came first.
Everything else is replaced whole by a higher version. The same events in another order give the same book.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from operator import attrgetter
from typing import NamedTuple, TypeVar

from immutables import Map

from domain.capabilities import OWN_CLASSES, OwnReference
from domain.events.catalogue import ENTITIES, Event
from domain.events.common import NumberRange
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CostRateSet,
    CustomerDefined,
    ExchangeRateSet,
    LegalEntityDefined,
    PersonCapacitySet,
    PersonDefined,
    RateCardPublished,
    RulesActivated,
    TaxPolicyDefined,
)
from domain.identity import composed
from domain.reference import exchange as exchange_rates
from domain.reference import fiscal
from domain.reference.exchange import Exchange, MissingRate, Pair, Quotes
from domain.reference.numbers import changed_faults, needs_series
from domain.reference.zones import local_date

PeriodChange = AccountingPeriodClosed | AccountingPeriodReopened
Kept = (
    PersonDefined
    | RateCardPublished
    | CostRateSet
    | LegalEntityDefined
    | CustomerDefined
    | PersonCapacitySet
    | OwnReference
    | TaxPolicyDefined
    | PeriodChange
)
Standing = TypeVar("Standing", bound=PersonDefined | RateCardPublished | CostRateSet)
Ranged = TypeVar("Ranged", bound=RateCardPublished | CostRateSet)
Replaced = TypeVar("Replaced", bound=Kept)

# Kind and id: ("customer", "C-1"); a global card has the empty id.
Scope = tuple[str, str]
CardVersion = tuple[str, int]
# Person, role and task as a line of a card states them.
Criteria = tuple[str | None, str | None, str | None]


NO_MONTHS: Map[str, PersonCapacitySet] = Map()


class ReferenceBook(NamedTuple):
    """Versions that stand beside each other are tuples, highest version first; `rules` is the version in force. What a firm has
    thousands of is in maps that share all but a change with those before it; these are in no order.

    `number_ranges` are all that each company has ever defined, the latest last; `partitions` are those of the log.
    """

    entities: Mapping[str, LegalEntityDefined] = {}
    customers: Map[str, CustomerDefined] = Map()
    persons: Map[str, tuple[PersonDefined, ...]] = Map()
    capacities: Map[str, Map[str, PersonCapacitySet]] = Map()
    cards: Map[str, tuple[RateCardPublished, ...]] = Map()
    cards_by_scope: Map[Scope, tuple[str, ...]] = Map()
    card_lines: Map[CardVersion, Mapping[Criteria, tuple[int, ...]]] = Map()
    costs: Map[str, tuple[CostRateSet, ...]] = Map()
    costs_by_subject: Map[Scope, tuple[str, ...]] = Map()
    of_capabilities: Mapping[type, Mapping[str, OwnReference]] = {}
    exchange_rates: Mapping[Pair, Mapping[int, Quotes]] = {}
    tax_policies: Mapping[str, TaxPolicyDefined] = {}
    periods: Mapping[str, Mapping[str, PeriodChange]] = {}
    closed: Mapping[str, frozenset[str]] = {}
    rules: int = 1
    number_ranges: Mapping[str, tuple[NumberRange, ...]] = {}
    partitions: int = 1

    def entity(self, legal_entity_id: str) -> LegalEntityDefined | None:
        return self.entities.get(legal_entity_id)

    def known_entity(self, legal_entity_id: str) -> LegalEntityDefined:
        """That of terms in force, or of a journal: terms of one that is unknown wait, or are refused."""
        return self.entities[legal_entity_id]

    def customer(self, customer_id: str) -> CustomerDefined | None:
        return self.customers.get(customer_id)

    def customer_chain(self, customer_id: str) -> tuple[str, ...]:
        """The customer, then its parents upward; a parent that comes twice ends the chain."""
        chain = [customer_id]
        while (customer := self.customer(chain[-1])) is not None:
            parent = customer.parent_customer_id
            if parent is None or parent in chain:
                break
            chain.append(parent)
        return tuple(chain)

    def person_on(self, person_id: str, day: date) -> PersonDefined | None:
        """The highest version that holds on the day; one without `effective_from` holds from the beginning."""
        for version in self.persons.get(person_id, ()):
            if version.effective_from is None or version.effective_from <= day:
                return version
        return None

    def card_on(self, rate_card_id: str, day: date) -> RateCardPublished | None:
        return in_effect(self.cards.get(rate_card_id, ()), day)

    def cards_of(self, scope: Scope) -> tuple[str, ...]:
        """Ids of the cards of which a version has or had this scope, ascending."""
        return self.cards_by_scope.get(scope, ())

    def cost_rate(self, person_id: str, role: str | None, legal_entity_id: str, day: date) -> CostRateSet | None:
        """By person, then by role, each first for the entity; ties: later `effective_from`, then higher id."""
        subjects = [("person", person_id)] if role is None else [("person", person_id), ("role", role)]
        for subject in subjects:
            fitting = [rate for rate in self._costs_of(subject, day) if _fits(rate, subject, role)]
            for entity_id in (legal_entity_id, None):
                specific = [rate for rate in fitting if rate.legal_entity_id == entity_id]
                if specific:
                    return max(specific, key=lambda rate: (rate.effective_from, rate.cost_rate_id))
        return None

    def _costs_of(self, subject: Scope, day: date) -> list[CostRateSet]:
        held = (in_effect(self.costs[cost_rate_id], day) for cost_rate_id in self.costs_by_subject.get(subject, ()))
        return [rate for rate in held if rate is not None]

    def exchange(
        self, rate_type: str, from_currency: str, to_currency: str, day: date, staleness_days: int
    ) -> Exchange | MissingRate:
        return exchange_rates.exchange(self.exchange_rates, rate_type, from_currency, to_currency, day, staleness_days)

    def closed_periods(self, legal_entity_id: str) -> frozenset[str]:
        """Names of the entity's closed accounting periods; every other period is open."""
        return self.closed.get(legal_entity_id, frozenset())

    def capacity(self, person_id: str, month: str) -> PersonCapacitySet | None:
        return self.capacities.get(person_id, NO_MONTHS).get(month)

    def tax_policy(self, tax_region: str) -> TaxPolicyDefined | None:
        return self.tax_policies.get(tax_region)

    def all_of(self, kind: type[OwnReference]) -> Iterable[OwnReference]:
        """What there is of reference data that one capability asks for."""
        return self.of_capabilities.get(kind, {}).values()


EMPTY_BOOK = ReferenceBook()


def owner_key(event: Event) -> tuple[str, str]:
    """Kind and id of what the event is about; versions are counted for each."""
    entity = ENTITIES[type(event).__name__]
    return entity.kind, composed(*(str(getattr(event, field)) for field in entity.id_fields))


def apply(book: ReferenceBook, event: Event) -> ReferenceBook:
    """The book with the event; the same object where it changes nothing."""
    match event:
        case ExchangeRateSet():
            rates = exchange_rates.with_rate(book.exchange_rates, event)
            return book if rates is book.exchange_rates else book._replace(exchange_rates=rates)
        case PersonDefined():
            persons = _stand_beside(book.persons, event.person_id, event)
            return book if persons is book.persons else book._replace(persons=persons)
        case RateCardPublished():
            cards = _stand_beside(book.cards, event.rate_card_id, event)
            return book if cards is book.cards else _with_card(book, cards, event)
        case CostRateSet():
            costs = _stand_beside(book.costs, event.cost_rate_id, event)
            by_subject = _indexed(book.costs_by_subject, _cost_subject(event), event.cost_rate_id)
            return book if costs is book.costs else book._replace(costs=costs, costs_by_subject=by_subject)
        case LegalEntityDefined():
            return _with_entity(book, event) if _is_newer(book.entities, event.legal_entity_id, event) else book
        case CustomerDefined():
            if not _is_newer(book.customers, event.customer_id, event):
                return book
            return book._replace(customers=book.customers.set(event.customer_id, event))
        case TaxPolicyDefined():
            if not _is_newer(book.tax_policies, event.tax_region, event):
                return book
            return book._replace(tax_policies={**book.tax_policies, event.tax_region: event})
        case PersonCapacitySet():
            months = book.capacities.get(event.person_id, NO_MONTHS)
            if not _is_newer(months, event.month, event):
                return book
            of_person = months.set(event.month, event)
            return book._replace(capacities=book.capacities.set(event.person_id, of_person))
        case AccountingPeriodClosed() | AccountingPeriodReopened():
            return _with_period(book, event)
        case RulesActivated():
            return book._replace(rules=event.version) if event.version > book.rules else book
        case _:
            return _with_own(book, event) if isinstance(event, OWN_CLASSES) else book


def conflict(book: ReferenceBook, event: Event) -> bool:
    """Whether the book holds this very version with different content; of an exchange rate the content is the rate."""
    if isinstance(event, ExchangeRateSet):
        quoted = exchange_rates.quoted(book.exchange_rates, event)
        return quoted is not None and quoted[0] == event.version and quoted[1] != event.rate
    if not isinstance(event, Kept):
        return False
    return any(
        kept.version == event.version and (type(kept) is not type(event) or _content(kept) != _content(event))
        for kept in _kept(book, event)
    )


def fixed_faults(book: ReferenceBook, event: Event) -> tuple[tuple[str, str], ...]:
    """Fields that what is known forbids, with what is wrong: of a later version of a legal entity, or of a period that is closed.

    Ledgers are kept in its currency; the days of a closed period must not become those of an open one, and no statement may get a
    number that another had. A period that has not begun is not closed: what is worked in it would be posted after it.
    """
    if isinstance(event, AccountingPeriodClosed):
        return _not_begun(book, event)
    if not isinstance(event, LegalEntityDefined):
        return ()
    had = book.entity(event.legal_entity_id)
    if had is not None and event.version <= had.version:
        return ()
    found = [] if had is None else _of_closed_books(book, had, event)
    found += needs_series(event.number_ranges, book.partitions)
    found += changed_faults(book.number_ranges.get(event.legal_entity_id, ()), event.number_ranges)
    return tuple(found)


def _not_begun(book: ReferenceBook, event: AccountingPeriodClosed) -> tuple[tuple[str, str], ...]:
    """By the day on which it was asked for, where the company is: sent again later it is refused all the same. One that came
    late, after a higher version, changes nothing."""
    entity = book.entity(event.legal_entity_id)
    period = fiscal.period_named(entity.fiscal_calendar, event.period) if entity is not None else None
    if entity is None or period is None:
        return ()
    changes, today = book.periods.get(event.legal_entity_id, {}), local_date(event.occurred_at, entity.zone)
    if period.start <= today or not _is_newer(changes, event.period, event):
        return ()
    expected = f"expected a period of {event.legal_entity_id} that has begun by {today}"
    return (("period", f"{expected}, got {event.period}, which begins on {period.start}; it stays open"),)


def _of_closed_books(book: ReferenceBook, had: LegalEntityDefined, event: LegalEntityDefined) -> list[tuple[str, str]]:
    found = []
    if event.currency != had.currency:
        found.append(("currency", f"expected {had.currency}, in which its books are kept, got {event.currency}"))
    moved = [
        name
        for name in sorted(book.closed_periods(event.legal_entity_id))
        if fiscal.period_named(had.fiscal_calendar, name) != fiscal.period_named(event.fiscal_calendar, name)
    ]
    if moved:
        names = ", ".join(moved[:12])
        found.append(
            ("fiscal_calendar", f"expected one that leaves closed periods as they are, got one that moves {names}")
        )
    return found


def approves_itself(event: Event) -> str | None:
    """Who asked for an accounting period to be closed or opened again, and approved it; None where these are two people."""
    if isinstance(event, PeriodChange) and event.requested_by == event.approved_by:
        return event.approved_by
    return None


def _kept(book: ReferenceBook, event: Kept) -> tuple[Kept, ...]:
    """What the book holds of the fact that the event is about."""
    one: Kept | None
    match event:
        case PersonDefined():
            return book.persons.get(event.person_id, ())
        case RateCardPublished():
            return book.cards.get(event.rate_card_id, ())
        case CostRateSet():
            return book.costs.get(event.cost_rate_id, ())
        case LegalEntityDefined():
            one = book.entities.get(event.legal_entity_id)
        case CustomerDefined():
            one = book.customers.get(event.customer_id)
        case TaxPolicyDefined():
            one = book.tax_policies.get(event.tax_region)
        case PersonCapacitySet():
            one = book.capacity(event.person_id, event.month)
        case AccountingPeriodClosed() | AccountingPeriodReopened():
            one = book.periods.get(event.legal_entity_id, {}).get(event.period)
        case _:
            one = book.of_capabilities.get(type(event), {}).get(owner_key(event)[1])
    return () if one is None else (one,)


def _content(event: Kept) -> tuple[object, ...]:
    """What the event states, without how and when it was sent."""
    return event._replace(event_id="", occurred_at=0, source="", recorded_at=None, correlation_id=None)


def in_effect(versions: Iterable[Ranged], day: date) -> Ranged | None:
    """The highest version whose range contains the day; both days of a range belong to it."""
    for version in versions:
        if version.effective_from <= day and (version.effective_to is None or day <= version.effective_to):
            return version
    return None


def _fits(rate: CostRateSet, subject: Scope, role: str | None) -> bool:
    """Every criterion the rate states must match; a rate that states a person is none by role."""
    kind, subject_id = subject
    if kind == "person":
        return rate.person_id == subject_id and rate.role in (None, role)
    return rate.person_id is None and rate.role == subject_id


def _stand_beside(kept: Map[str, tuple[Standing, ...]], key: str, event: Standing) -> Map[str, tuple[Standing, ...]]:
    had = kept.get(key, ())
    if any(version.version == event.version for version in had):
        return kept
    return kept.set(key, tuple(sorted((event, *had), key=attrgetter("version"), reverse=True)))


def _is_newer(kept: Mapping[str, Replaced], key: str, event: Replaced) -> bool:
    had = kept.get(key)
    return had is None or had.version < event.version


def _with_period(book: ReferenceBook, event: PeriodChange) -> ReferenceBook:
    had = book.periods.get(event.legal_entity_id, {})
    if not _is_newer(had, event.period, event):
        return book
    changes = {**had, event.period: event}
    closed = frozenset(name for name, change in changes.items() if isinstance(change, AccountingPeriodClosed))
    return book._replace(
        periods={**book.periods, event.legal_entity_id: changes}, closed={**book.closed, event.legal_entity_id: closed}
    )


def _with_own(book: ReferenceBook, event: OwnReference) -> ReferenceBook:
    had, key = book.of_capabilities.get(type(event), {}), owner_key(event)[1]
    if not _is_newer(had, key, event):
        return book
    return book._replace(of_capabilities={**book.of_capabilities, type(event): {**had, key: event}})


def _with_entity(book: ReferenceBook, entity: LegalEntityDefined) -> ReferenceBook:
    had = book.number_ranges.get(entity.legal_entity_id, ())
    new = tuple(one for one in entity.number_ranges if one not in had)
    ranges = {**book.number_ranges, entity.legal_entity_id: (*had, *new)} if new else book.number_ranges
    return book._replace(entities={**book.entities, entity.legal_entity_id: entity}, number_ranges=ranges)


def _indexed(index: Map[Scope, tuple[str, ...]], scope: Scope, key: str) -> Map[Scope, tuple[str, ...]]:
    keys = index.get(scope, ())
    return index if key in keys else index.set(scope, tuple(sorted((*keys, key))))


def _with_card(
    book: ReferenceBook, cards: Map[str, tuple[RateCardPublished, ...]], card: RateCardPublished
) -> ReferenceBook:
    lines: dict[Criteria, tuple[int, ...]] = {}
    for index, line in enumerate(card.lines):
        criteria = (line.person_id, line.role, line.task)
        lines[criteria] = (*lines.get(criteria, ()), index)
    return book._replace(
        cards=cards,
        cards_by_scope=_indexed(book.cards_by_scope, card_scope(card), card.rate_card_id),
        card_lines=book.card_lines.set((card.rate_card_id, card.version), lines),
    )


def card_scope(card: RateCardPublished) -> Scope:
    return card.scope.kind, card.scope.id or ""


def _cost_subject(rate: CostRateSet) -> Scope:
    return ("person", rate.person_id) if rate.person_id is not None else ("role", rate.role or "")
