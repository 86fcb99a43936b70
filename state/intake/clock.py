"""When local days end, by what the log has recorded: one `DayEnded` a zone and date, without gaps.

A zone's first day is the one on which an event first names it. A day has ended when something is recorded at or after
the next midnight there; days that end at one instant stand in the order of their zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.common import Policies
from domain.events.reference import DayEnded, LegalEntityDefined
from domain.reference.zones import local_date, midnight
from domain.units import Instant

SOURCE: Final = "clock"
DAY: Final = timedelta(days=1)
# Instants end with the year 2100 in UTC; in zones west of it the last day cannot end.
DATE_LAST: Final = date(2100, 12, 30)
NEVER: Final = 1 << 62


class Running(NamedTuple):
    """The day that is running in a zone, and when it ends."""

    ends_at: Instant
    zone: str
    date: date


class Clock(NamedTuple):
    """Running days, the one that ends first in front."""

    days: tuple[Running, ...] = ()

    @property
    def next_midnight(self) -> Instant:
        return self.days[0].ends_at if self.days else NEVER


def with_zones(clock: Clock, zones: tuple[str, ...], recorded_at: Instant) -> Clock:
    """The clock with zones named at an instant; the same where it knows them all."""
    known = {day.zone for day in clock.days}
    new = [running(zone, local_date(recorded_at, zone)) for zone in dict.fromkeys(zones) if zone not in known]
    return Clock(tuple(sorted((*clock.days, *new)))) if new else clock


def after(clock: Clock, event: Event, recorded_at: Instant) -> Clock:
    """The clock as a record of the log leaves it; `recorded_at` is the running maximum there."""
    if isinstance(event, DayEnded):
        others = [day for day in clock.days if day.zone != event.zone]
        ended = max([event.date, *(day.date - DAY for day in clock.days if day.zone == event.zone)])
        return Clock(tuple(sorted((*others, running(event.zone, ended + DAY)))))
    return with_zones(clock, zones, recorded_at) if (zones := zones_named(event)) else clock


def tick(clock: Clock) -> tuple[DayEnded, Clock]:
    """Ends the running day that ends first."""
    first, *others = clock.days
    following = running(first.zone, first.date + DAY)
    return day_ended(first), Clock(tuple(sorted((following, *others))))


def instant_until(clock: Clock, last: date) -> Instant:
    """When `last` is over in every zone; no days are left to end where it is over already."""
    if last > DATE_LAST:
        raise ValueError(f"expected a date up to {DATE_LAST}, got {last}")
    return max((midnight(last + DAY, day.zone) for day in clock.days), default=0)


def day_ended(day: Running) -> DayEnded:
    return DayEnded(
        event_id=f"{SOURCE}.{day.zone}.{day.date}",
        occurred_at=day.ends_at,
        source=SOURCE,
        zone=day.zone,
        date=day.date,
        recorded_at=day.ends_at,
    )


def recording_time(event: Event) -> Instant:
    """As the event states it, else when it happened."""
    return event.occurred_at if event.recorded_at is None else event.recorded_at


def zones_named(event: Event) -> tuple[str, ...]:
    """Zones that a legal entity or a contract keeps its days by."""
    match event:
        case LegalEntityDefined():
            return (event.zone, *_billing_zones(event.policies))
        case ContractSigned() | ContractAmended():
            own = () if event.billing_zone is None else (event.billing_zone,)
            lines = (zone for line in event.lines or () for zone in _billing_zones(line.policies))
            return (*own, *_billing_zones(event.policies), *lines)
        case _:
            return ()


def _billing_zones(policies: Policies | None) -> Iterator[str]:
    if policies is not None and policies.billing_zone is not None:
        yield policies.billing_zone


def running(zone: str, day: date) -> Running:
    """The last day that there is never ends."""
    return Running(midnight(day + DAY, zone) if day <= DATE_LAST else NEVER, zone, day)
