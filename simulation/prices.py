"""What an hour sells for: rate cards by role in three currencies, dearer from the middle of the simulation on.

No card prices data scientists until a card of their own comes in the second month: their work on contracts that go by
card waits for it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from domain.events.common import RateCardLine, RateCardScope
from domain.events.reference import RateCardPublished
from domain.units import PERCENT_ONE, RATE_ONE, Instant, Percent, Rate
from simulation.calendar import HOUR, instant
from simulation.chance import between, happens, stream
from simulation.customers import Customer
from simulation.entities import BERLIN, CURRENCIES, PRACTICES
from simulation.people import DATA_SCIENTIST, ROLES, Role
from simulation.plan import SimulationPlan
from simulation.sources import ERP, stamped

# What a euro of list price is in the currency, and how much dearer the second half is, in per cent.
CURRENCY_PERCENT = {"EUR": 100, "USD": 115, "GBP": 88}
INCREASE_PERCENT = 104
CUSTOMER_CARDS_PER_THOUSAND = 300
PRICED_BY_CARD = tuple(role for role in ROLES if role is not DATA_SCIENTIST)
OVERTIME_MARKUP: Percent = 50 * PERCENT_ONE


def price(role: Role, currency: str, percent: int = 100) -> Rate:
    """List price of an hour, to whole currency units."""
    rate: Rate = role.price * CURRENCY_PERCENT[currency] * percent // 10_000 * RATE_ONE
    return rate


def practice_card_id(practice: str, currency: str) -> str:
    """The card that contract lines of a practice may name."""
    return f"RC-{practice.replace(' ', '-').upper()}-{currency}"


def rate_cards(plan: SimulationPlan, customers: Sequence[Customer]) -> Iterator[RateCardPublished]:
    """Every version of every card, in no particular order."""
    opened = instant(plan.opens_on, 7 * HOUR + 1_800, BERLIN.zone)
    for currency in CURRENCIES:
        yield from yearly(plan, f"RC-{currency}", RateCardScope("global"), currency, 100, opened)
        for number, practice in enumerate(PRACTICES):
            scope = RateCardScope("practice", practice)
            yield from yearly(plan, practice_card_id(practice, currency), scope, currency, 97 + number * 4, opened)
        yield data_scientists(plan, currency)
    random = stream(plan.seed, "prices")
    for number, customer in enumerate(customers):
        if number == 0 or happens(random, CUSTOMER_CARDS_PER_THOUSAND):
            scope = RateCardScope("customer", customer.customer_id)
            card_id = f"RC-{customer.customer_id}"
            yield from yearly(plan, card_id, scope, customer.market.currency, between(random, 86, 97), opened)


def yearly(
    plan: SimulationPlan, card_id: str, scope: RateCardScope, currency: str, percent: int, opened: Instant
) -> Iterator[RateCardPublished]:
    """A card and the dearer version that follows it, announced ten days ahead."""
    yield card(card_id, 1, scope, currency, percent, plan.start.replace(month=1), opened)
    announced = max(opened + 1, instant(plan.midway - timedelta(days=10), 10 * HOUR, BERLIN.zone))
    yield card(card_id, 2, scope, currency, percent * INCREASE_PERCENT // 100, plan.midway, announced)


def card(
    card_id: str,
    version: int,
    scope: RateCardScope,
    currency: str,
    percent: int,
    effective_from: date,
    at: Instant,
    roles: Sequence[Role] = PRICED_BY_CARD,
) -> RateCardPublished:
    """One version of a card; overtime costs half as much again."""
    return RateCardPublished(
        **stamped(ERP, f"{card_id}-{version}", at),
        rate_card_id=card_id,
        version=version,
        scope=scope,
        currency=currency,
        effective_from=effective_from,
        lines=tuple(
            RateCardLine(rate=price(role, currency, percent), role=role.name, overtime_markup=OVERTIME_MARKUP)
            for role in roles
        ),
    )


def data_scientists(plan: SimulationPlan, currency: str) -> RateCardPublished:
    """The card that was forgotten, published in the second month for the whole year."""
    month = plan.month_starts[min(1, plan.months - 1)]
    at = instant(month + timedelta(days=11), 11 * HOUR, BERLIN.zone)
    begins = plan.start.replace(month=1)
    return card(f"RC-DATA-SCIENCE-{currency}", 1, RateCardScope("global"), currency, 100, begins, at, (DATA_SCIENTIST,))
