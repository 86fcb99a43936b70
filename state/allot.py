"""Caps over the books: who gets room when an entry comes, changes or goes.

Buckets hold what is taken; an entry that comes last in consumption order, or under a cap with room for all, is settled at once.
Anything else walks the open entries of the cap's lines from the changed entry on, and posts what that moves as differences caused by
the event (R16, R19).
"""

from typing import NamedTuple

from msgspec.structs import replace

from domain.caps import (
    Bucket,
    BucketKey,
    CapLimit,
    CapRule,
    Claim,
    Grant,
    Order,
    allot,
    bucket_key,
    grant,
    has_room,
    limit_of,
    take,
)
from state.books import CapBucket, Entry, Price
from state.cap_notices import count_over, rules_of_group, ruling, watch
from state.claims import (
    REVENUE,
    Share,
    Stake,
    allotments,
    bucket_id,
    claim_of,
    granted_of,
    order_key,
    stake_of,
    stands_on,
    uncapped,
    with_grant,
)
from state.draft import Draft
from state.plan import LinePlan, plan_of
from state.repricing import reprice

FIRST_OF_ALL: Order = ("", "", "")


def change(draft: Draft, old: tuple[LinePlan, Stake] | None, new: tuple[LinePlan, Stake] | None) -> Price | None:
    """Replace an entry's claim by another, either may be missing; returns the new price with its share.

    Within one group of caps that is one step, so that rivals only see what comes out of it.
    """
    if old is not None and new is not None:
        new = _with_gift(old[1].price, new)
    if (
        old is not None
        and new is not None
        and old[0].contract_id == new[0].contract_id
        and old[0].group == new[0].group
    ):
        return _replace(draft, new[0], old, new)
    if old is not None:
        _replace(draft, old[0], old, None)
    return _replace(draft, new[0], None, new) if new is not None else None


def _with_gift(before: Price, new: tuple[LinePlan, Stake]) -> tuple[LinePlan, Stake]:
    """What a cut gave by prorate is given for good, also to the next version on the same line, as far as its value reaches."""
    plan, stake = new
    if not before.given or (before.contract_id, before.line_id) != (stake.price.contract_id, stake.price.line_id):
        return new
    return plan, replace(stake, price=replace(stake.price, given=min(before.given, stake.price.value)))


def _replace(
    draft: Draft, plan: LinePlan, old: tuple[LinePlan, Stake] | None, new: tuple[LinePlan, Stake] | None
) -> Price | None:
    if not plan.rules and (old is None or not old[0].rules):
        return uncapped(new[1].price) if new is not None else None
    price = new[1].price if new is not None else None
    for allotment in allotments(plan):
        start: Order | None = None
        left: Share | None = None
        if old is not None:
            left = Share(claim_of(old[0], allotment, old[1]), granted_of(allotment, old[1]))
            start = order_key(old[0], old[1].price, old[1].entry_id)
            _move(draft, old[0], allotment, left, None, start)
        entering = claim_of(plan, allotment, new[1]) if new is not None else None
        if (left.claim.pinned if left is not None else 0) != (entering.pinned if entering is not None else 0):
            # Issued consumption comes before all others: what it gives back is room for the first who waits, and what it takes
            # (issued work that lives again, or whose value rises) it takes from the last (R16).
            start = FIRST_OF_ALL
        if new is None:
            if start is not None and left is not None and _binds(draft, plan, allotment, left.claim, left.granted):
                _walk(draft, plan, allotment, start, left.claim.entry_id, None)
            continue
        assert price is not None, "a new claim has a price"
        assert entering is not None, "a new claim was made above"
        granted = _enter(draft, plan, allotment, new[1], entering, left, start)
        price = with_grant(plan, price, allotment, granted)
        _move(draft, plan, allotment, None, Share(entering, granted), order_key(plan, price, new[1].entry_id))
    count_over(draft, plan, old[1].price if old is not None else None, price)
    return price if plan.rules or price is None else uncapped(price)


def repin(draft: Draft, plan: LinePlan, before: Stake, after: Stake) -> None:
    """The entry keeps its share, but more of it is settled now."""
    if not plan.rules:
        return
    order = order_key(plan, after.price, after.entry_id)
    for allotment in allotments(plan):
        had, has = claim_of(plan, allotment, before), claim_of(plan, allotment, after)
        _move(
            draft,
            plan,
            allotment,
            Share(had, granted_of(allotment, before)),
            Share(has, granted_of(allotment, after)),
            order,
        )
    if before.price != after.price:
        count_over(draft, plan, before.price, after.price)


def allot_rest(draft: Draft, plan: LinePlan, allotment: str) -> None:
    """Allot everything of the group that is not pinned anew, from the beginning."""
    _walk(draft, plan, allotment, FIRST_OF_ALL, "", None)


def _enter(
    draft: Draft, plan: LinePlan, allotment: str, stake: Stake, claim: Claim, left: Share | None, since: Order | None
) -> Grant:
    """The grant of a claim whose former share (`left`, at `since`) is out of the buckets already."""
    stored = {
        bucket_key(rule, claim.day, claim.person_id): _stored(draft, plan, allotment, rule, claim)
        for rule in claim.rules
    }
    buckets = _with_pinned(claim, {key: value.bucket for key, value in stored.items()})
    own = order_key(plan, stake.price, stake.entry_id)
    freed = left is not None and _binds(draft, plan, allotment, left.claim, left.granted)
    if not freed and has_room(claim._replace(rules=_of_everyone(draft, plan, claim.rules)), buckets):
        whole = Grant(claim.amount, claim.hours)
        if (left is None and _alone(plan)) or not _binds(draft, plan, allotment, claim, whole):
            return whole
    if since is None and all(value.last is None or value.last < own for value in stored.values()):
        return grant(claim, buckets, plan.step, plan.policies.money_mode)
    return _walk(draft, plan, allotment, own if since is None else min(own, since), stake.entry_id, claim, own)


def _with_pinned(claim: Claim, buckets: dict[BucketKey, Bucket]) -> dict[BucketKey, Bucket]:
    """The claim's own pinned part comes first, before its free part looks for room."""
    if not claim.pinned:
        return buckets
    return {
        key: bucket._replace(
            pinned_amount=bucket.pinned_amount + claim.pinned, pinned_hours=bucket.pinned_hours + claim.pinned_hours
        )
        for key, bucket in buckets.items()
    }


def _stored(draft: Draft, plan: LinePlan, allotment: str, rule: CapRule, claim: Claim) -> CapBucket:
    return draft.bucket(bucket_id(plan, allotment, bucket_key(rule, claim.day, claim.person_id)))


def _alone(plan: LinePlan) -> bool:
    """Whether one cap alone decides: then nobody who was refused can lose by what finds room, and nobody else either."""
    return len(plan.rules) == 1 and len(plan.group) == 1


def _binds(draft: Draft, plan: LinePlan, allotment: str, claim: Claim, taken: Grant) -> bool:
    """Whether one of the claim's buckets, with `taken` in it, may hold back somebody.

    One that has room even for all that was refused holds back nobody: those are bound by other caps, and stay as they are.
    """
    for rule in _of_everyone(draft, plan, claim.rules):
        stored = _stored(draft, plan, allotment, rule, claim)
        if not stored.refused:
            continue
        amount = stored.bucket.amount + stored.refused_amount + taken.amount
        hours = stored.bucket.hours + stored.refused_hours + taken.hours
        for limit in rule.limits:
            if limit.hard and (
                (limit.amount is not None and amount > limit.amount)
                or (limit.hours is not None and hours > limit.hours)
            ):
                return True
    return False


def _of_everyone(draft: Draft, plan: LinePlan, rules: tuple[CapRule, ...]) -> tuple[CapRule, ...]:
    """The rules with the limits that any line under the same cap has in any version: a line that has left it knows no later ones."""
    if len(plan.group) == 1:
        return rules
    key = ("limits of everyone", plan.key)
    if key not in draft.plans:
        found: dict[tuple[str, str], tuple[CapLimit, ...]] = {}
        for rule in (*plan.rules, *rules_of_group(draft, plan)):
            place = rule.cap_id, rule.period
            found[place] = tuple(dict.fromkeys((*found.get(place, ()), *rule.limits)))
        draft.plans[key] = found
    limits: dict[tuple[str, str], tuple[CapLimit, ...]] = draft.plans[key]
    return tuple(rule._replace(limits=limits.get((rule.cap_id, rule.period), rule.limits)) for rule in rules)


def _move(draft: Draft, plan: LinePlan, allotment: str, had: Share | None, has: Share | None, order: Order) -> None:
    """Replace one entry's share in the buckets it touches."""
    rules = {
        bucket_key(rule, share.claim.day, share.claim.person_id): rule
        for share in (had, has)
        if share is not None
        for rule in share.claim.rules
    }
    for key, rule in rules.items():
        part_id = bucket_id(plan, allotment, key)
        stored = draft.bucket(part_id)
        bucket, last = stored.bucket, stored.last
        refused, refused_amount, refused_hours = stored.refused, stored.refused_amount, stored.refused_hours
        for share, sign in ((had, -1), (has, 1)):
            if share is not None and any(
                bucket_key(r, share.claim.day, share.claim.person_id) == key for r in share.claim.rules
            ):
                bucket = _added(bucket, share, sign)
                amount, hours = share.lacks
                refused += sign * bool(amount or hours)
                refused_amount += sign * amount
                refused_hours += sign * hours
        if has is not None and (last is None or last < order):
            last = order
        draft.put("bucket", part_id, CapBucket(bucket, last, refused, stored.below, refused_amount, refused_hours))
        if allotment != REVENUE and part_id not in draft.watched:
            said = ruling(draft, plan, rule, key)
            watch(draft, part_id, plan, said, key, stored.bucket, limit_of(said, key))


def _added(bucket: Bucket, share: Share, sign: int) -> Bucket:
    claim, granted = share.claim, share.granted
    return Bucket(
        bucket.pinned_amount + sign * claim.pinned,
        bucket.pinned_hours + sign * claim.pinned_hours,
        bucket.free_amount + sign * (granted.amount - claim.pinned),
        bucket.free_hours + sign * (granted.hours - claim.pinned_hours),
    )


class _Rival(NamedTuple):
    order: Order
    plan: LinePlan
    entry: Entry
    stake: Stake
    claim: Claim


def _walk(
    draft: Draft,
    plan: LinePlan,
    allotment: str,
    start: Order,
    own_id: str,
    own: Claim | None,
    own_order: Order | None = None,
) -> Grant:
    """Allot anew from `start` on; `own` is the claim that comes (its old share is out of the buckets). Returns its grant."""
    mode = plan.policies.money_mode
    rivals = _rivals(draft, plan, allotment, start, own_id)
    queue: list[tuple[Order, Claim, _Rival | None]] = [(rival.order, rival.claim, rival) for rival in rivals]
    if own is not None:
        queue.append((own_order or start, own, None))
    queue.sort(key=lambda waiting: waiting[0])
    buckets: dict[BucketKey, Bucket] = {}
    for _, claim, _ in queue:
        for rule in claim.rules:
            key = bucket_key(rule, claim.day, claim.person_id)
            if key not in buckets:
                buckets[key] = draft.bucket(bucket_id(plan, allotment, key)).bucket
    for rival in rivals:
        _take_back(rival, allotment, buckets)
    if own is not None:
        buckets.update(
            _with_pinned(
                own,
                {
                    bucket_key(r, own.day, own.person_id): buckets[bucket_key(r, own.day, own.person_id)]
                    for r in own.rules
                },
            )
        )
    grants, _ = allot([claim for _, claim, _ in queue], buckets, plan.step, mode)
    result = Grant(0, 0)
    for (_, _, other), granted in zip(queue, grants, strict=True):
        if other is None:
            result = granted
        elif _differs(allotment, other.stake, granted):
            _regrant(draft, allotment, other, granted)
    return result


Held = tuple[Claim, Grant]


def open_claims(draft: Draft, plan: LinePlan, allotment: str) -> tuple[list[Held], dict[BucketKey, Bucket]]:
    """Every claim of the plan's lines that is not settled, with what it holds, in consumption order; and the buckets without what
    these hold freely."""
    rivals = sorted(_rivals(draft, plan, allotment, ("", "", ""), ""), key=lambda rival: rival.order)
    buckets = {
        key: draft.bucket(bucket_id(plan, allotment, key)).bucket
        for rival in rivals
        for key in (bucket_key(rule, rival.claim.day, rival.claim.person_id) for rule in rival.claim.rules)
    }
    for rival in rivals:
        _take_back(rival, allotment, buckets)
    return [(rival.claim, granted_of(allotment, rival.stake)) for rival in rivals], buckets


def _take_back(rival: _Rival, allotment: str, buckets: dict[BucketKey, Bucket]) -> None:
    held = granted_of(allotment, rival.stake)
    negative = Grant(2 * rival.claim.pinned - held.amount, 2 * rival.claim.pinned_hours - held.hours)
    take(rival.claim, negative, buckets)


def _rivals(draft: Draft, plan: LinePlan, allotment: str, start: Order, own_id: str) -> list[_Rival]:
    since = "" if plan.policies.cap_order == "approval" else start[0]
    found = []
    for line_id in sorted(plan.group):
        for entry in draft.open_on(plan.contract_id, line_id, since):
            stake = stake_of(entry)
            if entry.entry_id == own_id or stake is None or not stands_on(stake, plan.contract_id, line_id):
                continue
            theirs = plan_of(draft, stake.price)
            if theirs is None:
                continue
            order = order_key(plan, stake.price, entry.entry_id)
            if order > start:
                found.append(_Rival(order, theirs, entry, stake, claim_of(theirs, allotment, stake)))
    return found


def _differs(allotment: str, stake: Stake, granted: Grant) -> bool:
    """Whether the entry's share is another, or the cap that bounds it (kept for billing alone, where the two are apart)."""
    had = granted_of(allotment, stake)
    return granted[:2] != had[:2] or (allotment != REVENUE and granted.binding != had.binding)


def _regrant(draft: Draft, allotment: str, rival: _Rival, granted: Grant) -> None:
    """A rival's share changed: move its buckets, post the difference, keep the row."""
    entry = draft.entry(rival.entry.entry_id)
    assert entry is not None, "the rival was read from the rows"
    stake = stake_of(entry)
    assert stake is not None, "the rival has a price"
    price = with_grant(rival.plan, stake.price, allotment, granted)
    _move(
        draft,
        rival.plan,
        allotment,
        Share(rival.claim, granted_of(allotment, stake)),
        Share(rival.claim, granted),
        rival.order,
    )
    count_over(draft, rival.plan, stake.price, price)
    draft.put_entry(entry, reprice(draft, entry, rival.plan, price, "cap"))
