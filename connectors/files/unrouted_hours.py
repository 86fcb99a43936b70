"""Hours that wait with intake since nobody knows their project: in no engagement, no journal and no index, but worked and approved."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import NamedTuple

from connectors.files.glance_rows import worked_on
from connectors.files.waiting_events import waiting_of_types
from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.units import Hours
from domain.work.hours import approved_billable, worked_hours


class UnroutedEntry(NamedTuple):
    """An entry as its newest version has it."""

    entry_id: str
    person_id: str
    project_id: str
    day: date
    hours: Hours
    billable: Hours


def unrouted_entries(output: Path) -> list[UnroutedEntry]:
    """As intake has them now; none where the folder has no intake."""
    newest: dict[str, TimeApproved | TimeWithdrawn] = {}
    for event in waiting_of_types(output, TimeApproved, TimeWithdrawn):
        if isinstance(event, TimeApproved | TimeWithdrawn):
            had = newest.get(event.entry_id)
            if had is None or event.version > had.version:
                newest[event.entry_id] = event
    return [_entry(event) for event in newest.values() if isinstance(event, TimeApproved)]


def _entry(event: TimeApproved) -> UnroutedEntry:
    whose = event.entry_id, event.person_id, event.project_id
    return UnroutedEntry(*whose, worked_on(event), worked_hours(event), approved_billable(event))
