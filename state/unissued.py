"""What lines would be charged for each month had nothing been issued: a minimum compares with that.

What is issued keeps its room under caps and the steps of its units, so that work that comes late gets what these leave. All months
together come to the same in any order; one month does not, and a minimum asks for months. So the rows of lines under caps are allotted
once more by the facts alone, beside the books, and what a month has more or less then is counted with it.

    cap 1,000; January's 600 come when February's 800 are issued, and get 200: January counts 600, February 400
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.billing.subscription import MINIMUM
from domain.caps import Bucket, BucketKey, Claim, Order, allot, bucket_key
from domain.identity import composed
from domain.rows import FEE, row_id
from domain.units import Amount
from state.books import Contract, Entry, LineTotals, Price
from state.claims import Stake, allotments, claim_of, order_key, stake_of, with_grant
from state.draft import Draft
from state.plan import LinePlan, newest_plan, plan_of
from state.sharers import has_steps, without_issue
from state.totals import month_of


class Unissued(NamedTuple):
    """A row with the price that it would have."""

    order: Order
    entry: Entry
    plan: LinePlan
    stake: Stake
    claim: Claim


def minimum_rows(contract_id: str, line_id: str) -> str:
    """How rows begin that a line charges for its minimum."""
    return row_id(FEE, f"{composed(contract_id, line_id)}/{MINIMUM}")


def moved_by_issue(draft: Draft, contract: Contract, line_ids: Sequence[str]) -> Counter[str]:
    """By month, what rows of the lines would be charged more by the facts alone than they are since issued ones keep what they have."""
    found: Counter[str] = Counter()
    seen: set[str] = set()
    for line_id in line_ids:
        plan = newest_plan(draft, contract, line_id)
        if plan is None:
            continue
        if plan.every_rule:
            for on, month, amount in _moved_under_caps(draft, contract, plan) if line_id not in seen else ():
                found[month] += amount if on in line_ids else 0
            seen |= plan.group
        elif has_steps(contract, line_id):
            for price, by_day in without_issue(draft, contract, plan).values():
                found[month_of(price.day)] += by_day.value - price.value
    return found


def is_moved(draft: Draft, contract: Contract, line_id: str, before: date) -> bool:
    """Whether the event changed what the line would be charged for days before one, whatever it is charged."""
    if (contract.contract_id, line_id) in draft.changed_on and has_steps(contract, line_id):
        return True
    plan = newest_plan(draft, contract, line_id)
    if plan is None or not plan.every_rule:
        return False
    by_approval = plan.policies.cap_order == "approval"
    prices = (work.price for entry, _ in draft.worked if (work := entry.standing) is not None)
    return any(
        price is not None
        and (price.contract_id, price.line_id) == (contract.contract_id, line_id)
        and (price.day < before or price.value < 0 or by_approval)
        for price in prices
    )


# Under caps

_Moved = Sequence[tuple[str, str, Amount]]


class _Known(NamedTuple):
    """What rows of lines come to with these sums."""

    sums: Sequence[LineTotals | None]
    moved: _Moved


def _moved_under_caps(draft: Draft, contract: Contract, plan: LinePlan) -> _Moved:
    """By line and month. Every change of a row makes new sums of its line; while they are the same nothing is added up again."""
    sums: list[LineTotals | None] = [
        draft.part("line", composed(contract.contract_id, line_id)) for line_id in sorted(plan.group)
    ]
    stepped = any(has_steps(contract, line_id) for line_id in plan.group)
    if not stepped and not any(one.over for one in sums if one is not None):
        return ()
    key = ("unissued", contract.contract_id, contract.version, len(contract.history), plan.group)
    known: _Known | None = draft.plans.get(key)
    if known is None or any(one is not other for one, other in zip(known.sums, sums, strict=True)):
        known = draft.plans[key] = _Known(sums, list(_more(draft, contract, plan)))
    return known.moved


def _more(draft: Draft, contract: Contract, plan: LinePlan) -> Iterator[tuple[str, str, Amount]]:
    for row in unissued(draft, contract, plan):
        price = stake_of(row.entry)
        more = row.stake.price.billable - (price.price.billable if price is not None else 0)
        if more:
            yield row.stake.price.line_id, month_of(row.stake.price.day), more


def unissued(draft: Draft, contract: Contract, plan: LinePlan) -> list[Unissued]:
    """All rows of lines that share caps, minimums apart, with what these would leave each of them, in consumption order."""
    rows = sorted(_rows(draft, contract, plan), key=lambda row: row.order)
    grants, _ = allot([row.claim for row in rows], _settled(rows), plan.step, plan.policies.money_mode)
    allotment = allotments(plan)[-1]
    return [
        row._replace(stake=replace(row.stake, price=with_grant(row.plan, row.stake.price, allotment, granted)))
        for row, granted in zip(rows, grants, strict=True)
    ]


def _rows(draft: Draft, contract: Contract, plan: LinePlan) -> Iterator[Unissued]:
    by_day: dict[str, Price] = {}
    for line_id in plan.group:
        theirs = newest_plan(draft, contract, line_id)
        if theirs is not None and has_steps(contract, line_id):
            by_day |= {row: price for row, (_, price) in without_issue(draft, contract, theirs).items()}
    for entry in draft.everything():
        stake = stake_of(entry)
        theirs = plan_of(draft, stake.price) if stake is not None else None
        if stake is None or theirs is None or stake.price.contract_id != contract.contract_id:
            continue
        if stake.price.line_id in plan.group and not entry.entry_id.startswith(
            minimum_rows(contract.contract_id, stake.price.line_id)
        ):
            bare = replace(stake, price=_bare(by_day.get(entry.entry_id, stake.price)), issued=0)
            claim = claim_of(theirs, allotments(theirs)[-1], bare)
            yield Unissued(order_key(theirs, bare.price, entry.entry_id), entry, theirs, bare, claim)


def _bare(price: Price) -> Price:
    """Without what cuts made of it."""
    return replace(price, given=0, final=False, kept=0, kept_hours=0, passed=0, passed_hours=0)


def _settled(rows: Sequence[Unissued]) -> dict[BucketKey, Bucket]:
    """What is below zero makes room for all others (R16)."""
    buckets: dict[BucketKey, Bucket] = {}
    for claim in (row.claim for row in rows if row.claim.pinned):
        for rule in claim.rules:
            key = bucket_key(rule, claim.day, claim.person_id)
            had = buckets.get(key, Bucket())
            buckets[key] = had._replace(
                pinned_amount=had.pinned_amount + claim.pinned, pinned_hours=had.pinned_hours + claim.pinned_hours
            )
    return buckets
