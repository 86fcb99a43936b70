"""When a cap will be used up: by the months that are planned, else by the pace of the last 28 days.

Within a month use is even over the days that are left of it. Nothing is said beyond the last day on which work counts towards
the cap, beyond what is planned, or, by pace, beyond five years. Of a cap without room it is the day of the forecast: since
when it is used up is not looked for here.

    4,200 left on 10 June, 5,600 used in 28 days (200 a day): 21 days, 1 July; no day where work ends on 30 June
    4,200 left on 10 June, 2,000 planned for the rest of June and 6,200 for July: 2,200 / 6,200 of 31 days, 11 July; where work
    ends on 20 July, of 20 days, 8 July
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.figure import allocated, called, in_part, lesser, spread
from domain.forecast.completion import value_of
from domain.money import smallest_unit
from domain.months import month_end
from domain.units import Amount, Hours

PACE_DAYS = 28
# Of which work is kept by service day: a week more, for a day ends later in a zone in the west, and a forecast may be of a day before.
DAYS_KEPT = 35
# Older days are dropped once as many are kept.
DAYS_MAX = 70
HORIZON_DAYS = 1_830


class Lasting(NamedTuple):
    """The day on which a limit is used up: of what is left of it by `since`, `use` is taken evenly in so many `days` that follow."""

    day: date
    room: int
    use: int
    days: int
    since: date
    is_planned: bool


def by_plan(room: int, as_of: date, months: Iterable[tuple[str, int]], last: date | None = None) -> Lasting | None:
    """How long `room` lasts; `months` ascending (`2026-07`), each with the amount or hours to come, up to the day `last`."""
    if room <= 0:
        return Lasting(as_of, room, 0, 0, as_of, is_planned=True)
    for month, use in months:
        if use <= 0:
            continue
        days = days_ahead(month, as_of, last)
        if not days:
            return None
        if use >= room:
            day = date.fromordinal(days[lasts(room, len(days), use) - 1])
            return Lasting(day, room, use, len(days), date.fromordinal(days[0]), is_planned=True)
        room = called(room - use, f"left after {month}")
    return None


def days_ahead(month: str, as_of: date, last: date | None) -> range:
    """Ordinals of the days of the month after `as_of` and up to `last`; of a month that is over one."""
    begin = date(int(month[:4]), int(month[5:7]), 1)
    first = max(begin, as_of + timedelta(days=1))
    end = max(month_end(begin), first)
    return range(first.toordinal(), (end if last is None else min(end, last)).toordinal() + 1)


def taken_of(
    room: int, uses: Iterable[int], title: str = "as far as caps allow", rest: str = "room for later months"
) -> Sequence[int]:
    """What each of these takes of a room, the earlier before the later (R16)."""
    found = []
    for use in uses:
        taken = lesser(use, room, title)
        found.append(taken)
        room = called(room - taken, rest)
    return found


class CapAhead(NamedTuple):
    """What a cap leaves to work of the tracks under it: by month, or under "" of all months together. Of a cap in hours `so_far` says for
    each track of how many hours what is worth how much, as those to come are."""

    tracks: Sequence[str]
    rooms: dict[str, int]
    so_far: Mapping[str, tuple[Hours, Amount]] | None = None


def taken_by_month(
    wants: Mapping[str, Mapping[str, Amount]], caps: Iterable[CapAhead], currency: str
) -> dict[str, dict[str, Amount]]:
    """What caps allow to each track of what its hours are worth in each month, the earlier before the later (R16). Tracks that want more
    in a month than a cap leaves share its room by what they want (R12): by what that is worth, of a cap in hours by these. Caps of fewer
    tracks come first, so that what one of them keeps from a track is left to the others."""
    left = sorted([cap._replace(rooms=dict(cap.rooms)) for cap in caps], key=lambda cap: len(cap.tracks))
    found: dict[str, dict[str, Amount]] = {name: {} for name in wants}
    for month in sorted({month for by_month in wants.values() for month in by_month}):
        takes = {name: by_month[month] for name, by_month in wants.items() if by_month.get(month)}
        for cap in left:
            room = cap.rooms.get(month, cap.rooms.get(""))
            if room is not None:
                takes.update(_within(cap, room, {name: takes[name] for name in cap.tracks if name in takes}, currency))
        for cap in left:
            for name in (name for name in cap.tracks if name in takes and "" in cap.rooms):
                cap.rooms[""] = called(cap.rooms[""] - _used(cap, name, takes[name]), "room for later months")
        for name, taken in takes.items():
            found[name][month] = taken
    return found


def _within(cap: CapAhead, room: int, takes: Mapping[str, Amount], currency: str) -> Mapping[str, Amount]:
    if cap.so_far is None and len(takes) == 1:
        return {name: lesser(take, room, "as far as caps allow") for name, take in takes.items()}
    uses = [_used(cap, name, take) for name, take in takes.items()]
    if sum(uses) <= room:
        return takes
    if cap.so_far is None:
        return dict(zip(takes, allocated(room, uses, currency), strict=True))
    step, parts = smallest_unit(currency), spread(room, uses, 1)
    return {
        name: value_of(part, (hours, 0, value), 0, step, "as far as caps allow")
        for name, part, (hours, value) in zip(takes, parts, map(cap.so_far.__getitem__, takes), strict=True)
    }


def _used(cap: CapAhead, name: str, take: Amount) -> int:
    if cap.so_far is None:
        return take
    hours, value = cap.so_far[name]
    return in_part(hours, take, value, "hours of it")


def lasts(room: int, days: int, use: int) -> int:
    """In days; one that is begun counts."""
    return -(-int(room) * days // int(use))


def by_pace(room: int, as_of: date, used: int, last: date | None = None) -> Lasting | None:
    """`used` is what the last 28 days up to `as_of` took."""
    if room <= 0:
        return Lasting(as_of, room, used, PACE_DAYS, as_of, is_planned=False)
    if used <= 0:
        return None
    days = lasts(room, PACE_DAYS, used)
    if days > HORIZON_DAYS:
        return None
    day = as_of + timedelta(days=days)
    return Lasting(day, room, used, PACE_DAYS, as_of, is_planned=False) if last is None or day <= last else None
