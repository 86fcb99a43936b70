"""What a release does with a log that was kept before it: the same bytes, or a stop that names the reason."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.event_bodies import read_event, schema_number
from connectors.log_records import StoredRecord
from dataflows import accounting_kafka
from dataflows.accounting_kafka import run, store_path
from dataflows.embedded import ENCODERS
from domain.events.reference import RulesActivated
from state.batch import Bodies
from state.genesis import Genesis
from state.guards import OUTPUTS_DIFFER, RULES_MISSING, GuardStop
from state.store.store import read_meta
from tests.forked import Forked
from tests.intake_inputs import head
from tests.kafka.firm import Site, Until, expected, simulated, site
from tests.kafka.servers import PATIENCE
from tests.releases import Release, frozen_release, next_release
from tests.servers.kafka import Broker


@pytest.fixture(scope="module")
def records() -> list[StoredRecord]:
    return simulated(months=1)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Journals have a field more, and entries of more than 16 hours wait, from version 2 of the rules on."""
    made = tmp_path_factory.mktemp("releases")
    return next_release(frozen_release(made / "old"), made / "new").as_it_is()


@pytest.fixture
def one(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    return site(broker, own_name, tmp_path / "stores", partitions=1)


def with_another_schema() -> Any:
    """A release whose journals have one more field, with a default that takes a byte."""

    def bodies(genesis: Genesis, rules: int) -> Bodies:
        found = dict(ENCODERS.bodies(genesis, rules))
        journal = found["JournalEntry"]
        found["JournalEntry"] = lambda record: journal(record) + b"\x00"
        return found

    return patch.object(accounting_kafka, "ENCODERS", ENCODERS._replace(bodies=bodies))


def activated(offset: int, version: int) -> StoredRecord:
    event = RulesActivated(**head("2026-04-01 09:00"), rule="accounting", version=version)
    body = EVENT_CODECS["RulesActivated"].encode(event)
    return StoredRecord(
        offset, "", "RulesActivated", body, read_event("RulesActivated", schema_number("RulesActivated"), body)
    )


def until_all(of: Site, count: int) -> None:
    end = Until({0: count})
    run(of.job(), end.reached, end.on_commit)


def test_outputs_that_a_release_writes_otherwise_are_not_written_over_a_log_that_has_them(
    one: Site, records: list[StoredRecord]
) -> None:
    """Where the store is lost, all of the log is folded again: the journals come out with other bytes, and nothing goes on."""
    one.giver().give(0, records)
    until_all(one, len(records))
    before, progress = one.said(0), one.written(0)
    shutil.rmtree(one.folder)
    with with_another_schema(), pytest.raises(GuardStop) as stop:
        until_all(one, len(records) + 1)
    assert stop.value.code == OUTPUTS_DIFFER
    assert one.said(0) == before == expected(one, 0, records)
    assert one.written(0) == progress
    shutil.rmtree(one.folder)
    end = Until({0: len(records)})
    run(one.job(), lambda: True, end.on_commit)


def test_what_lies_before_an_activation_that_a_release_does_not_have_is_byte_for_byte_as_it_was(
    one: Site, records: list[StoredRecord]
) -> None:
    """The shard stops at the activation, names the version, and goes no further however often it is started."""
    half = len(records) // 2
    after = [each._replace(offset=each.offset + 1) for each in records[half:]]
    giver = one.giver()
    giver.give(0, [*records[:half], activated(half, 2), *after])
    for _ in range(2):
        with pytest.raises(GuardStop, match="asks for version 2 of rule accounting") as stop:
            until_all(one, len(records) + 1)
        assert stop.value.code == RULES_MISSING
        shutil.rmtree(one.folder)
    written = one.written(0)
    assert written is None or written.offset <= half
    whole = expected(one, 0, records[:half])
    said = one.said(0)
    assert all(found == whole[topic][: len(found)] for topic, found in said.items() if topic not in COMPACTED)


COMPACTED = {"forecast.current", "project.views"}


def test_an_activation_of_the_rules_in_force_changes_nothing(one: Site, records: list[StoredRecord]) -> None:
    half = len(records) // 2
    given = [*records[:half], activated(half, 1), *(each._replace(offset=each.offset + 1) for each in records[half:])]
    one.giver().give(0, given)
    until_all(one, len(given))
    assert one.said(0) == expected(one, 0, given)


def serve(release: Release, of: Site, end: int) -> None:
    """Until all of the log is folded and committed."""
    command = [sys.executable, "-m", "milepost", "serve", "accounting", "--all-shards", "--alone", *of.options()]
    with Forked(command, cwd=release.root, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + PATIENCE
        while not (is_folded(of, end) and (written := of.written(0)) is not None and written.place == (end, "")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "it does not come to the end of the log"
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said


def is_folded(of: Site, end: int) -> bool:
    """Whether the store is there; what is written already is compared until then."""
    path = store_path(of.job(), 0)
    if not path.exists():
        return False
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db, suppress(sqlite3.OperationalError):
        return [read_meta(data).offset for (data,) in db.execute("SELECT data FROM meta")] == [end]
    return False


def journal_ids(release: Release) -> dict[int, int]:
    """Ids of the versions of JournalEntry, as they stand in the frame."""
    told = json.loads(release.done("milepost", "schemas", "ids", "--json", "--set", "registry.fixed_ids=true"))
    named = [each for each in told["schemas"] if each["subject"].endswith("milepost.outputs.JournalEntry")]
    return {each["version"]: each["id"] for each in named}


def test_the_next_release_writes_old_bytes_before_the_activation_and_the_new_field_behind_it(
    one: Site, new: Release, records: list[StoredRecord]
) -> None:
    """It takes over a shard that has lost its store, compares all that is written, and goes on; the old release stops there."""
    half = len(records) // 2
    giver = one.giver()
    giver.give(0, records[:half])
    until_all(one, half)
    before = one.said(0)
    shutil.rmtree(one.folder)
    serve(new, one, half)
    assert one.said(0) == before, "nothing is written twice, or otherwise"

    given = [activated(half, 2), *(each._replace(offset=each.offset + 1) for each in records[half:])]
    giver.give(0, given)
    shutil.rmtree(one.folder)
    serve(new, one, half + len(given))
    written = one.written(0)
    assert written is not None
    assert written.rules == "2"
    whole = expected(one, 0, records)
    now = one.read(0)
    journals = now["erp.postings"]
    assert [each.identity for each in journals[: len(before["erp.postings"])]] == before["erp.postings"]
    ids = journal_ids(new)
    count = len(before["erp.postings"])
    assert {each.schema_id for each in journals[:count]} == {ids[2]}
    assert {each.schema_id for each in journals[count:]} == {ids[3]}
    assert [b" of " in each.body for each in journals] == [number >= count for number in range(len(journals))]
    assert len(journals) == len(whole["erp.postings"]), "no entry of this firm has more than 16 hours"
    new.done("milepost", "verify", "--kafka", *one.options())

    for _ in range(2):
        with pytest.raises(GuardStop, match="asks for version 2 of rule accounting") as stop:
            until_all(one, half + len(given) + 1)
        assert stop.value.code == RULES_MISSING
        shutil.rmtree(one.folder)
    serve(new, one, half + len(given))
    assert one.read(0) == now
