"""A reader of committed records beside everything else: what it sees, in order, and how far the processes are."""

from __future__ import annotations

import threading
import time
from hashlib import blake2b
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from connectors.kafka import intake_progress, progress
from connectors.kafka.clients import Message
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import is_passing
from connectors.kafka.published import Published, published
from tests.chaos.site import Site

STEP_MESSAGES: Final = 2_000
BROADCAST: Final = b""


def digest(one: Published) -> bytes:
    """Of what is the same each time the log is folded."""
    key, type_name, seq, before, body = one.identity
    head = f"{len(key)} {type_name} {seq} {before} ".encode()
    return blake2b(head + key + body, digest_size=16).digest()


class Watching(threading.Thread):
    """From the beginning of all outputs and of all progress, until it is told to end."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self.seen: dict[tuple[str, int], list[bytes]] = {}
        # Records of the log that are folded, by shard; events and dead letters that intake has taken.
        self.folded = dict.fromkeys(range(site.kafka.partitions), 0)
        self.following = [0] * site.kafka.partitions
        self.taken = 0
        self.inputs: dict[tuple[str, int], int] = {}
        self.fault: BaseException | None = None
        self._site = site
        self._ended = threading.Event()

    @property
    def count(self) -> int:
        return sum(map(len, self.seen.values()))

    def end(self) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        names, shards = self._site.names, range(self._site.kafka.partitions)
        of_outputs = {names.shared(topic) for topic in SHARD_TOPICS}
        places = [(topic, shard) for topic in (*sorted(of_outputs), names.progress) for shard in shards]
        consumer = self._site.clients.consumer(group="chaos-reader")
        try:
            consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in (*places, (names.directory, 0))])
            while not self._ended.is_set():
                for message in consumer.consume(STEP_MESSAGES, 0.2):
                    self._note(message, of_outputs)
        except BaseException as fault:  # noqa: BLE001 - told by the one who waits for this thread
            self.fault = fault
        finally:
            consumer.close()

    def _note(self, message: Message, of_outputs: set[str]) -> None:
        fault = message.error()
        if fault is not None:
            if not is_passing(fault) and fault.name() != "_PARTITION_EOF":
                raise KafkaException(fault)
            return
        topic, partition = message.topic(), message.partition()
        if topic in of_outputs:
            self.seen.setdefault((topic, partition), []).append(digest(published(message)))
        elif topic == self._site.names.progress:
            self.folded[partition] = progress.from_bytes(message.value() or b"").offset
        elif message.key() == intake_progress.KEY:
            found = intake_progress.from_bytes(message.value() or b"")
            self.taken = found.events + found.dead_letters
            self.following = list(found.following)
            self.inputs = dict(found.inputs)


def await_broadcast(site: Site, seconds: float) -> tuple[int, int] | None:
    """Until a record for all partitions stands on one of them, committed or not: its partition and offset."""
    consumer = site.clients.consumer(committed=False, group="chaos-broadcasts")
    try:
        ends = [
            TopicPartition(
                site.names.log, shard, consumer.get_watermark_offsets(TopicPartition(site.names.log, shard))[1]
            )
            for shard in range(site.kafka.partitions)
        ]
        consumer.assign(ends)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            message = consumer.poll(0.05)
            if message is not None and message.error() is None and message.key() == BROADCAST:
                return message.partition(), message.offset()
        return None
    finally:
        consumer.close()
