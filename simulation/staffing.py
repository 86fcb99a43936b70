"""Who works on what in a month: most people keep their projects, some move, a few are lent to the sister company."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

from domain.events.common import BillRate, PlannedHours
from domain.events.delivery import ResourceAssigned
from domain.units import HOURS_ONE
from simulation.calendar import DAY, HOUR, add_months, instant, last_day
from simulation.chance import Wheel, happens, pick, wheel
from simulation.entities import ENTITIES, SimulatedEntity, other
from simulation.firm import Firm
from simulation.people import SimulatedPerson
from simulation.prices import price
from simulation.projects import SimulatedProject
from simulation.sources import PSA, recorded, stamped

SLOTS = wheel(((1, 25), (2, 50), (3, 25)))
KEEPS_PER_THOUSAND = 820
# Nobody works for the sister company alone.
LENT_PER_THOUSAND = 90
OWN_RATE_EVERY = 29
MONTHS_PLANNED = 3

# Hours a month that a first, second and third project are planned with.
HOURS_PLANNED = ((140,), (100, 45), (80, 40, 25))


@dataclass(slots=True)
class Staffing:
    """The projects of every person now, the main one first, and the assignments behind them."""

    projects_of: list[tuple[int, ...]]
    assignments: dict[tuple[int, int], ResourceAssigned] = field(default_factory=dict)
    count: int = 0


def nobody(firm: Firm) -> Staffing:
    return Staffing(projects_of=[()] * len(firm.people))


def staff(firm: Firm, month: date, staffing: Staffing, random: Random) -> list[ResourceAssigned]:
    """Bring everyone's projects up to date for a month; what began and what ended, in order of people."""
    wheels = {entity: active_wheel(firm, entity, month) for entity in ENTITIES}
    active = frozenset(number for each in wheels.values() for number in each.items)
    chosen = [
        choose(person, [number for number in staffing.projects_of[person.number] if number in active], wheels, random)
        for person in firm.people
    ]
    leave_none_alone(firm, wheels, chosen, random)
    events = [
        event
        for person, projects in zip(firm.people, chosen, strict=True)
        for event in moves(firm, person, staffing, projects, month)
    ]
    staffing.projects_of = chosen
    return events


def active_wheel(firm: Firm, entity: SimulatedEntity, month: date) -> Wheel[int]:
    """The company's projects on which there is work in the month, by size."""
    end = last_day(month)
    return wheel(
        (project.number, project.weight)
        for project in firm.projects
        if project.entity is entity and project.starts_on <= end and firm.works_until[project.number] >= month
    )


def choose(
    person: SimulatedPerson, before: list[int], wheels: dict[SimulatedEntity, Wheel[int]], random: Random
) -> tuple[int, ...]:
    """One to three different projects, those of before among them; none where the company has no work."""
    kept = [number for number in before if happens(random, KEEPS_PER_THOUSAND)]
    for _ in range(SLOTS.spin(random) - len(kept)):
        lent = happens(random, LENT_PER_THOUSAND) and bool(kept)
        source = wheels[other(person.entity) if lent else person.entity]
        if source.items:
            kept.append(source.spin(random))
    return tuple(dict.fromkeys(kept))


def leave_none_alone(
    firm: Firm, wheels: dict[SimulatedEntity, Wheel[int]], chosen: list[tuple[int, ...]], random: Random
) -> None:
    """Every active project has somebody: one of the company's people takes it in addition."""
    staffed = {number for projects in chosen for number in projects}
    members = {entity: [person.number for person in firm.people if person.entity is entity] for entity in ENTITIES}
    for entity, active in wheels.items():
        for number in active.items:
            if number not in staffed:
                person = pick(random, members[entity])
                chosen[person] = (*chosen[person], number)


def moves(
    firm: Firm, person: SimulatedPerson, staffing: Staffing, projects: Sequence[int], month: date
) -> Iterator[ResourceAssigned]:
    """Assignments that end with the last month and those that begin with this one."""
    before = staffing.projects_of[person.number]
    for number in before:
        if number not in projects:
            assigned = staffing.assignments.pop((person.number, number))
            yield ended(assigned, firm.projects[number], month)
    for place, number in enumerate(projects):
        if number not in before:
            staffing.count += 1
            hours = HOURS_PLANNED[min(len(projects), 3) - 1][min(place, 2)]
            event = begun(firm, staffing.count, person, firm.projects[number], month, hours)
            staffing.assignments[person.number, number] = event
            yield event


def begun(
    firm: Firm, count: int, person: SimulatedPerson, project: SimulatedProject, month: date, hours: int
) -> ResourceAssigned:
    """A new assignment, made before the month begins to be worked; every so many at a price of its own."""
    first = month == firm.plan.start
    at = instant(firm.plan.opens_on if first else month, (12 if first else 6) * HOUR, project.entity.zone)
    currency = project.customer.market.currency if project.customer else project.entity.currency
    return ResourceAssigned(
        **stamped(PSA, f"A-{count:06}-1", at),
        assignment_id=f"A-{count:06}",
        version=1,
        project_id=project.project_id,
        person_id=person.person_id,
        role=person.role.name,
        starts_on=max(month, project.starts_on),
        ends_on=project.ends_on,
        planned=tuple(PlannedHours(f"{add_months(month, n):%Y-%m}", hours * HOURS_ONE) for n in range(MONTHS_PLANNED)),
        bill_rate=BillRate(price(person.role, currency, 106), currency) if count % OWN_RATE_EVERY == 0 else None,
    )


def ended(assigned: ResourceAssigned, project: SimulatedProject, month: date) -> ResourceAssigned:
    """The assignment ended with the month before."""
    at = instant(month, 5 * HOUR, project.entity.zone)
    return assigned._replace(
        event_id=f"{PSA}-{assigned.assignment_id}-2",
        occurred_at=at,
        version=2,
        recorded_at=recorded(at, PSA),
        ends_on=max(month - DAY, assigned.starts_on),
        planned=(),
    )
