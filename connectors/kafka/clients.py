"""Clients of the brokers, as narrow as they are used: what is behind them is librdkafka, or a model of brokers in tests.

Errors are `confluent_kafka.KafkaException`; a message that carries an error is an event of the partition, such as its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, cast

from confluent_kafka import Consumer as RealConsumer
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka import Producer as RealProducer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._topic import TopicDescription
from confluent_kafka.cimpl import NewTopic

from connectors.kafka.settings import KafkaSettings

Headers = Sequence[tuple[str, bytes]]
CLIENT_ID: Final = "milepost"


class Message(Protocol):
    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Headers | None: ...
    def timestamp(self) -> tuple[int, int]: ...
    def error(self) -> KafkaError | None: ...


class Consumer(Protocol):
    def assign(self, partitions: list[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition) -> None: ...
    def consume(self, num_messages: int, timeout: float) -> list[Message]: ...
    def poll(self, timeout: float) -> Message | None: ...
    def pause(self, partitions: list[TopicPartition]) -> None: ...
    def resume(self, partitions: list[TopicPartition]) -> None: ...
    def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float = ..., cached: bool = ...
    ) -> tuple[int, int]: ...
    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> object: ...
    def close(self) -> None: ...


class Sender(Protocol):
    """A producer whose transactional id is taken."""

    def begin_transaction(self) -> None: ...
    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        headers: list[tuple[str, bytes]] | None = ...,
    ) -> None: ...
    def poll(self, timeout: float) -> int: ...
    def flush(self, timeout: float) -> int: ...
    def commit_transaction(self, timeout: float) -> None: ...


class Producer(Sender, Protocol):
    def init_transactions(self, timeout: float) -> None: ...


class ReadingProducer(Producer, Protocol):
    """Of a process that also reads, and lets tools see how far it is."""


class TopicState(NamedTuple):
    """A topic as the brokers have it; the id is another after it was deleted and made again."""

    id: str
    partitions: int


class TopicFound(NamedTuple):
    """`replication` is that of the partition that has the fewest copies."""

    partitions: int
    replication: int
    settings: Mapping[str, str]


class TopicAdmin(Protocol):
    """Topics are looked at and made."""

    def found_topics(self, names: Sequence[str]) -> Mapping[str, TopicFound | None]:
        """With the settings that hold, also those that come from the brokers; None for one that there is not."""

    def create_topic(self, name: str, partitions: int, replication: int, settings: Mapping[str, str]) -> None: ...


class Clients(Protocol):
    """Where clients come from. A `transactional_id` is fenced by whoever initialises it last."""

    def consumer(self, *, committed: bool = True, group: str | None = None) -> Consumer:
        """Assigned by hand, from explicit offsets; the end of a partition is told; `committed`: isolation read_committed."""

    def producer(self, transactional_id: str) -> ReadingProducer: ...

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState | None]:
        """None for one that there is not."""

    def last_stable(self, topic: str, partition: int) -> tuple[int, int]:
        """Behind the last record that readers of committed records may see, and behind the last record there is."""


class KafkaClients:
    """Clients of real brokers."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._admin: AdminClient | None = None

    @property
    def admin(self) -> AdminClient:
        """Without a log of its own: what goes wrong, its questions raise."""
        if self._admin is None:
            self._admin = AdminClient({**self.common(), "log_level": 0})
        return self._admin

    def common(self) -> dict[str, Any]:
        """What every client is told: brokers and security. Raises OSError where a file with a secret cannot be read."""
        read = {name: path.read_text(encoding="utf-8").strip() for name, path in self.settings.security_files.items()}
        return {
            "bootstrap.servers": self.settings.brokers,
            "client.id": CLIENT_ID,
            **self.settings.security,
            **read,
        }

    def consumer(self, *, committed: bool = True, group: str | None = None) -> Consumer:
        kib = self.settings.buffer_kib
        made = RealConsumer(
            {
                **self.common(),
                "group.id": group or f"{self.settings.prefix}milepost",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "isolation.level": "read_committed" if committed else "read_uncommitted",
                "queued.max.messages.kbytes": kib,
                "fetch.max.bytes": min(kib * 1024, 52_428_800),
                "receive.message.max.bytes": max(kib * 1024, 1_000_000) + 1_048_576,
                "fetch.queue.backoff.ms": 10,
                # The end of a partition is told, and other questions on the connection are answered, only after this.
                "fetch.wait.max.ms": 50,
            }
        )
        return cast("Consumer", made)

    def producer(self, transactional_id: str) -> ReadingProducer:
        made = RealProducer(
            {
                **self.common(),
                "transactional.id": transactional_id,
                "transaction.timeout.ms": int(self.settings.transaction_timeout_seconds * 1000),
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "compression.type": "lz4",
                # A log record: an event, and what of it is one engagement's own, which are ids that the event names.
                "message.max.bytes": 2_100_000,
            }
        )
        return cast("ReadingProducer", made)

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState | None]:
        described = self._described(names)
        return {
            name: None if found is None else TopicState(_plain(found.topic_id), len(found.partitions))
            for name, found in described.items()
        }

    def found_topics(self, names: Sequence[str]) -> Mapping[str, TopicFound | None]:
        described = self._described(names)
        there = [ConfigResource(ConfigResource.Type.TOPIC, name) for name, found in described.items() if found]
        asked = (
            self.admin.describe_configs(there, request_timeout=self.settings.request_timeout_seconds) if there else {}
        )
        configs = {resource.name: future.result() for resource, future in asked.items()}
        return {
            name: None
            if found is None
            else TopicFound(
                len(found.partitions),
                min(len(partition.replicas) for partition in found.partitions),
                {key: entry.value for key, entry in configs[name].items() if entry.value is not None},
            )
            for name, found in described.items()
        }

    def create_topic(self, name: str, partitions: int, replication: int, settings: Mapping[str, str]) -> None:
        """Returns when the topic is made. Raises KafkaException."""
        timeout = self.settings.request_timeout_seconds
        new = NewTopic(name, num_partitions=partitions, replication_factor=replication, config=dict(settings))
        self.admin.create_topics([new], operation_timeout=timeout, request_timeout=timeout)[name].result()

    def _described(self, names: Sequence[str]) -> dict[str, TopicDescription | None]:
        futures = self.admin.describe_topics(
            TopicCollection(list(names)), request_timeout=self.settings.request_timeout_seconds
        )
        found: dict[str, TopicDescription | None] = {}
        for name, future in futures.items():
            try:
                found[name] = future.result()
            except KafkaException as fault:
                if fault.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                found[name] = None
        return found

    def last_stable(self, topic: str, partition: int) -> tuple[int, int]:
        at = TopicPartition(topic, partition)
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        timeout = self.settings.request_timeout_seconds
        stable, high = (
            self.admin.list_offsets({at: latest}, isolation_level=level, request_timeout=timeout)[at].result().offset
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
        return stable, high


def _plain(topic_id: object) -> str:
    """The text of an id, whichever way the client shows it."""
    return re.sub(r"^Uuid\(|\)$", "", str(topic_id))
