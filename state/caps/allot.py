"""Caps over the books: who gets room when an entry comes, changes or goes.

Buckets hold what is taken; an entry that comes last in consumption order, or under a cap with room for all, is settled at once.
Anything else walks the open entries of the cap's lines from the changed entry on, and posts what that moves as differences caused by
the event (R16, R19). The walk ends where as much is taken before an entry as was before the event: from there on nobody's share can
be another. On its way it passes by those who keep what they have (`domain/caps/consumption.py`). Issued work keeps its room; only
where a refund or another negative amount that had made the room is gone everybody is looked at, and the last give back what is too much.

Worked example, cap 1,000 at 100 an hour: entries of 4, 5 and 3 hours hold 400, 500 and 100, all later ones nothing. Two hours that
come before the third leave it nothing. After it 1,000 are taken, as before, and the later ones are not looked at.
"""

from msgspec.structs import replace

from domain.caps.consume import (
    Billable,
    Bucket,
    BucketKey,
    CapRequest,
    CapRule,
    Order,
    grant,
    has_room,
    is_prorated,
    is_raised_after,
    limit_of,
    limit_on,
    pin,
)
from domain.caps.consumption import FIRST_OF_ALL
from domain.caps.recorded import CapFigures
from domain.explanation import Node
from domain.tuples import new_tuple
from state.books import CapBucket, Price
from state.caps.claims import (
    FOR_REVENUE,
    Consumption,
    GrantedRequest,
    allotments,
    bucket_id,
    claim_of,
    consumption_of,
    figures_of,
    granted_of,
    keys_of,
    order_key,
    recorder,
    uncapped,
    with_grant,
)
from state.caps.consumers import ConsumerClaim
from state.caps.lately import with_share
from state.caps.notices import count_over, ruling, watch
from state.caps.repricing import reprice
from state.caps.walk import Comer, Leaver, allotted, of_everyone, with_pinned
from state.draft import Draft
from state.terms.plan import LinePlan


def consume_caps(draft: Draft, old: tuple[LinePlan, Consumption] | None, new: tuple[LinePlan, Consumption]) -> Price:
    """Replace the claim that an entry may have by another; returns the new price with its share.

    Within one group of caps that is one step, so that rivals only see what comes out of it.
    """
    if old is not None:
        new = _with_gift(draft, old[1].price, new)
        if old[0].contract_id != new[0].contract_id or old[0].group != new[0].group:
            release_caps(draft, old)
            old = None
    price = _replace(draft, new[0], old, new)
    assert price is not None, "a new claim has a price"
    return price


def release_caps(draft: Draft, old: tuple[LinePlan, Consumption] | None) -> None:
    """Give up the claim that an entry may have."""
    if old is not None:
        _replace(draft, old[0], old, None)


def _with_gift(draft: Draft, before: Price, new: tuple[LinePlan, Consumption]) -> tuple[LinePlan, Consumption]:
    """What a cut gave by prorate is given for good, also to the next version on the same line, as far as its value reaches."""
    plan, consumption = new
    if not before.given or (before.contract_id, before.line_id) != (
        consumption.price.contract_id,
        consumption.price.line_id,
    ):
        return new
    given = max(consumption.price.given, min(before.given, consumption.price.chargeable))
    if draft.why is not None and given != before.given:
        figures_of(draft.why, plan, allotments(plan)[0]).give(consumption.entry_id, given, consumption.price.chargeable)
    return plan, replace(consumption, price=replace(consumption.price, given=given))


def with_issue_kept(
    draft: Draft, plan: LinePlan, old: tuple[LinePlan, Consumption] | None, consumption: Consumption
) -> Consumption:
    """Of the next version of issued work the lesser of issued and new is settled, for revenue that is allotted apart, too.

    Of a cap that is prorated no more than cuts left: what they gave to others they gave for good.
    """
    if not plan.apart or plan.settles_alike:
        return consumption
    kept = min(consumption.issued, consumption.price.chargeable)
    figures = recorder(draft, plan, FOR_REVENUE)
    left: list[Node] = []
    own = claim_of(old[0], FOR_REVENUE, old[1]) if old is not None else None
    for key, rule in claim_of(plan, FOR_REVENUE, consumption).under:
        if is_prorated(rule, consumption.price.day):
            limit = limit_on(rule, consumption.price.day).amount
            assert limit is not None, "what is prorated is under a limit in money"
            others = draft.bucket(bucket_id(plan, FOR_REVENUE, key)).bucket.pinned_amount
            theirs = own if own is not None and key in keys_of(own) else None
            others -= theirs.pinned if theirs is not None else 0
            kept = min(kept, limit - others)
            if figures is not None:
                left.append(figures.left_by_others(rule, limit_on(rule, consumption.price.day), key, others, theirs))
    if figures is not None:
        figures.keep_issue(consumption.entry_id, max(kept, 0), consumption.issued, consumption.price.chargeable, left)
    return replace(consumption, price=replace(consumption.price, given=max(consumption.price.given, kept, 0)))


def _replace(
    draft: Draft, plan: LinePlan, old: tuple[LinePlan, Consumption] | None, new: tuple[LinePlan, Consumption] | None
) -> Price | None:
    if not plan.rules and (old is None or not old[0].rules):
        return uncapped(new[1].price) if new is not None else None
    price = new[1].price if new is not None else None
    if draft.why is not None:
        draft.why.turn += 1
    for allotment in allotments(plan):
        start: Order | None = None
        left: GrantedRequest | None = None
        former: Leaver | None = None
        if old is not None:
            left = GrantedRequest(claim_of(old[0], allotment, old[1]), granted_of(allotment, old[1]))
            start = order_key(old[0], old[1].price, old[1].entry_id)
            former = Leaver(start, left)
            _move(draft, old[0], allotment, left, None, start)
        entering = claim_of(plan, allotment, new[1]) if new is not None else None
        if _is_settled_otherwise(left.claim if left is not None else None, entering):
            # Issued consumption comes before all others: what it gives back is room for the first who waits, and what it takes
            # (issued work that lives again, or whose value rises) it takes from the last (R16).
            start = FIRST_OF_ALL
        if new is None:
            if (
                start is not None
                and left is not None
                and (left.claim.amount < 0 or _binds(draft, plan, allotment, left.claim, left.granted))
            ):
                _walk(draft, plan, allotment, start, former, None)
            continue
        assert price is not None, "a new claim has a price"
        assert entering is not None, "a new claim was made above"
        order = order_key(plan, price, new[1].entry_id)
        granted = _enter(draft, plan, allotment, Comer(order, entering), former, start)
        price = with_grant(plan, price, allotment, granted)
        _move(draft, plan, allotment, None, GrantedRequest(entering, granted), order)
    count_over(draft, plan, old[1].price if old is not None else None, price)
    return price if plan.rules or price is None else uncapped(price)


def _is_settled_otherwise(had: CapRequest | None, has: CapRequest | None) -> bool:
    """Whether more or less is settled, or under another limit of a cap that is raised."""
    if had is None or has is None or had.pinned != has.pinned:
        return (had.pinned if had is not None else 0) != (has.pinned if has is not None else 0)
    day = min(had.day, has.day)
    return had.day != has.day and has.pinned != 0 and any(is_raised_after(rule, day) for _, rule in has.under)


def settle_consumption(draft: Draft, plan: LinePlan, before: Consumption, after: Consumption) -> None:
    """The entry keeps its share, but more of it is settled now; where what is billed was not earned yet, it is from now on."""
    if not plan.rules:
        return
    if plan.settles_alike and claim_of(plan, FOR_REVENUE, after).pinned > granted_of(FOR_REVENUE, after).amount:
        _earn(draft, plan, before, after)
        return
    if draft.why is not None:
        draft.why.turn += 1
    order = order_key(plan, after.price, after.entry_id)
    for allotment in allotments(plan):
        had, has = claim_of(plan, allotment, before), claim_of(plan, allotment, after)
        _move(
            draft,
            plan,
            allotment,
            GrantedRequest(had, granted_of(allotment, before)),
            GrantedRequest(has, granted_of(allotment, after)),
            order,
        )
    if before.price != after.price:
        count_over(draft, plan, before.price, after.price)


def _earn(draft: Draft, plan: LinePlan, before: Consumption, after: Consumption) -> None:
    """Work that a later order lets be billed under a cap whose room earlier work has, which waits for its own order: it takes that room."""
    price = consume_caps(draft, (plan, before), (plan, after))
    entry = draft.entry_in_books(after.entry_id)
    draft.put_entry(entry, reprice(draft, entry, plan, price, "cap"))


def reallocate(draft: Draft, plan: LinePlan, allotment: str) -> None:
    """Allot everything of the group that is not pinned again, from the beginning."""
    if draft.why is not None:
        draft.why.turn += 1
    _walk(draft, plan, allotment, FIRST_OF_ALL, None, None)


def _enter(
    draft: Draft, plan: LinePlan, allotment: str, comer: Comer, former: Leaver | None, since: Order | None
) -> Billable:
    """The grant of a claim whose former share is out of the buckets already; rivals may get another from `since` on."""
    own, claim = comer
    left = former.share if former is not None else None
    stored = {key: draft.bucket(bucket_id(plan, allotment, key)) for key, _ in claim.under}
    buckets = {key: value.bucket for key, value in stored.items()}
    if claim.pinned:
        buckets = with_pinned(draft, plan, claim, buckets)
    freed = left is not None and _binds(draft, plan, allotment, left.claim, left.granted)
    # What gives back (a credit) is pinned whole: it makes room for those who were refused.
    if not freed and claim.amount >= 0 and has_room(claim, of_everyone(draft, plan, claim.under), buckets):
        whole = Billable(claim.amount, claim.hours)
        if (left is None and _alone(plan)) or not _binds(draft, plan, allotment, claim, whole):
            return whole
    if since is None and all(value.last is None or value.last < own for value in stored.values()):
        return grant(claim, buckets, plan.step, plan.policies.money_mode, recorder(draft, plan, allotment))
    start = own if since is None else min(own, since)
    return _walk(draft, plan, allotment, start, former, comer)


def _alone(plan: LinePlan) -> bool:
    """Whether one cap alone decides: then nobody who was refused can lose by what finds room, and nobody else either."""
    return len(plan.rules) == 1 and len(plan.group) == 1


def _binds(draft: Draft, plan: LinePlan, allotment: str, claim: CapRequest, taken: Billable) -> bool:
    """Whether one of the claim's buckets, with `taken` in it, may hold back somebody.

    One that has room even for all that was refused holds back nobody: those are bound by other caps, and stay as they are.
    """
    for bucket, rule in of_everyone(draft, plan, claim.under):
        stored = draft.bucket(bucket_id(plan, allotment, bucket))
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


def _move(
    draft: Draft, plan: LinePlan, allotment: str, had: GrantedRequest | None, has: GrantedRequest | None, order: Order
) -> None:
    """Replace one entry's share in the buckets it touches."""
    shares = [(share, dict(share.claim.under), sign) for share, sign in ((had, -1), (has, 1)) if share is not None]
    touched = shares[0][1] if len(shares) == 1 else {key: rule for _, under, _ in shares for key, rule in under.items()}
    for key, rule in touched.items():
        part_id = bucket_id(plan, allotment, key)
        stored = draft.bucket(part_id)
        bucket, last, days = stored.bucket, stored.last, stored.days
        refused, refused_amount, refused_hours = stored.refused, stored.refused_amount, stored.refused_hours
        for share, under, sign in shares:
            if key not in under:
                continue
            bucket = _added(draft, plan, bucket, (key, under[key]), share, sign)
            days = with_share(draft, key, days, share, sign)
            amount, hours = share.lacks
            refused += sign * bool(amount or hours)
            refused_amount += sign * amount
            refused_hours += sign * hours
        if has is not None and (last is None or last < order):
            last = order
        made = CapBucket(bucket, last, refused, stored.below, refused_amount, refused_hours, days)
        draft.put("bucket", part_id, made)
        if allotment != FOR_REVENUE and part_id not in draft.watched:
            said = ruling(draft, plan, rule, key)
            watch(draft, part_id, plan, said, key, stored.bucket, limit_of(said, key))
    if draft.why is not None:
        _say_moved(figures_of(draft.why, plan, allotment), had, has, order)


def _say_moved(figures: CapFigures, had: GrantedRequest | None, has: GrantedRequest | None, order: Order) -> None:
    keys = keys_of(has.claim) if has is not None else set()
    if had is not None:
        figures.release(had.claim.entry_id, keys_of(had.claim) - keys, order)
    if has is not None:
        figures.hold(has.claim, has.granted, keys, order)


def _added(
    draft: Draft, plan: LinePlan, bucket: Bucket, under: tuple[BucketKey, CapRule], share: GrantedRequest, sign: int
) -> Bucket:
    claim, granted = share.claim, share.granted
    if claim.pinned:
        [(_, rule)] = of_everyone(draft, plan, (under,))
        bucket = pin(bucket, rule, claim, sign)
    hours = claim.pinned_hours if claim.pinned else 0
    free = (
        bucket.free_amount + sign * (granted.amount - claim.pinned),
        bucket.free_hours + sign * (granted.hours - hours),
    )
    return new_tuple(Bucket, (bucket.pinned_amount, bucket.pinned_hours, *free, bucket.later))


def _walk(
    draft: Draft, plan: LinePlan, allotment: str, start: Order, former: Leaver | None, comer: Comer | None
) -> Billable:
    """Allot again from `start` on what rivals of the entry that changes hold; returns what the comer gets."""
    result, regranted = allotted(draft, plan, allotment, start, former, comer)
    for each, granted in regranted:
        _regrant(draft, allotment, each, granted)
    return result


def _regrant(draft: Draft, allotment: str, one: ConsumerClaim, granted: Billable) -> None:
    """A rival's share changed: move its buckets, post the difference, keep the row."""
    entry = draft.entry_in_books(one.entry.entry_id)
    consumption = consumption_of(entry)
    assert consumption is not None, "the rival has a price"
    price = with_grant(one.plan, consumption.price, allotment, granted)
    _move(
        draft,
        one.plan,
        allotment,
        GrantedRequest(one.claim, granted_of(allotment, consumption)),
        GrantedRequest(one.claim, granted),
        one.order,
    )
    count_over(draft, one.plan, consumption.price, price)
    draft.put_entry(entry, reprice(draft, entry, one.plan, price, "cap"))
