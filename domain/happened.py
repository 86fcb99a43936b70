"""On which day a fact happened: fields that say so, and the day that they come to."""

from __future__ import annotations

from datetime import date
from typing import Final

from domain.events.catalogue import Event
from domain.reference.zones import local_date, universal_day

# Days and moments of what has happened, the first that an event has first; terms, plans and rates may be of days to come.
HAPPENED: Final = (
    "worked_on", "started_at", "ended_at", "spent_on", "delivered_on", "accepted_on", "as_of", "issued_on", "posted_on",
    "applied_on", "received_on", "written_off_on", "adjusted_on",
)  # fmt: skip


def day_of(event: Event) -> date:
    """As stated; a moment on the wall of the zone that the event names. One that states none is of the day on which it was said."""
    stated = next((found for name in HAPPENED if (found := getattr(event, name, None)) is not None), None)
    if isinstance(stated, date):
        return stated
    moment = stated if stated is not None else event.occurred_at
    zone = getattr(event, "zone", None) if stated is not None else None
    return local_date(moment, zone) if zone is not None else date.fromordinal(universal_day(moment))
