"""There is a word for every entry: tables keep those that were written lately, and look the others up."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from connectors.files import glance_index
from connectors.files.glance_index import TABLES, GlanceTables
from connectors.files.glance_rows import GlanceRows

BATCHES, ENTRIES, AT_HAND = 20, 50, 80


def worked(first: int) -> GlanceRows:
    """Entries of two versions, of which another batch writes the second."""
    rows = GlanceRows()
    rows.worked += [
        (f"time_entry/T-{number}", 1 + (number < first), number, f"R-{number % 7}", "P-1", 0, 60, 60, "L-1", "")
        for number in range(max(0, first - ENTRIES), first + ENTRIES)
    ]
    return rows


def test_words_are_numbered_once_and_not_all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glance_index, "WORDS_AT_HAND", AT_HAND)
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(TABLES)
        tables = GlanceTables(db)
        for batch in range(BATCHES):
            tables.write(worked(batch * ENTRIES))
            assert len(tables._numbers) <= AT_HAND + 2 * ENTRIES + 10
        assert db.execute("SELECT count(*), max(no) FROM words").fetchone() == (1_010, 1_010)
        found = db.execute("SELECT w.text, version FROM worked JOIN words w ON w.no = row").fetchall()
        assert sorted(found) == sorted(
            (f"time_entry/T-{number}", version)
            for number in range(BATCHES * ENTRIES)
            for version in ((1, 2) if number < (BATCHES - 1) * ENTRIES else (1,))
        )


def test_words_of_a_write_that_was_taken_back_are_given_again() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.executescript(TABLES)
        tables = GlanceTables(db)
        tables.write(worked(0))
        db.execute("BEGIN")
        tables.write(worked(ENTRIES))
        tables.forget()
        db.execute("ROLLBACK")
        db.executemany("INSERT INTO words(text) VALUES (?)", [(f"other {number}",) for number in range(ENTRIES)])
        tables.write(worked(ENTRIES))
        (lost,) = db.execute("SELECT count(*) FROM worked WHERE row NOT IN (SELECT no FROM words)").fetchone()
        assert lost == 0
        assert db.execute("SELECT count(*) FROM words WHERE text = 'time_entry/T-99'").fetchone() == (1,)
