"""What is still to come of work that was done: approvals, corrections, withdrawals and repeats, kept by day. Time is approved within days,
in a rush before the month ends, or long after it was closed."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.units import Instant
from simulation.calendar import DAY, HOUR, SECOND, instant, last_day, last_workdays, workdays, workdays_from
from simulation.entities import SimulatedEntity
from simulation.entries import CONFLICT, MISTYPED_HOURS, contradicted, is_odd, sent_again, time_approved, time_withdrawn
from simulation.firm import Firm
from simulation.projects import weekday
from simulation.terms import SHORT_CYCLES
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


APPROVED, CORRECTED, WITHDRAWN, REPEATED, CONTRADICTED = range(5)

# Of 1,024 approved entries: corrected, withdrawn, sent twice. Of 16 corrected: corrected once more.
CORRECTIONS, WITHDRAWALS, REPEATS = 42, 47, 52
AGAIN = 1
DAYS_TO_CORRECT = 12
DAYS_TO_CORRECT_MISTYPED = 2


class DiaryStep(NamedTuple):
    """Something that happens to an entry; ordered by instant, then entry."""

    at: Instant
    serial: int
    version: int
    what: int
    # When the version that is sent again was sent first.
    first_at: Instant
    work: SimulatedWork


class Diary:
    """Steps to come; holds at most the entries of about a month."""

    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        self.steps: dict[date, list[DiaryStep]] = {}
        self.short = [
            number in firm.contract_of and firm.contract_of[number].cycle in SHORT_CYCLES
            for number in range(len(firm.projects))
        ]

    def note(self, work: SimulatedWork) -> None:
        entity = self.firm.projects[work.project].entity
        day = approved_on(work, timetable(work.worked_on, entity), short_cycle=self.short[work.project])
        self.plan(day, work, 1, APPROVED)

    def plan(self, day: date, work: SimulatedWork, version: int, what: int, first_at: Instant = 0) -> None:
        at = approved_at(work, day, self.firm.projects[work.project].entity)
        self.steps.setdefault(day, []).append(DiaryStep(at, work.serial, version, what, first_at, work))

    def first_of(self, day: date) -> SimulatedWork | None:
        """The first entry approved on a day for which a customer pays."""
        approvals = (step for step in self.steps.get(day, ()) if step.what == APPROVED)
        for_customers = (step for step in approvals if step.work.project in self.firm.contract_of)
        first = min(for_customers, default=None)
        return first.work if first else None

    def of(self, day: date) -> Iterator[TimeApproved | TimeWithdrawn]:
        """The events of a day, in order; each may plan others for later days."""
        for step in sorted(self.steps.pop(day, ())):
            self.plan_next(step, day)
            yield self.event(step)

    def event(self, step: DiaryStep) -> TimeApproved | TimeWithdrawn:
        firm, work = self.firm, step.work
        if step.what == WITHDRAWN:
            return time_withdrawn(firm, work, step.version, step.at)
        if step.what == REPEATED:
            return sent_again(time_approved(firm, work, step.version, step.first_at), step.at)
        if step.what == CONTRADICTED:
            return contradicted(time_approved(firm, work, step.version, step.at))
        return time_approved(firm, work, step.version, step.at)

    def plan_next(self, step: DiaryStep, day: date) -> None:
        """What an approval or a correction leads to."""
        work = step.work
        fate = work.luck >> 48 & 1023
        wait = 1 + (work.luck >> 40) % DAYS_TO_CORRECT
        if step.what == APPROVED:
            if is_odd(work, MISTYPED_HOURS):
                self.plan(weekday(day + timedelta(days=DAYS_TO_CORRECT_MISTYPED)), work, 2, CORRECTED)
            elif is_odd(work, CONFLICT):
                self.plan(weekday(day + timedelta(days=1)), work, 1, CONTRADICTED)
            elif fate < CORRECTIONS:
                self.plan(weekday(day + timedelta(days=wait)), work, 2, CORRECTED)
            elif fate < WITHDRAWALS:
                self.plan(weekday(day + timedelta(days=wait)), work, 2, WITHDRAWN)
            elif fate < REPEATS:
                self.plan(weekday(day + timedelta(days=1)), work, 1, REPEATED, step.at)
        elif step.what == CORRECTED and step.version == 2 and (work.luck >> 44 & 15) < AGAIN:
            self.plan(weekday(day + timedelta(days=wait)), work, 3, CORRECTED)
