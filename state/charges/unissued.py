"""What lines would be charged for each month had nothing been issued: a minimum compares with that.

What is issued keeps its room under caps and the steps of its units, so that work that comes late gets what these leave. All months
together come to the same in any order; one month does not, and a minimum asks for months. So the rows of lines under caps are allotted
once more by the facts alone, beside the books, and what a month has more or less then is counted with it.

    cap 1,000; January's 600 come when February's 800 are issued, and get 200: January counts 600, February 400

What was allotted is kept from event to event. Rows that an event changed take their new places, and only from the first of these on is
allotted again, up to where every cap has left what it had left before: where work comes in order that is its own, and where it comes
late, up to the row that the cap is exhausted with.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps.consume import EMPTY, Billable, Bucket, BucketKey, CapRequest, Order, grant, pin
from domain.caps.recorded import CapFigures
from domain.identity import composed
from domain.terms.subscription import MINIMUM
from domain.units import Amount, Hours
from domain.work.rows import fee_row
from state.books import Contract, Entry, LineTotals, Price
from state.caps.claims import Consumption, allotments, claim_of, consumption_of, order_key, with_grant, with_returned
from state.caps.sharers import has_steps, without_issue
from state.draft import Draft, PartKey
from state.terms.plan import LinePlan, newest_plan, plan_of
from state.totals import month_of, standing_price


class Unissued(NamedTuple):
    """A row with the price that it would have."""

    order: Order
    entry: Entry
    plan: LinePlan
    consumption: Consumption
    claim: CapRequest


def minimum_rows(contract_id: str, line_id: str) -> str:
    """How rows begin that a line charges for its minimum."""
    return fee_row(contract_id, line_id, MINIMUM)


def moved_by_issue(draft: Draft, contract: Contract, line_ids: Sequence[str]) -> Counter[str]:
    """By month, what rows of the lines would be charged more by the facts alone than they are since issued ones keep what they have."""
    found: Counter[str] = Counter()
    seen: set[str] = set()
    for line_id in line_ids:
        plan = newest_plan(draft, contract, line_id)
        if plan is None:
            continue
        if plan.every_rule:
            allotted = _allotted(draft, contract, plan) if line_id not in seen else None
            for (on, month), amount in allotted.more.items() if allotted is not None else ():
                found[month] += amount if on in line_ids else 0
            seen |= plan.group
        elif has_steps(contract, line_id):
            for price, by_day in without_issue(draft, contract, plan).values():
                found[month_of(price.day)] += int(by_day.value) - price.value
    return found


def is_moved(draft: Draft, contract: Contract, line_ids: Sequence[str], last: str) -> bool:
    """Whether the event changed that for a month up to the last."""
    had: Contract | None = draft.before.get(("contract", contract.contract_id))
    if had is None or had.history is not contract.history:
        return True
    for line_id in line_ids:
        plan = newest_plan(draft, contract, line_id)
        group = plan.group if plan is not None and plan.every_rule else (line_id,)
        if _is_stepped(contract, group):
            if (contract.contract_id, line_id) in draft.changed_on:
                return True
        elif plan is not None and plan.every_rule:
            keys = _sums_of(plan)
            if _is_over(map(draft.before.get, keys)) != _is_over(draft.part(*key) for key in keys):
                return True
            allotted = _allotted(draft, contract, plan)
            if allotted is not None and any(on in line_ids and month <= last for on, month in allotted.changed()):
                return True
    return False


# Under caps


def unissued(draft: Draft, contract: Contract, plan: LinePlan, figures: CapFigures | None = None) -> list[Unissued]:
    """All rows of lines that share caps, minimums apart, with what these would leave each of them, in consumption order."""
    allotted = _Allotted(draft, contract, plan, draft.everything(), figures)
    for row, before, granted in allotted.places if figures is not None else ():
        if figures is not None:
            figures.hold(row.claim, granted, set(before), row.order)
    return list(allotted.rows())


def _allotted(draft: Draft, contract: Contract, plan: LinePlan) -> "_Allotted | None":
    """As the draft is by now; None where caps leave all to everybody."""
    sums: list[LineTotals | None] = [draft.part(*key) for key in _sums_of(plan)]
    stepped = _is_stepped(contract, plan.group)
    if not stepped and not _is_over(sums):
        return None
    kept = _kept(draft, contract)
    known = kept.get(plan.group)
    if stepped:
        # What one delivery has decides the price of the next.
        if known is None or any(one is not other for one, other in zip(known.sums, sums, strict=True)):
            known = _Allotted(draft, contract, plan, draft.everything())
    else:
        if known is None or not known.stands_before(draft):
            known = _Allotted(draft, contract, plan, draft.entries.everything())
        known.follow(draft, contract)
    known.sums = sums
    kept[plan.group] = known
    return known


def _kept(draft: Draft, contract: Contract) -> "dict[frozenset[str], _Allotted]":
    """What is kept of the contract, by the lines that share caps; nothing of what it was before its terms changed."""
    key = "unissued", contract.contract_id
    known: tuple[object, dict[frozenset[str], _Allotted]] | None = draft.memo.lines.get(key)
    if known is None or known[0] is not contract.history:
        known = draft.memo.lines[key] = contract.history, {}
    return known[1]


def _sums_of(plan: LinePlan) -> list[PartKey]:
    return [("line", composed(plan.contract_id, line_id)) for line_id in sorted(plan.group)]


def _is_over(sums: Iterable[LineTotals | None]) -> bool:
    return any(one.over for one in sums if one is not None)


def _is_stepped(contract: Contract, line_ids: Iterable[str]) -> bool:
    return any(has_steps(contract, line_id) for line_id in line_ids)


class _Place(NamedTuple):
    """A row in its place, what others before it have of the caps that count it, and what these leave it."""

    row: Unissued
    before: dict[BucketKey, Bucket]
    granted: Billable

    @property
    def order(self) -> Order:
        return self.row.order

    @property
    def entry_id(self) -> str:
        return self.row.entry.entry_id

    @property
    def taken(self) -> tuple[Amount, Hours]:
        claim = self.row.claim
        return self.granted.amount - claim.pinned, self.granted.hours - claim.pinned_hours


class _Allotted:
    """Rows of lines in consumption order, and by line and month what is `more` than they are charged; `had`: that before the event of the
    draft.

    It is in the draft's memo. So of the draft only the parts and rows are kept that the event changed; the draft would keep the memo.
    """

    __slots__ = ("by_id", "changed_parts", "changed_rows", "figures", "had", "more", "places", "plan", "sums", "taken")

    def __init__(
        self,
        draft: Draft,
        contract: Contract,
        plan: LinePlan,
        entries: Iterable[Entry],
        figures: CapFigures | None = None,
    ) -> None:
        self.figures = figures
        self.changed_parts, self.changed_rows = draft.parts, draft.rows
        self.plan = plan
        self.sums: Sequence[LineTotals | None] = ()
        self.more: Counter[tuple[str, str]] = Counter()
        self.places: list[_Place] = []
        self.by_id: dict[str, Unissued] = {}
        self.taken: dict[BucketKey, Bucket] = {}
        self._allot_all(_rows(draft, contract, plan, entries))
        self.had = dict(self.more)

    def changed(self) -> set[tuple[str, str]]:
        return {place for place, _ in self.had.items() ^ self.more.items()}

    def rows(self) -> Iterator[Unissued]:
        """With the price that they would have."""
        allotment = allotments(self.plan)[-1]
        for row, _, granted in self.places:
            price = with_grant(row.plan, row.consumption.price, allotment, granted)
            yield row._replace(consumption=replace(row.consumption, price=price))

    def stands_before(self, draft: Draft) -> bool:
        """Whether the books were like that before the event. Every change of a row makes new sums of its line."""
        sums = zip(_sums_of(self.plan), self.sums, strict=True)
        return self._is_of(draft) or all(
            self.changed_parts.get(key, known) is draft.before.get(key) for key, known in sums
        )

    def follow(self, draft: Draft, contract: Contract) -> None:
        """Take what became of rows by the end of the event that was looked at last, and what has by now."""
        if not self._is_of(draft):
            self._bring(draft, contract, self.changed_rows)
            self.changed_parts, self.changed_rows = draft.parts, draft.rows
            self.had = dict(self.more)
        self._bring(draft, contract, draft.rows)

    def _is_of(self, draft: Draft) -> bool:
        return self.changed_parts is draft.parts

    def _bring(self, draft: Draft, contract: Contract, rows: Mapping[str, Entry]) -> None:
        changed = {
            entry_id: entry
            for entry_id, entry in rows.items()
            if (known := self.by_id.get(entry_id)) is None or known.entry is not entry
        }
        has = {row.entry.entry_id: row for row in _rows(draft, contract, self.plan, changed.values())}
        goes: list[Unissued] = []
        comes: list[Unissued] = []
        for entry_id in changed:
            before, after = self.by_id.get(entry_id), has.get(entry_id)
            if before is not None and after is not None and _claims_the_same(before, after):
                self._restate(before._replace(entry=after.entry))
            else:
                goes += [before] if before is not None else []
                comes += [after] if after is not None else []
        if any(row.claim.pinned for row in (*goes, *comes)):
            gone = {row.entry.entry_id for row in goes}
            self._allot_all([*(row for entry_id, row in self.by_id.items() if entry_id not in gone), *comes])
        elif goes or comes:
            self._allot(goes, comes)

    def _restate(self, row: Unissued) -> None:
        """Another state of an entry that claims the same."""
        at = self._place(row)
        self._count(self.places[at], -1)
        self.places[at] = now = self.places[at]._replace(row=row)
        self._count(now, 1)
        self.by_id[now.entry_id] = row

    def _place(self, row: Unissued) -> int:
        return bisect_left(self.places, row.order, key=attrgetter("order"))

    def _count(self, place: _Place, sign: int) -> None:
        """Add, or take away, what the row has more."""
        price, charged = place.row.consumption.price, standing_price(place.row.entry)
        more = with_returned(price, place.granted).amount - (charged.billable if charged is not None else 0)
        at = price.line_id, month_of(price.day)
        self.more[at] += sign * more
        if not self.more[at]:
            del self.more[at]

    def _allot_all(self, rows: Sequence[Unissued]) -> None:
        self.places, self.by_id = [], {}
        self.more.clear()
        self.taken = _settled(rows)
        self._allot([], rows)

    def _allot(self, goes: Sequence[Unissued], comes: Iterable[Unissued]) -> None:
        """Rows go and come. Those after them get what is left then, up to where every cap has left what it had left there."""
        for row in goes:
            del self.by_id[row.entry.entry_id]
        to_go = {row.order for row in goes}
        to_come = deque(sorted(comes, key=attrgetter("order")))
        self.by_id |= {row.entry.entry_id: row for row in to_come}
        moved = _Moved()
        at = min(map(self._place, (*goes, *to_come)), default=0)
        while to_come or to_go or (moved and at < len(self.places)):
            old = self.places[at] if at < len(self.places) else None
            if old is not None and old.order in to_go:
                to_go.remove(old.order)
                del self.places[at]
                self._count(old, -1)
                moved.add(old, -1)
            elif to_come and (old is None or to_come[0].order < old.order):
                row = to_come.popleft()
                self.places.insert(at, self._granted(row, moved.since(self._before(row, at))))
                self._count(self.places[at], 1)
                moved.add(self.places[at], 1)
                at += 1
            else:
                assert old is not None, "a row that goes has a place"
                if not moved.keys().isdisjoint(old.before):
                    self.places[at] = now = self._granted(old.row, moved.since(old.before))
                    if now.granted != old.granted:
                        self._count(old, -1)
                        self._count(now, 1)
                        moved.add(old, -1)
                        moved.add(now, 1)
                at += 1
        self.taken |= moved.since({key: self.taken.get(key, EMPTY) for key in moved})

    def _before(self, row: Unissued, at: int) -> dict[BucketKey, Bucket]:
        """What stood before it, had it been there: as before the next row that the same cap counts, or in the end."""
        found: dict[BucketKey, Bucket] = {}
        for key, _ in row.claim.under:
            after = (place.before[key] for place in islice(self.places, at, None) if key in place.before)
            found[key] = next(after, None) or self.taken.get(key, EMPTY)
        return found

    def _granted(self, row: Unissued, before: dict[BucketKey, Bucket]) -> _Place:
        mode = self.plan.policies.money_mode
        return _Place(row, before, grant(row.claim, before, self.plan.step, mode, self.figures))


class _Moved(dict[BucketKey, tuple[Amount, Hours]]):
    """How much more, or less, is taken of buckets than was at the same place."""

    __slots__ = ()

    def add(self, place: _Place, sign: int) -> None:
        amount, hours = place.taken
        for key in place.before:
            had_amount, had_hours = self.pop(key, (0, 0))
            has = had_amount + sign * amount, had_hours + sign * hours
            if any(has):
                self[key] = has

    def since(self, before: dict[BucketKey, Bucket]) -> dict[BucketKey, Bucket]:
        return {key: self._of(key, bucket) for key, bucket in before.items()}

    def _of(self, key: BucketKey, bucket: Bucket) -> Bucket:
        amount, hours = self.get(key, (0, 0))
        return bucket._replace(free_amount=bucket.free_amount + amount, free_hours=bucket.free_hours + hours)


def _claims_the_same(one: Unissued, other: Unissued) -> bool:
    return (one.order, one.claim, one.consumption.price.line_id, one.consumption.price.returned) == (
        other.order,
        other.claim,
        other.consumption.price.line_id,
        other.consumption.price.returned,
    )


def _rows(draft: Draft, contract: Contract, plan: LinePlan, entries: Iterable[Entry]) -> list[Unissued]:
    by_day: dict[str, Price] = {}
    for line_id in plan.group:
        theirs = newest_plan(draft, contract, line_id)
        if theirs is not None and has_steps(contract, line_id):
            alone = without_issue(draft, contract, theirs)
            by_day |= {row: replace(price, value=int(price.value)) for row, (_, price) in alone.items()}
    found = []
    for entry in entries:
        consumption = consumption_of(entry)
        theirs = plan_of(draft, consumption.price) if consumption is not None else None
        if consumption is None or theirs is None or consumption.price.contract_id != contract.contract_id:
            continue
        if consumption.price.line_id in plan.group and not entry.entry_id.startswith(
            minimum_rows(contract.contract_id, consumption.price.line_id)
        ):
            bare = replace(consumption, price=_bare(by_day.get(entry.entry_id, consumption.price)), issued=0)
            claim = claim_of(theirs, allotments(theirs)[-1], bare)
            found.append(Unissued(order_key(theirs, bare.price, entry.entry_id), entry, theirs, bare, claim))
    return found


def _bare(price: Price) -> Price:
    """Without what cuts made of it."""
    return replace(price, given=0, final=False, kept=0, kept_hours=0, passed=0, passed_hours=0)


def _settled(rows: Sequence[Unissued]) -> dict[BucketKey, Bucket]:
    """What is below zero makes room for all others (R16)."""
    buckets: dict[BucketKey, Bucket] = {}
    for claim in (row.claim for row in rows if row.claim.pinned):
        for key, rule in claim.under:
            buckets[key] = pin(buckets.get(key, EMPTY), rule, claim)
    return buckets
