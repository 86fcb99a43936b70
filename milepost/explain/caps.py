"""What caps allow of an entry, as their rule recorded it (R16 to R18), and what caps have left after a step."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from domain.caps.consume import Billable, BucketKey, CapLimit, CapRule, bucket_key, least_room, limit_of, limit_on
from domain.caps.recorded import (
    BOOKS,
    CHARGEABLE,
    CLAIMED,
    FREE,
    HOURS,
    ISSUED,
    KEPT,
    ORDERS,
    PINNED,
    SETTLED,
    SHARE,
    TAKEN,
    VALUE,
    WITHIN,
    bucket_of,
    figures_of,
    given_of,
    kept_in,
    limit_node,
    name_of,
    spoken_period,
)
from domain.explanation import Node, less, total
from domain.figure import Recorded, RecordedLater, as_recorded, later, node_of
from domain.identity import parts_of
from domain.why import PlacedPart
from domain.work import recorded as work_recorded
from milepost.explain.entries import VersionStanding
from milepost.explain.nodes import Nodes, once
from milepost.explain.published import given
from milepost.explain.recorded import ALL_OF_IT, BEFORE_IT
from state.billing.issued_record import returned_at
from state.books import Price, Work
from state.caps.claims import (
    FOR_BILLING,
    FOR_REVENUE,
    MAIN,
    Consumption,
    allotments,
    bucket_id,
    claim_of,
    order_key,
    with_returned,
)
from state.caps.lately import is_of_no_day
from state.caps.walk import has_order_by_day
from state.terms.plan import LinePlan, plan_of
from state.totals import issued_of, issued_on

# Of an engagement with more entries, what was left is only named where it decides.
CONSUMERS_SHOWN = 2_000
POLICIES = ("cap_split", "cap_order", "cap_includes", "overflow")


class TakenOfCap(NamedTuple):
    """What is taken of a cap in one of its periods, by an allotment; in money or in hours; with `days` by work of these."""

    plan: LinePlan
    bucket: BucketKey
    allotment: str
    by_hours: bool = False
    days: tuple[date, date] | None = None

    @property
    def title(self) -> str:
        if self.days is not None:
            return f"taken from {self.days[0]} to {self.days[1]}"
        return f"taken from {spoken_period(self.bucket)}"

    def has(self, one: PlacedPart) -> bool:
        if self.days is None:
            return True
        day = one.order[0 if has_order_by_day(self.plan) else 1]
        return self.days[0].isoformat() <= day <= self.days[1].isoformat() and not is_of_no_day(one.of)

    def measure(self, name: str) -> str:
        return name + HOURS if self.by_hours else name

    @property
    def under(self) -> str:
        return bucket_of(self.plan.contract_id, self.allotment, self.bucket)


class CapNodes(Nodes):
    def begin(self) -> None:
        self.recorded.resolvers[BOOKS] = self._operand
        self.recorded.called = lambda bucket, name: name_of(name, parts_of(bucket)[1])
        self._memo: dict[tuple[Any, ...], Node] = {}

    # What caps allow

    def granted(self, at: VersionStanding, side: str) -> Node:
        """The part of the entry's value that caps allow to earn revenue, or to be billed."""
        price = at.price
        amount = price.allowed if side == FOR_REVENUE else price.billable
        value = self.nodes.given_up.chargeable(at)
        if amount == value.value:
            return value
        key = ("granted", at.entry.entry_id, at.step, side)
        if key not in self._memo:
            self._memo[key] = as_recorded(amount, self._granted(at, price, side)).node
        return self._memo[key]

    def _granted(self, at: VersionStanding, price: Price, side: str) -> Node:
        title, draft = f"{at.entry.entry_id}: what caps allow", self.sources.draft(at.step)
        plan = given(plan_of(draft, price), title)
        orders = figures_of(BOOKS, plan.contract_id, side if plan.apart else MAIN, ORDERS)
        share = given(self.recorded.part(orders, at.entry.entry_id, SHARE, at.step), title)
        priced = self._recorded(at, price, self.recorded.why.turn)
        billed = with_returned(priced, Billable(Recorded(share), 0, "")).amount
        made = node_of(billed, title, currency=price.currency)
        used = self.sources.policies(draft, plan.contract_id, plan.version, plan.line.line_id, *POLICIES)
        return made._replace(title=title, policies=used)

    def named(self, at: VersionStanding, name: str) -> Node | None:
        """A part of an entry by its name, such as `taken_hours`; None where the entry has no such part."""
        price, allotment = at.work.price, PARTS.get(name)
        if price is None or allotment is None:
            return None
        orders = figures_of(BOOKS, price.contract_id, allotment, ORDERS)
        what = name.removesuffix(f"_of_{allotment}") if allotment else name
        return self.recorded.part(orders, at.entry.entry_id, what, at.step)

    # Operands that the rule names

    def _operand(
        self, name: str, _contract_id: str, allotment: str, entry_id: str, step: str, turn: str
    ) -> Node | None:
        at = self.nodes.entries.standing(entry_id, int(step))
        if at is None or at.work.price is None:
            before = self.nodes.entries.standing(entry_id, int(step) - 1)
            if name == SETTLED and before is not None and before.work.price is not None:
                return self._claimed(before, allotment, int(turn), name)
            return self._as_valued(name, entry_id, int(step))
        by = int(turn)
        if name == VALUE:
            return self.nodes.entries.value(at)
        if name == VALUE + HOURS:
            return self.nodes.entries.hours_at(entry_id, at.step)
        if name == CHARGEABLE:
            return self.nodes.given_up.chargeable(at, by)
        if name == ISSUED:
            return self.issued(at)
        return self._claimed(at, allotment, by, name)

    def _as_valued(self, name: str, entry_id: str, step: int) -> Node | None:
        """Of a row that the step valued and then took back; what is settled of it was so before."""
        what = work_recorded.HOURS if name.endswith(HOURS) else work_recorded.VALUE
        return self.recorded.figure(work_recorded.figure_of(entry_id, what), step)

    def _claimed(self, at: VersionStanding, allotment: str, turn: int, name: str) -> Node | None:
        """What the entry claims of its caps, as the rule says, of numbers that say how they came about."""
        price, changed = at.price, self._turns_settled(at, allotment) if name == SETTLED else []
        if changed and turn < changed[0]:
            before = self.nodes.entries.standing(at.entry.entry_id, at.step - 1)
            if before is not None and before.work.price is not None:
                return self._claimed(before, allotment, turn, name)
        plan = plan_of(self.sources.draft(at.step), price)
        if plan is None:
            return None
        priced, issued = self._recorded(at, price, turn), 0
        if name == SETTLED and issued_of(price, issued_on(at.entry, price.contract_id, price.line_id)):
            issued = Recorded(self.issued(at, turn))
        claim = claim_of(plan, allotment, Consumption(at.entry.entry_id, at.work.person_id, priced, issued))
        of_claim = {
            CLAIMED: claim.amount,
            CLAIMED + HOURS: claim.hours,
            SETTLED: claim.pinned,
            WITHIN: claim.within[0] if claim.within is not None else 0,
        }
        if name not in of_claim:
            return None
        unit, currency = ("hours", "") if name.endswith(HOURS) else ("amount", price.currency)
        title = f"{at.entry.entry_id}: {name.replace('_', ' ')}"
        return node_of(of_claim[name], title, unit, currency)

    def _recorded(self, at: VersionStanding, price: Price, turn: int | None) -> Price:
        """By a turn, or as the step left it; final work claims what it kept."""
        entries, entry_id = self.nodes.entries, at.entry.entry_id
        kept, kept_hours = (self._kept(at, price, turn, name) for name in (KEPT, KEPT + HOURS))
        return replace(
            price,
            value=later(price.value, entries.value, at),
            hours=later(price.hours, entries.hours_at, entry_id, at.step),
            final=kept is not None,
            kept=Recorded(kept) if kept is not None else 0,
            kept_hours=Recorded(kept_hours) if kept_hours is not None else 0,
            billable=0,
            billable_hours=0,
            written_off=Recorded(self.nodes.given_up.by(at, price, turn)) if price.written_off else 0,
            given=later(price.given, self.recorded.known, given_of(price.contract_id, entry_id), at.step),
            rounding=later(price.rounding, entries.rounding, entry_id, at.step),
            returned=Recorded(self._returned(at)) if price.returned else 0,
            returned_hours=Recorded(self._hours_returned(at, price)) if price.returned_hours else 0,
            within=later(price.within, entries.within, at) if price.within is not None else None,
        )

    def counted(self, at: VersionStanding, price: Price) -> Node:
        """What of the entry counts, as the step left it: of final work what it kept."""
        claimed, _ = self._recorded(at, price, None).claimed
        return node_of(claimed, f"{at.entry.entry_id}: counted", currency=price.currency)

    def hours_claimed(self, at: VersionStanding) -> Node | None:
        return self._claimed(at, MAIN, self.recorded.why.turn, CLAIMED + HOURS)

    def _kept(self, at: VersionStanding, price: Price, turn: int | None, name: str) -> Node | None:
        """What final work kept; None of work that was not final yet."""
        kept = self.recorded.why.placed_of(kept_in(price.contract_id), at.entry.entry_id, turn=turn, step=at.step)
        if kept is None or not price.final:
            return None
        return self.recorded.bound(kept.parts.node(name)) if kept.parts is not None else None

    def _hours_returned(self, at: VersionStanding, price: Price) -> Node:
        """What balances state that caps do not count, and what price concessions gave back."""
        charge, found = at.work.charge, self._given_back(at, price, "credited_hours")
        if charge is not None and charge.opening is not None and charge.opening.uncounted_hours:
            found = [self.nodes.charges.uncounted(charge, by_hours=True), *found]
        return found[0] if len(found) == 1 else total("hours given back to the cap", found, "hours")

    def _turns_settled(self, at: VersionStanding, allotment: str) -> list[int]:
        """When the step changed what is settled of it: a memo credits rows in turn, a cut takes a statement back and issues it again."""
        orders = figures_of(BOOKS, at.price.contract_id, allotment, ORDERS)
        return self.recorded.why.turns_of(orders, at.entry.entry_id, PINNED, at.step)

    def issued(self, at: VersionStanding, turn: int | None = None) -> Node:
        """As the rule counts it, of what is on statements by the end of the step, or by a turn of it."""
        row, price = at.entry.entry_id, at.price
        place = price.contract_id, price.line_id
        issued = issued_on(at.entry, *place)
        if issued is not None:
            amount = Recorded(self.nodes.statements.issued((*place, row), at.step, turn))
            issued = replace(self.nodes.rows.issued(row, issued, at.step), amount=amount)
        cents = later(price.rounding, self.nodes.entries.rounding, row, at.step)
        counts = issued_of(replace(price, rounding=cents), issued)
        return node_of(counts, f"{row}: issued, as caps count it", currency=price.currency)

    def _returned(self, at: VersionStanding) -> Node:
        """What price concessions gave back to the caps."""
        price, charge = at.price, at.work.charge
        found = self._given_back(at, price, "credited")
        if charge is not None and charge.opening is not None and (charge.opening.uncounted or not found):
            title, uncounted = "used before, of caps that count it no more", self.nodes.charges.uncounted(charge)
            found = [uncounted._replace(title=title), *found]
        return total("given back to the cap", found, "amount", price.currency)

    def _given_back(self, at: VersionStanding, price: Price, name: str) -> list[Node]:
        of = f"{returned_at((price.contract_id, price.line_id, at.entry.entry_id))}/{name}"
        return [self.recorded.bound(part) for part in self.recorded.why.parts_at(of, at.step)]

    # What is taken of a cap after a step

    def taken(self, of: TakenOfCap, step: int, turn: int | None = None) -> Node:
        """Everything that is granted of it, and what a soft cap counts; as a turn of the step left it, or the step."""
        parts = self._taken(of, step, turn=turn)
        unit, currency = ("hours", "") if of.by_hours else ("amount", of.plan.currency)
        return total(of.title, parts, unit, currency, rule="R16")

    def number_taken(self, of: TakenOfCap, step: int, turn: int) -> Recorded:
        """The same as a number, by a turn of the step."""
        number = sum(amount for _, amount in self._amounts(of, step, turn))
        return RecordedLater(number, partial(self.taken, of, step, turn))

    def newest_limit(self, plan: LinePlan, rule: CapRule, bucket: BucketKey) -> Node:
        """In money."""
        return self._limit(plan, rule, limit_of(rule, bucket))

    def last_to_fit(self, of: TakenOfCap, step: int, limit: int) -> str:
        """The entry that takes the last of the limit in the order of the work, what is settled first; empty where there is room."""
        taken = 0
        for entry_id, amount in self._amounts(of, step):
            taken += amount
            if taken >= limit:
                return entry_id
        return ""

    def _amounts(self, of: TakenOfCap, step: int, turn: int | None = None) -> Iterator[tuple[str, int]]:
        for name in (SETTLED, TAKEN):
            for one in self._placed(of, name, step, turn):
                yield one.of, one.parts.values[of.measure(name)] if one.parts is not None else 0

    def room_around(self, at: VersionStanding) -> tuple[Node, ...]:
        """For each cap in money of the entry's line: what was left before the entry, and what after it."""
        price = at.work.price
        plan = plan_of(self.sources.draft(at.step), price) if price is not None and price.line_id else None
        if price is None or plan is None or len(list(self.sources.trace.entry_ids())) > CONSUMERS_SHOWN:
            return ()
        found: list[Node] = []
        allotment, order = allotments(plan)[-1], order_key(plan, price, at.entry.entry_id)
        orders = figures_of(BOOKS, plan.contract_id, allotment, ORDERS)
        share = self.recorded.part(orders, at.entry.entry_id, SHARE, at.step)
        for rule in plan.rules if share is not None else ():
            limit, bucket = limit_on(rule, price.day), bucket_key(rule, price.day, at.work.person_id)
            if limit.amount is None or share is None:
                continue
            kept = self.sources.draft(at.step).bucket(bucket_id(plan, allotment, bucket))
            limit, until = least_room(rule, price.day, kept.bucket, by_day=has_order_by_day(plan))
            title = f"{spoken_period(bucket)}: room"
            whole = self._limit(plan, rule, limit)
            taken = self._taken(TakenOfCap(plan, bucket, allotment), at.step, before=order, settled_until=until)
            before = less(f"{title} before", whole, *taken, rule="R18")
            settled = self.recorded.part(orders, at.entry.entry_id, SETTLED, at.step)
            if settled is not None and settled.value:
                before = total(f"{title} before", (before, settled), "amount", plan.currency, rule="R18")
            found += [before, less(f"{title} after", before, share, rule="R18")]
        return tuple(found)

    def _limit(self, plan: LinePlan, rule: CapRule, limit: CapLimit) -> Node:
        key = ("limit", plan.contract_id, rule.cap_id, limit)
        if key not in self._memo:
            node = limit_node(plan.contract_id, plan.currency, rule, limit, by_hours=False)
            self._memo[key] = self.recorded.bound(node)
        return self._memo[key]

    def _taken(
        self,
        of: TakenOfCap,
        step: int,
        before: tuple[str, ...] | None = None,
        turn: int | None = None,
        settled_until: str = "",
    ) -> list[Node]:
        """All that is settled, of all work or of that before a day, and what is taken beside that, in consumption order."""
        found = []
        for name in (SETTLED, TAKEN):
            places, title = self._placed(of, name, step, turn), ALL_OF_IT[name]
            if name == TAKEN and before is not None:
                places, title = [one for one in places if one.order < before], BEFORE_IT
            elif settled_until:
                places = [one for one in places if one.order < (settled_until,)]
            key = ("taken", title, of.under, of.measure(name), tuple(id(one.parts) for one in places))
            if key not in self._memo and places:
                made = self.recorded.placed(of.under, of.measure(name), places, title, of.plan.currency)
                assert made is not None, "there are places"
                self._memo[key] = made
            found += [self._memo[key]] if places else []
        return found

    def _placed(self, of: TakenOfCap, name: str, step: int, turn: int | None = None) -> list[PlacedPart]:
        return [one for one in self._in_sum(of.under, of.measure(name), step, turn) if of.has(one)]

    @once
    def _in_sum(self, under: str, name: str, step: int, turn: int | None) -> list[PlacedPart]:
        return self.recorded.why.placed(under, name, step=step, turn=turn)


PARTS = {
    name_of(what + measure, allotment): allotment
    for what in (SETTLED, TAKEN, PINNED, FREE)
    for allotment in (MAIN, FOR_BILLING, FOR_REVENUE)
    for measure in ("", HOURS)
}


def same_billing(one: Work, other: Work) -> bool:
    """Whether two states of an entry are valued alike and the same may be billed, whatever is earned by then."""
    return _billing(one) == _billing(other)


def _billing(work: Work) -> tuple[Any, ...]:
    price = work.price
    if price is None:
        return (work.subject.version,)
    terms = (price.contract_id, price.line_id, price.decision, price.rate, price.markup, price.hours, price.value)
    return (work.subject.version, *terms, price.written_off, price.billable, price.given, price.binding)
