"""What caps allow of an entry by the books: what is issued comes first of all (R16 to R18); what cuts give; what a cap has left."""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec.structs import replace

from domain.caps.consume import BucketKey, CapRule, bucket_key, is_prorated, limit_of, limit_on, prorate
from domain.caps.purchase_order import spoken
from domain.explanation import Arithmetic, Node, agreeing, constant, least, less, most, stated, step_of, total
from milepost.explain.entries import EntryNodes, VersionStanding
from milepost.explain.headroom import SETTLED, TAKEN, CapConsumer, ConsumptionOrder, HeadroomNodes
from milepost.explain.sources import Sources
from state.books import GivenUp, IssuedPiece, Work
from state.caps.claims import (
    FOR_BILLING,
    FOR_REVENUE,
    MAIN,
    allotments,
    claim_of,
    granted_of,
    order_key,
    rules_for,
    stake_of,
)
from state.terms.plan import LinePlan, plan_of
from state.totals import DRAWS, FREE, MARK, open_keys

# Of a cap with more entries, what was left is only told where it decides.
CONSUMERS_SHOWN = 2_000
# Before every service date.
EARLIEST = date(1990, 1, 1)


def part_name(what: str, allotment: str, *, by_hours: bool) -> str:
    """Such as `taken`, `taken_hours`, `settled_of_revenue`."""
    of = f"_of_{allotment}" if allotment else ""
    return f"{what}{'_hours' if by_hours else ''}{of}"


class CapNodes:
    def __init__(self, sources: Sources, entries: EntryNodes) -> None:
        self.sources = sources
        self.entries = entries
        entries.caps = self
        self.headroom = HeadroomNodes(sources, entries, self)
        self._memo: dict[tuple[Any, ...], Node] = {}
        self._consumption_orders: dict[tuple[Any, ...], ConsumptionOrder] = {}

    def granted(self, at: VersionStanding, side: str) -> Node:
        """The part of the entry's value that caps allow to earn revenue, or to be billed."""
        price = at.work.price
        assert price is not None, "the work is priced"
        amount = price.allowed if side == FOR_REVENUE else price.billable
        value = self.entries.chargeable(at)
        if amount == value.value:
            return value
        title = f"{at.entry.entry_id}: what caps allow"
        plan = plan_of(self.sources.draft(at.step), price)
        if plan is None or (not plan.rules and price.within is None):
            return stated(title, amount, "amount", price.currency)
        allotment = side if len(allotments(plan)) > 1 else MAIN
        key = ("granted", at.entry.entry_id, at.step, allotment)
        if key not in self._memo:
            # What a cut gives and issues at once would explain itself by itself.
            self._memo[key] = stated(title, amount, "amount", price.currency, rule="R16")
            self._memo[key] = self._granted(at, plan, allotment, amount, value)
        return self._memo[key]

    def _granted(self, at: VersionStanding, plan: LinePlan, allotment: str, amount: int, value: Node) -> Node:
        title = f"{at.entry.entry_id}: what caps allow"
        before = self._before_it_was_final(at) if at.work.price is not None and at.work.price.final else None
        if before is not None:
            return self.granted(before, allotment or FOR_BILLING)
        consumption = self.consumption(plan, allotment, at.step)
        own = consumption.by_entry.get(at.entry.entry_id)
        kept = self._kept(at, plan) if own is not None and own.stake.price.final else None
        if kept is not None and kept.value == amount:
            return kept._replace(title=title)
        value = kept or value
        if own is None or (own.stake.price.final and kept is None):
            return stated(title, amount, "amount", plan.currency, rule="R16")
        draft = self.sources.draft(at.step)
        names = ("cap_split", "cap_order", "cap_includes", "overflow")
        policies = self.sources.policies(draft, plan.contract_id, plan.version, plan.line.line_id, *names)
        made = self.headroom.of(own, consumption, value).amount._replace(title=title, policies=policies)
        if granted_of(allotment, own.stake).amount < own.claim.pinned:
            made = self._left_of_settled(title, own, consumption)._replace(policies=policies)
        elif own.settles:
            made = total(
                title,
                (self.headroom.settled(own, consumption), made),
                "amount",
                plan.currency,
                rule="R16",
                policies=policies,
            )
        return agreeing(made, stated(title, amount, "amount", plan.currency, rule="R16"))

    def _before_it_was_final(self, at: VersionStanding) -> VersionStanding | None:
        """Policy `overflow: non_billable`: the share at the cut that made it final (RULES section 6, Caps)."""
        for step, entry in reversed(self.sources.trace.entry_steps(at.entry.entry_id)):
            if step > at.step:
                continue
            work = next(
                (work for work in (entry.behind, entry.work) if work is not None and same_share(work, at.work)), None
            )
            if work is None:
                return None
            if work.price is not None and not work.price.final:
                return VersionStanding(step, entry, work)
        return None

    def _kept(self, at: VersionStanding, plan: LinePlan) -> Node | None:
        """What caps that limit revenue left of final work at the cut that made it final, whatever an order let be billed of it since."""
        price = at.work.price
        if price is None or not plan.some_bind_billing_alone:
            return None
        for step, entry in reversed(self.sources.trace.entry_steps(at.entry.entry_id)):
            work = entry.standing if step <= at.step else None
            had = work.price if work is not None else None
            if work is not None and had is not None and not had.final:
                same = (had.value, had.allowed) == (price.value, price.kept)
                return self.granted(VersionStanding(step, entry, work), FOR_REVENUE) if same else None
        return None

    def consumption(self, plan: LinePlan, allotment: str, step: int) -> ConsumptionOrder:
        key = (plan.contract_id, plan.group, allotment, step)
        if key not in self._consumption_orders:
            draft = self.sources.draft(step)
            found = []
            taken_back = self._taken_back(plan.contract_id, step)
            for entry in draft.entries.everything():
                stake = stake_of(entry)
                if (
                    stake is None
                    or stake.price.contract_id != plan.contract_id
                    or stake.price.line_id not in plan.group
                ):
                    continue
                theirs = plan_of(draft, stake.price)
                if theirs is not None:
                    order = order_key(theirs, stake.price, entry.entry_id)
                    piece = taken_back.get((entry.entry_id, stake.price.line_id))
                    if piece is not None:
                        cents = stake.price.rounding - piece.cents
                        stake = replace(stake, issued=piece.before.amount - cents if piece.before is not None else 0)
                    found.append(CapConsumer(order, entry, theirs, stake, claim_of(theirs, allotment, stake)))
            consumers = tuple(sorted(found, key=lambda consumer: consumer.order))
            by_entry = {consumer.entry_id: consumer for consumer in consumers}
            self._consumption_orders[key] = ConsumptionOrder(
                step, allotment, consumers, by_entry, is_cut=not taken_back
            )
        return self._consumption_orders[key]

    def _taken_back(self, contract_id: str, step: int) -> dict[tuple[str, str], IssuedPiece]:
        """What a step issued of entries that had no place on a statement when it allotted the caps, since it reissued some."""
        if step not in self.sources.trace.superseded.values():
            return {}
        return {
            (piece.entry_id, piece.line_id): piece
            for (kind, _), part in self.sources.trace.steps[step].change.parts.items()
            if kind == "issued" and part is not None and part.contract_id == contract_id
            for piece in part.pieces
        }

    # What caps leave

    def _left_of_settled(self, title: str, own: CapConsumer, consumption: ConsumptionOrder) -> Node:
        """What is settled less what is above a limit by now; those that come later give back first."""
        nothing = constant("nothing", 0, "amount", own.plan.currency)
        back = nothing
        for rule in own.claim.rules:
            bucket = bucket_key(rule, own.claim.day, own.claim.person_id)
            newest = limit_of(rule, bucket)
            if newest.amount is None or not newest.hard:
                continue
            queue, day = self.headroom.queue(consumption, bucket, by_hours=False), max(newest.effective_on, EARLIEST)
            limit = self.headroom.limit(own.plan, rule, day, "amount", consumption.step)
            later = [
                less(
                    f"{consumer.entry_id}: gives back",
                    self.headroom.settled(consumer, consumption),
                    self.granted_of(consumer, consumption),
                )
                for consumer in queue.settled
                if consumer.order > own.order
                and self.headroom.takes(consumer, consumption.allotment, by_hours=False) < 0
            ]
            settled = self.headroom.all_settled(queue, bucket, consumption, by_hours=False)
            above = most("settled above the limit", less("settled less the limit", settled, limit, *later), nothing)
            back = most("settled above the limits", above, back) if back is not nothing else above
        settled = self.headroom.settled(own, consumption)
        return less(title, settled, least("gives back", [back, settled]), rule="R16")

    # What is taken

    def part_of(self, consumer: CapConsumer, consumption: ConsumptionOrder, what: str, *, by_hours: bool) -> Node:
        """What of an entry is settled, or what it takes beside that; of very many it is only named."""
        if not self.sources.are_many:
            return self.headroom.part(consumer, consumption, what, by_hours=by_hours)
        unit, currency = ("hours", "") if by_hours else ("amount", consumer.plan.currency)
        settled = consumer.claim.pinned_hours if by_hours else consumer.claim.pinned
        value = settled if what == SETTLED else self.headroom.takes(consumer, consumption.allotment, by_hours=by_hours)
        name = part_name(what, consumption.allotment, by_hours=by_hours)
        return self.sources.part(consumer.entry_id, name, value, unit, currency, consumption.step)

    def named(self, at: VersionStanding, name: str) -> Node | None:
        """Such a part by its name; None where the entry has no such part."""
        found = PARTS.get(name)
        price = at.work.price
        plan = plan_of(self.sources.draft(at.step), price) if found is not None and price is not None else None
        if found is None or plan is None:
            return None
        what, allotment, by_hours = found
        consumption = self.consumption(plan, allotment, at.step)
        consumer = consumption.by_entry.get(at.entry.entry_id)
        return self.headroom.part(consumer, consumption, what, by_hours=by_hours) if consumer is not None else None

    def granted_of(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        return self.granted(
            self.headroom.at(consumer, consumption),
            FOR_REVENUE if consumption.allotment == FOR_REVENUE else FOR_BILLING,
        )

    def granted_hours(self, at: VersionStanding) -> Node | None:
        """Hours that caps allow to be billed."""
        price = at.work.price
        plan = plan_of(self.sources.draft(at.step), price) if price is not None else None
        if price is None or plan is None:
            return None
        if price.billable_hours == price.hours:
            return self.entries.hours_at(at.entry.entry_id, at.step)
        consumption = self.consumption(plan, FOR_BILLING if len(allotments(plan)) > 1 else MAIN, at.step)
        own = consumption.by_entry.get(at.entry.entry_id)
        return self.headroom.granted_hours(own, consumption) if own is not None else None

    def settled_of(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        title = f"{consumer.entry_id}: settled"
        back = (
            min(consumer.stake.price.returned, consumer.stake.price.claimed[0]) if consumer.stake.price.returned else 0
        )
        pinned, currency = consumer.claim.pinned + back, consumer.plan.currency
        given = consumer.stake.price.given
        if (given == pinned or given > pinned > 0) and consumption.allotment != FOR_BILLING:
            made = self._given(self.headroom.at(consumer, consumption), consumer.plan, consumption.allotment)
            if given == pinned:
                return made
            value = self.entries.chargeable(self.headroom.at(consumer, consumption))
            if value.value == pinned:
                return least(title, [made, value])._replace(rule="R16")
        if consumption.allotment != FOR_REVENUE or consumer.plan.settles_alike:
            price, step = consumer.stake.price, consumption.step
            issued: Node = self.entries.pieces.issued(
                consumer.entry_id, price.contract_id, price.line_id, step, is_cut=consumption.is_cut
            )
            rounding = self.entries.rounding(consumer.entry_id, step)
            if rounding.value:
                issued = less("issued without cents of lines", issued, rounding)
            if issued.value == pinned:
                return issued
            value = self.entries.chargeable(self.headroom.at(consumer, consumption))
            if min(issued.value or 0, value.value or 0) == pinned:
                return Node(title, pinned, "amount", currency, Arithmetic("min", (issued, value)), "R16")
        return stated(title, pinned, "amount", currency, rule="R16")

    # What a cut gives by prorate

    def _given(self, at: VersionStanding, plan: LinePlan, allotment: str) -> Node:
        """What a cut gave for good, also to the next version of the entry, as far as its value reaches."""
        price = at.work.price
        assert price is not None, "the work is priced"
        entry_id, value = at.entry.entry_id, price.given
        step, former = self._given_at(at)
        title = f"{entry_id}: given by a cut"
        if former is not None and former.work.price is not None and former.work.price.given:
            made = self._given(former, plan, allotment)
            least = (made, self.entries.chargeable(at))
            if min(node.value or 0 for node in least) == value:
                return Node(title, value, "amount", plan.currency, Arithmetic("min", least), "R16")
        if former is not None and (kept := self._kept_of_issue(at, plan, title)) is not None:
            return kept
        key = ("given", entry_id, step, allotment)
        if key not in self._memo:
            self._memo[key] = self._share_of_cut(at, step, allotment, title, value)
        return self._memo[key]

    def _kept_of_issue(self, at: VersionStanding, plan: LinePlan, title: str) -> Node | None:
        """Of the next version of issued work the lesser of issued and new, as far as cuts did not give it to others."""
        price = at.work.price
        assert price is not None, "the work is priced"
        issued: Node = self.entries.pieces.issued(at.entry.entry_id, price.contract_id, price.line_id, at.step)
        if not issued.value:
            return None
        most_of_it = [issued, self.entries.chargeable(at)]
        if min(node.value or 0 for node in most_of_it) > price.given:
            most_of_it.append(constant("left by what cuts gave to others", price.given, "amount", plan.currency))
        kept = least(title, most_of_it, rule="R16")
        return kept if kept.value == price.given else None

    def _given_at(self, at: VersionStanding) -> tuple[int, VersionStanding | None]:
        """The step that gave it, and the entry before where that was another version's, or a part of it is given up since."""
        found, price = at.step, at.work.price
        for step, entry in reversed(self.sources.trace.entry_steps(at.entry.entry_id)):
            if step > at.step:
                continue
            work = entry.standing
            if work is None or work.price is None or price is None or work.price.given != price.given:
                break
            found = step
        before = self.entries.standing(at.entry.entry_id, found - 1)
        own = self.sources.cause(found).id == at.entry.entry_id
        is_less = before is not None and before.entry.given_up != self._given_up_by(at, found)
        return found, before if own or is_less else None

    def _given_up_by(self, at: VersionStanding, step: int) -> tuple[GivenUp, ...]:
        entry = self.sources.trace.entry_at(at.entry.entry_id, step)
        return entry.given_up if entry is not None else ()

    def _share_of_cut(self, at: VersionStanding, step: int, allotment: str, title: str, value: int) -> Node:
        """The room in proportion to value, among what is not settled with service date before the period's end (R12)."""
        currency = at.work.price.currency if at.work.price is not None else ""
        fallback = stated(title, value, "amount", currency, rule="R16")
        before = self.entries.standing(at.entry.entry_id, step - 1)
        price = before.work.price if before is not None else None
        plan = plan_of(self.sources.draft(step - 1), price) if price is not None else None
        if plan is None:
            return fallback
        consumption = self.consumption(plan, allotment, step - 1)
        own = consumption.by_entry.get(at.entry.entry_id)
        shares = [
            self._share(own, rule, consumption, self._cut_to(plan.contract_id, step))
            for rule in rules_for(plan, allotment)
            if own is not None and is_prorated(rule, own.claim.day)
        ]
        if own is None or not shares or any(one is None for one in shares):
            return fallback
        made = least(title, [one for one in shares if one is not None])
        if own.settles:
            made = total(title, (self.headroom.settled(own, consumption), made), "amount", currency)
        return made._replace(title=title, rule="R12") if made.value == value else fallback

    def _cut_to(self, contract_id: str, step: int) -> date:
        """The end, excluded, of the period that the step cut."""
        contract = self.sources.trace.contract_at(contract_id, step)
        before = self.sources.trace.contract_at(contract_id, step - 1)
        if contract is None:
            return date.max
        if before is not None and contract.requested_to is not None and contract.requested_to != before.requested_to:
            return contract.requested_to
        ends = [
            said.record.to
            for parts in self.sources.trace.statements.values()
            for said in parts
            if said.step == step and said.record.contract_id == contract_id
        ]
        return ends[-1] if ends else contract.period_start or contract.requested_to or date.max

    def _share(self, own: CapConsumer | None, rule: CapRule, consumption: ConsumptionOrder, to: date) -> Node | None:
        if own is None:
            return None
        bucket = bucket_key(rule, own.claim.day, own.claim.person_id)
        sharing = [
            consumer
            for consumer in consumption.consumers
            if consumer.claim.day < to
            and not consumer.stake.price.final
            and consumer.under(bucket)
            and is_prorated(rule, consumer.claim.day)
            and consumer.entry.standing is not None
            and not is_settled(consumer)
        ]
        if own not in sharing:
            return None
        last = sharing[-1].claim.day
        limit = self.headroom.limit(own.plan, rule, last, "amount", consumption.step)
        # Work of days on which the cap was split in another way comes first.
        taken = self.headroom.taken(sharing[0], bucket, consumption, by_hours=False)
        nothing = constant("nothing", 0, "amount", own.plan.currency)
        room = most("room that is shared", less("limit less what is taken", limit, *taken), nothing, rule="R18")
        free = [self._wants(consumer, consumption) for consumer in sharing]
        values = prorate(room.value or 0, [node.value or 0 for node in free], own.plan.currency)
        place = sharing.index(own)
        if sum(node.value or 0 for node in free) <= (room.value or 0):
            return free[place]
        parameters: dict[str, Any] = {"step": step_of(own.plan.currency), "party": place}
        arithmetic = Arithmetic("share", (room, *free), parameters)
        return Node(f"{own.entry_id}: its share", values[place], "amount", own.plan.currency, arithmetic, "R12")

    def _wants(self, consumer: CapConsumer, consumption: ConsumptionOrder) -> Node:
        value = self.entries.chargeable(self.headroom.at(consumer, consumption))
        if not consumer.settles:
            return value
        return less(f"{consumer.entry_id}: not settled yet", value, self.headroom.settled(consumer, consumption))

    # Limits

    def left_of(
        self, plan: LinePlan, rule: CapRule, bucket: BucketKey, allotment: str, step: int, *, by_hours: bool
    ) -> Node:
        """What a cap has left of its newest limit after everything that is granted."""
        limit, taken = self._newest(plan, rule, bucket, allotment, step, by_hours=by_hours)
        nothing = constant("nothing", 0, limit.unit, limit.currency)
        return most(
            f"room under {spoken(rule.cap_id)}", less("limit less what is taken", limit, *taken), nothing, rule="R18"
        )

    def taken(
        self, plan: LinePlan, rule: CapRule, bucket: BucketKey, allotment: str, step: int, *, by_hours: bool
    ) -> Node:
        """Everything that is granted of a bucket of the cap, and what a soft cap counts."""
        parts = self._parts_taken(plan, bucket, allotment, step, by_hours=by_hours)
        unit, currency = ("hours", "") if by_hours else ("amount", plan.currency)
        return total(f"taken from {spoken(rule.cap_id)}", parts, unit, currency, rule="R16")

    def _parts_taken(
        self, plan: LinePlan, bucket: BucketKey, allotment: str, step: int, *, by_hours: bool
    ) -> list[Node]:
        consumption = self.consumption(plan, allotment, step)
        queue = self.headroom.queue(consumption, bucket, by_hours=by_hours)
        parts = [self.headroom.all_settled(queue, bucket, consumption, by_hours=by_hours)] if queue.settled else []
        if queue.free:
            parts.append(self.headroom.before(queue, len(queue.free), bucket, consumption, by_hours=by_hours))
        return parts

    def limit_on(self, plan: LinePlan, rule: CapRule, day: date, step: int, *, by_hours: bool) -> Node:
        return self.headroom.limit(plan, rule, max(day, EARLIEST), "hours" if by_hours else "amount", step)

    def last_to_fit(self, plan: LinePlan, bucket: BucketKey, step: int, limit: int, *, by_hours: bool) -> str:
        """The entry that takes the last of the limit in the order of the work, what is settled first; empty where there is room."""
        consumption = self.consumption(plan, allotments(plan)[-1], step)
        queue = self.headroom.queue(consumption, bucket, by_hours=by_hours)
        taken = 0
        for consumer in queue.settled:
            taken += consumer.claim.pinned_hours if by_hours else consumer.claim.pinned
            if taken >= limit:
                return consumer.entry_id
        for consumer in queue.free:
            taken += self.headroom.takes(consumer, consumption.allotment, by_hours=by_hours)
            if taken >= limit:
                return consumer.entry_id
        return ""

    def beyond(self, plan: LinePlan, rule: CapRule, bucket: BucketKey, allotment: str, step: int) -> Node:
        """What is taken in money beyond the limit."""
        if limit_of(rule, bucket).amount is None:
            return constant("nothing beyond it", 0, "amount", plan.currency)
        limit, taken = self._newest(plan, rule, bucket, allotment, step, by_hours=False)
        whole = total("taken", taken, "amount", plan.currency)
        return most(
            "beyond it", less("taken less the limit", whole, limit), constant("nothing", 0, "amount", plan.currency)
        )

    def rooms_under(self, before: VersionStanding, plan: LinePlan, step: int) -> list[Node]:
        """What an entry finds under each limit in money of the plan by a later step, beside what came before it on its line."""
        consumption = self.consumption(plan, allotments(plan)[-1], before.step)
        own = consumption.by_entry.get(before.entry.entry_id)
        found: list[Node] = []
        for rule in plan.rules if own is not None else ():
            assert own is not None, "there are rules for it alone"
            limit = limit_on(rule, own.claim.day)
            if limit.amount is None or not limit.hard:
                continue
            whole = self.headroom.limit(plan, rule, own.claim.day, "amount", step)
            taken = [
                node
                for consumer in self._ahead_on_line(own, rule, consumption)
                if (node := self.entries.passing.before_it_went_back(self.headroom.at(consumer, consumption), step))
                is not None
            ]
            nothing = constant("nothing", 0, "amount", plan.currency)
            title = f"room under {spoken(rule.cap_id)}"
            found.append(most(title, less(title, whole, *taken), nothing, rule="R18") if taken else whole)
        return found

    def _ahead_on_line(self, own: CapConsumer, rule: CapRule, consumption: ConsumptionOrder) -> list[CapConsumer]:
        bucket = bucket_key(rule, own.claim.day, own.claim.person_id)
        return [
            consumer
            for consumer in consumption.consumers
            if consumer.order < own.order
            and consumer.stake.price.line_id == own.stake.price.line_id
            and bucket_key(rule, consumer.claim.day, consumer.claim.person_id) == bucket
        ]

    def _newest(
        self, plan: LinePlan, rule: CapRule, bucket: BucketKey, allotment: str, step: int, *, by_hours: bool
    ) -> tuple[Node, list[Node]]:
        """The newest limit that says something of the bucket, and everything that is taken."""
        taken = self._parts_taken(plan, bucket, allotment, step, by_hours=by_hours)
        day = max(limit_of(rule, bucket).effective_on, EARLIEST)
        return self.headroom.limit(plan, rule, day, "hours" if by_hours else "amount", step), taken

    def room_around(self, at: VersionStanding) -> tuple[Node, ...]:
        """For each cap in money of the entry's line: what was left before the entry, and what after it."""
        price = at.work.price
        plan = plan_of(self.sources.draft(at.step), price) if price is not None and price.line_id else None
        if plan is None or not plan.rules:
            return ()
        consumption = self.consumption(plan, allotments(plan)[-1], at.step)
        own = consumption.by_entry.get(at.entry.entry_id) if len(consumption.consumers) <= CONSUMERS_SHOWN else None
        found: list[Node] = []
        for rule in own.claim.rules if own is not None else ():
            if own is None or limit_on(rule, own.claim.day).amount is None:
                continue
            named = spoken(rule.cap_id)
            bucket = bucket_key(rule, own.claim.day, own.claim.person_id)
            limit = self.headroom.limit(plan, rule, own.claim.day, "amount", at.step)
            before = less(
                f"{named}: room before",
                limit,
                *self.headroom.taken(own, bucket, consumption, by_hours=False),
                rule="R18",
            )
            if own.settles:
                own_part = (before, self.headroom.settled(own, consumption))
                before = total(f"{named}: room before", own_part, "amount", plan.currency, rule="R18")
            after = less(f"{named}: room after", before, self.granted_of(own, consumption), rule="R18")
            found += [before, after]
        return tuple(found)


PARTS = {
    part_name(what, allotment, by_hours=by_hours): (what, allotment, by_hours)
    for what in (SETTLED, TAKEN)
    for allotment in (MAIN, FOR_BILLING, FOR_REVENUE)
    for by_hours in (False, True)
}


def is_settled(consumer: CapConsumer) -> bool:
    """Whether nothing of the entry waits for room or a statement: it is not listed as open on its line any more."""
    price = consumer.stake.price
    keys = [(contract_id, *marked.partition(MARK)) for contract_id, marked, _, _ in open_keys(consumer.entry)]
    open_on = {(contract_id, line_id) for contract_id, line_id, sign, mark in keys if sign + mark not in (DRAWS, FREE)}
    return (price.contract_id, price.line_id) not in open_on


def same_share(one: Work, other: Work) -> bool:
    """Whether two states of an entry are valued alike and have the same room."""
    return _share(one) == _share(other)


def same_billing(one: Work, other: Work) -> bool:
    """The same of what may be billed, whatever is earned by then."""
    return _share(one, (0,)) == _share(other, (0,))


def _share(work: Work, earned: tuple[int, ...] = ()) -> tuple[Any, ...]:
    price = work.price
    if price is None:
        return (work.subject.version,)
    terms = (price.contract_id, price.line_id, price.decision, price.rate, price.markup, price.hours, price.value)
    granted = (*(earned or (price.allowed,)), price.billable, price.given, price.binding)
    return (work.subject.version, *terms, price.written_off, *granted)
