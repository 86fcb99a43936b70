"""Takes a change in as intake would, with a copy of what intake knows, into a log that is only in memory."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple, cast

from connectors.event_bodies import WRITERS
from connectors.files.engagement_log import EngagementLog
from connectors.files.input_files import ReadingPlace
from connectors.files.input_reader import InputItem, read_input
from connectors.files.intake_store import IntakeStore, StoredProgress
from connectors.files.log_format import LogEnd
from connectors.log_records import StoredRecord
from connectors.telling import Tell
from domain.events.catalogue import Event
from domain.events.commercial import ContractAmended, ContractSigned
from domain.events.control import IntakeNoticed
from domain.events.reference import DayEnded, IdentityLinked
from domain.exceptions import ExceptionCategory
from domain.units import Instant
from state.guards import GuardStop
from state.intake.clock import Clock, after, recording_time
from state.intake.directory import Link, Routed, route
from state.intake.intake import EVERYONE, Intake, Noticed, Ownership
from state.intake.partition import partition_of

NOTHING: Final = LogEnd(0, 0)


class MemoryPlace(NamedTuple):
    """Where intake's memory lies, how late it is, and records of the log that the memory speaks of by their places.

    `is_whole`: events that wait are in it; a log does not tell of them.
    """

    path: Path
    latest: Instant
    remembered: Mapping[int, Event]
    is_whole: bool


class ChangeTakenIn(NamedTuple):
    """What intake made of a change: records by shard, and how far it came."""

    records: Mapping[int, Sequence[StoredRecord]]
    latest: Instant


class Own(NamedTuple):
    """Records that are there for the change: their offsets by shard, and their engagements."""

    offsets: Mapping[int, frozenset[int]]
    engagements: frozenset[str]


class ImaginedLog:
    """Intake's `Log` behind the logs of a folder, of all of their shards."""

    def __init__(self, logs: Sequence[EngagementLog], remembered: Mapping[int, Event]) -> None:
        self._logs = logs
        self._partitions = logs[0].genesis.partitions
        self._remembered = remembered
        self._appended: dict[int, Event] = {}
        self.records: dict[int, list[StoredRecord]] = {log.genesis.partition: [] for log in logs}
        self._ends = {log.genesis.partition: log.end for log in logs}
        # Places of records that are only here; a log's own are not below zero.
        self._place = -1

    def append(self, engagement_id: str, event: Event, own: tuple[str, ...] | None = None) -> int:
        name, _, encode = WRITERS[type(event)]
        body = encode(event)
        for shard in self._shards_of(engagement_id):
            records = self.records[shard]
            records.append(StoredRecord(self._ends[shard] + len(records), engagement_id, name, body, event, own))
        self._place -= 1
        self._appended[self._place] = event
        return self._place

    def event_at(self, position: int) -> Event:
        if position < 0:
            return self._appended[position]
        found = self._remembered.get(position)
        return self._logs[0].event_at(position) if found is None else found

    def _shards_of(self, engagement_id: str) -> Sequence[int]:
        if engagement_id == EVERYONE:
            return tuple(self.records)
        shard = (
            partition_of(engagement_id, self._partitions) if self._partitions > 1 else self._logs[0].genesis.partition
        )
        if shard not in self.records:
            raise ShardMissing(engagement_id, shard)
        return (shard,)


class ShardMissing(Exception):
    """The change concerns an engagement of a shard that the folder does not have."""

    def __init__(self, engagement_id: str, shard: int) -> None:
        super().__init__(f"engagement {engagement_id} belongs to shard {shard}, which the folder does not have")


def read_change(change: Path) -> list[InputItem]:
    """In the order in which a run would take it: by when it was recorded, then by its place. Raises GuardStop."""
    items = list(read_input(change.parent, change.name, ReadingPlace(), change.stat().st_size, is_growing=False))
    latest = 0
    timed: list[tuple[Instant, int]] = []
    for number, item in enumerate(items):
        if item.event is not None:
            latest = max(latest, recording_time(item.event))
        timed.append((latest, number))
    return [items[number] for _, number in timed]


def take(
    known: MemoryPlace,
    logs: Sequence[EngagementLog],
    items: Sequence[InputItem],
    ownership: Ownership,
    latest: Instant,
    until: date | None,
) -> ChangeTakenIn:
    """The change, then the ends of days: up to `latest`, and of `until` in every zone. Nothing of it stays in the memory."""
    with closing(IntakeStore(known.path)) as memory:
        log = ImaginedLog(logs, known.remembered)
        intake = Intake(memory, log, ownership, memory.clock(), known.latest)
        memory.expect([])
        for item in items:
            if item.event is not None:
                intake.take(item.event, item)
        if latest > intake.latest:
            intake.end_days_at(latest)
        reached = intake.latest
        if until is not None:
            intake.end_days_until(until)
    return ChangeTakenIn(log.records, reached)


def own_of(with_it: ChangeTakenIn, without: ChangeTakenIn) -> Own:
    """Days end on both sides, and what intake says at their ends it says on both."""
    offsets: dict[int, frozenset[int]] = {}
    engagements: set[str] = set()
    for shard, records in with_it.records.items():
        others = {(each.engagement_id, each.body) for each in without.records[shard]}
        own = [
            each
            for each in records
            if not isinstance(each.event, DayEnded) and (each.engagement_id, each.body) not in others
        ]
        offsets[shard] = frozenset(each.offset for each in own)
        engagements.update(each.engagement_id for each in own)
    return Own(offsets, frozenset(engagements))


# What intake knows


def known_by_intake(path: Path, logs: Sequence[EngagementLog]) -> MemoryPlace | None:
    """None where it cannot be read, or does not go as far as the log."""
    try:
        with closing(IntakeStore(path)) as memory:
            progress = memory.progress()
            # Of a folder whose input ended its days intake knows none.
            if progress is None or progress.log.offset != logs[0].end or not memory.clock().days:
                return None
    except GuardStop:
        return None
    return MemoryPlace(path, progress.latest, {}, is_whole=True)


def known_from_log(path: Path, logs: Sequence[EngagementLog], tell: Tell) -> MemoryPlace:
    """Everything that was placed is in the log with its engagement, so that what leads there is found once more."""
    memory = IntakeStore(path)
    clock, latest = Clock(), 0
    remembered: dict[int, Event] = {}
    try:
        for log in logs:
            for record in log.records():
                latest = max(latest, recording_time(record.event))
                clock = after(clock, record.event, latest)
                if record.engagement_id == EVERYONE:
                    if isinstance(record.event, IdentityLinked):
                        memory.link_identity(record.event)
                else:
                    _learn(memory, record, remembered)
                if record.offset % 10_000 == 0:
                    tell("directory", record.offset, log.end)
        memory.commit(StoredProgress(0, True, NOTHING, NOTHING, latest), clock, [])
    finally:
        memory.close()
    return MemoryPlace(path, latest, remembered, is_whole=False)


def _learn(memory: IntakeStore, record: StoredRecord, remembered: dict[int, Event]) -> None:
    event = record.event
    if isinstance(event, IntakeNoticed):
        _learn_notice(memory, event, record.engagement_id)
        return
    if isinstance(event, ContractSigned | ContractAmended) and record.own is not None:
        memory.add_links(tuple(Link("project", project_id, record.engagement_id) for project_id in record.own))
    found = route(memory, event)
    if type(found) is Routed:
        # Work that was refused for its project says nothing of whose that is.
        skipped = "project" if record.own == () else ""
        links = (link for link in found.links if link.engagement_id == record.engagement_id and link.kind != skipped)
        memory.add_links(tuple(links))
        for key in found.remembered:
            place = len(remembered)
            remembered[place] = event
            memory.remember(key, place)


def _learn_notice(memory: IntakeStore, event: IntakeNoticed, engagement_id: str) -> None:
    """But for events that wait: the log does not have them, and without them their notice would be published again."""
    if event.category == "unrouted":
        return
    category, subject = cast("ExceptionCategory", event.category), (event.subject_kind or "", event.subject)
    noticed = Noticed(category, subject, engagement_id, event.event_count)
    if not event.cleared:
        memory.open_notice(noticed)
    elif memory.noticed(noticed.category, noticed.subject) is not None:
        memory.close_notice(noticed)
