"""The whole firm before its first working day: who is there, what is sold and what will become of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from simulation.amendments import ContractChange, change_orders, changes
from simulation.contracts import SignedContract, contracts
from simulation.customers import Customer, customers
from simulation.deals import conditioned, dealt
from simulation.entities import ENTITIES
from simulation.holds import SimulatedHold, holds
from simulation.people import SimulatedPerson, people
from simulation.plan import ALL, SimulationPlan
from simulation.projects import SimulatedProject, bids, internal

# People go on for two days after a contract has ended under them.
DAYS_UNAWARE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """What the daily life draws on; people and projects are found by their numbers."""

    plan: SimulationPlan
    people: tuple[SimulatedPerson, ...]
    customers: tuple[Customer, ...]
    # The projects of customers in order of size, then the internal one of each company.
    projects: tuple[SimulatedProject, ...]
    contracts: tuple[SignedContract, ...]
    changes: tuple[ContractChange, ...]
    orders: tuple[ContractChange, ...]
    holds: tuple[SimulatedHold, ...]
    contract_of: Mapping[int, SignedContract]
    works_until: tuple[date, ...]


def found(plan: SimulationPlan) -> Firm:
    everyone = people(plan)
    buyers = customers(plan)
    offers = bids(plan, everyone, buyers)
    sold = contracts(plan, offers)
    if plan.deals == ALL:
        sold = conditioned(plan, dealt(plan, sold), buyers)
    what_changes = tuple(changes(plan, sold))
    orders = tuple(change_orders(plan, sold, what_changes)) if plan.deals == ALL else ()
    for_customers = sorted((project for bid in offers for project in bid.projects), key=lambda project: project.number)
    for_itself = [internal(plan.projects + place, entity, everyone, plan) for place, entity in enumerate(ENTITIES)]
    projects = (*for_customers, *for_itself)
    return Firm(
        plan=plan,
        people=everyone,
        customers=buyers,
        projects=projects,
        contracts=sold,
        changes=what_changes,
        orders=orders,
        holds=tuple(holds(plan, sold)),
        contract_of={project.number: contract for contract in sold for project in contract.bid.projects},
        works_until=last_working_days(projects, (*what_changes, *orders)),
    )


def last_working_days(
    projects: tuple[SimulatedProject, ...], what_changes: tuple[ContractChange, ...]
) -> tuple[date, ...]:
    """Until its end, until it is closed, or until people hear that the contract has ended."""
    last = [min(project.ends_on, project.closes_on or project.ends_on) for project in projects]
    for change in what_changes:
        if change.ended_on:
            for project in change.contract.bid.projects:
                last[project.number] = min(last[project.number], change.ended_on + timedelta(days=DAYS_UNAWARE))
    return tuple(last)
