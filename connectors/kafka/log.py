"""Reads one partition of the engagement log.

A record is named by its number, dense from 0, which intake writes into the header `n`: positions and bytes do not depend
on where transactions fell, and a record that is missing or comes twice is seen at once. The brokers' own offsets, which
have gaps, only serve to find a number again. Before number 0 stands the genesis.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import repeat
from operator import itemgetter
from typing import Final, NoReturn

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.decode_error import DecodeError
from connectors.kafka.clients import Clients, Message
from connectors.kafka.names import GENESIS_KEY, NUMBER_HEADER
from connectors.kafka.partitions import GONE, behind, bounds, is_passing, unreachable
from connectors.kafka.published import Headers
from connectors.kafka.trace_headers import correlated, trace_headers
from connectors.log_records import StoredRecord, read_record, read_records
from state import genesis
from state.genesis import Genesis
from state.guards import LOG_DAMAGED, LOG_MISSING, TOPIC_CHANGED, GuardStop

# A record is an event of at most 1 MB with its engagement and what is its own.
RECORD_BYTES_MAX: Final = 3 * 1024 * 1024
READ_RECORDS: Final = 2_000
READS_AT_THE_END_MAX: Final = 20
GENESIS_NUMBER: Final = -1
READ_BYTES: Final = 4 * 1024 * 1024
BODY_OF: Final = itemgetter(StoredRecord._fields.index("body"))


class KafkaLog:
    """One shard's log, committed records only. What was read and not folded yet is kept and given again."""

    def __init__(
        self,
        clients: Clients,
        topic: str,
        shard: int,
        timeout: float = 30.0,
        on_record: Callable[[int, bytes], None] | None = None,
    ) -> None:
        """`on_record` sees each record that is read, with its number. Raises GuardStop where there is no log or no genesis before it."""
        self.topic = topic
        self.shard = shard
        self.is_at_end = False
        self._timeout = timeout
        self._on_record = on_record
        self._consumer = clients.consumer()
        self._held: list[StoredRecord] = []
        self._messages: list[Message] = []
        # The headers of tracing that what follows from a record carries too, by its number: of those read last, the few that have any.
        self.traces: dict[int, Headers] = {}
        self._next, self._next_place, self._seen_to = -1, -1, -1
        try:
            self._first = bounds(self._consumer, (topic, shard), timeout)[0]
            self.genesis = self._read_genesis()
        except BaseException:
            self.close()
            raise
        self._known = (0, self._first + 1)

    def close(self) -> None:
        self._consumer.close()

    def place_of(self, number: int) -> int:
        """Where a record stands that was read last, or where the one after them may come."""
        if self._held and self._held[0].offset <= number < self._next:
            return self._messages[number - self._held[0].offset].offset()
        if number == self._next:
            return self._next_place
        return self._known[1] if number == self._known[0] else -1

    def digest_before(self, number: int) -> str | None:
        """Of the record that comes before a number, where it was read last."""
        if self._held and self._held[0].offset < number <= self._next:
            return digest_of(self._held[number - 1 - self._held[0].offset])
        return None

    def appended(self, number: int, following: int) -> list[int]:
        """When the broker took these records, in milliseconds since 1970; of those that were read last."""
        first = self._held[0].offset if self._held else self._next
        return [each.timestamp()[1] for each in self._messages[max(number - first, 0) : max(following - first, 0)]]

    def behind(self, number: int, end: int = 0) -> int:
        """Records from a number on, up to the end that is known; for any thread."""
        if self._next < 0:
            return 0
        # After the last record there may be marks of transactions, which the end of the partition passes.
        passed = max(self._next_place, self._seen_to)
        return max(self._next - number, 0) + behind(self._consumer, (self.topic, self.shard), passed, end)

    def has_behind(self, number: int) -> bool:
        """Whether this record, or one after it, is at hand."""
        return number < self._next

    def remember(self, number: int, place: int) -> None:
        """A record's place, known from elsewhere: it shortens the search for others."""
        self._known = (number, place)

    def read(self, offset: int, max_records: int = READ_RECORDS, max_bytes: int = READ_BYTES) -> list[StoredRecord]:
        """Records from a number on: those at hand, else what has come; none where nothing has. Never waits."""
        held = self._held
        if held and held[0].offset <= offset < self._next:
            done = offset - held[0].offset
            del held[:done], self._messages[:done]
            self.traces = {number: trace for number, trace in self.traces.items() if number >= offset}
        else:
            self._forget_held()
            if offset != self._next:
                self._go_to(offset)
            self._take_in(self._consumer.consume(max_records, 0))
        return _within(held, max_records, max_bytes)

    def record(self, number: int) -> StoredRecord | None:
        """None where the log has not come so far."""
        # Every record takes at least one offset, and the genesis one.
        if self._first + 1 + number >= self._end():
            return None
        found = self._first_from(self.locate(number))
        if found is None:
            return None
        try:
            return self._record(found, number)
        finally:
            self._forget()

    def _forget(self) -> None:
        """What is read next is looked for."""
        self._forget_held()
        self._next, self._next_place, self._seen_to = -1, -1, -1

    def _forget_held(self) -> None:
        self._held.clear()
        self._messages.clear()
        self.traces.clear()

    def read_on(self, offset: int, max_records: int = READ_RECORDS, max_bytes: int = READ_BYTES) -> list[StoredRecord]:
        """Records from a number on, waited for; none at the end of the log. Raises GuardStop where brokers give neither."""
        until = time.monotonic() + self._timeout
        while not (found := self.read(offset, max_records, max_bytes)) and not self.is_at_end:
            if time.monotonic() > until:
                raise self._unanswered()
            self.wait()
        return found

    def read_patiently(self, offset: int, max_records: int, max_bytes: int) -> list[StoredRecord]:
        """Records that must be there. None where the log has ended before them, however often it is asked."""
        for _ in range(READS_AT_THE_END_MAX):
            if found := self.read_on(offset, max_records, max_bytes):
                return found
            self.wait()
        return []

    def wait(self, seconds: float = 0.2) -> None:
        """Until something comes or the time is over, for the one who has nothing else to do."""
        message = self._consumer.poll(seconds)
        if message is not None:
            self._take_in([message])

    def locate(self, number: int) -> int:
        """Where to begin reading so that this record comes first; the end where there is none yet."""
        known, place = self._known
        if number == known:
            return place
        # Every record takes at least one offset, so that numbers grow no faster than offsets.
        low = self._first + 1 + number
        high = place - (known - number) if number < known else self._end()
        while low < high:
            middle = (low + high) // 2
            found = self._first_from(middle)
            if found is None or _number(found, self.topic) > number:
                high = middle
            elif _number(found, self.topic) == number:
                return found.offset()
            else:
                low = found.offset() + 1
        return low

    def _go_to(self, number: int) -> None:
        place = self.locate(number)
        self._consumer.assign([TopicPartition(self.topic, self.shard, place)])
        self._next, self._next_place, self._seen_to = number, place, -1
        self.is_at_end = False

    def _take_in(self, messages: list[Message]) -> None:
        faults = [message.error() for message in messages]
        begin = 0
        if any(faults):
            for at, fault in enumerate(faults):
                if fault is not None:
                    self._hold(messages[begin:at])
                    self._heed(fault)
                    self._seen_to = messages[at].offset()
                    begin = at + 1
        self._hold(messages[begin:])

    def _hold(self, messages: list[Message]) -> None:
        """All at once where they are as nearly all are, which takes half the time."""
        if not messages:
            return
        records = self._usual(messages)
        if records is not None:
            self._add(messages, records)
            return
        for message in messages:
            self._add([message], [self._record(message, self._next)])

    def _add(self, messages: list[Message], records: list[StoredRecord]) -> None:
        self._held += records
        self._messages += messages
        self._next += len(messages)
        self._next_place = messages[-1].offset() + 1
        self.is_at_end = False

    def _usual(self, messages: list[Message]) -> list[StoredRecord] | None:
        """None where something is wrong with one of them, or it has headers beside its number."""
        first = self._next
        numbers = range(first, first + len(messages))
        if [message.headers() for message in messages] != [[(NUMBER_HEADER, b"%d" % number)] for number in numbers]:
            return None
        values = [message.value() or b"" for message in messages]
        lengths = list(map(len, values))
        if max(lengths) > RECORD_BYTES_MAX:
            return None
        try:
            records, ends = read_records(first, zip(values, repeat(0)))
        except (DecodeError, KeyError):
            return None
        if ends != lengths or [message.key() or b"" for message in messages] != [one[1].encode() for one in records]:
            return None
        if self._on_record is not None:
            for number, value in zip(numbers, values, strict=True):
                self._on_record(number, value)
        for record in records:
            if (correlation_id := record.event.correlation_id) is not None:
                self.traces[record.offset] = correlated([], correlation_id)
        return records

    def _record(self, message: Message, number: int) -> StoredRecord:
        headers = message.headers()
        # Nearly all have this one header.
        if headers != [(NUMBER_HEADER, b"%d" % number)]:
            self._check_number(message, number)
        value = message.value() or b""
        if len(value) > RECORD_BYTES_MAX:
            raise _damaged(self.topic, message, f"expected at most {RECORD_BYTES_MAX:,} bytes, found {len(value):,}")
        if self._on_record is not None:
            self._on_record(number, value)
        try:
            record, length = read_record(number, value, 0)
        except (DecodeError, KeyError) as fault:
            raise _damaged(self.topic, message, f"record {number} cannot be read: {fault}") from fault
        if length != len(value):
            raise _damaged(self.topic, message, f"record {number} has {len(value)} bytes, expected {length}")
        if (message.key() or b"") != record.engagement_id.encode():
            raise _damaged(
                self.topic, message, f"record {number} has another key than its engagement {record.engagement_id}"
            )
        correlation_id = record.event.correlation_id
        if correlation_id is not None or len(headers or ()) > 1:
            self.traces[number] = correlated(trace_headers(headers), correlation_id)
        return record

    def _check_number(self, message: Message, expected: int) -> None:
        number = _number(message, self.topic)
        if number != expected:
            raise _damaged(
                self.topic, message, f"expected number {expected}, found {number}: records are missing, or twice"
            )

    def _heed(self, fault: KafkaError) -> None:
        if fault.code() == KafkaError._PARTITION_EOF:
            self.is_at_end = True
        elif fault.code() in GONE:
            self._gone(fault)
        elif not is_passing(fault):
            raise KafkaException(fault)

    def _gone(self, fault: KafkaError) -> NoReturn:
        raise GuardStop(
            TOPIC_CHANGED,
            f"{self.topic}, partition {self.shard}: record {self._next} was expected at offset {self._next_place} and is not there "
            f"({fault.str()}): the log was cut off, or made again. Put the log back from its copy; nothing was written from this state",
        ) from KafkaException(fault)

    # Finding

    def _read_genesis(self) -> Genesis:
        found = self._first_from(self._first)
        if found is None:
            raise GuardStop(
                LOG_MISSING,
                f"{self.topic}, partition {self.shard}: the log is empty; expected its genesis, with which intake begins it. "
                "Start intake first",
            )
        if found.key() != GENESIS_KEY:
            raise GuardStop(
                TOPIC_CHANGED,
                f"{self.topic}, partition {self.shard}: expected the genesis as the first record, found another at offset "
                f"{found.offset()}: the log was cut off. Put it back from its copy",
            )
        try:
            read = genesis.from_json((found.value() or b"").decode())
        except ValueError as fault:
            raise _damaged(self.topic, found, f"the genesis cannot be read: {fault}") from fault
        self._first = found.offset()
        return read

    def _end(self) -> int:
        return bounds(self._consumer, (self.topic, self.shard), self._timeout)[1]

    def _first_from(self, offset: int) -> Message | None:
        """None where no record stands at the offset or after it."""
        self._consumer.assign([TopicPartition(self.topic, self.shard, offset)])
        for message in self._answers():
            fault = message.error()
            if fault is None:
                return message
            if fault.code() == KafkaError._PARTITION_EOF:
                return None
            self._heed(fault)
        raise self._unanswered()

    def _unanswered(self) -> GuardStop:
        return unreachable(f"no answer for {self._timeout:g} seconds about {self.topic}, partition {self.shard}")

    def _answers(self) -> Iterator[Message]:
        until = time.monotonic() + self._timeout
        while time.monotonic() < until:
            message = self._consumer.poll(0.2)
            if message is not None:
                yield message


def digest_of(record: StoredRecord) -> str:
    return blake2b(record.body, digest_size=16).hexdigest()


def _within(held: list[StoredRecord], max_records: int, max_bytes: int) -> list[StoredRecord]:
    """As many as fit, at least one where there is one."""
    asked = held[:max_records]
    if sum(map(len, map(BODY_OF, asked))) <= max_bytes:
        return asked
    room = max_bytes
    for count, record in enumerate(asked):
        room -= len(record.body)
        if room < 0 and count:
            return asked[:count]
    return asked


def number_of(message: Message) -> int | None:
    """In its partition, that of the genesis before all others; None of what is none of ours."""
    if message.key() == GENESIS_KEY:
        return GENESIS_NUMBER
    found = dict(message.headers() or ()).get(NUMBER_HEADER, b"")
    return int(found) if found.isdigit() else None


def _number(message: Message, topic: str) -> int:
    found = number_of(message)
    if found is None or found == GENESIS_NUMBER:
        raise _damaged(topic, message, "the record has no number; only intake may write to the log")
    return found


def _damaged(topic: str, message: Message, what: str) -> GuardStop:
    return GuardStop(
        LOG_DAMAGED,
        f"{topic}, partition {message.partition()}, offset {message.offset()}: {what}. Put the log back from its copy; "
        "docs/operations.md says how",
    )
