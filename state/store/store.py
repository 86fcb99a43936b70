"""The checkpoint store of one shard: a SQLite file, a cache of the log.

Deleting it loses nothing and doubles nothing; any older copy is a valid start. The fold reads and writes through one open transaction;
rows changed since it began are kept in dictionaries and written in bulk at commit. Who reads a range gets what is kept laid over what
is stored; an engagement that has changed very much is written first.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from state.books import Entry, JournalStanding, StatementEntry
from state.draft import PartKey, Parts, Transition
from state.store import snapshot
from state.store.page_sums import PAGE, PageSums
from state.store.snapshot import Damaged

SCHEMA = """
CREATE TABLE IF NOT EXISTS engagements(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, checksum INTEGER);
CREATE TABLE IF NOT EXISTS parts(no INTEGER, kind TEXT, id TEXT, data BLOB, PRIMARY KEY(no, kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries(no INTEGER, id TEXT, data BLOB, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open_entries(no INTEGER, line TEXT, day TEXT, id TEXT, PRIMARY KEY(no, line, day, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked(no INTEGER, log_offset INTEGER, id TEXT, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waits(
  kind TEXT, key TEXT, no INTEGER, name TEXT, log_offset INTEGER, PRIMARY KEY(kind, key, no, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due(zone TEXT, day TEXT, no INTEGER, PRIMARY KEY(zone, day, no)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journals(no INTEGER, id TEXT, data BLOB, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS statements(no INTEGER, id TEXT, data BLOB, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS explanations(digest TEXT PRIMARY KEY, data TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reference(seq INTEGER PRIMARY KEY, type TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS changed(no INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS meta(id INTEGER PRIMARY KEY CHECK(id = 1), generation TEXT, shard INTEGER, data BLOB);
"""
SEPARATOR = "\x1f"
# What a store consists of, behind its name; a copy of it without the last is taken for damaged.
FILES = ("", "-wal", "-shm", "-pages")
# Above so many changes of one engagement's index they are written before a range is read, so that reading stays short.
KEPT_BACK_MAX = 64
# Rows of entries that stay at hand, 5 kB each, for they are often read again soon.
ROWS_AT_HAND = 5_000
PAGES_AT_HAND_KIB = 24_576
OPEN_ON = "no = ? AND line = ? AND day >= ? AND day < ? ORDER BY day, id"
# Line, day, entry.
OpenKey = tuple[str, str, str]


class Meta(msgspec.Struct, frozen=True, array_like=True):
    """Where the store stands in the log, and what stood in the outputs then."""

    offset: int = 0
    engagement: str = ""
    ordinal: int = 0
    next_seq: int = 0
    input_chain: bytes = b""
    output_chain: bytes = b""
    topic_seqs: dict[str, int] = {}
    recorded_max: int = 0
    totals: dict[str, tuple[int, int, int]] = {}


_meta = msgspec.msgpack.Decoder(Meta)


def read_meta(data: object) -> Meta:
    """Raises Damaged."""
    meta: Meta = snapshot._decode(_meta, data)
    return meta


class Engagement(NamedTuple):
    """`memo` is the fold's, kept as long as the parts that it speaks of."""

    no: int
    parts: Parts
    memo: dict[Any, Any]


class StoreError(Exception):
    """The store cannot be opened or written; the message says what to do."""


def is_damage(fault: BaseException) -> bool:
    """Whether the store cannot be read as it was written; a full disk, a lock or no access damages nothing.

    A statement that SQLite finds wrong is: ours are always the same, so that the tables are no longer what they were.
    """
    if isinstance(fault, sqlite3.OperationalError):
        code = getattr(fault, "sqlite_errorcode", None)
        return code == sqlite3.SQLITE_ERROR or "decode to UTF-8" in str(fault)
    return isinstance(fault, Damaged | sqlite3.IntegrityError) or type(fault) is sqlite3.DatabaseError


class Store:
    """One shard's books. `cache_engagements` and `cache_rows` bound what stays decoded between batches."""

    def __init__(
        self,
        path: Path,
        generation: str,
        shard: int,
        cache_engagements: int = 2_000,
        cache_rows: int = ROWS_AT_HAND,
        cache_pages_kib: int = PAGES_AT_HAND_KIB,
    ) -> None:
        self.path = path
        self._cache: OrderedDict[str, Engagement] = OrderedDict()
        self._cache_limit = cache_engagements
        self._rows_limit = cache_rows
        self._dirty: dict[str, set[PartKey]] = {}
        self._rows: dict[int, dict[str, Entry]] = {}
        self._rows_count = 0
        self._unsaved: set[tuple[int, str]] = set()
        self._open: dict[int, dict[OpenKey, bool]] = {}
        self._parked: dict[int, dict[str, int | None]] = {}
        self._journals: dict[tuple[int, str], JournalStanding] = {}
        self._explained: set[str] = set()
        self._explaining: dict[str, str] = {}
        self._changed: set[int] = set()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._pages = PageSums(path)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self.db.executescript(
                f"PRAGMA page_size={PAGE}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                f"PRAGMA cache_size=-{cache_pages_kib}; PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY;"
            )
            self._pages.check_recovered(self.db)
            self.db.executescript(SCHEMA)
            self.meta = self._read_meta(generation, shard)
            self._pages.seal(self.db)
        except (sqlite3.DatabaseError, UnicodeDecodeError, Damaged) as error:
            self.db.close()
            if is_damage(error) or isinstance(error, UnicodeDecodeError):
                raise Damaged(f"store {path}: {error}") from error
            raise

    def _read_meta(self, generation: str, shard: int) -> Meta:
        row = self.db.execute("SELECT generation, shard, data FROM meta").fetchone()
        if row is None:
            self.db.execute("INSERT INTO meta VALUES (1, ?, ?, ?)", (generation, shard, snapshot.encode(Meta())))
            return Meta()
        if (row[0], row[1]) != (generation, shard):
            raise Damaged(f"store {self.path} belongs to generation {row[0]}, shard {row[1]}")
        self._check_engagements()
        return read_meta(row[2])

    def _check_engagements(self) -> None:
        """Every one is found by its id: one that is not would be taken for new."""
        rows = self.db.execute(
            "SELECT no, id, checksum, (SELECT found.no FROM engagements found WHERE found.id = e.id) FROM engagements e"
        )
        for no, engagement_id, checksum, found in rows:
            if found != no or checksum != snapshot.checksum(f"{no} {engagement_id}"):
                raise Damaged(f"store {self.path}: engagement {no} is not found by its id")

    # Reading

    def begin(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def engagement(self, engagement_id: str) -> Engagement:
        found = self._cache.get(engagement_id)
        if found is not None:
            self._cache.move_to_end(engagement_id)
            return found
        row = self.db.execute("SELECT no FROM engagements WHERE id = ?", (engagement_id,)).fetchone()
        if row is None:
            no = self.db.execute("SELECT coalesce(max(no), 0) + 1 FROM engagements").fetchone()[0]
            row = (no, engagement_id, snapshot.checksum(f"{no} {engagement_id}"))
            self.db.execute("INSERT INTO engagements VALUES (?, ?, ?)", row)
            found = Engagement(no, Parts(), {})
        else:
            stored = self.db.execute("SELECT kind, id, data FROM parts WHERE no = ?", (row[0],))
            found = Engagement(
                row[0],
                Parts(((kind, part_id), snapshot.decode_part(kind, part_id, data)) for kind, part_id, data in stored),
                {},
            )
        self._cache[engagement_id] = found
        return found

    def entries(self, engagement: Engagement) -> "StoredEntries":
        return StoredEntries(self, engagement.no)

    def entry(self, no: int, entry_id: str) -> Entry | None:
        rows = self._rows_of(no)
        found = rows.get(entry_id)
        if found is not None:
            return found
        stored = self.db.execute("SELECT data FROM entries WHERE no = ? AND id = ?", (no, entry_id)).fetchone()
        return self._read(rows, entry_id, stored[0]) if stored is not None else None

    def open_on(self, no: int, line: str, since: str, until: str) -> list[Entry]:
        """In the order of days, then ids."""
        changed = self._open.get(no)
        if changed is not None and len(changed) > KEPT_BACK_MAX:
            self.flush()
            changed = None
        rows = self._rows_of(no)
        place = (no, line, since, until)
        listed = self.db.execute(f"SELECT day, id FROM open_entries WHERE {OPEN_ON}", place).fetchall()
        try:
            entries = [rows[entry_id] for _, entry_id in listed]
        except KeyError:
            stored = f"SELECT id, data, day FROM open_entries JOIN entries USING (no, id) WHERE {OPEN_ON}"
            entries, listed = [], []
            for entry_id, data, day in self.db.execute(stored, place):
                entries.append(rows.get(entry_id) or self._read(rows, entry_id, data))
                listed.append((day, entry_id))
        if not changed:
            return entries
        found = dict(zip(listed, entries, strict=True))
        for (of, day, entry_id), there in changed.items():
            if of == line and since <= day < until:
                if there:
                    found[day, entry_id] = rows[entry_id]
                else:
                    found.pop((day, entry_id), None)
        return [found[place] for place in sorted(found)]

    def everything(self, no: int) -> Iterator[Entry]:
        """In the order of ids."""
        rows = self._rows_of(no)
        unsaved = {entry_id for of, entry_id in self._unsaved if of == no}
        stored = self.db.execute("SELECT id, data FROM entries WHERE no = ?", (no,)).fetchall()
        found = {entry_id: data for entry_id, data in stored if entry_id not in unsaved}
        for entry_id in sorted([*found, *unsaved]):
            yield rows.get(entry_id) or snapshot.decode_entry(found[entry_id])

    def _rows_of(self, no: int) -> dict[str, Entry]:
        found = self._rows.get(no)
        if found is None:
            found = self._rows[no] = {}
        return found

    def _read(self, rows: dict[str, Entry], entry_id: str, data: bytes) -> Entry:
        found = snapshot.decode_entry(data)
        if found.entry_id != entry_id:
            raise Damaged(f"entry {found.entry_id} is stored as {entry_id}")
        if self._rows_count < self._rows_limit:
            rows[entry_id] = found
            self._rows_count += 1
        return found

    def parked(self, no: int) -> list[str]:
        """In the order of log offsets, then ids."""
        found: dict[str, int | None] = dict(
            self.db.execute("SELECT id, log_offset FROM parked WHERE no = ?", (no,)).fetchall()
        )
        found.update(self._parked.get(no, {}))
        return [entry_id for _, entry_id in sorted((at, entry_id) for entry_id, at in found.items() if at is not None)]

    def journal(self, no: int, journal_id: str) -> JournalStanding | None:
        found = self._journals.get((no, journal_id))
        if found is not None:
            return found
        row = self.db.execute("SELECT data FROM journals WHERE no = ? AND id = ?", (no, journal_id)).fetchone()
        return snapshot.decode_journal(journal_id, row[0]) if row is not None else None

    def due(self, zone: str, day: str, after: str) -> list[str]:
        """Engagements to be looked at when the day ends in the zone, ascending, from `after` on."""
        rows = self.db.execute(
            "SELECT DISTINCT id FROM due JOIN engagements USING (no) WHERE zone = ? AND day <= ? AND id > ? ORDER BY id",
            (zone, day, after),
        )
        return [engagement_id for (engagement_id,) in rows]

    def done(self, zone: str, day: str, engagement_id: str) -> None:
        no = self.engagement(engagement_id).no
        self.db.execute("DELETE FROM due WHERE zone = ? AND day <= ? AND no = ?", (zone, day, no))

    def waiting(self, keys: Iterable[tuple[str, str]], after: str) -> list[str]:
        """Engagements in which something waits for one of the keys, ascending, from `after` on."""
        found: set[str] = set()
        for kind, key in keys:
            rows = self.db.execute(
                "SELECT DISTINCT id FROM waits JOIN engagements USING (no) WHERE kind = ? AND key = ? AND id > ?",
                (kind, key, after),
            )
            found.update(engagement_id for (engagement_id,) in rows)
        return sorted(found)

    def waiting_in(self, engagement_id: str, keys: Iterable[tuple[str, str]]) -> list[str]:
        """What waits in the engagement, in the order of log offsets."""
        no = self.engagement(engagement_id).no
        found: dict[str, int] = {}
        for kind, key in keys:
            rows = self.db.execute(
                "SELECT name, log_offset FROM waits WHERE kind = ? AND key = ? AND no = ?", (kind, key, no)
            )
            found.update(dict(rows))
        return sorted(found, key=lambda name: (found[name], name))

    def changed(self, after: str) -> list[str]:
        """Engagements with projects whose view is not sent, ascending."""
        self.db.executemany("INSERT OR IGNORE INTO changed VALUES (?)", ((no,) for no in sorted(self._changed)))
        self._changed.clear()
        rows = self.db.execute("SELECT id FROM changed JOIN engagements USING (no) WHERE id > ? ORDER BY id", (after,))
        return [engagement_id for (engagement_id,) in rows]

    def shown(self, engagement_id: str) -> None:
        self._changed.discard(self.engagement(engagement_id).no)
        self.db.execute("DELETE FROM changed WHERE no = ?", (self.engagement(engagement_id).no,))

    def reference(self) -> Iterator[tuple[str, bytes]]:
        for type_name, data in self.db.execute("SELECT type, body FROM reference ORDER BY seq"):
            if not isinstance(type_name, str):
                raise Damaged(f"a stored event of type {type_name!r}")
            yield type_name, snapshot.unseal(type_name, data)

    # Writing

    def add_reference(self, type_name: str, body: bytes) -> None:
        self.db.execute("INSERT INTO reference(type, body) VALUES (?, ?)", (type_name, snapshot.seal(type_name, body)))

    def apply(self, engagement_id: str, engagement: Engagement, change: Transition, log_offset: int) -> None:
        """Take over what the fold decided; nothing is visible to others before `commit`."""
        no, parts, _ = engagement
        if change.parts:
            self._dirty.setdefault(engagement_id, set()).update(change.parts)
            parts.take(change.parts)
            if any(kind == "project" and parts[kind, part_id].changed for kind, part_id in change.parts):
                self._changed.add(no)
        if change.rows:
            self._rows_of(no).update(change.rows)
            self._unsaved.update((no, entry_id) for entry_id in change.rows)
            self._rows_count += len(change.rows)
        if change.open_removed or change.open_added:
            index = self._open.setdefault(no, {})
            for contract, line, day, entry_id in change.open_removed:
                index[f"{contract}{SEPARATOR}{line}", day, entry_id] = False
            for contract, line, day, entry_id in change.open_added:
                index[f"{contract}{SEPARATOR}{line}", day, entry_id] = True
        if change.parked:
            self._parked.setdefault(no, {}).update(change.parked)
        for journal_id, journal in change.journals.items():
            self._journals[no, journal_id] = journal
        for digest, decision in change.explanations.items():
            if digest not in self._explained and digest not in self._explaining:
                self._explaining[digest] = msgspec.json.encode(decision._asdict()).decode()
        if change.waits_removed or change.waits_added:
            self._write_waits(no, change, log_offset)
        if change.due:
            self.db.executemany(
                "INSERT OR IGNORE INTO due VALUES (?, ?, ?)", ((zone, day, no) for zone, day in sorted(change.due))
            )
        for statement_id, listed in change.statements.items():
            self.db.execute(
                "INSERT OR REPLACE INTO statements VALUES (?, ?, ?)",
                (no, statement_id, snapshot.encode(listed, statement_id)),
            )

    def _write_waits(self, no: int, change: Transition, log_offset: int) -> None:
        self.db.executemany(
            "DELETE FROM waits WHERE kind = ? AND key = ? AND no = ? AND name = ?",
            ((kind, key, no, name) for kind, key, name in sorted(change.waits_removed)),
        )
        offsets = {f"entry:{entry_id}": offset for entry_id, offset in change.parked.items() if offset is not None}
        self.db.executemany(
            "INSERT OR REPLACE INTO waits VALUES (?, ?, ?, ?, ?)",
            ((kind, key, no, name, offsets.get(name, log_offset)) for kind, key, name in sorted(change.waits_added)),
        )

    def flush(self) -> None:
        """Write what is kept back of rows and their indexes."""
        encode, rows = snapshot.encode, self._rows
        self.db.executemany(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)",
            [(no, entry_id, encode(rows[no][entry_id])) for no, entry_id in sorted(self._unsaved)],
        )
        self._unsaved.clear()
        self.db.executemany(
            "INSERT OR REPLACE INTO journals VALUES (?, ?, ?)",
            [
                (no, journal_id, snapshot.encode_journal(journal, journal_id))
                for (no, journal_id), journal in self._journals.items()
            ],
        )
        self._journals.clear()
        index = sorted((no, *key, there) for no, kept in self._open.items() for key, there in kept.items())
        self.db.executemany(
            "DELETE FROM open_entries WHERE no = ? AND line = ? AND day = ? AND id = ?",
            [key for *key, there in index if not there],
        )
        self.db.executemany(
            "INSERT OR IGNORE INTO open_entries VALUES (?, ?, ?, ?)", [key for *key, there in index if there]
        )
        self._open.clear()
        places = [(no, at, entry_id) for no, kept in self._parked.items() for entry_id, at in kept.items()]
        self.db.executemany(
            "DELETE FROM parked WHERE no = ? AND id = ?", [(no, entry_id) for no, at, entry_id in places if at is None]
        )
        self.db.executemany(
            "INSERT OR REPLACE INTO parked VALUES (?, ?, ?)", [place for place in places if place[1] is not None]
        )
        self._parked.clear()

    def commit(self, meta: Meta) -> None:
        """Make the batch durable; only if nobody else has moved the store since (compare and set on the position)."""
        self.flush()
        self.db.executemany("INSERT OR IGNORE INTO changed VALUES (?)", ((no,) for no in sorted(self._changed)))
        self._changed.clear()
        self.db.executemany("INSERT OR IGNORE INTO explanations VALUES (?, ?)", sorted(self._explaining.items()))
        self._explained.update(self._explaining)
        self._explaining.clear()
        self._write_parts()
        moved = self.db.execute(
            "UPDATE meta SET data = ? WHERE data = ?", (snapshot.encode(meta), snapshot.encode(self.meta))
        ).rowcount
        if moved != 1:
            raise StoreError(f"store {self.path} was moved by another process; only one may run a shard")
        self.db.execute("COMMIT")
        self.meta = meta
        if self._pages.is_due():
            self._pages.seal(self.db)
        while len(self._cache) > self._cache_limit:
            self._cache.popitem(last=False)
        if self._rows_count > self._rows_limit:
            self._rows.clear()
            self._rows_count = 0

    def _write_parts(self) -> None:
        written: list[tuple[int, str, str, bytes]] = []
        gone: list[tuple[int, str, str]] = []
        for engagement_id, keys in self._dirty.items():
            no, parts, _ = self._cache[engagement_id]
            for kind, part_id in keys:
                value = parts.get((kind, part_id))
                if value is None:
                    gone.append((no, kind, part_id))
                else:
                    written.append((no, kind, part_id, snapshot.encode(value, snapshot.part_key(kind, part_id))))
        written.sort(key=lambda row: row[:3])
        self.db.executemany("DELETE FROM parts WHERE no = ? AND kind = ? AND id = ?", gone)
        self.db.executemany("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", written)
        self._dirty.clear()

    def close(self) -> None:
        """What is not committed is gone. Where the disk does not let it be sealed, the next start makes it again from the log."""
        with suppress(sqlite3.Error, OSError):
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            self._pages.seal(self.db)
        self.db.close()

    @staticmethod
    def delete(path: Path) -> None:
        """Drop the cache; the next start folds the log anew."""
        for suffix in FILES:
            Path(f"{path}{suffix}").unlink(missing_ok=True)


class StoredEntries:
    """The rows of one engagement (`state.draft.Entries`)."""

    __slots__ = ("_no", "_store")

    def __init__(self, store: Store, no: int) -> None:
        self._store = store
        self._no = no

    def get(self, entry_id: str) -> Entry | None:
        return self._store.entry(self._no, entry_id)

    def open_on(self, contract_id: str, line_id: str, since: str, until: str) -> list[Entry]:
        return self._store.open_on(self._no, f"{contract_id}{SEPARATOR}{line_id}", since, until)

    def parked(self) -> list[str]:
        return self._store.parked(self._no)

    def everything(self) -> Iterator[Entry]:
        return self._store.everything(self._no)

    def journal(self, journal_id: str) -> JournalStanding | None:
        return self._store.journal(self._no, journal_id)

    def statement(self, statement_id: str) -> tuple[StatementEntry, ...]:
        row = self._store.db.execute(
            "SELECT data FROM statements WHERE no = ? AND id = ?", (self._no, statement_id)
        ).fetchone()
        return snapshot.decode_statement(statement_id, row[0]) if row is not None else ()
