"""A small firm's log on a broker of its own topics, what the plain loop makes of it, and what readers see."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING
from typer.testing import CliRunner

from connectors.files.engagement_log import EngagementLog
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.names import FORECAST_CURRENT, Names
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.partitions import read_to_end
from connectors.kafka.progress import WrittenProgress, from_bytes
from connectors.kafka.published import Published, published
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from connectors.log_records import StoredRecord
from dataflows.accounting_kafka import Job, run
from dataflows.embedded import ENCODERS, decode_event
from dataflows.settings import AccountingSettings
from milepost.cli import app
from milepost.rounds import genesis
from state.batch import Encoded, Mark, OutputProgress
from state.genesis import Genesis
from state.overrides import Overrides
from state.shard import Shard
from state.store.store import Store
from tests.folding import IN_MEMORY, MemoryLog
from tests.forked import Forked
from tests.kafka.given_log import LogGiver, divided
from tests.made_once import made_once
from tests.reliability.run_in_batches import standing_after
from tests.servers.kafka import Broker
from tests.thoroughness import THOROUGH

ROOT = Path(__file__).parents[2]

# By topic: key, type, number, number before, body.
Said = Mapping[str, list[tuple[bytes, str, int, int, bytes]]]


@cache
def _simulated(months: int) -> TemporaryDirectory[str]:
    return made_once(f"kafka-firm-{months}", lambda folder: _simulate(folder, months))


def _simulate(folder: Path, months: int) -> None:
    made, out = f"{folder}/input", f"{folder}/output"
    size = ["--seed", "11", "--people", "12", "--projects", "10", "--months", str(months), "--deals", "time"]
    for command in (
        ["simulate", *size, "--out", made],
        ["run", "--input", made, "--output", out, "--until", "2026-04-30"],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output


def simulated_output(months: int = 2) -> Path:
    """The folder of an embedded run of a simulated firm, made once for all tests; do not write to it."""
    return Path(_simulated(months).name) / "output"


def simulated(months: int = 2) -> list[StoredRecord]:
    """Its log."""
    with EngagementLog.open(simulated_output(months)) as log:
        return list(log.records())


def first_weeks() -> list[StoredRecord]:
    """Two fifths of that log, which have outputs of every kind; all of it in the thorough search."""
    whole = simulated()
    return whole if THOROUGH else whole[: len(whole) * 2 // 5]


class Site(NamedTuple):
    """Topics of one test, and the folder of its stores."""

    settings: KafkaSettings
    clients: KafkaClients
    folder: Path

    @property
    def names(self) -> Names:
        return Names.of(self.settings)

    def job(self, *shards: int, **settings: Any) -> Job:
        numbers = shards or tuple(range(self.settings.partitions))
        frames = SchemaIds.fixed(self.settings.prefix).frame
        folder = self.folder / "shards"
        return Job(self.clients, self.settings, AccountingSettings(**settings), folder, numbers, frames)

    def options(self, **settings: Any) -> list[str]:
        """By which a command finds it."""
        told = self.settings.model_dump(exclude_defaults=True)
        found = {f"kafka.{name}": value for name, value in told.items() if not isinstance(value, dict)}
        for name, table in told.items():
            if isinstance(table, dict):
                found |= {f"kafka.{name}.{key}": value for key, value in table.items()}
        found |= {"store.folder": self.folder, "registry.fixed_ids": "true"}
        found |= {f"accounting.{name}": value for name, value in settings.items()}
        return [part for name, value in found.items() for part in ("--set", f"{name}={value}")]

    def start(
        self, *shards: int, module: str = "tests.kafka.telling", stands_after: int = 0, **settings: Any
    ) -> subprocess.Popen[bytes]:
        """A process that serves shards, all of them where none is named, and tells each commit; after the one that `stands_after`
        counts it waits until its standard input is closed.
        """
        named = ["--shards", ",".join(map(str, shards))] if shards else ["--all-shards"]
        command = [sys.executable, "-m", module, "serve", "accounting", *named, *self.options(**settings)]
        alone = ["--alone"] if module != "milepost" else []
        pipe, environment = subprocess.PIPE, standing_after(stands_after)
        return Forked([*command, *alone], cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)

    def written(self, shard: int) -> WrittenProgress | None:
        """What progress says."""
        place = (self.names.progress, shard)
        consumer = self.clients.consumer()
        try:
            found = read_to_end(consumer, {place: OFFSET_BEGINNING})[place]
        finally:
            consumer.close()
        return from_bytes(found[-1].value() or b"") if found else None

    def giver(self) -> LogGiver:
        return LogGiver(self.clients, self.names, self.settings.partitions)

    def said(self, shard: int) -> Said:
        """What readers of committed records see of a shard."""
        return {topic: [one.identity for one in found] for topic, found in self.read(shard).items()}

    def read(self, shard: int) -> dict[str, list[Published]]:
        places = {(self.names.shared(topic), shard): topic for topic in SHARD_TOPICS}
        consumer = self.clients.consumer()
        try:
            found = read_to_end(consumer, dict.fromkeys(places, OFFSET_BEGINNING))
        finally:
            consumer.close()
        return {places[place]: [published(message) for message in messages] for place, messages in found.items()}


def site(broker: Broker, own_name: str, folder: Path, partitions: int = 2, **settings: Any) -> Site:
    """With its topics made and its log begun."""
    told = KafkaSettings(
        brokers=broker.bootstrap,
        prefix=f"{own_name}.",
        partitions=partitions,
        replication=1,
        min_in_sync=1,
        **{"transaction_timeout_seconds": 20.0, "request_timeout_seconds": 20.0, **settings},
    )
    clients = KafkaClients(told)
    wanted = [*SHARD_TOPICS, "engagement.log", "shard.progress", "overrides"]
    topics.create(clients, [topics.planned(topics.BY_NAME[name], told) for name in wanted])
    made = Site(told, clients, folder)
    made.giver().begin()
    return made


def expected(site: Site, shard: int, records: Sequence[StoredRecord], overrides: Overrides | None = None) -> Said:
    """What the plain loop says, with a fresh store and outputs in memory."""
    begun = genesis_of(site, shard)
    store = Store(IN_MEMORY, begun.generation, shard)
    over = Shard(store, ENCODERS, begun, OutputProgress(), decode_event, overrides)
    said: dict[str, list[tuple[bytes, str, int, int, bytes]]] = {topic: [] for topic in SHARD_TOPICS}
    for one in folded(over, records):
        for topic in (one.topic, FORECAST_CURRENT) if one.type_name == "ForecastUpdate" else (one.topic,):
            before = said[topic][-1][2] if said[topic] else -1
            said[topic].append((one.key.encode(), one.type_name, one.output_seq, before, one.body))
    return said


def folded(shard: Shard, records: Sequence[StoredRecord]) -> Iterator[Encoded]:
    log = MemoryLog(records)
    while found := log.read(shard.position[0], 2_000, 4 << 20):
        for one in shard.fold(found):
            if isinstance(one, Mark):
                shard.commit(one)
            else:
                yield one


def genesis_of(site: Site, shard: int) -> Genesis:
    """As `LogGiver` writes it."""
    return genesis()._replace(generation=site.settings.generation, partition=shard, partitions=site.settings.partitions)


class Until:
    """Asks to stop once every shard has committed so many records; told of each commit."""

    def __init__(self, ends: Mapping[int, int]) -> None:
        self._ends = dict(ends)
        self._reached: dict[int, int] = {}

    def on_commit(self, effects: Any, mark: Mark) -> None:
        self._reached[effects.batch.shard] = mark.offset

    def reached(self) -> bool:
        return all(self._reached.get(shard, -1) >= end for shard, end in self._ends.items())


def given(of: Site, records: Sequence[StoredRecord]) -> list[list[StoredRecord]]:
    """What each shard's log has now."""
    parts = divided(records, of.settings.partitions)
    giver = of.giver()
    for number, part in enumerate(parts):
        giver.give(number, part)
    return parts


def accounted(of: Site, records: Sequence[StoredRecord]) -> list[list[StoredRecord]]:
    """Given, and folded to the end by all shards."""
    parts = given(of, records)
    end = Until({number: len(part) for number, part in enumerate(parts)})
    run(of.job(), end.reached, end.on_commit)
    return parts
