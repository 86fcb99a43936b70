"""Bytewax steps around a shard: a source with one batch in flight, and a sink that commits on the mark."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from state.shard import Encoded, Mark, Shard


class Log(Protocol):
    """Where batches come from."""

    def read(self, offset: int, max_records: int, max_bytes: int) -> Sequence[Any]: ...


class Outputs(Protocol):
    """Where outputs go; what is written becomes good with `commit`."""

    def write(self, items: Sequence[Encoded | Mark]) -> Mark | None: ...

    def commit(self, mark: Mark) -> None: ...

    def close(self) -> None: ...


class Turn:
    """One batch in flight: the source gives the next one only after the sink has committed the last.

    A fault that is kept ends the source, so that the engine ends in order and its caller raises the fault; a fault that
    is not kept goes through the engine, which reports it and ends the process.
    """

    def __init__(self, *, keep_fault: bool = False) -> None:
        self.in_flight = False
        self.fault: Exception | None = None
        self._keep_fault = keep_fault

    def __enter__(self) -> None:
        """Around every step; after a fault the batch stays in flight, so nothing of it is committed."""

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self._keep_fault or not isinstance(fault, Exception):
            return False
        self.fault = fault
        return True

    def watched_fold(
        self, fold: Callable[[list[Any]], list[Encoded | Mark]], records: list[Any]
    ) -> list[Encoded | Mark]:
        with self:
            return fold(records)
        return []


class _Batches(StatefulSourcePartition[Any, None]):
    def __init__(self, source: "LogSource") -> None:
        self._source = source

    def next_batch(self) -> Sequence[Any]:
        return self._source.next_batch()

    def snapshot(self) -> None:
        """Nothing: the store and the progress of the outputs are the only memory."""


class LogSource(FixedPartitionedSource[Any, None]):
    """The engagement log from where the shard stands; ends when `more` says that nothing will come."""

    def __init__(
        self,
        log: Log,
        shard: Shard,
        turn: Turn,
        more: Callable[[], bool],
        max_records: int = 2_000,
        max_bytes: int = 4 << 20,
    ) -> None:
        self._log = log
        self._shard = shard
        self._turn = turn
        self._more = more
        self._limits = (max_records, max_bytes)

    def list_parts(self) -> list[str]:
        return [str(self._shard.number)]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Batches:  # noqa: ARG002 - Bytewax's shape
        return _Batches(self)

    def next_batch(self) -> Sequence[Any]:
        if self._turn.fault is not None:
            raise StopIteration
        if self._turn.in_flight:
            return []
        offset, _ = self._shard.position
        records: Sequence[Any] = ()
        with self._turn:
            records = self._log.read(offset, *self._limits)
        if not records and not self._more():
            raise StopIteration
        self._turn.in_flight = bool(records)
        return records


class _Committing(StatelessSinkPartition[Encoded | Mark]):
    def __init__(self, sink: "CommittingSink") -> None:
        self._sink = sink

    def write_batch(self, items: list[Encoded | Mark]) -> None:
        self._sink.write(items)


class CommittingSink(DynamicSink[Encoded | Mark]):
    """Outputs and progress first, then the store. Its `close` commits nothing: it also runs after a crash in the fold."""

    def __init__(
        self, outputs: Outputs, shard: Shard, turn: Turn, on_commit: Callable[[Mark], None] | None = None
    ) -> None:
        self._outputs = outputs
        self._shard = shard
        self._turn = turn
        self._on_commit = on_commit

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Committing:  # noqa: ARG002 - Bytewax's shape
        return _Committing(self)

    def write(self, items: list[Encoded | Mark]) -> None:
        with self._turn:
            mark = self._outputs.write(items)
            if mark is not None:
                self._outputs.commit(mark)
                self._shard.commit(mark)
                self._turn.in_flight = False
                if self._on_commit is not None:
                    self._on_commit(mark)
