"""Who consumes caps, in order, with partial sums: a late entry finds those whose share moves without a look at all the others.

Consumers lie in blocks, and blocks in blocks. Of each block is known what its consumers hold of every bucket, and within which limits.
Where there is room before it for all that they hold, and nothing left for those who hold nothing, they keep what they have: it is passed
as a whole.

    cap 1,000.00, a block of 300.00: with 600.00 taken before it everybody keeps its share, with 800.00 it is looked into
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from domain.caps.consume import Bucket, BucketKey, CapRequest, Order
from domain.units import Amount, Hours

# The most consumers, or blocks, of a block.
BLOCK = 64
# Before and after every day and every instant.
FIRST_OF_ALL: Order = ("", "", "")
LAST_OF_ALL: Order = ("~", "", "")
_first = attrgetter("first")


class KeptShare(NamedTuple):
    """What is held of a bucket, and where it stays the same: up to `most` is taken with it, or at least `used_up` before it. None: there is
    no such limit."""

    is_held: bool = False
    amount: Amount = 0
    hours: Hours = 0
    most: Amount | None = None
    most_hours: Hours | None = None
    used_up: Amount | None = None


class CapConsumer(NamedTuple):
    """An entry at its place. One that `asks` is looked at wherever something moves before it; of the others a look at `kept` tells whether
    they keep what they have."""

    order: Order
    entry_id: str
    asks: bool
    kept: Mapping[BucketKey, KeptShare]

    @property
    def first(self) -> Order:
        return self.order

    @property
    def last(self) -> Order:
        return self.order


class TakenShares:
    """What is taken from buckets at a place of the walk; `stored` has them as they are in the books.

    What consumers keep that are passed by is in `buckets` once it is settled.
    """

    __slots__ = ("_passed", "_stored", "buckets")

    def __init__(self, stored: Callable[[BucketKey], Bucket]) -> None:
        self._stored = stored
        self._passed: dict[BucketKey, tuple[Amount, Hours]] = {}
        self.buckets: dict[BucketKey, Bucket] = {}

    def read(self, claim: CapRequest) -> None:
        """The claim's buckets as they are in the books, unless they are here already."""
        for key, _ in claim.under:
            self._open(key)

    def give_back(self, held: Mapping[BucketKey, KeptShare]) -> None:
        for key, kept in held.items():
            if kept.is_held:
                taken = self._open(key)
                self.buckets[key] = taken._replace(
                    free_amount=taken.free_amount - kept.amount, free_hours=taken.free_hours - kept.hours
                )

    def pass_by(self, keep: Mapping[BucketKey, KeptShare]) -> bool:
        """Take what is kept; nothing and False where it may be another share."""
        for key, (_, own, own_hours, most, most_hours, used_up) in keep.items():
            bucket = self._open(key)
            passed, passed_hours = self._passed.get(key, (0, 0))
            amount = bucket.pinned_amount + bucket.free_amount + passed
            hours = bucket.pinned_hours + bucket.free_hours + passed_hours
            if (
                (most is not None and amount + own > most)
                or (most_hours is not None and hours + own_hours > most_hours)
                or (used_up is not None and amount < used_up)
            ):
                return False
        for key, kept in keep.items():
            if kept.amount or kept.hours:
                passed, passed_hours = self._passed.get(key, (0, 0))
                self._passed[key] = passed + kept.amount, passed_hours + kept.hours
        return True

    def settle(self) -> None:
        for key, (amount, hours) in self._passed.items():
            taken = self.buckets[key]
            self.buckets[key] = taken._replace(
                free_amount=taken.free_amount + amount, free_hours=taken.free_hours + hours
            )
        self._passed.clear()

    def _open(self, key: BucketKey) -> Bucket:
        found = self.buckets.get(key)
        if found is None:
            found = self.buckets[key] = self._stored(key)
        return found


class ConsumptionOrder:
    """Everybody who is not settled under the caps of a group of lines, from the beginning or from a day or month on (`since`).

    `rests_on` is what claims follow from besides their rows. `rows` are the entries of which the row may be another by now, with the row by
    which they stand here, if it is known. In an order that is `flat`, as where each person has a bucket a day, nothing is summed.
    """

    __slots__ = ("_flat", "_places", "_root", "rests_on", "rows", "since")

    def __init__(
        self,
        consumers: Iterable[CapConsumer],
        rests_on: tuple[object, ...] = (),
        since: str = "",
        *,
        flat: bool = False,
    ) -> None:
        ordered = sorted((each for each in consumers if each.order[0] >= since), key=_first)
        self.rests_on = rests_on
        self.since = since
        self.rows: dict[str, object] = {}
        self._flat = flat
        self._places = {consumer.entry_id: consumer.order for consumer in ordered}
        self._root = _Block(ordered) if flat else _tree(ordered)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[CapConsumer]:
        return self._root.consumers()

    def put(self, entry_id: str, consumer: CapConsumer | None) -> None:
        """In the place of what stands here of the entry."""
        had = self._places.pop(entry_id, None)
        if had is not None:
            self._root.remove(had)
        if consumer is not None and consumer.order[0] >= self.since:
            self._places[entry_id] = consumer.order
            self._root.add(consumer)
            if len(self._root.parts) > BLOCK and not self._flat:
                self._root = _Block([self._root, self._root.split()])

    def leave_out(self, entry_id: str) -> None:
        """Until its row is looked at again."""
        self.put(entry_id, None)
        self.rows[entry_id] = None

    def written(self, rows: Mapping[str, object]) -> None:
        """Rows that are in the books now."""
        for entry_id, row in rows.items():
            if self.rows.get(entry_id) is row:
                del self.rows[entry_id]
            else:
                self.rows[entry_id] = None

    def give_back(self, start: Order, taken: TakenShares) -> None:
        """All that is held after a place."""
        for held in self._root.held_after(start):
            taken.give_back(held)

    def next_to_ask(self, after: Order, until: Order, taken: TakenShares) -> CapConsumer | None:
        """The first between two places who may get another share; who keeps its own before it is passed."""
        return self._root.next_to_ask(after, until, taken)


# By contract; then by the lines that share caps, allotment, policy `cap_order` and the version of Milepost's rules.
ConsumptionOrders = dict[str, dict[tuple[frozenset[str], str, str | None, int], ConsumptionOrder]]


class _Block:
    """Consumers in order, or blocks of them. What they hold together is known as long as nobody comes or goes."""

    __slots__ = ("_sums", "parts")

    def __init__(self, parts: "Sequence[CapConsumer | _Block]") -> None:
        self.parts = list(parts)
        self._sums: tuple[bool, Mapping[BucketKey, KeptShare]] | None = None

    @property
    def first(self) -> Order:
        return self.parts[0].first

    @property
    def last(self) -> Order:
        return self.parts[-1].last

    @property
    def asks(self) -> bool:
        return self._summed()[0]

    @property
    def kept(self) -> Mapping[BucketKey, KeptShare]:
        return self._summed()[1]

    def add(self, consumer: CapConsumer) -> None:
        self._sums = None
        at = bisect_right(self.parts, consumer.order, key=_first)
        block = self.parts[max(at - 1, 0)] if self.parts else None
        if not isinstance(block, _Block):
            self.parts.insert(at, consumer)
            return
        block.add(consumer)
        if len(block.parts) > BLOCK:
            self.parts.insert(max(at, 1), block.split())

    def remove(self, order: Order) -> None:
        self._sums = None
        at = self._of(order)
        block = self.parts[at]
        if isinstance(block, _Block):
            block.remove(order)
            if block.parts:
                return
        del self.parts[at]

    def split(self) -> "_Block":
        """Half of it."""
        self._sums = None
        half = len(self.parts) // 2
        rest = _Block(self.parts[half:])
        del self.parts[half:]
        return rest

    def consumers(self) -> Iterator[CapConsumer]:
        for part in self.parts:
            if isinstance(part, _Block):
                yield from part.consumers()
            else:
                yield part

    def held_after(self, start: Order) -> Iterator[Mapping[BucketKey, KeptShare]]:
        for at in range(self._of(start), len(self.parts)):
            part = self.parts[at]
            if start < part.first:
                yield part.kept
            elif isinstance(part, _Block):
                yield from part.held_after(start)

    def next_to_ask(self, after: Order, until: Order, taken: TakenShares) -> CapConsumer | None:
        for at in range(self._of(after), len(self.parts)):
            part = self.parts[at]
            if part.first >= until:
                return None
            if part.last <= after or (
                after < part.first and part.last < until and not part.asks and taken.pass_by(part.kept)
            ):
                continue
            found = part.next_to_ask(after, until, taken) if isinstance(part, _Block) else part
            if found is not None:
                return found
        return None

    def _of(self, order: Order) -> int:
        """Where the part is in which the place is, or would be."""
        return max(bisect_right(self.parts, order, key=_first) - 1, 0)

    def _summed(self) -> tuple[bool, Mapping[BucketKey, KeptShare]]:
        if self._sums is None:
            kept: dict[BucketKey, KeptShare] = {}
            for part in self.parts:
                for key, one in part.kept.items():
                    kept[key] = _together(kept[key], one) if key in kept else one
            self._sums = any(part.asks for part in self.parts), kept
        return self._sums


def _together(one: KeptShare, other: KeptShare) -> KeptShare:
    return KeptShare(
        one.is_held or other.is_held,
        one.amount + other.amount,
        one.hours + other.hours,
        _least(one.most, other.most),
        _least(one.most_hours, other.most_hours),
        one.used_up if other.used_up is None else max(other.used_up, one.used_up or 0),
    )


def _least(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)


def _tree(consumers: Sequence[CapConsumer]) -> _Block:
    """Of blocks that have room for more."""
    parts: Sequence[CapConsumer | _Block] = consumers
    while len(parts) > BLOCK:
        size = BLOCK // 2
        parts = [_Block(parts[at : at + size]) for at in range(0, len(parts), size)]
    return _Block(parts)
