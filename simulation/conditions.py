"""How contracts are billed, beyond their lines: several payers, what they keep back, drafts that somebody has to approve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from domain.events.common import BillTo, Policies, Retention, RetentionStep
from domain.units import PERCENT_ONE, Percent
from simulation.chance import deal, pick, stream
from simulation.contracts import SignedContract
from simulation.customers import Customer
from simulation.plan import SimulationPlan

PLAIN, DRAFTS, TWO_PAYERS, THREE_PAYERS = "plain", "drafts", "two payers", "three payers"
RETAINED, IN_STEPS, SHARED_AND_RETAINED = "retained", "retained in steps", "two payers who retain"
# So that each is seen by itself a contract has approval, several payers or retention.
CONDITIONS = (
    (PLAIN, 61),
    (DRAFTS, 20),
    (TWO_PAYERS, 8),
    (RETAINED, 5),
    (IN_STEPS, 3),
    (THREE_PAYERS, 2),
    (SHARED_AND_RETAINED, 1),
)
SHARES = {
    TWO_PAYERS: ((60, 40), (50, 50), (70, 30), (75, 25)),
    THREE_PAYERS: ((50, 30, 20), (34, 33, 33)),
    SHARED_AND_RETAINED: ((60, 40), (80, 20)),
}
WITHHELD_PERCENT = 10
# From half of the price on half as much is withheld, and half of what was is released.
STEPS = ((0, 10, 0), (50, 5, 50))
DAYS_TO_RELEASE = 30


def conditioned(
    plan: SimulationPlan, contracts: Sequence[SignedContract], customers: Sequence[Customer]
) -> tuple[SignedContract, ...]:
    """The same contracts, each with the conditions that it was dealt."""
    random = stream(plan.seed, "conditions")
    dealt = deal(random, len(contracts), CONDITIONS)
    return tuple(_with(kind, contract, customers, random) for contract, kind in zip(contracts, dealt, strict=True))


def _with(kind: str, contract: SignedContract, customers: Sequence[Customer], random: Random) -> SignedContract:
    signed = contract.signed
    if kind == DRAFTS:
        signed = signed._replace(policies=(signed.policies or Policies())._replace(statement_approval="required"))
    if kind in SHARES:
        signed = signed._replace(bill_to=_payers(contract, pick(random, SHARES[kind]), customers, random))
    if kind in {RETAINED, SHARED_AND_RETAINED}:
        signed = signed._replace(retention=_until_the_end(contract))
    if kind == IN_STEPS:
        signed = signed._replace(retention=Retention(tuple(RetentionStep(*map(_percent, step)) for step in STEPS)))
    return replace(contract, signed=signed)


def _payers(
    contract: SignedContract, shares: Sequence[int], customers: Sequence[Customer], random: Random
) -> tuple[BillTo, ...]:
    """The customer first, who takes the cents; then companies of its group, then others that pay in its currency.

    One payer where there are too few of them, or where lines are rounded as a whole, which goes with one alone.
    """
    buyer, policies = contract.bid.customer, contract.signed.policies
    others = [one for one in customers if one.market.currency == buyer.market.currency and one is not buyer]
    if len(others) < len(shares) - 1 or (policies is not None and policies.rounding_scope == "line"):
        return contract.signed.bill_to
    random.shuffle(others)
    others.sort(key=lambda one: not _of_one_group(one, buyer))
    return tuple(
        BillTo(one.customer_id, _percent(share), rounding_party=one is buyer)
        for one, share in zip((buyer, *others), shares, strict=False)
    )


def _of_one_group(one: Customer, other: Customer) -> bool:
    return one.customer_id == other.parent or other.customer_id == one.parent


def _until_the_end(contract: SignedContract) -> Retention:
    """A tenth of each bill, some weeks after the last day of the contract; of one without, when it is over."""
    ends_on = contract.signed.ends_on
    return Retention(
        (RetentionStep(0, _percent(WITHHELD_PERCENT), 0),),
        release_on=ends_on + timedelta(days=DAYS_TO_RELEASE) if ends_on else None,
    )


def _percent(number: int) -> Percent:
    percent: Percent = number * PERCENT_ONE
    return percent
