"""Accounting on a real broker: `python -m benchmarks.on_kafka --output build/firm/output`, where `milepost run` has made a log.

The log is written to topics first. Then processes of `milepost serve accounting` fold it, one and two of them; one is killed
and started again; and records are sent at a steady rate, each timed from when it was due until a reader of committed
records sees that progress has passed it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from benchmarks.child import ROOT, measured
from connectors.event_bodies import schema_number
from connectors.files.engagement_log import EngagementLog
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.names import GENESIS_KEY, NUMBER_HEADER, Names
from connectors.kafka.outputs import SHARD_TOPICS
from connectors.kafka.progress import from_bytes
from connectors.kafka.settings import KafkaSettings
from connectors.log_records import Stored, StoredRecord, write_stored
from state.genesis import to_json
from state.intake.partition import partition_of
from tests.servers.kafka import Broker

TICKS: Final = os.sysconf("SC_CLK_TCK")
STEP_SECONDS: Final = 0.02
PATIENCE: Final = 30
PARTS: Final = ("fold", "killed", "steady")
PERCENTILES: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}
TOPICS: Final = (*SHARD_TOPICS, "engagement.log", "shard.progress", "overrides")


class Folded(NamedTuple):
    """`peak_mib` is of all processes together."""

    processes: int
    records: int
    seconds: float
    start_seconds: float
    cpu_seconds: float
    broker_cpu_seconds: float
    peak_mib: int

    @property
    def text(self) -> str:
        return (
            f"{self.processes} processes: {self.records / self.seconds:,.0f} records/s, {self.cpu_seconds / self.records * 1e6:,.0f} s "
            f"of processor per million, first commit after {self.start_seconds:.1f} s, {self.peak_mib} MiB; the broker: "
            f"{self.broker_cpu_seconds / self.records * 1e6:,.0f} s of processor per million"
        )


class Site:
    """Topics of one measurement, with the log in them."""

    def __init__(self, brokers: str, prefix: str, shards: int, folder: Path, genesis: str) -> None:
        self.settings = KafkaSettings(
            brokers=brokers, prefix=f"{prefix}.", partitions=shards, replication=1, min_in_sync=1
        )
        self.clients = KafkaClients(self.settings)
        self.names = Names.of(self.settings)
        self.folder = folder / prefix
        topics.create(self.clients, [topics.planned(topics.BY_NAME[name], self.settings) for name in TOPICS])
        self._producer = self.clients.producer(f"{prefix}.given")
        self._producer.init_transactions(PATIENCE)
        self._producer.begin_transaction()
        for number in range(shards):
            self._producer.produce(self.names.log, _genesis(genesis, number, shards), GENESIS_KEY, number)
        self._producer.commit_transaction(PATIENCE)

    def give(self, shard: int, records: Sequence[StoredRecord]) -> None:
        self._producer.begin_transaction()
        for record in records:
            value = write_stored(
                Stored(record.engagement_id, record.type_name, schema_number(record.type_name), record.body, record.own)
            )
            self._producer.produce(
                self.names.log,
                value,
                record.engagement_id.encode(),
                shard,
                headers=[(NUMBER_HEADER, b"%d" % record.offset)],
            )
            self._producer.poll(0)
        self._producer.commit_transaction(PATIENCE)

    def start(self, shards: Iterable[int]) -> subprocess.Popen[bytes]:
        told: Mapping[str, Any] = {
            **{f"kafka.{name}": value for name, value in self.settings.model_dump(exclude_defaults=True).items()},
            "store.folder": self.folder,
            "registry.fixed_ids": "true",
        }
        options = [part for name, value in told.items() for part in ("--set", f"{name}={value}")]
        command = [sys.executable, "-m", "milepost", "serve", "accounting", "--alone"]
        named = ["--shards", ",".join(map(str, shards))]
        return subprocess.Popen([*command, *named, *options], cwd=ROOT, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command

    def progress(self) -> Iterator[tuple[int, int] | None]:
        """Shard and record, as readers see them come; None where nothing came."""
        consumer = self.clients.consumer()
        at = [TopicPartition(self.names.progress, n, OFFSET_BEGINNING) for n in range(self.settings.partitions)]
        consumer.assign(at)
        try:
            while True:
                message = consumer.poll(0.05)
                if message is None or message.error() is not None:
                    yield None
                else:
                    yield message.partition(), from_bytes(message.value() or b"").offset
        finally:
            consumer.close()


def filled(broker: Broker, prefix: str, parts: Sequence[Sequence[StoredRecord]], folder: Path, genesis: str) -> Site:
    site = Site(broker.bootstrap, prefix, len(parts), folder, genesis)
    for shard, part in enumerate(parts):
        site.give(shard, part)
    return site


def fold(site: Site, ends: Sequence[int], processes: int, broker: Broker) -> Folded:
    """From nothing to the log's end."""
    started, spent_before = time.monotonic(), cpu_seconds(broker.pid)
    several = [site.start(range(number, len(ends), processes)) for number in range(processes)]
    first = 0.0
    for _ in _until(site, ends):
        first = first or time.monotonic()
    seconds = time.monotonic() - first
    spent = sum(cpu_seconds(one.pid) for one in several)
    peak = sum(_peak_mib(one.pid) for one in several)
    for one in several:
        one.send_signal(signal.SIGTERM)
        one.wait(PATIENCE)
    by_broker = cpu_seconds(broker.pid) - spent_before
    return Folded(processes, sum(ends), seconds, first - started, spent, by_broker, peak)


def embedded(output: Path, folder: Path) -> str:
    """The same log from its file, without a broker."""
    folder.mkdir()
    (folder / "log").symlink_to((output / "log").resolve())
    found = measured("dataflow", folder)
    records, spent = found["records"], found["spent"]
    return f"embedded: {records / spent['wall']:,.0f} records/s, {spent['cpu'] / records * 1e6:,.0f} s of processor per million"


def started_again(site: Site, ends: Sequence[int], more: Sequence[StoredRecord]) -> float:
    """Seconds from the start after `kill -9` until a record that came meanwhile is visible in every shard."""
    process = site.start(range(len(ends)))
    time.sleep(3)
    process.kill()
    process.wait()
    for shard, end in enumerate(ends):
        site.give(shard, [more[shard]._replace(offset=end)])
    started = time.monotonic()
    process = site.start(range(len(ends)))
    for _ in _until(site, [end + 1 for end in ends]):
        pass
    seconds = time.monotonic() - started
    process.terminate()
    process.wait(PATIENCE)
    return seconds


def steady(site: Site, parts: Sequence[Sequence[StoredRecord]], rate: int, seconds: int) -> list[float]:
    """Seconds from when each record was due until it was visible, ascending."""
    process = site.start(range(len(parts)))
    time.sleep(5)
    given, seen, took = [0] * len(parts), [0] * len(parts), list[float]()
    began = time.monotonic()
    due = [began + number * len(parts) / rate for number in range(rate * seconds // len(parts) + 1)]
    following = began
    for told in site.progress():
        now = time.monotonic()
        if told is not None:
            shard, offset = told
            took += [now - due[number] for number in range(seen[shard], min(offset, given[shard]))]
            seen[shard] = max(seen[shard], min(offset, given[shard]))
        if now < began + seconds and now >= following:
            following = now + STEP_SECONDS
            for shard, part in enumerate(parts):
                upto = min(bisect_right(due, now), len(part))
                if upto > given[shard]:
                    site.give(shard, part[given[shard] : upto])
                    given[shard] = upto
        if now >= began + seconds and (seen == given or now > began + seconds + PATIENCE):
            break
    process.terminate()
    process.wait(PATIENCE)
    return sorted(took)


def shown(took: Sequence[float]) -> str:
    """Seconds in ascending order, by percentile."""
    if not took:
        return "nothing came"
    at = {name: took[min(int(len(took) * share), len(took) - 1)] * 1000 for name, share in PERCENTILES.items()}
    return ", ".join(f"{name} {value:,.0f} ms" for name, value in at.items()) + f" ({len(took):,} records)"


def _until(site: Site, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    reached = [0] * len(ends)
    for told in site.progress():
        if told is not None:
            reached[told[0]] = told[1]
            yield told
        if reached == list(ends):
            return


def _genesis(text: str, partition: int, partitions: int) -> bytes:
    found = orjson.loads(text)
    return orjson.dumps({**found, "partition": partition, "partitions": partitions})


def divided(records: Iterable[StoredRecord], shards: int) -> list[list[StoredRecord]]:
    made: list[list[StoredRecord]] = [[] for _ in range(shards)]
    for record in records:
        of = record.engagement_id
        for number in [partition_of(of, shards)] if of else range(shards):
            made[number].append(record._replace(offset=len(made[number])))
    return made


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _peak_mib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="output folder of milepost run")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--rate", type=int, default=1_000, help="records a second, for the time until visible")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="fold, killed, steady; all unless said"
    )
    asked = parser.parse_args(arguments)
    with EngagementLog.open(asked.output) as log:
        parts, genesis = divided(log.records(), asked.shards), to_json(log.genesis)
    ends = [len(part) for part in parts]
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="milepost-benchmark-")))
        broker = Broker(folder / "kafka", tuned=True)
        held.callback(broker.stop)
        broker.start()
        if "fold" in asked.parts:
            for processes in (1, 2):
                site = filled(broker, f"fold{processes}", parts, folder, genesis)
                print(fold(site, ends, processes, broker).text)
            print(embedded(asked.output, folder / "embedded"))
        if "killed" in asked.parts:
            site = filled(broker, "killed", parts, folder, genesis)
            fold(site, ends, 2, broker)
            again = started_again(site, ends, [part[-1] for part in parts])
            print(
                f"after kill -9: {again:.1f} s until what came meanwhile is visible, {sum(ends):,} records of history"
            )
        if "steady" in asked.parts:
            site = Site(broker.bootstrap, "steady", asked.shards, folder, genesis)
            took = steady(site, parts, asked.rate, asked.seconds)
            print(f"{asked.rate:,} records a second until visible: {shown(took)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
