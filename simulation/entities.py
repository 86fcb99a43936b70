"""The two companies of the firm: Berlin keeps its books in euro by calendar year, New York in dollars from July."""

from typing import NamedTuple


class SimulatedEntity(NamedTuple):
    """A legal entity, with what the simulation needs to know of its daily life."""

    legal_entity_id: str
    name: str
    currency: str
    zone: str
    year_starts_on: str
    tax_region: str
    code: str
    people_percent: int
    regions: tuple[str, ...]
    holidays: frozenset[tuple[int, int]]
    # What an hour costs there, in its own currency, in per cent of the euro figure.
    cost_percent: int


BERLIN = SimulatedEntity(
    legal_entity_id="LE-DE",
    name="Brandt & Keller Beratung GmbH",
    currency="EUR",
    zone="Europe/Berlin",
    year_starts_on="01-01",
    tax_region="DE",
    code="DE",
    people_percent=58,
    regions=("north", "south", "west"),
    holidays=frozenset({(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)}),
    cost_percent=100,
)

NEW_YORK = SimulatedEntity(
    legal_entity_id="LE-US",
    name="Brandt Keller Inc.",
    currency="USD",
    zone="America/New_York",
    year_starts_on="07-01",
    tax_region="US-NY",
    code="US",
    people_percent=42,
    regions=("east", "central"),
    holidays=frozenset({(1, 1), (7, 4), (11, 11), (12, 25)}),
    cost_percent=125,
)

ENTITIES = (BERLIN, NEW_YORK)
CURRENCIES = ("EUR", "USD", "GBP")
PRACTICES = ("advisory", "cloud", "data", "finance systems")


def other(entity: SimulatedEntity) -> SimulatedEntity:
    """The sister company, which lends people."""
    return NEW_YORK if entity is BERLIN else BERLIN
