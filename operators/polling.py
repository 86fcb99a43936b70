"""A source that asks for what is new, and a sink that is called: for dataflows that keep their place elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from operators.idling import AT_ONCE, Idle

PART: Final = "all"
# How long nothing is asked for after there was nothing.
IDLE_SECONDS: Final = 0.02


class _Polled(StatefulSourcePartition[Any, None]):
    def __init__(self, source: PolledSource) -> None:
        self._source = source
        self._idle = Idle([PART], IDLE_SECONDS)

    def next_batch(self) -> Sequence[Any]:
        if self._source.is_over():
            raise StopIteration
        self._idle.wait_for_any()
        found = self._source.poll()
        if not found:
            self._idle.had_nothing(PART)
        return found

    def next_awake(self) -> datetime:
        return AT_ONCE

    def snapshot(self) -> None:
        """Nothing: what the sink writes holds the place."""


class PolledSource(FixedPartitionedSource[Any, None]):
    """`poll` gives what is there now, and does not wait; `is_over` ends the dataflow."""

    def __init__(self, poll: Callable[[], Sequence[Any]], is_over: Callable[[], bool]) -> None:
        self.poll = poll
        self.is_over = is_over

    def list_parts(self) -> list[str]:
        return [PART]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Polled:  # noqa: ARG002 - Bytewax's shape
        return _Polled(self)


class _Called(StatelessSinkPartition[Any]):
    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write

    def write_batch(self, items: list[Any]) -> None:
        for item in items:
            self._write(item)


class CalledSink(DynamicSink[Any]):
    """`write` takes one item, and returns when it is kept."""

    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Called:  # noqa: ARG002 - Bytewax's shape
        return _Called(self._write)
