"""A model of brokers with transactions, in which what may go wrong goes wrong by chance.

It stands behind `connectors.kafka.clients.Clients`, so that the code that claims exactly-once runs against it unchanged.
Time is counted in calls: every call of a client is a tick, on which delayed messages arrive and transactions expire.

What is modelled is what matters to the claim, for clients that speak the first version of the transaction protocol, as
librdkafka does: batches of one transaction reach their partitions in any order; the end of a transaction is decided at
its coordinator and reaches the partitions later; a request to end one may be lost after it was carried out, or arrive
late, also in the middle of the next transaction of the same epoch; whoever initialises a transactional id fences who
had it before, and ends what he left open; a mark may be left out, so that a partition stays open until the same writer
ends another transaction there or somebody aborts what is open by hand; a process may die in any call.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition

from connectors.kafka.clients import Headers, Message, TopicState

OPEN: Final = "open"
COMMITTED: Final = "committed"
ABORTED: Final = "aborted"
CONTROL: Final = "control"

Place = tuple[str, int]


class Chances(NamedTuple):
    """How often what goes wrong, between 0 and 1, of the calls in which it can; a transaction lives so many ticks.

    A hidden retry is one that the client makes by itself: the call goes well, and the first request arrives later.
    """

    crash: float = 0.0
    lost_reply: float = 0.0
    delayed_end: float = 0.0
    hidden_retry: float = 0.0
    slow_markers: float = 0.0
    left_out: float = 0.0
    failed_delivery: float = 0.0
    failed_step: float = 0.0
    no_answer: float = 0.0
    transaction_ticks: int = 2_000


class Crashed(BaseException):
    """The process is gone, in the middle of a call."""


@dataclass(slots=True)
class Slot:
    """One offset of a partition."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int
    state: str


@dataclass(slots=True)
class Partition:
    """`start` is the first offset that is still there."""

    slots: list[Slot] = field(default_factory=list)
    start: int = 0

    @property
    def high(self) -> int:
        return len(self.slots)

    @property
    def stable(self) -> int:
        """After the last record that is decided with all before it."""
        return next((at for at in range(self.start, self.high) if self.slots[at].state == OPEN), self.high)

    def committed(self) -> list[Slot]:
        """What a reader of committed records gets, from the first offset on."""
        return [slot for slot in self.slots[self.start : self.stable] if slot.state == COMMITTED]


@dataclass(slots=True)
class Topic:
    id: str
    partitions: list[Partition]


@dataclass(slots=True)
class Writer:
    """What the coordinator knows of a transactional id. `marking` are ends that have not reached their partitions.

    `left_out` it does not know: these stay open.
    """

    epoch: int = -1
    since: int = 0
    is_ongoing: bool = False
    ended_with: str | None = None
    slots: dict[Place, list[Slot]] = field(default_factory=dict)
    left_out: dict[Place, tuple[list[Slot], str]] = field(default_factory=dict)
    marking: deque[tuple[Place, list[Slot], str]] = field(default_factory=deque)


class Brokers:
    """Topics and transactions; `clients` of it are handed to whatever is tested. `reached` counts what went wrong."""

    def __init__(self, random: Random, chances: Chances | None = None) -> None:
        self.random = random
        self.chances = chances or Chances()
        self.reached: Counter[str] = Counter()
        self.topics: dict[str, Topic] = {}
        self.writers: dict[str, Writer] = {}
        self.now = 0
        self._made = 0
        self._late: list[tuple[int, str, int]] = []

    # Topics

    def create(self, name: str, partitions: int) -> None:
        """A topic that was there before is gone with all it held."""
        self._made += 1
        self.topics[name] = Topic(f"topic-{self._made}", [Partition() for _ in range(partitions)])

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> int:
        """A record outside any transaction; its offset."""
        slots = self.partition(topic, partition).slots
        slots.append(Slot(key, value, tuple(headers), self.now, COMMITTED))
        return len(slots) - 1

    def partition(self, topic: str, partition: int) -> Partition:
        return self.topics[topic].partitions[partition]

    def decided(self, topic: str, partition: int) -> list[Slot]:
        """What is committed, also where readers do not see it yet."""
        undecided = [
            decided
            for writer in self.writers.values()
            for decided in (*((slots, how) for _, slots, how in writer.marking), *writer.left_out.values())
        ]
        coming = {id(slot) for slots, how in undecided if how == COMMITTED for slot in slots}
        slots = self.partition(topic, partition).slots
        return [slot for slot in slots if slot.state == COMMITTED or id(slot) in coming]

    def is_at_rest(self) -> bool:
        """Nothing is open, on its way or expected."""
        return not self._late and not any(
            writer.is_ongoing or writer.marking or writer.left_out for writer in self.writers.values()
        )

    # Chance and time

    def happens(self, what: str) -> bool:
        chance: float = getattr(self.chances, what)
        if chance and self.random.random() < chance:
            self.reached[what] += 1
            return True
        return False

    def tick(self) -> None:
        """Time goes on by one call: late requests arrive, ends reach partitions, transactions expire; the caller may die."""
        self.now += 1
        for late in [late for late in self._late if late[0] <= self.now]:
            self._late.remove(late)
            self._arrive_late(*late[1:])
        for name in self.writers:
            writer = self.writers[name]
            if writer.marking and not self.happens("slow_markers"):
                self._mark(writer)
            if writer.is_ongoing and self.now - writer.since > self.chances.transaction_ticks:
                self.reached["expired"] += 1
                writer.epoch += 1
                self._end(writer, ABORTED)
        if self.happens("crash"):
            raise Crashed

    def settle(self) -> None:
        """All that is on its way arrives."""
        for late in sorted(self._late):
            self._arrive_late(*late[1:])
        self._late.clear()
        for writer in self.writers.values():
            while writer.marking:
                self._mark(writer)

    def abort_left_out(self) -> bool:
        """By hand, as the runbook says; whether there was anything."""
        found = False
        for writer in self.writers.values():
            for place, (slots, _) in writer.left_out.items():
                self._decide(place, slots, ABORTED)
                found = True
            writer.left_out.clear()
        return found

    # Coordinator

    def fence(self, transactional_id: str) -> int:
        """The new epoch, once everything that its holder before left open is ended."""
        writer = self.writers.setdefault(transactional_id, Writer())
        writer.epoch += 1
        if writer.is_ongoing:
            self.reached["fenced_open"] += 1
            self._end(writer, ABORTED)
        while writer.marking:
            self._mark(writer)
        writer.ended_with = None
        return writer.epoch

    def write(self, transactional_id: str, epoch: int, place: Place, slot: Slot) -> None:
        writer = self._writer(transactional_id, epoch)
        while writer.marking:
            self._mark(writer)
        if not writer.is_ongoing:
            writer.is_ongoing, writer.since = True, self.now
        # With what was left open there: a mark is for all that its writer has open on the partition.
        left, _ = writer.left_out.pop(place, ([], ""))
        writer.slots.setdefault(place, left).append(slot)
        self.partition(*place).slots.append(slot)

    def is_in(self, transactional_id: str, place: Place) -> bool:
        """Whether the transaction that runs has written there."""
        writer = self.writers[transactional_id]
        return writer.is_ongoing and place in writer.slots

    def end(self, transactional_id: str, epoch: int, how: str) -> None:
        """As often as it is asked for; KafkaException where the epoch is over or there is nothing to end that way."""
        writer = self._writer(transactional_id, epoch)
        if writer.is_ongoing:
            self._end(writer, how)
        elif writer.ended_with != how:
            raise fault(KafkaError.INVALID_TXN_STATE, "there is no such transaction to end")

    def end_later(self, transactional_id: str, epoch: int) -> None:
        """A request to commit that arrives some calls on, in whatever runs then."""
        self._late.append((self.now + self.random.randint(1, 60), transactional_id, epoch))

    def _arrive_late(self, transactional_id: str, epoch: int) -> None:
        writer = self.writers[transactional_id]
        if writer.epoch != epoch:
            self.reached["late_end_fenced"] += 1
        elif writer.is_ongoing:
            self.reached["late_end_in_next"] += 1
            self._end(writer, COMMITTED)

    def _end(self, writer: Writer, how: str) -> None:
        """Decided; the partitions hear of it one after the other, in any order."""
        places = sorted(writer.slots)
        self.random.shuffle(places)
        for place in places:
            if self.happens("left_out"):
                writer.left_out[place] = writer.slots[place], how
            else:
                writer.marking.append((place, writer.slots[place], how))
        writer.slots.clear()
        writer.is_ongoing, writer.ended_with = False, how
        if not self.chances.slow_markers:
            while writer.marking:
                self._mark(writer)

    def _mark(self, writer: Writer) -> None:
        self._decide(*writer.marking.popleft())

    def _decide(self, place: Place, slots: Sequence[Slot], how: str) -> None:
        for slot in slots:
            slot.state = how
        self.partition(*place).slots.append(Slot(None, None, (), self.now, CONTROL))

    def _writer(self, transactional_id: str, epoch: int) -> Writer:
        writer = self.writers[transactional_id]
        if writer.epoch != epoch:
            self.reached["fenced"] += 1
            raise fault(KafkaError._FENCED, "another process writes under this transactional id", is_fatal=True)
        return writer


class ModelClients:
    """Clients of the model (`connectors.kafka.clients.Clients`)."""

    def __init__(self, brokers: Brokers) -> None:
        self.brokers = brokers

    def consumer(self, *, committed: bool = True, group: str | None = None) -> ModelConsumer:
        return ModelConsumer(self.brokers, committed=committed)

    def producer(self, transactional_id: str) -> ModelProducer:
        return ModelProducer(self.brokers, transactional_id)

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState | None]:
        self.brokers.tick()
        known = self.brokers.topics
        return {
            name: TopicState(known[name].id, len(known[name].partitions)) if name in known else None for name in names
        }

    def last_stable(self, topic: str, partition: int) -> tuple[int, int]:
        self.brokers.tick()
        found = self.brokers.partition(topic, partition)
        return found.stable, found.high


class ModelMessage:
    """A record, or what a consumer is told of a partition."""

    __slots__ = ("_error", "_offset", "_place", "_slot")

    def __init__(self, place: Place, offset: int, slot: Slot | None, error: KafkaError | None = None) -> None:
        self._place = place
        self._offset = offset
        self._slot = slot
        self._error = error

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return self._slot.key if self._slot else None

    def value(self) -> bytes | None:
        return self._slot.value if self._slot else None

    def headers(self) -> Headers | None:
        return list(self._slot.headers) if self._slot else None

    def timestamp(self) -> tuple[int, int]:
        return 2, self._slot.timestamp if self._slot else -1

    def error(self) -> KafkaError | None:
        return self._error


class ModelConsumer:
    """Assigned by hand; the end of a partition is told each time it is reached."""

    def __init__(self, brokers: Brokers, *, committed: bool) -> None:
        self._brokers = brokers
        self._committed = committed
        self._next: dict[Place, int] = {}
        self._told_end: dict[Place, int] = {}
        self._paused: set[Place] = set()

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._next = {(at.topic, at.partition): self._offset(at) for at in partitions}
        self._told_end.clear()

    def seek(self, partition: TopicPartition) -> None:
        place = partition.topic, partition.partition
        self._next[place] = self._offset(partition)
        self._told_end.pop(place, None)

    def consume(self, num_messages: int, timeout: float) -> list[Message]:
        self._brokers.tick()
        if self._brokers.happens("no_answer"):
            return []
        found: list[Message] = []
        for place in self._next:
            if place not in self._paused:
                found += self._read(place, num_messages - len(found))
        return found

    def poll(self, timeout: float) -> Message | None:
        found = self.consume(1, timeout)
        return found[0] if found else None

    def pause(self, partitions: list[TopicPartition]) -> None:
        self._paused.update((at.topic, at.partition) for at in partitions)

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._paused.difference_update((at.topic, at.partition) for at in partitions)

    def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float = -1, cached: bool = False
    ) -> tuple[int, int]:
        self._brokers.tick()
        found = self._brokers.partition(partition.topic, partition.partition)
        return found.start, found.stable if self._committed else found.high

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> object:
        """A courtesy to other tools; nothing here reads them."""

    def close(self) -> None:
        """Nothing: a consumer holds nothing at the brokers."""

    def _read(self, place: Place, room: int) -> list[Message]:
        partition = self._brokers.partition(*place)
        end = partition.stable if self._committed else partition.high
        at = self._next[place]
        if not partition.start <= at <= partition.high:
            return [ModelMessage(place, at, None, KafkaError(KafkaError._AUTO_OFFSET_RESET, "offset out of range"))]
        found: list[Message] = []
        while at < end and len(found) < room:
            slot = partition.slots[at]
            if slot.state != CONTROL and not (self._committed and slot.state == ABORTED):
                found.append(ModelMessage(place, at, slot))
            at += 1
        self._next[place] = at
        if at == end and len(found) < room and self._told_end.get(place) != end:
            self._told_end[place] = end
            found.append(ModelMessage(place, end, None, KafkaError(KafkaError._PARTITION_EOF, "end of partition")))
        return found

    def _offset(self, at: TopicPartition) -> int:
        partition = self._brokers.partition(at.topic, at.partition)
        known = {OFFSET_BEGINNING: partition.start, OFFSET_END: partition.stable if self._committed else partition.high}
        return known.get(at.offset, at.offset)


class ModelProducer:
    """Keeps what it is given until it is sent: a partition's records in their order, partitions in any order."""

    def __init__(self, brokers: Brokers, transactional_id: str) -> None:
        self._brokers = brokers
        self._id = transactional_id
        self._epoch = -1
        self._pending: dict[Place, deque[Slot]] = {}
        self._joined: set[Place] = set()
        self._fatal: KafkaException | None = None

    def init_transactions(self, timeout: float) -> None:
        self._brokers.tick()
        if self._brokers.happens("no_answer"):
            raise fault(KafkaError._TIMED_OUT, "no answer from the coordinator", is_retriable=True)
        self._epoch = self._brokers.fence(self._id)

    def begin_transaction(self) -> None:
        self._brokers.tick()
        self._check_alive()
        self._joined.clear()

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        _callback: None = None,
        _on_delivery: None = None,
        _timestamp: int = 0,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Sent behind it by the client itself, which keeps a fence for who asks next; who produces hears only that it has given up."""
        if self._fatal is not None:
            raise fault(KafkaError._FATAL, "Unable to produce message: Local: Fatal error")
        place = topic, partition
        slot = Slot(key, value, tuple(headers or ()), 0, OPEN)
        self._pending.setdefault(place, deque()).append(slot)
        if self._brokers.random.random() < 0.2:
            try:
                self.poll(0)
            except KafkaException as found:
                if not found.args[0].fatal():
                    raise
                self._fatal = found

    def poll(self, timeout: float) -> int:
        """Some of what is pending is sent."""
        self._brokers.tick()
        self._check_alive()
        places = [place for place, pending in self._pending.items() if pending]
        if places:
            place = self._brokers.random.choice(places)
            for _ in range(self._brokers.random.randint(1, len(self._pending[place]))):
                self._send(place)
        return 0

    def flush(self, timeout: float) -> int:
        """All that is pending is sent; how many are left."""
        while any(self._pending.values()):
            self.poll(timeout)
        return 0

    def commit_transaction(self, timeout: float) -> None:
        """Raises a retriable fault where it is not known whether it was carried out: the same call may be made again."""
        brokers = self._brokers
        self.flush(timeout)
        brokers.tick()
        self._check_alive()
        if brokers.happens("delayed_end"):
            brokers.end_later(self._id, self._epoch)
            raise fault(KafkaError._TIMED_OUT, "the end of the transaction is in doubt", is_retriable=True)
        brokers.end(self._id, self._epoch, COMMITTED)
        if brokers.happens("hidden_retry"):
            brokers.end_later(self._id, self._epoch)
        if brokers.happens("lost_reply"):
            if brokers.random.random() < 0.5:
                brokers.end_later(self._id, self._epoch)
            raise fault(KafkaError._TIMED_OUT, "the end of the transaction is in doubt", is_retriable=True)
        brokers.tick()

    def abort_transaction(self, timeout: float) -> None:
        """What our code must never call; deliberate mistakes do."""
        self._brokers.tick()
        self._pending.clear()
        self._brokers.end(self._id, self._epoch, ABORTED)

    def _check_alive(self) -> None:
        if self._fatal is not None:
            raise self._fatal

    def _send(self, place: Place) -> None:
        """A partition that the client has added to its transaction takes more only while that transaction runs."""
        brokers = self._brokers
        if brokers.happens("failed_delivery"):
            raise fault(KafkaError._MSG_TIMED_OUT, "a record could not be delivered")
        if place in self._joined and not brokers.is_in(self._id, place):
            brokers.reached["written_behind_the_end"] += 1
            raise fault(KafkaError.INVALID_TXN_STATE, "the transaction that this partition belongs to has ended")
        slot = self._pending[place].popleft()
        slot.timestamp = brokers.now
        brokers.write(self._id, self._epoch, place, slot)
        self._joined.add(place)


def fault(code: int, why: str, *, is_fatal: bool = False, is_retriable: bool = False) -> KafkaException:
    return KafkaException(KafkaError(code, why, is_fatal, is_retriable, False))


def in_one_transaction(clients: ModelClients, transactional_id: str, write: Callable[[ModelProducer], None]) -> None:
    """What a test writes as somebody else would."""
    producer = clients.producer(transactional_id)
    producer.init_transactions(1)
    producer.begin_transaction()
    write(producer)
    producer.commit_transaction(1)
