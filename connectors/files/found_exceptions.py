"""The exceptions of a run as they stand: what was said last of each, and by which events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from connectors.files.engagement_log import EngagementLog
from connectors.files.written import WrittenOutput, read_topic
from domain.events.catalogue import Event
from domain.identity import unescape
from domain.outputs import TOPICS, ExceptionClosed, ExceptionRaised
from domain.units import Instant

LATEST_AMONG = 100


class KnownException(NamedTuple):
    """An exception with its newest revision; `since` is when it was raised (again) last, `closed` says that it is over, and
    `closed_offset` where in the log the event is that ended it."""

    raised: ExceptionRaised
    since: Instant
    closed: ExceptionClosed | None = None
    closed_offset: int | None = None

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


class ExceptionStep(NamedTuple):
    """Something that was said of an exception, with the event that caused it."""

    at: Instant
    said: ExceptionRaised | ExceptionClosed
    cause: Event


def exceptions_of(output: Path) -> dict[str, KnownException]:
    """By id, in the order in which they were raised first. Raises NoOutputs and ContainerDamaged."""
    found: dict[str, KnownException] = {}
    for written in read_topic(output, TOPICS["ExceptionRaised"]):
        match written.record:
            case ExceptionRaised() as raised:
                known = found.get(raised.exception_id)
                since = raised.raised_at if known is None or known.closed is not None else known.since
                found[raised.exception_id] = KnownException(raised, since)
            case ExceptionClosed() as closed:
                known = found.get(closed.exception_id)
                if known is not None:
                    offset = written.position.log_offset
                    found[closed.exception_id] = known._replace(closed=closed, closed_offset=offset)
            case _:
                pass
    return found


def closings(output: Path, known: Iterable[KnownException]) -> dict[str, Event]:
    """The events that ended them, by exception; of those that a person ended the decision."""
    found: dict[str, Event] = {}
    with closing(EngagementLog.open(output)) as log:
        for each in known:
            records = log.read(each.closed_offset, 1) if each.closed_offset is not None else ()
            if records:
                found[each.raised.exception_id] = records[0].event
    return found


def history_of(output: Path, exception_id: str) -> list[ExceptionStep]:
    """Everything that was said of it, the oldest first."""
    said = [
        written
        for written in read_topic(output, TOPICS["ExceptionRaised"])
        if isinstance(written.record, ExceptionRaised | ExceptionClosed) and written.record.exception_id == exception_id
    ]
    with closing(EngagementLog.open(output)) as log:
        return [step for written in said if (step := _step(log, written)) is not None]


def _step(log: EngagementLog, written: WrittenOutput) -> ExceptionStep | None:
    found = log.read(written.position.log_offset, 1)
    record = written.record
    if not found or not isinstance(record, ExceptionRaised | ExceptionClosed):
        return None
    return ExceptionStep(written.position.recorded_at, record, found[0].event)


def latest_of(output: Path) -> Instant:
    """When the newest of the last records was recorded; 0 where the log is empty."""
    with closing(EngagementLog.open(output)) as log:
        records = log.read(max(0, log.end - LATEST_AMONG), LATEST_AMONG)
    return max((_recorded_at(record.event) for record in records), default=0)


def events_of(output: Path) -> Iterator[Event]:
    """Every event of the log, in its order; one for several engagements comes several times."""
    with closing(EngagementLog.open(output)) as log:
        yield from (record.event for record in log.records())


def _recorded_at(event: Event) -> Instant:
    recorded_at: Instant | None = getattr(event, "recorded_at", None)
    return event.occurred_at if recorded_at is None else recorded_at
