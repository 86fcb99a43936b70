"""Views into Redis: `python -m benchmarks.views`, the whole way from a topic on a real broker to a real Redis.

Twice: with every view of another project, all of which are written, and with many versions of few projects, of which the
newest in a batch alone is. The topic is filled before the clock starts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, NamedTuple

from connectors.avro_codec import OUTPUT_CODECS
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.names import Names
from connectors.kafka.published import about, headers
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from connectors.redis.read_model import ReadModel
from connectors.redis.settings import RedisSettings
from dataflows.view import ViewFlow
from domain.outputs import (
    TOPICS,
    CurrencyAmount,
    Position,
    ProjectView,
    ViewBalance,
    ViewBurn,
    ViewException,
    ViewForecast,
)
from tests.servers.kafka import Broker
from tests.servers.redis import RedisServer

TOPIC: Final = TOPICS["ProjectView"]
SHARDS: Final = 4
A_TRANSACTION: Final = 5_000
PATIENCE: Final = 30
MORNING: Final = 1_772_438_400_000_000  # 2026-03-02T08:00:00Z


class Taken(NamedTuple):
    """`newer` are those that were written."""

    views: int
    newer: int
    seconds: float

    @property
    def text(self) -> str:
        return (
            f"{self.views / self.seconds:,.0f} views/s, {self.newer:,} of {self.views:,} written, {self.seconds:.1f} s"
        )


def fill(clients: KafkaClients, settings: KafkaSettings, views: int, projects: int) -> None:
    names = Names.of(settings)
    topics.create(clients, [topics.planned(topics.BY_NAME[TOPIC], settings)])
    frame = SchemaIds.fixed(settings.prefix).frame(TOPIC, "ProjectView")
    encode = OUTPUT_CODECS["ProjectView"].encode
    producer = clients.producer(f"{settings.prefix}given")
    producer.init_transactions(PATIENCE)
    for begin in range(0, views, A_TRANSACTION):
        producer.begin_transaction()
        for number in range(begin, min(begin + A_TRANSACTION, views)):
            project = number % projects
            shard = project % SHARDS
            position = Position(names.generation, shard, number, 0, number, "event", MORNING, MORNING, None, "1")
            body = frame + encode(position, view(f"PRJ-{project:06d}", number // projects + 1))
            told = headers(about(names.generation, shard, "ProjectView"), number, number - 1)
            producer.produce(names.shared(TOPIC), body, f"PRJ-{project:06d}".encode(), shard, headers=told)
            producer.poll(0)
        producer.commit_transaction(PATIENCE)


def view(project_id: str, version: int) -> ProjectView:
    """With two contracts and three exceptions; some 2 KB of JSON."""
    euros = (CurrencyAmount("EUR", 123_456_700),)
    balances = tuple(
        ViewBalance(f"C-{number}", "EUR", version, 0, 0, version, 0, 0, 0, 0, version, version) for number in range(2)
    )
    waiting = tuple(
        ViewException(f"{project_id}.{number:024x}", "no_rate", "delivery", 500_000, ("T-1", "T-2"), "EUR")
        for number in range(3)
    )
    forecast = ViewForecast(version, 20_000_000, 30_000_000, 10_000_000, 40_000_000)
    burn = ViewBurn(8_000_000, 8_000_000, euros, euros)
    return ProjectView(project_id, project_id, version, burn, "LE-DE", "Work", balances, ("S-1",), forecast, waiting, 3)


def measure(clients: KafkaClients, settings: KafkaSettings, redis: str, views: int) -> Taken:
    newer_of: list[int] = []
    with closing(ReadModel(RedisSettings(url=redis, prefix=settings.prefix))) as model:
        flow = ViewFlow(
            clients,
            Names.of(settings),
            model,
            lambda: flow.is_filled,
            print,
            lambda _batch, newer: newer_of.append(newer),
        )
        started = time.monotonic()
        flow.run()
        return Taken(views, sum(newer_of), time.monotonic() - started)


def main(arguments: list[str]) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--views", type=int, default=50_000)
    views = options.parse_args(arguments).views
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder, "kafka"), tuned=True)
        redis = RedisServer(Path(folder, "redis"))
        with ExitStack() as servers:
            for server in (broker, redis):
                servers.callback(server.stop)
                server.start()
            for name, projects in (("many projects", views), ("few projects", max(views // 100, 1))):
                settings = KafkaSettings(
                    brokers=broker.bootstrap, prefix=f"{projects}.", partitions=SHARDS, replication=1, min_in_sync=1
                )
                clients = KafkaClients(settings)
                fill(clients, settings, views, projects)
                print(f"{name}: {measure(clients, settings, redis.url, views).text}")


if __name__ == "__main__":
    main(sys.argv[1:])
