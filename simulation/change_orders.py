"""Change orders of what is not sold by the hour under a cap or at rates of its own: more scope, other terms, an early end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from domain.events.commercial import ContractAmended, ContractTerminated
from domain.events.common import (
    ContractLine,
    CostPlus,
    FixedPrice,
    Milestone,
    Milestones,
    Retainer,
    ScheduledAmount,
    Subscription,
    Terms,
    UnitPrice,
)
from domain.units import AMOUNT_ONE, PERCENT_ONE, Amount
from simulation import terms
from simulation.amendments import NOTICE_DAYS, TERMINATED, UNCHANGED, ContractChange, amendment, drawn, terminated
from simulation.calendar import add_months
from simulation.chance import pick, stream
from simulation.contracts import SignedContract
from simulation.names import AMENDMENT_REASONS
from simulation.plan import SimulationPlan
from simulation.projects import weekday

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


def papers(change: ContractChange) -> Iterator[ContractAmended | ContractTerminated]:
    match change.kind:
        case "terminated":
            yield terminated(change)
        case "more scope":
            yield _amended(change, [_with_more(line, change) for line in change.contract.signed.lines])
        case "replaced":
            first, *others = change.contract.signed.lines
            yield _amended(change, [_priced(first, change), *others])


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
