"""Folds one engagement's part of a log once more, and compares what comes of it with what was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import takewhile, zip_longest
from typing import Any, NamedTuple

from connectors.avro_codec import OUTPUT_CODECS, output_versions
from connectors.files import overrides
from connectors.files.figure_index import FigureIndex, IndexedRecord
from connectors.files.figure_rows import engagement_named
from connectors.files.written import WrittenOutput
from connectors.log_records import StoredRecord
from dataflows.embedded import decode_event
from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised, ForecastUpdate, Position
from state.trace import Retold, Trace, TracedOutput, TraceStep


class OutputDifference(NamedTuple):
    """An output that is not what the log makes; one of the two may be missing."""

    log_offset: int
    written: Any | None
    again: Any | None

    @property
    def what(self) -> str:
        there = self.written if self.written is not None else self.again
        kind = type(there).__name__
        if self.written is None:
            return f"log offset {self.log_offset}: the log makes a {kind} that is not written"
        if self.again is None:
            return f"log offset {self.log_offset}: a {kind} is written that the log does not make"
        names = [
            f"{name} {there!r} where the log makes {again!r}"
            for name, there, again in zip(self.written._fields, self.written, self.again, strict=False)
            if there != again
        ]
        return f"log offset {self.log_offset}, {kind}: {'; '.join(names) or 'of another kind'}"


class Retraced(NamedTuple):
    """An engagement, and what was written of it otherwise."""

    trace: Trace
    differences: tuple[OutputDifference, ...]


def retrace(index: FigureIndex, engagement_id: str, until: int | None = None) -> Retraced:
    """`until`: the first log offset that is not read any more."""
    trace = Trace(engagement_id, "explain", 0)
    fold = Retold(trace, index.genesis, decode_event, overrides.read(index.output, index.shard))
    end = index.end if until is None else min(until, index.end)
    last = -1
    for place, record in merge(index.records(engagement_id), index.run_ends(), key=_offset):
        if place.offset >= end:
            break
        if place.offset > last:
            fold.follow(record, place.recorded_at)
            last = place.offset
    written = index.written(engagement_id, sorted(trace.forecasts))
    until_end = takewhile(lambda one: one.position.log_offset < end, written)
    return Retraced(trace, tuple(differences(trace, until_end)))


def _offset(read: tuple[IndexedRecord, StoredRecord]) -> int:
    return read[0].offset


def differences(trace: Trace, written: Iterable[WrittenOutput]) -> Iterator[OutputDifference]:
    """Of outputs that name their engagement; what names none cannot be distinguished by it."""
    said = [one for one in trace.said if _is_named(one)]
    for there, again in zip_longest(filter(_is_named, written), said):
        step = trace.steps[again.step] if again is not None else None
        if there is None or again is None or step is None or not _alike(there, again, step):
            offset = there.position.log_offset if there is not None else step.record.offset if step is not None else 0
            yield OutputDifference(
                offset, there.record if there is not None else None, again.record if again is not None else None
            )
            if there is None or again is None or type(there.record) is not type(again.record):
                return


def _as_written(record: Any, there: WrittenOutput) -> Any:
    """Without what the schema that was written with then does not hold; with the number, which rests on other engagements too."""
    if isinstance(record, BillingStatement) and isinstance(there.record, BillingStatement):
        numbered = {name: getattr(there.record, name) for name in ("number", "number_place", "replaces_number")}
        record = record._replace(**numbered)
    codec = output_versions()[there.schema]
    if codec.fingerprint == OUTPUT_CODECS[codec.name].fingerprint or codec.name != type(record).__name__:
        return record
    return codec.decode(codec.encode(there.position, record))[1]


def _is_named(one: TracedOutput | WrittenOutput) -> bool:
    return isinstance(one.record, ForecastUpdate) or bool(engagement_named(one.record)) or _is_exception(one.record)


def _is_exception(record: object) -> bool:
    """Of reference data, whose engagement has the empty name."""
    return isinstance(record, ExceptionRaised | ExceptionClosed)


def _alike(there: WrittenOutput, again: TracedOutput, step: TraceStep) -> bool:
    position: Position = there.position
    cause = step.cause
    return bool(
        there.record == _as_written(again.record, there)
        and type(there.record) is type(again.record)
        and position.log_offset == step.record.offset
        and (position.event_id, position.occurred_at, position.recorded_at, position.correlation_id)
        == (cause.event_id, cause.occurred_at, cause.recorded_at, cause.correlation_id)
    )
