"""Days and clocks: when people work, when a month is over, what instant a local clock shows."""

from collections.abc import Collection
from datetime import date, timedelta
from functools import lru_cache

from domain.reference.zones import midnight
from domain.units import Instant

SECOND = 1_000_000
HOUR = 3_600
DAY = timedelta(days=1)
SATURDAY = 5


def add_months(first: date, count: int) -> date:
    """The first day of the month that lies so many months later."""
    year, month = divmod(first.year * 12 + first.month - 1 + count, 12)
    return date(year, month + 1, 1)


def last_day(day: date) -> date:
    return add_months(day.replace(day=1), 1) - DAY


def is_workday(day: date, holidays: Collection[tuple[int, int]]) -> bool:
    """Monday to Friday, holidays (month, day) left out."""
    return day.weekday() < SATURDAY and (day.month, day.day) not in holidays


def workdays(first: date, last: date, holidays: Collection[tuple[int, int]] = ()) -> list[date]:
    days = (first + timedelta(number) for number in range((last - first).days + 1))
    return [day for day in days if is_workday(day, holidays)]


def workdays_from(day: date, count: int, holidays: Collection[tuple[int, int]] = ()) -> list[date]:
    """So many working days, the given day first where it is one."""
    found: list[date] = []
    while len(found) < count:
        if is_workday(day, holidays):
            found.append(day)
        day += DAY
    return found


def nth_workday(first: date, number: int, holidays: Collection[tuple[int, int]] = ()) -> date:
    """The n-th working day from a day on, counted from one."""
    return workdays_from(first, number, holidays)[-1]


def last_workdays(day: date, count: int, holidays: Collection[tuple[int, int]] = ()) -> list[date]:
    return workdays(day.replace(day=1), last_day(day), holidays)[-count:]


def instant(day: date, second: int, zone: str) -> Instant:
    """What a clock in the zone shows so many seconds after midnight.

    Counted from noon: on a day with a clock change it holds from 03:00 on.
    """
    return noon(day, zone) + (second - 12 * HOUR) * SECOND


@lru_cache(maxsize=4096)
def noon(day: date, zone: str) -> Instant:
    """Local noon, counted back from the next midnight because clocks change in the morning."""
    return midnight(day + DAY, zone) - 12 * HOUR * SECOND
