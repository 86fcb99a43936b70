"""What finance does by itself: accounting periods are closed some days later, one is opened once more; exchange rates of the euro are
published every weekday at four, a walk that leans back to where it began; and customers without a billing cycle are billed about once a
month, when somebody asks."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random

from domain.events.delivery import StatementRequested
from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened, ExchangeRateSet
from domain.reference import fiscal
from domain.units import EXCHANGE_RATE_ONE
from simulation.calendar import DAY, HOUR, SATURDAY, instant, last_day, nth_workday
from simulation.chance import between, stream
from simulation.contracts import SignedContract
from simulation.entities import BERLIN, ENTITIES, SimulatedEntity
from simulation.people import SimulatedPerson
from simulation.plan import SimulationPlan
from simulation.projects import leaders_of, weekday
from simulation.reference import calendar_of
from simulation.sources import ERP, PSA, stamped

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


# Units for one euro times 10,000, as central banks print them, and the largest step of a day.
FIRST_FIXING = {"USD": (10_850, 62), "GBP": (8_640, 34)}
FIXING = EXCHANGE_RATE_ONE // 10_000
# The part of the distance to the start that is taken back each day.
LEAN = 40


def opening_fixings() -> dict[str, int]:
    return {currency: rate for currency, (rate, _) in FIRST_FIXING.items()}


def publish(day: date, fixings: dict[str, int], random: Random) -> Iterator[ExchangeRateSet]:
    """The rates of a weekday, which are kept in `fixings`; nothing on other days."""
    if day.weekday() >= SATURDAY:
        return
    at = instant(day, 16 * HOUR, BERLIN.zone)
    for currency, (first, step) in FIRST_FIXING.items():
        before = fixings[currency]
        fixings[currency] = before + between(random, -step, step) + (first - before) // LEAN
        yield ExchangeRateSet(
            **stamped(ERP, f"EUR-{currency}-{day}-1", at),
            rate_type="spot",
            from_currency="EUR",
            to_currency=currency,
            date=day,
            rate=fixings[currency] * FIXING,
            version=1,
        )


DAYS_BETWEEN = (24, 36)
# What is asked for last takes all that is approved by then.
DAYS_AFTER_THE_END = 20


def requests(plan: SimulationPlan, contracts: Sequence[SignedContract]) -> Iterator[StatementRequested]:
    """Each takes everything so far, but the second of a contract: it takes what was worked before the month began."""
    random = stream(plan.seed, "requests")
    last = weekday(plan.ends_on + timedelta(days=DAYS_AFTER_THE_END))
    for contract in contracts:
        if contract.cycle != "on_request":
            continue
        day = contract.signed.starts_on
        number = 0
        while day < last:
            day = min(last, weekday(day + timedelta(days=between(random, *DAYS_BETWEEN))))
            number += 1
            yield requested(contract, number, day)


def requested(contract: SignedContract, number: int, day: date) -> StatementRequested:
    project = contract.bid.projects[0]
    at = instant(day, 16 * HOUR, project.entity.zone)
    ranged = number == 2
    return StatementRequested(
        **stamped(PSA, f"{contract.bid.contract_id}-request-{number}", at),
        request_id=f"SR-{contract.bid.contract_id}-{number}",
        contract_id=contract.bid.contract_id,
        engagement_id=contract.signed.engagement_id,
        requested_by=project.manager.person_id,
        period=contract.signed.starts_on if ranged else None,
        to=max(day.replace(day=1), contract.signed.starts_on + DAY) if ranged else None,
    )
