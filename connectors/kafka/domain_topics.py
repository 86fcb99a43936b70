"""What producers wrote, in one order: by the records' timestamps while catching up, as it comes when live.

All partitions of all domain topics are read by one consumer, assigned by hand. After where a topic ended when reading
began, nothing waits for anything: a partition at its end does not hold back the others.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka.clients import Clients, Consumer, Message
from connectors.kafka.names import Names
from connectors.kafka.partitions import GONE, Place, behind, bounds, failed, is_passing, unreachable
from connectors.kafka.topics import INPUT_TOPICS
from state.guards import TOPIC_CHANGED, GuardStop

# At one instant reference data comes first, then contracts, then what refers to them.
RANKS: Final[Mapping[str, int]] = {"finance.reference": 0, "hr.people": 0, "crm.contracts": 1}
RANK_LAST: Final = 2
# What is held of one partition while it waits for others to catch up.
HELD_BYTES_ALL: Final = 64 * 1024 * 1024
HELD_BYTES_MIN: Final = 256 * 1024
AT_ONCE: Final = 1_000
WAIT_SECONDS: Final = 0.5
# Corrupt, perhaps only on its way, or more than the client unpacks: `receive.message.max.bytes`.
_BROKEN: Final = frozenset({KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG})
# So often it is fetched before it becomes a dead letter without its bytes.
FETCHES_MAX: Final = 4


class Undelivered:
    """In the place of a record that the client could not unpack: what it was is not known."""

    def __init__(self, place: Place, offset: int, reason: str) -> None:
        self._place = place
        self._offset = offset
        self.reason = reason

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._offset

    def key(self) -> None:
        return None

    def value(self) -> None:
        return None

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        """None, so it comes before what is waited for."""
        return 0, 0

    def error(self) -> None:
        return None


class FoundTopics(NamedTuple):
    """The domain topics that there are: partitions and ids, by full name."""

    partitions: Mapping[str, int]
    ids: Mapping[str, str]
    missing: tuple[str, ...]


class PartitionStretch:
    """One partition: what is held of it, and how far it was read."""

    __slots__ = (
        *("behind", "broken", "end_seen", "fetched", "held", "held_bytes", "is_paused", "place", "rank", "read"),
    )

    def __init__(self, place: Place, rank: int, start: int, end: int) -> None:
        self.place = place
        self.rank = rank
        # After the last record that was handed out, and after the last that came.
        self.read = self.fetched = start
        # How far it was when reading began; what comes later holds back nobody.
        self.behind = end
        self.end_seen = 0
        # How often the next record came so that it could not be unpacked.
        self.broken = 0
        self.held: deque[Message] = deque()
        self.held_bytes = 0
        self.is_paused = False

    @property
    def is_awaited(self) -> bool:
        """Whether the others have to wait for what comes."""
        return not self.held and self.passed < self.behind

    @property
    def passed(self) -> int:
        """Everything before this was handed out; at the end of a partition there may be marks that are no records."""
        return self.read if self.held else max(self.read, self.end_seen)

    @property
    def order(self) -> tuple[int, int, Place]:
        return self.held[0].timestamp()[1], self.rank, self.place


class DomainTopics:
    """`starts` are the offsets to go on from; a partition that is not named is read from its beginning."""

    def __init__(
        self, clients: Clients, names: Names, found: FoundTopics, starts: Mapping[Place, int], timeout: float
    ) -> None:
        self._clients = clients
        self._names = names
        self._timeout = timeout
        self.consumer: Consumer = clients.consumer(group=names.intake_group)
        self._stretches: dict[Place, PartitionStretch] = {}
        self._is_catching_up = True
        # While catching up: who is waited for, and the first records of the others.
        self._awaited: set[Place] = set()
        self._firsts: list[tuple[tuple[int, int, Place], PartitionStretch]] = []
        # When live: records and ends of partitions, as they came.
        self._live: deque[Message] = deque()
        self.add(found, starts)

    def close(self) -> None:
        self.consumer.close()

    @property
    def is_catching_up(self) -> bool:
        return self._is_catching_up

    @property
    def awaited(self) -> frozenset[Place]:
        """Partitions whose next record is not here yet, so that nobody's can be next."""
        return frozenset(self._awaited) if self._is_catching_up else frozenset()

    def add(self, found: FoundTopics, starts: Mapping[Place, int]) -> None:
        """Topics and partitions that were not there before. Raises GuardStop where records that were not read are gone."""
        new = [
            (topic, partition)
            for topic, count in sorted(found.partitions.items())
            for partition in range(count)
            if (topic, partition) not in self._stretches
        ]
        for place, (low, end) in self._all_ends(new).items():
            start = starts.get(place, low)
            if not low <= start <= end:
                raise _gone(place, f"expected offset {start} next, found {low} to {end}")
            self._stretches[place] = PartitionStretch(place, RANKS.get(self.name_of(place[0]), RANK_LAST), start, end)
        if new:
            self._assign()
            self._is_catching_up = self._is_catching_up or not self._live
            self._awaited = {place for place, stretch in self._stretches.items() if stretch.is_awaited}

    def read(self, records_max: int, bytes_max: int, wait_seconds: float) -> list[Message]:
        """The next records in order; waits only where there are none."""
        found: list[Message] = []
        size = 0
        while len(found) < records_max and size < bytes_max:
            message = self._next()
            if message is None:
                if not self._fetch(0.0 if found else wait_seconds):
                    break
                wait_seconds = 0.0
                continue
            found.append(message)
            size += len(message.value() or b"")
        return found

    def read_again(self, offsets: Iterable[tuple[Place, int]]) -> list[Message]:
        """Exactly these records in this order, before anything else is read. Raises GuardStop where one is gone."""
        found = [self._record_at(place, offset) for place, offset in offsets]
        self._firsts = [(each.order, each) for each in self._stretches.values() if each.held]
        heapify(self._firsts)
        self._awaited = {place for place, each in self._stretches.items() if each.is_awaited}
        return found

    def ends(self) -> dict[Place, int]:
        """Where each partition ends now."""
        return {place: end for place, (_, end) in self._all_ends(self._stretches).items()}

    def topics_behind(self, ends: Mapping[Place, int]) -> tuple[str, ...]:
        """Topics of which something before these ends was not handed out yet."""
        return tuple(sorted({place[0] for place, end in ends.items() if self._stretches[place].passed < end}))

    @property
    def places(self) -> list[Place]:
        """The partitions that are read; for any thread."""
        return list(self._stretches)

    def behind(self, end_of: Callable[[Place], int]) -> dict[Place, int]:
        """Records of each partition that were not handed out, up to the end that is known; for any thread."""
        found = {}
        for place, stretch in list(self._stretches.items()):
            found[place] = behind(self.consumer, place, stretch.passed, end_of(place))
        return found

    def name_of(self, topic: str) -> str:
        """Without the prefix."""
        return topic.removeprefix(self._names.prefix)

    # Order

    def _next(self) -> Message | None:
        if self._is_catching_up:
            if self._awaited:
                return None
            if self._firsts:
                return self._first()
            self._is_catching_up = False
            self._let_go_on(list(self._stretches.values()))
        while self._live:
            message = self._live.popleft()
            stretch = self._stretches[message.topic(), message.partition()]
            if message.error() is None:
                stretch.read = message.offset() + 1
                return message
            stretch.end_seen = max(stretch.end_seen, message.offset())
        return None

    def _first(self) -> Message:
        _, stretch = heappop(self._firsts)
        message = self._taken_from(stretch)
        if stretch.held:
            heappush(self._firsts, (stretch.order, stretch))
        elif stretch.is_awaited:
            self._awaited.add(stretch.place)
        return message

    def _taken_from(self, stretch: PartitionStretch) -> Message:
        message = stretch.held.popleft()
        stretch.held_bytes -= _size(message)
        stretch.read = message.offset() + 1
        if stretch.is_paused and stretch.held_bytes * 2 < self._held_bytes_max:
            self._let_go_on([stretch])
        return message

    def _record_at(self, place: Place, offset: int) -> Message:
        """The next one of its partition."""
        stretch = self._stretches.get(place)
        if stretch is None:
            raise _gone(place, f"expected offset {offset} next, found no such partition")
        until = time.monotonic() + self._timeout
        while not stretch.held:
            if stretch.end_seen > offset:
                raise _gone(place, f"expected offset {offset} next, found the end at {stretch.end_seen}")
            if time.monotonic() > until:
                raise unreachable(
                    f"no answer for {self._timeout:g} seconds about topic {place[0]}, partition {place[1]}"
                )
            self._firsts.clear()
            self._fetch(WAIT_SECONDS)
        message = self._taken_from(stretch)
        if message.offset() != offset:
            raise _gone(place, f"expected offset {offset} next, found {message.offset()}")
        return message

    def _fetch(self, wait_seconds: float) -> bool:
        """Whether anything came: records, or the end of a partition."""
        if self._is_catching_up:
            self._hold_back()
        first = self.consumer.poll(wait_seconds)
        if first is None:
            return False
        broken: dict[Place, str] = {}
        for message in (first, *self.consumer.consume(AT_ONCE, 0.0)):
            fault = message.error()
            if (message.topic(), message.partition()) in broken:
                # It comes once more, after what is fetched again.
                continue
            if fault is None:
                stretch = self._stretches[message.topic(), message.partition()]
                # After a pause or an assignment some may come again.
                if message.offset() >= stretch.fetched:
                    stretch.fetched, stretch.broken = message.offset() + 1, 0
                    self._keep(stretch, message)
            elif fault.code() == KafkaError._PARTITION_EOF:
                self._end(message)
            elif fault.code() in _BROKEN:
                broken[message.topic(), message.partition()] = fault.str()
            else:
                _check(message, fault)
        for place, reason in broken.items():
            self._fetch_again(self._stretches[place], reason)
        return True

    def _keep(self, stretch: PartitionStretch, message: Message) -> None:
        if not self._is_catching_up:
            self._live.append(message)
            return
        stretch.held.append(message)
        stretch.held_bytes += _size(message)
        if len(stretch.held) == 1:
            heappush(self._firsts, (stretch.order, stretch))
            self._awaited.discard(stretch.place)

    def _fetch_again(self, stretch: PartitionStretch, reason: str) -> None:
        """A packed batch that can never be unpacked is passed over record by record, as none can be looked at.

        After the first of them the next is known to be of the same batch, if it is broken too.
        """
        stretch.broken += 1
        if stretch.broken >= FETCHES_MAX:
            offset, stretch.fetched = stretch.fetched, stretch.fetched + 1
            self._keep(stretch, Undelivered(stretch.place, offset, reason))
        self.consumer.seek(TopicPartition(*stretch.place, stretch.fetched))

    def _end(self, message: Message) -> None:
        if not self._is_catching_up:
            self._live.append(message)
            return
        stretch = self._stretches[message.topic(), message.partition()]
        stretch.end_seen = max(stretch.end_seen, message.offset())
        if not stretch.is_awaited:
            self._awaited.discard(stretch.place)

    # Partitions that are ahead of the others

    @property
    def _held_bytes_max(self) -> int:
        return max(HELD_BYTES_MIN, HELD_BYTES_ALL // max(len(self._stretches), 1))

    def _hold_back(self) -> None:
        limit = self._held_bytes_max
        full = [each for each in self._stretches.values() if not each.is_paused and each.held_bytes > limit]
        if full:
            self.consumer.pause([TopicPartition(*each.place) for each in full])
            for each in full:
                each.is_paused = True

    def _let_go_on(self, stretches: Sequence[PartitionStretch]) -> None:
        for each in stretches:
            if each.is_paused:
                each.is_paused = False
                self.consumer.resume([TopicPartition(*each.place)])

    def _assign(self) -> None:
        self._let_go_on(list(self._stretches.values()))
        self.consumer.assign([TopicPartition(*each.place, each.fetched) for each in self._stretches.values()])

    def _all_ends(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        """First offset and end of each, asked by another consumer: one that fetches gets its answers late."""
        with closing(self._clients.consumer()) as asking:
            return {place: bounds(asking, place, self._timeout) for place in list(places)}


def find(clients: Clients, names: Names) -> FoundTopics:
    """The domain topics as they are now."""
    wanted = [names.shared(name) for name in INPUT_TOPICS]
    states = clients.topics(wanted)
    there = {name: state for name, state in states.items() if state is not None}
    return FoundTopics(
        {name: state.partitions for name, state in there.items()},
        {name: state.id for name, state in there.items()},
        tuple(name for name in wanted if name not in there),
    )


def _check(message: Message, fault: KafkaError) -> None:
    place = message.topic(), message.partition()
    if fault.code() in GONE:
        raise _gone(place, fault.str())
    if not is_passing(fault):
        raise failed(KafkaException(fault), f"topic {place[0]}, partition {place[1]}: " if place[0] else "")


def _size(message: Message) -> int:
    return len(message.value() or b"") + 100


def _gone(place: Place, what: str) -> GuardStop:
    return GuardStop(
        TOPIC_CHANGED,
        f"topic {place[0]}, partition {place[1]}: records that intake has not read are gone: {what}. It was cut off or made "
        "again, or intake stood still for longer than it keeps records; bring them back, or see docs/operations.md",
    )
