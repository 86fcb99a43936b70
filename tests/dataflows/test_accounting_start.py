"""A start of accounting on Kafka: asked to stop while it waits, it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka.settings import KafkaSettings
from dataflows import accounting_kafka
from dataflows.accounting_kafka import Job
from dataflows.settings import AccountingSettings
from state.genesis import Genesis

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
