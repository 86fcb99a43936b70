"""The input of the reference job, and what it must come to.

The entries stand on an engagement log as intake writes it: an Avro record with the entry's own Avro in it, keyed by
engagement, 2,000 a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from random import Random
from typing import Final

from confluent_kafka import OFFSET_BEGINNING

from benchmarks.codec import time_approved
from benchmarks.peers.job import PARTITIONS, TIMEOUT, ProjectHours, Task
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.log_writer import LogWriter, genesis_records
from connectors.kafka.names import ENGAGEMENT_LOG, OVERRIDES, PROGRESS, Names
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import read_on
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.transactions import Transactions
from domain.events.catalogue import Event
from milepost.rounds import genesis

A_TRANSACTION: Final = 2_000
SEED: Final = 7
SPINE_TOPICS: Final = (ENGAGEMENT_LOG, OVERRIDES, PROGRESS, *SHARD_TOPICS)


class _Forgetful:
    """The memory of intake, which nobody asks here."""

    def appended(self, place: int, event: Event) -> None: ...

    def event_at(self, place: int) -> Event:
        raise LookupError(place)


def settings(brokers: str, prefix: str) -> KafkaSettings:
    return KafkaSettings(brokers=brokers, prefix=f"{prefix}.", partitions=PARTITIONS, replication=1, min_in_sync=1)


def fill(brokers: str, prefix: str, entries: int) -> str:
    """Writes so many entries of 400 people on 200 projects; the name of their topic."""
    kafka = settings(brokers, prefix)
    clients, names, chance = KafkaClients(kafka), Names.of(kafka), Random(SEED)
    topics.create(clients, [topics.planned(topics.BY_NAME[ENGAGEMENT_LOG], kafka)])
    log = LogWriter(_Forgetful(), [0] * PARTITIONS, 0)
    sending = Transactions(clients, f"{prefix}.fill", TIMEOUT)
    sending.begin()
    sending.produce(genesis_records(names, genesis()._replace(generation=kafka.generation, partitions=PARTITIONS)))
    for number in range(entries):
        if number % A_TRANSACTION == 0:
            sending.commit()
            sending.begin()
        entry = time_approved(number, entries, chance)
        log.append(entry.engagement_id or "", entry)
        for appended in log.take_batch():
            sending.produce(appended.records(names.log))
    sending.commit()
    return names.log


def made_topics(task: Task) -> None:
    """Makes those that a peer writes to."""
    kafka = settings(task.brokers, task.output)
    clients = KafkaClients(kafka)
    topics.create(clients, [topics.planned(topics.BY_NAME[name], kafka) for name in SPINE_TOPICS])
    clients.create_topic(task.hours, PARTITIONS, 1, {})


def last_sums(brokers: str, topic: str, read: Callable[[bytes], ProjectHours]) -> Mapping[str, ProjectHours]:
    """The last output of each project as readers of committed records see it.

    Raises AssertionError where an entry was left out or counted twice.
    """
    last: dict[str, ProjectHours] = {}
    with closing(KafkaClients(settings(brokers, "sums")).consumer()) as consumer:
        for message in read_on(consumer, {(topic, number): OFFSET_BEGINNING for number in range(PARTITIONS)}):
            found = read(message.value() or b"")
            before = last.get(found.project_id)
            expected = 1 if before is None else before.entries + 1
            assert found.entries == expected, f"{topic}: {found}, expected entry {expected} of its project"
            last[found.project_id] = found
    return last
