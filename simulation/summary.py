"""What was made, counted while it is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from domain.events.catalogue import Event
from domain.events.delivery import TimeApproved
from domain.units import HOURS_ONE, Hours
from simulation.calendar import HOUR, SECOND
from simulation.entries import SENT_TWICE
from simulation.plan import SimulationPlan


@dataclass(slots=True)
class SimulationSummary:
    plan: SimulationPlan
    events: Counter[str] = field(default_factory=Counter)
    entries: int = 0
    hours: Hours = 0

    def count(self, event: Event) -> None:
        """One more event; the first version of a time entry, when it is first sent, gives entries and hours."""
        self.events[type(event).__name__] += 1
        if isinstance(event, TimeApproved) and event.version == 1 and not event.event_id.endswith(SENT_TWICE):
            self.entries += 1
            self.hours += worked(event)

    @property
    def total(self) -> int:
        return self.events.total()


def worked(event: TimeApproved) -> Hours:
    """Hours as stated, or as the clock says."""
    if event.hours is not None:
        return event.hours
    if event.started_at is None or event.ended_at is None:
        return 0
    hours: Hours = (event.ended_at - event.started_at) * HOURS_ONE // (HOUR * SECOND)
    return hours


def as_json(summary: SimulationSummary, files: dict[str, int]) -> dict[str, object]:
    """Version 1 of the shape; hours as a string, as everywhere."""
    plan = summary.plan
    return {
        "version": 1,
        "seed": plan.seed,
        "start": plan.start.isoformat(),
        "end": plan.ends_on.isoformat(),
        "months": plan.months,
        "people": plan.people,
        "projects": plan.projects,
        "deals": plan.deals,
        "events": dict(sorted(summary.events.items())),
        "events_total": summary.total,
        "time_entries": summary.entries,
        "hours": hours_text(summary.hours),
        "files": files,
    }


def hours_text(hours: Hours) -> str:
    """Hours with two digits after the point."""
    return f"{hours // HOURS_ONE}.{hours % HOURS_ONE // 10_000:02}"
