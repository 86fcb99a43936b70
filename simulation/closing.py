"""The month end of finance: accounting periods are closed some days later, one is opened once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened
from domain.reference import fiscal
from simulation.calendar import DAY, HOUR, instant, last_day, nth_workday
from simulation.entities import BERLIN, ENTITIES, SimulatedEntity
from simulation.people import SimulatedPerson
from simulation.plan import SimulationPlan
from simulation.projects import leaders_of
from simulation.reference import calendar_of
from simulation.sources import ERP, stamped

# Berlin is done a day before New York.
WORKDAYS_TO_CLOSE = {"LE-DE": 5, "LE-US": 6}
WORKDAYS_TO_REOPEN = 8
WORKDAYS_TO_CLOSE_AGAIN = 10


def closings(
    plan: SimulationPlan, people: Sequence[SimulatedPerson]
) -> Iterator[AccountingPeriodClosed | AccountingPeriodReopened]:
    """Every month of both companies; the first of Berlin is reopened and closed again."""
    for entity in ENTITIES:
        approver, requester = leaders_of(entity, people)[:2]
        for month in plan.month_starts:
            day = nth_workday(last_day(month) + DAY, WORKDAYS_TO_CLOSE[entity.legal_entity_id], entity.holidays)
            yield closed(entity, month, 1, day, requester, approver)
    approver, requester = leaders_of(BERLIN, people)[:2]
    after = last_day(plan.start) + DAY
    reopened = closed(
        BERLIN, plan.start, 2, nth_workday(after, WORKDAYS_TO_REOPEN, BERLIN.holidays), requester, approver
    )
    yield AccountingPeriodReopened(*reopened)
    again = nth_workday(after, WORKDAYS_TO_CLOSE_AGAIN, BERLIN.holidays)
    yield closed(BERLIN, plan.start, 3, again, requester, approver)


def closed(
    entity: SimulatedEntity, month: date, version: int, day: date, requester: SimulatedPerson, approver: SimulatedPerson
) -> AccountingPeriodClosed:
    """The period that holds the month's first day, closed at six in the evening."""
    period = fiscal.period_of(calendar_of(entity), month).name
    at = instant(day, 18 * HOUR, entity.zone)
    return AccountingPeriodClosed(
        **stamped(ERP, f"{entity.legal_entity_id}-{period}-{version}", at),
        legal_entity_id=entity.legal_entity_id,
        period=period,
        version=version,
        requested_by=requester.person_id,
        approved_by=approver.person_id,
    )
