"""Billing holds: placed on a contract, a line, a project, an entry or a customer, and most of them released again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from domain.events.common import HoldScope
from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased
from simulation.calendar import HOUR, instant, workdays
from simulation.chance import between, deal, pick, stream
from simulation.contracts import SignedContract
from simulation.names import HOLD_REASONS
from simulation.plan import SimulationPlan
from simulation.projects import SimulatedProject, weekday
from simulation.sources import PSA, stamped

SCOPES = (("contract", 34), ("project", 30), ("line", 14), ("entry", 12), ("bill_to", 10))
PROJECT_MONTHS_A_HOLD = 20
DAYS_HELD = (4, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedHold:
    """One hold; of an entry the id is not known before the day on which it is placed."""

    hold_id: str
    kind: str
    scope_id: str
    project: SimulatedProject
    placed_on: date
    released_on: date | None
    reason: str


def holds(plan: SimulationPlan, contracts: Sequence[SignedContract]) -> Iterator[SimulatedHold]:
    """Placed on contracts whose work has begun; every sixth stands to the end."""
    random = stream(plan.seed, "holds")
    count = 2 + plan.projects * plan.months // PROJECT_MONTHS_A_HOLD
    days = workdays(plan.start + timedelta(days=9), plan.ends_on)
    for number, kind in enumerate(deal(random, count, SCOPES)):
        contract = pick(random, contracts)
        begun = max(contract.signed.signed_on, contract.signed.starts_on)
        placed_on = weekday(max(pick(random, days), begun + timedelta(days=5)))
        released_on = weekday(placed_on + timedelta(days=between(random, *DAYS_HELD)))
        yield SimulatedHold(
            hold_id=f"H-{number + 1:04}",
            kind=kind,
            scope_id=scope_id(contract, kind),
            project=contract.bid.projects[0],
            placed_on=placed_on,
            released_on=released_on if number % 6 != 5 else None,
            reason=pick(random, HOLD_REASONS),
        )


def scope_id(contract: SignedContract, kind: str) -> str:
    """What is held, by its kind; nothing yet for an entry."""
    signed = contract.signed
    return {
        "contract": signed.contract_id,
        "project": signed.lines[0].project_id,
        "line": signed.lines[0].line_id,
        "entry": "",
        "bill_to": signed.customer_id,
    }[kind]


def placed(hold: SimulatedHold) -> BillingHoldPlaced:
    """At one o'clock."""
    at = instant(hold.placed_on, 13 * HOUR, hold.project.entity.zone)
    return BillingHoldPlaced(
        **stamped(PSA, f"{hold.hold_id}-1", at),
        hold_id=hold.hold_id,
        version=1,
        scope=HoldScope(hold.kind, hold.scope_id),
        placed_on=hold.placed_on,
        reason=hold.reason,
        engagement_id=hold.project.engagement_id,
        project_id=hold.project.project_id,
    )


def released(hold: SimulatedHold, day: date) -> BillingHoldReleased:
    """At two o'clock."""
    at = instant(day, 14 * HOUR, hold.project.entity.zone)
    return BillingHoldReleased(
        **stamped(PSA, f"{hold.hold_id}-2", at),
        hold_id=hold.hold_id,
        version=2,
        engagement_id=hold.project.engagement_id,
        project_id=hold.project.project_id,
        reason="settled with the customer",
    )
