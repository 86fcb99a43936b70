"""When time is approved: within days, in a rush before the month ends, or long after it was closed."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from domain.units import Instant
from simulation.calendar import DAY, HOUR, SECOND, instant, last_day, last_workdays, workdays, workdays_from
from simulation.entities import SimulatedEntity
from simulation.work import SimulatedWork

# Of 1,024 entries: how many come after the books of their month are closed, and how many wait for its end.
LATE = 17
WAITING = 218
# Of 1,024 that wait: how many are approved on the last day; and of 65,536 approvals of that day, in its last two hours.
ON_THE_LAST_DAY = 640
# Of 1,024 of the last days' entries: how many the rush misses, so that days of grace matter.
MISSED = 70
IN_THE_LAST_HOURS = 29_000
CLOSED_BY_WORKDAY = 6
LATE_UNTIL_WORKDAY = 15


class Timetable(NamedTuple):
    """The days on which work of one day may be approved."""

    soon: tuple[date, ...]
    rush: tuple[date, date]
    late: tuple[date, ...]
    # The last working day of the week and half month: those who bill by the week approve by then.
    week_end: date


@lru_cache(maxsize=64)
def timetable(day: date, entity: SimulatedEntity) -> Timetable:
    """As the working days of the approving company have it."""
    month_end = last_day(day)
    half_end = day.replace(day=15) if day.day <= 15 else month_end
    sunday = day + DAY * (6 - day.weekday())
    this_week = workdays(day, min(half_end, sunday), entity.holidays)
    second_last, last = last_workdays(day, 2, entity.holidays)
    next_month = workdays_from(month_end + DAY, LATE_UNTIL_WORKDAY, entity.holidays)
    return Timetable(
        soon=tuple(workdays_from(day + DAY, 3, entity.holidays)),
        rush=(second_last, last),
        late=tuple(next_month[CLOSED_BY_WORKDAY:]),
        week_end=this_week[-1] if this_week else day,
    )


def approved_on(work: SimulatedWork, days: Timetable, *, short_cycle: bool) -> date:
    drawn = work.luck >> 20 & 1023
    if drawn < LATE:
        return days.late[work.luck % len(days.late)]
    soon = days.soon[drawn % len(days.soon)]
    if short_cycle:
        return max(work.worked_on, min(soon, days.week_end)) if work.worked_on <= days.week_end else soon
    last = days.rush[1]
    if work.worked_on > last:
        return soon
    if soon > last and (work.luck >> 8 & 1023) < MISSED:
        return soon
    if soon > last or drawn >= 1024 - WAITING:
        return max(work.worked_on, days.rush[(work.luck >> 36 & 1023) < ON_THE_LAST_DAY])
    return soon


def approved_at(work: SimulatedWork, day: date, entity: SimulatedEntity) -> Instant:
    """Between eight and six on the approver's clock; on the last working day of a month mostly after four."""
    drawn = work.luck >> 32 & 0xFFFF
    if day == timetable(day, entity).rush[1] and drawn < IN_THE_LAST_HOURS:
        second = 16 * HOUR + drawn * 2 * HOUR // IN_THE_LAST_HOURS
    else:
        second = 8 * HOUR + drawn * 10 * HOUR // 0x10000
    return instant(day, second, entity.zone) + work.serial % 1000 * (SECOND // 1000)
