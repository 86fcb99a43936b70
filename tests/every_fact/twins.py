"""Twin stories: a scenario's log folded as it stands, and once more with one field of one event said otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from connectors.json_records import event_from_json
from domain import reference_faults
from domain.event_faults import first_fault
from domain.events.common import ForecastThreshold, Policies
from domain.outputs import ExceptionRaised
from domain.policies import DEFAULTS
from domain.refusals import UNSUPPORTED
from schemas.events_page import EXAMPLES as EXAMPLES_PAGE
from tests.every_fact.schema_fields import fields
from tests.every_fact.values import values
from tests.folding import without_chains
from tests.harness import Books, Folded, Record
from tests.scenario_play import play
from tests.scenario_text import Scenario
from tests.scenarios.test_scenarios import NAMES, SCENARIOS

STORIES: dict[str, Scenario] = dict(zip(NAMES, (scenario for _, scenario in SCENARIOS), strict=True))
# The story of the examples on the pages.
EXAMPLES, EXAMPLES_END = "examples", date(2026, 4, 30)
NAMES_OF_STORIES = (*STORIES, EXAMPLES)
# How a field counts: an output differs, its value is refused by name, or it contradicts what it is checked with.
SHOWN, REFUSED, CHECKED, NOTHING = "shown", "refused", "checked", ""
# What a value raises that contradicts others.
CONTRADICTS = frozenset({"conflicting_version", "invalid_terms"})
# Above all that changes in a story.
MUCH = 10**12
# In one story, from its end: corrections and what lies late show most.
PLACES = 24

Way = tuple[str | int, ...]


class Place(NamedTuple):
    """The number of a log's record, and the way from its event to what it holds."""

    offset: int
    way: Way


# What a story states besides, so that a field of this name can show.
GIVEN: Mapping[str, tuple[str, Policies]] = {
    "ExpenseApproved.approved_at": ("ContractSigned", Policies(cap_order="approval", cap_includes=("time", "expense"))),
    "ForecastThreshold.amount": ("ContractSigned", Policies(forecast_threshold=ForecastThreshold(amount=MUCH))),
    "ForecastThreshold.percent": ("ContractSigned", Policies(forecast_threshold=ForecastThreshold(percent=MUCH))),
}


def told(name: str, key: str) -> tuple[tuple[Record, ...], tuple[Any, ...]]:
    """The story for a field: as it stands, or with what is given for the field."""
    log, outputs = story(name)
    given = GIVEN.get(key)
    if given is None:
        return log, outputs
    books = Books()
    for record in log:
        event: Any = record.event
        books._append(event._replace(policies=given[1]) if record.type_name == given[0] else event)
    books.replay(())
    try:
        return tuple(books.log), tuple(content(folded) for folded in books.folded)
    finally:
        books.close()


@cache
def story(name: str) -> tuple[tuple[Record, ...], tuple[Any, ...]]:
    """Its log, and what comes out."""
    books = example_books() if name == EXAMPLES else play(STORIES[name])
    try:
        return tuple(books.log), tuple(content(folded) for folded in books.folded)
    finally:
        books.close()


def example_books() -> Books:
    """One event of every type, as the pages show them, and the days up to the end of their year."""
    books = Books()
    lines = EXAMPLES_PAGE.read_text(encoding="utf-8").splitlines()
    books.fold(*(event_from_json(json.loads(line)) for line in lines))
    books.end_day(EXAMPLES_END)
    return books


def content(folded: Folded) -> Any:
    """What is said, without where it stands."""
    return without_chains(folded.record)


def counts(key: str, name: str) -> str:
    """The most that any twin of the story shows of a field, or of a value of its enumeration."""
    record_name, _, rest = key.partition(".")
    field_name, _, symbol = rest.partition("=")
    log, base = told(name, key)
    best = NOTHING
    for place in places(log, record_name):
        way = (*place.way, field_name)
        held = at(log[place.offset].event, way)
        for value in values(fields()[key], f"{record_name}.{field_name}", held):
            if symbol and not _tells(symbol, getattr(DEFAULTS, field_name, None) if held is None else held, value):
                continue
            best = max(
                best, verdict(base, twin(log, place.offset, way, value)), key=(NOTHING, CHECKED, REFUSED, SHOWN).index
            )
            if best == SHOWN:
                return best
    return best


def _tells(symbol: str, held: Any, value: Any) -> bool:
    """Whether one of both is or has the value of the enumeration, and the other not."""
    has = [symbol in one if isinstance(one, tuple) else one == symbol for one in (held, value)]
    return has[0] != has[1]


def places(log: Sequence[Record], record_name: str) -> list[Place]:
    found = [Place(record.offset, way) for record in log for way in _ways(record.event, (), record_name)]
    return found[::-1][:PLACES]


def _ways(held: Any, way: Way, record_name: str) -> Iterator[Way]:
    if hasattr(held, "_fields"):
        if type(held).__name__ == record_name:
            yield way
        for name, inner in zip(held._fields, held, strict=True):
            yield from _ways(inner, (*way, name), record_name)
    elif isinstance(held, tuple):
        for index, inner in enumerate(held):
            yield from _ways(inner, (*way, index), record_name)


def twin(log: Sequence[Record], offset: int, way: Way, value: Any) -> tuple[Any, ...] | None:
    """What comes out with another value; None where nobody could compute with the event."""
    event = changed(log[offset].event, way, value)
    if first_fault(event) is not None or reference_faults.faults(event):
        return None
    books = Books()
    try:
        for record in log[:offset]:
            books.log.append(record)
        books._append(event)
        books.replay(log[offset + 1 :])
        return tuple(content(folded) for folded in books.folded)
    finally:
        books.close()


def changed(held: Any, way: Sequence[str | int], value: Any) -> Any:
    if not way:
        return value
    step, *rest = way
    if isinstance(step, int):
        return (*held[:step], changed(held[step], rest, value), *held[step + 1 :])
    return held._replace(**{step: changed(getattr(held, step), rest, value)})


def at(held: Any, way: Sequence[str | int]) -> Any:
    for step in way:
        held = held[step] if isinstance(step, int) else getattr(held, step)
    return held


def verdict(base: Sequence[Any], other: Sequence[Any] | None) -> str:
    if other is None:
        return NOTHING
    new = raised(other) - raised(base)
    if any(category == UNSUPPORTED for category, _ in new):
        return REFUSED
    if any(category in CONTRADICTS for category, _ in new):
        return CHECKED
    return SHOWN if tuple(base) != tuple(other) else NOTHING


def raised(outputs: Sequence[Any]) -> set[tuple[str, str]]:
    return {(said.category, said.subject_id) for said in outputs if isinstance(said, ExceptionRaised)}
