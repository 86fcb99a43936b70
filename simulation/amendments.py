"""What happens to contracts after they are signed: caps and rates rise, scope grows, terms change, papers come late, some end early."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from domain.events.commercial import ContractAmended, ContractTerminated
from domain.events.common import (
    Cap,
    ContractLine,
    CostPlus,
    FixedPrice,
    Milestone,
    Milestones,
    Retainer,
    ScheduledAmount,
    SharedCap,
    Subscription,
    Terms,
    TimeAndMaterials,
    UnitPrice,
)
from domain.units import AMOUNT_ONE, PERCENT_ONE, Amount
from simulation import terms
from simulation.calendar import HOUR, SECOND, add_months, instant
from simulation.chance import between, deal, pick, stream
from simulation.contracts import SignedContract
from simulation.names import AMENDMENT_REASONS
from simulation.plan import SimulationPlan
from simulation.projects import weekday
from simulation.sources import CRM, stamped

AnyCap = TypeVar("AnyCap", Cap, SharedCap)

UNCHANGED, CAP_RAISED, RATES_RAISED = "unchanged", "cap raised", "rates raised"
GAP, UNAPPROVED, TERMINATED = "gap", "unapproved", "terminated"
OF_CAPPED = ((UNCHANGED, 46), (CAP_RAISED, 30), (GAP, 8), (UNAPPROVED, 8), (TERMINATED, 8))
OF_RATED = ((UNCHANGED, 60), (RATES_RAISED, 26), (GAP, 7), (TERMINATED, 7))

CAP_PERCENT = 140
RATE_PERCENT = 106
# Of two amendments the first is signed a week before the second, and reaches the log a week after it.
DAYS_UNDER_WAY = 14
NOTICE_DAYS = 7


@dataclass(frozen=True, slots=True)
class ContractChange:
    """What becomes of one contract, and when."""

    contract: SignedContract
    kind: str
    day: date
    reason: str

    @property
    def ended_on(self) -> date | None:
        """First day without effect, where the contract is terminated."""
        return self.day + timedelta(days=NOTICE_DAYS) if self.kind == TERMINATED else None


def changes(plan: SimulationPlan, contracts: Sequence[SignedContract]) -> Iterator[ContractChange]:
    """Deal a change to every contract that has a cap or rates of its own."""
    random = stream(plan.seed, "amendments")
    capped = [contract for contract in contracts if contract.capped]
    rated = [contract for contract in contracts if not contract.capped and has_rates(contract)]
    for contract, kind, day in drawn(plan, random, (capped, OF_CAPPED), (rated, OF_RATED)):
        yield ContractChange(contract, kind, day, pick(random, AMENDMENT_REASONS))


def drawn(
    plan: SimulationPlan, random: Random, *dealt: tuple[Sequence[SignedContract], Sequence[tuple[str, int]]]
) -> Iterator[tuple[SignedContract, str, date]]:
    """Kinds of change by the deck of each group, on days in the middle of the plan, ten after the contract began at the earliest."""
    length = (plan.ends_on - plan.start).days
    for members, deck in dealt:
        for contract, kind in zip(members, deal(random, len(members), deck), strict=True):
            earliest = max(contract.signed.signed_on, contract.signed.starts_on) + timedelta(days=10)
            day = plan.start + timedelta(days=length * between(random, 30, 65) // 100)
            yield contract, kind, weekday(max(earliest, day))


def has_rates(contract: SignedContract) -> bool:
    return any(isinstance(line.terms, TimeAndMaterials) and line.terms.rates for line in contract.signed.lines)


def papers(change: ContractChange) -> Iterator[ContractAmended | ContractTerminated]:
    contract, day = change.contract, change.day
    match change.kind:
        case "cap raised":
            raised = with_caps(amendment(change, 2, day, day), contract)
            yield raised._replace(retroactive=contract.bid.number % 2 == 0)
        case "rates raised":
            yield with_rates(amendment(change, 2, day, first_of_month(change)), contract)
        case "unapproved":
            yield with_caps(amendment(change, 2, day, day), contract)._replace(approved_by=None)
        case "gap":
            yield with_rates(amendment(change, 3, day, day + timedelta(days=1)), contract)
            first = with_caps(amendment(change, 2, day - timedelta(days=7), day), contract)
            yield first._replace(recorded_at=first.occurred_at + DAYS_UNDER_WAY * 24 * HOUR * SECOND)
        case "terminated":
            yield terminated(change)
        case "more scope":
            yield _amended(change, [_with_more(line, change) for line in change.contract.signed.lines])
        case "replaced":
            line, *others = change.contract.signed.lines
            yield _amended(change, [_priced(line, change), *others])


def first_of_month(change: ContractChange) -> date:
    """Rates rise with a month: half of the time with the one that has begun, never before the contract starts."""
    month = add_months(change.day.replace(day=1), change.contract.bid.number % 2)
    return max(month, change.contract.signed.starts_on)


def amendment(change: ContractChange, version: int, day: date, effective_on: date) -> ContractAmended:
    """An approved amendment that changes nothing yet."""
    contract = change.contract
    project = contract.bid.projects[0]
    at = instant(day, 15 * HOUR + contract.bid.number % 3000, project.entity.zone)
    return ContractAmended(
        **stamped(CRM, f"{contract.bid.contract_id}-{version}", at),
        contract_id=contract.bid.contract_id,
        version=version,
        replaces_version=version - 1,
        effective_on=effective_on,
        treatment="prospective",
        engagement_id=project.engagement_id,
        requested_by=project.manager.person_id,
        approved_by=project.deputy.person_id,
        reason=change.reason,
        signed_on=day,
    )


def with_caps(event: ContractAmended, contract: SignedContract) -> ContractAmended:
    """Every cap higher; a contract without one keeps its lines and gets a longer term."""
    if not contract.capped:
        return event._replace(ends_on=(contract.signed.ends_on or event.effective_on) + timedelta(days=90))
    return event._replace(
        lines=tuple(cap_raised(line) for line in contract.signed.lines),
        shared_caps=tuple(higher(cap) for cap in contract.signed.shared_caps) or None,
    )


def cap_raised(line: ContractLine) -> ContractLine:
    if not isinstance(line.terms, TimeAndMaterials) or line.terms.cap is None:
        return line
    return line._replace(terms=line.terms._replace(cap=higher(line.terms.cap)))


def higher(cap: AnyCap) -> AnyCap:
    """Two fifths more money, or hours."""
    if cap.hours is not None:
        return cap._replace(hours=cap.hours * CAP_PERCENT // 100)
    return cap._replace(amount=cap.amount * CAP_PERCENT // 100 if cap.amount is not None else None)


def with_rates(event: ContractAmended, contract: SignedContract) -> ContractAmended:
    """Every rate of every line dearer from the amendment on; the old ones stand for what comes before."""
    return event._replace(lines=tuple(rates_raised(line, event.effective_on) for line in contract.signed.lines))


def rates_raised(line: ContractLine, begins: date) -> ContractLine:
    if not isinstance(line.terms, TimeAndMaterials):
        return line
    dearer = tuple(terms.raised(rate, RATE_PERCENT, begins) for rate in line.terms.rates)
    return line._replace(terms=line.terms._replace(rates=line.terms.rates + dearer))


def terminated(change: ContractChange) -> ContractTerminated:
    """A week's notice."""
    contract = change.contract
    project = contract.bid.projects[0]
    at = instant(change.day, 16 * HOUR, project.entity.zone)
    return ContractTerminated(
        **stamped(CRM, f"{contract.bid.contract_id}-2", at),
        contract_id=contract.bid.contract_id,
        version=2,
        effective_on=change.day + timedelta(days=NOTICE_DAYS),
        engagement_id=project.engagement_id,
    )


MORE_SCOPE, REPLACED = "more scope", "replaced"
# Of contracts with a price, a fee or units, and of those by the hour whose rates stand on a card.
OF_PRICED = ((UNCHANGED, 62), (MORE_SCOPE, 30), (TERMINATED, 8))
OF_CARDED = ((UNCHANGED, 68), (REPLACED, 20), (TERMINATED, 12))
MORE_PERCENT = 115
# Terms of which there may be more, other than of hours.
GROWING = (FixedPrice, Milestones, Retainer, Subscription, CostPlus, UnitPrice)
# What is left of the work, when it gets a price: a part of what all of it would come to.
REST_PERCENT = 30


def change_orders(
    plan: SimulationPlan, contracts: Sequence[SignedContract], before: Sequence[ContractChange]
) -> Iterator[ContractChange]:
    """Deal a change to every contract that has none yet."""
    random = stream(plan.seed, "change orders")
    dealt = {change.contract.bid.number for change in before}
    rest = [contract for contract in contracts if contract.bid.number not in dealt]
    priced = [contract for contract in rest if _grows(contract)]
    carded = [contract for contract in rest if not _grows(contract)]
    for contract, kind, day in drawn(plan, random, (priced, OF_PRICED), (carded, OF_CARDED)):
        if day + timedelta(days=NOTICE_DAYS) <= plan.ends_on:
            yield ContractChange(contract, kind, day, pick(random, AMENDMENT_REASONS))


def _grows(contract: SignedContract) -> bool:
    return any(isinstance(line.terms, GROWING) for line in contract.signed.lines)


def _amended(change: ContractChange, lines: Sequence[ContractLine]) -> ContractAmended:
    """From the first day of the next month on, as fees and prices change."""
    return amendment(change, 2, change.day, _begins(change))._replace(lines=tuple(lines))


def _begins(change: ContractChange) -> date:
    return add_months(change.day.replace(day=1), 1)


def _with_more(line: ContractLine, change: ContractChange) -> ContractLine:
    made = _more(line, change.contract, _begins(change))
    return line._replace(terms=made) if made is not None else line


def _more(line: ContractLine, contract: SignedContract, begins: date) -> Terms | None:
    """The same kind of terms for about a seventh more; None of terms that no scope changes."""
    match line.terms:
        case FixedPrice(price=price, schedule=schedule):
            more = _seventh(price)
            added = (ScheduledAmount(max(begins, schedule[-1].on), more),) if schedule else ()
            return line.terms._replace(price=price + more, schedule=schedule + added)
        case Milestones(milestones=milestones):
            last = milestones[-1]
            return line.terms._replace(milestones=(*milestones, _change_request(last, contract)))
        case Retainer(fee=fee, quantity=quantity):
            return line.terms._replace(fee=fee + _seventh(fee), quantity=quantity * MORE_PERCENT // 100)
        case Subscription(fee=fee):
            return line.terms._replace(fee=fee + _seventh(fee))
        case CostPlus(fee_percent=percent):
            return line.terms._replace(fee_percent=percent + 5 * PERCENT_ONE)
        case UnitPrice(tiers=tiers):
            dearer = (tier._replace(unit_price=tier.unit_price * MORE_PERCENT // 100) for tier in tiers)
            return line.terms._replace(tiers=tuple(dearer))
    return None


def _change_request(last: Milestone, contract: SignedContract) -> Milestone:
    """Due some weeks after what was last."""
    return last._replace(
        milestone_id=f"{contract.bid.contract_id}-CR",
        name="Change request",
        amount=_seventh(last.amount * 3),
        due_on=weekday(last.due_on + timedelta(days=45)),
    )


def _seventh(amount: Amount) -> Amount:
    """What is added, to whole currency units."""
    added: Amount = amount * (MORE_PERCENT - 100) // 100 // AMOUNT_ONE * AMOUNT_ONE
    return added


def _priced(line: ContractLine, change: ContractChange) -> ContractLine:
    """What is left is done for a price, by progress: no rates any more."""
    price = terms.rounded((line.revenue_budget or 0) // AMOUNT_ONE * REST_PERCENT // 100)
    return line._replace(
        terms=FixedPrice(price, (ScheduledAmount(_begins(change), price),)), takes=("time",), revenue_policy="as_billed"
    )
