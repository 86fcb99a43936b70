"""What is still to come of work that was done: approvals, corrections, withdrawals and repeats, kept by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from domain.events.delivery import TimeApproved, TimeWithdrawn
from domain.units import Instant
from simulation.approval import approved_at, approved_on, timetable
from simulation.entries import CONFLICT, MISTYPED_HOURS, contradicted, is_odd, sent_again, time_approved, time_withdrawn
from simulation.firm import Firm
from simulation.projects import weekday
from simulation.terms import SHORT_CYCLES
from simulation.work import SimulatedWork

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
