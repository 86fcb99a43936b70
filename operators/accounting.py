"""Bytewax steps around shards: a source with one batch of each in flight, and a sink that commits on the mark.

Whole batches travel through the engine, so that several shards of a process stay apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from operators.idling import AT_ONCE, Idle
from state.batch import BATCH_BYTES, BATCH_RECORDS, Encoded, LogRecord, Mark

# After so many records, which a restart folds again, the store follows at once.
STORE_RECORDS: Final = 20_000


class BatchLog(Protocol):
    """Where batches come from; who is asked again for what it gave gives it again."""

    def read(self, offset: int, max_records: int, max_bytes: int) -> Sequence[Any]: ...


class Outputs(Protocol):
    """Where outputs go; what is written becomes good with `commit`."""

    def write(self, items: Sequence[Encoded | Mark]) -> Mark | None: ...

    def commit(self, mark: Mark) -> None: ...

    def close(self) -> None: ...


class Fold(Protocol):
    """What makes outputs of a log's records, such as a shard's books; `position` is the next record and what of it is done.

    `holds_much` where what it keeps in memory until its next commit should wait no longer.
    """

    number: int

    @property
    def position(self) -> tuple[int, str]: ...

    @property
    def holds_much(self) -> bool: ...

    def fold(self, records: Sequence[LogRecord]) -> list[Encoded | Mark]: ...

    def commit(self, mark: Mark) -> None: ...


class Batch(NamedTuple):
    """Records of one shard, in the order of its log."""

    shard: int
    records: Sequence[Any]


class Effects(NamedTuple):
    """What the fold made of a batch; the last is the mark, and says how many of the records are folded."""

    batch: Batch
    made: list[Encoded | Mark]

    def folded(self, mark: Mark) -> Sequence[Any]:
        """The records that the mark covers whole; a last one that concerned too many engagements is not among them."""
        records = self.batch.records
        return records[: mark.offset - records[0].offset] if records else ()


OnCommit = Callable[[Effects, Mark], None]


class UnderWay(NamedTuple):
    """What is done for a turn in another thread, and what follows in this one."""

    outcome: Future[None]
    then: Callable[[], None]


class AccountingTurn:
    """A shard with its log and its outputs. One batch in flight: the next one is read after the last is committed.

    The shard's store may follow its outputs `store_seconds` later: a commit of the store costs a small batch several times what it costs a
    large one. What lies between is folded again after a crash, and compared. Stores of several shards move at different moments: `beat`
    says by which part of these seconds one comes after the first. With a `pool`, a batch is committed there while other shards of the
    process fold; nothing else touches its shard, log and outputs until that has ended.
    """

    def __init__(
        self,
        log: BatchLog,
        shard: Fold,
        outputs: Outputs,
        store_seconds: float = 0.0,
        pool: Executor | None = None,
        beat: float = 0.0,
    ) -> None:
        self.log = log
        self.shard = shard
        self.outputs = outputs
        self.is_in_flight = False
        # Seconds of the last commit.
        self.took = 0.0
        self.under_way: UnderWay | None = None
        self._pool = pool
        self._store_seconds = store_seconds
        self._beat = beat * store_seconds
        self._store_at = self._next_store()
        self._stored_offset = shard.position[0]
        self._unstored: Mark | None = None

    def do(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        """Where there is a pool, `end` is asked later."""
        if self._pool is None:
            work()
            then()
        else:
            self.under_way = UnderWay(self._pool.submit(work), then)

    def end(self) -> None:
        """Of what is under way and over. Raises what it raised, and then stays where it is: nothing follows."""
        assert self.under_way is not None, "something is under way"
        self.under_way.outcome.result()
        then, self.under_way = self.under_way.then, None
        then()

    def commit(self, mark: Mark) -> None:
        """Outputs first, then the store."""
        began = time.perf_counter()
        self.outputs.commit(mark)
        self.is_in_flight = False
        self._unstored = mark
        done = mark.offset - self._stored_offset
        if mark.engagement or done >= STORE_RECORDS or self.shard.holds_much or self.store_is_due:
            self.store()
        self.took = time.perf_counter() - began

    @property
    def store_is_due(self) -> bool:
        return self._unstored is not None and time.monotonic() >= self._store_at

    def store(self) -> None:
        """Move the store as far as the outputs."""
        if self._unstored is not None:
            self.shard.commit(self._unstored)
            self._store_at, self._stored_offset = self._next_store(), self._unstored.offset
            self._unstored = None

    def _next_store(self) -> float:
        now, seconds = time.monotonic(), self._store_seconds
        return now + seconds - (now - self._beat) % seconds if seconds else now


class Faults:
    """What steps raise.

    A fault that is kept ends the sources, so that the engine ends in order and its caller raises the fault; one that is
    not kept goes through the engine, which reports it and ends the process.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.fault: Exception | None = None
        self.shard: int | None = None
        self._keep = keep

    def at(self, shard: int) -> Faults:
        """Around every step; after a fault the batch stays in flight, so nothing of it is committed."""
        self.shard = shard
        return self

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self._keep or not isinstance(fault, Exception):
            return False
        self.fault = fault
        return True


class Steps:
    """What the steps of a process share: the turns of its shards by number, and what went wrong."""

    def __init__(self, turns: Sequence[AccountingTurn], faults: Faults, on_commit: OnCommit | None = None) -> None:
        self.turns: Mapping[int, AccountingTurn] = {turn.shard.number: turn for turn in turns}
        self.faults = faults
        self._on_commit = on_commit or _unheard

    @property
    def under_way(self) -> list[Future[None]]:
        return [turn.under_way.outcome for turn in self.turns.values() if turn.under_way is not None]

    def fold(self, batches: list[Batch]) -> list[Effects]:
        made: list[Effects] = []
        for batch in batches:
            if self.faults.fault is None:
                with self.faults.at(batch.shard):
                    made.append(Effects(batch, self.turns[batch.shard].shard.fold(batch.records)))
        return made

    def commit(self, effects: Effects) -> None:
        turn = self.turns[effects.batch.shard]
        mark = turn.outputs.write(effects.made)
        if mark is not None:
            turn.do(partial(turn.commit, mark), partial(self._on_commit, effects, mark))


def _unheard(_effects: Effects, _mark: Mark) -> None: ...


def _nothing() -> None: ...


class Reading(NamedTuple):
    """How logs are read: bounds of a batch; a log that had nothing is asked again after `idle_seconds`."""

    max_records: int = BATCH_RECORDS
    max_bytes: int = BATCH_BYTES
    idle_seconds: float = 0.0


class _Batches(StatefulSourcePartition[Batch, None]):
    def __init__(self, source: LogSource, turn: AccountingTurn) -> None:
        self._source = source
        self._turn = turn

    def next_batch(self) -> Sequence[Batch]:
        return self._source.next_batch(self._turn)

    def next_awake(self) -> datetime:
        return AT_ONCE

    def snapshot(self) -> None:
        """Nothing: the store and the progress of the outputs are the only memory."""


class LogSource(FixedPartitionedSource[Batch, None]):
    """The engagement logs from where the shards stand; ends when `more` says that nothing will come."""

    def __init__(self, steps: Steps, more: Callable[[], bool], reading: Reading = Reading()) -> None:  # noqa: B008 - a value
        self._steps = steps
        self._more = more
        self._reading = reading
        self._idle = Idle(steps.turns, reading.idle_seconds)

    def list_parts(self) -> list[str]:
        return [str(number) for number in self._steps.turns]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Batches:  # noqa: ARG002 - Bytewax's shape
        return _Batches(self, self._steps.turns[int(for_part)])

    def next_batch(self, turn: AccountingTurn) -> Sequence[Batch]:
        if self._steps.faults.fault is not None:
            raise StopIteration
        number = turn.shard.number
        if turn.under_way is not None:
            self._idle.awaits(number)
        elif turn.is_in_flight:
            return []
        self._idle.wait_for_any(self._steps.under_way)
        if turn.under_way is not None:
            if not turn.under_way.outcome.done():
                return []
            self._idle.awaits_no_more(number)
            with self._steps.faults.at(number):
                turn.end()
            if self._steps.faults.fault is not None:
                raise StopIteration
        if not self._idle.is_due(number):
            return []
        offset, _ = turn.shard.position
        records: Sequence[Any] = ()
        has_ended = False
        with self._steps.faults.at(number):
            records = turn.log.read(offset, self._reading.max_records, self._reading.max_bytes)
            if not records:
                has_ended = not self._more()
                if has_ended:
                    turn.store()
                elif turn.store_is_due:
                    turn.do(turn.store, _nothing)
        if has_ended:
            self._idle.awaits(number)
            raise StopIteration
        if not records:
            self._idle.had_nothing(number)
            return []
        turn.is_in_flight = True
        return [Batch(number, records)]


class _Committing(StatelessSinkPartition[Effects]):
    def __init__(self, sink: CommittingSink) -> None:
        self._sink = sink

    def write_batch(self, items: list[Effects]) -> None:
        for effects in items:
            self._sink.write(effects)


class CommittingSink(DynamicSink[Effects]):
    """Outputs and progress first, then the store. Its `close` commits nothing: it also runs after a crash in the fold."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Committing:  # noqa: ARG002 - Bytewax's shape
        return _Committing(self)

    def write(self, effects: Effects) -> None:
        if self._steps.faults.fault is not None:
            return
        with self._steps.faults.at(effects.batch.shard):
            self._steps.commit(effects)
