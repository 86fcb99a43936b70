"""The projects: how large each is, who leads it, when it runs, and which of them one contract covers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from random import Random

from simulation.calendar import SATURDAY, add_months, last_day
from simulation.chance import between, deal, pick, stream, zipf_weights
from simulation.customers import Customer
from simulation.entities import ENTITIES, PRACTICES, SimulatedEntity
from simulation.names import PROJECT_KINDS, PROJECT_SUBJECTS, TASKS
from simulation.people import SimulatedPerson
from simulation.plan import SimulationPlan

# The largest project holds 3 % of the work, or the share of three average ones in a small firm.
TOP_PER_THOUSAND = 30
HOURS_A_MONTH = 160
PRICE_OF_AN_HOUR = 165
COST_OF_AN_HOUR = 68

ONE_LINE, BY_TASK, SEVERAL_PROJECTS = "one line", "lines by task", "several projects"
SHAPES = ((ONE_LINE, 62), (BY_TASK, 26), (SEVERAL_PROJECTS, 12))
BEGINS_LATER = ((False, 66), (True, 34))
SIGNED_LATE = ((False, 96), (True, 4))
CLOSES = ((False, 92), (True, 8))
LEADING = {"partner", "principal", "manager"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedProject:
    """A project as the delivery side knows it; `number` is its place in `Firm.projects`."""

    number: int
    project_id: str
    name: str
    customer: Customer | None
    entity: SimulatedEntity
    manager: SimulatedPerson
    deputy: SimulatedPerson
    practice: str
    region: str
    tasks: tuple[str, ...]
    starts_on: date
    ends_on: date
    closes_on: date | None
    # Relative amount of work, and what it comes to over the whole simulation.
    weight: int
    hours: int
    engagement_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """Projects that will be sold together, before their terms are known."""

    number: int
    contract_id: str
    customer: Customer
    shape: str
    signed_late: bool
    projects: tuple[SimulatedProject, ...]

    @property
    def starts_on(self) -> date:
        return min(project.starts_on for project in self.projects)


def bids(plan: SimulationPlan, people: Sequence[SimulatedPerson], customers: Sequence[Customer]) -> tuple[Bid, ...]:
    """Every project, in the groups in which they are sold."""
    random = stream(plan.seed, "projects")
    groups = list(grouped(plan, random))
    late = deal(random, len(groups), SIGNED_LATE)
    weights = zipf_weights(plan.projects, max(TOP_PER_THOUSAND, 3000 // plan.projects))
    buyers = [customers[number % len(customers)] for number in range(len(groups))]
    random.shuffle(buyers)
    hours = hours_by_weight(plan, people, groups, weights, buyers)
    leaders = {entity: leaders_of(entity, people) for entity in ENTITIES}
    ending = deal(random, plan.projects, CLOSES)
    later = deal(random, plan.projects, BEGINS_LATER)
    found = []
    for number, ((shape, members), customer) in enumerate(zip(groups, buyers, strict=True)):
        contract_id = f"K-{number + 1:05}"
        projects = tuple(
            project(
                plan,
                random,
                rank,
                customer,
                leaders[customer.market.entity],
                weight=weights[rank],
                hours=hours[rank],
                engagement_id=contract_id if len(members) > 1 else None,
                begins_later=later[rank] and rank > plan.projects // 8,
                closes=ending[rank],
            )
            for rank in members
        )
        found.append(
            Bid(
                number=number,
                contract_id=contract_id,
                customer=customer,
                shape=shape,
                signed_late=late[number],
                projects=projects,
            )
        )
    return tuple(found)


def grouped(plan: SimulationPlan, random: Random) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Ranks of the projects, shuffled, in the groups that one contract covers."""
    ranks = list(range(plan.projects))
    random.shuffle(ranks)
    rest = iter(ranks)
    for shape in deal(random, plan.projects, SHAPES):
        wanted = between(random, 2, 3) if shape == SEVERAL_PROJECTS else 1
        members = tuple(islice(rest, wanted))
        if not members:
            return
        yield shape if len(members) == wanted else ONE_LINE, members


def hours_by_weight(
    plan: SimulationPlan,
    people: Sequence[SimulatedPerson],
    groups: Sequence[tuple[str, tuple[int, ...]]],
    weights: Sequence[int],
    buyers: Sequence[Customer],
) -> list[int]:
    """Hours that each project may expect: its part of what its company's people work."""
    entity_of = {
        rank: buyer.market.entity for (_, members), buyer in zip(groups, buyers, strict=True) for rank in members
    }
    work = {entity: HOURS_A_MONTH * plan.months * sum(each.entity is entity for each in people) for entity in ENTITIES}
    total = {entity: sum(weights[rank] for rank, of in entity_of.items() if of is entity) for entity in ENTITIES}
    return [work[entity_of[rank]] * weight // total[entity_of[rank]] for rank, weight in enumerate(weights)]


def leaders_of(entity: SimulatedEntity, people: Sequence[SimulatedPerson]) -> list[SimulatedPerson]:
    """Partners, principals and managers of a company, the partner who founded it first."""
    return [person for person in people if person.entity is entity and person.role.name in LEADING]


def project(
    plan: SimulationPlan,
    random: Random,
    rank: int,
    customer: Customer,
    leaders: Sequence[SimulatedPerson],
    *,
    weight: int,
    hours: int,
    engagement_id: str | None,
    begins_later: bool,
    closes: bool,
) -> SimulatedProject:
    """One project; large ones run from the first day on."""
    entity = customer.market.entity
    length = (plan.ends_on - plan.start).days
    starts_on = weekday(plan.start + timedelta(days=length * between(random, 10, 55) // 100 if begins_later else 0))
    closes_on = weekday(starts_on + (plan.ends_on - starts_on) * between(random, 55, 90) // 100) if closes else None
    manager = pick(random, leaders)
    return SimulatedProject(
        number=rank,
        project_id=f"PRJ-{rank + 1:05}",
        name=f"{customer.name.split()[0]} {pick(random, PROJECT_SUBJECTS)}, {pick(random, PROJECT_KINDS).lower()}",
        customer=customer,
        entity=entity,
        manager=manager,
        deputy=next(person for person in leaders if person is not manager),
        practice=pick(random, PRACTICES),
        region=pick(random, entity.regions),
        tasks=tuple(TASKS[: between(random, 3, len(TASKS))]),
        starts_on=plan.start if not begins_later else starts_on,
        ends_on=last_day(add_months(starts_on.replace(day=1), between(random, 4, 14))),
        closes_on=closes_on,
        weight=weight,
        hours=hours,
        engagement_id=engagement_id,
    )


def weekday(day: date) -> date:
    """The day, or the Monday after a weekend."""
    return day if day.weekday() < SATURDAY else day + timedelta(days=7 - day.weekday())


def internal(
    number: int, entity: SimulatedEntity, people: Sequence[SimulatedPerson], plan: SimulationPlan
) -> SimulatedProject:
    """Training, sales and other work of a company for itself; no contract pays for it."""
    leaders = leaders_of(entity, people)
    return SimulatedProject(
        number=number,
        project_id=f"INT-{entity.code}",
        name=f"Internal work {entity.code}",
        customer=None,
        entity=entity,
        manager=leaders[0],
        deputy=leaders[1],
        practice=PRACTICES[0],
        region=entity.regions[0],
        tasks=("training", "support"),
        starts_on=plan.start,
        ends_on=last_day(add_months(plan.start, 35)),
        closes_on=None,
        weight=0,
        hours=plan.people * plan.months * 4,
        engagement_id=None,
    )
