"""What lines would be charged for each month had nothing been issued: a minimum compares with that.

What is issued keeps its room under caps and the steps of its units, so that work that comes late gets what these leave. All months
together come to the same in any order; one month does not, and a minimum asks for months. So the rows of lines under caps are allotted
once more by the facts alone, beside the books, and what a month has more or less then is counted with it.

    cap 1,000; January's 600 come when February's 800 are issued, and get 200: January counts 600, February 400

What was allotted is kept from event to event. Rows that an event changed take their new places, and only from the first of these on is
allotted again: where work comes in order that is its own.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from domain.billing.subscription import MINIMUM
from domain.caps import Bucket, BucketKey, Claim, Grant, Order, allot, bucket_key, take
from domain.identity import composed
from domain.rows import FEE, row_id
from state.books import Contract, Entry, LineTotals, Price
from state.claims import Stake, allotments, claim_of, order_key, stake_of, with_grant
from state.draft import Draft, PartKey
from state.plan import LinePlan, newest_plan, plan_of
from state.sharers import has_steps, without_issue
from state.totals import month_of, standing_price


class Unissued(NamedTuple):
    """A row with the price that it would have."""

    order: Order
    entry: Entry
    plan: LinePlan
    stake: Stake
    claim: Claim


def minimum_rows(contract_id: str, line_id: str) -> str:
    """How rows begin that a line charges for its minimum."""
    return row_id(FEE, f"{composed(contract_id, line_id)}/{MINIMUM}")


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
                found[month_of(price.day)] += by_day.value - price.value
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


def unissued(draft: Draft, contract: Contract, plan: LinePlan) -> list[Unissued]:
    """All rows of lines that share caps, minimums apart, with what these would leave each of them, in consumption order."""
    allotted = _Allotted(draft, contract, plan, draft.everything())
    return list(map(allotted.granted, allotted.rows, allotted.grants))


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
    known: tuple[object, dict[frozenset[str], _Allotted]] | None = draft.plans.get(key)
    if known is None or known[0] is not contract.history:
        known = draft.plans[key] = contract.history, {}
    return known[1]


def _sums_of(plan: LinePlan) -> list[PartKey]:
    return [("line", composed(plan.contract_id, line_id)) for line_id in sorted(plan.group)]


def _is_over(sums: Iterable[LineTotals | None]) -> bool:
    return any(one.over for one in sums if one is not None)


def _is_stepped(contract: Contract, line_ids: Iterable[str]) -> bool:
    return any(has_steps(contract, line_id) for line_id in line_ids)


class _Allotted:
    """Rows of lines in consumption order, what is granted of each, and by line and month what is `more` than they are charged; `had`: that
    before the event of the draft.

    It is in the draft's memo. So of the draft only the parts and rows are kept that the event changed; the draft would keep the memo.
    """

    __slots__ = ("buckets", "by_id", "changed_parts", "changed_rows", "grants", "had", "more", "plan", "rows", "sums")

    def __init__(self, draft: Draft, contract: Contract, plan: LinePlan, entries: Iterable[Entry]) -> None:
        self.changed_parts, self.changed_rows = draft.parts, draft.rows
        self.plan = plan
        self.sums: Sequence[LineTotals | None] = ()
        self.more: Counter[tuple[str, str]] = Counter()
        self.rows: list[Unissued] = []
        self.grants: list[Grant] = []
        self.by_id: dict[str, Unissued] = {}
        self.buckets: dict[BucketKey, Bucket] = {}
        self._allot(0, _rows(draft, contract, plan, entries), settles=True)
        self.had = dict(self.more)

    def changed(self) -> set[tuple[str, str]]:
        return {place for place, _ in self.had.items() ^ self.more.items()}

    def granted(self, row: Unissued, grant: Grant) -> Unissued:
        price = with_grant(row.plan, row.stake.price, allotments(self.plan)[-1], grant)
        return row._replace(stake=replace(row.stake, price=price))

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
        moved: list[Unissued] = []
        for entry_id in changed:
            before, after = self.by_id.get(entry_id), has.get(entry_id)
            if before is not None and after is not None and _claims_the_same(before, after):
                place = self._place(before)
                self._count(place, -1)
                self.rows[place] = self.by_id[entry_id] = before._replace(entry=after.entry)
                self._count(place, 1)
            else:
                moved += (row for row in (before, after) if row is not None)
        if moved:
            settles = any(row.claim.pinned for row in moved)
            start = 0 if settles else min(map(self._place, moved))
            ids = {row.entry.entry_id for row in moved}
            stay = (row for row in self.rows[start:] if row.entry.entry_id not in ids)
            self._allot(start, [*stay, *(row for row in moved if has.get(row.entry.entry_id) is row)], settles=settles)

    def _place(self, row: Unissued) -> int:
        return bisect_left(self.rows, row.order, key=attrgetter("order"))

    def _count(self, place: int, sign: int) -> None:
        """Add, or take away, what the row has more."""
        row = self.rows[place]
        charged, price = standing_price(row.entry), self.granted(row, self.grants[place]).stake.price
        more = price.billable - (charged.billable if charged is not None else 0)
        at = price.line_id, month_of(price.day)
        self.more[at] += sign * more
        if not self.more[at]:
            del self.more[at]

    def _allot(self, start: int, rows: Sequence[Unissued], *, settles: bool) -> None:
        """From a place on, where these rows come instead of those that stood there."""
        for place in range(start, len(self.rows)):
            self._count(place, -1)
            take(self.rows[place].claim, self.grants[place], self.buckets, -1)
            del self.by_id[self.rows[place].entry.entry_id]
        self.rows[start:] = sorted(rows, key=attrgetter("order"))
        if settles:
            self.buckets = _settled(self.rows)
        claims = [row.claim for row in self.rows[start:]]
        self.grants[start:], self.buckets = allot(claims, self.buckets, self.plan.step, self.plan.policies.money_mode)
        for place in range(start, len(self.rows)):
            self._count(place, 1)
            self.by_id[self.rows[place].entry.entry_id] = self.rows[place]


def _claims_the_same(one: Unissued, other: Unissued) -> bool:
    return (one.order, one.claim, one.stake.price.line_id, one.stake.price.returned) == (
        other.order,
        other.claim,
        other.stake.price.line_id,
        other.stake.price.returned,
    )


def _rows(draft: Draft, contract: Contract, plan: LinePlan, entries: Iterable[Entry]) -> list[Unissued]:
    by_day: dict[str, Price] = {}
    for line_id in plan.group:
        theirs = newest_plan(draft, contract, line_id)
        if theirs is not None and has_steps(contract, line_id):
            by_day |= {row: price for row, (_, price) in without_issue(draft, contract, theirs).items()}
    found = []
    for entry in entries:
        stake = stake_of(entry)
        theirs = plan_of(draft, stake.price) if stake is not None else None
        if stake is None or theirs is None or stake.price.contract_id != contract.contract_id:
            continue
        if stake.price.line_id in plan.group and not entry.entry_id.startswith(
            minimum_rows(contract.contract_id, stake.price.line_id)
        ):
            bare = replace(stake, price=_bare(by_day.get(entry.entry_id, stake.price)), issued=0)
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
        for rule in claim.rules:
            key = bucket_key(rule, claim.day, claim.person_id)
            had = buckets.get(key, Bucket())
            buckets[key] = had._replace(
                pinned_amount=had.pinned_amount + claim.pinned, pinned_hours=had.pinned_hours + claim.pinned_hours
            )
    return buckets
