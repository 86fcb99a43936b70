"""Hangs the measurements onto the dataflows: they are told of what is committed, and know nothing of metrics."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaException

from connectors.files.output_lock import OutputInUse
from connectors.kafka.clients import Clients
from connectors.kafka.ends import EndsQuery, KnownEnds, unknown_end
from connectors.kafka.names import DEAD_LETTERS, ENGAGEMENT_LOG, Names
from connectors.kafka.open_exceptions import OpenExceptionCounts
from connectors.kafka.outputs import KafkaOutputs
from connectors.kafka.partitions import Place
from connectors.kafka.views import Views, ViewTopic
from connectors.metrics import catalogue, guard_stops
from connectors.metrics.health import Health, Pulse
from connectors.metrics.registry import Labels, Metrics
from dataflows.accounting_kafka import Paced
from dataflows.beside import beside
from dataflows.intake import STORE as MEMORY
from dataflows.intake import IntakeBatch, IntakeEffects, KafkaIntake
from domain.exceptions import CATALOGUE
from domain.outputs import TOPICS
from domain.units import AMOUNT_ONE, Amount
from operators.accounting import AccountingTurn, Effects
from state.batch import Mark
from state.guards import GuardStop

ACCOUNTING: Final = "accounting"
INTAKE: Final = "intake"
VIEW: Final = "view"
DELIVERY: Final = "delivery"
LEDGER_DIFFERS: Final = "ledger_differs"
VIEWS: Final = TOPICS["ProjectView"]
SECOND: Final = 1_000_000
SQLITE_FILES: Final = ("", "-wal", "-pages")
FOLLOW_SECONDS: Final = 0.5
FOLLOW_AGAIN_SECONDS: Final = 5.0
COUNT_AGAIN_SECONDS: Final = 1.0
Answer = TypeVar("Answer")
EndOf = Callable[[Place], int]
# Written by intake itself.
OWN_EVENTS: Final = frozenset({"DayEnded", "IntakeNoticed"})


class _Beating:
    """A shard's log that says how it goes."""

    def __init__(self, paced: Paced, pulse: Pulse) -> None:
        self.paced = paced
        self._pulse = pulse

    def read(self, offset: int, max_records: int, max_bytes: int) -> Sequence[Any]:
        found = self.paced.read(offset, max_records, max_bytes)
        if not found and self.paced.log.is_at_end:
            self._pulse.settled()
        else:
            self._pulse.turned()
        return found


class _Shard:
    """What is known of a shard between two commits. What was visible before the start is not measured again."""

    def __init__(self, turn: AccountingTurn, store: Path) -> None:
        assert isinstance(turn.log, Paced), "accounting on Kafka reads a log at a pace"
        assert isinstance(turn.outputs, KafkaOutputs), "accounting on Kafka writes to topics"
        self.number = str(turn.shard.number)
        self.log = turn.log.log
        self.outputs = turn.outputs
        self.store = store
        self.done = turn.shard.position[0]
        progress = turn.outputs.progress
        self.visible = progress.offset, progress.engagement
        self.pulse = Pulse()
        self.pulse.is_ready = turn.shard.position >= self.visible
        self.produced = dict(self.outputs.produced)
        self.suppressed = self.outputs.suppressed
        self.turn = turn
        turn.log = _Beating(turn.log, self.pulse)

    def behind(self, end_of: EndOf) -> int | None:
        """None while the shard is closed."""
        return asked(lambda: self.log.behind(self.done, end_of((self.log.topic, self.log.shard))))


class MeasuredAccounting:
    """`on_open` and `on_commit` are for `accounting_kafka.run`; `store_of` says where a shard's store is."""

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        store_of: Callable[[int], Path],
        now: Callable[[], float] = time.time,
        end_of: EndOf = unknown_end,
    ) -> None:
        self._end_of = end_of
        self._metrics = metrics
        self._health = health
        self._store_of = store_of
        self._now = now
        self._shards: dict[int, _Shard] = {}
        self._event_to_visible = metrics.spread(catalogue.EVENT_TO_VISIBLE)
        self._log_to_visible = metrics.spread(catalogue.LOG_TO_VISIBLE)
        self._batches = _Batches(metrics, ACCOUNTING)
        metrics.ask(catalogue.KAFKA_LAG, self._lags)
        metrics.ask(catalogue.COMMIT_AGE, lambda: self._each(lambda one: one.pulse.unsettled_seconds))
        metrics.ask(catalogue.STORE_BYTES, lambda: self._each(lambda one: bytes_of(one.store)))
        metrics.ask(
            catalogue.LOG_PLACE, lambda: [((one.number,), float(one.done)) for one in list(self._shards.values())]
        )
        metrics.ask(catalogue.READY, lambda: [((ACCOUNTING,), float(not health.unready()))])

    def on_open(self, turns: Mapping[int, AccountingTurn]) -> None:
        self._shards = {number: _Shard(turn, self._store_of(number)) for number, turn in turns.items()}
        for one in self._shards.values():
            self._metrics.count(catalogue.OUTPUTS_SUPPRESSED, (one.number,), 0)
        self._health.watch({f"shard {number}": one.pulse for number, one in self._shards.items()})

    def on_commit(self, effects: Effects, mark: Mark) -> None:
        shard = self._shards[effects.batch.shard]
        shard.pulse.settled()
        done = effects.folded(mark)
        self._batches.add(len(done), sum([len(record.body) for record in done]), shard.turn.took)
        new = max(shard.done, shard.visible[0])
        if mark.offset > new:
            self._measure(shard, done[new - mark.offset :], new, mark.offset)
        shard.done = mark.offset
        if not shard.pulse.is_ready:
            shard.pulse.is_ready = (mark.offset, mark.engagement) >= shard.visible
        self._metrics.count(catalogue.EVENTS_CONSUMED, (ACCOUNTING, ENGAGEMENT_LOG), len(done))
        self._count_outputs(shard)

    def _measure(self, shard: _Shard, records: Sequence[Any], first: int, following: int) -> None:
        """Days that end and what intake notices were said by nobody outside."""
        now = self._now()
        at = int(now * SECOND)
        said = [
            max(at - record.event.occurred_at, 0) / SECOND for record in records if record.type_name not in OWN_EVENTS
        ]
        self._event_to_visible.add_all(said)
        milliseconds = int(now * 1_000)
        appended = shard.log.appended(first, following)
        self._log_to_visible.add_all([max(milliseconds - each, 0) / 1_000 for each in appended])

    def _count_outputs(self, shard: _Shard) -> None:
        produced, outputs = shard.produced, shard.outputs
        for topic, count in outputs.produced.items():
            if count != produced[topic]:
                self._metrics.count(catalogue.EVENTS_EMITTED, (ACCOUNTING, topic), count - produced[topic])
                produced[topic] = count
        if outputs.suppressed != shard.suppressed:
            more = outputs.suppressed - shard.suppressed
            self._metrics.count(catalogue.OUTPUTS_SUPPRESSED, (shard.number,), more)
            shard.suppressed = outputs.suppressed

    def _lags(self) -> Iterator[tuple[Labels, float]]:
        for one in list(self._shards.values()):
            behind = one.behind(self._end_of)
            if behind is not None:
                yield (ACCOUNTING, ENGAGEMENT_LOG, one.number), float(behind)

    def _each(self, value: Callable[[_Shard], float]) -> Iterator[tuple[Labels, float]]:
        for one in list(self._shards.values()):
            yield (ACCOUNTING, one.number), float(value(one))


class _Batches:
    """How large commits are, and how long they take."""

    def __init__(self, metrics: Metrics, dataflow: str) -> None:
        self._records = metrics.spread(catalogue.BATCH_RECORDS, (dataflow,))
        self._bytes = metrics.spread(catalogue.BATCH_BYTES, (dataflow,))
        self._seconds = metrics.spread(catalogue.COMMIT_SECONDS, (dataflow,))

    def add(self, records: int, size: int, seconds: float | None = None) -> None:
        self._records.add(records)
        self._bytes.add(size)
        if seconds is not None:
            self._seconds.add(seconds)


class MeasuredIntake:
    """Intake as the dataflow sees it, measured."""

    def __init__(
        self,
        intake: KafkaIntake,
        metrics: Metrics,
        health: Health,
        now: Callable[[], float] = time.time,
        end_of: EndOf = unknown_end,
    ) -> None:
        self._end_of = end_of
        self._intake = intake
        self._metrics = metrics
        self._now = now
        self._inputs: Sequence[Any] = ()
        self._newest: dict[str, int] = {}
        self._clock = intake.clock
        self._unrouted = intake.unrouted
        self._counted_at = 0.0
        self._is_counted = True
        self._batches = _Batches(metrics, INTAKE)
        self._pulse = Pulse()
        self._pulse.is_ready = True
        health.watch({INTAKE: self._pulse})
        for reason in catalogue.REASON_CLASSES:
            metrics.count(catalogue.RECORDS_REJECTED, (INTAKE, reason), 0)
        store = intake.setup.folder / MEMORY
        metrics.ask(catalogue.KAFKA_LAG, self._lags)
        metrics.ask(catalogue.COMMIT_AGE, lambda: [((INTAKE, ""), self._pulse.unsettled_seconds)])
        metrics.ask(catalogue.STORE_BYTES, lambda: [((INTAKE, ""), float(bytes_of(store)))])
        metrics.ask(catalogue.READY, lambda: [((INTAKE,), 1.0)])
        metrics.ask(catalogue.UNROUTED_WAITING, lambda: [((), float(self._unrouted))])
        metrics.ask(catalogue.EVENT_TIME_LAG, self._event_time_lags)

    def read(self) -> IntakeBatch | None:
        batch = self._intake.read()
        if batch is None and not self._intake.is_catching_up:
            self._pulse.settled()
        else:
            self._pulse.turned()
        if batch is None and not self._is_counted:
            self._count_unrouted()
        return batch

    def take(self, batch: IntakeBatch) -> IntakeEffects:
        effects = self._intake.take(batch)
        before, after = self._intake.progress, effects.progress
        self._inputs = batch.inputs[: after.events + after.dead_letters - before.events - before.dead_letters]
        return effects

    def commit(self, effects: IntakeEffects) -> None:
        began_at = time.perf_counter()
        self._intake.commit(effects)
        seconds = time.perf_counter() - began_at
        self._pulse.settled()
        inputs = self._inputs
        self._batches.add(len(inputs), sum([each.size for each in inputs]), seconds)
        self._count(effects)
        self._note_times(inputs)
        self._is_counted = False
        if time.monotonic() - self._counted_at > COUNT_AGAIN_SECONDS:
            self._count_unrouted()

    def _count_unrouted(self) -> None:
        """Now and then while much comes, and once it has ended."""
        self._unrouted = self._intake.unrouted
        self._counted_at = time.monotonic()
        self._is_counted = True

    def _count(self, effects: IntakeEffects) -> None:
        count = self._metrics.count
        for topic, number in Counter([each.topic for each in self._inputs]).items():
            count(catalogue.EVENTS_CONSUMED, (INTAKE, self._short(topic)), number)
        count(catalogue.EVENTS_EMITTED, (INTAKE, ENGAGEMENT_LOG), sum([len(each.numbers) for each in effects.log]))
        if effects.letters:
            count(catalogue.EVENTS_EMITTED, (INTAKE, DEAD_LETTERS), len(effects.letters))
        for letter in effects.letters:
            if letter.unreadable is not None:
                count(catalogue.RECORDS_REJECTED, (INTAKE, letter.unreadable.reason_class))
        clock = self._intake.clock
        if clock is not self._clock:
            ended = {day.zone: day.date for day in self._clock.days}
            days = sum((day.date - ended[day.zone]).days for day in clock.days if day.zone in ended)
            count(catalogue.DAYS_ENDED, (), days)
            self._clock = clock

    def _note_times(self, inputs: Sequence[Any]) -> None:
        newest = self._newest
        for each in inputs:
            if each.event is not None and each.event.occurred_at > newest.get(each.topic, -1):
                newest[each.topic] = each.event.occurred_at

    def _short(self, topic: str) -> str:
        return topic.removeprefix(self._intake.names.prefix)

    def _lags(self) -> list[tuple[Labels, float]]:
        behind = asked(lambda: self._intake.behind(self._end_of)) or {}
        return [
            ((INTAKE, self._short(topic), str(partition)), float(number))
            for (topic, partition), number in behind.items()
        ]

    def _event_time_lags(self) -> list[tuple[Labels, float]]:
        now = self._now()
        return [((self._short(topic),), max(now - at / SECOND, 0.0)) for topic, at in list(self._newest.items())]


class MeasuredView:
    """`on_polled` and `on_taken` are for the view dataflow, `turned` for what it asks whether it is over."""

    def __init__(self, metrics: Metrics, health: Health, end_of: EndOf = unknown_end) -> None:
        self._end_of = end_of
        self._metrics = metrics
        self._pulse = Pulse(may_wait=True)
        self._batches = _Batches(metrics, VIEW)
        self._topic: ViewTopic | None = None
        health.watch({VIEW: self._pulse})
        metrics.ask(catalogue.KAFKA_LAG, self._lags)
        metrics.ask(catalogue.COMMIT_AGE, lambda: [((VIEW, ""), self._pulse.unsettled_seconds)])
        metrics.ask(catalogue.READY, lambda: [((VIEW,), float(self._pulse.is_ready))])

    def turned(self) -> None:
        """Also while Redis is waited for."""
        self._pulse.turned()

    def on_polled(self, topic: ViewTopic, came: bool) -> None:
        self._topic = topic
        self._pulse.is_ready = self._pulse.is_ready or topic.is_caught_up
        if came or not topic.is_caught_up:
            self._pulse.turned()
        else:
            self._pulse.settled()

    def on_taken(self, batch: Views, newer: int) -> None:
        """`newer` of them were newer than what Redis held."""
        self._pulse.settled()
        self._batches.add(len(batch.views), sum([len(view.json) for view in batch.views]))
        self._metrics.count(catalogue.EVENTS_CONSUMED, (VIEW, VIEWS), len(batch.views))
        self._metrics.count(catalogue.EVENTS_EMITTED, (VIEW, VIEWS), newer)

    def _lags(self) -> list[tuple[Labels, float]]:
        topic = self._topic
        behind = (asked(lambda: topic.behind(self._end_of)) if topic is not None else None) or {}
        return [((VIEW, VIEWS, str(partition)), float(number)) for partition, number in behind.items()]


def asked(question: Callable[[], Answer]) -> Answer | None:
    """Of a client by another thread; None while it is closed, or the brokers do not answer."""
    try:
        return question()
    except (RuntimeError, KafkaException):
        return None


@contextmanager
def ends_followed(metrics: Metrics, asked: EndsQuery, dataflow: str, places: Sequence[Place]) -> Iterator[KnownEnds]:
    """Beside a dataflow, from before it begins: brokers are asked where these partitions end."""
    ends = KnownEnds(asked, places)
    end = metrics.ask(catalogue.LAG_AGE, lambda: [((dataflow,), ends.age_seconds)])
    try:
        with beside("ends", ends.follow):
            yield ends
    finally:
        end()


@contextmanager
def exceptions_followed(metrics: Metrics, clients: Clients, names: Names, shards: Iterable[int]) -> Iterator[None]:
    """Beside a dataflow; where the brokers refuse it the gauges are left out, and it is tried again."""
    numbers = tuple(shards)
    current: list[OpenExceptionCounts] = []
    seen: dict[str, Amount] = {}

    def counts() -> Iterator[tuple[Labels, float]]:
        for one in _caught_up(current):
            waiting = one.by_category()
            for category, of in CATALOGUE.items():
                yield (category, of.severity), float(waiting[category].number if category in waiting else 0)

    def ages() -> Iterator[tuple[Labels, float]]:
        now = time.time()
        for one in _caught_up(current):
            waiting = one.by_category()
            for category, of in CATALOGUE.items():
                found = waiting.get(category)
                yield (category, of.severity), 0.0 if found is None else max(now - found.oldest / SECOND, 0.0)

    def unreconciled() -> Iterator[tuple[Labels, float]]:
        """A currency whose differences are all gone says 0 for as long as the process runs."""
        for one in _caught_up(current):
            seen.update(dict.fromkeys(seen, 0), **one.at_risk(LEDGER_DIFFERS))
            yield from (((currency,), amount / AMOUNT_ONE) for currency, amount in seen.items())

    def follow(ended: Flag) -> None:
        while not ended.is_set():
            try:
                one = OpenExceptionCounts(clients, names, numbers)
                current[:] = [one]
                try:
                    while not ended.is_set():
                        one.follow(FOLLOW_SECONDS)
                finally:
                    current.clear()
                    one.close()
            except KafkaException:
                ended.wait(FOLLOW_AGAIN_SECONDS)

    end = [
        metrics.ask(catalogue.EXCEPTIONS_OPEN, counts),
        metrics.ask(catalogue.EXCEPTIONS_OLDEST, ages),
        metrics.ask(catalogue.UNRECONCILED, unreconciled),
    ]
    try:
        with beside("exceptions", follow):
            yield
    finally:
        for each in end:
            each()


def _caught_up(current: Sequence[OpenExceptionCounts]) -> list[OpenExceptionCounts]:
    return [one for one in list(current) if one.is_caught_up]


@contextmanager
def guard_stops_counted(metrics: Metrics, folder: Path, dataflow: str) -> Iterator[None]:
    """Those of the processes before stand on the page; the one that ends this process is written down for the next."""
    before = guard_stops.read(folder, dataflow)
    for guard in sorted(catalogue.VOCABULARIES["guard"]):
        metrics.count(catalogue.GUARD_STOPS, (dataflow, guard), before[guard].number if guard in before else 0)
    metrics.ask(
        catalogue.LAST_GUARD_STOP, lambda: [((dataflow, guard), each.last_at) for guard, each in before.items()]
    )
    try:
        yield
    except GuardStop as stop:
        guard_stops.add(folder, dataflow, stop.code, stop.message)
        raise
    except OutputInUse:
        # Another process is still at work there, such as one whose supervisor was killed; nothing has stopped.
        raise
    except Exception as fault:
        guard_stops.add(folder, dataflow, None, f"{type(fault).__name__}: {fault}")
        raise


def bytes_of(store: Path) -> int:
    """With what SQLite and we keep beside it."""
    found = 0
    for ending in SQLITE_FILES:
        try:
            found += store.with_name(store.name + ending).stat().st_size
        except OSError:
            continue
    return found
