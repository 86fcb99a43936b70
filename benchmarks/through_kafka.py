"""From an event's topic to its journal on a real broker, through intake and accounting as they are served:

`python -m benchmarks.through_kafka --output build/firm/output`, where `milepost run` has made a log. Everything but the last
events of time is on the topics when intake starts; these are sent at a steady rate, each timed from when it was due until a
reader of committed records has its journal. What came between them comes between them again. Those of a second more keep it busy
until all are seen. Each event has the timestamp of its recording, so that days and months end, and statements are cut, as in
the log. The firm is one of years to come (`milepost simulate --start 2030-01-01`): intake ends days that are over by the clocks.
At 1,000 events a second a month of 400 people passes in fifteen seconds.
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
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_END, KafkaError, KafkaException, Producer, TopicPartition

from benchmarks.child import ROOT
from benchmarks.machine import calibration
from benchmarks.on_kafka import PATIENCE, cpu_seconds, shown
from connectors.avro_codec import EVENT_CODECS, OUTPUT_CODECS
from connectors.files.engagement_log import EngagementLog
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.domain_messages import MICROSECONDS
from connectors.kafka.frame import FRAME
from connectors.kafka.names import Names
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from domain.events.catalogue import TOPICS, Event
from domain.events.delivery import TimeApproved
from domain.events.reference import DayEnded
from state.intake.clock import recording_time
from tests.servers.kafka import Broker

SILENCE: Final = 10.0
# Seconds shown apart.
STRETCH: Final = 5
# From a month's first end in a zone: the ends in the others, the days of grace and the assignments of the next month.
MONTH_END_SECONDS: Final = 3
TIMES_OF_RECORDING: Final = {topics.TIMESTAMPS: "CreateTime", "message.timestamp.after.max.ms": str(2**63 - 1)}
POSTINGS: Final = "erp.postings"
STATEMENTS: Final = "billing.statements"


def _delivered(fault: KafkaError | None, _message: object) -> None:
    if fault is not None:
        raise KafkaException(fault)


class Events(NamedTuple):
    """Those of the event topics in the order of the log, and the places before which a month ended in a zone."""

    events: Sequence[Event]
    month_ends: Sequence[int]

    @classmethod
    def of_log(cls, output: Path, events_max: int | None) -> Events:
        """The first so many, or all. What was for several engagements is sent once."""
        events: dict[str, Event] = {}
        month_ends = []
        with EngagementLog.open(output) as log:
            for record in log.records():
                event = record.event
                if isinstance(event, DayEnded) and (event.date + timedelta(days=1)).day == 1:
                    month_ends.append(len(events))
                elif TOPICS.get(type(event).__name__) in topics.INPUT_TOPICS:
                    events.setdefault(event.event_id, event)
                if len(events) == events_max:
                    break
        return cls(list(events.values()), month_ends)

    def last(self, count: int) -> int:
        """The place of the first of the last `count` events of time."""
        return [place for place, event in enumerate(self.events) if isinstance(event, TimeApproved)][-count]


class Timed(NamedTuple):
    """Seconds from when an event of time was due until its journal was visible, by its place among those sent; statements that
    were seen meanwhile; and of each stretch the seconds of processor by name of process."""

    took: Mapping[int, float]
    statements: int
    spent: Sequence[Mapping[str, float]]


class Desk:
    """Event topics, with intake and accounting after them."""

    def __init__(self, broker: Broker, shards: int, folder: Path) -> None:
        self.settings = KafkaSettings(
            brokers=broker.bootstrap,
            prefix="through.",
            partitions=shards,
            development=True,
            replication=1,
            min_in_sync=1,
        )
        self.statements = 0
        self._folder = folder
        self._names = Names.of(self.settings)
        self._clients = KafkaClients(self.settings)
        topics.create(self._clients, [self._planned(topic) for topic in topics.BY_NAME.values()])
        self._schemas = SchemaIds.fixed(self.settings.prefix)
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0, "acks": "all"})

    def _planned(self, topic: topics.Topic) -> topics.PlannedTopic:
        """Events keep the times of their recording, which are years from now."""
        plan = topics.planned(topic, self.settings)
        if topic.kind is not topics.TopicKind.INPUT:
            return plan
        return plan._replace(settings={**plan.settings, **TIMES_OF_RECORDING})

    def send(self, event: Event) -> None:
        """Events of a project come in order."""
        name = type(event).__name__
        key = getattr(event, "project_id", None) or ""
        value = self._schemas.frame(TOPICS[name], name) + EVENT_CODECS[name].encode(event)
        while True:
            try:
                at = recording_time(event) // MICROSECONDS
                self._producer.produce(
                    self._names.shared(TOPICS[name]), value, key.encode(), timestamp=at, on_delivery=_delivered
                )
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
            "kafka.development": "true",
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
        """The event of each journal, as readers see them come; None where nothing came. Statements are counted."""
        consumer = self._clients.consumer()
        several = [self._names.shared(name) for name in (POSTINGS, STATEMENTS)]
        numbers = range(self.settings.partitions)
        consumer.assign([TopicPartition(name, number, OFFSET_END) for name in several for number in numbers])
        codec = OUTPUT_CODECS["JournalEntry"]
        try:
            while True:
                message = consumer.poll(0.01)
                if message is None or message.error() is not None:
                    yield None
                elif message.topic() != several[0]:
                    self.statements += 1
                else:
                    yield codec.decode((message.value() or b"")[FRAME.size :])[0].event_id
        finally:
            consumer.close()


def through(broker: Broker, given: Events, shards: int, processes: int, folder: Path, rate: int, seconds: int) -> Timed:
    """Everything before the last events of time is accounted for when the clock starts."""
    desk = Desk(broker, shards, folder)
    first = given.last(rate * (seconds + 1))
    last = given.events[first:]
    for event in given.events[:first]:
        desk.send(event)
    desk.flush()
    seen = desk.postings()
    next(seen)
    running = {"intake": desk.serve("intake")}
    try:
        desk.await_log()
        for at in range(processes):
            of = ("--ordinal", str(at), "--of", str(processes))
            running[f"accounting {at}"] = desk.serve("accounting", *of)
        _until_silent(seen)
        pids = {"broker": broker.pid, **{name: process.pid for name, process in running.items()}}
        return _timed(desk, last, pids, seen, rate, seconds)
    finally:
        desk.flush()
        for one in running.values():
            one.send_signal(signal.SIGTERM)
        for one in running.values():
            one.wait(PATIENCE)


def _until_silent(seen: Iterator[str | None]) -> None:
    quiet_since = time.monotonic() + PATIENCE
    for event_id in seen:
        if event_id is not None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > SILENCE:
            return


def _timed(
    desk: Desk, events: Sequence[Event], pids: Mapping[str, int], seen: Iterator[str | None], rate: int, seconds: int
) -> Timed:
    measured = enumerate(events[: rate * seconds])
    timed = {event.event_id: place for place, event in measured if isinstance(event, TimeApproved)}
    began = time.monotonic()
    sent, statements = 0, desk.statements
    took: dict[int, float] = {}
    spent = [{name: cpu_seconds(pid) for name, pid in pids.items()}]
    quiet_since = began
    for event_id in seen:
        now = time.monotonic()
        place = timed.get(event_id) if event_id is not None else None
        if place is not None and place not in took:
            took[place] = now - began - place / rate
            quiet_since = now
        if now - began >= len(spent) * STRETCH:
            spent.append({name: cpu_seconds(pid) for name, pid in pids.items()})
        due = min(int((now - began) * rate), len(events))
        while sent < due:
            desk.send(events[sent])
            sent += 1
        if sent == len(events) and (len(took) == len(timed) or now - quiet_since > SILENCE):
            break
    stretches = [{name: after[name] - before[name] for name in pids} for before, after in pairwise(spent)]
    return Timed(took, desk.statements - statements, stretches)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="output folder of milepost run")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--processes", type=int, default=1, help="of accounting, which share the shards")
    parser.add_argument("--rate", type=int, default=1_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--events", type=int, help="the first so many of the log alone, for a shorter history")
    asked = parser.parse_args(arguments)
    given = Events.of_log(asked.output, asked.events)
    if not recording_time(given.events[0]) > time.time_ns() // MICROSECONDS:
        parser.error("the log is of days that are over: see milepost simulate --start")
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="milepost-benchmark-")))
        broker = Broker(folder / "kafka", tuned=True)
        held.callback(broker.stop)
        broker.start()
        found = through(broker, given, asked.shards, asked.processes, folder, asked.rate, asked.seconds)
    took, rate = found.took, asked.rate
    first = given.last(rate * (asked.seconds + 1))
    ends = [place - first for place in given.month_ends if first <= place < first + rate * asked.seconds]
    near = {place for end in ends for place in range(end, end + rate * MONTH_END_SECONDS)}
    print(
        f"{rate:,} events a second, {found.statements:,} statements, calibration {calibration():.1f} ms, "
        f"from topic to journal: {shown(sorted(took.values()))}"
    )
    if near:
        print(
            f"  {MONTH_END_SECONDS} seconds of each month's end: {shown(sorted(took[at] for at in took if at in near))}"
        )
        print(f"  all others: {shown(sorted(took[at] for at in took if at not in near))}")
    for since, spent in zip(range(0, asked.seconds, STRETCH), found.spent, strict=False):
        places = range(since * rate, (since + STRETCH) * rate)
        busy = ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items())
        month = ", a month ends" if any(end in places for end in ends) else ""
        print(
            f"  from second {since}: {shown(sorted(took[at] for at in places if at in took))}; seconds of processor: {busy}{month}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
