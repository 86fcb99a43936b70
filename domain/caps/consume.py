"""Caps: how much of the work the customer pays for, and which work that is.

Consumption order is (service date, approval, entry id), not arrival (R16). What is issued is pinned and comes first. An entry that
crosses the cap is billed up to the cap *by money*; its quantity is derived for showing (R17). With several caps the smallest room
holds, and the rest names the cap that bound (R18). Work under caps `month` and `day` has a bucket for each month, or person and day.

Worked example, cap 1,000 at 100 an hour: entries of 4 h, 5 h and 3 h are allowed 400, 500 and 100; 2 h (200) are over the cap. If
the first is corrected to 2 h, the third gains room: 200, 500 and 300.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.caps.recorded import AMOUNT, HOURS, WHOLE, CapFigures, Rooms
from domain.identity import composed
from domain.money import allocate, round_ratio
from domain.months import month_end
from domain.tuples import new_tuple
from domain.units import Amount, Hours, Instant, Percent

# Consumption order as text that sorts: service date, approval, entry id (R16).
Order = tuple[str, str, str]
# The cap, and which of its periods: a month, or a day with its person (composed), else nothing.
BucketKey = tuple[str, str]
# Over what a cap counts.
WHOLE_TERM, MONTH, DAY = "whole_term", "month", "day"


class CapLimit(NamedTuple):
    """What a contract version says of the cap, from a date on; None: not limited in that measure. One that is not hard only warns.

    `split_billing` says how billing is split; where it is not `split`, revenue and billing are allotted apart. `version` states it, in the
    field of the line or of the terms that `stated` is.
    """

    effective_on: date
    amount: Amount | None = None
    hours: Hours | None = None
    hard: bool = False
    split: str = "split"
    split_billing: str = "split"
    limits_revenue: bool = True
    version: int = 0
    stated: str = ""


class CapRule(NamedTuple):
    """A cap as one line sees it, with a limit for each version of its contract.

    A cap that has had several periods is as many rules. Work counts towards every one of them, and is tested against the one whose
    period held on its day; the limits of the others are open then. Towards one that is `counted_again` only the work of days counts on
    which it limits something.
    """

    cap_id: str
    period: str
    limits: tuple[CapLimit, ...]
    thresholds: tuple[Percent, ...]
    counted_again: bool = False


NOTHING_LATER: Final[Mapping[str, tuple[Amount, Hours]]] = {}


class Bucket(NamedTuple):
    """What is taken from a cap in one of its periods: pinned (issued or given by a cut) and free (may still move). `later` is what of it is
    pinned of work under limits after the first, by the day from which each holds."""

    pinned_amount: Amount = 0
    pinned_hours: Hours = 0
    free_amount: Amount = 0
    free_hours: Hours = 0
    later: Mapping[str, tuple[Amount, Hours]] = NOTHING_LATER

    @property
    def amount(self) -> Amount:
        return self.pinned_amount + self.free_amount

    @property
    def hours(self) -> Hours:
        return self.pinned_hours + self.free_hours


EMPTY = Bucket()


class CapRequest(NamedTuple):
    """One entry's claim on the caps of its line, each with its bucket; `pinned` of its value is settled already.

    `within` is the most that may be allowed whatever room there is, and the cap that says so.
    """

    entry_id: str
    day: date
    person_id: str
    amount: Amount
    hours: Hours
    pinned: Amount
    under: tuple[tuple[BucketKey, CapRule], ...]
    within: tuple[Amount, str] | None = None

    @property
    def free(self) -> Amount:
        return self.amount - self.pinned

    @property
    def pinned_hours(self) -> Hours:
        return self.hours * self.pinned // self.amount if self.amount else 0


class Billable(NamedTuple):
    """What of a claim is allowed, the pinned part included; `binding` is the cap that refused the rest."""

    amount: Amount
    hours: Hours
    binding: str | None = None


NO_LIMITS: Mapping[BucketKey, Amount] = MappingProxyType({})


class SettledUnder(NamedTuple):
    """What is settled under a limit and those after it."""

    limit: CapLimit
    amount: Amount
    hours: Hours


def order_of(day: date, approved_at: Instant, entry_id: str, *, by_approval: bool) -> Order:
    """Policy `cap_order: approval` puts the approval before the service date; ids compare by code point."""
    approved = f"{approved_at:020d}"
    return (approved, day.isoformat(), entry_id) if by_approval else (day.isoformat(), approved, entry_id)


def bucket_key(rule: CapRule, day: date, person_id: str) -> BucketKey:
    match rule.period:
        case "month":
            return rule.cap_id, f"{day.year:04d}-{day.month:02d}"
        case "day":
            return rule.cap_id, composed(day.isoformat(), person_id)
        case _:
            return rule.cap_id, ""


def period_of(key: BucketKey) -> str:
    """The cap's period, by what its bucket is called."""
    period = key[1]
    if not period:
        return WHOLE_TERM
    return DAY if "/" in period else MONTH


def limit_on(rule: CapRule, day: date) -> CapLimit:
    """The limit of the contract version in force on the service date; before the first version, the first."""
    for limit in reversed(rule.limits):
        if limit.effective_on <= day:
            return limit
    return rule.limits[0]


def limit_of(rule: CapRule, key: BucketKey) -> CapLimit:
    """The newest limit that says something of a bucket: of a month or day the one on its last day, else the newest of all."""
    match rule.period:
        case "month":
            return limit_on(rule, month_end(date(int(key[1][:4]), int(key[1][5:7]), 1)))
        case "day":
            return limit_on(rule, date.fromisoformat(key[1][:10]))
        case _ if rule.counted_again:
            return next((limit for limit in reversed(rule.limits) if is_limited(limit)), rule.limits[-1])
        case _:
            return rule.limits[-1]


def is_agreed(rule: CapRule, day: date) -> bool:
    """Whether the cap, with this period, limits anything on the day."""
    return is_limited(limit_on(rule, day))


def is_limited(limit: CapLimit) -> bool:
    return limit.amount is not None or limit.hours is not None


def stops(limit: CapLimit, *, billing_alone: bool = False) -> bool:
    """Whether nothing is earned beyond it; with `billing_alone` whether it is earned, and not billed."""
    return limit.hard and limit.limits_revenue != billing_alone and is_limited(limit)


def counting(rules: tuple[CapRule, ...], day: date) -> tuple[CapRule, ...]:
    """Those towards which work of the day counts."""
    for rule in rules:
        if rule.counted_again:
            return tuple(rule for rule in rules if not rule.counted_again or is_agreed(rule, day))
    return rules


def is_prorated(rule: CapRule, day: date) -> bool:
    """Whether entries of the day share the cap's room at a cut; on a day on which the cap is soft or not agreed nothing is shared."""
    limit = limit_on(rule, day)
    return limit.split == "prorate" and limit.hard and limit.amount is not None


def splits_billing(rule: CapRule) -> bool:
    """Whether some version splits billing in another way than revenue."""
    return any(limit.hard and limit.split_billing != limit.split for limit in rule.limits)


def for_billing(rule: CapRule) -> CapRule:
    return rule._replace(limits=tuple(limit._replace(split=limit.split_billing) for limit in rule.limits))


def are_mixed(rules: Sequence[CapRule]) -> bool:
    """Whether of the hard caps that bind the same work by one version of the terms only some limit revenue."""
    return any(len({limit.limits_revenue for limit in limits if limit.hard}) > 1 for limits in _by_version(rules))


def _by_version(rules: Sequence[CapRule]) -> Iterator[list[CapLimit]]:
    """The limits of each version, the newest first; of one that holds from the beginning on also for those before it."""
    for place in range(max((len(rule.limits) for rule in rules), default=0)):
        yield [rule.limits[max(len(rule.limits) - 1 - place, 0)] for rule in rules]


def for_revenue(rules: Sequence[CapRule]) -> tuple[CapRule, ...]:
    """The caps as revenue is bound by them, where others bind billing alone: these are open then."""
    return tuple(
        rule._replace(
            limits=tuple(
                limit if limit.limits_revenue or not limit.hard else CapLimit(limit.effective_on)
                for limit in rule.limits
            )
        )
        for rule in rules
        if not rule.counted_again
    )


def is_raised_after(rule: CapRule, day: date) -> bool:
    """Whether a later limit allows more than that of the day, so that what is settled of later days need not take of this one."""
    limit = limit_on(rule, day)
    if not limit.hard or limit.split == "prorate":
        return False
    return any(
        not later.hard or _is_more(later.amount, limit.amount) or _is_more(later.hours, limit.hours)
        for later in limits_after(rule, limit)
    )


def limits_after(rule: CapRule, limit: CapLimit) -> list[CapLimit]:
    return [later for later in rule.limits if later.effective_on > limit.effective_on]


def _is_more(one: int | None, other: int | None) -> bool:
    return other is not None and (one is None or one > other)


def grant(
    claim: CapRequest,
    buckets: Mapping[BucketKey, Bucket],
    step: Amount,
    mode: str,
    figures: CapFigures | None = None,
    *,
    by_day: bool = False,
) -> Billable:
    """Give the claim what every hard cap has left. `step` is the currency's smallest unit. `by_day`: claims come in the order of days, so
    that what is settled under a later limit takes nothing of what the limit before it allows that the later one allows beside it.

        limits of 1,000.00 and from July on of 2,000.00, 1,000.00 of July's work settled: June's work has its 1,000.00
    """
    free = claim.free
    free_hours = claim.hours - claim.pinned_hours
    room, room_hours, binding = free, free_hours, None
    rooms = Rooms(figures, claim) if figures is not None else None
    for key, rule in claim.under:
        if not limit_on(rule, claim.day).hard:
            continue
        taken = buckets.get(key, EMPTY)
        settled = _settled_later(rule, claim.day, taken) if by_day and taken.later else ()
        left, left_hours = _left(rule, key, claim.day, free, free_hours, taken, settled, step, mode, rooms)
        if left < room or left_hours < room_hours:
            room, room_hours, binding = min(left, room), min(left_hours, room_hours), rule.cap_id
    if claim.within is not None and (most := max(claim.within[0] - claim.pinned, 0)) < room:
        room, room_hours, binding = most, min(room_hours, free_hours * most // free), claim.within[1]
    granted = Billable(claim.pinned + room, claim.pinned_hours + room_hours, binding)
    if rooms is not None:
        rooms.granted(granted)
    return granted


def _left(
    rule: CapRule,
    key: BucketKey,
    day: date,
    free: Amount,
    free_hours: Hours,
    taken: Bucket,
    settled: Sequence[SettledUnder],
    step: Amount,
    mode: str,
    rooms: Rooms | None,
) -> tuple[Amount, Hours]:
    """Amount and hours of a claim's free part for which this cap has room."""
    limit = limit_on(rule, day)
    left, left_hours = free, free_hours
    for most, so_far, until in _bounds(limit, _amount, taken, settled):
        if (rest := max((most.amount or 0) - so_far.amount, 0)) < left:
            left, left_hours = rest, free_hours * rest // free
            if rooms is not None:
                rooms.bound(rule, most, key, so_far, AMOUNT, until)
    for most, so_far, until in _bounds(limit, _hours, taken, settled):
        if (rest_hours := max((most.hours or 0) - so_far.hours, 0)) < left_hours:
            left, left_hours = min(left, round_ratio(free * rest_hours, free_hours, step, mode)), rest_hours
            if rooms is not None:
                rooms.bound(rule, most, key, so_far, HOURS, until)
    if limit.split == "reject_whole" and (left < free or left_hours < free_hours):
        left, left_hours = 0, 0
        if rooms is not None:
            rooms.bound(rule, limit, key, taken, WHOLE)
    if rooms is not None:
        rooms.end()
    return left, left_hours


_amount, _hours = attrgetter("amount"), attrgetter("hours")


def _bounds(
    limit: CapLimit, measure: Callable[[CapLimit], int | None], taken: Bucket, settled: Sequence[SettledUnder]
) -> Iterable[tuple[CapLimit, Bucket, str]]:
    """Limits in a measure, each with what is taken under it and those before it, up to a day: later ones allow what is settled under
    them."""
    own = measure(limit)
    if own is None:
        return ()
    return _with_later(limit, own, measure, taken, settled) if settled else ((limit, taken, ""),)


def _settled_later(rule: CapRule, work_day: date, taken: Bucket) -> Sequence[SettledUnder]:
    """By the limits after that of a day, in order, where one of them allows more."""
    if not is_raised_after(rule, work_day):
        return ()
    limit = limit_on(rule, work_day)
    found: list[SettledUnder] = []
    amount = hours = 0
    for day, (own, own_hours) in sorted(taken.later.items(), reverse=True):
        theirs = limit_on(rule, date.fromisoformat(day))
        if theirs.effective_on <= limit.effective_on:
            break
        amount, hours = amount + own, hours + own_hours
        if found and found[-1].limit == theirs:
            found.pop()
        found.append(SettledUnder(theirs, amount, hours))
    return found[::-1]


def least_room(rule: CapRule, day: date, taken: Bucket, *, by_day: bool) -> tuple[CapLimit, str]:
    """Of the limits in money that bind work of a day the one that leaves least, and up to which day what is settled counts under it."""
    settled = _settled_later(rule, day, taken) if by_day else ()
    bounds = _bounds(limit_on(rule, day), _amount, taken, settled)
    most, _, until = min(bounds, key=lambda bound: (bound[0].amount or 0) - bound[1].pinned_amount)
    return most, until


def _with_later(
    limit: CapLimit, own: int, measure: Callable[[CapLimit], int | None], taken: Bucket, settled: Sequence[SettledUnder]
) -> Iterator[tuple[CapLimit, Bucket, str]]:
    most, highest = limit, own
    for place, bound in enumerate((limit, *(one.limit for one in settled))):
        theirs = measure(bound) if bound.hard else None
        if theirs is None:
            continue
        if theirs > highest:
            most, highest = bound, theirs
        under, until = taken, ""
        if place < len(settled):
            after = settled[place]
            pinned, hours = taken.pinned_amount - after.amount, taken.pinned_hours - after.hours
            under, until = (
                taken._replace(pinned_amount=pinned, pinned_hours=hours),
                after.limit.effective_on.isoformat(),
            )
        yield most, under, until


def pin(taken: Bucket, rule: CapRule, claim: CapRequest, sign: int = 1) -> Bucket:
    """With what is settled of a claim under the rule, which has the limits of all lines under the cap; with a sign of -1 without it."""
    amount, hours = sign * claim.pinned, sign * claim.pinned_hours if claim.pinned else 0
    later = taken.later
    if amount and (limit := limit_on(rule, claim.day)) is not rule.limits[0]:
        day = limit.effective_on.isoformat()
        had, had_hours = later.get(day, (0, 0))
        now = had + amount, had_hours + hours
        later = {each: of for each, of in {**later, day: now}.items() if any(of)}
    pinned = taken.pinned_amount + amount, taken.pinned_hours + hours
    return new_tuple(Bucket, (*pinned, taken.free_amount, taken.free_hours, later))


def take(claim: CapRequest, granted: Billable, buckets: dict[BucketKey, Bucket]) -> None:
    """Record the free part of what was granted in every bucket the claim touches, soft caps too."""
    _add(claim, granted.amount - claim.pinned, granted.hours - claim.pinned_hours, buckets)


def give_back(claim: CapRequest, granted: Billable, buckets: dict[BucketKey, Bucket]) -> None:
    """The opposite of `take`."""
    _add(claim, claim.pinned - granted.amount, claim.pinned_hours - granted.hours, buckets)


def _add(claim: CapRequest, amount: Amount, hours: Hours, buckets: dict[BucketKey, Bucket]) -> None:
    for key, _ in claim.under:
        taken = buckets.get(key, EMPTY)
        buckets[key] = taken._replace(free_amount=taken.free_amount + amount, free_hours=taken.free_hours + hours)


def without_excess(
    claims: Sequence[CapRequest],
    buckets: Mapping[BucketKey, Bucket],
    most: Mapping[BucketKey, Amount],
    figures: CapFigures | None = None,
) -> tuple[list[CapRequest], dict[BucketKey, Bucket]]:
    """The claims, in consumption order, and the buckets without what is settled above the `most` that they may hold: what had made room for
    it, such as a refund, is gone, and the last give back first."""
    now = dict(buckets)
    kept = list(claims)
    for place in reversed(range(len(kept))):
        claim = kept[place]
        above = {key: now[key].pinned_amount - most[key] for key, _ in claim.under if key in most and key in now}
        back = min(claim.pinned, max(above.values(), default=0))
        if back <= 0:
            continue
        if figures is not None:
            ruled = {key: (rule, limit_of(rule, key)) for key, rule in claim.under if key in above}
            figures.give_back(claim, back, ruled, buckets, most)
        kept[place] = less = claim._replace(pinned=claim.pinned - back)
        for key, rule in claim.under:
            now[key] = pin(pin(now[key], rule, claim, -1), rule, less)
    return kept, now


def allot(
    claims: Sequence[CapRequest],
    buckets: Mapping[BucketKey, Bucket],
    step: Amount,
    mode: str,
    most: Mapping[BucketKey, Amount] = NO_LIMITS,
    figures: CapFigures | None = None,
    *,
    by_day: bool = False,
) -> tuple[list[Billable], dict[BucketKey, Bucket]]:
    """Grant the claims in the order given; `buckets` hold all that is pinned and what stands before the first claim."""
    kept, now = without_excess(claims, buckets, most, figures)
    grants = []
    for claim in kept:
        granted = grant(claim, now, step, mode, figures, by_day=by_day)
        take(claim, granted, now)
        grants.append(granted)
    return grants, now


def has_room(
    claim: CapRequest, under: Iterable[tuple[BucketKey, CapRule]], buckets: Mapping[BucketKey, Bucket]
) -> bool:
    """Whether the whole claim fits under every hard cap of every version, so that nobody else's share can change; the caps are the claim's,
    with the limits that any line under the same caps has."""
    if claim.within is not None and claim.within[0] < claim.amount:
        return False
    free, free_hours = claim.amount - claim.pinned, claim.hours - (claim.pinned_hours if claim.pinned else 0)
    for key, rule in under:
        taken = buckets.get(key, EMPTY)
        amount, hours = taken.pinned_amount + taken.free_amount, taken.pinned_hours + taken.free_hours
        for limit in rule.limits:
            if limit.hard and limit.amount is not None and amount + free > limit.amount:
                return False
            if limit.hard and limit.hours is not None and hours + free_hours > limit.hours:
                return False
    return True


def prorate(room: Amount, values: Sequence[Amount], currency: str) -> tuple[Amount, ...]:
    """Share the room in proportion to value; largest remainder, ties to the earlier in consumption order (R12)."""
    wanted = sum(values)
    if wanted <= room:
        return tuple(values)
    return allocate(max(room, 0), values, currency)


def crossed(thresholds: Sequence[Percent], limit: int, had: int, now_limit: int, has: int) -> tuple[Percent, ...]:
    """Thresholds newly reached: `had` of `limit` was below them, `has` of `now_limit` is not (R23)."""
    return tuple(
        percent
        for percent in thresholds
        if had * 100_000_000 < percent * limit and 0 < percent * now_limit <= has * 100_000_000
    )
