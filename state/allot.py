"""Caps over the books: who gets room when an entry comes, changes or goes.

Buckets hold what is taken; an entry that comes last in consumption order, or under a cap with room for all, is settled at once.
Anything else walks the open entries of the cap's lines from the changed entry on, and posts what that moves as differences caused by
the event (R16, R19).
"""

from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps import (
    Bucket,
    BucketKey,
    CapRule,
    Claim,
    Grant,
    Order,
    allot,
    bucket_key,
    crossed,
    grant,
    has_room,
    limit_on,
    order_of,
    take,
)
from domain.exchange import Exchange
from domain.identity import derived_id
from domain.money import format_amount
from domain.outputs import Alert
from domain.units import Amount
from state.assess import day_in, reversal_day
from state.books import CapBucket, CapState, Entry, Price, Work
from state.draft import Draft
from state.known import Blocked, Slot, open_day_from, period, slot_for
from state.plan import LinePlan, billing_zone, plan_of
from state.posting import book_difference, settle_exchange_rest
from state.totals import issued_on, standing_price
from state.value import Value

FIRST_OF_ALL: Order = ("", "", "")
MAIN, REVENUE, BILLING = "", "revenue", "billing"
DATE_LAST = date(2100, 12, 31)
# Days after which a rate is too old: never.
_EVER = 1_000_000


class Stake(Value, frozen=True, array_like=True, gc=False):
    """An entry's price with what its claim on the caps needs besides: who worked, and what is issued already."""

    entry_id: str
    person_id: str
    price: Price
    issued: Amount


class Share(Value, frozen=True, array_like=True, gc=False):
    claim: Claim
    granted: Grant

    @property
    def refused(self) -> bool:
        return self.granted.amount < self.claim.amount or self.granted.hours < self.claim.hours


def stake_of(entry: Entry) -> Stake | None:
    price = standing_price(entry)
    work = entry.standing
    if price is None or work is None or not price.line_id:
        return None
    issued = issued_on(entry, price.contract_id, price.line_id)
    return Stake(entry.entry_id, work.event.person_id, price, issued.amount - price.rounding if issued else 0)


def allotments(plan: LinePlan) -> tuple[str, ...]:
    """One for all, or revenue and billing apart where policy `cap_split_billing` differs."""
    return (REVENUE, BILLING) if plan.policies.cap_split_billing is not None else (MAIN,)


def rules_for(plan: LinePlan, allotment: str) -> tuple[CapRule, ...]:
    if allotment == BILLING:
        return tuple(rule._replace(split=plan.policies.cap_split_billing or rule.split) for rule in plan.rules)
    return plan.rules


def claim_of(plan: LinePlan, allotment: str, stake: Stake) -> Claim:
    price = stake.price
    settled = {MAIN: max(stake.issued, price.given), REVENUE: price.given, BILLING: stake.issued}[allotment]
    amount = price.billable if price.final else price.value
    hours = price.billable_hours if price.final else price.hours if amount else 0
    pinned = min(max(settled, 0), amount)
    return Claim(stake.entry_id, price.day, stake.person_id, amount, hours, pinned, rules_for(plan, allotment))


def granted_of(allotment: str, stake: Stake) -> Grant:
    """What the price says was granted in this allotment."""
    price = stake.price
    if allotment == REVENUE:
        return Grant(price.allowed, price.allowed_hours, price.binding)
    return Grant(price.billable, price.billable_hours, price.binding)


def order_key(plan: LinePlan, price: Price, entry_id: str) -> Order:
    return order_of(price.day, price.approved_at, entry_id, by_approval=plan.policies.cap_order == "approval")


def uncapped(price: Price) -> Price:
    return replace(
        price,
        allowed=price.value,
        billable=price.value,
        recognised=price.value,
        binding=None,
        allowed_hours=price.hours,
        billable_hours=price.hours,
    )


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
        touched: list[Claim] = []
        if old is not None:
            claim = claim_of(old[0], allotment, old[1])
            start = order_key(old[0], old[1].price, old[1].entry_id)
            _move(draft, old[0], allotment, Share(claim, granted_of(allotment, old[1])), None, start)
            touched.append(claim)
        entering = claim_of(plan, allotment, new[1]) if new is not None else None
        if sum(claim.pinned for claim in touched) != (entering.pinned if entering is not None else 0):
            # Issued consumption comes before all others: what it gives back is room for the first who waits, and what it takes
            # (issued work that lives again, or whose value rises) it takes from the last (R16).
            start = FIRST_OF_ALL
        if new is None:
            if start is not None and any(_any_refused(draft, plan, allotment, claim) for claim in touched):
                _walk(draft, plan, allotment, start, touched[0].entry_id, None)
            continue
        assert price is not None, "a new claim has a price"
        assert entering is not None, "a new claim was made above"
        granted = _enter(draft, plan, allotment, new[1], entering, touched, start)
        price = with_grant(plan, price, allotment, granted)
        _move(draft, plan, allotment, None, Share(entering, granted), order_key(plan, price, new[1].entry_id))
    _count_over(draft, plan, old[1].price if old is not None else None, price)
    return price if plan.rules or price is None else uncapped(price)


def with_grant(plan: LinePlan, price: Price, allotment: str, granted: Grant) -> Price:
    if allotment == REVENUE:
        return _recognising(plan, replace(price, allowed=granted.amount, allowed_hours=granted.hours))
    billed = replace(price, billable=granted.amount, billable_hours=granted.hours, binding=granted.binding)
    if allotment == BILLING:
        return billed
    return _recognising(plan, replace(billed, allowed=granted.amount, allowed_hours=granted.hours))


def _recognising(plan: LinePlan, price: Price) -> Price:
    """Revenue follows the cap unless every hard cap says that it does not limit revenue (R22)."""
    limits = any(rule.limits_revenue and limit_on(rule, price.day).hard for rule in plan.rules)
    return replace(price, recognised=price.allowed if limits else max(price.value, price.allowed))


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
        _count_over(draft, plan, before.price, after.price)


def allot_rest(draft: Draft, plan: LinePlan, allotment: str) -> None:
    """Allot everything of the group that is not pinned anew, from the beginning."""
    _walk(draft, plan, allotment, FIRST_OF_ALL, "", None)


# One allotment


def _enter(
    draft: Draft, plan: LinePlan, allotment: str, stake: Stake, claim: Claim, left: list[Claim], since: Order | None
) -> Grant:
    """The grant of a claim whose former share (`left`, at `since`) is out of the buckets already."""
    stored = {
        bucket_key(rule, claim.day, claim.person_id): _stored(draft, plan, allotment, rule, claim)
        for rule in claim.rules
    }
    buckets = _with_pinned(claim, {key: value.bucket for key, value in stored.items()})
    own = order_key(plan, stake.price, stake.entry_id)
    tight = any(value.refused for value in stored.values()) or any(
        _any_refused(draft, plan, allotment, former) for former in left
    )
    if not tight and has_room(claim, buckets):
        return Grant(claim.amount, claim.hours)
    if since is None and all(value.last is None or value.last < own for value in stored.values()):
        return grant(claim, buckets, plan.step, plan.policies.money_mode or "half_up")
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


def bucket_id(plan: LinePlan, allotment: str, key: BucketKey) -> str:
    return "/".join((plan.contract_id, allotment, *key))


def _stored(draft: Draft, plan: LinePlan, allotment: str, rule: CapRule, claim: Claim) -> CapBucket:
    return draft.bucket(bucket_id(plan, allotment, bucket_key(rule, claim.day, claim.person_id)))


def _any_refused(draft: Draft, plan: LinePlan, allotment: str, claim: Claim) -> bool:
    return any(_stored(draft, plan, allotment, rule, claim).refused for rule in claim.rules)


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
        bucket, refused, last = stored.bucket, stored.refused, stored.last
        for share, sign in ((had, -1), (has, 1)):
            if share is not None and any(
                bucket_key(r, share.claim.day, share.claim.person_id) == key for r in share.claim.rules
            ):
                bucket = _added(bucket, share, sign)
                refused += sign * share.refused
        if has is not None and (last is None or last < order):
            last = order
        draft.put("bucket", part_id, CapBucket(bucket, last, refused))
        if allotment != REVENUE and part_id not in draft.watched:
            draft.watched[part_id] = (plan, rule, key, stored.bucket)


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
    mode = plan.policies.money_mode or "half_up"
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


def open_claims(draft: Draft, plan: LinePlan, allotment: str) -> tuple[list[Claim], dict[BucketKey, Bucket]]:
    """Every claim of the plan's lines that is not settled, in consumption order, and the buckets without what these hold freely."""
    rivals = sorted(_rivals(draft, plan, allotment, ("", "", ""), ""), key=lambda rival: rival.order)
    buckets = {
        key: draft.bucket(bucket_id(plan, allotment, key)).bucket
        for rival in rivals
        for key in (bucket_key(rule, rival.claim.day, rival.claim.person_id) for rule in rival.claim.rules)
    }
    for rival in rivals:
        _take_back(rival, allotment, buckets)
    return [rival.claim for rival in rivals], buckets


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


def stands_on(stake: Stake, contract_id: str, line_id: str) -> bool:
    """Whether the entry's price is on this line; one that has moved stays listed on its former line until that is credited."""
    return stake.price.contract_id == contract_id and stake.price.line_id == line_id


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
    _count_over(draft, rival.plan, stake.price, price)
    draft.put_entry(entry, reprice(draft, entry, rival.plan, price, "cap"))


def reprice(draft: Draft, entry: Entry, plan: LinePlan, price: Price, rule: str) -> Entry:
    """The entry with a new price on the same line; the difference is posted at the end of the event, once, whatever moved it."""
    work = entry.standing
    assert work is not None, "only work is repriced"
    assert work.price is not None, "only a priced entry is repriced"
    _, first_rule = draft.repriced.get(entry.entry_id, (plan, rule))
    draft.repriced[entry.entry_id] = (plan, first_rule)
    return with_standing(entry, replace(work, price=price))


def with_standing(entry: Entry, work: Work) -> Entry:
    return replace(entry, behind=work) if entry.behind is not None else replace(entry, work=work)


def book_repriced(draft: Draft) -> None:
    """Post the difference between what the journals of each repriced entry carry and what its price now says."""
    for entry_id, (plan, rule) in draft.repriced.items():
        entry = draft.entry(entry_id)
        work = entry.standing if entry is not None else None
        if entry is None or work is None or work.price is None or work.price.line_id != plan.line.line_id:
            continue
        after = book_difference(draft, work, plan, work.price, difference_slot(draft, work, plan), rule)
        if after is not work:
            booked = with_standing(entry, after)
            draft.rows[entry_id] = settle_exchange_rest(draft, booked, plan) if booked.issued else booked
    draft.repriced = {}


def difference_slot(draft: Draft, work: Work, plan: LinePlan) -> Slot:
    """On the date that a reversal of the side's oldest journal would take; at its rate where one is known, else the carrying rate."""
    assert work.price is not None, "only a priced entry has differences"
    instead = reversal_day(draft, work, "revenue", plan.entity)
    day = day_in(work.event, plan.entity.zone)
    policies = plan.policies._replace(closed_period="next_open")
    slot = slot_for(draft, "price", plan.entity, plan.currency, day, instead, work.price.day, policies)
    return carrying_slot(draft, work, plan) if isinstance(slot, Blocked) else slot


def carrying_slot(draft: Draft, work: Work, plan: LinePlan) -> Slot:
    """Where nothing was recognised yet, so that no rate is carried, the last one known before or after, however old."""
    entity = plan.entity
    journal = next((one for one in work.journals if any(line.purpose == "revenue" for line in one.lines)), None)
    start = journal.accounting_date if journal is not None else day_in(work.event, entity.zone)
    open_day = open_day_from(draft, entity, start)
    if journal is not None:
        exchange = Exchange(journal.exchange_rate, 10**12, journal.exchange_rate, ())
    else:
        exchange = _last_rate(draft, plan, open_day)
    return Slot(entity, plan.currency, open_day, period(draft, entity, open_day).name, exchange)


def _last_rate(draft: Draft, plan: LinePlan, day: date) -> Exchange:
    rate_type = plan.policies.exchange_rate_type or "spot"
    for until in (day, DATE_LAST):
        found = draft.reference.exchange(rate_type, plan.currency, plan.entity.currency, until, _EVER)
        if isinstance(found, Exchange):
            return found
    raise AssertionError(f"{plan.currency} to {plan.entity.currency}: the entry was priced, so a rate was known")


# What people hear of it


def _count_over(draft: Draft, plan: LinePlan, had: Price | None, has: Price | None) -> None:
    """Keep the sums of exception `over_cap`, one for each cap; raised at once, brought up to date at the day's end."""
    for price, sign in ((had, -1), (has, 1)):
        if price is None or price.binding is None or price.final or price.billable >= price.value:
            continue
        state = draft.cap(plan.contract_id, price.binding)
        state = replace(
            state,
            over_amount=state.over_amount + sign * (price.value - price.billable),
            over_entries=state.over_entries + sign,
        )
        draft.put("cap", f"{plan.contract_id}/{price.binding}", state)
    for cap_id in sorted({price.binding for price in (had, has) if price is not None and price.binding is not None}):
        _announce_over(draft, plan, cap_id)


def _announce_over(draft: Draft, plan: LinePlan, cap_id: str) -> None:
    state = draft.cap(plan.contract_id, cap_id)
    if state.exception_id is None and state.over_entries > 0:
        raise_over(draft, plan.contract_id, plan.currency, cap_id, state)
    elif state.exception_id is not None and (state.over_amount, state.over_entries) != (
        state.reported_amount,
        state.reported_entries,
    ):
        zone = billing_zone(plan.terms, plan.entity, plan.policies)
        draft.due.add((zone, ""))


def raise_over(draft: Draft, contract_id: str, currency: str, cap_id: str, state: CapState) -> None:
    revision = state.revision + 1
    exception_id = draft.raise_exception(
        "over_cap",
        "cap",
        f"{contract_id}/{cap_id}",
        f"{format_amount(state.over_amount)} {currency} of {state.over_entries} entries is over cap {cap_id} of contract {contract_id}",
        revision=revision,
        contract_id=contract_id,
        amount=state.over_amount,
        currency=currency,
        blocks=state.over_entries,
        assignee=state.assignee,
    )
    draft.put(
        "cap",
        f"{contract_id}/{cap_id}",
        replace(
            state,
            exception_id=exception_id,
            reported_amount=state.over_amount,
            reported_entries=state.over_entries,
            revision=revision,
            waived=False,
        ),
    )


def refresh_over(draft: Draft, contract_id: str, currency: str, cap_id: str) -> None:
    """At a day's end, or when nothing is over any more."""
    state = draft.cap(contract_id, cap_id)
    if state.exception_id is None:
        return
    if state.over_entries == 0:
        if not state.waived:
            draft.close_exception(state.exception_id, "over_cap", contract_id=contract_id)
        nothing = replace(state, exception_id=None, reported_amount=0, reported_entries=0, waived=False, assignee=None)
        draft.put("cap", f"{contract_id}/{cap_id}", nothing)
    elif (state.over_amount, state.over_entries) != (state.reported_amount, state.reported_entries):
        raise_over(draft, contract_id, currency, cap_id, state)


def _close_empty(draft: Draft) -> None:
    """Close `over_cap` of every cap that this event left with nothing over."""
    for (kind, part_id), state in list(draft.parts.items()):
        if kind == "cap" and state is not None and state.exception_id is not None and state.over_entries == 0:
            contract_id, cap_id = part_id.rsplit("/", 1)
            refresh_over(draft, contract_id, "", cap_id)


def after_event(draft: Draft) -> None:
    """Differences of what was repriced, and what people hear of the caps that the event touched, by where they stand at its end."""
    book_repriced(draft)
    for part_id, (plan, rule, key, before) in draft.watched.items():
        _watch(draft, plan, rule, key, before, draft.bucket(part_id).bucket)
    _close_empty(draft)


def _watch(draft: Draft, plan: LinePlan, rule: CapRule, key: BucketKey, before: Bucket, after: Bucket) -> None:
    """Alerts at the thresholds, and `cap_below_consumption` while more is taken than the newest cap allows."""
    limit = rule.limits[-1]
    for measure, had, has in ((limit.amount, before.amount, after.amount), (limit.hours, before.hours, after.hours)):
        if measure is not None and had != has:
            reached, _ = crossed(rule.thresholds, measure, had, has)
            for percent in reached:
                _alert(draft, plan, rule, key, percent, after)
    below(draft, plan, rule, key, after)


def _alert(draft: Draft, plan: LinePlan, rule: CapRule, key: BucketKey, percent: int, bucket: Bucket) -> None:
    limit = rule.limits[-1]
    subject = f"{plan.contract_id}/{'/'.join(part for part in key if part)}"
    draft.emit(
        Alert(
            alert_id=derived_id(
                draft.engagement_id, "cap", subject, percent, draft.cause.kind, draft.cause.id, draft.cause.version
            ),
            kind="cap",
            subject_kind="cap",
            subject_id=subject,
            message=f"{percent / 10**6:g} % of cap {rule.cap_id} of contract {plan.contract_id} is used",
            threshold=percent,
            used_amount=bucket.amount,
            limit_amount=limit.amount,
            used_hours=bucket.hours,
            limit_hours=limit.hours,
            currency=plan.currency,
            contract_id=plan.contract_id,
            project_id=plan.line.project_id,
        )
    )


def below(draft: Draft, plan: LinePlan, rule: CapRule, key: BucketKey, bucket: Bucket) -> None:
    """Open while hours or amount taken are above what the newest version of the cap allows (RULES section 6, Caps)."""
    limit = rule.limits[-1]
    subject = f"{plan.contract_id}/{'/'.join(part for part in key if part)}"
    excess = bucket.amount - limit.amount if limit.amount is not None else 0
    excess_hours = bucket.hours - limit.hours if limit.hours is not None else 0
    state = draft.cap(plan.contract_id, rule.cap_id)
    part_id = f"{plan.contract_id}/{rule.cap_id}"
    if rule.hard and (excess > 0 or excess_hours > 0):
        draft.put("cap", part_id, replace(state, below=True))
        draft.note(
            "cap_below_consumption",
            "cap",
            subject,
            f"{format_amount(bucket.amount)} {plan.currency} and {bucket.hours / 10**6:g} h are taken from cap {rule.cap_id}, "
            f"more than it allows now",
            contract_id=plan.contract_id,
            amount=max(excess, 0),
            currency=plan.currency,
        )
    elif state.below:
        draft.put("cap", part_id, replace(state, below=False))
        draft.settle_note("cap_below_consumption", "cap", subject)
