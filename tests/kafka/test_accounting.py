"""Accounting on a real broker: whatever happens, readers see exactly the bytes that the plain loop makes of the same log."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from typer.testing import CliRunner

from connectors.files.output_lock import only_writer
from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.kafka.log_writer import Produced
from connectors.kafka.outputs import KafkaOutputs
from connectors.kafka.partitions import read_to_end
from connectors.kafka.progress import WrittenProgress, to_bytes
from connectors.kafka.withdrawn import as_it_was
from connectors.log_records import StoredRecord
from dataflows.accounting_kafka import opened, run, shard_folder, store_path
from dataflows.audit_kafka import audited_shards
from dataflows.passing_over import CannotPassOver, pass_over
from dataflows.repair import CannotRepair as RefusedToRepair
from dataflows.repair import RepairOrders, repair
from milepost.cli import app
from milepost.exit_codes import TRY_AGAIN, USAGE
from state.batch import VIEWS
from state.guards import (
    FENCED,
    HANGING_TRANSACTION,
    LOG_DAMAGED,
    POISON,
    PROGRESS_MISSING,
    TOPIC_CHANGED,
    TORN_OUTPUTS,
    GuardStop,
)
from state.handlers.time import on_time_approved
from state.overrides import Override, by_place
from state.store.snapshot import Damaged
from state.store.store import Store
from tests.forked import Forked
from tests.kafka.firm import ROOT, Site, Until, expected, first_weeks, given, simulated, site
from tests.kafka.given_log import divided
from tests.kafka.servers import PATIENCE, until
from tests.reliability.run_in_batches import AHEAD, COMMITTED
from tests.servers.kafka import Broker


@pytest.fixture(scope="module")
def records() -> list[StoredRecord]:
    return first_weeks()


@pytest.fixture
def two(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    """Two shards."""
    return site(broker, own_name, tmp_path / "stores")


def ends(parts: list[list[StoredRecord]], *shards: int) -> dict[int, int]:
    return {number: len(parts[number]) for number in shards or range(len(parts))}


def run_to_end(of: Site, parts: list[list[StoredRecord]], *shards: int, **settings: object) -> Until:
    end = Until(ends(parts, *shards))
    run(of.job(*shards, **settings), end.reached, end.on_commit)
    return end


def check(of: Site, parts: list[list[StoredRecord]]) -> None:
    for number, part in enumerate(parts):
        assert of.said(number) == expected(of, number, part)


def test_readers_see_what_the_plain_loop_says(two: Site, records: list[StoredRecord]) -> None:
    """Two shards in one process, with batches that cut broadcasts in slices."""
    parts = given(two, records)
    run_to_end(two, parts, batch_records=300, batch_engagements=3)
    check(two, parts)


@pytest.mark.parametrize("disturb", ["kept", "deleted", "one is deleted"])
def test_a_start_goes_on_where_the_last_one_ended(two: Site, records: list[StoredRecord], disturb: str) -> None:
    """The store is a cache: without it the log is folded again, and nothing is written twice."""
    parts = given(two, records[: len(records) // 2])
    run_to_end(two, parts)
    whole = divided(records, 2)
    giver = two.giver()
    for number, part in enumerate(whole):
        giver.give(number, part[len(parts[number]) :])
    job = two.job()
    for number in {"kept": [], "deleted": [0, 1], "one is deleted": [1]}[disturb]:
        Store.delete(store_path(job, number))
    run_to_end(two, whole)
    check(two, whole)


# Crashes


def kill_after(process: subprocess.Popen[bytes], commits: int, then: float) -> None:
    assert process.stdout is not None
    for _ in range(commits):
        if process.stdout.read(1) != COMMITTED:
            break
    time.sleep(then)
    process.kill()
    process.wait(PATIENCE)


def is_at(of: Site, parts: list[list[StoredRecord]], *shards: int) -> bool:
    found = [(of.written(number), len(parts[number])) for number in shards or range(len(parts))]
    return all(written is not None and (written.offset, written.engagement) == (end, "") for written, end in found)


def stopped(process: subprocess.Popen[bytes]) -> int:
    """Told to end in order."""
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    return process.returncode


def test_killed_at_any_commit_nothing_is_lost_and_nothing_comes_twice(two: Site) -> None:
    """`kill -9` in the fold, in a transaction and between its end and the store's commit; stores are lost on the way, and every other time
    they have followed with each batch.

    However late the kills are, they leave a third of the 2,065 records.
    """
    parts = given(two, simulated())
    chance = random.Random(5)
    for kill in range(6):
        size, commits = chance.choice([10, 30, 60]), 1 + chance.randrange(8)
        batches: dict[str, Any] = {"batch_records": size, "batch_engagements": 4, "store_seconds": kill % 2}
        with two.start(**batches, stands_after=commits + AHEAD) as process:
            kill_after(process, commits, chance.random() * 0.05)
            assert process.returncode == -signal.SIGKILL, f"over before kill {kill + 1}"
        if kill % 3 == 2:
            Store.delete(store_path(two.job(), kill % 2))
    assert not is_at(two, parts), "the kills came after the end"
    with two.start() as last:
        until(lambda: is_at(two, parts), PATIENCE)
        assert stopped(last) == 0
    check(two, parts)


def test_two_processes_share_the_shards(two: Site, records: list[StoredRecord]) -> None:
    parts = given(two, records)
    with two.start(0) as one, two.start(1) as other:
        until(lambda: is_at(two, parts), PATIENCE)
        assert (stopped(one), stopped(other)) == (0, 0)
    check(two, parts)


def test_the_same_flow_under_bytewax_own_command(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    parts = given(two, records[:600])
    told = dict(option.split("=", 1) for option in two.options()[1::2])
    named = {f"MILEPOST__{name.upper().replace('.', '__')}": value for name, value in told.items()}
    command = [sys.executable, "-m", "bytewax.run", "milepost.operate.serving:accounting_flow"]
    with Forked(command, cwd=ROOT, env={**os.environ, **named}, stderr=subprocess.PIPE) as process:
        until(lambda: is_at(two, parts) or process.poll() is not None, PATIENCE)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said.decode()
    check(two, parts)


def test_a_process_that_stood_still_for_too_long_is_fenced(
    broker: Broker, own_name: str, tmp_path: Path, records: list[StoredRecord]
) -> None:
    """Paused beyond the transaction timeout while another takes its shard over, it writes nothing more and says so."""
    one = site(broker, own_name, tmp_path / "stores", partitions=1, transaction_timeout_seconds=2.0)
    parts = given(one, records)
    with one.start(batch_records=20, stands_after=3 + AHEAD) as zombie:
        kill_safe_read(zombie, 3)
        zombie.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        elsewhere = one._replace(folder=tmp_path / "elsewhere")
        run_to_end(elsewhere, parts)
        zombie.send_signal(signal.SIGCONT)
        _, said = zombie.communicate(timeout=PATIENCE)
    assert zombie.returncode == FENCED, said.decode()
    assert b"another process has taken it over" in said
    check(one, parts)


def kill_safe_read(process: subprocess.Popen[bytes], commits: int) -> None:
    assert process.stdout is not None
    assert process.stdout.read(commits) == COMMITTED * commits


def test_the_supervisor_starts_again_after_a_crash_and_ends_with_sigterm(
    two: Site, records: list[StoredRecord], tmp_path: Path
) -> None:
    parts = given(two, records[:400])
    with two.start(module="milepost") as supervisor:
        until(lambda: is_at(two, parts), PATIENCE)
        child = int(Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()[0])
        os.kill(child, signal.SIGKILL)
        whole = divided(records, 2)
        giver = two.giver()
        for number, part in enumerate(whole):
            giver.give(number, part[len(parts[number]) :])
        until(lambda: is_at(two, whole), PATIENCE)
        supervisor.send_signal(signal.SIGTERM)
        _, said = supervisor.communicate(timeout=PATIENCE)
    assert supervisor.returncode == 0
    assert b"ended with -9 (SIGKILL); starts again" in said
    check(two, whole)


# Guards


def guard(of: Site, parts: list[list[StoredRecord]], *shards: int, **settings: object) -> GuardStop:
    with pytest.raises(GuardStop) as stop:
        run_to_end(of, parts, *shards, **settings)
    return stop.value


def forget(of: Site, topic: str) -> None:
    """Delete a topic and make it again, as large as it was."""
    of.clients.admin.delete_topics([topic])[topic].result()
    until(lambda: of.clients.topics([topic])[topic] is None)
    name = next(each for each in topics.TOPICS if each.full_name(of.names) == topic)
    topics.create(of.clients, [topics.planned(name, of.settings)])


@pytest.fixture
def done(
    broker: Broker, own_name: str, tmp_path: Path, records: list[StoredRecord]
) -> tuple[Site, list[list[StoredRecord]]]:
    """One shard whose log is folded in several batches."""
    one = site(broker, own_name, tmp_path / "stores", partitions=1)
    parts = given(one, records)
    run_to_end(one, parts, batch_records=200)
    return one, parts


def test_a_topic_that_was_made_again_is_noticed(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    one, parts = done
    forget(one, one.names.shared("exceptions"))
    stop = guard(one, parts)
    assert (stop.code, "was deleted and made again" in stop.message) == (TOPIC_CHANGED, True)


@pytest.mark.parametrize("topic", ["exceptions", "project.views"])
def test_a_topic_that_was_made_again_is_taken_with_its_records_or_without(
    done: tuple[Site, list[list[StoredRecord]]], topic: str
) -> None:
    """Its records are put back from a copy, then none of them: what is there is compared, what is missing is written."""
    one, parts = done
    whole = expected(one, 0, parts[0])
    full = one.names.shared(topic)
    copy = read_from(one, full)
    for kept in (len(copy), 0):
        forget(one, full)
        put_back(one, copy[:kept])
        stop = guard(one, parts)
        assert (stop.code, f"milepost repair --shard 0 --accept-topic {topic}" in stop.message) == (TOPIC_CHANGED, True)
        with pytest.raises(GuardStop, match="was deleted and made again"):
            repair(one.job(), 0, told=RepairOrders({}, frozenset({"alerts"})))
        told = RepairOrders({}, frozenset({topic}))
        missing = {topic: len(whole[topic]) - kept} if kept < len(copy) else {}
        assert repair(one.job(), 0, dry_run=True, told=told).missing == missing
        assert guard(one, parts).code == TOPIC_CHANGED
        assert repair(one.job(), 0, told=told).missing == missing
        assert one.said(0)[topic] == whole[topic]
        with opened(one.job(), lambda: True):
            """It goes on."""


def test_a_topic_that_was_made_again_with_other_records_is_not_taken(
    done: tuple[Site, list[list[StoredRecord]]],
) -> None:
    """Of a compacted one the newest record of a project is missing: behind later ones it could not be added."""
    one, parts = done
    for topic, change, said in (
        ("exceptions", lambda value: value[:-1] + b"?", "was written with other bytes"),
        ("forecast.current", None, "cannot be added after them"),
    ):
        full = one.names.shared(topic)
        copy = read_from(one, full)
        forget(one, full)
        if change is not None:
            put_back(one, [copy[0]._replace(value=change(copy[0].value)), *copy[1:]])
        else:
            newest = {each.key: number for number, each in enumerate(copy)}
            gone = min(newest.values())
            put_back(one, [*copy[:gone], *copy[gone + 1 :]])
        with pytest.raises((GuardStop, RefusedToRepair), match=said):
            repair(one.job(), 0, told=RepairOrders({}, frozenset({topic})))
        forget(one, full)
        assert repair(one.job(), 0, told=RepairOrders({}, frozenset({topic}))).missing
        assert one.said(0)[topic] == expected(one, 0, parts[0])[topic]


def read_from(of: Site, full: str) -> list[Produced]:
    consumer = of.clients.consumer()
    try:
        found = read_to_end(consumer, {(full, 0): OFFSET_BEGINNING})[full, 0]
    finally:
        consumer.close()
    return [as_it_was(each) for each in found]


def put_back(of: Site, records: list[Produced]) -> None:
    producer = of.clients.producer(of.names.shard_writer(0))
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    for each in records:
        producer.produce(each.topic, each.value, each.key, each.partition, headers=each.headers)
        producer.poll(0)
    producer.commit_transaction(PATIENCE)


def test_records_of_somebody_else_are_named_and_passed_over(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    """Junk, and a journal that is there a second time; a journal of ours that stands once cannot be named."""
    one, parts = done
    journals, alerts = one.names.shared("erp.postings"), one.names.shared("alerts")
    at = one.read(0)["erp.postings"][7].at
    copy = read_from(one, journals)
    put_back(one, [Produced(alerts, b"junk", b"P", 0, []), copy[3]])
    assert guard(one, parts).code == TORN_OUTPUTS
    with pytest.raises(GuardStop) as stop:
        repair(one.job(), 0, dry_run=True)
    assert stop.value.code == TORN_OUTPUTS
    named = dict(re.findall(r"--foreign ([a-z.]+):(\d+)", stop.value.message))
    assert set(named) == {"alerts", "erp.postings"}
    told = RepairOrders({topic: [int(offset)] for topic, offset in named.items()})
    with pytest.raises(RefusedToRepair, match=f"erp.postings:{at} is output .* it is ours"):
        repair(one.job(), 0, told=RepairOrders({**told.foreign, "erp.postings": [*told.foreign["erp.postings"], at]}))
    with pytest.raises(RefusedToRepair, match="there is no record at this offset"):
        repair(one.job(), 0, told=RepairOrders({**told.foreign, "exceptions": [999_999]}))
    assert not repair(one.job(), 0, told=told).missing
    assert not repair(one.job(), 0).missing
    whole = divided([*parts[0], *parts[0][:50]], 1)
    one.giver().give(0, whole[0][len(parts[0]) :])
    run_to_end(one, whole)
    written = one.written(0)
    assert written is not None
    assert {topic: list(offsets) for topic, offsets in written.foreign.items()} == told.foreign
    folder = one.folder / "audited"
    with audited_shards(one.job(), folder) as [shard]:
        assert not shard.catch_up(lambda *_: None).violations


def test_a_log_that_was_made_again_is_noticed(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    one, parts = done
    forget(one, one.names.log)
    stop = guard(one, parts)
    assert (stop.code, "outputs were made from it" in stop.message) == (TOPIC_CHANGED, True)
    one.giver().begin()
    given(one, parts[0])
    assert guard(one, parts).code == TOPIC_CHANGED


def test_lost_progress_is_noticed_and_worked_out_from_the_log(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    """A shard writes progress before anything else, so that it was there; `milepost repair` writes it again."""
    one, parts = done
    before = one.written(0)
    forget(one, one.names.progress)
    assert guard(one, parts).code == PROGRESS_MISSING
    assert repair(one.job(), 0, dry_run=True).progress == "missing"
    asked = ["repair", "--shard", "0", *one.options()]
    told = CliRunner().invoke(app, [*asked, "--dry-run"])
    assert (told.exit_code, "progress is missing\n" in told.stdout) == (0, True), told.output
    assert "once that is written" in told.output
    for wrong in (["--foreign", "alerts"], ["--foreign", "alerts:999"], ["--accept-topic", "engagement.log"]):
        assert CliRunner().invoke(app, [*asked, *wrong]).exit_code == USAGE
    found = repair(one.job(), 0)
    assert not found.missing
    after = one.written(0)
    assert before is not None
    assert after is not None
    assert after.offset == before.offset
    assert after.output_chain == before.output_chain


def test_a_log_that_has_lost_its_end_is_noticed(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    """What brokers lose cannot be taken from them: progress that has gone further stands for a log that is shorter."""
    one, parts = done
    written = one.written(0)
    assert written is not None
    say_progress(one, written._replace(offset=written.offset + 5))
    Store.delete(store_path(one.job(), 0))
    stop = guard(one, parts)
    assert (stop.code, "the log has lost its end" in stop.message) == (TOPIC_CHANGED, True)


def test_a_record_that_was_written_anew_is_noticed(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    """Also where the store is at hand, so that nothing is folded again."""
    one, parts = done
    written = one.written(0)
    assert written is not None
    say_progress(one, written._replace(last_record="00" * 16))
    stop = guard(one, parts)
    assert (stop.code, "is another one" in stop.message) == (TOPIC_CHANGED, True)


def test_lost_outputs_are_noticed_and_written_again(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    """The end of two topics is cut off: the shard stops, and repair writes exactly what is missing."""
    one, parts = done
    whole = one.read(0)
    written = one.written(0)
    assert written is not None
    # What brokers lose cannot be taken from them: progress that says more stands for outputs that say less.
    lost = {
        topic: found[-1].output_seq for topic, found in whole.items() if found and topic in {"exceptions", "alerts"}
    }
    pretended = written._replace(topics={**written.topics, **{topic: last + 1 for topic, last in lost.items()}})
    say_progress(one, pretended)
    stop = guard(one, parts)
    assert (stop.code, "milepost repair --shard 0" in stop.message) == (TORN_OUTPUTS, True)
    assert not repair(one.job(), 0).missing
    with opened(one.job(), lambda: True):
        check(one, parts)


def test_outputs_that_were_lost_are_written_again_and_no_others(
    broker: Broker, own_name: str, tmp_path: Path, records: list[StoredRecord]
) -> None:
    """What was never delivered, with progress that says it was: repair adds it after what came later."""
    one = site(broker, own_name, tmp_path / "stores", partitions=1)
    parts = given(one, records)
    was, lost = KafkaOutputs._produce, []

    def losing(self: KafkaOutputs, topic: str, *told: Any) -> None:
        if topic.endswith(".erp.postings") and 20 <= self._last["erp.postings"] < 60:
            lost.append(self._last["erp.postings"])
        else:
            was(self, topic, *told)

    with patch.object(KafkaOutputs, "_produce", losing):
        run_to_end(one, parts, batch_records=200)
    assert lost
    found = repair(one.job(), 0, dry_run=True)
    assert found.missing == {"erp.postings": len(lost)}
    assert repair(one.job(), 0).missing == found.missing
    assert not repair(one.job(), 0).missing
    said, whole = one.said(0), expected(one, 0, parts[0])
    assert [one[2] for one in said["erp.postings"][-len(lost) :]] == lost
    assert {topic: sorted(several, key=lambda one: one[2]) for topic, several in said.items()} == whole
    with opened(one.job(), lambda: True):
        """It goes on, although the numbers of that topic do not ascend."""


@pytest.mark.parametrize("kept", [0, 40])
def test_a_topic_that_was_cut_off_is_noticed_and_filled_again(
    done: tuple[Site, list[list[StoredRecord]]], kept: int
) -> None:
    """All of the journals, or all but the last 40, are deleted; they are written again after what is left."""
    one, parts = done
    topic = one.names.shared("erp.postings")
    whole = one.read(0)["erp.postings"]
    at = whole[-kept].at if kept else -1
    for deleted in one.clients.admin.delete_records([TopicPartition(topic, 0, at)]).values():
        deleted.result()
    assert guard(one, parts).code == TORN_OUTPUTS
    assert repair(one.job(), 0, dry_run=True).missing == {"erp.postings": len(whole) - kept}
    assert repair(one.job(), 0).missing == {"erp.postings": len(whole) - kept}
    assert not repair(one.job(), 0).missing
    said = one.said(0)["erp.postings"]
    assert sorted(said, key=lambda each: each[2]) == expected(one, 0, parts[0])["erp.postings"]
    with opened(one.job(), lambda: True):
        """It goes on."""


def say_progress(of: Site, written: WrittenProgress) -> None:
    producer = of.clients.producer(of.names.shard_writer(0))
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    producer.produce(of.names.progress, to_bytes(written), of.settings.generation.encode(), 0)
    producer.commit_transaction(PATIENCE)


def test_a_transaction_that_does_not_end_is_noticed(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    """A foreign writer holds a partition open; the shard waits for it as long as one of its own could last, and stops."""
    one, parts = done
    stranger = one._replace(settings=one.settings.model_copy(update={"transaction_timeout_seconds": 600.0}))
    producer = KafkaClients(stranger.settings).producer(f"{one.settings.prefix}stranger")
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    producer.produce(one.names.shared("alerts"), b"x", b"", 0)
    assert producer.flush(PATIENCE) == 0
    short = one._replace(settings=one.settings.model_copy(update={"transaction_timeout_seconds": 1.0}))
    with patch("connectors.kafka.resume.TIMED_OUT_MARGIN_SECONDS", 1.0):
        assert guard(short, parts).code == HANGING_TRANSACTION


def test_a_record_that_cannot_be_folded_stops_the_shard_until_it_is_passed_over(
    broker: Broker, own_name: str, tmp_path: Path, records: list[StoredRecord]
) -> None:
    one = site(broker, own_name, tmp_path / "stores", partitions=1)
    parts = given(one, records)
    poison = next(each for each in parts[0] if each.type_name == "TimeApproved" and each.offset > 500)

    def failing(draft: Any, event: Any) -> None:
        if event.event_id == poison.event.event_id:
            raise ZeroDivisionError("a fault of ours")
        on_time_approved(draft, event)

    with patch("state.handlers.time.on_time_approved", failing):
        stop = guard(one, parts, batch_records=100)
        assert stop.code == POISON
        assert f"record {poison.offset}, engagement {poison.engagement_id}: TimeApproved" in stop.message
        assert f"milepost skip --shard 0 --offset {poison.offset} " in stop.message
        override = Override(poison.offset, "", "fault 81", "ann", "ben")
        passed = pass_over(one.job(), 0, override)
        assert passed == poison
        run_to_end(one, parts, batch_records=100)
    told = [each for each in one.read(0)["exceptions"] if b"skipped_by_operator" in each.body]
    assert len(told) == 1
    assert b"passed over by ann, approved by ben: fault 81" in told[0].body
    assert one.said(0) == expected(one, 0, parts[0], by_place([override]))
    Store.delete(store_path(one.job(), 0))
    run_to_end(one, parts)
    assert one.said(0) == expected(one, 0, parts[0], by_place([override]))
    with pytest.raises(CannotPassOver, match="is folded already"):
        pass_over(one.job(), 0, Override(3, "", "fault 81", "ann", "ben"))
    with pytest.raises(CannotPassOver, match="the log has no record 99999 yet"):
        pass_over(one.job(), 0, Override(99_999, "", "fault 81", "ann", "ben"))


def test_only_what_stops_a_shard_is_passed_over(
    broker: Broker, own_name: str, tmp_path: Path, records: list[StoredRecord]
) -> None:
    """Another record, the views of an engagement, or a record where nothing stops; also where the store is gone."""
    one = site(broker, own_name, tmp_path / "stores", partitions=1)
    parts = given(one, records)
    poison = next(each for each in parts[0] if each.type_name == "TimeApproved" and each.offset > 500)
    end = Until({0: 400})
    run(one.job(batch_records=200), end.reached, end.on_commit)

    def failing(draft: Any, event: Any) -> None:
        if event.event_id == poison.event.event_id:
            raise ZeroDivisionError("a fault of ours")
        on_time_approved(draft, event)

    def asked(offset: int, engagement: str = "", **settings: Any) -> None:
        pass_over(one.job(**settings), 0, Override(offset, engagement, "fault 81", "ann", "ben"))

    with pytest.raises(CannotPassOver, match=f"record {poison.offset} does not stop shard 0: records 400 to "):
        asked(poison.offset)
    with patch("state.handlers.time.on_time_approved", failing):
        with pytest.raises(CannotPassOver, match=f"what stops it is this: shard 0, record {poison.offset}, engagement"):
            asked(poison.offset + 1)
        with pytest.raises(CannotPassOver, match="with the views of engagement"):
            asked(poison.offset, f"{VIEWS}{poison.engagement_id}")
        Store.delete(store_path(one.job(), 0))
        asked(poison.offset, poison.engagement_id)
        run_to_end(one, parts, batch_records=200)
    assert "skipped_by_operator" in str(one.said(0)["exceptions"])


def test_a_log_record_that_is_twice_or_missing_is_noticed(
    broker: Broker, own_name: str, tmp_path: Path, records: list[StoredRecord]
) -> None:
    one = site(broker, own_name, tmp_path / "stores", partitions=1)
    giver = one.giver()
    giver.give(0, records[:50])
    giver.give(0, records[49:60])
    stop = guard(one, [records[:60]], batch_records=10)
    assert (stop.code, "expected number 50, found 49" in stop.message) == (LOG_DAMAGED, True)


def test_a_store_that_is_damaged_while_it_is_used_is_made_again(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    one, parts = done
    more = [each._replace(offset=each.offset + len(parts[0])) for each in parts[0][:50]]
    one.giver().give(0, more)
    told: list[str] = []
    was = Store.commit
    broken = iter([True])

    def commit(self: Store, meta: Any) -> None:
        if next(broken, False):
            raise Damaged("a page is not as it was written")
        was(self, meta)

    until_end = Until({0: len(parts[0]) + 50})
    with patch.object(Store, "commit", commit):
        run(one.job(), until_end.reached, until_end.on_commit, told.append)
    assert any("is dropped and made again from the log" in line for line in told)
    assert one.said(0) == expected(one, 0, [*parts[0], *more])


def test_two_processes_do_not_use_one_store(done: tuple[Site, list[list[StoredRecord]]]) -> None:
    one, _ = done
    with only_writer(shard_folder(one.job(), 0)), one.start() as other:
        _, said = other.communicate(timeout=PATIENCE)
    assert other.returncode == TRY_AGAIN
    assert b"is using" in said
