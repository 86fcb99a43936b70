"""When a cap will be used up: by the months that are planned, else by the pace of the last 28 days.

Within a month use is even over the days that are left of it. Nothing is said beyond the last day on which work counts towards
the cap, beyond what is planned, or, by pace, beyond five years. Of a cap without room it is the day of the forecast: since
when it is used up is not looked for here.

    4,200 left on 10 June, 5,600 used in 28 days (200 a day): 21 days, 1 July; no day where work ends on 30 June
    4,200 left on 10 June, 2,000 planned for the rest of June and 6,200 for July: 2,200 / 6,200 of 31 days, 11 July; where work
    ends on 20 July, of 20 days, 8 July
"""

from collections.abc import Iterable
from datetime import date, timedelta

from domain.months import month_end

PACE_DAYS = 28
HORIZON_DAYS = 1_830


def by_plan(room: int, as_of: date, months: Iterable[tuple[str, int]], last: date | None = None) -> date | None:
    """The day on which `room` is used up; `months` ascending (`2026-07`), each with the amount or hours to come, up to the day `last`."""
    if room <= 0:
        return as_of
    for month, use in months:
        if use <= 0:
            continue
        days = days_ahead(month, as_of, last)
        if not days:
            return None
        if use >= room:
            return date.fromordinal(days[-(-room * len(days) // use) - 1])
        room -= use
    return None


def days_ahead(month: str, as_of: date, last: date | None) -> range:
    """Ordinals of the days of the month after `as_of` and up to `last`; of a month that is over one."""
    begin = date(int(month[:4]), int(month[5:7]), 1)
    first = max(begin, as_of + timedelta(days=1))
    end = max(month_end(begin), first)
    return range(first.toordinal(), (end if last is None else min(end, last)).toordinal() + 1)


def by_pace(room: int, as_of: date, used: int, last: date | None = None) -> date | None:
    """`used` is what the last 28 days up to `as_of` took."""
    if room <= 0:
        return as_of
    if used <= 0:
        return None
    days = -(-room * PACE_DAYS // used)
    if days > HORIZON_DAYS:
        return None
    day = as_of + timedelta(days=days)
    return day if last is None or day <= last else None
