"""Local dates in IANA zones, from the pinned `tzdata` package and from nothing else.

A replay must give the same dates on every machine, so zones are read straight from the package: the zone database of
the operating system, `PYTHONTZPATH` and `zoneinfo.TZPATH` are never asked, and no process-wide setting is touched.
Anyone who needs a local date asks here. Elapsed time between two instants is plain subtraction.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from domain.units import MICROSECONDS_A_DAY, MICROSECONDS_A_SECOND, Instant

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def universal_day(instant: Instant) -> int:
    """The day in universal time, as the number that `date.fromordinal` takes."""
    return instant // MICROSECONDS_A_DAY + _EPOCH_ORDINAL


def universal_midnight(day: date) -> Instant:
    """First instant of the day in universal time."""
    return (day.toordinal() - _EPOCH_ORDINAL) * MICROSECONDS_A_DAY


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every zone of the pinned database, aliases included."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=1)
def database_version() -> str:
    """IANA release of the pinned database, such as `2026a`; stands in the genesis record."""
    with resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi").open(encoding="utf-8") as lines:
        return lines.readline().removeprefix("# version ").strip()


def is_zone(name: str) -> bool:
    """Names are case-sensitive, as IANA writes them."""
    return name in zone_names()


# By zone the day that was asked for last, where it has 24 hours, with its first instant.
_last_asked: dict[str, tuple[Instant, date]] = {}


def local_date(instant: Instant, zone: str) -> date:
    """Calendar date on the wall of `zone` at `instant`."""
    last = _last_asked.get(zone)
    if last is not None and 0 <= instant - last[0] < MICROSECONDS_A_DAY:
        return last[1]
    day = datetime.fromtimestamp(instant // MICROSECONDS_A_SECOND, _rules(zone)).date()
    if date.min < day < date.max:
        began, ends = midnight(day, zone), midnight(date.fromordinal(day.toordinal() + 1), zone)
        if ends - began == MICROSECONDS_A_DAY:
            _last_asked[zone] = began, day
    return day


@lru_cache(maxsize=65_536)
def midnight(day: date, zone: str) -> Instant:
    """First instant at which `day` has begun for good.

    Where clocks skip midnight the day begins with the jump; a date that the zone skipped begins with the next one.
    Where clocks are set back over midnight it begins the second time, when the day before is over.
    """
    rules = _rules(zone)
    late_reading = _seconds(day, rules, fold=1)
    if datetime.fromtimestamp(late_reading, rules).replace(tzinfo=None) == datetime.combine(day, time()):
        return late_reading * MICROSECONDS_A_SECOND
    return _jump(late_reading, _seconds(day, rules, fold=0), rules) * MICROSECONDS_A_SECOND


@lru_cache(maxsize=1024)
def _rules(zone: str) -> ZoneInfo:
    if not is_zone(zone):
        raise ValueError(
            f"zone: expected an IANA name such as Europe/Berlin (database {database_version()}), got {zone!r}"
        )
    with resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=zone)


def _seconds(day: date, rules: ZoneInfo, fold: int) -> int:
    elapsed = datetime.combine(day, time(fold=fold), rules).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return elapsed.days * 86_400 + elapsed.seconds


def _jump(before: int, after: int, rules: ZoneInfo) -> int:
    """Second at which the clock jumps forward, given one second before it and one at or after it."""
    offset_before = datetime.fromtimestamp(before, rules).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, rules).utcoffset() == offset_before:
            before = middle
        else:
            after = middle
    return after
