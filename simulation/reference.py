"""What every system must know before work begins: companies, taxes, customers, people and what their hours cost."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from domain.events.catalogue import Event
from domain.events.common import BillRate, FiscalCalendar, Policies, TaxRule
from domain.events.reference import (
    CostRateSet,
    CustomerDefined,
    LegalEntityDefined,
    PersonCapacitySet,
    PersonDefined,
    TaxPolicyDefined,
    TransferPriceSet,
)
from domain.units import HOURS_ONE, PERCENT_ONE, RATE_ONE, Instant, Percent, Rate
from simulation.calendar import HOUR, instant, last_day, workdays
from simulation.customers import Customer
from simulation.entities import BERLIN, ENTITIES, NEW_YORK, SimulatedEntity, other
from simulation.papers import addressed, letterhead
from simulation.people import ROLES, Role, SimulatedPerson
from simulation.plan import ALL, SimulationPlan
from simulation.sources import ERP, HR, stamped

TAX: dict[str, tuple[str, Percent]] = {
    "DE": ("output", 19 * PERCENT_ONE),
    "GB": ("reverse_charge", 0),
    "US-NY": ("exempt", 0),
}
POLICIES = {BERLIN: None, NEW_YORK: Policies(money_mode="half_even", rate_staleness_days=10)}
PAY_RISE_PERCENT = 103
# What an hour is charged to the sister company, in the currency of who lends.
LENT_AT = {BERLIN: 95 * RATE_ONE, NEW_YORK: 120 * RATE_ONE}
PROMOTIONS_EVERY = 17
HOURS_PER_DAY = 8


def opening(plan: SimulationPlan, customers: Sequence[Customer], people: Sequence[SimulatedPerson]) -> Iterator[Event]:
    """The reference data of the opening day, in the order in which it is loaded."""
    at = instant(plan.opens_on, 7 * HOUR, BERLIN.zone)
    has_papers = plan.deals == ALL
    for entity in ENTITIES:
        yield letterhead(legal_entity(entity, at)) if has_papers else legal_entity(entity, at)
    yield from (tax_policy(region, at) for region in TAX)
    for customer in customers:
        yield addressed(customer_defined(customer, at)) if has_papers else customer_defined(customer, at)
    yield from (person_defined(person, person.role, 1, at) for person in people)
    yield from cost_rates(plan, people, at)
    yield from (transfer_price(entity, plan.opens_on, at) for entity in ENTITIES)


def midway(plan: SimulationPlan, people: Sequence[SimulatedPerson]) -> Iterator[Event]:
    """Promotions and the yearly pay rise, published five days before the month in which they begin."""
    at = max(
        instant(plan.opens_on, 8 * HOUR, BERLIN.zone), instant(plan.midway - timedelta(days=5), 9 * HOUR, BERLIN.zone)
    )
    for person in people[PROMOTIONS_EVERY - 1 :: PROMOTIONS_EVERY]:
        promoted = person_defined(person, role_above(person.role), 2, at)
        yield promoted._replace(effective_from=plan.midway)
    for entity in ENTITIES:
        for role in ROLES:
            yield role_cost(entity, role, 2, PAY_RISE_PERCENT, plan.midway, at)


def role_above(role: Role) -> Role:
    """The next step of the career; partners and data scientists stay what they are."""
    place = ROLES.index(role)
    return role if place in {0, len(ROLES) - 1} else ROLES[place - 1]


def legal_entity(entity: SimulatedEntity, at: Instant) -> LegalEntityDefined:
    return LegalEntityDefined(
        **stamped(ERP, f"{entity.legal_entity_id}-1", at),
        legal_entity_id=entity.legal_entity_id,
        version=1,
        name=entity.name,
        currency=entity.currency,
        zone=entity.zone,
        fiscal_calendar=calendar_of(entity),
        tax_region=entity.tax_region,
        policies=POLICIES[entity],
    )


def calendar_of(entity: SimulatedEntity) -> FiscalCalendar:
    """Calendar months, from January or from July."""
    return FiscalCalendar(kind="calendar_month", year_starts_on=entity.year_starts_on)


def tax_policy(region: str, at: Instant) -> TaxPolicyDefined:
    kind, percent = TAX[region]
    return TaxPolicyDefined(
        **stamped(ERP, f"tax-{region}-1", at),
        tax_region=region,
        version=1,
        rules=(TaxRule(category="*", percent=percent, kind=kind),),
    )


def transfer_price(entity: SimulatedEntity, since: date, at: Instant) -> TransferPriceSet:
    """What the company charges its sister for an hour of its people."""
    return TransferPriceSet(
        **stamped(ERP, f"transfer-{entity.code}-1", at),
        transfer_price_id=f"TP-{entity.code}",
        version=1,
        lending_entity_id=entity.legal_entity_id,
        borrowing_entity_id=other(entity).legal_entity_id,
        currency=entity.currency,
        effective_from=since,
        rate=LENT_AT[entity],
    )


def customer_defined(customer: Customer, at: Instant) -> CustomerDefined:
    return CustomerDefined(
        **stamped(ERP, f"{customer.customer_id}-1", at),
        customer_id=customer.customer_id,
        version=1,
        name=customer.name,
        parent_customer_id=customer.parent,
        tax_region=customer.market.tax_region,
        payment_terms_days=customer.payment_terms_days,
    )


def person_defined(person: SimulatedPerson, role: Role, version: int, at: Instant) -> PersonDefined:
    return PersonDefined(
        **stamped(HR, f"{person.person_id}-{version}", at),
        person_id=person.person_id,
        version=version,
        legal_entity_id=person.entity.legal_entity_id,
        role=role.name,
        name=person.name,
        practice=person.practice,
        region=person.region,
        cost_center=person.cost_center,
        bill_rate=BillRate(person.bill_rate, person.entity.currency) if person.bill_rate else None,
    )


def cost_rates(plan: SimulationPlan, people: Sequence[SimulatedPerson], at: Instant) -> Iterator[CostRateSet]:
    """One for each role and company, and one for each person who is paid apart; all hold from January on."""
    january = plan.start.replace(month=1)
    for entity in ENTITIES:
        for role in ROLES:
            yield role_cost(entity, role, 1, 100, january, at)
    for person in people:
        if person.own_cost:
            cost = cost_rate(f"CR-{person.person_id}", 1, person.entity, person.own_cost, january, at)
            yield cost._replace(person_id=person.person_id)


def role_cost(
    entity: SimulatedEntity, role: Role, version: int, percent: int, begins: date, at: Instant
) -> CostRateSet:
    rate = role.cost * entity.cost_percent * percent * RATE_ONE // 10_000
    cost_rate_id = f"CR-{entity.code}-{role.name.replace(' ', '-').upper()}"
    return cost_rate(cost_rate_id, version, entity, rate, begins, at)._replace(role=role.name)


def cost_rate(
    cost_rate_id: str, version: int, entity: SimulatedEntity, rate: Rate, begins: date, at: Instant
) -> CostRateSet:
    return CostRateSet(
        **stamped(ERP, f"{cost_rate_id}-{version}", at),
        cost_rate_id=cost_rate_id,
        version=version,
        currency=entity.currency,
        rate=rate,
        effective_from=begins,
        legal_entity_id=entity.legal_entity_id,
    )


def capacities(
    plan: SimulationPlan, month_number: int, people: Sequence[SimulatedPerson]
) -> Iterator[PersonCapacitySet]:
    """How long everyone can work in a month; published as it begins, the first on the opening day."""
    month = plan.month_starts[month_number]
    at = instant(month if month_number else plan.opens_on, 8 * HOUR, BERLIN.zone)
    days = {entity: len(workdays(month, last_day(month), entity.holidays)) for entity in ENTITIES}
    for person in people:
        leave = (person.number * 7 + month_number * 3) % 5 if (person.number + month_number) % 3 == 0 else 0
        yield PersonCapacitySet(
            **stamped(HR, f"capacity-{person.person_id}-{month:%Y-%m}-1", at),
            person_id=person.person_id,
            version=1,
            month=f"{month:%Y-%m}",
            hours=days[person.entity] * HOURS_PER_DAY * HOURS_ONE,
            time_off=leave * HOURS_PER_DAY * HOURS_ONE,
        )
