"""The auditor reads the topics as anybody would, and says the first thing that is not as the log makes it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from typer.testing import CliRunner

from connectors.files.written import read_topic
from connectors.kafka.names import PROGRESS
from connectors.kafka.output_reader import OutputReader
from connectors.kafka.progress import to_bytes
from connectors.kafka.published import Published, about, headers
from connectors.log_records import StoredRecord
from dataflows.accounting_kafka import run
from dataflows.audit import audit
from dataflows.audit_kafka import AuditedShard, ShardComparison, audited_shards
from dataflows.passing_over import pass_over
from domain.outputs import JournalEntry
from domain.units import AMOUNT_ONE
from milepost import exit_codes
from milepost.cli import app
from milepost.commands.given_settings import GivenSettings
from milepost.commands.verify import of_topics, tell, with_topics
from milepost.operate.following import Auditors, follow_on
from milepost.operate.stopping import Stop
from state.guards import OTHER_GENERATION, GuardStop
from state.overrides import Override
from state.store.store import Store
from tests.kafka.firm import Site, Until, accounted, first_weeks, site
from tests.kafka.given_log import divided
from tests.kafka.servers import PATIENCE, until
from tests.servers.kafka import Broker


@pytest.fixture(scope="module")
def records() -> list[StoredRecord]:
    return first_weeks()


@pytest.fixture
def two(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    return site(broker, own_name, tmp_path / "stores")


def silent(*_: object) -> None:
    """Nobody watches."""


def said_by(of: Site) -> int:
    return sum(len(said) for number in range(of.settings.partitions) for said in of.said(number).values())


def compared(of: Site, folder: Path) -> list[ShardComparison]:
    with audited_shards(of.job(), folder) as shards:
        return [shard.catch_up(silent) for shard in shards]


def write(
    of: Site, topic: str, value: bytes, key: bytes, more: list[tuple[str, str | bytes | None]], *, own: bool = False
) -> None:
    """As somebody would who should not be able to."""
    producer = Producer({"bootstrap.servers": of.settings.brokers})
    name = of.names.own(topic) if own else of.names.shared(topic)
    producer.produce(name, value, key, partition=0, headers=more)
    assert producer.flush(PATIENCE) == 0


def test_all_outputs_agree_and_all_promises_hold(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    parts = accounted(two, records)
    folder = tmp_path / "kept"
    found = compared(two, folder)
    assert [each.violations for each in found] == [(), ()]
    assert [each.offset for each in found] == [len(part) for part in parts]
    said = said_by(two)
    assert sum(each.outputs for each in found) == said > 500
    report = audit(folder, fold_again=False, tell=silent)
    assert report.first is None, report.first
    checked = {each.check: each.checked for each in with_topics(report, said, ()).findings}
    assert checked["refold"] == said
    assert checked["journals"], "journals of both shards are looked at"


def test_shards_that_are_audited_together_share_the_memory_for_caches(
    two: Site, records: list[StoredRecord], tmp_path: Path
) -> None:
    accounted(two, records[:20])
    job, caches = two.job(), ("engagements_kib", "rows_kib", "pages_kib")
    settings = [getattr(job.accounting, f"cache_{name}") for name in caches]
    with patch("dataflows.accounting_kafka.Store", wraps=Store) as opened, audited_shards(job, tmp_path / "kept"):
        given = [[one.kwargs[name] for one in opened.mock_calls] for name in caches]
    assert given == [[kib // 2, kib // 2] for kib in settings]


def test_commands_that_look_back_read_what_was_kept(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    """A folder of several shards: any figure of either is explained, and sums are over both."""
    accounted(two, records)
    folder = tmp_path / "kept"
    assert [each.violations for each in compared(two, folder)] == [(), ()]
    named: dict[int, list[str]] = {0: [], 1: []}
    debits: Counter[str] = Counter()
    for written in read_topic(folder, "erp.postings"):
        if isinstance(written.record, JournalEntry):
            named[written.position.shard].append(written.record.journal_id)
            for line in written.record.lines:
                debits[line.account] += max(line.ledger_amount, 0)
    for journals in named.values():
        told = asked("explain", journals[0], "--output", str(folder), "--json")
        assert json.loads(told)["holds"] is True
        told = asked("explain", journals[-1], "--output", str(folder), "--as-of", "2030-01-01", "--json")
        assert json.loads(told)["holds"] is True
    moves = json.loads(asked("between", "2000-01-01", "2030-01-01", "--output", str(folder), "--json"))
    assert moves["events"] == dict(
        Counter(name for name, _ in {(each.type_name, each.event.event_id) for each in records}).most_common()
    )
    found: Counter[str] = Counter()
    for account in moves["accounts"]:
        found[account["account"]] += round(float(account["debits"]) * AMOUNT_ONE)
    assert found == debits
    assert asked("ledger", "--output", str(folder), "--as-of", "2030-01-01") == asked("ledger", "--output", str(folder))
    refused = CliRunner().invoke(app, ["ledger", "--output", str(folder), "--as-of", "offset:100"])
    assert (refused.exit_code, "holds 2 shards" in refused.output) == (exit_codes.USAGE, True)


def asked(*words: str) -> str:
    told = CliRunner().invoke(app, list(words))
    assert told.exit_code == 0, told.output
    return told.stdout


def test_an_audit_that_follows_counts_what_was_there_before(
    two: Site, records: list[StoredRecord], tmp_path: Path
) -> None:
    """Ended before anything more has come."""
    accounted(two, records)
    settings = GivenSettings(None, two.options()[1::2]).settings
    with patch("milepost.operate.stopping.Stop.within", lambda *_: True):
        report = of_topics(settings, None, tmp_path / "kept", follow=True)
    checked = {each.check: each.checked for each in report.findings}
    assert checked["refold"] == said_by(two) > 500


def test_an_audit_that_follows_may_end_before_anything_has_come(
    two: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a fault nor a promise that holds."""
    settings = GivenSettings(None, two.options()[1::2]).settings
    with patch("milepost.operate.stopping.Stop.within", lambda *_: True):
        report = of_topics(settings, None, tmp_path / "kept", follow=True)
    assert {each.checked for each in report.findings} == {None}
    tell(report)
    assert "Nothing was looked at" in capsys.readouterr().err


def test_an_audit_of_a_long_log_ends_after_the_batch_in_hand(
    two: Site, records: list[StoredRecord], tmp_path: Path
) -> None:
    """Told to end after its first batch, of 100 records at most, it says nothing wrong of the rest, which the next one compares."""
    parts = accounted(two, records)
    stop = Stop()

    def told(*_: object) -> None:
        stop.requested = True

    with patch("dataflows.audit_kafka.BATCH_RECORDS", 100), Auditors(two.job(), tmp_path / "kept") as auditors:
        found = follow_on(auditors, stop, told)
    first, second = found
    assert (0 < first.offset <= 100 < len(parts[0]), second.offset) == (True, 0)
    assert not [each for each in found if each.violations]
    rest = compared(two, tmp_path / "kept")
    assert [each.offset for each in rest] == [len(part) for part in parts]
    assert not [each for each in rest if each.violations]
    assert sum(each.outputs for each in (*found, *rest)) == said_by(two)


def test_an_audit_that_follows_waits_for_the_brokers(
    two: Site, records: list[StoredRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An outage at the start, and one in the middle of comparing; what was compared is counted once."""
    accounted(two, records)
    down = KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN, "all brokers are down"))
    peek, asked_for, stop = OutputReader.peek, 0, Stop()

    def failing(self: OutputReader, topic: str) -> Published | None:
        nonlocal asked_for
        asked_for += 1
        if asked_for in {1, 300}:
            raise down
        return peek(self, topic)

    def no_more(*_: object) -> bool:
        stop.requested = asked_for > 300
        return stop.requested

    with (
        Auditors(two.job(), tmp_path / "kept") as auditors,
        patch.object(OutputReader, "peek", failing),
        patch("milepost.operate.stopping.Stop.within", no_more),
    ):
        found = follow_on(auditors, stop, silent)
    assert not [each for each in found if each.violations]
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0][20:] for line in told if "waits" in line or "again" in line] == [
        "waits",
        "the brokers answer again",
    ]
    report = audit(tmp_path / "kept", fold_again=False, tell=silent)
    assert report.first is None, report.first


def test_an_audit_that_follows_a_generation_that_is_over_is_stopped(
    two: Site, records: list[StoredRecord], tmp_path: Path
) -> None:
    accounted(two, records)
    with AuditedOnce(two, 0, tmp_path / "a") as auditor:
        assert auditor.catch_up(silent).violations == ()
        auditor.check_generation()
        told: list[tuple[str, str | bytes | None]] = [*headers(about("9", 0, "JournalEntry"), 0, -1)]
        write(two, "erp.postings", b"\x00\x00\x00\x00\x01body", b"P", told)
        assert auditor.catch_up(silent).violations == ()
        with pytest.raises(GuardStop) as stop:
            auditor.check_generation()
    assert (stop.value.code, "generation 9 has written after" in stop.value.message) == (OTHER_GENERATION, True)


def test_a_topic_that_is_missing_is_named(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    accounted(two, records)
    name = two.names.progress
    two.clients.admin.delete_topics([name])[name].result()
    until(lambda: two.clients.topics([name])[name] is None)
    with pytest.raises(GuardStop, match="topics are missing"):
        compared(two, tmp_path / "a")


def test_it_goes_on_from_what_was_kept(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    parts = divided(records, 2)
    giver = two.giver()
    for number, part in enumerate(parts):
        giver.give(number, part[: len(part) // 2])
    end = Until({number: len(part) // 2 for number, part in enumerate(parts)})
    run(two.job(), end.reached, end.on_commit)
    first = compared(two, tmp_path / "kept")
    for number, part in enumerate(parts):
        giver.give(number, part[len(part) // 2 :])
    end = Until({number: len(part) for number, part in enumerate(parts)})
    run(two.job(), end.reached, end.on_commit)
    second = compared(two, tmp_path / "kept")
    assert [each.violations for each in (*first, *second)] == [()] * 4
    said = said_by(two)
    assert sum(each.outputs for each in (*first, *second)) == said


def test_an_output_that_none_of_the_shards_made(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    accounted(two, records)
    forged: list[tuple[str, str | bytes | None]] = [*headers(about(two.names.generation, 0, "JournalEntry"), 3, 2)]
    with AuditedOnce(two, 0, tmp_path / "a") as before:
        assert before.catch_up(silent).violations == ()
        write(two, "erp.postings", b"\x00\x00\x00\x00\x01forged", b"P", forged)
        first = before.catch_up(silent).violations[0]
    assert (first.topic, first.expected) == ("erp.postings", "no such output")
    assert first.found.startswith("output 3, after 2: a JournalEntry that cannot be read")


def test_a_record_without_our_headers(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    accounted(two, records)
    write(two, "erp.postings", b"forged", b"P", [])
    first = compared(two, tmp_path / "a")[0].violations[0]
    assert (first.topic, first.subject) == ("erp.postings", "shard 0")
    assert "expected an output with the header ce_source" in first.found


def test_a_log_that_ends_before_its_outputs(two: Site, records: list[StoredRecord], tmp_path: Path) -> None:
    accounted(two, records)
    written = two.written(0)
    assert written is not None
    beyond = to_bytes(written._replace(offset=written.offset + 3))
    write(two, PROGRESS, beyond, two.settings.generation.encode(), [], own=True)
    with AuditedOnce(two, 0, tmp_path / "a") as auditor, patch("connectors.kafka.log.READS_AT_THE_END_MAX", 2):
        found = auditor.catch_up(silent)
    assert found.offset == written.offset
    last = found.violations[-1]
    assert (last.expected, last.found) == (
        f"records up to {written.offset + 2}, as progress says",
        f"the log ends before record {written.offset}",
    )


def test_an_audit_that_follows_passes_over_what_was_skipped_meanwhile(
    two: Site, records: list[StoredRecord], tmp_path: Path
) -> None:
    parts = divided(records, 2)
    giver = two.giver()
    half = len(parts[0]) // 2
    giver.give(0, parts[0][:half])
    job = two.job()._replace(shards=(0,))
    end = Until({0: half})
    run(job, end.reached, end.on_commit)
    skipped = next(each for each in parts[0][half:] if each.type_name == "TimeApproved")
    with AuditedOnce(two, 0, tmp_path / "a") as auditor:
        assert auditor.catch_up(silent).violations == ()
        giver.give(0, parts[0][half:])
        with patch("state.handlers.time.on_time_approved", side_effect=ZeroDivisionError("a fault of ours")):
            pass_over(job, 0, Override(skipped.offset, "", "fault 81", "ann", "ben"))
        end = Until({0: len(parts[0])})
        run(job, end.reached, end.on_commit)
        found = auditor.catch_up(silent)
    assert (found.violations, found.offset) == ((), len(parts[0]))


class AuditedOnce(AuditedShard):
    def __init__(self, of: Site, number: int, folder: Path) -> None:
        super().__init__(of.job(), number, folder)

    def __enter__(self) -> AuditedOnce:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
