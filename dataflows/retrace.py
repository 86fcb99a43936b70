"""Folds one engagement's part of a log once more, and compares what comes of it with what was written."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from heapq import merge
from itertools import takewhile, zip_longest
from typing import Any, NamedTuple

from connectors.avro_codec import OUTPUT_CODECS, output_versions
from connectors.files import overrides
from connectors.files.figure_index import FigureIndex
from connectors.files.figure_rows import engagement_named
from connectors.files.written import WrittenOutput
from dataflows import stored_steps
from dataflows.embedded import decode_event
from dataflows.stored_steps import KeptSteps
from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised, ForecastUpdate, Position
from state.stored_trace import LaterTrace
from state.trace import GENERATION, Retold, Trace, TracedOutput, TraceStep


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
    """An engagement, and what was written of it otherwise; `notes` say what was kept of it and could not be used, and `not_kept` why its
    steps are not kept now."""

    trace: Trace
    differences: tuple[OutputDifference, ...]
    notes: tuple[str, ...] = ()
    not_kept: str = ""


def retrace(
    index: FigureIndex, engagement_id: str, until: int | None = None, *, whole: bool = False, ahead: bool = False
) -> Retraced:
    """`until`: the first log offset that is not read any more. A long history is read as it is kept, unless it is to be folded `whole`;
    what is not kept of it is folded and kept, also of a shorter one `ahead` of questions."""
    now = index.end
    end = now if until is None else min(until, now)
    if whole or not (ahead or stored_steps.is_kept(index, engagement_id)):
        return _folded(index, engagement_id, end).retraced
    notes: tuple[str, ...] = ()
    try:
        kept = stored_steps.kept_steps(index, engagement_id)
        if kept is not None and not kept.reach(end):
            later = _folded(index, engagement_id, now, kept)
            with closing(later.retraced.trace):
                kept = _keep(index, later, kept)
        if kept is not None:
            return Retraced(kept.open(index, end), ())
    except (OSError, stored_steps.Stale, stored_steps.NotKept, *stored_steps.UNREADABLE) as fault:
        notes = (str(fault),)
    folded, not_kept = _folded(index, engagement_id, now), ""
    try:
        kept = _keep(index, folded, None)
        if kept is not None and end != now:
            stored = Retraced(kept.open(index, end), (), notes)
            folded.retraced.trace.close()
            return stored
    except (stored_steps.Stale, stored_steps.NotKept, sqlite3.Error) as fault:
        not_kept = str(fault)
    if end != now:
        folded.retraced.trace.close()
        folded = _folded(index, engagement_id, end)
    return folded.retraced._replace(notes=notes, not_kept=not_kept)


class _Folded(NamedTuple):
    retraced: Retraced
    fold: Retold
    end: int
    # Where in the log each record begins.
    places: dict[int, int]


def _folded(index: FigureIndex, engagement_id: str, end: int, before: KeptSteps | None = None) -> _Folded:
    """From the first record on, or after the steps that are kept."""
    start = before.end if before is not None else 0
    trace = LaterTrace(before.open(index, start)) if before is not None else Trace(engagement_id, GENERATION, 0)
    fold = Retold(trace, index.genesis, decode_event, overrides.read(index.output, index.shard))
    last = -1
    places: dict[int, int] = {}
    for place, record in merge(
        index.records(engagement_id, start), index.run_ends(start), key=lambda read: read[0].offset
    ):
        if place.offset >= end:
            break
        if place.offset > last:
            fold.follow(record, place.recorded_at)
            last = place.offset
            places[last] = place.byte
    written = index.written(engagement_id, sorted(trace.forecasts), start)
    until_end = takewhile(lambda one: one.position.log_offset < end, written)
    return _Folded(Retraced(trace, tuple(differences(trace, until_end))), fold, end, places)


def _keep(index: FigureIndex, folded: _Folded, before: KeptSteps | None) -> KeptSteps | None:
    """None where the outputs are not what the log makes. Raises NotKept and Stale."""
    if folded.retraced.differences:
        return None
    return stored_steps.store(index, folded.fold, folded.places, folded.end, before)


def differences(trace: Trace, written: Iterable[WrittenOutput]) -> Iterator[OutputDifference]:
    """Of outputs that name their engagement; what names none cannot be distinguished by it."""
    said = [one for one in trace.said if _is_named(one)]
    for there, again in zip_longest(filter(_is_named, written), said):
        step = trace.step(again.step) if again is not None else None
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
    """Exceptions of reference data are of the engagement with the empty name."""
    of_any = isinstance(one.record, ForecastUpdate | ExceptionRaised | ExceptionClosed)
    return of_any or bool(engagement_named(one.record))


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
