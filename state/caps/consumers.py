"""Who consumes the caps of a group of lines: the order kept beside the rows of an engagement, brought up to date when it is asked for.

An entry under a single cap, of which nothing is settled, keeps what it has if that is all and there is room for it, or if it is nothing and
nothing is left. Every other one asks.
"""

from collections.abc import Mapping
from datetime import date
from operator import is_
from typing import NamedTuple

from domain.caps.consume import (
    BucketKey,
    CapRequest,
    Order,
    bucket_key,
    counting,
    is_raised_after,
    limit_on,
    limits_after,
)
from domain.caps.consumption import CapConsumer, ConsumptionOrder, KeptShare
from domain.tuples import new_tuple
from domain.units import Amount, Hours
from domain.work.rows import is_of_earlier_month
from state.books import Entry, Price
from state.caps.claims import MAIN, Consumption, claim_of, consumption_of, granted_of, keys_of, order_key
from state.caps.notices import rules_of_group
from state.draft import Draft
from state.terms.plan import LinePlan, plan_of
from state.totals import BY_DAY, DUE, open_keys


class ConsumerClaim(NamedTuple):
    order: Order
    plan: LinePlan
    entry: Entry
    consumption: Consumption
    claim: CapRequest


def consumption_order(draft: Draft, plan: LinePlan, allotment: str, start: Order) -> ConsumptionOrder:
    """Of entries on the lines that share caps with the plan's, that are not settled or may lose their room; brought up to date. Of those
    before `start` nobody asks: of an order by days it has what its month has and what comes later, until somebody comes before that."""
    contract = draft.contract_in_books(plan.contract_id)
    orders = draft.entries.orders.setdefault(plan.contract_id, {})
    rests_on = contract.history, contract.former, draft.reference.entities
    key = plan.group, allotment, plan.policies.cap_order, draft.reference.rules
    changed = {each: None for line in plan.group for each in draft.changed_on.get((plan.contract_id, line), ())}
    made = _Consumers(draft, plan, allotment)
    since = start[0][: len("2026-01")] if plan.policies.cap_order != "approval" else ""
    order = orders.get(key)
    if order is None or since < order.since or not all(map(is_, order.rests_on, rests_on)):
        for other in [each for each, one in orders.items() if not all(map(is_, one.rests_on, rests_on))]:
            del orders[other]
        order = orders[key] = ConsumptionOrder(made.all(since), rests_on, since, flat=_by_person(draft, plan))
    else:
        for entry_id in dict.fromkeys((*order.rows, *changed)):
            entry = draft.entry(entry_id)
            if entry is None or order.rows.get(entry_id) is not entry:
                order.put(entry_id, made.consumer(entry) if entry is not None else None)
    order.rows = {entry_id: draft.rows[entry_id] for entry_id in changed}
    return order


def _by_person(draft: Draft, plan: LinePlan) -> bool:
    """Whether some cap of the group has a bucket for each person and day."""
    return any(rule.period == "day" for rule in (*plan.every_rule, *rules_of_group(draft, plan)))


def consumer_claim(draft: Draft, plan: LinePlan, allotment: str, entry: Entry) -> ConsumerClaim | None:
    consumption = consumption_of(entry)
    theirs = plan_of(draft, consumption.price) if consumption is not None else None
    if consumption is None or theirs is None:
        return None
    order = order_key(plan, consumption.price, entry.entry_id)
    return ConsumerClaim(order, theirs, entry, consumption, claim_of(theirs, allotment, consumption))


class _Single(NamedTuple):
    """The only cap of a day's work on a line, where its bucket is not a person's: its bucket, and what it limits if it is hard; once more
    than `used_up` is taken, nobody finds room there."""

    key: BucketKey
    cap_id: str
    hard: bool
    amount: Amount | None
    hours: Hours | None
    used_up: Amount | None


class _Consumers:
    """Makes consumers of rows, for one allotment of the plan's group."""

    __slots__ = ("_allotment", "_draft", "_plan", "_singles")

    def __init__(self, draft: Draft, plan: LinePlan, allotment: str) -> None:
        self._draft, self._plan, self._allotment = draft, plan, allotment
        self._singles: dict[tuple[str, str, date], _Single | None] = {}

    def all(self, since: str) -> list[CapConsumer]:
        draft, plan = self._draft, self._plan
        found = (draft.capped_on(plan.contract_id, line, since) for line in plan.group)
        listed = {entry.entry_id: entry for each in found for entry in each}
        made = map(self._of_open, listed.values())
        return [one for one in made if one is not None]

    def consumer(self, entry: Entry) -> CapConsumer | None:
        names = {line + mark for line in self._plan.group for mark in ("", DUE, BY_DAY)}
        contract_id = self._plan.contract_id
        is_open = any(contract == contract_id and name in names for contract, name, *_ in open_keys(entry))
        return self._of_open(entry) if is_open else None

    def _of_open(self, entry: Entry) -> CapConsumer | None:
        """Of one that moved away and has something issued on a line of the group, nothing."""
        work, plan = entry.standing, self._plan
        price = work.price if work is not None else None
        if price is None or price.contract_id != plan.contract_id or price.line_id not in plan.group:
            return None
        entry_id = entry.entry_id
        order, single = order_key(plan, price, entry_id), self._single(entry, price)
        if single is None:
            found = consumer_claim(self._draft, plan, self._allotment, entry)
            return new_tuple(CapConsumer, (order, entry_id, True, self._held(found))) if found is not None else None
        is_held = _may_hold(entry, price)
        kept = _kept(price, single, is_held=is_held)
        if kept is None:
            held = {single.key: KeptShare(True, price.billable, price.billable_hours)} if is_held else {}
            return new_tuple(CapConsumer, (order, entry_id, True, held))
        return new_tuple(CapConsumer, (order, entry_id, False, {single.key: kept}))

    def _held(self, found: ConsumerClaim) -> Mapping[BucketKey, KeptShare]:
        claim = found.claim
        if not _may_hold(found.entry, found.consumption.price):
            return {}
        granted = granted_of(self._allotment, found.consumption)
        held = KeptShare(True, granted.amount - claim.pinned, granted.hours - claim.pinned_hours)
        return dict.fromkeys(keys_of(claim), held)

    def _single(self, entry: Entry, price: Price) -> _Single | None:
        if self._allotment != MAIN or price.given or price.final:
            return None
        if entry.issued and (not price.by_day or price.returned):
            return None
        if price.within is not None or price.value < 0 or is_of_earlier_month(entry.entry_id):
            return None
        place = price.line_id, price.content, price.day
        if place not in self._singles:
            self._singles[place] = _single_of(plan_of(self._draft, price), price.day)
        return self._singles[place]


def _single_of(plan: LinePlan | None, day: date) -> _Single | None:
    rules = counting(plan.rules, day) if plan is not None else ()
    if len(rules) != 1 or rules[0].period == "day":
        return None
    [rule] = rules
    limit = limit_on(rule, day)
    most = [limit.amount] if limit.hard else [None]
    if is_raised_after(rule, day):  # what is taken under a later limit need not be taken of this one
        most += [later.amount if later.hard else None for later in limits_after(rule, limit)]
    used_up = None if None in most else max(filter(None, most), default=0)
    return _Single(bucket_key(rule, day, ""), rule.cap_id, limit.hard, limit.amount, limit.hours, used_up)


def _kept(price: Price, single: _Single, *, is_held: bool) -> KeptShare | None:
    """What stays all, or nothing, as long as the cap has room for it, or none."""
    if price.billable == price.value and price.billable_hours == (price.hours if price.value else 0):
        if price.binding is not None:
            return None
        most, most_hours = (single.amount, single.hours) if single.hard else (None, None)
        return new_tuple(KeptShare, (is_held, price.value, price.billable_hours, most, most_hours, None))
    has_none = not price.billable and not price.billable_hours and price.value > 0
    if has_none and price.binding == single.cap_id and single.used_up is not None:
        return new_tuple(KeptShare, (is_held, 0, 0, None, None, single.used_up))
    return None


def _may_hold(entry: Entry, price: Price) -> bool:
    """Whether the entry can have taken anything from a bucket, in any allotment."""
    return bool(
        price.billable or price.allowed or price.billable_hours or price.allowed_hours or price.given or entry.issued
    )
