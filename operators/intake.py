"""Bytewax steps around intake: a source with one batch in flight, a step that decides, and a sink that commits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from operators.accounting import Turn

PART: Final = "intake"


class Desk(Protocol):
    """What is read, what is made of it, and what becomes good with `commit`; the dataflow does not look into either."""

    def read(self) -> Any:
        """None where there is nothing to do now."""

    def take(self, batch: Any) -> Any: ...

    def commit(self, effects: Any) -> None: ...


class _Part(StatefulSourcePartition[Any, None]):
    def __init__(self, source: InputSource) -> None:
        self._source = source

    def next_batch(self) -> Sequence[Any]:
        return self._source.next_batch()

    def snapshot(self) -> None:
        """Nothing: the topics are the only memory."""


class InputSource(FixedPartitionedSource[Any, None]):
    """Batches of input, one in flight; ends when `more` says that no more is wanted."""

    def __init__(self, desk: Desk, turn: Turn, more: Callable[[], bool]) -> None:
        self._desk = desk
        self._turn = turn
        self._more = more

    def list_parts(self) -> list[str]:
        return [PART]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Part:  # noqa: ARG002 - Bytewax's shape
        return _Part(self)

    def next_batch(self) -> Sequence[Any]:
        if self._turn.fault is not None:
            raise StopIteration
        if self._turn.in_flight:
            return []
        if not self._more():
            raise StopIteration
        batch = None
        with self._turn:
            batch = self._desk.read()
        self._turn.in_flight = batch is not None
        return [] if batch is None else [batch]


def taken(desk: Desk, turn: Turn) -> Callable[[list[Any]], list[Any]]:
    """The step; what it could not make is not committed."""

    def take(batches: list[Any]) -> list[Any]:
        with turn:
            return [desk.take(batch) for batch in batches]
        return []

    return take


class _Committing(StatelessSinkPartition[Any]):
    def __init__(self, sink: CommittedSink) -> None:
        self._sink = sink

    def write_batch(self, items: list[Any]) -> None:
        self._sink.write(items)


class CommittedSink(DynamicSink[Any]):
    """One transaction a batch. Its `close` commits nothing: it also runs after a crash."""

    def __init__(self, desk: Desk, turn: Turn) -> None:
        self._desk = desk
        self._turn = turn

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Committing:  # noqa: ARG002 - Bytewax's shape
        return _Committing(self)

    def write(self, items: list[Any]) -> None:
        with self._turn:
            for effects in items:
                self._desk.commit(effects)
            self._turn.in_flight = False
