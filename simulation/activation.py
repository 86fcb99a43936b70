"""What the delivery system tells of a project: that it exists, with what budget, and that it is over."""

from __future__ import annotations

from datetime import date

from domain.events.common import ProjectBudget
from domain.events.delivery import ProjectActivated, ProjectClosed
from domain.units import AMOUNT_ONE, HOURS_ONE
from simulation.calendar import HOUR, instant
from simulation.entities import PRACTICES
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
