"""What a release does with a log that was kept before it: the same bytes, or a stop that names the reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from connectors.avro_codec import EVENT_CODECS
from connectors.event_bodies import read_event, schema_number
from connectors.log_records import LogRecord
from dataflows import accounting_kafka
from dataflows.accounting_kafka import run
from dataflows.embedded import ENCODERS
from domain.events.reference import RulesActivated
from simulation.servers.kafka import Broker
from state.genesis import Genesis
from state.guards import OUTPUTS_DIFFER, RULES_MISSING, GuardStop
from state.shard import Bodies
from tests.intake_inputs import head
from tests.kafka.firm import Site, Until, expected, simulated, site


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[LogRecord]:
    return simulated(tmp_path_factory.mktemp("firm"), months=1)


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


def activated(offset: int, version: int) -> LogRecord:
    event = RulesActivated(**head("2026-04-01 09:00"), rule="accounting", version=version)
    body = EVENT_CODECS["RulesActivated"].encode(event)
    return LogRecord(
        offset, "", "RulesActivated", body, read_event("RulesActivated", schema_number("RulesActivated"), body)
    )


def until_all(of: Site, count: int) -> None:
    end = Until({0: count})
    run(of.job(), end.reached, end.on_commit)


def test_outputs_that_a_release_writes_otherwise_are_not_written_over_a_log_that_has_them(
    one: Site, records: list[LogRecord]
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
    one: Site, records: list[LogRecord]
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


def test_an_activation_of_the_rules_in_force_changes_nothing(one: Site, records: list[LogRecord]) -> None:
    half = len(records) // 2
    given = [*records[:half], activated(half, 1), *(each._replace(offset=each.offset + 1) for each in records[half:])]
    one.giver().give(0, given)
    until_all(one, len(given))
    assert one.said(0) == expected(one, 0, given)
