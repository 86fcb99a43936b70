"""The outputs of one shard, topic by topic in their order, as any reader of committed records sees them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import TopicPartition

from connectors.decode_error import DecodeError
from connectors.kafka.clients import Clients, Message
from connectors.kafka.names import Names
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import bounds, sifted, unreachable, waited
from connectors.kafka.published import Published, published

BUFFERED_MAX: Final = 5_000


class OutputReader:
    """Begins after the outputs that are known by topic; those of other generations are passed over.

    `followed_by` is a generation that has written after ours.
    """

    def __init__(
        self, clients: Clients, names: Names, shard: int, known: Mapping[str, int], timeout: float = 30.0
    ) -> None:
        self.followed_by: str | None = None
        self._generation = names.generation
        self._begun: set[str] = set()
        self._timeout = timeout
        self._known = known
        self._foreign: Mapping[str, Sequence[int]] = {}
        self._consumer = clients.consumer()
        self._topics = {names.shared(topic): topic for topic in SHARD_TOPICS}
        self._places = {topic: TopicPartition(full, shard) for full, topic in self._topics.items()}
        self._buffers: dict[str, deque[Published]] = {topic: deque() for topic in SHARD_TOPICS}
        self._paused: set[str] = set()
        self._at_end: set[str] = set()
        self._unread: dict[str, DecodeError] = {}
        starts = {full: bounds(self._consumer, (full, shard), timeout) for full in self._topics}
        self._at_end.update(self._topics[full] for full, (low, end) in starts.items() if low == end)
        self._consumer.assign([TopicPartition(full, shard, low) for full, (low, _) in starts.items()])

    def close(self) -> None:
        self._consumer.close()

    def pass_over(self, foreign: Mapping[str, Sequence[int]]) -> None:
        """Offsets by topic, of what a person has named; of what is read from here on."""
        self._foreign = foreign

    def peek(self, topic: str) -> Published | None:
        """The next one, None where there is none yet. Raises DecodeError for what none of our shards can have written."""
        buffer = self._buffers[topic]
        until = time.monotonic() + self._timeout
        if not buffer and topic in self._at_end:
            self._take(self._consumer.consume(BUFFERED_MAX, 0))
        while not buffer and topic not in self._at_end and topic not in self._unread:
            if topic in self._paused:
                self._paused.discard(topic)
                self._consumer.resume([self._places[topic]])
            found = waited(self._consumer)
            self._take(found)
            if found:
                until = time.monotonic() + self._timeout
            elif time.monotonic() > until:
                raise unreachable(f"no answer for {self._timeout:g} seconds about {self._places[topic].topic}")
        if not buffer and topic in self._unread:
            raise self._unread[topic]
        return buffer[0] if buffer else None

    def take(self, topic: str) -> None:
        """The one that was looked at is done."""
        self._buffers[topic].popleft()

    def _take(self, messages: list[Message]) -> None:
        for message, is_end in sifted(messages):
            topic = self._topics[message.topic()]
            if is_end:
                self._at_end.add(topic)
            else:
                self._at_end.discard(topic)
                self._keep(topic, message)

    def _keep(self, topic: str, message: Message) -> None:
        """What stands after a record that cannot be read is nobody's business any more."""
        if topic in self._unread or message.offset() in self._foreign.get(topic, ()):
            return
        try:
            found = published(message)
        except DecodeError as fault:
            self._unread[topic] = fault
            return
        if found.generation != self._generation:
            self.followed_by = found.generation if topic in self._begun else self.followed_by
            return
        self._begun.add(topic)
        if found.output_seq <= self._known.get(topic, -1):
            return
        buffer = self._buffers[topic]
        buffer.append(found)
        if len(buffer) > BUFFERED_MAX and topic not in self._paused:
            self._paused.add(topic)
            self._consumer.pause([self._places[topic]])
