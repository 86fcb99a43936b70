"""A day of work: who is there, on how many things, for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import count
from random import Random
from typing import NamedTuple

from domain.units import Hours
from simulation.calendar import SATURDAY, is_workday
from simulation.entities import ENTITIES, SimulatedEntity
from simulation.firm import Firm
from simulation.staffing import Staffing

QUARTER: Hours = 250_000
HUNDREDTH: Hours = 10_000

# Of a thousand people: who works on a weekday, and who catches up on a Saturday.
PRESENT, ON_SATURDAY, ABSENT = 970, 10, 0
# Seven to nine and a half hours a day.
QUARTERS_LEAST, QUARTERS_RANGE = 28, 11
# Half of the days hold one entry, four tenths two, the rest three: 1.6 on average.
TWO_ENTRIES, THREE_ENTRIES = 512, 922
# Of 1,024: entries for the company itself, and entries not in quarter hours.
INTERNAL = 15
ODD_HOURS = 31


class SimulatedWork(NamedTuple):
    """One piece of work; `luck` is 64 random bits from which everything else about its entry is read."""

    serial: int
    person: int
    project: int
    task: int
    worked_on: date
    hours: Hours
    luck: int


def present(day: date) -> Mapping[SimulatedEntity, int]:
    """How many of a thousand people of each company work on a day."""
    return {
        entity: PRESENT if is_workday(day, entity.holidays) else (ON_SATURDAY if day.weekday() == SATURDAY else ABSENT)
        for entity in ENTITIES
    }


def work_of(day: date, firm: Firm, staffing: Staffing, serials: count[int], random: Random) -> Iterator[SimulatedWork]:
    there = present(day)
    if not any(there.values()):
        return
    active = [project.starts_on <= day <= last for project, last in zip(firm.projects, firm.works_until, strict=True)]
    own = {entity: firm.plan.projects + place for place, entity in enumerate(ENTITIES)}
    tasks = [len(project.tasks) for project in firm.projects]
    on_saturday = day.weekday() == SATURDAY
    for person in firm.people:
        if random.random() * 1000 >= there[person.entity]:
            continue
        internal = own[person.entity]
        projects = [number for number in staffing.projects_of[person.number] if active[number]] or [internal]
        for hours in shifts(random, on_saturday=on_saturday):
            luck = random.getrandbits(64)
            project = internal if luck & 1023 < INTERNAL else projects[place_of(luck >> 4 & 1023, len(projects))]
            # Odd entries end in other hundredths than a quarter does.
            odd = (luck >> 14 & 1023) < ODD_HOURS
            yield SimulatedWork(
                serial=next(serials),
                person=person.number,
                project=project,
                task=(luck >> 24) % tasks[project],
                worked_on=day,
                hours=hours + (luck >> 40) % 23 * HUNDREDTH + HUNDREDTH if odd else hours,
                luck=random.getrandbits(64),
            )


def shifts(random: Random, *, on_saturday: bool) -> tuple[Hours, ...]:
    drawn = random.getrandbits(40)
    if on_saturday:
        return ((8 + drawn % 13) * QUARTER,)
    quarters = QUARTERS_LEAST + drawn % QUARTERS_RANGE
    entries = drawn >> 10 & 1023
    if entries < TWO_ENTRIES:
        return (quarters * QUARTER,)
    first = 4 + (drawn >> 20) % (quarters - 8)
    if entries < THREE_ENTRIES or quarters - first < 8:
        return (first * QUARTER, (quarters - first) * QUARTER)
    second = 2 + (drawn >> 30) % (quarters - first - 4)
    return (first * QUARTER, second * QUARTER, (quarters - first - second) * QUARTER)


def place_of(drawn: int, length: int) -> int:
    """Which of a person's projects: six tenths of the work go to the first."""
    if length == 1 or drawn < 614:
        return 0
    return 1 + drawn % (length - 1)
