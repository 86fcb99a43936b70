"""What is written can be read, means the same and stands in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.json_records import event_from_json_line
from domain.events.catalogue import ENTITIES, TOPICS, Event
from simulation.plan import SimulationPlan, plan
from simulation.story import events
from simulation.write import write


def test_every_event_is_a_valid_record(quarter: Sequence[Event]) -> None:
    for event in quarter:
        codec = EVENT_CODECS[type(event).__name__]
        assert codec.decode(codec.encode(event)) == event


def test_lines_read_back_as_the_events(tmp_path: Path, quarter: Sequence[Event], quarter_plan: SimulationPlan) -> None:
    write(quarter_plan, tmp_path, "jsonl")
    for path in sorted(tmp_path.iterdir()):
        read = [event_from_json_line(line) for line in path.read_bytes().splitlines()]
        assert read == [event for event in quarter if TOPICS[type(event).__name__] == path.stem]


def test_events_stand_in_the_order_in_which_they_were_recorded(quarter: Sequence[Event]) -> None:
    recorded = [event.recorded_at or 0 for event in quarter]
    assert recorded == sorted(recorded)
    assert all(event.occurred_at < (event.recorded_at or 0) for event in quarter)


def test_event_ids_are_unique_and_identities_state_one_thing(quarter: Sequence[Event]) -> None:
    assert len({event.event_id for event in quarter}) == len(quarter)
    seen = set()
    for event in quarter:
        entity = ENTITIES[type(event).__name__]
        if entity.kind == "time_entry":
            continue
        identity = (entity.kind, *(getattr(event, name) for name in entity.id_fields))
        version = getattr(event, entity.version_field) if entity.version_field else None
        assert (identity, version) not in seen
        seen.add((identity, version))


@pytest.mark.parametrize(
    ("seed", "people", "projects", "months", "start"),
    [
        (0, 10, 5, 1, date(2024, 2, 1)),
        (1, 12, 40, 1, date(2025, 12, 1)),
        (2, 90, 5, 2, date(2026, 6, 1)),
        (3, 25, 30, 7, date(2025, 9, 1)),
    ],
)
def test_firms_of_other_sizes_are_valid_too(seed: int, people: int, projects: int, months: int, start: date) -> None:
    last = 0
    for event in events(plan(seed=seed, people=people, projects=projects, months=months, start=start)):
        codec = EVENT_CODECS[type(event).__name__]
        assert codec.decode(codec.encode(event)) == event
        assert last <= (event.recorded_at or 0)
        last = event.recorded_at or 0
