"""What is mutated: the events of every scenario, and those of a simulated firm, as the lines of input files have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from connectors.json_records import record_to_json
from simulation.plan import ALL, SimulationPlan
from simulation.story import events
from tests.scenario_events import Teller
from tests.scenario_text import Scenario, ScenarioError
from tests.scenarios.test_scenarios import SCENARIOS

Line = dict[str, Any]
# A part of the stories shares its customers, people and contracts with others, which then contradict each other.
SHARED = 0.3
STORIES = 12


@cache
def firm(seed: int) -> tuple[Line, ...]:
    """Three months with deals of every kind, in the order in which they are recorded."""
    plan = SimulationPlan(seed=seed, people=10, projects=6, months=3, start=date(2026, 1, 1), deals=ALL)
    return tuple(record_to_json(event) for event in events(plan))


@cache
def story(place: int) -> tuple[Line, ...]:
    """A scenario's events; decisions on exceptions, whose ids come of the fold, are left out."""
    return tuple(_told(SCENARIOS[place][1]))


def _told(scenario: Scenario) -> Iterator[Line]:
    teller = Teller({})
    first = next(step.when for step in scenario.steps if step.when)
    for step in scenario.steps:
        if step.words == ("day", "ended"):
            continue
        now = datetime.fromisoformat(f"{(step.when or first)[:10]}T12:00+00:00")
        try:
            event = teller.event(step, now if step.when else now - timedelta(days=1))
        except (ScenarioError, KeyError):
            continue
        yield record_to_json(event)


def stories(random: Random) -> list[Line]:
    """Several scenarios as one firm's, each with ids of its own, or with those of all."""
    drawn = [random.randrange(len(SCENARIOS)) for _ in range(STORIES)]
    return together(drawn, [random.random() >= SHARED for _ in drawn])


def together(places: Sequence[int], apart: Sequence[bool]) -> list[Line]:
    """Scenarios in the order of their days, each `apart` from the others by its ids or with the same ones."""
    found: list[Line] = []
    for number, (place, has_own_ids) in enumerate(zip(places, apart, strict=True)):
        lines = story(place)
        names = {name: f"{number}-{name}" for name in _ids(lines)} if has_own_ids else {}
        found += [{**_renamed(line, names), "event_id": f"{number}-{line['event_id']}"} for line in lines]
    return sorted(found, key=lambda line: str(line["occurred_at"]))


def _ids(value: Any) -> dict[str, None]:
    """Every text that stands where an id does."""
    found: dict[str, None] = {}
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(each, str) and name.endswith("_id") and name != "event_id":
                found[each] = None
            else:
                found.update(_ids(each))
    elif isinstance(value, list | tuple):
        for each in value:
            found.update(_ids(each))
    return found


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _renamed(each, names) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value
