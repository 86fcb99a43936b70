"""What a change would do to postings, statements and forecasts: the log is folded on with it and without it, and both are compared.

Everything happens on copies of store and intake's memory in the system's temporary place. The fold is the one of a run, so a run that
takes the change in next makes what is told here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from connectors.files.engagement_log import EngagementLog
from connectors.files.input_reader import InputItem
from connectors.files.rounds import read_rounds
from connectors.files.written import shards
from dataflows.whatif_difference import Difference, Side, difference
from dataflows.whatif_folder import Tell, bring_up_to_date, copy_of, directory_of, open_books, resting
from dataflows.whatif_intake import Known, Taken, read_change, take
from domain.events.control import IntakeNoticed
from domain.events.reference import DayEnded
from domain.identity import engagement_of
from domain.outputs import ExceptionClosed, ExceptionRaised
from domain.units import Instant
from state.imagined import Said, Standing
from state.intake.clock import DATE_LAST
from state.intake.intake import EVERYONE

# Raised by the record of an event whose content is not taken over, or not all of it.
REFUSING: Final = frozenset(
    {
        "amendment_gap",
        "conflicting_version",
        "invalid_terms",
        "not_authoritative",
        "project_already_bound",
        "unapproved_amendment",
        "unrouted",
        "unsupported",
    }
)


class Unreadable(Exception):
    """Lines of the change that a run would put among the dead letters."""

    def __init__(self, items: Sequence[InputItem]) -> None:
        super().__init__("; ".join(_why(item) for item in items))


class NoChange(Exception):
    """There is nothing in the file that could change anything; the message says what was expected."""


class WhatIf(NamedTuple):
    """`events` are types and places of the change; `since` is how far the log had come, `until` to where both were folded.

    `refused` are exceptions that say that an event, or a part of it, is not taken over. `left_out`: the folder does not tell which events
    wait for a project or contract, and so none of them goes on.
    """

    events: tuple[tuple[str, str], ...]
    since: Instant
    until: Instant
    on: date | None
    engagements: tuple[str, ...]
    refused: tuple[ExceptionRaised, ...]
    difference: Difference
    left_out: bool = False


def what_if(output: Path, change: Path, on: date | None, tell: Tell) -> WhatIf:
    """Raises NoOutputs, Unreadable, NoChange, ShardMissing, OutputInUse, and GuardStop where something cannot be read."""
    numbers = shards(output)
    items = _checked(change, on)
    with ExitStack() as held:
        scratch = Path(held.enter_context(TemporaryDirectory(prefix="milepost-whatif-")))
        with resting(output):
            logs = [held.enter_context(closing(EngagementLog.open(output, number))) for number in numbers]
            for number in numbers:
                copy_of(output, number, scratch)
            known = directory_of(output, logs, scratch, tell)
            rounds = read_rounds(output)
        ownership = rounds[-1].ownership if rounds else {}
        for log in logs:
            bring_up_to_date(scratch, log, tell)
        with_it = take(known, logs, items, ownership, 0, on)
        without = take(known, logs, (), ownership, with_it.latest, on)
        return _compared(scratch, logs, items, known, with_it, without, on)


def _compared(
    scratch: Path,
    logs: Sequence[EngagementLog],
    items: Sequence[InputItem],
    known: Known,
    with_it: Taken,
    without: Taken,
    on: date | None,
) -> WhatIf:
    only = None if EVERYONE in with_it.engagements else with_it.engagements
    now = max(with_it.latest, *(taken_until(each) for each in (with_it, without)))
    after = _folded(scratch, logs, with_it, only, now, on)
    before = _folded(scratch, logs, without, only, now, on)
    refused = tuple(
        said.record
        for shard, said in after.said
        if said.offset in with_it.own[shard] and isinstance(said.record, ExceptionRaised)
        if said.record.category in REFUSING
    )
    made = difference(before.side, after.side, _open_now(scratch, logs, (before, after)))
    return WhatIf(
        events=tuple((type(item.event).__name__, str(item)) for item in items),
        since=known.latest,
        until=now,
        on=on,
        engagements=tuple(sorted((after.touched | before.touched) - {EVERYONE} if only is None else only)),
        refused=refused,
        difference=made,
        left_out=not known.is_whole,
    )


class _Folded(NamedTuple):
    side: Side
    said: Sequence[tuple[int, Said]]
    touched: frozenset[str]


def _folded(
    scratch: Path,
    logs: Sequence[EngagementLog],
    taken: Taken,
    only: frozenset[str] | None,
    now: Instant,
    on: date | None,
) -> _Folded:
    """One of both sides, over all shards; nothing of it is committed to the copies."""
    said: list[tuple[int, Said]] = []
    standing: dict[str, Standing] = {}
    touched: set[str] = set()
    for log in logs:
        number = log.genesis.partition
        shard = open_books(scratch, log, only)
        with closing(shard.store):
            shard.listen()
            shard.imagine(taken.records[number])
            said.extend((number, each) for each in shard.said)
            touched |= shard.store.touched
            for engagement_id in shard.store.everyone() if only is None else sorted(only):
                if shard.store.has(engagement_id):
                    standing.update(shard.standing(engagement_id, now, on))
    return _Folded(Side(tuple(each.record for _, each in said), standing), said, frozenset(touched))


def _open_now(scratch: Path, logs: Sequence[EngagementLog], sides: Sequence[_Folded]) -> frozenset[str]:
    """Exceptions that are open in the copies, of engagements of which any was told."""
    named: dict[int, set[str]] = {}
    for shard, said in (each for side in sides for each in side.said):
        if isinstance(said.record, ExceptionRaised | ExceptionClosed):
            named.setdefault(shard, set()).add(engagement_of(said.record.exception_id))
    found: set[str] = set()
    for log in logs:
        if asked := named.get(log.genesis.partition):
            books = open_books(scratch, log)
            with closing(books.store):
                for engagement_id in sorted(asked):
                    if books.store.has(engagement_id):
                        found |= books.open_exceptions(engagement_id)
    return frozenset(found)


def taken_until(taken: Taken) -> Instant:
    """When the last day ended that did, or 0."""
    return max((r.event.occurred_at for records in taken.records.values() for r in records), default=0)


def _checked(change: Path, on: date | None) -> list[InputItem]:
    if on is not None and on > DATE_LAST:
        raise NoChange(f"expected a day up to {DATE_LAST}, got {on}")
    items = read_change(change)
    if wrong := [item for item in items if item.event is None]:
        raise Unreadable(wrong)
    if not items:
        raise NoChange(f"{change}: expected events, one a line, found none")
    for item in items:
        if isinstance(item.event, DayEnded):
            raise NoChange(f"{item}: days end by --on DATE and not by an event; leave DayEnded out")
        if isinstance(item.event, IntakeNoticed):
            raise NoChange(f"{item}: expected an event of a source, got one of intake's own; leave IntakeNoticed out")
    return items


def _why(item: InputItem) -> str:
    wrong = item.unreadable
    assert wrong is not None, "what is no event says why"
    field = f"{wrong.field_path}: " if wrong.field_path else ""
    return f"{item}: {field}{wrong.reason}"
