"""What people hear of caps: exceptions `over_cap` (of a purchase order `over_purchase_order`) and `cap_below_consumption`, and alerts at
the thresholds.

An event speaks of where a cap stands at its end, not of the ways there.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from heapq import nsmallest
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps.consume import Bucket, BucketKey, CapLimit, CapRule, crossed, is_limited, limit_of
from domain.caps.purchase_order import over_category, spoken, subject_kind
from domain.caps.recorded import limit_node
from domain.contract import bound_lines, cap_rules
from domain.counting import counted
from domain.figure import Recorded, as_recorded
from domain.identity import composed, derived_id, parts_of
from domain.money import format_amount
from domain.outputs import Alert
from domain.why import Why
from state.books import CapBucket, CapState, Contract, Price
from state.caps.claims import allotments, figures_of
from state.draft import ENTRIES_NAMED, Draft
from state.terms.periods import zone_of
from state.terms.plan import LinePlan, version_of, versions
from state.totals import standing_price
from state.work.price_record import uses_of

# The first is a week from the contract's beginning, each the double of the one before; after the last comes the rest.
STRETCHES = 12


def after_event(draft: Draft) -> None:
    """Of every cap that the event touched, once its differences are posted and its rows are what they will be."""
    for part_id, watched in draft.watched.items():
        _watch(draft, part_id, watched)
    for kind, part_id in list(draft.parts):
        if kind == "cap":
            _announce_over(draft, part_id)


class Watched(NamedTuple):
    """A bucket that an event touches, with what was taken and allowed before it."""

    plan: LinePlan
    rule: CapRule
    key: BucketKey
    bucket: Bucket
    limit: CapLimit


def watch(
    draft: Draft, part_id: str, plan: LinePlan, rule: CapRule, key: BucketKey, bucket: Bucket, limit: CapLimit
) -> None:
    """Say at the end of the event what people should hear of the bucket; what it was at the beginning is said by the first who asks."""
    known: Watched | None = draft.watched.get(part_id)
    before = (bucket, limit) if known is None else known[3:]
    draft.watched[part_id] = Watched(plan, rule, key, *before)


def ruling(draft: Draft, plan: LinePlan, rule: CapRule, key: BucketKey) -> CapRule:
    """The rule that says what the bucket allows: the line's own, or where the line has left the shared cap or the contract that of
    one which is still under it."""
    if len(plan.group) == 1:
        return rule
    contract = draft.contract(plan.contract_id)
    if contract is None or (plan.version >= contract.history[0].version and is_limited(limit_of(rule, key))):
        return rule
    place = ("ruling", plan.key, rule.cap_id, rule.period, key[1])
    if place not in draft.memo.lines:
        draft.memo.lines[place] = first_limited(rules_of_group(draft, plan), rule, key)
    found: CapRule = draft.memo.lines[place]
    return found


def rules_of_group(draft: Draft, plan: LinePlan) -> Iterator[CapRule]:
    """Of every line that shares caps with the plan's, by the terms of the contract as it is now."""
    contract = draft.contract(plan.contract_id)
    history = versions(contract) if contract is not None else ()
    for line_id in sorted(plan.group):
        yield from cap_rules(history, line_id)


def first_limited(rules: Iterable[CapRule], rule: CapRule, key: BucketKey) -> CapRule:
    """Of rules of several lines the first that limits the bucket of `rule` by the newest terms; without one it has no limit."""
    same = (one for one in rules if (one.cap_id, one.period) == (rule.cap_id, rule.period))
    return next((one for one in same if is_limited(limit_of(one, key))), rule)


# What is over a cap


def count_over(draft: Draft, plan: LinePlan, had: Price | None, has: Price | None) -> None:
    """Keep the sums of exception `over_cap`, one for each cap."""
    for price, sign in ((had, -1), (has, 1)):
        if price is None or not is_over(price):
            continue
        state = draft.cap(plan.contract_id, price.binding or "")
        state = replace(
            state, over_amount=state.over_amount + sign * price.over, over_entries=state.over_entries + sign
        )
        draft.put("cap", composed(plan.contract_id, price.binding or ""), state)


def is_over(price: Price) -> bool:
    """Whether the entry counts as over the cap that binds it; what is final waits for no more than it kept, what went on for nothing."""
    return price.binding is not None and price.over > 0


def _announce_over(draft: Draft, part_id: str) -> None:
    """Raised and closed at once; another amount is reported at the day's end."""
    state: CapState = draft.part("cap", part_id)
    if state.exception_id is None and state.over_entries:
        raise_over(draft, part_id, state)
    elif state.exception_id is not None and not state.over_entries:
        if not state.waived:
            contract_id, cap_id = parts_of(part_id)
            draft.publish_closed(state.exception_id, over_category(cap_id), contract_id=contract_id)
        nothing = replace(state, exception_id=None, reported_amount=0, reported_entries=0, waived=False, assignee=None)
        draft.put("cap", part_id, nothing)
    elif _differs(state):
        draft.due.add((zone_of(draft, draft.contract_in_books(parts_of(part_id)[0])), ""))


def _differs(state: CapState) -> bool:
    return (state.over_amount, state.over_entries) != (state.reported_amount, state.reported_entries)


def restate_over(draft: Draft, part_id: str) -> None:
    """At a day's end: say again how much is over. What was waived is published again only when more goes over than was waived."""
    state: CapState = draft.part("cap", part_id)
    if state.exception_id is None or not state.over_entries or not _differs(state):
        return
    if state.waived and state.over_amount <= state.reported_amount:
        less = replace(state, reported_amount=state.over_amount, reported_entries=state.over_entries)
        draft.put("cap", part_id, less)
    else:
        raise_over(draft, part_id, state)


def raise_over(draft: Draft, part_id: str, state: CapState) -> None:
    contract_id, cap_id = parts_of(part_id)
    contract = draft.contract_in_books(contract_id)
    currency = contract.terms.currency
    revision = state.revision + 1
    exception_id = draft.publish_raised(
        over_category(cap_id),
        subject_kind(cap_id),
        part_id,
        f"{format_amount(state.over_amount)} {currency} of {counted(state.over_entries, 'entry')} is over {spoken(cap_id)} of contract "
        f"{contract_id}",
        revision=revision,
        contract_id=contract_id,
        amount=state.over_amount,
        currency=currency,
        blocks=state.over_entries,
        entries=_entries_over(draft, contract, cap_id),
        assignee=state.assignee,
    )
    now = replace(
        state,
        exception_id=exception_id,
        reported_amount=state.over_amount,
        reported_entries=state.over_entries,
        revision=revision,
        waived=False,
    )
    draft.put("cap", part_id, now)


def _entries_over(draft: Draft, contract: Contract, cap_id: str) -> tuple[str, ...]:
    """The first of them in the order of the work, as many as an exception names."""
    lines = bound_lines([version_of(stored) for stored in (*contract.former, *contract.history)], cap_id)
    named: list[str] = []
    for since, until in _stretches(contract):
        found = (
            (price.day, price.approved_at, entry.entry_id)
            for line_id in lines
            for entry in draft.open_on(contract.contract_id, line_id, since, until)
            if (price := standing_price(entry)) is not None
            and (price.contract_id, price.line_id, price.binding) == (contract.contract_id, line_id, cap_id)
            and is_over(price)
        )
        named += [entry_id for _, _, entry_id in nsmallest(ENTRIES_NAMED - len(named), found)]
        if len(named) == ENTRIES_NAMED:
            break
    return tuple(named)


def _stretches(contract: Contract) -> Iterator[tuple[str, str]]:
    """Service dates in pieces that grow: the first entries over a cap are found without reading all that came since."""
    since, days = "", 7
    begin = contract.history[0].terms.starts_on
    for _ in range(STRETCHES):
        until = (begin + timedelta(days=days)).isoformat()
        yield since, until
        since, days = until, days * 2
    yield since, "9999"


# How far a cap is used


def _watch(draft: Draft, part_id: str, watched: Watched) -> None:
    """Alerts at the thresholds, and `cap_below_consumption` while more is taken than the cap allows now."""
    plan, rule, key, had, was = watched
    stored, limit = draft.bucket(part_id), limit_of(rule, key)
    has = stored.bucket
    for allowed, taken, allows, takes in (
        (was.amount, had.amount, limit.amount, has.amount),
        (was.hours, had.hours, limit.hours, has.hours),
    ):
        if allows is not None:
            before = (allowed, taken) if allowed is not None else (allows, 0)
            for percent in crossed(rule.thresholds, *before, allows, takes):
                _alert(draft, plan, rule, key, percent, has)
    _check_below(draft, watched, part_id, stored, limit)


def _alert(draft: Draft, plan: LinePlan, rule: CapRule, key: BucketKey, percent: int, bucket: Bucket) -> None:
    limit = limit_of(rule, key)
    subject, about = _subject(plan, key), (percent, draft.cause.kind, draft.cause.id, draft.cause.version)
    alert_id = derived_id(draft.engagement_id, "cap", subject, *about)
    if draft.why is not None:
        _say_used(draft.why, alert_id, plan, rule, key, bucket, limit)
    draft.emit(
        Alert(
            alert_id=alert_id,
            kind=subject_kind(rule.cap_id),
            subject_kind=subject_kind(rule.cap_id),
            subject_id=subject,
            message=f"{percent / 10**6:g} % of {spoken(rule.cap_id)} of contract {plan.contract_id} is used",
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


def _say_used(
    why: Why, alert_id: str, plan: LinePlan, rule: CapRule, key: BucketKey, bucket: Bucket, limit: CapLimit
) -> None:
    """In money and in hours what is settled and what is taken beside that, and the limit."""
    figures = figures_of(why, plan, allotments(plan)[-1])
    for measure, used, limited in (("amount", bucket.amount, limit.amount), ("hours", bucket.hours, limit.hours)):
        made = figures.used(key, bucket, by_hours=measure == "hours")._replace(policies=uses_of(plan)("cap_thresholds"))
        why.record(f"{alert_id}#used_{measure}", used, made)
        if limited is not None:
            made = limit_node(plan.contract_id, plan.currency, rule, limit, by_hours=measure == "hours")
            why.record(f"{alert_id}#limit_{measure}", limited, made)


def _check_below(draft: Draft, watched: Watched, part_id: str, stored: CapBucket, limit: CapLimit) -> None:
    """Open for a bucket while more is taken from it than the newest version of the cap allows it (RULES section 6, Caps)."""
    plan, rule, key, _, _ = watched
    bucket = stored.bucket
    excess = bucket.amount - limit.amount if limit.amount is not None else 0
    excess_hours = bucket.hours - limit.hours if limit.hours is not None else 0
    # Hours of issued work follow from its amount: what is worth less than a smallest unit is its rounding.
    if limit.hard and (excess > 0 or excess_hours * bucket.amount >= plan.step * bucket.hours > 0):
        if stored.below:
            return
        if draft.why is not None and limit.amount is not None:
            used = figures_of(draft.why, plan, allotments(plan)[-1]).used(key, bucket, by_hours=False)
            allowed = limit_node(plan.contract_id, plan.currency, rule, limit, by_hours=False)
            excess = as_recorded(bucket.amount, used) - Recorded(allowed)
        subject = _subject(plan, key)
        draft.put("bucket", part_id, replace(stored, below=subject))
        draft.raise_exception(
            "cap_below_consumption",
            subject_kind(rule.cap_id),
            subject,
            f"{format_amount(bucket.amount)} {plan.currency} and {bucket.hours / 10**6:g} h are taken from {spoken(rule.cap_id)}, "
            f"more than it allows now",
            contract_id=plan.contract_id,
            amount=max(excess, 0),
            currency=plan.currency,
        )
    elif stored.below:
        draft.put("bucket", part_id, replace(stored, below=""))
        settle_below(draft, stored)


def settle_below(draft: Draft, stored: CapBucket) -> None:
    if stored.below:
        draft.resolve_exception("cap_below_consumption", subject_kind(parts_of(stored.below)[1]), stored.below)


def _subject(plan: LinePlan, key: BucketKey) -> str:
    cap_id, period = key
    cap = composed(plan.contract_id, cap_id)
    return f"{cap}/{period}" if period else cap
