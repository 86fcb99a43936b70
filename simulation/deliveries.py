"""What is delivered besides time: milestones accepted, progress reported, units, expenses; a few are taken back."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from domain.events.catalogue import Event
from domain.events.common import Expenses, FixedPrice, Milestone, Milestones, UnitPrice
from domain.events.delivery import (
    ExpenseApproved,
    ExpenseWithdrawn,
    MilestoneAccepted,
    MilestoneRevoked,
    ProgressReported,
    UnitsDelivered,
)
from domain.units import AMOUNT_ONE, HUNDRED_PERCENT, PERCENT_ONE, QUANTITY_ONE, Instant
from simulation.calendar import HOUR, instant, last_workdays, workdays
from simulation.chance import between, happens, pick, stream
from simulation.contracts import SignedContract
from simulation.deals import HOTEL, LICENCES, MEALS, TRAVEL
from simulation.firm import Firm
from simulation.plan import SimulationPlan
from simulation.projects import SimulatedProject, weekday
from simulation.sources import PSA, stamped

# When a milestone is accepted: days from its due day.
ACCEPTED_AFTER = (-6, 12)
REVOKED_PER_THOUSAND = 40
DAYS_TO_REVOKE, DAYS_TO_MEND = 5, 9
NOT_REPORTED_PER_THOUSAND = 60
WITHDRAWN_PER_THOUSAND = 30
FOREIGN_PER_THOUSAND = 80
TICKETS_A_WEEK = (5, 70)
# Expenses of a contract in a month; what each costs in units of the company's currency.
EXPENSES_A_MONTH = (1, 5)
COSTS = {TRAVEL: (60, 900), HOTEL: (90, 520), MEALS: (15, 160), LICENCES: (200, 2_000)}
TAX_PERCENT = 19


def deliveries(firm: Firm) -> Iterator[Event]:
    """In no particular order; nothing is delivered after people have stopped working on a contract's project."""
    plan = firm.plan
    random = stream(plan.seed, "deliveries")
    for contract in firm.contracts:
        until = min(plan.ends_on, firm.works_until[_project(contract).number])
        for line in contract.signed.lines:
            match line.terms:
                case Milestones(milestones=milestones):
                    for milestone in milestones:
                        yield from _accepted(contract, line.line_id, milestone, until, random)
                case FixedPrice(by_progress=True):
                    yield from _progress(plan, contract, line.line_id, until, random)
                case UnitPrice():
                    yield from _tickets(contract, line.line_id, until, random)
                case Expenses():
                    yield from _expenses(plan, contract, until, random)


def _accepted(
    contract: SignedContract, line_id: str, milestone: Milestone, until: date, random: Random
) -> Iterator[MilestoneAccepted | MilestoneRevoked]:
    """A few acceptances are taken back, and given again when the fault is mended."""
    project = _project(contract)
    day = weekday(max(milestone.due_on + timedelta(days=between(random, *ACCEPTED_AFTER)), contract.signed.starts_on))
    revoked = happens(random, REVOKED_PER_THOUSAND)
    if day > until:
        return
    yield _acceptance(contract, line_id, milestone, project, 1, day)
    if revoked:
        taken_back = weekday(day + timedelta(days=DAYS_TO_REVOKE))
        at = instant(taken_back, 11 * HOUR, project.entity.zone)
        yield MilestoneRevoked(
            **stamped(PSA, f"{milestone.milestone_id}-2", at),
            milestone_id=milestone.milestone_id,
            version=2,
            engagement_id=contract.signed.engagement_id,
            project_id=project.project_id,
            requested_by=project.manager.person_id,
            contract_id=contract.bid.contract_id,
            line_id=line_id,
        )
        yield _acceptance(contract, line_id, milestone, project, 3, weekday(taken_back + timedelta(days=DAYS_TO_MEND)))


def _acceptance(
    contract: SignedContract, line_id: str, milestone: Milestone, project: SimulatedProject, version: int, day: date
) -> MilestoneAccepted:
    at = instant(day, 10 * HOUR + contract.bid.number % 3000, project.entity.zone)
    return MilestoneAccepted(
        **stamped(PSA, f"{milestone.milestone_id}-{version}", at),
        milestone_id=milestone.milestone_id,
        version=version,
        accepted_on=day,
        approved_by=project.deputy.person_id,
        engagement_id=contract.signed.engagement_id,
        project_id=project.project_id,
        requested_by=project.manager.person_id,
        contract_id=contract.bid.contract_id,
        line_id=line_id,
    )


def _progress(
    plan: SimulationPlan, contract: SignedContract, line_id: str, until: date, random: Random
) -> Iterator[ProgressReported]:
    """At month ends, ever further; a month is now and then forgotten."""
    project = _project(contract)
    percent, version = 0, 0
    for month in plan.month_starts:
        day = last_workdays(month, 1)[0]
        percent = min(HUNDRED_PERCENT, percent + between(random, 12, 34) * PERCENT_ONE * 3 // plan.months)
        if not contract.signed.starts_on <= day <= until or happens(random, NOT_REPORTED_PER_THOUSAND):
            continue
        version += 1
        at = instant(day, 17 * HOUR, project.entity.zone)
        yield ProgressReported(
            **stamped(PSA, f"{line_id}-progress-{version}", at),
            line_id=line_id,
            version=version,
            percent=percent,
            as_of=day,
            engagement_id=contract.signed.engagement_id,
            project_id=project.project_id,
            requested_by=project.manager.person_id,
            approved_by=project.deputy.person_id,
            contract_id=contract.bid.contract_id,
        )


def _tickets(contract: SignedContract, line_id: str, until: date, random: Random) -> Iterator[UnitsDelivered]:
    """Counted on Fridays."""
    project = _project(contract)
    fridays = [day for day in workdays(contract.signed.starts_on, until) if day.weekday() == 4]
    for number, day in enumerate(fridays, 1):
        at = instant(day, 18 * HOUR, project.entity.zone)
        yield UnitsDelivered(
            **stamped(PSA, f"{line_id}-{number}", at),
            delivery_id=f"{line_id}-{number}",
            version=1,
            line_id=line_id,
            units=between(random, *TICKETS_A_WEEK) * QUANTITY_ONE,
            delivered_on=day,
            engagement_id=contract.signed.engagement_id,
            project_id=project.project_id,
            contract_id=contract.bid.contract_id,
        )


def _expenses(
    plan: SimulationPlan, contract: SignedContract, until: date, random: Random
) -> Iterator[ExpenseApproved | ExpenseWithdrawn]:
    project = _project(contract)
    number = 0
    for month in plan.month_starts:
        days = [day for day in workdays(month, last_workdays(month, 1)[0]) if contract.signed.starts_on <= day <= until]
        for _ in range(between(random, *EXPENSES_A_MONTH) if days else 0):
            number += 1
            spent_on = pick(random, days)
            approved_on = weekday(spent_on + timedelta(days=between(random, 2, 15)))
            at = instant(approved_on, 13 * HOUR + number, project.entity.zone)
            yield _expense(contract, project, number, spent_on, at, random)
            if happens(random, WITHDRAWN_PER_THOUSAND):
                later = instant(weekday(approved_on + timedelta(days=3)), 9 * HOUR, project.entity.zone)
                yield ExpenseWithdrawn(
                    **stamped(PSA, f"{expense_id(contract, number)}-2", later),
                    expense_id=expense_id(contract, number),
                    version=2,
                    engagement_id=contract.signed.engagement_id,
                    project_id=project.project_id,
                )


def _expense(
    contract: SignedContract, project: SimulatedProject, number: int, spent_on: date, at: Instant, random: Random
) -> ExpenseApproved:
    category = pick(random, tuple(COSTS))
    gross = between(random, *COSTS[category]) * AMOUNT_ONE
    foreign = happens(random, FOREIGN_PER_THOUSAND)
    tax = 0 if foreign else gross * TAX_PERCENT // (100 + TAX_PERCENT) // 100 * 100
    by_supplier = category == LICENCES
    return ExpenseApproved(
        **stamped(PSA, f"{expense_id(contract, number)}-1", at),
        expense_id=expense_id(contract, number),
        version=1,
        project_id=project.project_id,
        category=category,
        spent_on=spent_on,
        amount=gross - tax,
        currency="GBP" if foreign else project.entity.currency,
        approved_by=project.deputy.person_id,
        engagement_id=contract.signed.engagement_id,
        submitted_by=project.manager.person_id,
        person_id=None if by_supplier else project.manager.person_id,
        supplier_id="SUP-LICENCES" if by_supplier else None,
        quantity=between(random, 1, 3) * QUANTITY_ONE if category == MEALS else None,
        tax_amount=tax,
        tax_recoverable=tax if category != MEALS else 0,
        billable=not happens(random, 50),
    )


def expense_id(contract: SignedContract, number: int) -> str:
    return f"EX-{contract.bid.contract_id}-{number:04}"


def _project(contract: SignedContract) -> SimulatedProject:
    return contract.bid.projects[0]
