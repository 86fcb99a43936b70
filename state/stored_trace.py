"""A trace (`state/trace.py`) in a file: written once by the fold of a long history, read step by step by every explanation after that.

What a step left of entries, of other parts of the books and of outputs lies there, and which steps recorded which figure; how a figure came
about does not. Of that the step is folded again, over the books before it: about a millisecond. It must give the rows that it gave.
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Final, Protocol, overload

import msgspec

from domain.explanation import EventRef
from domain.outputs import OUTPUTS
from domain.reference.book import EMPTY_BOOK, ReferenceBook
from domain.reference.book import apply as apply_reference
from state.batch import LogRecord
from state.books import Entry, JournalStanding
from state.draft import CONTRACTS, Draft, Parts, Plans, nothing_known
from state.fold import apply, cause_of, wake
from state.genesis import Genesis
from state.rules import begun_under
from state.store import snapshot
from state.store.read_only import read_only
from state.store.snapshot import Damaged
from state.store.store import SEPARATOR
from state.stored_history import StoredHistory
from state.stored_why import LaterWhy, StepWhy, StoredWhy
from state.totals import apart
from state.trace import GENERATION, EntriesAt, Heading, Trace, TraceStep
from state.trace_writer import ENTRIES, JOURNALS

READ_ALL_FROM: Final = 500
_REFS: Final = """
SELECT type, kind, subject, version, log_offset, event_id, occurred_at, recorded_at, source, approved_by, requested_by FROM records
"""
# Of the books that a fold goes on from; these are found before the store's own.
_ROWS: Final = """
CREATE TEMP TABLE entries(no INTEGER, id TEXT, data BLOB, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TEMP TABLE journals(no INTEGER, id TEXT, data BLOB, PRIMARY KEY(no, id));
"""


class Records(Protocol):
    """Where the records lie."""

    @property
    def genesis(self) -> Genesis: ...

    def record(self, offset: int, place: int) -> LogRecord:
        """The one at an offset, whose bytes begin at a place."""


class StoredTrace(Trace):
    """As far as the records before a log offset go. Raises Damaged where it is not as it was written, when that is read."""

    def __init__(self, engagement_id: str, path: Path, log: Records, until: int) -> None:
        super().__init__(engagement_id, GENERATION, 0)
        self._file = read_only(path, is_final=True)
        self._log, self._until = log, until
        ask = self._file.execute
        self._offsets: array[int] = array("Q", [of for (of,) in ask("SELECT log_offset FROM steps ORDER BY step")])
        self.count: int = bisect_left(self._offsets, until)
        self.steps = StoredSteps(self)
        self._records: dict[int, LogRecord] = {}
        self._reference = [EMPTY_BOOK._replace(rules=begun_under(log.genesis), partitions=log.genesis.partitions)]
        self._refs_asked = 0
        self._refolded: dict[int, StepWhy] = {}
        # By the step since which they are in force.
        self._terms: dict[int, object] = {}
        # By the number of the reference book, and the terms in force.
        self._plans_of: dict[tuple[int, object], Plans] = {}
        self._lines_known: set[tuple[str, str]] = set()
        turn = (ask("SELECT turn FROM steps WHERE step = ?", (self.count,)).fetchone() or self.ended())[0]
        self.why = self.recorded = StoredWhy(self._file, self.count, turn, self.refolded)
        self._read_histories()
        for step, id_, data in ask("SELECT step, id, data FROM listed WHERE step < ? ORDER BY seq", (self.count,)):
            listed = snapshot.decode_statement(id_, data)
            self._listed_at.setdefault(id_, []).append((step, listed))
            self.listed.append((step, id_, listed))
        sql = "SELECT id, step, log_offset FROM parked WHERE step < ? ORDER BY id, step"
        for id_, step, offset in ask(sql, (self.count,)):
            self._parked_at.setdefault(id_, []).append((step, offset))
        self._read_outputs()

    def close(self) -> None:
        self._file.close()
        for why in self._refolded.values():
            why.close()
        super().close()

    def ended(self) -> tuple[int, bytes]:
        """The turn that the last step of all ended with, and the books that it left."""
        found: tuple[int, bytes] = self._file.execute("SELECT turn, books FROM ended").fetchone()
        return found

    @property
    def stamp(self) -> int:
        found: int = self._file.execute("SELECT stamp FROM ended").fetchone()[0]
        return found

    def all_books(self) -> list[int]:
        """Log offsets of the records that changed the reference book."""
        return [offset for (offset,) in self._file.execute("SELECT log_offset FROM books ORDER BY book")]

    def last_left(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """What the last step that changed it left of each of a kind, by id."""
        sql = "SELECT id, data, max(step) FROM kept WHERE kind = ? GROUP BY id"
        return ((id_, data) for id_, data, _ in self._file.execute(sql, (kind,)))

    def _read_histories(self) -> None:
        rows = _Rows(self._file)
        for kind, id_, data in self._file.execute("SELECT kind, id, steps FROM histories ORDER BY seq"):
            steps = array("I")
            steps.frombytes(data)
            if steps[-1] >= self.count:
                steps = steps[: bisect_left(steps, self.count)]
                if not steps:
                    continue
            history = StoredHistory(steps, _Reader(rows, kind, id_))
            if kind == ENTRIES:
                self._rows_at[id_] = history  # type: ignore[assignment]  # nothing is added to it
            else:
                self._parts_at[kind, id_] = history  # type: ignore[assignment]  # nothing is added to it

    def _read_outputs(self) -> None:
        sql = "SELECT seq, step, type, id, mark, of, follows FROM outputs WHERE step < ? ORDER BY seq"
        for seq, step, name, id_, mark, of, follows in self._file.execute(sql, (self.count,)).fetchall():
            head = Heading(OUTPUTS[name], id_, mark, of, tuple(filter(None, follows.split(SEPARATOR))))
            self._list(StoredOutput(self._file, seq, step, head.kind), head)

    # Records

    def _record(self, offset: int, place: int) -> LogRecord:
        found = self._records.get(offset)
        if found is None:
            found = self._records[offset] = self._log.record(offset, place)
        return found

    def _select(self, where: str, *values: object) -> list[LogRecord]:
        sql = f"SELECT log_offset, place FROM records WHERE log_offset < ? AND {where} ORDER BY log_offset"
        return [self._record(*row) for row in self._file.execute(sql, (self._until, *values)).fetchall()]

    def record_at(self, log_offset: int) -> LogRecord | None:
        return self._records.get(log_offset) or next(iter(self._select("log_offset = ?", log_offset)), None)

    def _kept_record(self, log_offset: int) -> LogRecord:
        found = self.record_at(log_offset)
        if found is None:
            raise Damaged(f"record {log_offset} is not kept")
        return found

    def records_of(self, *types: type) -> list[LogRecord]:
        names = [of.__name__ for of in types]
        return self._select(f"type IN ({', '.join('?' * len(names))})", *names)

    def facts(self, key: tuple[str, str, str, int]) -> list[LogRecord]:
        return self._select("type = ? AND kind = ? AND id = ? AND version = ?", *key)

    def ref_with(self, event_id: str) -> EventRef | None:
        """A question that asks for very many reads all together."""
        self._refs_asked += 1
        if self._refs_asked >= READ_ALL_FROM:
            return self._all_refs.get(event_id)
        sql = f"{_REFS} WHERE event_id = ? AND log_offset < ? ORDER BY log_offset LIMIT 1"
        row = self._file.execute(sql, (event_id, self._until)).fetchone()
        return EventRef(*row) if row is not None else None

    @cached_property
    def _all_refs(self) -> dict[str, EventRef]:
        """The first of each event."""
        found = map(
            EventRef._make, self._file.execute(f"{_REFS} WHERE log_offset < ? ORDER BY log_offset DESC", (self._until,))
        )
        return {ref.event_id: ref for ref in found}

    def records_with(self, event_id: str) -> list[LogRecord]:
        return self._select("event_id = ?", event_id)

    # Steps

    def offset_of(self, step: int) -> int:
        return self._offsets[step]

    def step_before(self, log_offset: int) -> int:
        after: int = bisect_right(self._offsets, log_offset, 0, self.count)
        return after - 1

    def read_step(self, number: int) -> TraceStep:
        sql = "SELECT log_offset, recorded_at, book FROM steps WHERE step = ?"
        offset, recorded_at, book = self._file.execute(sql, (number,)).fetchone()
        record = self._kept_record(offset)
        return TraceStep(number, record, cause_of(record.event, recorded_at, offset), self._book(book))

    def _book(self, number: int) -> ReferenceBook:
        made = self._reference
        if number >= len(made):
            sql = "SELECT log_offset FROM books WHERE book >= ? AND book <= ? ORDER BY book"
            for (offset,) in self._file.execute(sql, (len(made), number)).fetchall():
                made.append(apply_reference(made[-1], self._kept_record(offset).event))
        return made[number]

    def open_at(self, contract_id: str, line_id: str, since: str, until: str, step: int) -> list[Entry]:
        line = contract_id, line_id
        if line not in self._lines_known:
            self._lines_known.add(line)
            history: dict[tuple[str, str], list[tuple[int, bool]]] = {}
            sql = "SELECT day, id, step, is_open FROM opened WHERE line = ? AND step < ? ORDER BY day, id, step"
            for day, id_, at, is_open in self._file.execute(sql, (SEPARATOR.join(line), self.count)):
                history.setdefault((day, id_), []).append((at, bool(is_open)))
            self._open_at[line], self._line_places[line] = history, list(history)
        return super().open_at(contract_id, line_id, since, until, step)

    def journal_at(self, journal_id: str, step: int) -> JournalStanding | None:
        sql = "SELECT data FROM kept WHERE kind = ? AND id = ? AND step <= ? ORDER BY step DESC LIMIT 1"
        row = self._file.execute(sql, (JOURNALS, journal_id, min(step, self.count - 1))).fetchone()
        return snapshot.decode_journal(journal_id, row[0]) if row is not None else None

    # Folding a step again

    def refolded(self, number: int) -> StepWhy:
        if number not in self._refolded:
            self._refolded[number] = self._refold(number)
        return self._refolded[number]

    def _refold(self, number: int) -> StepWhy:
        sql = "SELECT turn, book, woken, is_folded, entries, parts FROM steps WHERE step = ?"
        turn, book, woken, is_folded, *counts = self._file.execute(sql, (number,)).fetchone()
        if not is_folded:
            raise Damaged(f"step {number} is none of a rule")
        step, parts = self.step(number), self._books_before(number)
        why = StepWhy(self.recorded, number, turn)
        entries, plans = EntriesAt(self, number - 1), self._plans(book, parts)
        if woken is None:
            change = apply(
                self.engagement_id,
                parts,
                step.record.event,
                step.reference,
                entries,
                step.cause,
                plans,
                step.record.own,
                why,
            )
        else:
            names = woken.split(SEPARATOR) if woken else []
            change = wake(self.engagement_id, parts, names, step.reference, entries, step.cause, plans, why)
        why.done()
        # Not one fewer either: each is as it is kept, and there are as many.
        if [len(change.rows), len(change.parts)] != counts or not self._is_as_kept(number, change):
            raise Damaged(f"step {number} folded again leaves other books")
        return why

    def _is_as_kept(self, number: int, change: Draft) -> bool:
        """Of parts only which they are."""
        rows = change.rows.items()
        return all(self._left(ENTRIES, id_, number) == (snapshot.encode(entry),) for id_, entry in rows) and all(
            self._left(*key, number) is not None for key in change.parts
        )

    def _left(self, kind: str, id_: str, step: int) -> tuple[bytes | None] | None:
        """None where the step did not change it."""
        sql = "SELECT data FROM kept WHERE kind = ? AND id = ? AND step = ?"
        found: tuple[bytes | None] | None = self._file.execute(sql, (kind, id_, step)).fetchone()
        return found

    def _books_before(self, number: int) -> Parts:
        """Some parts change where they stand, so that each step has its own; terms in force are one object as long as they stand."""
        found = self.parts_at(number - 1)
        for key, part in found.items():
            found[key] = apart(part)
        found.agreed = self._agreed(number)
        return found

    def _agreed(self, number: int) -> object:
        terms = (
            history for (kind, id_), history in self._parts_at.items() if kind == "contract" or (kind, id_) == CONTRACTS
        )
        since = max((one.last(number - 1) for one in terms if isinstance(one, StoredHistory)), default=-1)
        return self._terms.setdefault(since, object())

    def _plans(self, book: int, parts: Parts) -> Plans:
        key = book, parts.agreed
        if key not in self._plans_of:
            plans = self._plans_of[key] = nothing_known()
            plans.own.go_by(self._book(book))
        return self._plans_of[key]


class LaterTrace(Trace):
    """What came after all that is kept, folded over it and numbered with it: to be kept in its turn, and read with the rest then."""

    def __init__(self, before: StoredTrace) -> None:
        super().__init__(before.engagement_id, GENERATION, 0)
        self._before = before
        turn, books = before.ended()
        self.db.deserialize(books)
        self._take_rows(before)
        self.meta = self._read_meta(GENERATION, 0)
        self._awaited.update(self.db.execute("SELECT kind, key FROM waits"))
        self.why = LaterWhy(before.recorded, before.count, turn)
        self.books = before.all_books()
        self.first = before.count
        # What says of a statement which of its revisions stands; and all projects with forecasts.
        self.statements, self.drafts = before.statements, before.drafts
        self.former, self.superseded = before.former, before.superseded
        self.forecasts = before.forecasts

    def _take_rows(self, before: StoredTrace) -> None:
        """In tables of their own: the books that are kept are without."""
        self.db.executescript(_ROWS)
        [no] = self.db.execute("SELECT no FROM engagements WHERE id = ?", (self.engagement_id,)).fetchone() or (0,)
        for kind, table in ((ENTRIES, "entries"), (JOURNALS, "journals")):
            rows = ((no, *row) for row in before.last_left(kind))
            self.db.executemany(f"INSERT INTO temp.{table} VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        before = self._before
        super().close()
        before.close()


class StoredSteps(Sequence[TraceStep]):
    """Each read when it is asked for, once."""

    def __init__(self, trace: StoredTrace) -> None:
        self._trace = trace
        self._known: dict[int, TraceStep] = {}

    def __len__(self) -> int:
        return self._trace.count

    @overload
    def __getitem__(self, number: int) -> TraceStep: ...
    @overload
    def __getitem__(self, number: slice) -> list[TraceStep]: ...
    def __getitem__(self, number: int | slice) -> TraceStep | list[TraceStep]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        number %= len(self)
        if number not in self._known:
            self._known[number] = self._trace.read_step(number)
        return self._known[number]


class StoredOutput:
    """An output, read when it is asked for, once."""

    __slots__ = ("_file", "_kind", "_record", "_seq", "step")

    def __init__(self, file: sqlite3.Connection, seq: int, step: int, kind: type) -> None:
        self._file, self._seq, self._kind = file, seq, kind
        self.step = step
        self._record: object = None

    @property
    def record(self) -> object:
        if self._record is None:
            data = self._file.execute("SELECT data FROM outputs WHERE seq = ?", (self._seq,)).fetchone()[0]
            self._record = snapshot._decode(_decoder(self._kind), data)
        return self._record


@cache
def _decoder(kind: type) -> msgspec.msgpack.Decoder[object]:
    return msgspec.msgpack.Decoder(kind)


class _Rows:
    """What is kept, by kind, id and step; a question that reads very many entries walks them all, and they are read together."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        self._reads = 0
        self._entries: dict[tuple[str, int], bytes] = {}

    def read(self, kind: str, id_: str, step: int) -> bytes | None:
        if kind == ENTRIES:
            self._reads += 1
            if self._reads == READ_ALL_FROM:
                rows = self._file.execute("SELECT id, step, data FROM kept WHERE kind = ?", (ENTRIES,))
                self._entries = {(of, at): data for of, at, data in rows}
            if (known := self._entries.get((id_, step))) is not None:
                return known
        sql = "SELECT data FROM kept WHERE kind = ? AND id = ? AND step = ?"
        row = self._file.execute(sql, (kind, id_, step)).fetchone()
        if row is None:
            raise Damaged(f"step {step} is to have changed {kind} {id_}")
        found: bytes | None = row[0]
        return found


class _Reader:
    """What a step left of something."""

    __slots__ = ("_id", "_kind", "_rows")

    def __init__(self, rows: _Rows, kind: str, id_: str) -> None:
        self._rows, self._kind, self._id = rows, kind, id_

    def __call__(self, step: int) -> object:
        data = self._rows.read(self._kind, self._id, step)
        if data is None:
            return None
        if self._kind == ENTRIES:
            return snapshot.decode_entry(data)
        return snapshot.decode_part(self._kind, self._id, data)
