"""Events that wait with intake, since their project, contract or whatever else they are about is not known yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from connectors.event_bodies import read_event
from connectors.files.rebuilt import STORE
from domain.events.catalogue import Event
from state.store.read_only import read_only

# The category of the exception that is open for each id they wait for.
UNROUTED: Final = "unrouted"


def waiting_of_types(output: Path, one: type[Event], other: type[Event]) -> Iterator[Event]:
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
