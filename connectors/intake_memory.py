"""Intake's memory in SQLite, the same for files and for Kafka; nothing counts before its transaction is committed.

Lookups for the event at hand go through tables in memory, bounded; time entries, of which there are millions, are
looked up for a batch at once (`expect`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

from connectors.event_bodies import WRITERS, read_event
from connectors.files.writing import unwritable
from domain.events.reference import IdentityLinked
from domain.exceptions import ExceptionCategory
from state.guards import GuardStop
from state.intake.clock import Clock, running
from state.intake.directory import Key, Link
from state.intake.identities import Links
from state.intake.intake import Noticed, WaitingEvent
from state.store.store import is_damage

CACHED_MAX: Final = 20_000
# SQLite takes up to 32,766 values in a question.
ASKED_MAX: Final = 5_000
CACHE_KIBIBYTES: Final = 64 * 1024
ENTRIES: Final = "time_entry"
NOTHING: Final[tuple[str, ...]] = ()

TABLES: Final = """\
CREATE TABLE links (kind TEXT, id TEXT, engagement TEXT, PRIMARY KEY (kind, id, engagement)) WITHOUT ROWID;
CREATE TABLE entries (id TEXT PRIMARY KEY, engagement TEXT) WITHOUT ROWID;
CREATE TABLE history (kind TEXT, id TEXT, position INTEGER, PRIMARY KEY (kind, id, position)) WITHOUT ROWID;
CREATE TABLE waiting (number INTEGER PRIMARY KEY, type TEXT, schema INTEGER, body BLOB, place TEXT, kind TEXT, id TEXT);
CREATE INDEX waiting_by_subject ON waiting (kind, id);
CREATE TABLE waits (kind TEXT, id TEXT, number INTEGER, PRIMARY KEY (kind, id, number)) WITHOUT ROWID;
CREATE INDEX waits_by_number ON waits (number);
CREATE TABLE notices (category TEXT, kind TEXT, id TEXT, engagement TEXT, told INTEGER,
    PRIMARY KEY (category, kind, id)) WITHOUT ROWID;
CREATE TABLE identities (source TEXT, kind TEXT, id TEXT, canonical TEXT, version INTEGER,
    PRIMARY KEY (source, kind, id)) WITHOUT ROWID;
CREATE TABLE days (zone TEXT PRIMARY KEY, date TEXT) WITHOUT ROWID;
"""


class IntakeMemory:
    """Intake's `Memory`. Who keeps more says so with `tables`, which hold those of this module and a `version`."""

    tables = TABLES
    version = 1
    # How sure a commit is to survive a power cut, as SQLite calls it.
    synchronous = "FULL"

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.storing():
            self._rows = sqlite3.connect(path, isolation_level=None)
            self._rows.execute("PRAGMA journal_mode = WAL")
            self._rows.execute(f"PRAGMA synchronous = {self.synchronous}")
            self._rows.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
            self._create()
            self._rows.execute("BEGIN IMMEDIATE")
        self._links: dict[Key, tuple[str, ...]] = {}
        self._entries: dict[str, tuple[str, ...]] = {}
        self._new_links: list[Link] = []
        self._new_entries: list[tuple[str, str]] = []
        self.recall()

    def close(self) -> None:
        """What was not committed is forgotten."""
        self._rows.close()

    def lost(self, how: str) -> GuardStop:
        """What is said when the file cannot be used."""
        raise NotImplementedError

    def recall(self) -> None:
        """Looks again at what is kept at hand of the file."""
        self._links.clear()
        self._entries.clear()
        # Keys for which something waits, and some for which nothing does any more.
        self._waited: set[Key] = set(self._ask("SELECT DISTINCT kind, id FROM waits"))
        self._noticed = self._read_notices()
        self._awaiting = self._read_awaiting()
        self._recounted = {subject for _, subject in self._noticed}
        self._identities = self._read_identities()

    def clock(self) -> Clock:
        rows = self._ask("SELECT zone, date FROM days")
        return Clock(tuple(sorted(running(zone, date.fromisoformat(day)) for zone, day in rows)))

    def keep_clock(self, clock: Clock) -> None:
        """The days that run."""
        self._rows.execute("DELETE FROM days")
        days = [(day.zone, day.date.isoformat()) for day in clock.days]
        self._rows.executemany("INSERT INTO days VALUES (?, ?)", days)

    # Directory

    def expect(self, entry_ids: list[str]) -> None:
        """Looks up the time entries of the events to come, and writes down those of the events before."""
        with self.storing():
            self._flush()
            self._entries = dict.fromkeys(entry_ids, NOTHING)
            known = tuple(self._entries)
            for begin in range(0, len(known), ASKED_MAX):
                asked = known[begin : begin + ASKED_MAX]
                statement = f"SELECT * FROM entries WHERE id IN ({','.join('?' * len(asked))})"  # noqa: S608 - only question marks
                found = self._rows.execute(statement, asked)
                self._entries.update((entry_id, (engagement_id,)) for entry_id, engagement_id in found)

    def engagements(self, kind: str, key: str) -> tuple[str, ...]:
        if kind == ENTRIES:
            known = self._entries.get(key)
            return self._find_entry(key) if known is None else known
        known = self._links.get((kind, key))
        return self._find(kind, key) if known is None else known

    def ids(self, kind: str, most: int) -> frozenset[str]:
        """Those that are known of a kind; none where there are more than that."""
        found = self._ask("SELECT DISTINCT id FROM links WHERE kind = ? LIMIT ?", (kind, most + 1))
        return frozenset(id_ for (id_,) in found) if len(found) <= most else frozenset()

    def add_links(self, links: tuple[Link, ...]) -> None:
        for link in links:
            kind, key, engagement_id = link
            if kind == ENTRIES:
                self._entries[key] = (engagement_id,)
                self._new_entries.append((key, engagement_id))
                if len(self._new_entries) > CACHED_MAX:
                    self._flush()
                    self._entries.clear()
            else:
                known = self.engagements(kind, key)
                self._links[kind, key] = tuple(sorted({*known, engagement_id}))
                self._new_links.append(link)

    def history(self, key: Key) -> list[int]:
        rows = self._ask("SELECT position FROM history WHERE kind = ? AND id = ? ORDER BY position", key)
        return [position for (position,) in rows]

    def remember(self, key: Key, position: int) -> None:
        self._run("INSERT OR IGNORE INTO history VALUES (?, ?, ?)", (*key, position))

    # Waiting

    def wait(self, waiting: WaitingEvent, keys: tuple[Key, ...]) -> int:
        """The number that it gets."""
        type_name, schema, encode = WRITERS[type(waiting.event)]
        row = (type_name, schema, encode(waiting.event), waiting.place, *waiting.subject)
        with self.storing():
            number = self._rows.execute(
                "INSERT INTO waiting (type, schema, body, place, kind, id) VALUES (?, ?, ?, ?, ?, ?)", row
            ).lastrowid
        assert number is not None, "an inserted row has a number"
        self._wait_for(number, keys)
        self._count(waiting.subject, 1)
        return number

    def waiting_for(self, key: Key) -> list[int]:
        if key not in self._waited:
            return []
        rows = self._ask("SELECT number FROM waits WHERE kind = ? AND id = ? ORDER BY number", key)
        if not rows:
            self._waited.discard(key)
        return [number for (number,) in rows]

    def waiting(self, number: int) -> WaitingEvent:
        statement = "SELECT type, schema, body, place, kind, id FROM waiting WHERE number = ?"
        type_name, schema, body, place, kind, key = self._ask(statement, (number,))[0]
        return WaitingEvent(read_event(type_name, schema, body), place, (kind, key))

    def wait_for_others(self, number: int, subject: Key, keys: tuple[Key, ...]) -> None:
        self._count(self._subject(number), -1)
        self._run("UPDATE waiting SET kind = ?, id = ? WHERE number = ?", (*subject, number))
        self._count(subject, 1)
        self._wait_for(number, keys)

    def _wait_for(self, number: int, keys: tuple[Key, ...]) -> None:
        with self.storing():
            self._rows.execute("DELETE FROM waits WHERE number = ?", (number,))
            self._rows.executemany("INSERT OR IGNORE INTO waits VALUES (?, ?, ?)", [(*key, number) for key in keys])
        self._waited.update(keys)

    def release(self, number: int) -> None:
        self._count(self._subject(number), -1)
        self._run("DELETE FROM waits WHERE number = ?", (number,))
        self._run("DELETE FROM waiting WHERE number = ?", (number,))

    @property
    def awaiting_all(self) -> int:
        return sum(self._awaiting.values())

    def awaiting(self, subject: Key) -> int:
        return self._awaiting.get(subject, 0)

    def first_awaiting(self, subject: Key) -> WaitingEvent | None:
        rows = self._ask("SELECT number FROM waiting WHERE kind = ? AND id = ? ORDER BY number LIMIT 1", subject)
        return self.waiting(rows[0][0]) if rows else None

    def miscounted(self) -> list[tuple[Noticed, int]]:
        found = []
        for subject in sorted(self._recounted):
            noticed, count = self._noticed.get(("unrouted", subject)), self.awaiting(subject)
            if noticed is not None and noticed.published_count != count:
                found.append((noticed, count))
        self._recounted.clear()
        return found

    def _subject(self, number: int) -> Key:
        ((kind, key),) = self._ask("SELECT kind, id FROM waiting WHERE number = ?", (number,))
        return kind, key

    def _count(self, subject: Key, more: int) -> None:
        left = self._awaiting.pop(subject, 0) + more
        if left:
            self._awaiting[subject] = left
        self._recounted.add(subject)

    def waiting_count(self) -> int:
        return int(self._ask("SELECT count(*) FROM waiting")[0][0])

    def first_waiting(self, count: int) -> list[WaitingEvent]:
        """In the order in which they came."""
        rows = self._ask("SELECT number FROM waiting ORDER BY number LIMIT ?", (count,))
        return [self.waiting(number) for (number,) in rows]

    # Notices

    def noticed(self, category: ExceptionCategory, subject: Key) -> Noticed | None:
        return self._noticed.get((category, subject))

    def open_notice(self, noticed: Noticed) -> None:
        self._noticed[noticed.category, noticed.subject] = noticed
        row = (noticed.category, *noticed.subject, noticed.engagement_id, noticed.published_count)
        self._run("REPLACE INTO notices VALUES (?, ?, ?, ?, ?)", row)

    def close_notice(self, noticed: Noticed) -> None:
        del self._noticed[noticed.category, noticed.subject]
        self._run(
            "DELETE FROM notices WHERE category = ? AND kind = ? AND id = ?", (noticed.category, *noticed.subject)
        )

    # Identities

    def identities(self, source: str) -> Links | None:
        return self._identities.get(source)

    def link_identity(self, event: IdentityLinked) -> bool:
        key = (event.source, event.kind, event.source_id)
        known = self._ask("SELECT version FROM identities WHERE source = ? AND kind = ? AND id = ?", key)
        if known and known[0][0] >= event.version:
            return False
        self._run("REPLACE INTO identities VALUES (?, ?, ?, ?, ?)", (*key, event.canonical_id, event.version))
        self._identities.setdefault(event.source, {})[event.kind, event.source_id] = event.canonical_id
        return True

    def _ask(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self.storing():
            return self._rows.execute(statement, values).fetchall()

    def _run(self, statement: str, values: tuple[Any, ...]) -> None:
        with self.storing():
            self._rows.execute(statement, values)

    def _find(self, kind: str, key: str) -> tuple[str, ...]:
        if len(self._links) > CACHED_MAX:
            self._flush()
            self._links.clear()
        statement = "SELECT engagement FROM links WHERE kind = ? AND id = ? ORDER BY engagement"
        rows = self._ask(statement, (kind, key))
        found = self._links[kind, key] = tuple(engagement for (engagement,) in rows)
        return found

    def _find_entry(self, key: str) -> tuple[str, ...]:
        rows = self._ask("SELECT engagement FROM entries WHERE id = ?", (key,))
        found = self._entries[key] = rows[0] if rows else NOTHING
        return found

    def _flush(self) -> None:
        self._rows.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?)", self._new_entries)
        self._rows.executemany("INSERT OR IGNORE INTO links VALUES (?, ?, ?)", self._new_links)
        self._new_entries, self._new_links = [], []

    def _create(self) -> None:
        ((version,),) = self._ask("PRAGMA user_version")
        if not self._ask("SELECT 1 FROM sqlite_master LIMIT 1"):
            self._rows.executescript(f"BEGIN; {self.tables} PRAGMA user_version = {self.version}; COMMIT;")
        elif version != self.version:
            raise self.lost(f"written by another release (form {version}, expected {self.version})")

    def _read_notices(self) -> dict[tuple[str, Key], Noticed]:
        rows = self._ask("SELECT category, kind, id, engagement, told FROM notices")
        return {(row[0], row[1:3]): Noticed(row[0], row[1:3], *row[3:]) for row in rows}

    def _read_awaiting(self) -> dict[Key, int]:
        rows = self._ask("SELECT kind, id, count(*) FROM waiting GROUP BY kind, id")
        return {(kind, key): count for kind, key, count in rows}

    def _read_identities(self) -> dict[str, dict[Key, str]]:
        found: dict[str, dict[Key, str]] = {}
        for source, kind, key, canonical_id in self._ask("SELECT source, kind, id, canonical FROM identities"):
            found.setdefault(source, {})[kind, key] = canonical_id
        return found

    @contextmanager
    def storing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as fault:
            if isinstance(fault, sqlite3.OperationalError) and not is_damage(fault):
                raise unwritable(self.path, str(fault)) from fault
            raise self.lost(f"damaged ({fault})") from fault
