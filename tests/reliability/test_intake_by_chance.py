"""Intake over a model of brokers in which what may go wrong goes wrong by chance: each event is in the log once."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import KafkaException

from connectors.avro_codec import EVENT_CODECS
from connectors.event_bodies import read_event
from connectors.kafka import intake_plan, intake_progress, intake_resume, partitions, producing, transactions, withdrawn
from connectors.kafka.clients import Clients, Message
from connectors.kafka.directory import StoredDirectory, TopicStand
from connectors.kafka.domain_messages import DomainMessage
from connectors.kafka.domain_topics import RANK_LAST, RANKS
from connectors.kafka.intake_resume import IntakeStanding, Ours
from connectors.kafka.log_writer import LogWriter, Produced
from connectors.kafka.names import DEAD_LETTERS, GENESIS_KEY, Names
from connectors.kafka.partitions import Place
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from connectors.log_records import read_stored
from dataflows.intake import STORE, IntakeBatch, IntakeEffects, IntakeSetup, KafkaIntake
from domain.events.catalogue import TOPICS, Event
from state.genesis import Genesis
from state.guards import BROKER_UNREACHABLE, FENCED, HANGING_TRANSACTION, GuardStop
from state.intake.intake import Intake
from state.rules import RULES
from tests.brokers import Brokers, Chances, Crashed, ModelClients
from tests.intake_inputs import activated, signed, worked
from tests.kafka.intake_story import DOMAIN, WHEN, story
from tests.kafka.intake_world import MORNING, TABLES, rows_of, until_idle
from tests.plain_intake import run_plain
from tests.thoroughness import THOROUGH

PARTITIONS = 3
EVENTS = 30
# Projects for which two engagements stand up, with three events each.
RIVALS = 16
SEEDS = 1_000 if THOROUGH else 50
CHUNK = min(SEEDS, 100)
SEEDS_TO_FIND_A_MISTAKE = 100
# After so many starts nothing goes wrong any more, and all has to come right.
STARTS_WITH_FAULTS = 12
PASSING = frozenset({FENCED, BROKER_UNREACHABLE})
FAULTS = Chances(
    crash=0.004,
    lost_reply=0.05,
    delayed_end=0.1,
    hidden_retry=0.4,
    slow_markers=0.3,
    left_out=0.02,
    failed_delivery=0.001,
    no_answer=0.05,
)


class Time:
    """It goes on by waiting, and a little each time that somebody looks."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        self._seconds += 0.001
        return self._seconds

    def sleep(self, seconds: float) -> None:
        self._seconds += seconds


class History:
    """One seed: topics on which a story comes in while intake runs, and one log over them.

    Producers write where they like, so that the order in which records come to intake is another than that of their times,
    by which it would read them after a start.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = Random(seed)
        self.brokers = Brokers(self.random)
        self.brokers.now = MORNING // 1_000
        self.folder = folder
        self.schemas = SchemaIds.fixed("")
        self.names = Names("", "1")
        self.taken: dict[int, tuple[DomainMessage, ...]] = {}
        for topic in (DEAD_LETTERS, *DOMAIN):
            self.brokers.create(topic, 2)
        self.brokers.create(self.names.log, PARTITIONS)
        self.brokers.create(self.names.directory, 1)
        self.coming = deque(self._story(seed))
        for _ in range(EVENTS // 3):
            self.write_next()

    def _story(self, seed: int) -> Iterator[tuple[str, bytes]]:
        first, *others = story(seed, EVENTS)
        groups = [[event] for event in others] + [self.rivals(number) for number in range(RIVALS)]
        self.random.shuffle(groups)
        for number, event in enumerate((first, *chain.from_iterable(groups))):
            name = type(event).__name__
            known = event._replace(event_id=f"event {number}")
            yield TOPICS[name], self.schemas.frame(TOPICS[name], name) + EVENT_CODECS[name].encode(known)
        yield "psa.time", b"no event"

    def rivals(self, number: int) -> list[Event]:
        """A contract and an activation each bind a project elsewhere, and work goes to whichever comes first."""
        project = f"R-{number}"
        events: list[Event] = [
            signed(WHEN, f"RC-{number}", project),
            activated(WHEN, project, f"RE-{number}"),
            worked(WHEN, f"RT-{number}", project),
        ]
        self.random.shuffle(events)
        return events

    def write_next(self) -> None:
        topic, value = self.coming.popleft()
        self.brokers.now += 1_000
        self.brokers.append(topic, self.random.randrange(2), b"", value)

    def run(self, records_max: int) -> None:
        kafka = KafkaSettings(generation="1", partitions=PARTITIONS)
        setup = IntakeSetup(
            Genesis("1", partitions=PARTITIONS, rules=RULES), self.folder / "1", records_max=records_max
        )
        clients = ModelClients(self.brokers)
        with KafkaIntake(clients, kafka, self.schemas, setup, self._hear, now=lambda: MORNING) as intake:
            self._watch(intake)
            idle = until_idle(intake, 3)
            run_plain(intake, lambda: bool(self.coming) or idle())

    def _hear(self, told: str) -> None:
        self.brokers.reached["written_again"] += "they are written again as they were" in told

    def _watch(self, intake: KafkaIntake) -> None:
        """Producers write between its batches, and what each transaction takes is noted."""
        read, take = intake.read, intake.take

        def reading() -> IntakeBatch | None:
            if self.random.random() < 0.3:
                for _ in range(min(len(self.coming), self.random.randint(1, 12))):
                    self.write_next()
            return read()

        def taking(batch: IntakeBatch) -> IntakeEffects:
            effects = take(batch)
            if batch.planned:
                self.brokers.reached["made_again"] += 1
                self.brokers.reached["made_again_in_live_order"] += not is_by_time(batch.inputs)
            taken = tuple(batch.inputs[: len(batch.inputs) - len(intake._left)])
            self.taken[effects.progress.transaction] = taken
            return effects

        intake.read, intake.take = reading, taking  # type: ignore[method-assign]

    def log(self) -> list[list[tuple[int, bytes]]]:
        """Number and value of what readers of committed records see."""
        self.brokers.settle()
        return [
            [
                (int(dict(each.headers)["n"]), each.value or b"")
                for each in self.brokers.partition(self.names.log, partition).committed()
                if each.key not in {None, GENESIS_KEY}
            ]
            for partition in range(PARTITIONS)
        ]

    def transactions(self) -> list[tuple[DomainMessage, ...]]:
        """Of those that count, what they took."""
        directory = self.brokers.partition(self.names.directory, 0).committed()
        numbers = [
            intake_progress.from_bytes(each.value or b"").transaction
            for each in directory
            if each.key == intake_progress.KEY
        ]
        return [self.taken[number] for number in numbers[1:]]

    def expected(self) -> list[list[tuple[int, bytes]]]:
        """The log of an intake over which nothing can come, that takes the same in the same order."""
        (self.folder / "plain").mkdir()
        with closing(StoredDirectory.open(self.folder / "plain" / STORE)) as directory:
            log = LogWriter(directory, (0,) * PARTITIONS, 0)
            intake = Intake(directory, log, {}, directory.clock(), 0)
            for each in (each for taken in self.transactions() for each in taken):
                if each.event is not None:
                    intake.take(each.event._replace(recorded_at=max(intake.latest, each.recorded_at or 0)), each)
            directory.take_changes(intake.clock)
            directory.commit(TopicStand("", "plain", 1))
            found: list[list[tuple[int, bytes]]] = [[] for _ in range(PARTITIONS)]
            for appended in log.take_batch():
                for partition, number in appended.numbers:
                    found[partition].append((number, appended.value))
            return found


def is_by_time(inputs: Sequence[DomainMessage]) -> bool:
    """Whether they stand in the order in which they are read when catching up."""
    order = [(each.recorded_at, RANKS.get(each.topic, RANK_LAST), each.topic, each.partition) for each in inputs]
    return order == sorted(order)


class Passing(Exception):
    """A stop that the next start gets over by itself."""


def run_passing(history: History) -> None:
    try:
        history.run(history.random.choice((3, 10, 40)))
    except GuardStop as stop:
        # Where a mark was left out somebody ends it by hand.
        if stop.code in PASSING or (stop.code == HANGING_TRANSACTION and history.brokers.abort_left_out()):
            raise Passing from stop
        raise AssertionError(stop.message) from stop


def play(seed: int, folder: Path) -> Counter[str]:
    """What went wrong. Raises AssertionError where the log is not that of a run in which nothing does."""
    history = History(seed, folder)
    history.brokers.chances = FAULTS
    for start in range(STARTS_WITH_FAULTS + 2):
        if start == STARTS_WITH_FAULTS:
            history.brokers.settle()
            history.brokers.abort_left_out()
            history.brokers.chances = Chances()
        if history.random.random() < 0.2:
            shutil.rmtree(folder / "1", ignore_errors=True)
        with suppress(Crashed, KafkaException, Passing):
            run_passing(history)
    check(history)
    return history.brokers.reached


def check(history: History) -> None:
    """The log is a function of what was taken in, in the order in which it was; nothing is taken twice."""
    taken = [(each.topic, each.partition, each.offset) for one in history.transactions() for each in one]
    assert len(taken) == len(set(taken)) == EVENTS + 3 * RIVALS + 2, "each input once"
    found = history.log()
    records = [read_stored(value, 0)[0] for partition in found for _, value in partition]
    work = Counter(
        read_event(each.type, each.schema, each.body).event_id for each in records if each.type == "TimeApproved"
    )
    assert [name for name, count in work.items() if count > 1] == [], "work is in the log twice"
    assert found == history.expected(), "the log of one run"
    for name in TABLES:
        assert rows_of(history.folder / "1", name) == rows_of(history.folder / "plain", name), name


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    monkeypatch.setattr(partitions, "time", time)
    monkeypatch.setattr(producing, "time", time)


def play_all(seeds: Iterable[int], folder: Path) -> Counter[str]:
    reached: Counter[str] = Counter()
    for seed in seeds:
        try:
            reached += play(seed, folder / str(seed))
        except AssertionError as wrong:
            raise AssertionError(f"seed {seed}: {wrong}") from wrong
        shutil.rmtree(folder / str(seed))
    return reached


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_the_log_is_that_of_one_run_whatever_goes_wrong(first: int, tmp_path: Path) -> None:
    reached = play_all(range(first, first + CHUNK), tmp_path)
    rare = (
        *("crash", "late_end_in_next", "fenced_open", "lost_reply", "failed_delivery", "no_answer"),
        *("made_again", "made_again_in_live_order", "left_out", "written_again"),
    )
    assert [name for name in rare if not reached[name]] == [], "what is never reached is not shown"


def test_taking_a_part_for_the_whole_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers go on after what is visible, and inputs are read as they come: as if nobody had planned anything."""
    read_standing = intake_resume.read_standing

    def without_plan(clients: Clients, names: Names, ours: Ours) -> IntakeStanding | set[int]:
        found = read_standing(clients, names, ours)
        if isinstance(found, set) or not found.plans:
            return found
        following = list(found.progress.following)
        for partition, number in found.early:
            following[partition] = max(following[partition], number + 1)
        skipped = (*found.progress.skipped, *found.plans)
        return IntakeStanding(found.progress._replace(following=tuple(following), skipped=skipped))

    monkeypatch.setattr(intake_resume, "read_standing", without_plan)
    with pytest.raises(AssertionError, match=r"work is in the log twice|the log of one run"):
        play_all(range(SEEDS_TO_FIND_A_MISTAKE), tmp_path)


def test_a_plan_that_comes_last_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of the log are visible that no plan tells of."""
    produce = transactions.Transactions.produce
    held: list[Produced] = []

    def plan_last(writer: transactions.Transactions, records: Iterable[Produced]) -> None:
        given = list(records)
        if [each.key for each in given] == [intake_plan.KEY]:
            held[:] = given
            return
        if [each.key for each in given] == [intake_progress.KEY]:
            given = [*held, *given]
            held.clear()
        produce(writer, given)

    monkeypatch.setattr(transactions.Transactions, "produce", plan_last)
    with pytest.raises(AssertionError, match="no plan of intake tells of"):
        play_all(range(SEEDS_TO_FIND_A_MISTAKE), tmp_path)


def test_what_the_brokers_still_hold_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of transactions that were ended by hand: without it a person would have to go on, for plans and for records of the log."""

    def committed(clients: Clients, starts: Mapping[Place, int]) -> dict[Place, list[Message]]:
        return partitions.read_to_end(clients.consumer(), starts)

    monkeypatch.setattr(withdrawn, "everything_from", committed)
    wanted = {"no plan of intake tells of", "does not end where intake's progress says"}
    for seed in range(SEEDS_TO_FIND_A_MISTAKE):
        stop = stop_of(seed, tmp_path) or ""
        wanted = {each for each in wanted if each not in stop}
        if not wanted:
            return
    pytest.fail(f"{SEEDS_TO_FIND_A_MISTAKE} seeds, and nobody had to be told: {sorted(wanted)}")


def stop_of(seed: int, folder: Path) -> str | None:
    try:
        play(seed, folder / str(seed))
    except AssertionError as wrong:
        return str(wrong)
    return None
