"""What the delivery system tells of a project: that it exists, with what budget; what its manager says remains, two working days before
each month ends; and that it is over."""

from collections.abc import Iterator
from datetime import date
from random import Random

from domain.events.common import ProjectBudget, RemainingWork
from domain.events.delivery import EstimateRevised, ProjectActivated, ProjectClosed
from domain.units import AMOUNT_ONE, HOURS_ONE
from simulation.calendar import DAY, HOUR, add_months, instant, last_workdays
from simulation.chance import between
from simulation.entities import PRACTICES
from simulation.firm import Firm
from simulation.plan import SimulationPlan
from simulation.prices import CURRENCY_PERCENT
from simulation.projects import COST_OF_AN_HOUR, PRICE_OF_AN_HOUR, SimulatedProject
from simulation.sources import PSA, stamped


def activated(plan: SimulationPlan, project: SimulatedProject, day: date) -> ProjectActivated:
    """The project exists from nine o'clock of the day on."""
    at = instant(max(day, plan.opens_on), 9 * HOUR + project.number % 1800, project.entity.zone)
    return ProjectActivated(
        **stamped(PSA, f"{project.project_id}-1", at),
        project_id=project.project_id,
        version=1,
        name=project.name,
        legal_entity_id=project.entity.legal_entity_id,
        starts_on=project.starts_on,
        engagement_id=project.engagement_id,
        ends_on=project.ends_on,
        customer_id=project.customer.customer_id if project.customer else None,
        manager=project.manager.person_id,
        budget=budget(project),
        dimensions=dimensions(project),
    )


def budget(project: SimulatedProject) -> ProjectBudget:
    """Hours, cost and revenue to whole hundreds, in what the customer pays."""
    currency = project.customer.market.currency if project.customer else project.entity.currency
    percent = CURRENCY_PERCENT[currency]
    hours = max(20, project.hours * (90 + project.number * 7 % 35) // 100 // 10 * 10)
    return ProjectBudget(
        hours=hours * HOURS_ONE,
        cost=hours * COST_OF_AN_HOUR * percent // 10_000 * 100 * AMOUNT_ONE,
        revenue=hours * PRICE_OF_AN_HOUR * percent // 10_000 * 100 * AMOUNT_ONE if project.customer else 0,
        currency=currency,
    )


def dimensions(project: SimulatedProject) -> dict[str, str]:
    """Practice, region and cost center, by which finance reports."""
    return {
        "practice": project.practice,
        "region": project.region,
        "cost_center": f"{project.entity.code}-{PRACTICES.index(project.practice) + 1}00",
    }


def closed(project: SimulatedProject, day: date) -> ProjectClosed:
    """The end of a project, published at five o'clock of its last day."""
    at = instant(day, 17 * HOUR, project.entity.zone)
    return ProjectClosed(
        **stamped(PSA, f"{project.project_id}-2", at), project_id=project.project_id, version=2, ends_on=day
    )


# Every third project by size is estimated again each month.
EVERY = 3
MONTHS_AHEAD = 3
# One in twelve estimates says that nothing remains after the next month.
ENDS_SOON_EVERY = 12


def estimates(firm: Firm, month_number: int, random: Random) -> Iterator[EstimateRevised]:
    month = firm.plan.month_starts[month_number]
    for project in firm.projects[: firm.plan.projects : EVERY]:
        day = last_workdays(month, 2, project.entity.holidays)[0]
        if project.starts_on < day <= firm.works_until[project.number]:
            yield revised(firm, project, month_number, day, random)


def revised(firm: Firm, project: SimulatedProject, month_number: int, day: date, random: Random) -> EstimateRevised:
    """Hours that fade out over the months to come, in the customer's currency."""
    at = instant(day, 17 * HOUR + project.number % 1800, project.entity.zone)
    ahead = 1 if (project.number + month_number) % ENDS_SOON_EVERY == 0 else MONTHS_AHEAD
    monthly = max(8, project.hours * between(random, 80, 120) // 100 // firm.plan.months)
    return EstimateRevised(
        **stamped(PSA, f"estimate-{project.project_id}-{month_number + 1}", at),
        project_id=project.project_id,
        version=month_number + 1,
        as_of=day - DAY,
        remaining=tuple(
            remaining(project, add_months(day.replace(day=1), n + 1), monthly * (MONTHS_AHEAD - n) // MONTHS_AHEAD)
            for n in range(ahead)
        ),
        requested_by=project.manager.person_id,
    )


def remaining(project: SimulatedProject, month: date, hours: int) -> RemainingWork:
    percent = CURRENCY_PERCENT[project.customer.market.currency] if project.customer else 100
    return RemainingWork(
        month=f"{month:%Y-%m}",
        hours=hours * HOURS_ONE,
        cost=hours * COST_OF_AN_HOUR * percent * AMOUNT_ONE // 100,
        revenue=hours * PRICE_OF_AN_HOUR * percent * AMOUNT_ONE // 100,
    )
