"""Domain topics with events in them, intake over them, and what comes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from connectors.avro_codec import DEAD_LETTER_CODEC, EVENT_CODECS
from connectors.event_bodies import read_event
from connectors.kafka.clients import KafkaClients
from connectors.kafka.frame import FRAME
from connectors.kafka.names import DEAD_LETTERS, Names
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from connectors.log_records import Stored, read_stored
from dataflows.intake import IntakeSetup, KafkaIntake, run_dataflow
from domain.events.catalogue import TOPICS, Event
from domain.events.reference import PersonDefined
from domain.outputs import DeadLetter
from domain.units import Instant
from state.genesis import Genesis
from state.rules import RULES
from tests.intake_inputs import at, head
from tests.kafka.servers import PATIENCE, remove_topics, until
from tests.plain_intake import run_plain

MORNING = at("2026-03-02 08:00")
SECOND = 1_000_000
TABLES: Final = ("links", "entries", "history", "retold", "waiting", "waits", "notices", "identities", "days")
KEPT: Final = {"retention.ms": "-1", "max.message.bytes": "3000000"}


class Written(NamedTuple):
    """A record of the log as it stands on the topic."""

    partition: int
    key: bytes
    number: int | None
    value: bytes

    @property
    def event(self) -> Event:
        return read_event(self.stored.type, self.stored.schema, self.stored.body)

    @property
    def stored(self) -> Stored:
        return read_stored(self.value, 0)[0]


class World:
    """Topics whose names begin with a test's own prefix."""

    def __init__(self, brokers: str, prefix: str, folder: Path, partitions: int = 4, generation: str = "1") -> None:
        self.kafka = KafkaSettings(
            brokers=brokers,
            prefix=f"{prefix}.",
            generation=generation,
            partitions=partitions,
            replication=1,
            min_in_sync=1,
            transaction_timeout_seconds=10,
        )
        self.names = Names.of(self.kafka)
        self.clients = KafkaClients(self.kafka)
        self.schemas = SchemaIds.fixed(self.kafka.prefix)
        self.folder = folder
        self.told: list[str] = []
        self.producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, "message.max.bytes": 200_000_000})
        self._at = MORNING

    def make_topics(self, domain: Iterable[str] = (), partitions: int = 2) -> None:
        """Those that intake writes, and domain topics, whose timestamps are those that the test gives."""
        self.make_log()
        self._create(self.names.shared(DEAD_LETTERS), 1, KEPT)
        for name in domain:
            self.make_topic(name, partitions)

    def make_log(self) -> None:
        self._create(self.names.log, self.kafka.partitions, KEPT)
        self._create(self.names.directory, 1, {**KEPT, "cleanup.policy": "compact"})

    def make_topic(self, name: str, partitions: int = 2, **settings: str) -> None:
        self._create(self.names.shared(name), partitions, {"retention.ms": "-1", **settings})

    def _create(self, full: str, partitions: int, settings: Mapping[str, str]) -> None:
        """Returns when clients see it."""
        self.clients.create_topic(full, partitions, 1, settings)
        until(lambda: self.clients.topics([full])[full] is not None)

    def send(self, *events: Event, spread: bool = True) -> None:
        """Each a second after the one before it, to its topic; those of one kind over the partitions."""
        for event in events:
            name = type(event).__name__
            key = str(event[3] if spread else "").encode()
            self.send_raw(TOPICS[name], self.framed(event), key)
        self.flush()

    def send_raw(self, topic: str, value: bytes | None, key: bytes | None = None, partition: int = -1) -> None:
        self._at += SECOND
        more: dict[str, Any] = {} if partition < 0 else {"partition": partition}
        self.producer.produce(self.names.shared(topic), value, key, timestamp=self._at // 1_000, **more)
        self.producer.poll(0)

    def send_at(self, seconds: int, topic: str, event: Event) -> None:
        """So many seconds after the morning."""
        self._at = MORNING + (seconds - 1) * SECOND
        self.send_raw(topic, self.framed(event), b"key")
        self.flush()

    def send_person(self) -> None:
        self.send(
            PersonDefined(**head("2026-03-02 09:00"), person_id="ADA", version=1, legal_entity_id="LE", role="senior")
        )

    def remake(self, topic: str, **settings: str) -> None:
        """Deletes a topic and makes it again."""
        partitions = len(self.clients.admin.list_topics(topic, timeout=PATIENCE).topics[topic].partitions)
        self.clients.admin.delete_topics([topic])[topic].result()
        until(lambda: topic not in self.clients.admin.list_topics(timeout=PATIENCE).topics)
        self._create(topic, partitions, {**KEPT, **settings})

    def delete_records(self, topic: str | None) -> None:
        """All that a domain topic holds; without one, all but the last offset of the log."""
        name = self.names.log if topic is None else self.names.shared(topic)
        count = len(self.clients.admin.list_topics(name, timeout=PATIENCE).topics[name].partitions)
        at = [TopicPartition(name, partition, -1) for partition in range(count)]
        for done in self.clients.admin.delete_records(at).values():
            done.result()

    def take_all(self, intake: KafkaIntake) -> None:
        """Batch by batch until nothing is left."""
        run_plain(intake, until_idle(intake))

    def types(self) -> list[str]:
        """Of a log of one partition."""
        (found,) = types_of(self.log())
        return found

    def flush(self) -> None:
        assert self.producer.flush(PATIENCE) == 0

    def framed(self, event: Event) -> bytes:
        name = type(event).__name__
        return self.schemas.frame(TOPICS[name], name) + EVENT_CODECS[name].encode(event)

    def intake(self, now: Callable[[], Instant] = lambda: MORNING, **settings: Any) -> KafkaIntake:
        genesis = Genesis(self.kafka.generation, partitions=self.kafka.partitions, rules=RULES)
        chosen = IntakeSetup(genesis, self.folder)._replace(**settings)
        return KafkaIntake(self.clients, self.kafka, self.schemas, chosen, self.told.append, now)

    def run(self, *, plain: bool = False, now: Callable[[], Instant] = lambda: MORNING, **settings: Any) -> None:
        """Until nothing is left to be taken in."""
        with self.intake(now, **settings) as intake:
            run = run_plain if plain else run_dataflow
            run(intake, until_idle(intake))

    def log(self) -> list[list[Written]]:
        """Of each partition, without genesis."""
        found = self.read(self.names.log, self.kafka.partitions)
        return [[_written(each) for each in partition[1:]] for partition in found]

    def bodies(self) -> list[list[tuple[bytes, bytes]]]:
        return [[(each.key, each.value) for each in partition] for partition in self.log()]

    def rows(self, table: str) -> list[Any]:
        """Of the file at hand."""
        return rows_of(self.folder, table)

    def letters(self) -> list[DeadLetter]:
        (found,) = self.read(self.names.shared(DEAD_LETTERS), 1)
        return [DEAD_LETTER_CODEC.decode(each.value()[FRAME.size :]) for each in found]

    def read(self, topic: str, partitions: int, isolation: str = "read_committed") -> list[list[Any]]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.kafka.brokers,
                "group.id": "reader",
                "isolation.level": isolation,
                "enable.partition.eof": True,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
            }
        )
        found: list[list[Any]] = [[] for _ in range(partitions)]
        left = set(range(partitions))
        try:
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
            while left:
                message = consumer.poll(PATIENCE)
                assert message is not None, f"{topic}: nothing came in {PATIENCE} s"
                error = message.error()
                if error is None:
                    found[message.partition() or 0].append(message)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left.discard(message.partition())
        finally:
            consumer.close()
        return found

    def delete(self) -> None:
        topics = [
            name
            for name in self.clients.admin.list_topics(timeout=PATIENCE).topics
            if name.startswith(self.kafka.prefix)
        ]
        remove_topics(self.clients.admin, topics)


def rows_of(folder: Path, table: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "intake.db")) as file:
        return sorted(file.execute(f"SELECT * FROM {table}").fetchall(), key=repr)


def until_idle(intake: KafkaIntake, idle_reads: int = 12) -> Callable[[], bool]:
    """More is wanted until nothing came for some reads one after the other, and all that the topics hold has come."""
    read, topics = intake.read, intake._topics
    silent = 0

    def counted() -> Any:
        nonlocal silent
        batch = read()
        is_more = batch is not None or intake.is_catching_up
        silent = 0 if is_more or (silent + 1 == idle_reads and topics.topics_behind(topics.ends())) else silent + 1
        return batch

    intake.read = counted  # type: ignore[method-assign]
    return lambda: silent < idle_reads


def _written(message: Any) -> Written:
    number = dict(message.headers() or ()).get("n")
    return Written(message.partition(), message.key(), None if number is None else int(number), message.value())


def types_of(partitions: Sequence[Sequence[Written]]) -> list[list[str]]:
    return [
        [f"{each.stored.engagement_id or '*'} {each.stored.type}" for each in partition] for partition in partitions
    ]
