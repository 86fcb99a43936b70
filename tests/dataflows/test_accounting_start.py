"""Accounting on Kafka where it cannot go on: at its start, and where several shards fail at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.kafka.settings import KafkaSettings
from dataflows import accounting_kafka
from dataflows.accounting_kafka import AskedToStop, Job
from dataflows.settings import AccountingSettings
from operators.accounting import Faults, UnderWay
from state.genesis import Genesis
from state.guards import BROKER_UNREACHABLE, TORN_OUTPUTS, GuardStop

SHARDS = (0, 1)


class Log:
    genesis = Genesis("1", partitions=2)

    def close(self) -> None: ...


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Of two shards, without brokers."""
    monkeypatch.setattr(accounting_kafka, "opened_log", lambda job, number: Log())
    monkeypatch.setattr(accounting_kafka, "check_log", lambda genesis, kafka, number: None)
    monkeypatch.setattr(accounting_kafka, "target_of", lambda job, genesis, number: number)
    clients: Any = None
    return Job(clients, KafkaSettings(partitions=2), AccountingSettings(), tmp_path, SHARDS, lambda *_: b"")


def test_a_start_that_waits_for_the_transactions_of_others_ends_when_asked(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the two shards waits for one that nobody ends, for minutes if it may."""
    waits: list[int] = []

    def take_over(_clients: Any, shard: int, *others: Any) -> None:
        wait: Callable[[float], None] = others[-1]
        while True:
            waits.append(shard)
            wait(0.01)

    monkeypatch.setattr(accounting_kafka, "take_over", take_over)
    began = time.monotonic()
    accounting_kafka.run(job, lambda: {*waits} == {*SHARDS})
    assert time.monotonic() - began < 10
    assert {*waits} == {*SHARDS}


@pytest.mark.parametrize("asks_to_stop", [False, True])
def test_of_shards_that_cannot_start_each_fault_is_said(
    job: Job, monkeypatch: pytest.MonkeyPatch, *, asks_to_stop: bool
) -> None:
    """One is raised, the other is told; that a third was asked to stop says nothing of either."""

    def take_over(_clients: Any, shard: int, *_others: Any) -> None:
        if shard == 0 and asks_to_stop:
            raise AskedToStop
        raise GuardStop(TORN_OUTPUTS, f"outputs of shard {shard} are torn")

    monkeypatch.setattr(accounting_kafka, "take_over", take_over)
    told: list[str] = []
    with pytest.raises(GuardStop) as stop:
        accounting_kafka.run(job._replace(shards=(0, 1, 2)), lambda: False, tell=told.append)
    first = 1 if asks_to_stop else 0
    assert stop.value.message == f"outputs of shard {first} are torn"
    assert told == [
        f"shard {number} was ended, too: outputs of shard {number} are torn" for number in range(first + 1, 3)
    ]


class Turn:
    """Of a shard whose batch is being committed."""

    def __init__(self, number: int, *, fails: bool) -> None:
        outcome: Future[None] = Future()
        if fails:
            outcome.set_exception(GuardStop(BROKER_UNREACHABLE, f"shard {number}: no answer"))
        else:
            outcome.set_result(None)
        self.under_way = UnderWay(outcome, lambda: None)
        self.shard = SimpleNamespace(position=(1, ""))


def test_of_shards_whose_commits_fail_each_fault_is_said(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shard 1 was noticed first; 0 had failed as well, and 2 had not."""
    turns = {number: Turn(number, fails=number < 2) for number in range(3)}

    def run_flow(flow: Faults) -> None:
        flow.fault, flow.shard = GuardStop(BROKER_UNREACHABLE, "shard 1: no answer"), 1

    monkeypatch.setattr(accounting_kafka, "opened", lambda *_: nullcontext(turns))
    monkeypatch.setattr(accounting_kafka, "flow_of", lambda job, of, faults, *_: faults)
    monkeypatch.setattr(accounting_kafka, "cli_main", run_flow)
    told: list[str] = []
    with pytest.raises(GuardStop, match="shard 1: no answer"):
        accounting_kafka.run(job, lambda: False, tell=told.append)
    assert told == ["shard 0 was ended, too: shard 0: no answer"]
