"""Clients of the brokers, as narrow as they are used: what is behind them is librdkafka, or a model of brokers in tests.

Errors are `confluent_kafka.KafkaException`; a message that carries an error is an event of the partition, such as its end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast

from confluent_kafka import Consumer as RealConsumer
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka import Producer as RealProducer
from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, OffsetSpec, TopicDescription
from confluent_kafka.cimpl import NewTopic

from connectors.kafka.client_log import client_logger
from connectors.kafka.settings import KafkaSettings

Answer = TypeVar("Answer")
Headers = Sequence[tuple[str, bytes]]
CLIENT_ID: Final = "milepost"
# A name, a password or a certificate is not that of whom the other side knows.
UNKNOWN_TO_EACH_OTHER: Final = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})
LOOK_SECONDS: Final = 0.2
# For so long another broker may answer than the one that has refused.
REFUSED_SECONDS: Final = 3.0
_NO_ANSWER: Final = frozenset({KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})


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
        _callback: None = ...,
        _on_delivery: None = ...,
        _timestamp: int = ...,
        headers: list[tuple[str, bytes]] | None = ...,
    ) -> None: ...
    def poll(self, timeout: float) -> int: ...
    def flush(self, timeout: float) -> int: ...
    def commit_transaction(self, timeout: float) -> None: ...


class Producer(Sender, Protocol):
    def init_transactions(self, timeout: float) -> None: ...


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

    def last_stable(self, topic: str, partition: int) -> tuple[int, int]:
        """As of `Clients`."""

    def create_topic(self, name: str, partitions: int, replication: int, settings: Mapping[str, str]) -> None: ...


class Clients(Protocol):
    """Where clients come from. A `transactional_id` is fenced by the one who initialises it last."""

    def consumer(self, *, committed: bool = True, group: str | None = None) -> Consumer:
        """Assigned by hand, from explicit offsets; the end of a partition is reported; `committed`: isolation read_committed."""

    def producer(self, transactional_id: str) -> Producer: ...

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState | None]:
        """None for one that there is not."""

    def last_stable(self, topic: str, partition: int) -> tuple[int, int]:
        """After the last record that readers of committed records may see, and after the last record there is."""


class KafkaClients:
    """Clients of real brokers."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._admin: AdminClient | None = None
        self._refusal: KafkaError | None = None

    @property
    def admin(self) -> AdminClient:
        """Without a log of its own: what goes wrong, its questions raise."""
        if self._admin is None:
            settings: dict[str, Any] = {**self.common(), "log_level": 0, "error_cb": self._heard}
            self._admin = AdminClient(settings)
        return self._admin

    def _answer(self, future: Future[Answer]) -> Answer:
        """Not awaited to the end where brokers have refused who asks, and no other answers either."""
        asked_at = time.monotonic()
        while True:
            try:
                return future.result(LOOK_SECONDS)
            except TimeoutError:
                self.admin.poll(0)
                if self._refusal is not None and time.monotonic() - asked_at > REFUSED_SECONDS:
                    raise KafkaException(self._refusal) from None

    def cluster(self) -> ClusterMetadata:
        """Its brokers and topics. Who is refused hears it soon; others are waited for as long as a request may take."""
        seconds = self.settings.request_timeout_seconds
        with self.asking():
            try:
                return self.admin.list_topics(timeout=min(REFUSED_SECONDS, seconds))
            except KafkaException as fault:
                self.admin.poll(0)
                if self._refusal is not None or fault.args[0].code() not in _NO_ANSWER or seconds <= REFUSED_SECONDS:
                    raise
            return self.admin.list_topics(timeout=seconds - REFUSED_SECONDS)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around questions of `admin`: who is refused hears it, where all that its question knows is that no answer came."""
        try:
            yield
        except KafkaException as fault:
            self.admin.poll(0)
            if self._refusal is None or fault.args[0].code() not in _NO_ANSWER:
                raise
            raise KafkaException(self._refusal) from fault
        self._refusal = None

    def _heard(self, error: KafkaError) -> None:
        if error.code() in UNKNOWN_TO_EACH_OTHER:
            self._refusal = error

    def common(self) -> dict[str, Any]:
        """What every client is given: brokers and security. Raises OSError where a file with a secret cannot be read."""
        read = {name: path.read_text(encoding="utf-8").strip() for name, path in self.settings.security_files.items()}
        return {"bootstrap.servers": self.settings.brokers, "client.id": CLIENT_ID, **self.settings.security, **read}

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
                # The end of a partition is reported, and other questions on the connection are answered, only after this.
                "fetch.wait.max.ms": 50,
            },
            logger=client_logger(),
        )
        return cast("Consumer", made)

    def producer(self, transactional_id: str) -> Producer:
        made = RealProducer(
            {
                **self.common(),
                "transactional.id": transactional_id,
                "transaction.timeout.ms": int(self.settings.transaction_timeout_seconds * 1000),
                "enable.idempotence": True,
                "acks": "all",
                # What is produced in one go is sent in few requests; at a flush, which comes before every commit, nothing lingers.
                "linger.ms": 50,
                "compression.type": "lz4",
                # Nobody asks about one record: what is not delivered fails the transaction.
                "delivery.report.only.error": True,
                # A log record: an event, and what of it is one engagement's own, which are ids that the event names.
                "message.max.bytes": 2_100_000,
            },
            logger=client_logger(),
        )
        return cast("Producer", made)

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState | None]:
        described = self._described(names)
        return {
            name: None if found is None else TopicState(_plain(found.topic_id), len(found.partitions))
            for name, found in described.items()
        }

    def found_topics(self, names: Sequence[str]) -> Mapping[str, TopicFound | None]:
        described = self._described(names)
        there = [ConfigResource(ConfigResource.Type.TOPIC, name) for name, found in described.items() if found]
        timeout = self.settings.request_timeout_seconds
        with self.asking():
            asked = self.admin.describe_configs(there, request_timeout=timeout) if there else {}
            configs = {resource.name: self._answer(future) for resource, future in asked.items()}
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
        with self.asking():
            self._answer(self.admin.create_topics([new], operation_timeout=timeout, request_timeout=timeout)[name])

    def _described(self, names: Sequence[str]) -> dict[str, TopicDescription | None]:
        futures = self.admin.describe_topics(
            TopicCollection(list(names)), request_timeout=self.settings.request_timeout_seconds
        )
        found: dict[str, TopicDescription | None] = {}
        for name, future in futures.items():
            try:
                with self.asking():
                    found[name] = self._answer(future)
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
            _end(at, self.admin.list_offsets({at: latest}, isolation_level=level, request_timeout=timeout)[at])
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
        return stable, high

    def ends(self, places: Sequence[tuple[str, int]], seconds: float) -> Mapping[tuple[str, int], int]:
        """After the last record that readers of committed records see. Raises KafkaException, within these seconds."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        with self.asking():
            found = self.admin.list_offsets(
                {TopicPartition(*place): latest for place in places},
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=seconds,
            )
            return {(at.topic, at.partition): _end(at, future) for at, future in found.items()}


def _end(at: TopicPartition, answer: Future[Any]) -> int:
    """Raises KafkaException also where nobody answered in time: the client then gives an offset that is none."""
    offset: int = answer.result().offset
    if offset < 0:
        raise KafkaException(
            KafkaError(KafkaError._TIMED_OUT, f"no answer about the end of {at.topic}, partition {at.partition}")
        )
    return offset


def _plain(topic_id: object) -> str:
    """The text of an id, whichever way the client shows it."""
    return re.sub(r"^Uuid\(|\)$", "", str(topic_id))
