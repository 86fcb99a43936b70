"""Who gets another share when an entry comes, changes or goes: a walk through those who consume the same caps.

Where nobody comes or leaves everybody is looked at. Otherwise the shares are what the buckets made them, and the walk ends where these have
again what they had.
"""

from collections.abc import Mapping
from operator import attrgetter, itemgetter
from typing import NamedTuple

from domain.caps.consume import (
    Billable,
    Bucket,
    BucketKey,
    CapLimit,
    CapRequest,
    CapRule,
    Order,
    allot,
    bucket_key,
    give_back,
    grant,
    limit_of,
    period_of,
    pin,
    take,
)
from domain.caps.consumption import FIRST_OF_ALL, LAST_OF_ALL, CapConsumer, TakenShares
from domain.caps.recorded import CapFigures
from domain.contract import cap_rules, line_named
from domain.identity import composed
from domain.units import Amount, Hours
from state.books import Contract
from state.caps.claims import FOR_REVENUE, GrantedRequest, bucket_id, granted_of, keys_of, recorder
from state.caps.consumers import ConsumerClaim, consumer_claim, consumption_order
from state.caps.notices import first_limited, rules_of_group
from state.draft import Draft
from state.terms.plan import LinePlan, line_plan, version_of
from state.totals import issued_on


class Leaver(NamedTuple):
    """What the entry that changes held, at its place; it is out of the buckets."""

    order: Order
    share: GrantedRequest


class Comer(NamedTuple):
    """What the entry that comes or changes claims, at its place."""

    order: Order
    claim: CapRequest


def allotted(
    draft: Draft, plan: LinePlan, allotment: str, start: Order, former: Leaver | None, comer: Comer | None
) -> tuple[Billable, list[tuple[ConsumerClaim, Billable]]]:
    """What the comer gets, and who gets another share than it has, in consumption order; long, for it is one walk over what all its steps
    move."""
    mode = plan.policies.money_mode
    order = consumption_order(draft, plan, allotment, start)
    changed = former.share.claim if former is not None else comer.claim if comer is not None else None
    if changed is not None:
        order.leave_out(changed.entry_id)
    taken = _taken_at(draft, plan, allotment)
    order.give_back(start, taken)
    figures, by_day = recorder(draft, plan, allotment), has_order_by_day(plan)
    exceeded = _exceeded(draft, plan, allotment, taken, former, comer)
    if exceeded:
        own_id = changed.entry_id if changed is not None else ""
        return _allotted_to_all(draft, plan, allotment, own_id, comer, exceeded)
    buckets = taken.buckets
    moved = _Moved(_measures(draft, plan))
    if former is not None:
        moved.add(former.share.claim, -former.share.claim.pinned, -former.share.claim.pinned_hours)
    if comer is not None:
        taken.read(comer.claim)
        buckets.update(with_pinned(draft, plan, comer.claim, buckets))
        moved.add(comer.claim, comer.claim.pinned, comer.claim.pinned_hours)
    result = Billable(0, 0)
    regranted: list[tuple[ConsumerClaim, Billable]] = []
    places = sorted({each.order for each in (former, comer) if each is not None})
    at = start
    for until in (*places, LAST_OF_ALL):
        while not (changed is not None and until == LAST_OF_ALL and moved.is_nothing):
            asks = order.next_to_ask(at, until, taken)
            if asks is None:
                break
            at = asks.order
            found = _claim_of_consumer(draft, plan, allotment, asks)
            taken.settle()
            taken.read(found.claim)
            granted = _granted(found.claim, buckets, plan.step, mode, figures, by_day=by_day)
            had = granted_of(allotment, found.consumption)
            moved.add(found.claim, granted.amount - had.amount, granted.hours - had.hours)
            if _differs(allotment, had, granted):
                regranted.append((found, granted))
        at = max(at, until)
        if comer is not None and comer.order == until:
            taken.settle()
            result = _granted(comer.claim, buckets, plan.step, mode, figures, by_day=by_day)
            moved.add(comer.claim, result.amount - comer.claim.pinned, result.hours - comer.claim.pinned_hours)
        if former is not None and former.order == until:
            claim, granted = former.share.claim, former.share.granted
            moved.add(claim, claim.pinned - granted.amount, claim.pinned_hours - granted.hours)
    return result, regranted


def _exceeded(
    draft: Draft, plan: LinePlan, allotment: str, taken: TakenShares, former: Leaver | None, comer: Comer | None
) -> dict[BucketKey, Amount]:
    """The most that those buckets may hold of which more is settled by now: what had made room for it is gone (R16)."""
    leaves = former.share if former is not None else None
    comes = GrantedRequest(comer.claim, Billable(comer.claim.pinned, 0)) if comer is not None else None
    for share in (leaves, comes):
        if share is not None:
            taken.read(share.claim)
    found = {}
    for key, bucket in taken.buckets.items():
        settled = bucket.pinned_amount + _amount_in(key, comes)
        held = draft.bucket(bucket_id(plan, allotment, key)).bucket.amount + _amount_in(key, leaves)
        if settled > held:
            back = _corrected_back(draft, plan, key, former, comer)
            held = max(held, min(held + back, _highest(draft, plan, key, settled))) if back > 0 else held
            most = most_settled(draft, plan, key, held)
            if most is not None and settled > most:
                found[key] = most
    return found


def _amount_in(key: BucketKey, share: GrantedRequest | None) -> Amount:
    if share is None:
        return 0
    claim = share.claim
    return share.granted.amount if key in keys_of(claim) else 0


def _corrected_back(draft: Draft, plan: LinePlan, key: BucketKey, former: Leaver | None, comer: Comer | None) -> Amount:
    """How much more of the comer is settled than before: it was issued under the bucket, corrected, and is corrected back."""
    rule = next((rule for one, rule in comer.claim.under if one == key), None) if comer is not None else None
    if comer is None or rule is None or not comer.claim.pinned:
        return 0
    issued = issued_on(draft.entry_in_books(comer.claim.entry_id), plan.contract_id, plan.line.line_id)
    if issued is None or bucket_key(rule, issued.day, issued.person_id) != key:
        return 0
    had = former.share.claim if former is not None else None
    return comer.claim.pinned - (had.pinned if had is not None and key in keys_of(had) else 0)


def _highest(draft: Draft, plan: LinePlan, key: BucketKey, without: Amount) -> Amount:
    """The most that any terms of the line have allowed, by which its work may be issued; a version without a limit counts as `without`."""
    contract, line_id = draft.contract_in_books(plan.contract_id), plan.line.line_id
    of = key[0], period_of(key)
    ever = draft.of_terms(f"limits/{composed(line_id, *of)}", contract, lambda *_: _limits_ever(contract, line_id, of))
    return max(without if limit is None else limit for limit in ever)


def _limits_ever(contract: Contract, line_id: str, of: tuple[str, str]) -> list[Amount | None]:
    """Of each version of the terms that has the line, in money by one cap; None for one without a hard limit."""
    found: list[Amount | None] = []
    for stored in (*contract.former, *contract.history):
        if line_named(stored.terms, line_id) is not None:
            rules = cap_rules((version_of(stored),), line_id)
            limits = [rule.limits[0] for rule in rules if (rule.cap_id, rule.period) == of]
            found += [limit.amount for limit in limits if limit.hard and limit.amount is not None] or [None]
    return found


def most_settled(draft: Draft, plan: LinePlan, key: BucketKey, held: Amount) -> Amount | None:
    """Up to where issued work keeps its room: what the cap allows by the newest terms, or what it `held` before where it was lowered since;
    None where it does not bind money."""
    rules = (*plan.every_rule, *rules_of_group(draft, plan))
    rule = next((rule for rule in rules if (rule.cap_id, rule.period) == (key[0], period_of(key))), None)
    if rule is None:
        return None
    limit = limit_of(first_limited(rules, rule, key), key)
    return max(limit.amount, held) if limit.hard and limit.amount is not None else None


def _allotted_to_all(
    draft: Draft, plan: LinePlan, allotment: str, own_id: str, comer: Comer | None, most: Mapping[BucketKey, Amount]
) -> tuple[Billable, list[tuple[ConsumerClaim, Billable]]]:
    """The same for the rare event that leaves more issued than there is room: everybody is looked at, also who waits for nothing."""
    others = _everybody(draft, plan, allotment, own_id)
    taken = _taken_at(draft, plan, allotment)
    for each in others:
        taken.read(each.claim)
        give_back(each.claim, granted_of(allotment, each.consumption), taken.buckets)
    buckets = taken.buckets
    claims = [(each.order, each.claim) for each in others]
    if comer is not None:
        taken.read(comer.claim)
        buckets.update(with_pinned(draft, plan, comer.claim, buckets))
        claims.append(comer)
    claims.sort(key=itemgetter(0))
    mode, figures = plan.policies.money_mode, recorder(draft, plan, allotment)
    by_day = has_order_by_day(plan)
    grants, _ = allot([claim for _, claim in claims], buckets, plan.step, mode, most, figures, by_day=by_day)
    found = {claim.entry_id: granted for (_, claim), granted in zip(claims, grants, strict=True)}
    others.sort(key=lambda each: each.order)
    moved = [(each, found[each.claim.entry_id]) for each in others]
    result = found[own_id] if comer is not None else Billable(0, 0)
    return result, [
        (one, got) for one, got in moved if _differs(allotment, granted_of(allotment, one.consumption), got)
    ]


def _everybody(draft: Draft, plan: LinePlan, allotment: str, own_id: str) -> list[ConsumerClaim]:
    """Who is on the lines that share caps with the plan's, settled or not, but for the one that changes."""
    return [
        each
        for entry in draft.everything()
        if entry.entry_id != own_id
        and (each := consumer_claim(draft, plan, allotment, entry)) is not None
        and each.consumption.price.contract_id == plan.contract_id
        and each.consumption.price.line_id in plan.group
    ]


def has_order_by_day(plan: LinePlan) -> bool:
    """Whether work to which a later limit applies comes later in the order."""
    return plan.policies.cap_order != "approval"


def of_everyone(
    draft: Draft, plan: LinePlan, under: tuple[tuple[BucketKey, CapRule], ...]
) -> tuple[tuple[BucketKey, CapRule], ...]:
    """The caps with the limits that any line under the same cap has in any version: a line that has left it knows no later ones."""
    if len(plan.group) == 1:
        return under
    key = ("limits of everyone", plan.key)
    if key not in draft.memo.lines:
        found: dict[tuple[str, str], tuple[CapLimit, ...]] = {}
        for rule in (*plan.every_rule, *rules_of_group(draft, plan)):
            place = rule.cap_id, rule.period
            all_of_it = dict.fromkeys((*found.get(place, ()), *rule.limits))
            found[place] = tuple(sorted(all_of_it, key=attrgetter("effective_on")))
        draft.memo.lines[key] = found
    limits: dict[tuple[str, str], tuple[CapLimit, ...]] = draft.memo.lines[key]
    return tuple(
        (bucket, rule._replace(limits=limits.get((rule.cap_id, rule.period), rule.limits))) for bucket, rule in under
    )


def with_pinned(
    draft: Draft, plan: LinePlan, claim: CapRequest, buckets: Mapping[BucketKey, Bucket]
) -> dict[BucketKey, Bucket]:
    """The claim's own pinned part comes first, before its free part looks for room."""
    return {key: pin(buckets[key], rule, claim) for key, rule in of_everyone(draft, plan, claim.under)}


def _granted(
    claim: CapRequest,
    buckets: dict[BucketKey, Bucket],
    step: Amount,
    mode: str,
    figures: CapFigures | None,
    *,
    by_day: bool,
) -> Billable:
    granted = grant(claim, buckets, step, mode, figures, by_day=by_day)
    take(claim, granted, buckets)
    return granted


# By cap and period: whether any version limits amount, whether any limits hours.
_Measures = dict[tuple[str, str], tuple[bool, bool]]


class _Moved:
    """How much more, or less, is taken from each bucket than at the same place before the event; only in measures that decide."""

    __slots__ = ("_by_bucket", "_measures")

    def __init__(self, measures: _Measures) -> None:
        self._measures = measures
        self._by_bucket: dict[BucketKey, tuple[Amount, Hours]] = {}

    def add(self, claim: CapRequest, amount: Amount, hours: Hours) -> None:
        if not amount and not hours:
            return
        for key, rule in claim.under:
            in_amount, in_hours = self._measures.get((rule.cap_id, rule.period), (True, True))
            had_amount, had_hours = self._by_bucket.pop(key, (0, 0))
            has = had_amount + amount * in_amount, had_hours + hours * in_hours
            if any(has):
                self._by_bucket[key] = has

    @property
    def is_nothing(self) -> bool:
        return not self._by_bucket


def _measures(draft: Draft, plan: LinePlan) -> _Measures:
    """In what the hard limits of any line under the same caps are, in any version that was ever known."""
    contract = draft.contract_in_books(plan.contract_id)
    key = ("measures", plan.key, len(contract.former))
    if key not in draft.memo.lines:
        found: _Measures = {}
        stored = (*contract.former, *contract.history)
        plans = (line_plan(draft, contract, one.version, line_id) for line_id in sorted(plan.group) for one in stored)
        for rule in (rule for known in (plan, *plans) if known is not None for rule in known.every_rule):
            in_amount, in_hours = found.get((rule.cap_id, rule.period), (False, False))
            hard = [limit for limit in rule.limits if limit.hard]
            found[rule.cap_id, rule.period] = (
                in_amount or any(limit.amount is not None for limit in hard),
                in_hours or any(limit.hours is not None for limit in hard),
            )
        draft.memo.lines[key] = found
    measures: _Measures = draft.memo.lines[key]
    return measures


Held = tuple[CapRequest, Billable]


def open_claims(draft: Draft, plan: LinePlan, allotment: str) -> tuple[list[Held], dict[BucketKey, Bucket]]:
    """Every claim of the plan's lines that is not settled, with what it holds, in consumption order; and the buckets without what
    these hold freely."""
    order, taken = consumption_order(draft, plan, allotment, FIRST_OF_ALL), _taken_at(draft, plan, allotment)
    order.give_back(FIRST_OF_ALL, taken)
    found = []
    for consumer in order:
        one = _claim_of_consumer(draft, plan, allotment, consumer)
        taken.read(one.claim)
        found.append((one.claim, granted_of(allotment, one.consumption)))
    return found, taken.buckets


def _taken_at(draft: Draft, plan: LinePlan, allotment: str) -> TakenShares:
    return TakenShares(lambda key: draft.bucket(bucket_id(plan, allotment, key)).bucket)


def _claim_of_consumer(draft: Draft, plan: LinePlan, allotment: str, consumer: CapConsumer) -> ConsumerClaim:
    found = consumer_claim(draft, plan, allotment, draft.entry_in_books(consumer.entry_id))
    assert found is not None, "who consumes has a claim"
    return found


def _differs(allotment: str, had: Billable, granted: Billable) -> bool:
    """Whether the share is another, or the cap that bounds it (kept for billing alone, where the two are apart)."""
    return granted[:2] != had[:2] or (allotment != FOR_REVENUE and granted.binding != had.binding)
