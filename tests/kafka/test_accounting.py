"""Accounting on a real broker: whatever happens, readers see exactly the bytes that the plain loop makes of the same log."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.log_records import LogRecord
from dataflows.accounting_kafka import run, store_path
from simulation.servers.kafka import Broker
from state.store import Store
from tests.kafka.firm import Site, Until, expected, simulated, site
from tests.kafka.given_log import divided


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[LogRecord]:
    return simulated(tmp_path_factory.mktemp("firm"))


@pytest.fixture
def two(broker: Broker, own_name: str, tmp_path: Path) -> Site:
    """Two shards."""
    return site(broker, own_name, tmp_path / "stores")


def given(of: Site, records: list[LogRecord]) -> list[list[LogRecord]]:
    parts = divided(records, of.settings.partitions)
    giver = of.giver()
    for number, part in enumerate(parts):
        giver.give(number, part)
    return parts


def ends(parts: list[list[LogRecord]], *shards: int) -> dict[int, int]:
    return {number: len(parts[number]) for number in shards or range(len(parts))}


def run_to_end(of: Site, parts: list[list[LogRecord]], *shards: int, **settings: object) -> Until:
    until = Until(ends(parts, *shards))
    run(of.job(*shards, **settings), until.reached, until.on_commit)
    return until


def check(of: Site, parts: list[list[LogRecord]]) -> None:
    for number, part in enumerate(parts):
        assert of.said(number) == expected(of, number, part)


def test_readers_see_what_the_plain_loop_says(two: Site, records: list[LogRecord]) -> None:
    """Two shards in one process, with batches that cut broadcasts in slices."""
    parts = given(two, records)
    run_to_end(two, parts, batch_records=300, batch_engagements=3)
    check(two, parts)


@pytest.mark.parametrize("disturb", ["kept", "deleted", "one is deleted"])
def test_a_start_goes_on_where_the_last_one_ended(two: Site, records: list[LogRecord], disturb: str) -> None:
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
