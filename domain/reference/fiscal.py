"""Accounting periods of a legal entity, named `YYYY-PP`.

`calendar_month`: twelve periods, each beginning on the day of the month of `year_starts_on` (clipped to the month). The
year is named by the calendar year it ends in: with years from July, November 2026 is `2027-05`.

`four_four_five`: weeks from Monday, periods of 4, 4 and 5 weeks four times a year; a year of 53 weeks has its extra
week in the last period. The year is named by the calendar year that holds most of the 52 weeks from `year_starts_on`: a
start up to 2 July names it by the year it starts in, a later one by the next.

`extra_week` lists the years with 53 weeks and, where it lists any, is the truth. The first listed year begins on the
last Monday on or before `year_starts_on`, because a year of 53 weeks reaches from before that day to beyond the next;
every other start is counted from there by 52 or 53 weeks, so years follow each other without gaps. A calendar that
lists no year begins each year on the Monday nearest to `year_starts_on` and has 53 weeks where that rule gives them.

    year_starts_on 01-01, extra_week 2026: the year is [2025-12-29, 2027-01-04), its last period from 2026-11-23
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from domain.events.common import FiscalCalendar

FOUR_FOUR_FIVE = "four_four_five"

PERIODS_PER_YEAR = 12
FIRST_YEAR = 1990
LAST_YEAR = 2100

_LEAP_YEAR = 2000
_WEEKS = (4, 4, 5) * 4
_WEEKS_BEFORE = (0, *accumulate(_WEEKS[:-1]))
_WEEKS_PER_YEAR = sum(_WEEKS)
_PERIOD_NAME = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_YEAR_START = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


class AccountingPeriod(NamedTuple):
    """Half-open: `to` is the first day of the next period."""

    name: str
    start: date
    to: date


def fault(calendar: FiscalCalendar) -> str | None:
    """Why periods cannot be made of the calendar, to be asked before it is used."""
    if _year_start(calendar) is None:
        return f"year_starts_on: expected month and day such as 07-01, got {calendar.year_starts_on!r}"
    for year in calendar.extra_week:
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return f"extra_week: expected years from {FIRST_YEAR} to {LAST_YEAR}, got {year}"
    return None


@lru_cache(maxsize=65_536)
def period_of(calendar: FiscalCalendar, day: date) -> AccountingPeriod:
    """The period that holds `day`."""
    year = _year_of(calendar, day)
    number = next(number for number in range(PERIODS_PER_YEAR, 0, -1) if _period_start(calendar, year, number) <= day)
    return _period(calendar, year, number)


def period_after(calendar: FiscalCalendar, period: AccountingPeriod) -> AccountingPeriod:
    return period_of(calendar, period.to)


def last_ended(calendar: FiscalCalendar, day: date) -> AccountingPeriod:
    """The last period that is over when `day` is."""
    return period_of(calendar, period_of(calendar, day + timedelta(days=1)).start - timedelta(days=1))


@lru_cache(maxsize=4096)
def period_named(calendar: FiscalCalendar, name: str) -> AccountingPeriod | None:
    """None for what is not the name of a period, such as `2026-13`."""
    match = _PERIOD_NAME.fullmatch(name)
    if match is None or not FIRST_YEAR - 1 <= int(match[1]) <= LAST_YEAR + 1:
        return None
    return _period(calendar, int(match[1]), int(match[2]))


def first_open_day(calendar: FiscalCalendar, closed: frozenset[str], day: date) -> date:
    """`day` where its period is open, else the first day of the next open period after it (R48)."""
    period = period_of(calendar, day)
    if period.name not in closed:
        return day
    while period.name in closed:
        period = period_after(calendar, period)
    return period.start


def _period(calendar: FiscalCalendar, year: int, number: int) -> AccountingPeriod:
    last = number == PERIODS_PER_YEAR
    to = _period_start(calendar, year + 1, 1) if last else _period_start(calendar, year, number + 1)
    return AccountingPeriod(f"{year:04}-{number:02}", _period_start(calendar, year, number), to)


def _period_start(calendar: FiscalCalendar, year: int, number: int) -> date:
    if calendar.kind == FOUR_FOUR_FIVE:
        return _week_year_start(calendar, year) + timedelta(weeks=_WEEKS_BEFORE[number - 1])
    month, day = _month_and_day(calendar)
    months = (year - _years_ahead(calendar)) * 12 + month - 1 + number - 1
    return _clipped(months // 12, months % 12 + 1, day)


def _year_of(calendar: FiscalCalendar, day: date) -> int:
    year = day.year + 2
    while _period_start(calendar, year, 1) > day:
        year -= 1
    return year


def _years_ahead(calendar: FiscalCalendar) -> int:
    """How far the name of a fiscal year is ahead of the calendar year in which it starts."""
    month_and_day = _month_and_day(calendar)
    if calendar.kind == FOUR_FOUR_FIVE:
        return 0 if month_and_day <= (7, 2) else 1
    return 0 if month_and_day == (1, 1) else 1


@lru_cache(maxsize=4096)
def _week_year_start(calendar: FiscalCalendar, year: int) -> date:
    if not calendar.extra_week:
        return _monday_on_or_before(_nominal_start(calendar, year) + timedelta(days=3))
    anchor = min(calendar.extra_week)
    start = _monday_on_or_before(_nominal_start(calendar, anchor))
    extra = set(calendar.extra_week)
    if year >= anchor:
        return start + timedelta(weeks=sum(_WEEKS_PER_YEAR + (each in extra) for each in range(anchor, year)))
    return start - timedelta(weeks=_WEEKS_PER_YEAR * (anchor - year))


def _nominal_start(calendar: FiscalCalendar, year: int) -> date:
    month, day = _month_and_day(calendar)
    return _clipped(year - _years_ahead(calendar), month, day)


def _monday_on_or_before(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month_and_day(calendar: FiscalCalendar) -> tuple[int, int]:
    found = _year_start(calendar)
    if found is None:
        raise ValueError(fault(calendar))
    return found


def _year_start(calendar: FiscalCalendar) -> tuple[int, int] | None:
    match = _YEAR_START.fullmatch(calendar.year_starts_on)
    if match is None or int(match[2]) > monthrange(_LEAP_YEAR, int(match[1]))[1]:
        return None
    return int(match[1]), int(match[2])


def _clipped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))
