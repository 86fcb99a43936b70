"""What caps leave of an entry: their limits, less what is settled and what comes before it in consumption order (R16 to R18).

How much others are granted is asked of who knows it (`Grants`): by the books (`caps.py`), or had nothing been issued (`unissued.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date
from typing import Any, NamedTuple, Protocol

from domain.caps.consume import BucketKey, CapRequest, CapRule, Order, bucket_key, limit_on
from domain.caps.purchase_order import ORDER, SUBJECT_KIND, is_order, spoken
from domain.contract import BEGINNING
from domain.explanation import Arithmetic, Node, agreeing, constant, least, less, most, stated, step_of, total
from domain.money import round_ratio
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.sources import Sources
from state.books import Contract, Entry
from state.caps.claims import Consumption, granted_of, rules_for
from state.terms.plan import LinePlan

# Parts of an entry under a cap: what is settled, and what it takes beside that.
SETTLED, TAKEN = "settled", "taken"


class CapConsumer(NamedTuple):
    """An entry's place under the caps that it shares with others."""

    order: Order
    entry: Entry
    plan: LinePlan
    stake: Consumption
    claim: CapRequest

    @property
    def entry_id(self) -> str:
        return self.entry.entry_id

    @property
    def settles(self) -> bool:
        """Whether something of it is settled, or was before a credit gave it back to the cap."""
        return bool(self.claim.pinned or self.stake.price.returned)

    def under(self, bucket: BucketKey) -> bool:
        return any(bucket_key(rule, self.claim.day, self.claim.person_id) == bucket for rule in self.claim.rules)


class Headroom(NamedTuple):
    """What may be taken, in money and in hours."""

    amount: Node
    hours: Node


class ConsumptionOrder(NamedTuple):
    """Everything that consumes the caps of a group of lines after a step, in consumption order; where the step issued statements again,
    before it issued anything (`is_cut`)."""

    step: int
    allotment: str
    consumers: tuple[CapConsumer, ...]
    by_entry: dict[str, CapConsumer]
    is_cut: bool = True


class ConsumptionQueue(NamedTuple):
    """The consumers of one bucket: what is settled, and what takes room freely, in consumption order."""

    settled: tuple[CapConsumer, ...]
    free: tuple[CapConsumer, ...]
    orders: tuple[Order, ...]


class Grants(Protocol):
    def granted_of(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        """What caps allow of an entry."""

    def settled_of(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        """What of it is settled: issued, or given by a cut."""

    def part_of(self, consumer: CapConsumer, consumption: ConsumptionOrder, what: str, *, by_hours: bool) -> Node:
        """What of it is settled, or what it takes beside that, in a sum."""


class HeadroomNodes:
    """What every cap leaves of an entry, and what makes that up. Sums that many entries share are made once."""

    def __init__(self, sources: Sources, entries: EntryNodes, grants: Grants) -> None:
        self.sources = sources
        self.entries = entries
        self.grants = grants
        self._memo: dict[tuple[Any, ...], Node] = {}
        self._queues: dict[tuple[Any, ...], ConsumptionQueue] = {}

    def queue(self, consumption: ConsumptionOrder, bucket: BucketKey, *, by_hours: bool) -> ConsumptionQueue:
        key = (id(consumption), bucket, by_hours)
        if key not in self._queues:
            members = [consumer for consumer in consumption.consumers if consumer.under(bucket)]
            free = tuple(
                consumer for consumer in members if self.takes(consumer, consumption.allotment, by_hours=by_hours)
            )
            settled = tuple(consumer for consumer in members if consumer.settles)
            self._queues[key] = ConsumptionQueue(settled, free, tuple(consumer.order for consumer in free))
        return self._queues[key]

    def takes(self, consumer: CapConsumer, allotment: str, *, by_hours: bool) -> int:
        """What the entry takes beside what is settled of it."""
        granted = granted_of(allotment, consumer.stake)
        return granted.hours - consumer.claim.pinned_hours if by_hours else granted.amount - consumer.claim.pinned

    def of(self, own: CapConsumer, consumption: ConsumptionOrder, value: Node) -> Headroom:
        """What every hard cap has left for what of the entry is not settled, in money and in hours."""
        hours = self.hours_claimed(own, consumption)
        free, free_hours = value, hours
        if own.settles:
            free = less("not settled yet", value, self.settled(own, consumption))
            free_hours = less("hours not settled yet", hours, self.settled_hours(own, consumption))
        amounts, all_hours = [free], [free_hours]
        for rule in rules_for(own.plan, consumption.allotment):
            if limit_on(rule, own.claim.day).hard:
                left = self._left(own, rule, consumption, free, free_hours)
                amounts.append(left.amount)
                all_hours.append(left.hours)
        if own.stake.price.within is not None:
            within = self.entries.within(self.at(own, consumption))
            if own.settles:
                nothing = constant("nothing", 0, "amount", own.plan.currency)
                within = most("left of it", less("not settled yet", within, self.settled(own, consumption)), nothing)
            amounts.append(within)
        return Headroom(least("room", amounts, rule="R18"), least("hours of room", all_hours, rule="R18"))

    def _left(
        self, own: CapConsumer, rule: CapRule, consumption: ConsumptionOrder, free: Node, free_hours: Node
    ) -> Headroom:
        """What one cap has left."""
        limit = limit_on(rule, own.claim.day)
        bucket = bucket_key(rule, own.claim.day, own.claim.person_id)
        title = f"room under {spoken(rule.cap_id)}{' ' + bucket[1] if bucket[1] else ''}"
        if is_order(rule.cap_id):
            title = f"{title}, where billing stops"
        left, left_hours = free, free_hours
        if limit.amount is not None:
            rest = self._rest(title, own, rule, consumption, by_hours=False)
            if (rest.value or 0) < (free.value or 0):
                left, left_hours = rest, self._hours_of(rest, free, free_hours)
        if limit.hours is not None:
            rest = self._rest(title, own, rule, consumption, by_hours=True)
            if (rest.value or 0) < (left_hours.value or 0):
                left, left_hours = least("room", [left, self._value_of(rest, own, free, free_hours)]), rest
        if limit.split == "reject_whole" and (left is not free or left_hours is not free_hours):
            whole, whole_hours = (
                Arithmetic("all_or_nothing", (free, left)),
                Arithmetic("all_or_nothing", (free_hours, left_hours)),
            )
            name = f"{title}, all or nothing"
            return Headroom(
                Node(name, 0, "amount", free.currency, whole, "R17"), Node(name, 0, "hours", "", whole_hours, "R17")
            )
        return Headroom(left, left_hours)

    def _rest(
        self, title: str, own: CapConsumer, rule: CapRule, consumption: ConsumptionOrder, *, by_hours: bool
    ) -> Node:
        """The limit less what is settled and what comes before."""
        unit, measure = ("hours", "hours") if by_hours else ("amount", "amount")
        currency = "" if by_hours else own.plan.currency
        bucket = bucket_key(rule, own.claim.day, own.claim.person_id)
        limit = self.limit(own.plan, rule, own.claim.day, measure, consumption.step)
        stands = less(f"{title}, before", limit, *self.taken(own, bucket, consumption, by_hours=by_hours))
        return most(title, stands, constant("nothing", 0, unit, currency), rule="R18")

    def _hours_of(self, rest: Node, free: Node, free_hours: Node) -> Node:
        made = (free_hours.value or 0) * (rest.value or 0) // (free.value or 1)
        parameters: dict[str, Any] = {"step": "0.000001", "mode": "down"}
        return Node("its hours", made, "hours", "", Arithmetic("proportion", (free_hours, rest, free), parameters))

    def _value_of(self, rest: Node, own: CapConsumer, free: Node, free_hours: Node) -> Node:
        mode = own.plan.policies.money_mode
        made = round_ratio((free.value or 0) * (rest.value or 0), free_hours.value or 1, own.plan.step, mode)
        parameters: dict[str, Any] = {"step": step_of(own.plan.currency), "mode": mode}
        arithmetic = Arithmetic("proportion", (free, rest, free_hours), parameters)
        return Node("its value", made, "amount", own.plan.currency, arithmetic, "R17")

    def taken(
        self, own: CapConsumer, bucket: BucketKey, consumption: ConsumptionOrder, *, by_hours: bool
    ) -> tuple[Node, ...]:
        """What is settled of any entry, and what entries before take freely."""
        queue = self.queue(consumption, bucket, by_hours=by_hours)
        found = []
        if queue.settled:
            found.append(self.all_settled(queue, bucket, consumption, by_hours=by_hours))
        if place := bisect_left(queue.orders, own.order):
            found.append(self.before(queue, place, bucket, consumption, by_hours=by_hours))
        return tuple(found)

    def all_settled(
        self, queue: ConsumptionQueue, bucket: BucketKey, consumption: ConsumptionOrder, *, by_hours: bool
    ) -> Node:
        key = ("settled", id(consumption), bucket, by_hours)
        if key not in self._memo:
            made = [
                self.grants.part_of(consumer, consumption, SETTLED, by_hours=by_hours) for consumer in queue.settled
            ]
            self._memo[key] = self._sum(f"settled of {len(made):,} entries", made, by_hours=by_hours)
        return self._memo[key]

    def before(
        self, queue: ConsumptionQueue, place: int, bucket: BucketKey, consumption: ConsumptionOrder, *, by_hours: bool
    ) -> Node:
        key = ("before", id(consumption), bucket, by_hours, place)
        if key not in self._memo:
            made = [
                self.grants.part_of(consumer, consumption, TAKEN, by_hours=by_hours) for consumer in queue.free[:place]
            ]
            self._memo[key] = self._sum(f"taken by {len(made):,} entries before", made, by_hours=by_hours)
        return self._memo[key]

    def part(self, consumer: CapConsumer, consumption: ConsumptionOrder, what: str, *, by_hours: bool) -> Node:
        if what == TAKEN:
            return self._free(consumer, consumption, by_hours=by_hours)
        settled = self.settled_hours(consumer, consumption) if by_hours else self.settled(consumer, consumption)
        if not consumer.stake.price.returned:
            return settled
        returned = self._returned(consumer, consumption, settled, by_hours=by_hours)
        return less(f"{consumer.entry_id}: settled and not given back to the cap", settled, returned, rule="R20")

    def _returned(self, consumer: CapConsumer, consumption: ConsumptionOrder, settled: Node, *, by_hours: bool) -> Node:
        """What price concessions gave back to the cap, of which that counts what is settled no more."""
        price = consumer.stake.price
        if by_hours:
            counted = consumer.claim.pinned_hours
            return constant("given back to the cap", (settled.value or 0) - counted, "hours")
        memos = self.entries.pieces.credits
        made = total(
            "given back to the cap",
            memos.returned(consumer.entry_id, price.contract_id, price.line_id, consumption.step),
            "amount",
            consumer.plan.currency,
        )
        return least("given back to the cap", [made, settled]) if (made.value or 0) > (settled.value or 0) else made

    def _sum(self, title: str, operands: list[Node], *, by_hours: bool) -> Node:
        currency = "" if by_hours else operands[0].currency
        return total(title, operands, "hours" if by_hours else "amount", currency, rule="R16")

    def _free(self, consumer: CapConsumer, consumption: ConsumptionOrder, *, by_hours: bool) -> Node:
        """What an entry takes, without what is settled of it."""
        key = ("free", id(consumption), consumer.entry_id, by_hours)
        if key not in self._memo:
            whole = (
                self.granted_hours(consumer, consumption) if by_hours else self.grants.granted_of(consumer, consumption)
            )
            if consumer.settles:
                settled = self.settled_hours(consumer, consumption) if by_hours else self.settled(consumer, consumption)
                whole = less(f"{consumer.entry_id}: beside what is settled", whole, settled)
            self._memo[key] = whole
        return self._memo[key]

    def granted_hours(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        hours = granted_of(consumption.allotment, consumer.stake).hours
        if hours == consumer.claim.hours:
            return self.hours_claimed(consumer, consumption)
        found = self.of(consumer, consumption, self.entries.chargeable(self.at(consumer, consumption))).hours
        if consumer.settles:
            found = total("hours", (self.settled_hours(consumer, consumption), found), "hours")
            if found.value != hours:
                # Allowed before a part of it was issued, while the statement of another payer is held.
                whole = self._hours_of(
                    self.grants.granted_of(consumer, consumption),
                    self.entries.chargeable(self.at(consumer, consumption)),
                    self.hours_claimed(consumer, consumption),
                )
                found = whole if whole.value == hours else found
        return agreeing(found, stated(f"{consumer.entry_id}: hours allowed", hours, "hours"))

    def hours_claimed(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        """An entry that is worth nothing claims no hours; one of which a part is given up, those of the rest."""
        if not consumer.claim.hours:
            return constant("hours", 0, "hours")
        hours = self.entries.hours_at(consumer.entry_id, consumption.step)
        price = consumer.stake.price
        if not (price.final or price.written_off) or hours.value == consumer.claim.hours:
            return hours
        at = self.at(consumer, consumption)
        left, value = self._counted(at), self.entries.value(at)
        made = (hours.value or 0) * (left.value or 0) // (value.value or 1)
        parameters: dict[str, Any] = {"step": "0.000001", "mode": "down"}
        title = f"{consumer.entry_id}: hours that {'it kept' if price.final else 'are not given up'}"
        return Node(title, made, "hours", "", Arithmetic("proportion", (hours, left, value), parameters))

    def _counted(self, at: VersionStanding) -> Node:
        """What of the value claims room: of final work only what it kept."""
        price = at.work.price
        return self.entries.allowed(at) if price is not None and price.final else self.entries.chargeable(at)

    def settled(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        """What of an entry is settled: issued, or given by a cut."""
        key = ("own settled", id(consumption), consumer.entry_id)
        if key not in self._memo:
            self._memo[key] = self.grants.settled_of(consumer, consumption)
        return self._memo[key]

    def settled_hours(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        parameters: dict[str, Any] = {"step": "0.000001", "mode": "down"}
        title = f"{consumer.entry_id}: hours settled"
        value, hours = self._counted(self.at(consumer, consumption)), self.hours_claimed(consumer, consumption)
        settled = self.settled(consumer, consumption)
        made = (hours.value or 0) * (settled.value or 0) // (value.value or 1)
        if made != consumer.claim.pinned_hours and not consumer.stake.price.returned:
            return stated(title, consumer.claim.pinned_hours, "hours")
        arithmetic = Arithmetic("proportion", (hours, settled, value), parameters)
        return Node(title, made, "hours", "", arithmetic)

    def at(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> VersionStanding:
        at = self.entries.standing(consumer.entry_id, consumption.step)
        assert at is not None, "a consumer has work"
        return at

    def limit(self, plan: LinePlan, rule: CapRule, day: date, measure: str, step: int) -> Node:
        """The limit of the contract version in force on the service date (R21)."""
        key = ("limit", plan.contract_id, rule.cap_id, day, measure, step)
        if key not in self._memo:
            self._memo[key] = self._make_limit(plan, rule, day, measure, step)
        return self._memo[key]

    def _make_limit(self, plan: LinePlan, rule: CapRule, day: date, measure: str, step: int) -> Node:
        contract = self.sources.draft(step).contract(plan.contract_id)
        assert contract is not None, "a cap is of a contract"
        limit = limit_on(rule, day)
        value = getattr(limit, measure)
        unit, currency = ("amount", plan.currency) if measure == "amount" else ("hours", "")
        # A retroactive version holds from the beginning, so that those before it have no limit any more.
        version = contract.history[rule.limits.index(limit) - len(rule.limits)].version
        facts = (
            ("split", limit.split),
            ("period", rule.period),
            ("in force from", "the beginning" if limit.effective_on <= BEGINNING else limit.effective_on.isoformat()),
        )
        kind, _, cap_id = rule.cap_id.partition(":")
        title = f"limit of {spoken(rule.cap_id)}"
        if kind == ORDER:
            return self.order_limit(title, contract, plan.currency, cap_id, value)
        if kind == "line":
            found = self.sources.line_field(plan.contract_id, version, cap_id)
            if found is not None:
                path = f"{found[2]}.terms.cap.{measure}"
                return self.sources.field(title, value, unit, found[0], path, currency, rule="R21", facts=facts)
        if kind == "limit":
            line_id, _, category = cap_id.partition(":")
            found = self.sources.line_field(plan.contract_id, version, line_id)
            for number, one in enumerate(getattr(found[1].terms, "limits", ()) if found is not None else ()):
                if found is not None and one.category == category:
                    path = f"{found[2]}.terms.limits[{number}].amount"
                    return self.sources.field(title, value, unit, found[0], path, currency, rule="R21", facts=facts)
        event = self.sources.terms_event(plan.contract_id, version, "shared_caps")
        for number, cap in enumerate(getattr(event, "shared_caps", None) or ()):
            if cap.cap_id == cap_id and event is not None:
                path = f"shared_caps[{number}].{measure}"
                return self.sources.field(title, value, unit, event, path, currency, rule="R21", facts=facts)
        return stated(title, value, unit, currency)

    def order_limit(self, title: str, contract: Contract, currency: str, number: str, value: int) -> Node:
        """The newest version that names the order says it, for all of its work."""
        named = [(stored.version, order) for stored in contract.history if (order := stored.terms.purchase_order)]
        version = next(version for version, order in reversed(named) if order.number == number)
        event = self.sources.terms_event(contract.contract_id, version, SUBJECT_KIND)
        facts = (("binds", "billing of all lines; revenue goes on"),)
        if event is None:
            return stated(title, value, "amount", currency)
        path = f"{SUBJECT_KIND}.limit"
        return self.sources.field(title, value, "amount", event, path, currency, rule="R21", facts=facts)
