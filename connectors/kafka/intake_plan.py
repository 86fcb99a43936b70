"""What a transaction of intake is going to take: written, and with the brokers, before anything else of it.

Of a transaction that brokers end before its time readers see a part (docs/decisions/part-of-a-transaction.md). Its plan
is never missing then, so that the next start takes the same in the same order, and makes the same records at the same
numbers: what stands there already is compared, and what does not is written. Read in another order, an event could come
to another engagement, and be billed in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from connectors.kafka.domain_messages import DomainMessage
from connectors.kafka.partitions import Place
from connectors.unreadable import Unreadable
from domain.units import Instant

KEY: Final = b"plan"
# With their reasons, which may be long, so many fit into a record.
UNREAD_MAX: Final = 500
REASON_CHARACTERS_MAX: Final = 500


class RecordStretch(NamedTuple):
    """Records of one partition that follow each other without a gap."""

    place: Place
    first: int
    records: int


class Unread(NamedTuple):
    """Why an input is a dead letter, as it was said then: a registry may know more the next time."""

    reason: str
    field_path: str
    event_type: str | None
    reason_class: str


class IntakePlan(NamedTuple):
    """`unread` is by number among the inputs; `ends_at`, `behind` and `caught_up` say which days end before them."""

    transaction: int
    stretches: tuple[RecordStretch, ...]
    unread: Mapping[int, Unread] = {}
    ends_at: Instant | None = None
    behind: tuple[str, ...] = ()
    caught_up: tuple[str, ...] = ()

    @property
    def offsets(self) -> Iterator[tuple[Place, int]]:
        """Where the inputs stand, in the order in which they are taken."""
        for place, first, count in self.stretches:
            for offset in range(first, first + count):
                yield place, offset


def stretches(inputs: Sequence[DomainMessage]) -> tuple[RecordStretch, ...]:
    found: list[RecordStretch] = []
    last: tuple[str, int, int] | None = None
    first = count = 0
    for topic, partition, offset, *_ in inputs:
        if last == (topic, partition, offset - 1):
            count += 1
        else:
            if last is not None:
                found.append(RecordStretch(last[:2], first, count))
            first, count = offset, 1
        last = topic, partition, offset
    if last is not None:
        found.append(RecordStretch(last[:2], first, count))
    return tuple(found)


def unread(inputs: Sequence[DomainMessage]) -> dict[int, Unread]:
    return {number: _why(each.unreadable) for number, each in enumerate(inputs) if each.unreadable is not None}


def _why(wrong: Unreadable) -> Unread:
    return Unread(wrong.reason[:REASON_CHARACTERS_MAX], wrong.field_path, wrong.event_type, wrong.reason_class)


def to_bytes(plan: IntakePlan) -> bytes:
    """The same bytes for equal values."""
    number_of: dict[Place, int] = {}
    places: list[tuple[str, int, int]] = []
    ends: list[int] = []
    told: list[tuple[int, int, int]] = []
    for place, first, count in plan.stretches:
        number = number_of.setdefault(place, len(places))
        if number == len(places):
            places.append((*place, first))
            ends.append(first)
        told.append((number, first - ends[number], count))
        ends[number] = first + count
    said = {
        **plan._asdict(),
        "places": places,
        "stretches": told,
        "unread": [(number, *why) for number, why in plan.unread.items()],
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def from_bytes(value: bytes) -> IntakePlan:
    """Raises ValueError for what no transaction of intake has written."""
    found: Any = orjson.loads(value)
    try:
        return IntakePlan(
            found["transaction"],
            tuple(_told(found["places"], found["stretches"])),
            {number: Unread(*why) for number, *why in found["unread"]},
            found["ends_at"],
            tuple(found["behind"]),
            tuple(found["caught_up"]),
        )
    except (TypeError, KeyError, IndexError) as fault:
        raise ValueError(f"expected an object with places and {', '.join(IntakePlan._fields)}") from fault


def _told(places: Sequence[Any], told: Sequence[Any]) -> Iterator[RecordStretch]:
    """A place is reported with its first offset, and each stretch by how far behind the one before it begins."""
    ends = [first for _, _, first in places]
    for number, gap, count in told:
        topic, partition, _ = places[number]
        first = ends[number] + gap
        yield RecordStretch((topic, partition), first, count)
        ends[number] = first + count
