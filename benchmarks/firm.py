"""A simulated consulting firm of a wanted number of time entries, as Avro files.

Two people a project and 1.6 entries a person and working day. A large firm has 20,000 people and 10,000 projects, and is
watched for as many months as its entries take; a smaller one is that firm with fewer people, for six weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from domain.events.catalogue import Event
from simulation.plan import AVRO, PEOPLE_MIN, PROJECTS_MIN, plan
from simulation.story import events
from simulation.write import SimulationSummary, prepare, topic_files

SEED = 7
START = date(2026, 1, 1)
PEOPLE_MAX = 20_000
ENTRIES_A_PERSON = 50
ENTRIES_A_MONTH = 28


class Size(NamedTuple):
    """The firm stops after so many entries, in the middle of a month."""

    entries: int
    people: int
    projects: int
    months: int


class Input(NamedTuple):
    entries: int
    events: int
    bytes: int


def size_of(entries: int) -> Size:
    people = max(PEOPLE_MIN, min(PEOPLE_MAX, entries // ENTRIES_A_PERSON))
    return Size(entries, people, max(PROJECTS_MIN, people // 2), entries // (people * ENTRIES_A_MONTH) + 1)


def write_input(
    size: Size, folder: Path, retold: Callable[[Iterable[Event]], Iterable[Event]] = lambda story: story
) -> Input:
    """`retold` makes another story of the firm's."""
    planned = plan(seed=SEED, people=size.people, projects=size.projects, months=size.months, start=START)
    prepare(folder, force=True)
    summary = SimulationSummary(planned)
    with topic_files(folder, AVRO, SEED) as add:
        for event in retold(events(planned)):
            add(event)
            summary.count(event)
            if summary.entries == size.entries:
                break
    return Input(summary.entries, summary.total, sum(path.stat().st_size for path in folder.iterdir()))
