"""The people of the firm: a pyramid of roles in each company, with what an hour of each role costs and sells for."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from domain.units import RATE_ONE, Rate
from simulation.chance import Wheel, between, happens, pick, stream, wheel
from simulation.entities import BERLIN, NEW_YORK, PRACTICES, SimulatedEntity
from simulation.names import FAMILY_NAMES, GIVEN_NAMES
from simulation.plan import SimulationPlan


class Role(NamedTuple):
    """Cost and list price of an hour in euro, and how many of a hundred people have it."""

    name: str
    cost: int
    price: int
    people_percent: int


PARTNER = Role("partner", 148, 360, 5)
MANAGER = Role("manager", 92, 240, 15)
DATA_SCIENTIST = Role("data scientist", 78, 215, 3)
ROLES = (
    PARTNER,
    Role("principal", 121, 300, 5),
    MANAGER,
    Role("senior consultant", 71, 190, 27),
    Role("consultant", 54, 150, 30),
    Role("analyst", 39, 115, 15),
    DATA_SCIENTIST,
)


class SimulatedPerson(NamedTuple):
    """Someone who works; `number` is the place in `Firm.people`."""

    number: int
    person_id: str
    name: str
    entity: SimulatedEntity
    role: Role
    practice: str
    region: str
    cost_center: str
    own_cost: Rate | None
    bill_rate: Rate | None


def people(plan: SimulationPlan) -> tuple[SimulatedPerson, ...]:
    """Everyone, the first of each company a partner, the second a manager and the third a data scientist."""
    random = stream(plan.seed, "people")
    roles = wheel((role, role.people_percent) for role in ROLES)
    berlin_count = plan.people * BERLIN.people_percent // 100
    places = [(BERLIN, n) for n in range(berlin_count)] + [(NEW_YORK, n) for n in range(plan.people - berlin_count)]
    return tuple(person(number, entity, rank, roles, random) for number, (entity, rank) in enumerate(places))


OWN_PRICE_EVERY = 25
FIRST_ROLES: Sequence[Role] = (PARTNER, MANAGER, DATA_SCIENTIST)


def person(number: int, entity: SimulatedEntity, rank: int, roles: Wheel[Role], random: Random) -> SimulatedPerson:
    """One person of a company; one in ten has a cost rate of their own, every so many a list price."""
    role = FIRST_ROLES[rank] if rank < len(FIRST_ROLES) else roles.spin(random)
    practice = "data" if role is DATA_SCIENTIST else pick(random, PRACTICES)
    own_cost = role.cost * entity.cost_percent * between(random, 92, 115) * RATE_ONE // 10_000
    return SimulatedPerson(
        number=number,
        person_id=f"P-{entity.code}-{rank + 1:05}",
        name=f"{pick(random, GIVEN_NAMES)} {pick(random, FAMILY_NAMES)}",
        entity=entity,
        role=role,
        practice=practice,
        region=pick(random, entity.regions),
        cost_center=f"{entity.code}-{PRACTICES.index(practice) + 1}00",
        own_cost=own_cost // 10_000 * 10_000 if happens(random, 100) else None,
        bill_rate=role.price * RATE_ONE if number % OWN_PRICE_EVERY == 9 and role is not DATA_SCIENTIST else None,
    )
