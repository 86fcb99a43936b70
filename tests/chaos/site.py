"""Where a run takes place: a broker of its own, topics, and the settings that every process is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.names import Names
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from connectors.kafka.topics import PlannedTopic, TopicKind
from tests.chaos.moved_clock import MovedClock
from tests.servers.kafka import Broker

# Simulated time lies far ahead of any wall clock, so that days end by what is recorded and by nothing else.
TIMESTAMPS: Final = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(1 << 62)}

# After a kill the broker works with the leaders of before until its session is over; what it aborts meanwhile it never ends
# (tests/chaos/hanging.py). As with Kafka's own values, it looks for what to abort less often than that.
BROKER: Final = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "5000"}

SETTINGS: Final = """\
[kafka]
brokers = "{brokers}"
development = true
partitions = {partitions}
input_partitions = 2
transaction_timeout_seconds = {transaction_timeout}
request_timeout_seconds = 20

[registry]
fixed_ids = true

[store]
folder = "store"

[intake]
batch_records = 500

[accounting]
batch_records = 500
"""


class Site(NamedTuple):
    """`settings_file` says the same as `kafka`; `transaction_timeout` is in seconds; `clock` is that of Milepost's processes."""

    folder: Path
    broker: Broker
    kafka: KafkaSettings
    settings_file: Path
    clock: MovedClock | None = None

    @property
    def names(self) -> Names:
        return Names.of(self.kafka)

    @property
    def clients(self) -> KafkaClients:
        return KafkaClients(self.kafka)

    @property
    def schemas(self) -> SchemaIds:
        return SchemaIds.fixed(self.kafka.prefix)

    @property
    def environment(self) -> Mapping[str, str]:
        """Of Milepost's processes, besides that of this one."""
        return {} if self.clock is None else self.clock.environment

    @property
    def transaction_timeout(self) -> float:
        return self.kafka.transaction_timeout_seconds

    def shard_store(self, shard: int, beside: str = "store") -> Path:
        return self.folder / beside / "shards" / self.kafka.generation / str(shard)

    @property
    def intake_store(self) -> Path:
        return self.folder / "store" / "intake" / self.kafka.generation


def settled(folder: Path, broker: Broker, shards: int, transaction_timeout: float) -> Site:
    """With its settings written, its topics made, and a clock that can be moved. Raises Missing."""
    clock = MovedClock(folder)
    file = folder / "milepost.toml"
    text = SETTINGS.format(brokers=broker.bootstrap, partitions=shards, transaction_timeout=transaction_timeout)
    file.write_text(text, encoding="utf-8")
    kafka = KafkaSettings(
        brokers=broker.bootstrap,
        development=True,
        partitions=shards,
        input_partitions=2,
        transaction_timeout_seconds=transaction_timeout,
        request_timeout_seconds=20,
    )
    return begun(folder, broker, kafka, file)._replace(clock=clock)


def begun(folder: Path, broker: Broker, kafka: KafkaSettings, settings_file: Path) -> Site:
    """With its topics made."""
    site = Site(folder, broker, kafka, settings_file)
    topics.create(site.clients, [_planned(topic, kafka) for topic in topics.TOPICS])
    return site


def _planned(topic: topics.Topic, kafka: KafkaSettings) -> PlannedTopic:
    plan = topics.planned(topic, kafka)
    return plan._replace(settings={**plan.settings, **TIMESTAMPS}) if topic.kind is TopicKind.INPUT else plan
