"""Looks into a store that a run may be using: a few values, as of the last commit, and nothing is written.

The store is a cache: where it is not there, damaged or of another form, the answer is that nothing is known.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from state.books import Entry
from state.store import snapshot
from state.store.snapshot import Damaged


class StoreReader:
    """One shard's books."""

    def __init__(self, db: sqlite3.Connection | None) -> None:
        self._db = db

    @property
    def is_there(self) -> bool:
        return self._db is not None

    def entry(self, engagement_id: str, entry_id: str) -> Entry | None:
        row = self._row("SELECT e.data FROM entries e JOIN engagements USING (no)", engagement_id, "e.id = ?", entry_id)
        try:
            return snapshot.decode_entry(row) if row is not None else None
        except Damaged:
            return None

    def has_entry(self, entry_id: str) -> bool:
        """Of any engagement."""
        if self._db is None:
            return False
        try:
            return self._db.execute("SELECT 1 FROM entries WHERE id = ? LIMIT 1", (entry_id,)).fetchone() is not None
        except sqlite3.DatabaseError:
            return False

    def part(self, engagement_id: str, kind: str, part_id: str) -> Any:
        """One value of the engagement's books; kinds as in `state.books.PART_KINDS`."""
        tables = "SELECT p.data FROM parts p JOIN engagements USING (no)"
        row = self._row(tables, engagement_id, "p.kind = ? AND p.id = ?", kind, part_id)
        try:
            return snapshot.decode_part(kind, part_id, row) if row is not None else None
        except Damaged:
            return None

    def parts(self, engagement_id: str | None, kind: str) -> tuple[Any, ...]:
        """All of a kind, by id; None is of every engagement."""
        query = "SELECT p.id, p.data FROM parts p JOIN engagements USING (no) WHERE p.kind = ?"
        if engagement_id is None:
            rows = self._rows(f"{query} ORDER BY p.id", kind)
        else:
            rows = self._rows(f"{query} AND engagements.id = ? ORDER BY p.id", kind, engagement_id)
        try:
            return tuple(snapshot.decode_part(kind, part_id, data) for part_id, data in rows)
        except Damaged:
            return ()

    def parts_with_id(self, kind: str, part_id: str) -> tuple[Any, ...]:
        """One of each engagement that has it."""
        rows = self._rows("SELECT data FROM parts WHERE kind = ? AND id = ?", kind, part_id)
        try:
            return tuple(snapshot.decode_part(kind, part_id, data) for (data,) in rows)
        except Damaged:
            return ()

    def reference(self, type_name: str) -> tuple[bytes, ...]:
        """Reference data of a type, in the order in which it came, as it stands in the log."""
        rows = self._rows("SELECT body FROM reference WHERE type = ? ORDER BY seq", type_name)
        try:
            return tuple(snapshot.unseal(type_name, data) for (data,) in rows)
        except Damaged:
            return ()

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        if self._db is None:
            return []
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError:
            return []

    def _row(self, tables: str, engagement_id: str, condition: str, *values: str) -> bytes | None:
        if self._db is None:
            return None
        try:
            found = self._db.execute(
                f"{tables} WHERE engagements.id = ? AND {condition}", (engagement_id, *values)
            ).fetchone()
        except sqlite3.DatabaseError:
            return None
        data: bytes | None = found[0] if found is not None else None
        return data


@contextmanager
def reading_store(path: Path) -> Iterator[StoreReader]:
    if not path.exists():
        yield StoreReader(None)
        return
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        yield StoreReader(db)
