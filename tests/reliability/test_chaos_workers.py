"""The processes of a chaos run: whoever has one of them in his hands finds it where he left it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos import processes
from tests.chaos.disturbances import exchange_shards
from tests.chaos.processes import Worker

MODULE = "tests.simulation.standing"
SECONDS = 240.0


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Worker, Worker]]:
    """Who has ended is not started again before a test says that its time has come."""
    monkeypatch.setattr(processes, "START_AGAIN_SECONDS", 3_600.0)
    made = [Worker(name, [MODULE, "--shards", shards], tmp_path) for name, shards in (("one", "0,2"), ("two", "1,3"))]
    with ExitStack() as ending:
        for worker in made:
            ending.callback(worker.kill_whole)
        yield made[0], made[1]


def told(worker: Worker, count: int) -> list[str]:
    """What it was started with, each time; its time has come until it has been so often."""
    until = time.monotonic() + SECONDS
    while len(lines := worker.tail().splitlines()) < count and time.monotonic() < until:
        worker._start_at = 0.0
        worker.keep_going()
        time.sleep(0.02)
    return lines


def between_starts(worker: Worker) -> None:
    """It has ended by itself, and its time to be started again has come."""
    worker.start()
    assert len(told(worker, 1)) == 1
    worker.send(signal.SIGKILL)
    while worker.is_running:
        time.sleep(0.02)
    assert worker.keep_going() is not None
    worker._start_at = 0.0


def test_who_is_told_to_end_or_killed_between_two_starts_stays_away(workers: tuple[Worker, Worker]) -> None:
    """Stores that are deleted or damaged are in nobody's hands meanwhile."""
    told_to_end, killed = workers
    for worker in workers:
        between_starts(worker)
    told_to_end.stop()
    killed.kill_whole()
    for worker in workers:
        assert worker.collect() is None
        assert not worker.is_running
        assert len(told(worker, 2)) == 2
        assert [ended.code for ended in worker.ended] == [-signal.SIGKILL]


def test_who_has_retired_is_not_started_again(workers: tuple[Worker, Worker]) -> None:
    worker, _ = workers
    worker.start()
    assert len(told(worker, 1)) == 1
    worker.retire()
    worker._start_at = 0.0
    assert worker.keep_going() is None
    assert not worker.is_running
    assert [(ended.code, ended.told) for ended in worker.ended] == [(0, True)]


def test_shards_are_exchanged_also_where_a_process_is_between_two_starts(workers: tuple[Worker, Worker]) -> None:
    """Started with the shards that it had, it would keep the other from them for ever."""
    one, two = workers
    one.start()
    assert told(one, 1) == ["--shards 0,2 --alone"]
    between_starts(two)
    exchange_shards(one, two)
    assert told(one, 2) == ["--shards 0,2 --alone", "--shards 1,3 --alone"]
    assert told(two, 2) == ["--shards 1,3 --alone", "--shards 0,2 --alone"]
