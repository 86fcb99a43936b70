"""Writes a trace (`state/trace.py`) to a file, or what came since to one that is there; `state/stored_trace.py` reads it."""

from __future__ import annotations

import sqlite3
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Final

from state.batch import LogRecord
from state.books import JournalStanding
from state.store import snapshot
from state.store.store import SEPARATOR
from state.stored_why import AFTER_ALL, StoredAddends
from state.trace import Retold, Trace, event_ref, fact_key, heading

# Of the file; with the code that wrote it, for another release may record other figures.
FORM: Final = 7
ENTRIES, JOURNALS = "/entries", "/journals"

_TABLES: Final = """
CREATE TABLE steps(step INTEGER PRIMARY KEY, log_offset INTEGER, recorded_at INTEGER, turn INTEGER, book INTEGER, woken TEXT,
    is_folded INTEGER, entries INTEGER, parts INTEGER);
CREATE TABLE books(book INTEGER PRIMARY KEY, log_offset INTEGER);
CREATE TABLE records(log_offset INTEGER PRIMARY KEY, place INTEGER, type TEXT, kind TEXT, id TEXT, version INTEGER, event_id TEXT,
    subject TEXT, occurred_at INTEGER, recorded_at INTEGER, source TEXT, approved_by TEXT, requested_by TEXT);
CREATE TABLE histories(seq INTEGER PRIMARY KEY, kind TEXT, id TEXT, steps BLOB, UNIQUE(kind, id));
CREATE TABLE kept(kind TEXT, id TEXT, step INTEGER, data BLOB, PRIMARY KEY(kind, id, step)) WITHOUT ROWID;
CREATE TABLE listed(seq INTEGER PRIMARY KEY, step INTEGER, id TEXT, data BLOB);
CREATE TABLE outputs(seq INTEGER PRIMARY KEY, step INTEGER, type TEXT, id TEXT, mark TEXT, of TEXT, follows TEXT, data BLOB);
CREATE TABLE opened(line TEXT, day TEXT, id TEXT, step INTEGER, is_open INTEGER, PRIMARY KEY(line, day, id, step)) WITHOUT ROWID;
CREATE TABLE parked(id TEXT, step INTEGER, log_offset INTEGER, PRIMARY KEY(id, step)) WITHOUT ROWID;
CREATE TABLE figures(address TEXT, step INTEGER, PRIMARY KEY(address, step)) WITHOUT ROWID;
CREATE TABLE nodes(address TEXT, step INTEGER, data BLOB, PRIMARY KEY(address, step)) WITHOUT ROWID;
CREATE TABLE sums(address TEXT, step INTEGER, PRIMARY KEY(address, step)) WITHOUT ROWID;
CREATE TABLE placed(address TEXT, seq INTEGER, of TEXT, step INTEGER, turn INTEGER, place INTEGER, parts INTEGER, data BLOB,
    PRIMARY KEY(address, of, seq)) WITHOUT ROWID;
CREATE TABLE marks(of TEXT, step INTEGER, PRIMARY KEY(of, step)) WITHOUT ROWID;
CREATE TABLE held(of TEXT, since INTEGER, until INTEGER, PRIMARY KEY(of, since)) WITHOUT ROWID;
CREATE TABLE ended(id INTEGER PRIMARY KEY CHECK(id = 1), turn INTEGER, books BLOB, stamp INTEGER);
"""
_INDEXES: Final = """
CREATE INDEX records_of ON records(type, kind, id, version);
CREATE INDEX records_with ON records(event_id);
"""


# Addresses and steps of the figures that are kept, encoded; of how many rows each step changes.
KeptFigures = Callable[[Trace, Mapping[int, int]], Iterator[tuple[str, int, bytes]]]


def keep(fold: Retold, places: Mapping[int, int], path: Path, figures: KeptFigures, stamp: int = 0) -> None:
    """Write what was folded, or more of a file whose steps it went on from; `places` are where in the log its records begin.
    By its stamp a file is known that is opened. Raises NotStorable."""
    fold.settle()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA page_size=8192;")
        is_new = db.execute("SELECT 1 FROM sqlite_master").fetchone() is None
        if is_new:
            db.executescript(_TABLES)
        db.execute("BEGIN")
        for table, rows in _rows(fold.trace, places, db, figures, stamp):
            first = next(rows, None)
            if first is not None:
                marks = ", ".join("?" * len(first))
                db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", chain((first,), rows))
        db.execute("COMMIT")
        if is_new:
            db.executescript(_INDEXES)


def checksum_of(path: Path, length: int | None = None) -> int:
    """Of the file's bytes, or the first of them."""
    found, left = 0, path.stat().st_size if length is None else length
    with path.open("rb") as file:
        while left and (data := file.read(min(left, 1 << 22))):
            found, left = zlib.crc32(data, found), left - len(data)
    return found if not left else -1


def _rows(
    trace: Trace, places: Mapping[int, int], db: sqlite3.Connection, figures: KeptFigures, stamp: int
) -> Iterator[tuple[str, Iterator[tuple[object, ...]]]]:
    of_entries, of_parts = list(trace.entry_histories()), list(trace.part_histories())
    entries, parts = (Counter(step for _, history in of for step, _ in history) for of in (of_entries, of_parts))
    yield (
        "steps",
        (
            (
                step.number,
                step.record.offset,
                step.cause.recorded_at,
                run.turn,
                run.book,
                SEPARATOR.join(run.woken) if run.woken is not None else None,
                run.is_folded,
                entries[step.number],
                parts[step.number],
            )
            for step, run in zip(trace.steps, trace.runs, strict=True)
        ),
    )
    yield "books", iter(enumerate(trace.books, 1))
    yield (
        "records",
        ((one.offset, places[one.offset], *fact_key(one.event), *_reference(one)) for one in trace.events),
    )
    histories: list[tuple[str, str, Sequence[tuple[int, object]]]] = [
        *((ENTRIES, id_, history) for id_, history in of_entries),
        *((JOURNALS, id_, history) for id_, history in trace.journal_histories()),
        *((kind, id_, history) for (kind, id_), history in of_parts),
    ]
    yield "histories", _histories(histories, db)
    yield (
        "kept",
        ((kind, id_, step, _encoded(kind, id_, left)) for kind, id_, history in histories for step, left in history),
    )
    listed = enumerate(trace.listed, _next(db, "listed"))
    yield "listed", ((seq, step, id_, snapshot.encode(of, id_)) for seq, (step, id_, of) in listed)
    said = enumerate(trace.said, _next(db, "outputs"))
    yield "outputs", ((seq, one.step, *_output(one.record)) for seq, one in said)
    yield "opened", trace.openings()
    yield "parked", trace.parkings()
    yield "figures", trace.why.addresses()
    yield "nodes", figures(trace, entries)
    yield "sums", trace.why.sums()
    yield "placed", _placed(trace, _next(db, "placed"))
    yield "marks", ((of, step) for of, steps in trace.why.marked_at.items() for step in steps)
    since = ((of, step, AFTER_ALL) for of, step in trace.why.held_since.items())
    yield "held", chain(iter(trace.why.held_until), since)
    yield "ended", iter([(1, trace.why.turn, trace.db.serialize(), stamp)])


def _next(db: sqlite3.Connection, table: str) -> int:
    found: int = db.execute(f"SELECT coalesce(max(seq) + 1, 0) FROM {table}").fetchone()[0]
    return found


def _histories(
    histories: Iterable[tuple[str, str, Sequence[tuple[int, object]]]], db: sqlite3.Connection
) -> Iterator[tuple[object, ...]]:
    """With the steps that are kept before; journals are found without."""
    for kind, id_, one in histories:
        if kind != JOURNALS:
            kept = db.execute("SELECT seq, steps FROM histories WHERE kind = ? AND id = ?", (kind, id_)).fetchone()
            seq, before = kept or (None, b"")
            yield seq, kind, id_, before + array("I", [step for step, _ in one]).tobytes()


def _reference(record: LogRecord) -> tuple[object, ...]:
    ref = event_ref(record.offset, record.event)
    return ref.event_id, ref.id, *ref[6:]


def _encoded(kind: str, id_: str, left: object) -> bytes | None:
    if left is None:
        return None
    if kind == ENTRIES:
        return snapshot.encode(left)
    if isinstance(left, JournalStanding) and kind == JOURNALS:
        return snapshot.encode_journal(left, id_)
    return snapshot.encode(left, snapshot.part_key(kind, id_))


def _output(record: object) -> tuple[object, ...]:
    head = heading(record)
    return head.kind.__name__, head.id, head.mark, head.of, SEPARATOR.join(head.follows), snapshot.encode(record)


def _placed(trace: Trace, start: int) -> Iterator[tuple[object, ...]]:
    """What is placed in several sums has one number, and one node."""
    seen: dict[tuple[str, str, int], int] = {}
    numbers: dict[object, int] = {}
    for seq, (address, one) in enumerate(trace.why.places(), start):
        key = address, one.of, one.step
        place = seen[key] = seen.get(key, -1) + 1
        values = dict(one.parts.values) if one.parts is not None else None
        parts = one.parts
        number = parts.number if isinstance(parts, StoredAddends) else numbers.setdefault(parts, seq)
        data = snapshot.packed((one.order, values))
        yield address, seq, one.of, one.step, one.turn, place, number, data
