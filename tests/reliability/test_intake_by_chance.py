"""Intake over a model of brokers in which what may go wrong goes wrong by chance: each event is in the log once."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import KafkaException

from connectors.avro_codec import EVENT_CODECS
from connectors.kafka import partitions, producing
from connectors.kafka.log_writer import LogWriter
from connectors.kafka.names import DEAD_LETTERS, GENESIS_KEY, Names
from connectors.kafka.registry import SchemaIds
from connectors.kafka.settings import KafkaSettings
from dataflows.intake import IntakeSetup, KafkaIntake, run_plain
from domain.events.catalogue import TOPICS
from simulation.brokers import Brokers, Chances, Crashed, ModelClients
from state.genesis import Genesis
from state.guards import BROKER_UNREACHABLE, FENCED, GuardStop
from state.rules import RULES
from tests.kafka.intake_story import DOMAIN, story
from tests.kafka.intake_world import MORNING, TABLES, rows_of, until_idle

PARTITIONS = 3
EVENTS = 50
SEEDS = 300
CHUNK = 100
SEEDS_TO_FIND_A_MISTAKE = 40
# After so many starts nothing goes wrong any more, and all has to come right.
STARTS_WITH_FAULTS = 12
PASSING = frozenset({FENCED, BROKER_UNREACHABLE})
FAULTS = Chances(
    crash=0.004,
    lost_reply=0.05,
    delayed_end=0.05,
    hidden_retry=0.15,
    slow_markers=0.3,
    failed_delivery=0.001,
    no_answer=0.05,
)


class Time:
    """Waiting is a tick."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers

    def monotonic(self) -> float:
        return self._brokers.now / 1_000

    def sleep(self, seconds: float) -> None:
        self._brokers.tick()


class History:
    """One seed: topics with a story on them, and two generations of the log over them."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = Random(seed)
        self.brokers = Brokers(self.random)
        self.brokers.now = MORNING // 1_000
        self.folder = folder
        self.schemas = SchemaIds.fixed("")
        for topic in (DEAD_LETTERS, *DOMAIN):
            self.brokers.create(topic, 2)
        for event in story(seed, EVENTS):
            name = type(event).__name__
            self.brokers.now += 1_000
            value = self.schemas.frame(TOPICS[name], name) + EVENT_CODECS[name].encode(event)
            self.brokers.append(TOPICS[name], self.random.randrange(2), b"", value)
        self.brokers.append("psa.time", 0, b"", b"no event")

    def intake(self, generation: str, records_max: int) -> KafkaIntake:
        kafka = KafkaSettings(generation=generation, partitions=PARTITIONS)
        genesis = Genesis(generation, partitions=PARTITIONS, rules=RULES)
        setup = IntakeSetup(genesis, self.folder / generation, records_max=records_max)
        return KafkaIntake(
            ModelClients(self.brokers), kafka, self.schemas, setup, lambda _told: None, now=lambda: MORNING
        )

    def run(self, generation: str, records_max: int) -> None:
        with self.intake(generation, records_max) as intake:
            run_plain(intake, until_idle(intake, 3))

    def make_log(self, generation: str) -> None:
        names = Names("", generation)
        self.brokers.create(names.log, PARTITIONS)
        self.brokers.create(names.directory, 1)

    def log(self, generation: str) -> list[list[tuple[int, bytes]]]:
        """Number and value of what readers of committed records see."""
        self.brokers.settle()
        found = []
        for partition in range(PARTITIONS):
            slots = self.brokers.partition(Names("", generation).log, partition).committed()
            found.append(
                [
                    (int(dict(each.headers)["n"]), each.value or b"")
                    for each in slots
                    if each.key not in {None, GENESIS_KEY}
                ]
            )
        return found


class Passing(Exception):
    """A stop that the next start gets over by itself."""


def run_passing(history: History) -> None:
    try:
        history.run("1", history.random.choice((3, 10, 40)))
    except GuardStop as stop:
        if stop.code in PASSING:
            raise Passing from stop
        raise AssertionError(stop.message) from stop


def play(seed: int, folder: Path) -> Counter[str]:
    """What went wrong. Raises AssertionError where the log is not that of a run in which nothing does."""
    history = History(seed, folder)
    history.make_log("plain")
    history.run("plain", 2_000)
    history.make_log("1")
    history.brokers.chances = FAULTS
    for start in range(STARTS_WITH_FAULTS + 2):
        if start == STARTS_WITH_FAULTS:
            history.brokers.settle()
            history.brokers.chances = Chances()
        if history.random.random() < 0.2:
            shutil.rmtree(folder / "1", ignore_errors=True)
        with suppress(Crashed, KafkaException, Passing):
            run_passing(history)
    found, expected = history.log("1"), history.log("plain")
    assert [[number for number, _ in each] for each in found] == [list(range(len(each))) for each in found], "dense"
    assert [Counter(value for _, value in each) for each in found] == [
        Counter(value for _, value in each) for each in expected
    ], "each record once"
    kept = [name for name in TABLES if name not in {"history", "retold"}]
    assert {name: rows_of(folder / "1", name) for name in kept} == {
        name: rows_of(folder / "plain", name) for name in kept
    }
    return history.brokers.reached


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(Brokers(Random(0)))
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
    rare = ("crash", "late_end_in_next", "fenced_open", "lost_reply", "failed_delivery", "no_answer")
    assert [name for name in rare if not reached[name]] == [], "what is never reached is not shown"


def test_a_mistake_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the log before its time is written a second time."""
    monkeypatch.setattr(LogWriter, "_is_early", lambda _log, _same: False)
    with pytest.raises(AssertionError, match="each record once"):
        play_all(range(SEEDS_TO_FIND_A_MISTAKE), tmp_path)
