"""Hours that wait with intake since nobody knows their project: in no engagement, no journal and no index, but worked and approved."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from connectors.event_bodies import read_event
from connectors.files.glance_rows import worked_on
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.units import Hours, Instant
from domain.work.hours import approved_billable, worked_hours

INTAKE: Final = "intake.db"


class UnroutedEntry(NamedTuple):
    """An entry as its newest version has it; `recorded_at` is when that was stated, or happened."""

    entry_id: str
    person_id: str
    project_id: str
    day: date
    hours: Hours
    billable: Hours
    recorded_at: Instant


def unrouted_entries(output: Path) -> list[UnroutedEntry]:
    """As intake has them now; none where the folder has no intake."""
    newest: dict[str, TimeApproved | TimeWithdrawn] = {}
    for event in _waiting(output / INTAKE):
        had = newest.get(event.entry_id)
        if had is None or event.version > had.version:
            newest[event.entry_id] = event
    return [_entry(event) for event in newest.values() if isinstance(event, TimeApproved)]


def _waiting(path: Path) -> Iterator[TimeApproved | TimeWithdrawn]:
    if not path.exists():
        return
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        names = [TimeApproved.__name__, TimeWithdrawn.__name__]
        rows = db.execute("SELECT type, schema, body FROM waiting WHERE type IN (?, ?) ORDER BY number", names)
        for type_name, schema, body in rows:
            event = read_event(type_name, schema, body)
            if isinstance(event, TimeApproved | TimeWithdrawn):
                yield event


def _entry(event: TimeApproved) -> UnroutedEntry:
    stated = event.recorded_at if event.recorded_at is not None else event.occurred_at
    whose = event.entry_id, event.person_id, event.project_id
    return UnroutedEntry(*whose, worked_on(event), worked_hours(event), approved_billable(event), stated)
