"""When a cap will be used up: by the months that are planned, else by the pace of the last 28 days.

Within a month use is even over the days that are left of it. Nothing is said beyond what is planned, or, by pace,
beyond five years. Of a cap without room it is the day of the forecast: since when it is used up is not looked for here.

    4,200 left on 10 June, 5,600 used in 28 days (200 a day): 21 days, 1 July
    4,200 left on 10 June, 2,000 planned for the rest of June and 6,200 for July: 2,200 / 6,200 of 31 days, 11 July
"""

from collections.abc import Iterable
from datetime import date, timedelta

from domain.months import month_end

PACE_DAYS = 28
HORIZON_DAYS = 1_830


def by_plan(room: int, as_of: date, months: Iterable[tuple[str, int]]) -> date | None:
    """The day on which `room` is used up; `months` ascending (`2026-07`), each with the amount or hours to come."""
    if room <= 0:
        return as_of
    for month, use in months:
        if use <= 0:
            continue
        first = max(date(int(month[:4]), int(month[5:7]), 1), as_of + timedelta(days=1))
        if use >= room:
            return first + timedelta(days=_days_needed(room, use, _days_left(month, first)) - 1)
        room -= use
    return None


def _days_needed(room: int, use: int, days: int) -> int:
    return -(-room * days // use)


def _days_left(month: str, first: date) -> int:
    """Days of the month from `first` on; a month that is over counts as one day."""
    last = month_end(date(int(month[:4]), int(month[5:7]), 1))
    return max((last - first).days + 1, 1)


def by_pace(room: int, as_of: date, used: int) -> date | None:
    """`used` is what the last 28 days up to `as_of` took."""
    if room <= 0:
        return as_of
    if used <= 0:
        return None
    days = -(-room * PACE_DAYS // used)
    return as_of + timedelta(days=days) if days <= HORIZON_DAYS else None
