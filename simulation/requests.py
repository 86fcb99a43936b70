"""Statements on request: customers without a billing cycle are billed about once a month, when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from domain.events.delivery import StatementRequested
from simulation.calendar import DAY, HOUR, instant
from simulation.chance import between, stream
from simulation.contracts import SignedContract
from simulation.plan import SimulationPlan
from simulation.projects import weekday
from simulation.sources import PSA, stamped

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
