"""What the index of figures notes of the log's records and of outputs, by the ids of engagements, until it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from connectors.files.glance_rows import GlanceRows
from connectors.log_records import StoredRecord
from domain.events.catalogue import Event
from domain.events.reference import DayEnded, RulesActivated
from domain.identity import composed, engagement_of
from domain.ledger.trial_balance import LedgerSums
from domain.outputs import (
    Alert,
    BillingStatement,
    ExceptionClosed,
    ExceptionRaised,
    ForecastUpdate,
    JournalEntry,
    Output,
    ProjectView,
)
from domain.reference.book import owner_key
from domain.units import Instant
from state.batch import VIEW_RUN
from state.intake.clock import Clock, after, recording_time


class FigureRows:
    """`taken_back` tells of which entries of a legal entity a posting was reversed in what is written; `clock` has the days that run."""

    def __init__(self, taken_back: Callable[[str], Iterable[str]], clock: Clock) -> None:
        self._taken_back = taken_back
        self.clock = clock
        self._moves: dict[str, LedgerSums] = {}
        self.records: list[tuple[str, str, int, int, Instant]] = []
        self.facts: set[tuple[str, str, str]] = set()
        self.persons: set[tuple[str, str]] = set()
        self.runs: list[tuple[int, int, Instant]] = []
        self.activated: list[tuple[int, int]] = []
        self.day_ends: list[tuple[int, Instant, int]] = []
        self.outputs: list[tuple[str, str, int, int]] = []
        self.forecasts: list[tuple[str, str, int, int]] = []
        self.sums: dict[tuple[Any, ...], list[Any]] = {}
        self.reversed: list[tuple[str, str]] = []
        self.glance = GlanceRows()

    def __len__(self) -> int:
        return len(self.records) + len(self.outputs) + len(self.forecasts)

    def clear(self) -> None:
        """What was noted is written."""
        rows: list[Any]
        for rows in (
            self.records,
            self.runs,
            self.activated,
            self.day_ends,
            self.outputs,
            self.forecasts,
            self.reversed,
        ):
            rows.clear()
        self.facts.clear()
        self.persons.clear()
        self.sums.clear()
        self.glance.clear()

    def add_record(self, record: StoredRecord, place: int, recorded_at: Instant) -> Instant:
        """The record that begins at a byte; from the running maximum of `recorded_at` before it the one after it."""
        event, engagement_id = record.event, record.engagement_id
        recorded_at = max(recorded_at, recording_time(event))
        person_id: str = getattr(event, "person_id", None) or ""
        self.records.append((engagement_id, "" if engagement_id else person_id, record.offset, place, recorded_at))
        if engagement_id and person_id:
            self.persons.add((engagement_id, person_id))
        if record.offset % VIEW_RUN == VIEW_RUN - 1:
            self.runs.append((record.offset, place, recorded_at))
        if isinstance(event, RulesActivated):
            self.activated.append((record.offset, event.version))
        self.clock = after(self.clock, event, recorded_at)
        if isinstance(event, DayEnded):
            first_running = min(day.date for day in self.clock.days)
            self.day_ends.append((record.offset, recorded_at, first_running.toordinal()))
        for kind, fact_id in _facts(event):
            self.facts.add((kind, fact_id, engagement_id))
        self.glance.add_record(record)
        return recorded_at

    def add_output(self, part: str, place: int, log_offset: int, seq: int, record: Output) -> None:
        if isinstance(record, ForecastUpdate):
            self.forecasts.append((record.project_id, part, place, log_offset))
            return
        engagement_id = engagement_named(record)
        self.outputs.append((engagement_id, part, place, log_offset))
        self.glance.add_output(log_offset, seq, record)
        if isinstance(record, JournalEntry):
            self._add_up(record, engagement_id)

    def _add_up(self, journal: JournalEntry, engagement_id: str) -> None:
        entity_id = journal.legal_entity_id
        moves = self._moves.get(entity_id)
        if moves is None:
            moves = self._moves[entity_id] = LedgerSums(entity_id, self._taken_back(entity_id))
        move = moves.move_of(journal)
        if move and journal.kind == "reversal":
            self.reversed.append((entity_id, journal.affected_id))
        add_lines(journal, engagement_id, move, self.sums)


def engagement_named(record: Output) -> str:
    """The engagement of an output that names it, in a field or at the head of its id; empty for what belongs to none."""
    match record:
        case JournalEntry():
            return engagement_of(record.journal_id)
        case BillingStatement():
            return engagement_of(record.statement_id)
        case ExceptionRaised() | ExceptionClosed():
            return engagement_of(record.exception_id)
        case Alert():
            return engagement_of(record.alert_id)
        case ProjectView():
            return record.engagement_id
        case _:
            return ""


def add_lines(journal: JournalEntry, engagement_id: str, move: str, sums: dict[tuple[Any, ...], list[Any]]) -> None:
    """Count the journal's lines, by account."""
    for account in {line.account for line in journal.lines}:
        key = (
            journal.legal_entity_id,
            journal.period,
            account,
            journal.currency,
            journal.contract_id or "",
            engagement_id,
            move,
        )
        held = sums.get(key)
        if held is None:
            held = sums[key] = [0, 0, 0, journal.ledger_currency, 0, 0]
        held[0] += 1
        for line in journal.lines:
            if line.account == account:
                held[1 if line.amount > 0 else 2] += abs(line.amount)
                held[4 if line.ledger_amount > 0 else 5] += abs(line.ledger_amount)


def _facts(event: Event) -> Iterator[tuple[str, str]]:
    """What an event is about, and the projects that a contract is for."""
    if isinstance(event, DayEnded):
        return
    yield owner_key(event)
    project_id = getattr(event, "project_id", None)
    if project_id:
        yield "project", composed(project_id)
    for line in getattr(event, "lines", None) or ():
        if (of_line := getattr(line, "project_id", None)) is not None:
            yield "project", composed(of_line)
