"""Bytewax steps around intake: a source with one batch in flight, a step that decides, and a sink that commits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from operators.accounting import Faults
from operators.idling import AT_ONCE

PART: Final = "intake"


class Desk(Protocol):
    """What is read, what is made of it, and what becomes good with `commit`; the dataflow looks into neither."""

    def read(self) -> Any:
        """None where there is nothing to do now; waits a little for it."""

    def take(self, batch: Any) -> Any: ...

    def commit(self, effects: Any) -> None: ...


class IntakeTurn:
    """One batch in flight: the next one is read after the last is committed, until `more` says that no more is wanted."""

    def __init__(self, desk: Desk, faults: Faults, more: Callable[[], bool]) -> None:
        self._desk = desk
        self._faults = faults
        self._more = more
        self._is_in_flight = False

    def read(self) -> Sequence[Any]:
        if self._faults.fault is not None:
            raise StopIteration
        if self._is_in_flight:
            return []
        if not self._more():
            raise StopIteration
        batch = None
        with self._faults:
            batch = self._desk.read()
        self._is_in_flight = batch is not None
        return [] if batch is None else [batch]

    def take(self, batches: list[Any]) -> list[Any]:
        """What it could not make is not committed."""
        with self._faults:
            return [self._desk.take(batch) for batch in batches]
        return []

    def commit(self, made: list[Any]) -> None:
        with self._faults:
            for effects in made:
                self._desk.commit(effects)
            self._is_in_flight = False


class _Part(StatefulSourcePartition[Any, None]):
    def __init__(self, turn: IntakeTurn) -> None:
        self._turn = turn

    def next_batch(self) -> Sequence[Any]:
        return self._turn.read()

    def next_awake(self) -> datetime:
        return AT_ONCE

    def snapshot(self) -> None:
        """Nothing: the topics are the only memory."""


class InputSource(FixedPartitionedSource[Any, None]):
    """Batches of input."""

    def __init__(self, turn: IntakeTurn) -> None:
        self._turn = turn

    def list_parts(self) -> list[str]:
        return [PART]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Part:  # noqa: ARG002 - Bytewax's shape
        return _Part(self._turn)


class _Committing(StatelessSinkPartition[Any]):
    def __init__(self, turn: IntakeTurn) -> None:
        self._turn = turn

    def write_batch(self, items: list[Any]) -> None:
        self._turn.commit(items)


class CommittedSink(DynamicSink[Any]):
    """One transaction a batch. Its `close` commits nothing: it also runs after a crash."""

    def __init__(self, turn: IntakeTurn) -> None:
        self._turn = turn

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Committing:  # noqa: ARG002 - Bytewax's shape
        return _Committing(self._turn)
