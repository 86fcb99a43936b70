"""The contracts: one to three projects sold to a customer, with lines, rates, caps and a billing cycle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import starmap
from random import Random
from typing import NamedTuple

from domain.events.commercial import ContractSigned
from domain.events.common import BillingCycle, ContractLine, Policies, PurchaseOrder, SharedCap, TimeAndMaterials
from domain.units import AMOUNT_ONE, Amount
from simulation import terms
from simulation.calendar import HOUR, instant
from simulation.chance import between, deal, happens, stream
from simulation.names import TASKS
from simulation.plan import SimulationPlan
from simulation.prices import CURRENCY_PERCENT, practice_card_id
from simulation.projects import BY_TASK, PRICE_OF_AN_HOUR, Bid, SimulatedProject
from simulation.sources import CRM, stamped

# Work on some contracts is billed by the customer's clock, not by that of the company that does it.
ZONES = ((False, 80), (True, 20))
PURCHASE_ORDERS_PER_THOUSAND = 250
DAYS_SIGNED_AHEAD = (3, 12)
DAYS_SIGNED_LATE = (9, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContract:
    """A contract as it was signed; `line_of` says which line takes a task of a project."""

    bid: Bid
    signed: ContractSigned
    # What its work would come to in the whole simulation.
    value: Amount
    line_of: Mapping[tuple[int, str], str]

    @property
    def capped(self) -> bool:
        """Whether a cap of any kind binds its work."""
        return bool(self.signed.shared_caps) or any(own_cap(line) for line in self.signed.lines)

    @property
    def cycle(self) -> str:
        return self.signed.billing_cycle.kind if self.signed.billing_cycle else "monthly"


class Hand(NamedTuple):
    pricing: str
    cap: str
    cycle: BillingCycle
    grace_days: int
    policies: Policies | None
    customer_zone: bool


def own_cap(line: ContractLine) -> bool:
    return isinstance(line.terms, TimeAndMaterials) and line.terms.cap is not None


def contracts(plan: SimulationPlan, bids: Sequence[Bid]) -> tuple[SignedContract, ...]:
    random = stream(plan.seed, "contracts")
    return tuple(contract(plan, bid, hand, random) for bid, hand in zip(bids, hands(len(bids), random), strict=True))


def hands(count: int, random: Random) -> Iterator[Hand]:
    """Every kind of term in its share, each dealt by itself."""
    decks = zip(
        deal(random, count, terms.PRICING),
        deal(random, count, terms.CAPS),
        deal(random, count, terms.CYCLES),
        deal(random, count, terms.GRACE_DAYS),
        deal(random, count, terms.POLICIES),
        deal(random, count, ZONES),
        strict=True,
    )
    return starmap(Hand, decks)


def contract(plan: SimulationPlan, bid: Bid, hand: Hand, random: Random) -> SignedContract:
    line_of = dict(line_ids(bid, hand))
    lines = tuple(contract_lines(plan, bid, hand, line_of, random))
    entity = bid.customer.market.entity
    signed_on = signing_day(bid, random)
    at = instant(max(signed_on, plan.opens_on), 11 * HOUR + bid.number % 3000, entity.zone)
    signed = ContractSigned(
        **stamped(CRM, f"{bid.contract_id}-1", at),
        contract_id=bid.contract_id,
        version=1,
        customer_id=bid.customer.customer_id,
        legal_entity_id=entity.legal_entity_id,
        currency=bid.customer.market.currency,
        signed_on=signed_on,
        starts_on=bid.starts_on,
        lines=lines,
        engagement_id=bid.projects[0].engagement_id,
        approved_by=bid.projects[0].deputy.person_id,
        ends_on=max(project.ends_on for project in bid.projects) if bid.number % 9 else None,
        billing_cycle=hand.cycle,
        billing_zone=bid.customer.zone if hand.customer_zone else entity.zone,
        grace_days=hand.grace_days,
        purchase_order=PurchaseOrder(f"PO-{4500000 + bid.number * 37}")
        if happens(random, PURCHASE_ORDERS_PER_THOUSAND)
        else None,
        shared_caps=shared_caps(bid, hand, lines, random),
        policies=hand.policies,
    )
    return SignedContract(bid=bid, signed=signed, value=value(bid.projects) * AMOUNT_ONE, line_of=line_of)


def signing_day(bid: Bid, random: Random) -> date:
    """Some days before the start; for a few, after work has begun."""
    if bid.signed_late:
        return bid.starts_on + timedelta(days=between(random, *DAYS_SIGNED_LATE))
    return bid.starts_on - timedelta(days=between(random, *DAYS_SIGNED_AHEAD))


def line_ids(bid: Bid, hand: Hand) -> Iterator[tuple[tuple[int, str], str]]:
    """Line of each task of each project; a contract by task, or one that needs two lines, has its first task apart."""
    apart = bid.shape == BY_TASK or (hand.cap == terms.SHARED and len(bid.projects) == 1)
    count = 0
    for project in bid.projects:
        count += 1
        for place, task in enumerate(project.tasks):
            number = count + min(place, 2) if apart else count
            yield (project.number, task), f"{bid.contract_id}-{number}"
        count += 2 if apart else 0


def contract_lines(
    plan: SimulationPlan, bid: Bid, hand: Hand, line_of: Mapping[tuple[int, str], str], random: Random
) -> Iterator[ContractLine]:
    """The lines; the last of a project lists no task, so that it takes whatever the others do not name."""
    currency = bid.customer.market.currency
    for project in bid.projects:
        ids = list(dict.fromkeys(line_of[project.number, task] for task in project.tasks))
        for place, line_id in enumerate(ids):
            tasks = tuple(task for task in project.tasks if line_of[project.number, task] == line_id)
            worth = value((project,)) // len(ids)
            hours = project.hours // len(ids)
            capped = hand.cap if place == 0 else terms.NO_CAP
            yield ContractLine(
                line_id=line_id,
                project_id=project.project_id,
                terms=TimeAndMaterials(
                    rate_card_id=practice_card_id(project.practice, currency)
                    if hand.pricing == terms.NAMED_CARD
                    else None,
                    rates=terms.rates(hand.pricing, currency, tasks or TASKS, plan.start, random),
                    cap=terms.cap(capped, worth, hours, plan.months, random),
                ),
                tasks=tasks if place < len(ids) - 1 else (),
                revenue_budget=worth * AMOUNT_ONE,
                cost_budget=worth * 42 // 100 * AMOUNT_ONE,
            )


def shared_caps(bid: Bid, hand: Hand, lines: Sequence[ContractLine], random: Random) -> tuple[SharedCap, ...]:
    """One cap over the first two lines, where that was dealt."""
    if hand.cap != terms.SHARED:
        return ()
    return (terms.shared_cap("budget", [line.line_id for line in lines], value(bid.projects), random),)


def value(projects: Sequence[SimulatedProject]) -> int:
    """What the work of the projects would come to, in the customer's currency."""
    return sum(
        project.hours * PRICE_OF_AN_HOUR * CURRENCY_PERCENT[project.customer.market.currency] // 100
        for project in projects
        if project.customer
    )
