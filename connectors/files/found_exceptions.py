"""The exceptions of a run as they stand: what was said last of each, and by which events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, Protocol

from connectors.files.engagement_log import EngagementLog
from connectors.files.written import read_topic, shards
from connectors.log_records import StoredRecord
from domain.events.catalogue import Event
from domain.identity import unescape
from domain.outputs import TOPICS, ExceptionClosed, ExceptionRaised, Position
from domain.units import Instant
from state.intake.clock import recording_time

LATEST_AMONG = 100


class KnownException(NamedTuple):
    """An exception with its newest revision and the place of that; `since` is when it was raised (again) last, `closed` says that it is
    over, and `closed_at` where."""

    raised: ExceptionRaised
    since: Instant
    position: Position
    closed: ExceptionClosed | None = None
    closed_at: Position | None = None

    @property
    def is_open(self) -> bool:
        return self.closed is None

    @property
    def is_decided(self) -> bool:
        """Whether a person ended it, and no event that brought what was missing."""
        closed = self.closed
        return closed is not None and (closed.closed_by_kind, unescape(closed.closed_by_id)) == (
            "exception",
            self.raised.exception_id,
        )


class ReadLog(Protocol):
    def record(self, number: int, /) -> StoredRecord | None: ...
    def close(self) -> None: ...


class ExceptionStep(NamedTuple):
    """Something that was said of an exception, with the event that caused it."""

    at: Instant
    said: ExceptionRaised | ExceptionClosed
    cause: Event


def exceptions_of(output: Path) -> dict[str, KnownException]:
    """By id, in the order in which they were raised first. Raises NoOutputs and ContainerDamaged."""
    written = read_topic(output, TOPICS["ExceptionRaised"])
    return as_they_stand((each.position, each.record) for each in written)


def as_they_stand(published: Iterable[tuple[Position, object]]) -> dict[str, KnownException]:
    """By id."""
    found: dict[str, KnownException] = {}
    for position, record in published:
        match record:
            case ExceptionRaised() as raised:
                known = found.get(raised.exception_id)
                since = raised.raised_at if known is None or known.closed is not None else known.since
                found[raised.exception_id] = KnownException(raised, since, position)
            case ExceptionClosed() as closed if closed.exception_id in found:
                found[closed.exception_id] = found[closed.exception_id]._replace(closed=closed, closed_at=position)
            case _:
                pass
    return found


def closings(known: Iterable[KnownException], opened: Callable[[int], ReadLog]) -> dict[str, Event]:
    """The events that ended them, by exception; of those that a person ended the decision. `opened`: the log of a shard."""
    ended: dict[str, Event] = {}
    ends = ((each.closed_at, each.raised.exception_id) for each in known if each.closed_at is not None)
    places = sorted((position.shard, position.log_offset, exception_id) for position, exception_id in ends)
    for shard, of_shard in groupby(places, itemgetter(0)):
        with closing(opened(shard)) as log:
            for _, offset, exception_id in of_shard:
                if record := log.record(offset):
                    ended[exception_id] = record.event
    return ended


def history_of(output: Path, exception_id: str) -> list[ExceptionStep]:
    """Everything that was said of it, the oldest first."""
    said = (
        written
        for written in read_topic(output, TOPICS["ExceptionRaised"])
        if isinstance(written.record, ExceptionRaised | ExceptionClosed) and written.record.exception_id == exception_id
    )
    steps: list[ExceptionStep] = []
    for shard, of_shard in groupby(said, lambda written: written.position.shard):
        with EngagementLog.open(output, shard) as log:
            for position, record in ((written.position, written.record) for written in of_shard):
                cause = log.record(position.log_offset)
                if cause is not None and isinstance(record, ExceptionRaised | ExceptionClosed):
                    steps.append(ExceptionStep(position.recorded_at, record, cause.event))
    return steps


def latest_of(output: Path) -> Instant:
    """When the newest of the last records of all shards was recorded; 0 where nothing is. Raises NoOutputs."""
    latest = 0
    for shard in shards(output):
        with closing(EngagementLog.open(output, shard)) as log:
            records = log.read(max(0, log.end - LATEST_AMONG), LATEST_AMONG)
        latest = max([latest, *(recording_time(record.event) for record in records)])
    return latest


def events_of(output: Path) -> Iterator[Event]:
    """Every event of the logs of all shards, in their order; one for several engagements comes several times."""
    for shard in shards(output):
        with closing(EngagementLog.open(output, shard)) as log:
            yield from (record.event for record in log.records())
