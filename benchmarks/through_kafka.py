"""From an event's topic to its journal on a real broker, through intake and accounting as they are served:

`python -m benchmarks.through_kafka --output build/firm/output`, where `milepost run` has made a log. Everything but the last
events of time is sent first; these are sent at a steady rate, each timed from when it was due until a reader of committed
records has its journal. What came between them comes between them again. Those of a second more keep it busy until all are seen.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from confluent_kafka import OFFSET_END, Producer, TopicPartition

from benchmarks.child import ROOT
from benchmarks.on_kafka import PATIENCE, shown
from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS
from connectors.files.engagement_log import EngagementLog
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.frame import FRAME
from connectors.kafka.names import Names
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from domain.events.catalogue import TOPICS, Event
from domain.events.delivery import TimeApproved
from tests.servers.kafka import Broker

SILENCE: Final = 10.0
# Seconds shown apart: where a month ends, work waits for the assignments of the next. No day ends here, since all is recorded today.
STRETCH: Final = 5
POSTINGS: Final = "erp.postings"


class Desk:
    """Event topics, with intake and accounting after them."""

    def __init__(self, broker: Broker, shards: int, folder: Path) -> None:
        self.settings = KafkaSettings(
            brokers=broker.bootstrap, prefix="through.", partitions=shards, replication=1, min_in_sync=1
        )
        self._folder = folder
        self._names = Names.of(self.settings)
        self._clients = KafkaClients(self.settings)
        topics.create(self._clients, [topics.planned(topic, self.settings) for topic in topics.BY_NAME.values()])
        self._schemas = SchemaIds.fixed(self.settings.prefix)
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0, "acks": "all"})

    def send(self, event: Event) -> None:
        """Events of a project come in order."""
        name = type(event).__name__
        key = getattr(event, "project_id", None) or ""
        value = self._schemas.frame(TOPICS[name], name) + EVENT_CODECS[name].encode(event)
        while True:
            try:
                self._producer.produce(self._names.shared(TOPICS[name]), value, key.encode())
            except BufferError:
                self._producer.poll(0.1)
            else:
                break
        self._producer.poll(0)

    def flush(self) -> None:
        self._producer.flush(PATIENCE)

    def serve(self, *command: str) -> subprocess.Popen[bytes]:
        told = {
            **{f"kafka.{name}": value for name, value in self.settings.model_dump(exclude_defaults=True).items()},
            "store.folder": self._folder / command[0],
            "registry.fixed_ids": "true",
        }
        options = [part for name, value in told.items() for part in ("--set", f"{name}={value}")]
        line = [sys.executable, "-m", "milepost", "serve", *command, "--alone", *options]
        return subprocess.Popen(line, cwd=ROOT, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command

    def await_log(self) -> None:
        """Until intake has begun it."""
        until = time.monotonic() + PATIENCE
        while any(
            self._clients.last_stable(self._names.log, number)[0] == 0 for number in range(self.settings.partitions)
        ):
            if time.monotonic() > until:
                raise TimeoutError(f"intake has not begun the log within {PATIENCE} seconds")
            time.sleep(0.1)

    def postings(self) -> Iterator[str | None]:
        """The event behind each journal, as readers see them come; None where nothing came."""
        consumer = self._clients.consumer()
        name = self._names.shared(POSTINGS)
        consumer.assign([TopicPartition(name, number, OFFSET_END) for number in range(self.settings.partitions)])
        codec = OUTPUT_CODECS["JournalEntry"]
        try:
            while True:
                message = consumer.poll(0.01)
                if message is None or message.error() is not None:
                    yield None
                else:
                    yield codec.decode((message.value() or b"")[FRAME.size :])[0].event_id
        finally:
            consumer.close()


def through(
    broker: Broker, events: Sequence[Event], shards: int, processes: int, folder: Path, rate: int, seconds: int
) -> Mapping[int, float]:
    """Seconds from when an event of time was due on its topic until its journal was visible, by its place among those sent.

    Everything before the last events of time is sent first, and is accounted for when the clock starts.
    """
    desk = Desk(broker, shards, folder)
    of_time = [place for place, event in enumerate(events) if isinstance(event, TimeApproved)][-rate * (seconds + 1) :]
    before, last = events[: of_time[0]], events[of_time[0] :]
    measured = enumerate(last[: rate * seconds])
    timed = {event.event_id: place for place, event in measured if isinstance(event, TimeApproved)}
    seen = desk.postings()
    next(seen)
    several = [desk.serve("intake")]
    try:
        desk.await_log()
        several += [desk.serve("accounting", "--ordinal", str(at), "--of", str(processes)) for at in range(processes)]
        for event in before:
            desk.send(event)
        desk.flush()
        _until_silent(seen)
        return _timed(desk, last, timed, seen, rate)
    finally:
        for one in several:
            one.send_signal(signal.SIGTERM)
        for one in several:
            one.wait(PATIENCE)


def _until_silent(seen: Iterator[str | None]) -> None:
    quiet_since = time.monotonic() + PATIENCE
    for event_id in seen:
        if event_id is not None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > SILENCE:
            return


def _timed(
    desk: Desk, events: Sequence[Event], timed: Mapping[str, int], seen: Iterator[str | None], rate: int
) -> Mapping[int, float]:
    began = time.monotonic()
    sent = 0
    took: dict[int, float] = {}
    quiet_since = began
    for event_id in seen:
        now = time.monotonic()
        place = timed.get(event_id) if event_id is not None else None
        if place is not None and place not in took:
            took[place] = now - began - place / rate
            quiet_since = now
        due = min(int((now - began) * rate), len(events))
        while sent < due:
            desk.send(events[sent])
            sent += 1
        if sent == len(events) and (len(took) == len(timed) or now - quiet_since > SILENCE):
            break
    return took


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="output folder of milepost run")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--processes", type=int, default=1, help="of accounting, which share the shards")
    parser.add_argument("--rate", type=int, default=1_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=15)
    asked = parser.parse_args(arguments)
    with EngagementLog.open(asked.output) as log:
        events = [
            record.event for record in log.records() if TOPICS.get(type(record.event).__name__) in topics.INPUT_TOPICS
        ]
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="milepost-benchmark-")))
        broker = Broker(folder / "kafka", tuned=True)
        held.callback(broker.stop)
        broker.start()
        took = through(broker, events, asked.shards, asked.processes, folder, asked.rate, asked.seconds)
        print(f"{asked.rate:,} events a second, from topic to journal: {shown(sorted(took.values()))}")
        for since in range(0, asked.seconds, STRETCH):
            places = range(since * asked.rate, (since + STRETCH) * asked.rate)
            print(f"  from second {since}: {shown(sorted(took[place] for place in places if place in took))}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
