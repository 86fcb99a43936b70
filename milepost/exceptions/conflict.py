"""What a `conflicting_version` is about: one fact that came twice, and what the two say differently."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from connectors.files.found_exceptions import ExceptionStep, KnownException, events_of
from connectors.json_records import record_to_json
from domain.events.catalogue import Event
from domain.outputs import ExceptionRaised
from milepost.event_words import event_name
from milepost.exceptions.decided import is_about, version_of
from milepost.exceptions.shown import rows_of
from milepost.tables import Table
from state.facts import TRACE


class Conflict(NamedTuple):
    """The content that counts, and the one that came after it and does not."""

    stands: Event
    came: Event

    @property
    def differs(self) -> list[str]:
        """Fields, in the order of the event."""
        one, other = (record_to_json(each) for each in self)
        return [name for name in {**one, **other} if name not in TRACE and one.get(name) != other.get(name)]


def conflict_of(output: Path, known: KnownException, steps: Sequence[ExceptionStep]) -> Conflict | None:
    """None of another category, and where the log has not both."""
    raised = known.raised
    if raised.category != "conflicting_version":
        return None
    came = next(
        (step.cause for step in reversed(steps) if isinstance(step.said, ExceptionRaised) and step.at == known.since),
        None,
    )
    if came is None or not is_about(came, raised):
        return None
    stands: Event | None = None
    for event in events_of(output):
        if event.event_id == came.event_id:
            break
        if is_about(event, raised) and version_of(event) == version_of(came):
            stands = event
    return None if stands is None else Conflict(stands, came)


def conflict_table(conflict: Conflict) -> Table:
    one, other = (dict(rows_of(each)) for each in conflict)
    differs = conflict.differs
    rows = []
    for name in {**one, **other}:
        is_other = one.get(name) != other.get(name) and name.partition(" ")[0] in differs
        rows.append((name, one.get(name, ""), other.get(name, ""), "differs" if is_other else ""))
    kinds = dict.fromkeys(event_name(type(each).__name__) for each in conflict)
    return Table(f"What came twice: {', then '.join(kinds)}", ("field", "stands", "came after it", ""), rows)


def conflict_json(conflict: Conflict | None) -> dict[str, object] | None:
    if conflict is None:
        return None
    return {
        "stands": record_to_json(conflict.stands),
        "came": record_to_json(conflict.came),
        "differs": conflict.differs,
    }
