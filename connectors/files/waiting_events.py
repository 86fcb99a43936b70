"""Events that wait with intake, since their project, contract or whatever else they are about is not known yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from connectors.event_bodies import read_event
from connectors.files.glance_rows import worked_on
from connectors.files.rebuilt import STORE
from domain.events.catalogue import Event
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.units import Hours
from domain.work.hours import approved_billable, worked_hours
from state.store.read_only import read_only

# The category of the exception that is open for each id they wait for.
UNROUTED: Final = "unrouted"


class UnroutedEntry(NamedTuple):
    """An entry as its newest version has it."""

    entry_id: str
    person_id: str
    project_id: str
    day: date
    hours: Hours
    billable: Hours


def _waiting_of_types(output: Path, one: type[Event], other: type[Event]) -> Iterator[Event]:
    """In the order in which they came; none where the folder has no intake."""
    statement = "SELECT type, schema, body FROM waiting WHERE type IN (?, ?) ORDER BY number"
    return _read(output / STORE, statement, (one.__name__, other.__name__))


def waiting_for(output: Path, kind: str, subject_id: str) -> Iterator[Event]:
    """Those that go on once this is known, in the order in which they came."""
    statement = "SELECT type, schema, body FROM waiting WHERE kind = ? AND id = ? ORDER BY number"
    return _read(output / STORE, statement, (kind, subject_id))


def _read(path: Path, statement: str, values: tuple[str, str]) -> Iterator[Event]:
    if not path.exists():
        return
    with closing(read_only(path)) as db:
        for type_name, schema, body in db.execute(statement, values):
            yield read_event(type_name, schema, body)


def unrouted_entries(output: Path) -> list[UnroutedEntry]:
    """Hours that wait with intake since nobody knows their project: in no engagement, no journal and no index, but worked and approved.

    As intake has them now; none where the folder has no intake.
    """
    newest: dict[str, TimeApproved | TimeWithdrawn] = {}
    for event in _waiting_of_types(output, TimeApproved, TimeWithdrawn):
        if isinstance(event, TimeApproved | TimeWithdrawn):
            had = newest.get(event.entry_id)
            if had is None or event.version > had.version:
                newest[event.entry_id] = event
    return [_entry(event) for event in newest.values() if isinstance(event, TimeApproved)]


def _entry(event: TimeApproved) -> UnroutedEntry:
    whose = event.entry_id, event.person_id, event.project_id
    return UnroutedEntry(*whose, worked_on(event), worked_hours(event), approved_billable(event))
