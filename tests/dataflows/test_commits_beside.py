"""What a shard commits goes on in another thread, while other shards of the process fold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from threading import current_thread, main_thread
from typing import Any, NamedTuple

import pytest
from bytewax.run import cli_main

from dataflows.accounting import build
from operators.accounting import AccountingTurn, CommittingSink, Effects, Faults, LogSource, Reading, Steps
from state.batch import Encoded, LogRecord, Mark

# Far above what a loaded machine takes.
HUNG_SECONDS = 60.0
RECORDS = 4


class Broken(Exception):
    pass


class Record(NamedTuple):
    offset: int


class Shard:
    """A shard of four records, each a batch; says what is done with it."""

    holds_much = False

    def __init__(self, number: int, done: list[str]) -> None:
        self.number = number
        self.position = 0, ""
        self.done = done
        self.stored = 0
        self.before_fold: Callable[[int], None] = lambda _: None
        self.before_commit: Callable[[int], None] = lambda _: None

    def say(self, what: str, offset: int) -> None:
        self.done.append(f"{self.number} {what} {offset}")

    def read(self, offset: int, max_records: int, max_bytes: int) -> Sequence[Any]:
        self.say("read", offset)
        return [Record(offset)] if offset < RECORDS else []

    def fold(self, records: Sequence[LogRecord]) -> list[Encoded | Mark]:
        offset = records[0].offset
        self.before_fold(offset)
        self.position = offset + 1, ""
        return [Mark(offset + 1, "", 0, 0, b"", b"", {}, 0)]

    def commit(self, mark: Mark) -> None:
        self.say("store", mark.offset)
        self.stored = mark.offset


class Written:
    """Its outputs."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.visible = 0

    def write(self, items: Sequence[Encoded | Mark]) -> Mark | None:
        (mark,) = items
        assert isinstance(mark, Mark)
        return mark

    def commit(self, mark: Mark) -> None:
        assert current_thread() is not main_thread()
        self.shard.say("begin", mark.offset)
        self.shard.before_commit(mark.offset)
        self.shard.say("commit", mark.offset)
        self.visible = mark.offset

    def close(self) -> None: ...


class Process:
    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.done: list[str] = []
        self.heard: list[tuple[int, int]] = []
        self.shards = [Shard(number, self.done) for number in (0, 1)]
        self.outputs = [Written(shard) for shard in self.shards]
        self.faults = Faults(keep=True)

    def run(self, store_seconds: float = 0.0) -> None:
        """Until the logs end, or something goes wrong; what is under way ends before anything is closed."""

        def committed(effects: Effects, mark: Mark) -> None:
            assert current_thread() is main_thread()
            self.heard.append((effects.batch.shard, mark.offset))

        turns = [
            AccountingTurn(shard, shard, outputs, store_seconds, self.pool)
            for shard, outputs in zip(self.shards, self.outputs, strict=True)
        ]
        steps = Steps(turns, self.faults, committed)
        source = LogSource(steps, lambda: False, Reading(max_records=1, idle_seconds=0.01))
        cli_main(build(source, steps.fold, CommittingSink(steps)))
        self.pool.shutdown()

    def of(self, number: int) -> list[str]:
        return [each[2:] for each in self.done if each.startswith(f"{number} ")]


@pytest.fixture
def process() -> Iterator[Process]:
    with ThreadPoolExecutor(2) as pool:
        yield Process(pool)


def awaited(flag: Flag) -> None:
    assert flag.wait(HUNG_SECONDS), "the other shard stands still"


def test_a_shard_reads_on_once_its_batch_is_committed_and_stored(process: Process) -> None:
    process.run()
    one = [
        f"{what} {offset + (what != 'read')}" for offset in range(4) for what in ("read", "begin", "commit", "store")
    ]
    assert process.of(0) == process.of(1) == [*one, "read 4"]
    assert [offset for number, offset in process.heard if number == 0] == [1, 2, 3, 4]
    assert [offset for number, offset in process.heard if number == 1] == [1, 2, 3, 4]


def test_a_commit_that_takes_long_keeps_no_other_shard_waiting(process: Process) -> None:
    """Shard 0's first is answered when shard 1 has committed all of its records."""
    is_over = Flag()
    first, second = process.shards
    first.before_commit = lambda offset: awaited(is_over) if offset == 1 else None
    second.before_commit = lambda offset: is_over.set() if offset == RECORDS else None
    process.run()
    assert process.faults.fault is None
    assert [shard.stored for shard in process.shards] == [4, 4]
    assert process.done.index("0 commit 1") > process.done.index("1 begin 4")


def test_who_waits_for_the_last_commit_alone_asks_for_nothing_meanwhile(process: Process) -> None:
    """Shard 1 commits its last batch for half a second after shard 0 has ended: of that the process works next to nothing."""
    second = process.shards[1]
    began: list[float] = []

    def take_long(offset: int) -> None:
        if offset == RECORDS:
            while "0 read 4" not in process.done:
                time.sleep(0.01)
            began.append(time.process_time())
            time.sleep(0.5)
            began.append(time.process_time())

    second.before_commit = take_long
    process.run()
    assert process.faults.fault is None
    assert began[1] - began[0] < 0.03


def test_a_commit_that_fails_stops_the_process_with_its_error_and_its_shard(process: Process) -> None:
    """Nobody hears of its batch, and it is not stored; a commit of the other shard that is under way ends whole."""
    has_failed = Flag()
    first, second = process.shards

    def fail(offset: int) -> None:
        if offset == 3:
            has_failed.set()
            raise Broken("its outcome is not known")

    first.before_commit = lambda offset: awaited(has_failed) if offset == 2 else None
    second.before_commit = fail
    process.run()
    assert str(process.faults.fault) == "its outcome is not known"
    assert process.faults.shard == 1
    assert process.of(1)[-2:] == ["read 2", "begin 3"]
    assert second.stored == process.outputs[1].visible == 2
    assert [offset for number, offset in process.heard if number == 1] == [1, 2]
    assert first.stored == process.outputs[0].visible == 2


def test_a_fold_that_fails_leaves_the_commit_of_another_shard_whole(process: Process) -> None:
    has_failed = Flag()
    first, second = process.shards

    def fail(offset: int) -> None:
        if offset == 2:
            has_failed.set()
            raise Broken("a record")

    first.before_commit = lambda offset: awaited(has_failed) if offset == 1 else None
    second.before_fold = fail
    process.run()
    assert (str(process.faults.fault), process.faults.shard) == ("a record", 1)
    assert first.stored == process.outputs[0].visible == 1
    assert process.of(0) == ["read 0", "begin 1", "commit 1", "store 1"]
    assert second.stored == 2


def test_a_store_that_fails_stops_the_process_after_its_outputs(process: Process) -> None:
    def fail(mark: Mark) -> None:
        raise Broken(f"disk full at {mark.offset}")

    process.shards[1].commit = fail  # type: ignore[method-assign]
    process.run()
    assert (str(process.faults.fault), process.faults.shard) == ("disk full at 1", 1)
    assert process.outputs[1].visible == 1
    assert process.of(1) == ["read 0", "begin 1", "commit 1"]


def test_stores_of_a_process_move_at_different_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a second, that of the second of two shards half a second after the first."""
    clock = [100.2]
    monkeypatch.setattr("operators.accounting.time.monotonic", lambda: clock[0])
    shards = [Shard(number, []) for number in (0, 1)]
    turns = [AccountingTurn(each, each, Written(each), 1.0, None, each.number / 2) for each in shards]
    moved = []
    for tenth in range(1003, 1022):
        clock[0] = tenth / 10
        for turn in turns:
            turn._unstored = Mark(tenth, "", 0, 0, b"", b"", {}, 0)
            if turn.store_is_due:
                turn.store()
                moved.append((turn.shard.number, clock[0]))
    assert moved == [(1, 100.5), (0, 101.0), (1, 101.5), (0, 102.0)]
