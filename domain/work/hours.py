"""How long somebody worked."""

from domain.events.delivery import TimeApproved
from domain.units import MICROSECONDS_A_MILLIONTH, Hours


def worked_hours(event: TimeApproved) -> Hours:
    """As given, else the real time between start and end."""
    if event.hours is not None:
        return event.hours
    return interval_hours(event) or 0


def approved_billable(event: TimeApproved) -> Hours:
    """Of them those that count as billable, whatever the terms charge for them; stated ones may be more."""
    if not event.billable:
        return 0
    return event.billable_hours if event.billable_hours is not None else worked_hours(event)


def interval_hours(event: TimeApproved) -> Hours | None:
    if event.started_at is None or event.ended_at is None:
        return None
    return (event.ended_at - event.started_at) // MICROSECONDS_A_MILLIONTH
