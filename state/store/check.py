"""Whether a store holds the books that the log gives: row by row beside a store that was made from the log again."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.audit.findings import STORE, Checked, Violation
from state.store.read_only import read_only
from state.store.snapshot import Damaged
from state.store.store import read_meta

# Of each table.
TOLD_MAX: Final = 1_000

Row = tuple[Any, ...]


class TableRows(NamedTuple):
    """How a table is read: key and what else stands in a row, in the order of the key; and what a row is about, by its key."""

    key: str
    rest: str
    about: str


_ENGAGEMENT: Final = "of engagement {engagement}"
# What tells most first: values, then the indexes over them.
TABLES: Final[Mapping[str, TableRows]] = {
    "entries": TableRows("no, id", "data", f"entry {{1}} {_ENGAGEMENT}"),
    "parts": TableRows("no, kind, id", "data", f"{{1}} {{2}} {_ENGAGEMENT}"),
    "journals": TableRows("no, id", "data", f"journal {{1}} {_ENGAGEMENT}"),
    "statements": TableRows("no, id", "data", f"entries of statement {{1}} {_ENGAGEMENT}"),
    "open_entries": TableRows("no, line, day, id", "person", f"entry {{3}} {_ENGAGEMENT}, open on {{1}} on {{2}}"),
    "parked": TableRows("no, id", "log_offset", f"entry {{1}} {_ENGAGEMENT}, parked"),
    "waits": TableRows("no, kind, key, name", "log_offset", f"{{3}} {_ENGAGEMENT}, which waits for {{1}} {{2}}"),
    "due": TableRows("no, zone, day", "'a row'", f"the end of {{2}} in {{1}} {_ENGAGEMENT}"),
    "engagements": TableRows("no", "id, checksum", "engagement {engagement}"),
    "changed": TableRows("no", "'a row'", f"views {_ENGAGEMENT}"),
    "reference": TableRows("seq", "type, body", "event {0} of the reference data"),
    "numbers": TableRows("id", "data", "the number of statement {0}"),
}


def same_store(path: Path, again: sqlite3.Connection, place: tuple[int, str], called: str) -> Checked | None:
    """`again` is one folded again up to `place` of the log; None where the store stands elsewhere, as after a crash, or is not there.
    `called`: where people find it, of which `path` may be a copy."""
    if not path.exists():
        return None
    try:
        with closing(read_only(path)) as db:
            if _place(db) != place:
                return None
            found = [
                each
                for name, table in TABLES.items()
                for each in islice(_differences(name, table, db, again), TOLD_MAX)
            ]
            count = sum(again.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES)
    except (sqlite3.DatabaseError, UnicodeDecodeError, Damaged) as fault:
        return Checked(STORE, 1, (_wrong(called, "a store that can be read to its end", str(fault)),))
    return Checked(STORE, count, tuple(found))


def _place(db: sqlite3.Connection) -> tuple[int, str]:
    row = db.execute("SELECT data FROM meta").fetchone()
    meta = read_meta(row[0] if row is not None else None)
    return meta.offset, meta.engagement


def _differences(name: str, table: TableRows, db: sqlite3.Connection, again: sqlite3.Connection) -> Iterator[Violation]:
    width = len(table.key.split(","))
    statement = f"SELECT {table.key}, {table.rest} FROM {name} ORDER BY {table.key}"
    there, wanted = iter(db.execute(statement)), iter(again.execute(statement))
    one, other = next(there, None), next(wanted, None)
    while one is not None or other is not None:
        if one == other:
            one, other = next(there, None), next(wanted, None)
            continue
        if other is None or (one is not None and one[:width] < other[:width]):
            assert one is not None, "one of the two goes on"
            yield _wrong(_about(table, one, again), "no such row", _shown(one[width:]))
            one = next(there, None)
        elif one is None or other[:width] < one[:width]:
            yield _wrong(_about(table, other, again), _shown(other[width:]), "no such row")
            other = next(wanted, None)
        else:
            yield _wrong(_about(table, other, again), _shown(other[width:]), _shown(one[width:]))
            one, other = next(there, None), next(wanted, None)


def _about(table: TableRows, row: Row, again: sqlite3.Connection) -> str:
    engagement = again.execute("SELECT id FROM engagements WHERE no = ?", row[:1]).fetchone()
    said = [str(value).replace("\x1f", "/") for value in row]
    return table.about.format(*said, engagement=engagement[0] if engagement is not None else "that nobody knows")


def _shown(values: Row) -> str:
    """Long values by their checksum; they are for programs."""
    return ", ".join(
        f"{len(value)} bytes, checksum {zlib.crc32(value):08x}" if isinstance(value, bytes) else f"{value}"
        for value in values
    )


def _wrong(subject: str, expected: str, found: str) -> Violation:
    return Violation(STORE, "", None, subject, expected, found)
