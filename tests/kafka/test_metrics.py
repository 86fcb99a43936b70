"""What dataflows on a real broker say of themselves, and what the brokers say while nothing runs."""

from __future__ import annotations

import json
import os
import pty
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from connectors.avro_codec import OUTPUT_CODECS
from connectors.kafka.lag import lags
from connectors.log_records import StoredRecord
from connectors.metrics import catalogue, guard_stops
from connectors.metrics.health import Health
from connectors.metrics.page import page
from connectors.metrics.registry import Metrics
from connectors.redis.read_model import ReadModel
from connectors.redis.settings import RedisSettings
from dataflows.accounting_kafka import run, store_path
from dataflows.intake import run_dataflow
from dataflows.measured import MeasuredAccounting, MeasuredIntake, MeasuredView, exceptions_followed
from dataflows.view import ViewFlow
from domain.outputs import ExceptionClosed, ExceptionRaised
from milepost.cli import app
from state.guards import POISON, TOPIC_CHANGED
from state.store.store import Store
from tests.forked import Forked
from tests.intake_inputs import activated, at, entity, worked
from tests.kafka.firm import Site, Until, first_weeks, given, site
from tests.kafka.given_log import divided
from tests.kafka.intake_world import MORNING, SECOND, World, until_idle
from tests.kafka.servers import until
from tests.servers.kafka import Broker
from tests.servers.redis import RedisServer

ROOT = Path(__file__).parents[2]
DOMAIN = ("finance.reference", "psa.projects", "psa.time")
WHEN = "2026-03-02 07:00"


@pytest.fixture(scope="module")
def records() -> list[StoredRecord]:
    return first_weeks()


@pytest.fixture
def two(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    """Two shards."""
    return site(broker, own_name, tmp_path / "stores")


class Process:
    """One that serves accounting: its measurements, as its page has them."""

    def __init__(self, of: Site) -> None:
        self.of = of
        self.metrics = Metrics("1.2.3", "1")
        self.health = Health()
        self.job = of.job()
        self.hooks = MeasuredAccounting(self.metrics, self.health, partial(store_path, self.job))
        self.lags: list[float] = []

    def run(self, parts: list[list[StoredRecord]], **settings: Any) -> None:
        ends = Until({number: len(part) for number, part in enumerate(parts)})

        def on_commit(effects: Any, mark: Any) -> None:
            self.hooks.on_commit(effects, mark)
            self.lags.append(self.total(catalogue.KAFKA_LAG))
            ends.on_commit(effects, mark)

        run(self.of.job(**settings), ends.reached, on_commit, on_open=self.hooks.on_open)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    def total(self, name: str) -> float:
        samples = [each for family in self.metrics.collect() for each in family.samples if each.name == name]
        return sum(each.value for each in samples)


def said_outside(parts: list[list[StoredRecord]]) -> int:
    return sum(record.type_name not in {"DayEnded", "IntakeNoticed"} for part in parts for record in part)


def test_accounting_counts_what_it_takes_and_says(two: Site, records: list[StoredRecord]) -> None:
    """Every record of the log once, every output by its topic; nothing is left behind."""
    parts = given(two, records)
    process = Process(two)
    assert process.health.unready() == ["it has not taken over yet"]
    process.run(parts, batch_records=300)
    count = sum(map(len, parts))
    labels = {"dataflow": "accounting"}
    assert process.value(catalogue.EVENTS_CONSUMED, topic="engagement.log", **labels) == count
    assert process.value(f"{catalogue.LOG_TO_VISIBLE}_count") == count
    assert process.value(f"{catalogue.EVENT_TO_VISIBLE}_count") == said_outside(parts)
    assert process.value(f"{catalogue.BATCH_RECORDS}_sum", **labels) == count
    assert process.value(f"{catalogue.BATCH_BYTES}_sum", **labels) == sum(len(r.body) for part in parts for r in part)
    commits = process.value(f"{catalogue.COMMIT_SECONDS}_count", **labels)
    assert commits is not None
    assert commits >= count / 300
    # At the end at most the mark of each partition's last transaction is left.
    assert process.lags[-1] <= len(parts) < 300 < process.lags[0]
    for shard, part in enumerate(parts):
        assert process.value(catalogue.LOG_PLACE, shard=str(shard)) == len(part)
        size = process.value(catalogue.STORE_BYTES, dataflow="accounting", shard=str(shard))
        assert size is not None
        assert size > store_path(process.job, shard).stat().st_size / 2
        assert process.value(catalogue.OUTPUTS_SUPPRESSED, shard=str(shard)) == 0
    assert process.value(catalogue.READY, dataflow="accounting") == 1
    assert (process.health.stuck(), process.health.unready()) == ([], [])
    said = Counter({topic: len(found) for shard in range(2) for topic, found in two.read(shard).items()})
    for topic in said:
        written = sum(len(two.read(shard)[topic]) for shard in range(2))
        assert process.value(catalogue.EVENTS_EMITTED, topic=topic, **labels) == (written or None)


def test_what_was_visible_is_not_measured_again(two: Site, records: list[StoredRecord]) -> None:
    """A lost store is made again: the records are taken again, but nobody waited for them."""
    parts = given(two, records)
    Process(two).run(parts)
    for number in range(2):
        Store.delete(store_path(two.job(), number))
    process = Process(two)
    process.run(parts, batch_records=200)
    assert process.value(catalogue.EVENTS_CONSUMED, dataflow="accounting", topic="engagement.log") == sum(
        map(len, parts)
    )
    assert process.value(f"{catalogue.LOG_TO_VISIBLE}_count") == 0
    assert process.value(f"{catalogue.EVENT_TO_VISIBLE}_count") == 0
    assert process.total(catalogue.EVENTS_EMITTED) == 0
    assert process.health.unready() == []


def test_a_process_is_not_ready_before_its_store_is_made_again(two: Site, records: list[StoredRecord]) -> None:
    parts = given(two, records)
    Process(two).run(parts)
    Store.delete(store_path(two.job(), 1))
    process = Process(two)
    seen: list[tuple[int, list[str]]] = []
    end = Until({1: len(parts[1])})

    def on_commit(effects: Any, mark: Any) -> None:
        process.hooks.on_commit(effects, mark)
        end.on_commit(effects, mark)
        seen.append((mark.offset, process.health.unready()))

    run(two.job(batch_records=200), end.reached, on_commit, on_open=process.hooks.on_open)
    *before, last = seen
    assert before
    assert all(unready == ["shard 1 has not reached what is visible"] for _, unready in before)
    assert last == (len(parts[1]), [])


def open_exceptions(of: Site) -> list[ExceptionRaised]:
    """As the topic has them: raised and not closed, each as it was said last."""
    found: dict[str, ExceptionRaised] = {}
    for shard in range(2):
        for output in of.read(shard)["exceptions"]:
            _, record = OUTPUT_CODECS[output.type_name].decode(output.body)
            if isinstance(record, ExceptionRaised):
                found[record.exception_id] = record
            elif isinstance(record, ExceptionClosed):
                found.pop(record.exception_id, None)
    return list(found.values())


def test_money_of_differences_is_told_by_currency(
    two: Site, records: list[StoredRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The firm has no ledger to differ from, so another category that has money at risk stands for it."""
    process = Process(two)
    process.run(given(two, records))
    with_money = [each for each in open_exceptions(two) if each.blocks_amount and each.blocks_currency]
    category = with_money[0].category
    expected: Counter[str] = Counter()
    for each in with_money:
        if each.category == category:
            expected[each.blocks_currency or ""] += each.blocks_amount
    monkeypatch.setattr("dataflows.measured.LEDGER_DIFFERS", category)
    with exceptions_followed(process.metrics, two.clients, two.names, [0, 1]):
        until(lambda: process.total(catalogue.UNRECONCILED) > 0)
        for currency, amount in expected.items():
            assert process.value(catalogue.UNRECONCILED, currency=currency) == pytest.approx(amount / 10_000)


def test_open_exceptions_are_counted_by_category(two: Site, records: list[StoredRecord]) -> None:
    """As the topic has them: raised and not closed."""
    parts = given(two, records)
    process = Process(two)
    process.run(parts)
    expected = Counter(each.category for each in open_exceptions(two))
    assert expected
    with exceptions_followed(process.metrics, two.clients, two.names, [0, 1]):
        until(lambda: process.total(catalogue.EXCEPTIONS_OPEN) == expected.total())
        samples = [each for family in process.metrics.collect() for each in family.samples]
        found = {each.labels["category"]: each.value for each in samples if each.name == catalogue.EXCEPTIONS_OPEN}
        ages = {each.labels["category"]: each.value for each in samples if each.name == catalogue.EXCEPTIONS_OLDEST}
    assert {category: number for category, number in found.items() if number} == dict(expected)
    assert all((ages[category] > 0) == (category in expected) for category in found)
    assert process.total(catalogue.EXCEPTIONS_OPEN) == 0


# Intake


@pytest.fixture
def world(broker: Broker, own_name: str, tmp_path: Path) -> Iterator[World]:
    made = World(broker.bootstrap, own_name, tmp_path / "store", partitions=2)
    made.make_topics(DOMAIN)
    yield made
    made.delete()


def test_intake_counts_by_topic_and_names_the_class_of_what_it_does_not_take(world: World) -> None:
    """Work on a project that nobody has named waits; what is no event is told by class and by no value of its own."""
    world.send(entity(WHEN), activated(WHEN, "P-1"), worked(WHEN, "T-1", "P-1"), worked(WHEN, "T-2", "P-unknown"))
    world.send_raw("psa.time", None)
    world.send_raw("psa.time", b"\x00\x00\x00\xff\xff?")
    good = world.framed(worked(WHEN, "T-3", "P-1"))
    world.send_raw("psa.time", good[:-1])
    world.send_raw("psa.projects", good)
    world.send_raw("psa.time", world.framed(worked(WHEN, "", "P-1")))
    world.flush()
    metrics, health = Metrics("1", "1"), Health()
    value = metrics.registry.get_sample_value
    with world.intake() as intake:
        measured = MeasuredIntake(intake, metrics, health, lambda: at("2026-03-02 09:00") / SECOND)
        run_dataflow(measured, until_idle(intake))
        for topic, number in {"finance.reference": 1, "psa.projects": 2, "psa.time": 6}.items():
            assert value(catalogue.EVENTS_CONSUMED, {"dataflow": "intake", "topic": topic}) == number
        rejected = {
            reason: value(catalogue.RECORDS_REJECTED, {"dataflow": "intake", "reason_class": reason})
            for reason in catalogue.REASON_CLASSES
        }
        assert rejected == {
            "not_unpacked": 0,
            "no_value": 1,
            "too_large": 0,
            "unknown_schema": 1,
            "wrong_topic": 1,
            "malformed": 1,
            "invalid": 1,
        }
        assert value(catalogue.UNROUTED_WAITING) == 1
        assert value(catalogue.EVENT_TIME_LAG, {"topic": "psa.time"}) == 7_200
        assert value(catalogue.EVENTS_EMITTED, {"dataflow": "intake", "topic": "dead-letters"}) == 5
        in_log = sum(map(len, world.log()))
        assert value(catalogue.EVENTS_EMITTED, {"dataflow": "intake", "topic": "engagement.log"}) == in_log
        behind = [each for family in metrics.collect() for each in family.samples if each.name == catalogue.KAFKA_LAG]
        assert {each.labels["topic"] for each in behind} == set(DOMAIN)
        assert sum(each.value for each in behind) == 0
        assert (health.stuck(), health.unready()) == ([], [])


def test_what_waits_is_counted_again_once_nothing_comes(world: World) -> None:
    """However soon after the last count it was taken in."""
    world.send(entity(WHEN), worked(WHEN, "T-1", "P-1"))
    metrics = Metrics("1", "1")
    value = metrics.registry.get_sample_value
    with world.intake() as intake, patch("dataflows.measured.COUNT_AGAIN_SECONDS", 3_600):
        measured = MeasuredIntake(intake, metrics, Health())
        for waiting, events in ((1, ()), (0, (activated(WHEN, "P-1"),))):
            world.send(*events)
            world.flush()
            run_dataflow(measured, until_idle(intake))
            assert value(catalogue.UNROUTED_WAITING) == waiting


def test_days_that_intake_ends_are_counted(world: World) -> None:
    """Two days in one zone."""
    world.send(entity(WHEN))
    metrics = Metrics("1", "1")
    with world.intake() as intake:
        run_dataflow(MeasuredIntake(intake, metrics, Health()), until_idle(intake))
    assert metrics.registry.get_sample_value(catalogue.DAYS_ENDED) == 0
    later = MORNING + 2 * 86_400 * SECOND
    with world.intake(lambda: later) as intake:
        run_dataflow(MeasuredIntake(intake, metrics, Health()), until_idle(intake))
    ended = [each.stored.type for each in world.log()[0]].count("DayEnded")
    assert metrics.registry.get_sample_value(catalogue.DAYS_ENDED) == ended == 2


# The view


def test_the_view_counts_what_redis_takes(two: Site, records: list[StoredRecord], redis_server: RedisServer) -> None:
    """Every project's newest view; nothing is left behind, and then it is ready."""
    parts = given(two, records)
    Process(two).run(parts)
    metrics, health = Metrics("1", "1"), Health()
    hooks = MeasuredView(metrics, health)
    value = metrics.registry.get_sample_value
    labels = {"dataflow": "view", "topic": "project.views"}
    lags: list[float] = []

    def is_over() -> bool:
        lag = value(catalogue.KAFKA_LAG, {**labels, "partition": "0"})
        if lag is not None:
            lags.append(lag)
        return not health.unready()

    assert health.unready() == ["view has not reached what is visible"]
    with closing(ReadModel(RedisSettings(url=redis_server.url))) as model:
        ViewFlow(two.clients, two.names, model, is_over, print, hooks.on_taken, hooks.on_polled).run()
    consumed, emitted = value(catalogue.EVENTS_CONSUMED, labels), value(catalogue.EVENTS_EMITTED, labels)
    assert consumed is not None
    assert emitted == consumed
    assert 0 < consumed <= sum(len(two.read(shard)["project.views"]) for shard in range(2))
    assert lags[-1] == 0
    assert (health.stuck(), health.unready()) == ([], [])


# From the brokers alone


def settings_of(of: Site, folder: Path, *addresses: str) -> Path:
    kafka = of.settings
    listed = ", ".join(f'"{each}"' for each in addresses)
    text = (
        f'[kafka]\nbrokers = "{kafka.brokers}"\nprefix = "{kafka.prefix}"\npartitions = {kafka.partitions}\n'
        f"replication = 1\nmin_in_sync = 1\n[metrics]\naddresses = [{listed}]\n"
    )
    file = folder / "milepost.toml"
    file.write_text(text, encoding="utf-8")
    return file


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def make_intakes_topics(of: Site) -> None:
    of.clients.create_topic(of.names.directory, 1, 1, {"cleanup.policy": "compact"})


def test_lag_is_told_while_nothing_runs(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    """All of the log before the first start, the new half after a stop, nothing at the end."""
    make_intakes_topics(two)
    half = divided(records[: len(records) // 2], 2)
    whole = divided(records, 2)
    giver = two.giver()
    for number, part in enumerate(half):
        giver.give(number, part)
    found = [each for each in lags(two.clients, two.names, 20.0) if each.dataflow == "accounting"]
    assert [(each.partition, each.end, each.place, each.records) for each in found] == [
        (number, len(part), 0, len(part)) for number, part in enumerate(half)
    ]
    assert all(0 <= each.seconds < 600 for each in found)
    Process(two).run(half)
    assert [each.records for each in lags(two.clients, two.names, 20.0)] == [0, 0]
    for number, part in enumerate(whole):
        giver.give(number, part[len(half[number]) :])
    file = settings_of(two, tmp_path)
    told = json.loads(printed("lag", "--settings", str(file), "--json"))
    new = [len(part) - len(before) for part, before in zip(whole, half, strict=True)]
    assert [(each["place"], each["records"]) for each in told["lags"]] == [
        (len(before), more) for before, more in zip(half, new, strict=True)
    ]
    assert told["records_behind"] == {"intake": 0, "accounting": sum(new), "delivery": 0}
    Process(two).run(whole)
    assert printed("lag", "--settings", str(file)) == "2 of 2 partitions are at their end\n"
    assert "engagement.log" in printed("lag", "--settings", str(file), "--all")


def test_lag_of_intake_goes_with_its_progress(world: World) -> None:
    world.clients.create_topic(world.names.progress, 2, 1, {"cleanup.policy": "compact"})
    world.send(entity(WHEN), activated(WHEN, "P-1"), worked(WHEN, "T-1", "P-1"))

    def behind() -> dict[str, int]:
        found: Counter[str] = Counter()
        for each in lags(world.clients, world.names, 20.0):
            found[each.topic] += each.records
        return dict(found)

    world.run()
    assert behind() == {
        "finance.reference": 0,
        "psa.projects": 0,
        "psa.time": 0,
        "engagement.log": sum(map(len, world.log())),
    }
    world.send(worked(WHEN, "T-2", "P-1"), worked(WHEN, "T-3", "P-1"))
    assert behind()["psa.time"] == 2


def test_status_shows_what_runs_and_names_what_does_not_answer(
    two: Site, records: list[StoredRecord], tmp_path: Path
) -> None:
    make_intakes_topics(two)
    parts = given(two, records)
    process = Process(two)
    process.run(parts)
    with page("127.0.0.1", 0, process.metrics.registry, process.health) as port:
        file = settings_of(two, tmp_path, f"127.0.0.1:{port}", "127.0.0.1:1")
        told = json.loads(printed("status", "--settings", str(file), "--json", "--interval", "0.2"))
        text = printed("status", "--settings", str(file), "--once", "--interval", "0.2")
    assert [(each["shard"], each["place"], each["records_behind"]) for each in told["shards"]] == [
        (number, len(part), 0) for number, part in enumerate(parts)
    ]
    assert all(each["records_a_second"] == 0 and each["store_bytes"] > 0 for each in told["shards"])
    assert list(told["unanswered"]) == ["127.0.0.1:1"]
    assert f"{len(parts[0]):,}" in text
    assert "no answer from 127.0.0.1:1" in text


def test_status_without_brokers_shows_the_processes(tmp_path: Path) -> None:
    file = tmp_path / "milepost.toml"
    file.write_text('[kafka]\nbrokers = "127.0.0.1:1"\nrequest_timeout_seconds = 1\n[metrics]\naddresses = []\n')
    told = json.loads(printed("status", "--settings", str(file), "--json", "--interval", "0.2"))
    assert list(told["unanswered"]) == ["brokers"]


def test_status_stays_on_a_terminal_until_it_is_told_to_end(tmp_path: Path) -> None:
    file = tmp_path / "milepost.toml"
    file.write_text('[kafka]\nbrokers = "127.0.0.1:1"\nrequest_timeout_seconds = 1\n[metrics]\naddresses = []\n')
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "milepost", "status", "--settings", str(file), "--interval", "0.2"]
    with Forked(command, stdout=theirs, env={**os.environ, "TERM": "xterm"}, cwd=ROOT) as shown:
        os.close(theirs)
        seen = b""
        while seen.count(b"no answer from brokers") < 2:
            seen += os.read(ours, 65_536)
        shown.send_signal(signal.SIGINT)
        os.set_blocking(ours, False)
        until(lambda: _drained(ours) and shown.poll() is not None)
        assert shown.returncode == 0
    os.close(ours)


def _drained(terminal: int) -> bool:
    try:
        os.read(terminal, 65_536)
    except OSError:
        return True
    return True


def test_status_names_the_guard_that_stopped_a_process_that_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    guard_stops.add(tmp_path / "kept", "intake", TOPIC_CHANGED, "topic psa.time was made again", at=100.0)
    guard_stops.add(tmp_path / "kept", "accounting", POISON, "record 5 cannot be folded", at=200.0)
    file = tmp_path / "milepost.toml"
    file.write_text(
        '[kafka]\nbrokers = "127.0.0.1:1"\nrequest_timeout_seconds = 1\n[metrics]\naddresses = []\n[store]\nfolder = "kept"\n'
    )
    text = printed("status", "--settings", str(file), "--once", "--interval", "0.2")
    assert "last stop: poison (accounting), 1970-01-01 00:03:20Z  record 5 cannot be folded" in text
