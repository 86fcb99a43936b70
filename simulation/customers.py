"""The customers: companies in the euro zone, America and Britain, one in five of them a subsidiary of another."""

from random import Random
from typing import NamedTuple

from simulation.chance import below, deal, happens, pick, stream
from simulation.entities import BERLIN, NEW_YORK, SimulatedEntity
from simulation.names import CUSTOMER_FIRST, CUSTOMER_SECOND, LEGAL_FORMS
from simulation.plan import SimulationPlan


class Market(NamedTuple):
    """Where a customer sits: what it pays in, what taxes it, whose clock it reads and who serves it."""

    currency: str
    tax_region: str
    zones: tuple[str, ...]
    entity: SimulatedEntity


EURO_ZONE = Market("EUR", "DE", ("Europe/Berlin", "Europe/Madrid", "Europe/Helsinki"), BERLIN)
BRITAIN = Market("GBP", "GB", ("Europe/London",), BERLIN)
AMERICA = Market("USD", "US-NY", ("America/New_York", "America/Chicago", "America/Los_Angeles"), NEW_YORK)
AMERICA_FROM_BERLIN = AMERICA._replace(entity=BERLIN)
EURO_ZONE_FROM_NEW_YORK = EURO_ZONE._replace(entity=NEW_YORK)

MARKETS = ((EURO_ZONE, 42), (AMERICA, 36), (BRITAIN, 14), (AMERICA_FROM_BERLIN, 5), (EURO_ZONE_FROM_NEW_YORK, 3))
# The first customers of every firm, so that even a small one bills in three currencies.
FIRST_MARKETS = (EURO_ZONE, AMERICA, BRITAIN, EURO_ZONE, AMERICA, AMERICA_FROM_BERLIN)

PAYMENT_TERMS = (14, 30, 30, 30, 45, 60)
SUBSIDIARIES_PER_THOUSAND = 200


class Customer(NamedTuple):
    """A company that is billed; `parent` is the group it belongs to."""

    customer_id: str
    name: str
    market: Market
    parent: str | None
    zone: str
    payment_terms_days: int


def customers(plan: SimulationPlan) -> tuple[Customer, ...]:
    """Two customers for five projects; the fourth is always a subsidiary of the first."""
    random = stream(plan.seed, "customers")
    count = max(len(FIRST_MARKETS), plan.projects * 2 // 5)
    markets = [*FIRST_MARKETS, *deal(random, count - len(FIRST_MARKETS), MARKETS)]
    found: list[Customer] = []
    for number, market in enumerate(markets):
        found.append(customer(number, market, found, random))
    return tuple(found)


def customer(number: int, market: Market, before: list[Customer], random: Random) -> Customer:
    """One customer; a subsidiary carries the first word of its parent's name and its market."""
    first = CUSTOMER_FIRST[number % len(CUSTOMER_FIRST)]
    parent = None
    if number == 3 or (number > 3 and happens(random, SUBSIDIARIES_PER_THOUSAND)):
        group = before[0] if number == 3 else pick(random, before)
        first, parent, market = group.name.split()[0], group.customer_id, group.market
    second = CUSTOMER_SECOND[(number * 7 + below(random, 5)) % len(CUSTOMER_SECOND)]
    return Customer(
        customer_id=f"C-{number + 1:05}",
        name=f"{first} {second} {pick(random, LEGAL_FORMS[market.currency])}",
        market=market,
        parent=parent,
        zone=pick(random, market.zones),
        payment_terms_days=pick(random, PAYMENT_TERMS),
    )
