"""Where the rows of an import wait until all are read: a temporary database, so that millions need little memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from connectors.imports.rejections import RejectedRow, rejected_json
from connectors.imports.time_rows import WorkedTime
from connectors.imports.written import WrittenEvent


class Earlier(NamedTuple):
    """An entry that came before under the same id and version."""

    line: int
    same_content: bool


class Staging:
    """Lives as long as the `with` block; the database is a nameless file that the system removes."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None)

    def __enter__(self) -> Self:
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("BEGIN")
        self._rows.execute(
            "CREATE TABLE staged (entry_id TEXT, version INTEGER, occurred_at INTEGER, day TEXT, line INTEGER,"
            " event BLOB, PRIMARY KEY (entry_id, version)) WITHOUT ROWID"
        )
        self._rows.execute("CREATE TABLE contents (digest BLOB PRIMARY KEY, rows INTEGER) WITHOUT ROWID")
        self._rows.execute("CREATE TABLE rejected (line INTEGER, rejected BLOB)")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()

    def count_content(self, digest: bytes) -> int:
        """How many rows of this content there are so far, this one included."""
        found = self._rows.execute(
            "INSERT INTO contents VALUES (?, 1) ON CONFLICT DO UPDATE SET rows = rows + 1 RETURNING rows", (digest,)
        ).fetchone()
        return int(found[0])

    def add(self, work: WorkedTime, line: int) -> Earlier | None:
        """None where it was taken in; else the entry that stands there already."""
        event = orjson.dumps(work.event)
        taken = self._rows.execute(
            "INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (work.entry_id, work.version, work.occurred_at, work.day.isoformat(), line, event),
        )
        if taken.rowcount:
            return None
        first_line, first_event = self._rows.execute(
            "SELECT line, event FROM staged WHERE entry_id = ? AND version = ?", (work.entry_id, work.version)
        ).fetchone()
        return Earlier(first_line, first_event == event)

    def in_order(self) -> Iterator[WrittenEvent]:
        """By when it was known, then by the day of the work, then as in the file."""
        rows = self._rows.execute("SELECT occurred_at, line, event FROM staged ORDER BY occurred_at, day, line")
        for occurred_at, line, event in rows:
            yield WrittenEvent(occurred_at, line, orjson.loads(event))

    def reject(self, rejected: RejectedRow) -> None:
        self._rows.execute("INSERT INTO rejected VALUES (?, ?)", (rejected.line, orjson.dumps(rejected_json(rejected))))

    def rejected(self) -> Iterator[dict[str, object]]:
        """In the file's order."""
        for (rejected,) in self._rows.execute("SELECT rejected FROM rejected ORDER BY line, rowid"):
            yield orjson.loads(rejected)
