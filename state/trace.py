"""One engagement's part of the log folded once more, with all that each event changed.

The fold is the one that made the outputs. It is handed a recorder (`domain/why.py`), to which rules say how their figures come about;
what no rule says yet is read from the books before and after an event. Reference data is folded along; other engagements are not
needed, since no engagement reads another's books.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from domain.billing.statement import ISSUED, OPEN, SUPERSEDED
from domain.caps.consumption import ConsumptionOrders
from domain.events.catalogue import ENTITIES, Event
from domain.events.delivery import TimeApproved
from domain.events.reference import ExchangeRateSet, LegalEntityDefined
from domain.explanation import EventRef
from domain.identity import composed
from domain.ledger.journal import moves_nothing
from domain.outputs import BillingStatement, ExceptionClosed, ExceptionRaised, ForecastUpdate, JournalEntry, ProjectView
from domain.reference.book import ReferenceBook, owner_key
from domain.units import Instant
from domain.why import Why
from domain.work.rows import OVERFLOW, ROWS, named, row_id
from state.batch import REFERENCE, VIEW_RUN, Encoders, LogRecord, OutputProgress
from state.books import Contract, Entry, JournalStanding, StatementEntry, Work
from state.draft import Cause, Draft, PartKey, Parts, nothing_known
from state.fold import cause_of, wake
from state.genesis import Genesis
from state.overrides import Overrides
from state.shard import Shard
from state.store.store import SEPARATOR, Engagement, Meta, Store
from state.stored_history import StoredHistory
from state.totals import apart

# Engagements that a record may concern: this one, and what belongs to none.
ROOM = 10
IN_MEMORY = Path(":memory:")
# Of the books of an explanation.
GENERATION: Final = "explain"


Key = TypeVar("Key")
# Steps that changed a part, and what each left.
PartHistory = list[tuple[int, Any]]


class TracedOutput(Protocol):
    """An output of the engagement, and the step that made it."""

    @property
    def step(self) -> int: ...
    @property
    def record(self) -> Any: ...


class Said(NamedTuple):
    """The same, at hand."""

    step: int
    record: object


class Heading(NamedTuple):
    """By what an output is found: its id; of a journal the mark of its rule, what it is of if it moves money, and what it follows."""

    kind: type
    id: str = ""
    mark: str = ""
    of: str | None = None
    follows: tuple[str, ...] = ()


class TraceStep(NamedTuple):
    """What one record of the log made of the engagement."""

    number: int
    record: LogRecord
    cause: Cause
    reference: ReferenceBook


class StepRun(NamedTuple):
    """What a step does with its record: takes the event, wakes what waited, or neither, where no rule has a part in it."""

    turn: int
    # How many records had changed the reference book by then.
    book: int
    woken: tuple[str, ...] | None = None
    is_folded: bool = True


class Trace(Store):
    """The books of the engagement in memory, and every step that they took."""

    def __init__(self, engagement_id: str, generation: str, shard: int) -> None:
        super().__init__(IN_MEMORY, generation, shard)
        self.engagement_id = engagement_id
        # The number of the first step at hand.
        self.first = 0
        self._taken: list[TraceStep] = []
        self.steps: Sequence[TraceStep] = self._taken
        self.said: list[TracedOutput] = []
        self.journals: dict[str, TracedOutput] = {}
        self.journals_of: dict[str, list[TracedOutput]] = {}
        # What takes a journal back or replaces it, by its id.
        self.following: dict[str, list[TracedOutput]] = {}
        self.statements: dict[str, list[TracedOutput]] = {}
        # Statements with nothing issued: drafts, and what became of them.
        self.drafts: set[str] = set()
        # Revisions that were issued and superseded: under which key `statements` has them, by statement and the step that issued them,
        # and the step that superseded each.
        self.former: dict[tuple[str, int], str] = {}
        self.superseded: dict[str, int] = {}
        self.exceptions: dict[str, list[TracedOutput]] = {}
        self.views: dict[str, list[TracedOutput]] = {}
        self.forecasts: dict[str, list[TracedOutput]] = {}
        self.events: list[LogRecord] = []
        # The record that is folded, and the running maximum of `recorded_at` and the reference book there.
        self.now: tuple[LogRecord, Instant, ReferenceBook] | None = None
        # For which something may wait; and reference data that is not written so far.
        self._awaited: set[tuple[str, str]] = set()
        self._referred: list[tuple[str, bytes]] = []
        # What the rules said of the figures of each step.
        self.why = Why()
        # How each step is folded again: the turn that it begins with, and what it woke, or that it is no step of a rule.
        self.runs: list[StepRun] = []
        self.run = StepRun(0, 0)
        # Log offsets of the records that changed the reference book.
        self.books: list[int] = []
        self._rows_at: dict[str, list[tuple[int, Entry]]] = {}
        self._parts_at: dict[PartKey, PartHistory] = {}
        self._journals_at: dict[str, list[tuple[int, JournalStanding]]] = {}
        self._listed_at: dict[str, list[tuple[int, tuple[StatementEntry, ...]]]] = {}
        # What each step listed on statements, in order.
        self.listed: list[tuple[int, str, tuple[StatementEntry, ...]]] = []
        # Whether an entry is open on a line, by its day and id; and these in order.
        self._open_at: dict[tuple[str, str], dict[tuple[str, str], list[tuple[int, bool]]]] = {}
        self._line_places: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._parked_at: dict[str, list[tuple[int, int | None]]] = {}
        self._said_by_type: dict[type, list[TracedOutput]] = {}
        # Journals by the first part of their rule.
        self.journals_by: dict[str, list[TracedOutput]] = {}

    def close(self) -> None:
        """Nothing is asked any more. What it has leads back to it, and to look for such rings among very much takes long."""
        super().close()
        vars(self).clear()

    def apply(self, engagement_id: str, engagement: Engagement, change: Draft, log_offset: int) -> None:
        if engagement_id == self.engagement_id:
            self._note_open(change)
            self._note(change)
        self._awaited.update((kind, key) for kind, key, _ in change.waits_added)
        super().apply(engagement_id, engagement, change, log_offset)

    def flush(self) -> None:
        """Nothing: rows stay at hand."""

    def waiting(self, keys: Iterable[tuple[str, str]], after: str) -> list[str]:
        awaited = [key for key in keys if key in self._awaited]
        return super().waiting(awaited, after) if awaited else []

    def add_reference(self, type_name: str, body: bytes) -> None:
        self._referred.append((type_name, body))

    def commit(self, meta: Meta) -> None:
        """All that was kept back too but rows and journals, which each step left: a longer history goes on from these books."""
        self._unsaved.clear()
        self._journals.clear()
        for type_name, body in self._referred:
            super().add_reference(type_name, body)
        self._referred.clear()
        super().flush()
        super().commit(meta)

    def _note_open(self, change: Draft) -> None:
        for keys, there in ((change.open_removed, False), (change.open_added, True)):
            for contract_id, line_id, day, entry_id, _ in keys:
                of_line = self._open_at.setdefault((contract_id, line_id), {})
                if (day, entry_id) not in of_line:
                    insort(self._line_places.setdefault((contract_id, line_id), []), (day, entry_id))
                history = of_line.setdefault((day, entry_id), [])
                if history and history[-1][0] == self.why.now:
                    history.pop()
                history.append((self.why.now, there))
        for entry_id, offset in change.parked.items():
            self._parked_at.setdefault(entry_id, []).append((self.why.now, offset))

    def _note(self, change: Draft) -> None:
        assert self.now is not None, "a step has a record"
        number = self.why.now
        record, recorded_at, reference = self.now
        cause = cause_of(record.event, recorded_at, record.offset)
        self._taken.append(TraceStep(number, record, cause, reference))
        self.runs.append(self.run)
        for entry_id, entry in change.rows.items():
            self._rows_at.setdefault(entry_id, []).append((number, entry))
        for key, part in change.parts.items():
            # The next event changes some where they stand.
            self._parts_at.setdefault(key, []).append((number, apart(part)))
        for journal_id, standing in change.journals.items():
            self._journals_at.setdefault(journal_id, []).append((number, standing))
        for statement_id, listed in change.statements.items():
            self._listed_at.setdefault(statement_id, []).append((number, listed))
            self.listed.append((number, statement_id, listed))
        for record in change.outputs:
            self._list(Said(number, record), heading(record))
        self.why.now = number + 1

    def _list(self, said: TracedOutput, head: Heading) -> None:
        self.said.append(said)
        self._said_by_type.setdefault(head.kind, []).append(said)
        if head.kind is JournalEntry:
            self.journals[head.id] = said
            self.journals_by.setdefault(head.mark, []).append(said)
            if head.of is not None:
                self.journals_of.setdefault(head.of, []).append(said)
            for followed in head.follows:
                self.following.setdefault(followed, []).append(said)
        elif head.kind is BillingStatement:
            self._take_part(said, said.record)
        elif head.kind in (ExceptionRaised, ExceptionClosed):
            self.exceptions.setdefault(head.id, []).append(said)
        elif head.kind is ProjectView:
            self.views.setdefault(head.id, []).append(said)
        elif head.kind is ForecastUpdate:
            self.forecasts.setdefault(head.id, []).append(said)

    def _take_part(self, said: TracedOutput, record: BillingStatement) -> None:
        """`statements` has the parts of the newest that was said of each; a superseded revision stays as it was drafted, and one that was
        issued stays under a key of its own."""
        if record.status == SUPERSEDED:
            self._supersede(said, record)
            return
        had = self.statements.setdefault(record.statement_id, [])
        if had and (had[0].record.revision, had[0].record.status) != (record.revision, record.status):
            had.clear()
        (self.drafts.add if record.status == OPEN else self.drafts.discard)(record.statement_id)
        had.append(said)

    def _supersede(self, said: TracedOutput, record: BillingStatement) -> None:
        key = f"{record.statement_id}@{record.revision}"
        if key in self.superseded:
            return
        had = self.statements[record.statement_id]
        if had[0].record.status != ISSUED:
            self.drafts.add(record.statement_id)
            return
        self.statements[key] = list(had)
        self.former[record.statement_id, had[0].step] = key
        self.superseded[key] = said.step

    def know(self, record: LogRecord) -> None:
        """Remember where an event stands, so that what rests on it can name it."""
        self.events.append(record)

    @cached_property
    def _by_type(self) -> dict[str, list[LogRecord]]:
        return _grouped(self.events, lambda record: type(record.event).__name__)

    @cached_property
    def _by_event_id(self) -> dict[str, list[LogRecord]]:
        return _grouped(self.events, lambda record: record.event.event_id)

    @cached_property
    def _facts(self) -> dict[tuple[str, str, str, int], list[LogRecord]]:
        return _grouped(self.events, lambda record: fact_key(record.event))

    @cached_property
    def _rates(self) -> dict[tuple[object, ...], LogRecord]:
        """The first quote of each."""
        found: dict[tuple[object, ...], LogRecord] = {}
        for record in self.records_of(ExchangeRateSet):
            event = record.event
            if isinstance(event, ExchangeRateSet):
                key = (event.rate_type, event.from_currency, event.to_currency, event.date, event.version)
                found.setdefault(key, record)
        return found

    # Asking

    def entry_at(self, entry_id: str, step: int) -> Entry | None:
        """The entry as it stood after a step; before the first, at -1, there is none."""
        found: Entry | None = _at(self._rows_at.get(entry_id, ()), step)
        return found

    def open_at(self, contract_id: str, line_id: str, since: str, until: str, step: int) -> list[Entry]:
        """Entries open on the line after a step, with service date in [since, until), in the order of days, then ids."""
        line = contract_id, line_id
        places, history = self._line_places.get(line, []), self._open_at.get(line, {})
        within = places[bisect_left(places, (since,)) : bisect_left(places, (until,))]
        found = (self.entry_at(place[1], step) for place in within if _at(history[place], step))
        return [entry for entry in found if entry is not None]

    def parked_at(self, step: int) -> list[str]:
        """Entries with something waiting after a step, in the order of their log offsets."""
        found = ((_at(history, step), entry_id) for entry_id, history in self._parked_at.items())
        return [entry_id for _, entry_id in sorted(each for each in found if each[0] is not None)]

    def journal_at(self, journal_id: str, step: int) -> JournalStanding | None:
        found: JournalStanding | None = _at(self._journals_at.get(journal_id, ()), step)
        return found

    def listed_at(self, statement_id: str, step: int) -> tuple[StatementEntry, ...]:
        """What a statement listed after a step."""
        return _at(self._listed_at.get(statement_id, ()), step) or ()

    def part_steps(self, kind: str, part_id: str) -> PartHistory:
        """Every step that changed the part, and what it left."""
        return self._parts_at.get((kind, part_id), [])

    def parts_of(self, kind: str) -> Iterator[tuple[str, PartHistory]]:
        """Of every part of a kind the same."""
        return ((part_id, history) for (of, part_id), history in self._parts_at.items() if of == kind)

    def records_of(self, *types: type) -> list[LogRecord]:
        """Those of these types of events, in order."""
        found = [record for of in types for record in self._by_type.get(of.__name__, ())]
        return found if len(types) == 1 else sorted(found, key=attrgetter("offset"))

    def said_of(self, of: type) -> Sequence[TracedOutput]:
        """Outputs of a type, in order."""
        return self._said_by_type.get(of, ())

    def entry_steps(self, entry_id: str) -> list[tuple[int, Entry]]:
        """Every step that changed the entry, and what it left."""
        return self._rows_at.get(entry_id, [])

    @cached_property
    def _rows_in(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for entry_id in sorted(self._rows_at):
            history = self._rows_at[entry_id]
            for step in history.steps if isinstance(history, StoredHistory) else map(_step, history):
                found.setdefault(step, []).append(entry_id)
        return found

    def entries_moved(self, step: int) -> list[str]:
        """Entries that a step left otherwise than it found them, in the order of their ids."""
        pairs = ((row, self.entry_at(row, step), self.entry_at(row, step - 1)) for row in self._rows_in.get(step, ()))
        return [row for row, after, before in pairs if after != before]

    # What a stored copy keeps

    def entry_histories(self) -> Iterable[tuple[str, Sequence[tuple[int, Entry]]]]:
        return self._rows_at.items()

    def journal_histories(self) -> Iterable[tuple[str, Sequence[tuple[int, JournalStanding]]]]:
        return self._journals_at.items()

    def part_histories(self) -> Iterable[tuple[PartKey, PartHistory]]:
        return self._parts_at.items()

    def openings(self) -> Iterator[tuple[str, str, str, int, bool]]:
        """Line, day and entry, step, and whether it was open on the line after that."""
        for line, of_line in self._open_at.items():
            for (day, entry_id), history in of_line.items():
                yield from ((SEPARATOR.join(line), day, entry_id, step, is_open) for step, is_open in history)

    def parkings(self) -> Iterator[tuple[str, int, int | None]]:
        return ((entry_id, step, at) for entry_id, history in self._parked_at.items() for step, at in history)

    def entry_ids(self) -> Iterable[str]:
        return self._rows_at

    def part_at(self, kind: str, part_id: str, step: int) -> Any:
        return _at(self._parts_at.get((kind, part_id), ()), step)

    def parts_at(self, step: int) -> Parts:
        """Everything but the entries, as it stood after a step."""
        found = ((key, _at(history, step)) for key, history in self._parts_at.items())
        return Parts((key, part) for key, part in found if part is not None)

    def contract_at(self, contract_id: str, step: int) -> Contract | None:
        found: Contract | None = self.part_at("contract", contract_id, step)
        return found

    def versions_in_force(self, contract_id: str) -> frozenset[int]:
        """Every version that the contract's terms ever had; one that was refused or not approved is none."""
        kept = self._parts_at.get(("contract", contract_id), ())
        return frozenset(stored.version for _, contract in kept if contract is not None for stored in contract.history)

    def draft_at(self, step: int) -> Draft:
        """The books after a step as the fold reads them, for its pure functions."""
        taken = self.step(step)
        return Draft(
            self.engagement_id,
            self.parts_at(step),
            EntriesAt(self, step),
            taken.reference,
            taken.cause,
            nothing_known(),
            is_copy=True,
        )

    def revision_at(self, statement_id: str, step: int) -> str:
        """Under which name the revision goes that was issued last up to a step."""
        keys = (key for (of, _), key in self.former.items() if of == statement_id)
        return next((key for key in keys if step < self.superseded[key]), statement_id)

    def facts(self, key: tuple[str, str, str, int]) -> list[LogRecord]:
        """Those that state the version of a fact, by `fact_key`."""
        return self._facts.get(key, [])

    def ref_with(self, event_id: str) -> EventRef | None:
        """The first event of the id, with its place in the log."""
        record = next(iter(self.records_with(event_id)), None)
        return event_ref(record.offset, record.event) if record is not None else None

    def records_with(self, event_id: str) -> list[LogRecord]:
        return self._by_event_id.get(event_id, [])

    def record_at(self, log_offset: int) -> LogRecord | None:
        place = bisect_left(self.events, log_offset, key=attrgetter("offset"))
        found = self.events[place] if place < len(self.events) else None
        return found if found is not None and found.offset == log_offset else None

    def step_of(self, cause: Cause) -> int:
        """The last step that an event made."""
        return self.step_before(cause.log_offset)

    def step(self, number: int) -> TraceStep:
        return self.steps[number - self.first]

    def step_before(self, log_offset: int) -> int:
        """The last step up to a record of the log, else -1."""
        return self.first + bisect_right(self._taken, log_offset, key=lambda step: step.record.offset) - 1

    def offset_of(self, step: int) -> int:
        """Of the record that a step is of."""
        return self.step(step).record.offset

    def quote(
        self, rate_type: str, from_currency: str, to_currency: str, day: object, version: int
    ) -> LogRecord | None:
        return self._rates.get((rate_type, from_currency, to_currency, day, version))

    def entity(self, entity_id: str, version: int) -> LegalEntityDefined | None:
        known = self.facts((LegalEntityDefined.__name__, "legal_entity", entity_id, version))
        return next((record.event for record in known if isinstance(record.event, LegalEntityDefined)), None)

    def fact(self, event_type: str, kind: str, fact_id: str, version: int) -> LogRecord | None:
        """The first record of the version."""
        return next(iter(self.facts((event_type, kind, fact_id, version))), None)

    def record_of(self, event: Event) -> LogRecord | None:
        """The record that says what the event says."""
        known = self.facts(fact_key(event))
        if not known and isinstance(event, TimeApproved) and named(event.entry_id)[0] == OVERFLOW:
            # What went on from a line is approved with its entry.
            known = self.records_with(event.event_id)
        return next((record for record in known if record.event == event), known[0] if known else None)


def heading(record: object) -> Heading:
    match record:
        case JournalEntry():
            of = None if moves_nothing(record) else row_of(record) or record.affected_id
            follows = tuple(filter(None, (record.reverses, record.replaces)))
            return Heading(JournalEntry, record.journal_id, record.rule.partition("/")[0], of, follows)
        case ExceptionRaised() | ExceptionClosed():
            return Heading(type(record), record.exception_id)
        case ProjectView() | ForecastUpdate():
            return Heading(type(record), record.project_id)
        case _:
            return Heading(type(record))


class EntriesAt:
    """The rows as they stood after a step (`state.draft.Entries`)."""

    def __init__(self, trace: Trace, step: int) -> None:
        self._trace = trace
        self._step = step
        self.orders: ConsumptionOrders = {}

    def get(self, entry_id: str) -> Entry | None:
        return self._trace.entry_at(entry_id, self._step)

    def open_on(self, contract_id: str, line_id: str, since: str, until: str, person_id: str) -> list[Entry]:
        found = self._trace.open_at(contract_id, line_id, since, until, self._step)
        return [one for one in found if not person_id or (one.standing and one.standing.person_id == person_id)]

    def parked(self) -> list[str]:
        return self._trace.parked_at(self._step)

    def everything(self) -> Iterable[Entry]:
        found = (self._trace.entry_at(entry_id, self._step) for entry_id in self._trace.entry_ids())
        return [entry for entry in found if entry is not None]

    def journal(self, journal_id: str) -> JournalStanding | None:
        return self._trace.journal_at(journal_id, self._step)

    def statement(self, statement_id: str) -> tuple[StatementEntry, ...]:
        return self._trace.listed_at(statement_id, self._step)


class Retold(Shard):
    """Folds the records of one engagement; what it says is kept in the trace and neither numbered nor encoded."""

    store: Trace

    def __init__(
        self,
        trace: Trace,
        genesis: Genesis,
        decode: Callable[[str, bytes], Event],
        passed_over: Overrides | None = None,
    ) -> None:
        super().__init__(trace, SILENT, genesis, OutputProgress(), decode, passed_over)
        self.trace = trace
        self.why = trace.why
        trace.begin()

    def follow(self, record: LogRecord, recorded_at: Instant) -> None:
        """`recorded_at` is the running maximum of the whole log at the record."""
        self._recorded_max = max(self._recorded_max, recorded_at)
        self.trace.know(record)
        if record.engagement_id in (REFERENCE, self.trace.engagement_id):
            self._see(record)
            self.fold_one(record, ROOM)
        elif record.offset % VIEW_RUN == VIEW_RUN - 1:
            self._flush(record)

    def settle(self) -> None:
        """Write the books as they stand, so that a fold can go on from them."""
        self._periods.keep()
        self.trace.commit(Meta(self.offset, recorded_max=self._recorded_max))

    def apply_to(self, engagement_id: str, event: Event, cause: Cause, own: tuple[str, ...] | None = None) -> None:
        self.trace.run = StepRun(self.trace.why.turn, len(self.trace.books))
        super().apply_to(engagement_id, event, cause, own)

    def take(self, engagement_id: str, cause: Cause, step: Callable[..., Draft], *args: object) -> None:
        is_woken = isinstance(step, partial) and step.func is wake
        woken = tuple(map(str, args[0])) if is_woken and isinstance(args[0], Sequence) else None
        self.trace.run = StepRun(self.trace.why.turn, len(self.trace.books), woken, is_woken)
        super().take(engagement_id, cause, step, *args)

    def _see(self, record: LogRecord) -> None:
        self.trace.now = (record, self._recorded_max, self.reference)

    def _flush(self, record: LogRecord) -> None:
        """Another engagement's record that ends a run: views of what changed go out."""
        self._see(record)
        cause = cause_of(record.event, self._recorded_max, record.offset)
        self.send_views(cause, ROOM)

    def refer(self, record: LogRecord, event: Event, cause: Cause) -> bool:
        is_news = super().refer(record, event, cause)
        if is_news:
            self.trace.books.append(record.offset)
        self._see(record)
        return is_news

    def certify(self, *_: object) -> None:
        """One engagement's journals are not those of a company."""

    def publish(self, _cause: Cause, _outputs: Sequence[object]) -> None:
        """Nothing: the trace has it."""


def _none(*_: object) -> Any:
    return _NOTHING


_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
# Of shards whose outputs go nowhere as bytes.
SILENT = Encoders(_none, _none, _none, attrgetter("body"))


def _at(history: Sequence[tuple[int, Any]], step: int) -> Any:
    if isinstance(history, StoredHistory):
        return history.at(step)
    if not history or history[0][0] > step:
        return None
    last = history[-1]
    # Most has changed for the last time.
    return last[1] if last[0] <= step else history[bisect_right(history, step, key=_step) - 1][1]


def _step(kept: tuple[int, Any]) -> int:
    return kept[0]


def works_of(entry: Entry) -> tuple[Work, ...]:
    return tuple(work for work in (entry.behind, entry.work) if work is not None)


def row_of(journal: JournalEntry) -> str | None:
    """The row that the journal is of; None where it is of a statement or a contract."""
    return row_id(journal.affected_kind, journal.affected_id) if journal.affected_kind in ROWS else None


def _grouped(records: Iterable[LogRecord], key: Callable[[LogRecord], Key]) -> dict[Key, list[LogRecord]]:
    found: dict[Key, list[LogRecord]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return found


def fact_key(event: Event) -> tuple[str, str, str, int]:
    """Type, entity and version."""
    name = type(event).__name__
    field = ENTITIES[name].version_field
    return name, *owner_key(event), getattr(event, field) if field is not None else 0


def event_ref(offset: int, event: Event) -> EventRef:
    name = type(event).__name__
    kind, field = ENTITIES[name].kind, ENTITIES[name].version_field
    # An estimate of a whole project names no line.
    ids = (getattr(event, each) for each in ENTITIES[name].id_fields)
    subject = composed(*(str(each) for each in ids if each is not None))
    return EventRef(
        name,
        kind,
        subject,
        getattr(event, field) if field is not None else 0,
        offset,
        event.event_id,
        event.occurred_at,
        event.recorded_at if event.recorded_at is not None else event.occurred_at,
        event.source,
        getattr(event, "approved_by", None) or getattr(event, "rate_approved_by", None),
        getattr(event, "requested_by", None) or getattr(event, "submitted_by", None),
    )
