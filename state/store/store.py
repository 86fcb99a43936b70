"""The checkpoint store of one shard: a SQLite file, a cache of the log.

Deleting it loses nothing and doubles nothing; any older copy is a valid start. The fold reads and writes through one open transaction;
what changed since it began is kept back and written in bulk at commit. Of an engagement that is at hand the books are decoded, and
its open entries are listed by line and day, both as they are now; of rows the newest.
"""

import os
import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from sys import intern

import msgspec

from domain.caps.consumption import ConsumptionOrders
from domain.ledger.period_sums import PeriodSums
from domain.reference.numbers import NumberGiven
from state.books import Entry, JournalStanding, StatementEntry
from state.draft import Draft, Memo, OpenKey, PartKey, Parts
from state.store import snapshot
from state.store.page_sums import PAGE, PageSums
from state.store.recent import DECODED, Recent, StoredIds
from state.store.snapshot import Damaged

SCHEMA = """
CREATE TABLE IF NOT EXISTS engagements(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, checksum INTEGER);
CREATE TABLE IF NOT EXISTS parts(no INTEGER, kind TEXT, id TEXT, data BLOB, PRIMARY KEY(no, kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries(no INTEGER, id TEXT, data BLOB, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open_entries(
  no INTEGER, line TEXT, day TEXT, id TEXT, person TEXT, PRIMARY KEY(no, line, day, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked(no INTEGER, log_offset INTEGER, id TEXT, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waits(
  kind TEXT, key TEXT, no INTEGER, name TEXT, log_offset INTEGER, PRIMARY KEY(kind, key, no, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due(zone TEXT, day TEXT, no INTEGER, PRIMARY KEY(zone, day, no)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journals(no INTEGER, id TEXT, data BLOB, PRIMARY KEY(no, id));
CREATE TABLE IF NOT EXISTS statements(no INTEGER, id TEXT, data BLOB, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers(id TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS periods(id TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ended(zone TEXT PRIMARY KEY, data BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reference(seq INTEGER PRIMARY KEY, type TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS changed(no INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS meta(id INTEGER PRIMARY KEY CHECK(id = 1), generation TEXT, shard INTEGER, data BLOB);
"""
SEPARATOR = "\x1f"
# What a store consists of, after its name; a copy of it without the last is taken for damaged.
FILES = ("", "-wal", "-shm", "-pages")
# Rows that are changed and not written, at most; 5 kB each. To write more of them at once takes no less, and keeps what comes then waiting.
KEPT_BACK_MAX = 100
# Over files, where a process has one store: 2,000 to 8,000 engagements, with which it is to stay below 1 GB. One that is read again
# costs as much as an hour of work.
ENGAGEMENTS_AT_HAND_KIB = 262_144
ROWS_AT_HAND_KIB = 98_304
PAGES_AT_HAND_KIB = 24_576
# Of such a process in all, about 920 million bytes; how much more makes it let go again, and what it keeps of engagements at least.
PROCESS_KIB = 900_000
GROWN_KIB = 8_192
LEAST_AT_HAND = 96 << 20
STATM = Path("/proc/self/statm")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") >> 10
# Bytes, about: of an open entry's place on a line, and of what the fold remembers of an engagement.
PLACE_BYTES = 150
CONSUMER_BYTES = 900
# Rows of its lines that may be others by now, more than consumers, before an order is made again from all of them.
ROWS_MIN = 64
MEMO_BYTES = 400
# Of a new engagement with its contract; what it has is known once it is written.
NEW_BYTES = 16_384


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
    numbers: Mapping[str, int] = {}


_meta = msgspec.msgpack.Decoder(Meta)


def read_meta(data: object) -> Meta:
    """Raises Damaged."""
    meta: Meta = snapshot._decode(_meta, data)
    return meta


class Engagement:
    """One engagement's books at hand. `memo` is the fold's, kept as long as the parts that it speaks of."""

    __slots__ = ("counted", "lines", "memo", "no", "orders", "parked", "parts", "sizes", "stored")

    def __init__(self, no: int, parts: Parts, sizes: dict[PartKey, int]) -> None:
        self.no = no
        self.parts = parts
        self.memo = Memo()
        # Stored bytes of each part, and of all.
        self.sizes = sizes
        self.stored = sum(sizes.values())
        # Open entries by contract and line, as far as they were asked for: day, id and person, ascending.
        self.lines: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        # Of groups of lines with caps, as far as they were asked for.
        self.orders: ConsumptionOrders = {}
        # Log offsets of entries with something waiting, once they were asked for.
        self.parked: dict[str, int] | None = None
        # What it took when it was looked at last.
        self.counted = 0

    @property
    def bytes(self) -> int:
        """In memory, about."""
        places = sum(map(len, self.lines.values()))
        consumers = sum(len(order) for orders in self.orders.values() for order in orders.values())
        kept = PLACE_BYTES * places + CONSUMER_BYTES * consumers
        return DECODED * self.stored + MEMO_BYTES * len(self.memo) + kept

    def written(self, change: Draft) -> None:
        """An order of which much is another by now is forgotten."""
        for contract_id in {contract_id for contract_id, _ in change.changed_on} & self.orders.keys():
            orders = self.orders[contract_id]
            for key, order in [*orders.items()]:
                changed = (change.changed_on.get((contract_id, line_id), ()) for line_id in key[0])
                order.written({entry_id: change.rows[entry_id] for each in changed for entry_id in each})
                if len(order.rows) > len(order) + ROWS_MIN:
                    del orders[key]


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
    """One shard's books. What stays decoded between batches is bounded: `engagements_kib` of parts, `rows_kib` of entries.

    Of a process that takes more than `process_kib`, since blocks of its memory are used in part, fewer engagements stay at hand.
    """

    def __init__(
        self,
        path: Path,
        generation: str,
        shard: int,
        engagements_kib: int = ENGAGEMENTS_AT_HAND_KIB,
        rows_kib: int = ROWS_AT_HAND_KIB,
        pages_kib: int = PAGES_AT_HAND_KIB,
        process_kib: int | None = None,
    ) -> None:
        self.path = path
        self._process_kib = process_kib
        # Since the last commit, and earlier.
        self._touched: dict[str, Engagement] = {}
        self._touched_bytes = 0
        self._at_hand: Recent[str, Engagement] = Recent(engagements_kib << 10)
        self._rows: Recent[tuple[int, str], Entry] = Recent(rows_kib << 10)
        self._ids = StoredIds()
        # What is kept back.
        self._dirty: dict[str, set[PartKey]] = {}
        self._unsaved: dict[tuple[int, str], Entry] = {}
        self._open: dict[tuple[int, OpenKey], bool] = {}
        self._parked: dict[tuple[int, str], int | None] = {}
        self._journals: dict[tuple[int, str], JournalStanding] = {}
        self._due: dict[int, set[tuple[str, str]]] = {}
        self._done: list[tuple[str, str, int]] = []
        self._changed: set[int] = set()
        self._shown: set[int] = set()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._pages = PageSums(path)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self.db.executescript(
                f"PRAGMA page_size={PAGE}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                f"PRAGMA cache_size=-{pages_kib}; PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY;"
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

    @property
    def _writing(self) -> sqlite3.Connection:
        """Outside a transaction a row would be durable by itself, without the place in the log that belongs to it."""
        if not self.db.in_transaction:
            raise StoreError(f"store {self.path}: expected a transaction around what is written")
        return self.db

    def engagement(self, engagement_id: str) -> Engagement:
        found = self._touched.get(engagement_id)
        if found is None:
            found = self._at_hand.take(engagement_id) or self._load(engagement_id)
            self._touched[engagement_id] = found
            found.counted = 0
            self._count(found)
            self._at_hand.spare(self._touched_bytes)
        return found

    def _count(self, touched: Engagement) -> None:
        """Its memory, which grows with what the fold asks for."""
        takes = max(touched.bytes, NEW_BYTES)
        self._touched_bytes += takes - touched.counted
        touched.counted = takes

    @property
    def holds_much(self) -> bool:
        """Whether the books touched since the last commit, which stay in memory until the next, would fill half the room for all."""
        return self._touched_bytes >= self._at_hand.limit // 2

    def _load(self, engagement_id: str) -> Engagement:
        """One that there is not is made."""
        row = self.db.execute("SELECT no FROM engagements WHERE id = ?", (engagement_id,)).fetchone()
        if row is None:
            no = self.db.execute("SELECT coalesce(max(no), 0) + 1 FROM engagements").fetchone()[0]
            row = (no, engagement_id, snapshot.checksum(f"{no} {engagement_id}"))
            self._writing.execute("INSERT INTO engagements VALUES (?, ?, ?)", row)
            self._ids.add_group(no, ())
            return Engagement(no, Parts(), {})
        stored = self.db.execute("SELECT kind, id, data FROM parts WHERE no = ?", row).fetchall()
        parts = Parts(((kind, part_id), snapshot.decode_part(kind, part_id, data)) for kind, part_id, data in stored)
        return Engagement(row[0], parts, {(kind, part_id): len(data) for kind, part_id, data in stored})

    def entries(self, engagement: Engagement) -> "StoredEntries":
        return StoredEntries(self, engagement)

    def entry(self, no: int, entry_id: str) -> Entry | None:
        key = no, entry_id
        found = self._unsaved.get(key) or self._rows.get(key)
        if found is not None:
            return found
        if not self._ids.knows(no):
            ids = self.db.execute("SELECT id FROM entries WHERE no = ?", (no,))
            self._ids.add_group(no, (each for (each,) in ids))
        return None if self._ids.denies(no, entry_id) else self._stored(key)

    def _stored(self, key: tuple[int, str]) -> Entry | None:
        row = self.db.execute("SELECT data FROM entries WHERE no = ? AND id = ?", key).fetchone()
        if row is None:
            return None
        found = snapshot.decode_entry(row[0])
        if found.entry_id != key[1]:
            raise Damaged(f"entry {found.entry_id} is stored as {key[1]}")
        self._rows.put(key, found, DECODED * len(row[0]))
        return found

    def open_on(
        self, engagement: Engagement, line: tuple[str, str], since: str, until: str, person_id: str
    ) -> list[Entry]:
        """In the order of days, then ids."""
        places = self._places(engagement, line)
        if not places:
            return []
        no, unsaved, rows = engagement.no, self._unsaved, self._rows
        found: list[Entry] = []
        for _, entry_id, who in places[bisect_left(places, (since,)) : bisect_left(places, (until,))]:
            if person_id and who != person_id:
                continue
            key = no, entry_id
            entry = unsaved.get(key) or rows.get(key) or self._stored(key)
            if entry is None:
                raise Damaged(f"entry {entry_id} is open on {' '.join(line)} and not stored")
            found.append(entry)
        return found

    def _places(self, engagement: Engagement, line: tuple[str, str]) -> list[tuple[str, str, str]]:
        """From here on `apply` keeps the list."""
        found = engagement.lines.get(line)
        if found is None:
            asked = engagement.no, SEPARATOR.join(line)
            sql = "SELECT day, id, person FROM open_entries WHERE no = ? AND line = ? ORDER BY day, id"
            rows = self.db.execute(sql, asked)
            # Of few days and people many entries.
            found = engagement.lines[line] = [(intern(day), entry_id, intern(who)) for day, entry_id, who in rows]
            self._count(engagement)
        return found

    def everything(self, no: int) -> Iterator[Entry]:
        """In the order of ids."""
        unsaved = {entry_id: entry for (of, entry_id), entry in self._unsaved.items() if of == no}
        stored = self.db.execute("SELECT id, data FROM entries WHERE no = ?", (no,)).fetchall()
        found = {entry_id: data for entry_id, data in stored if entry_id not in unsaved}
        for entry_id in sorted([*found, *unsaved]):
            yield unsaved.get(entry_id) or self._rows.get((no, entry_id)) or snapshot.decode_entry(found[entry_id])

    def parked(self, engagement: Engagement) -> dict[str, int]:
        """Log offsets of the entries with something waiting."""
        found = engagement.parked
        if found is None:
            stored = self.db.execute("SELECT id, log_offset FROM parked WHERE no = ?", (engagement.no,))
            found = engagement.parked = dict(stored.fetchall())
        return found

    def journal(self, no: int, journal_id: str) -> JournalStanding | None:
        found = self._journals.get((no, journal_id))
        if found is not None:
            return found
        row = self.db.execute("SELECT data FROM journals WHERE no = ? AND id = ?", (no, journal_id)).fetchone()
        return snapshot.decode_journal(journal_id, row[0]) if row is not None else None

    def due(self, zone: str, day: str, after: str) -> list[str]:
        """Engagements to be looked at when the day ends in the zone, ascending, from `after` on."""
        self._write_days()
        rows = self.db.execute(
            "SELECT DISTINCT id FROM due JOIN engagements USING (no) WHERE zone = ? AND day <= ? AND id > ? ORDER BY id",
            (zone, day, after),
        )
        return [engagement_id for (engagement_id,) in rows]

    def done(self, zone: str, day: str, engagement_id: str) -> None:
        no = self.engagement(engagement_id).no
        self._done.append((zone, day, no))
        if kept := self._due.get(no):
            self._due[no] = {(of, ends) for of, ends in kept if of != zone or ends > day}

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
        self._write_days()
        rows = self.db.execute("SELECT id FROM changed JOIN engagements USING (no) WHERE id > ? ORDER BY id", (after,))
        return [engagement_id for (engagement_id,) in rows]

    def shown(self, engagement_id: str) -> None:
        no = self.engagement(engagement_id).no
        self._changed.discard(no)
        self._shown.add(no)

    def reference(self) -> Iterator[tuple[str, bytes]]:
        for type_name, data in self.db.execute("SELECT type, body FROM reference ORDER BY seq"):
            if not isinstance(type_name, str):
                raise Damaged(f"a stored event of type {type_name!r}")
            yield type_name, snapshot.unseal(type_name, data)

    # Writing

    def add_reference(self, type_name: str, body: bytes) -> None:
        self._writing.execute(
            "INSERT INTO reference(type, body) VALUES (?, ?)", (type_name, snapshot.seal(type_name, body))
        )

    def number(self, statement_id: str) -> NumberGiven | None:
        """Of the revision that was numbered last."""
        row = self.db.execute("SELECT data FROM numbers WHERE id = ?", (statement_id,)).fetchone()
        return snapshot.decode_number(statement_id, row[0]) if row is not None else None

    def keep_number(self, statement_id: str, given: NumberGiven) -> None:
        row = (statement_id, snapshot.encode(given, statement_id))
        self._writing.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", row)

    def period_sums(self) -> dict[tuple[str, str], PeriodSums]:
        """By company and accounting period."""
        rows = self.db.execute("SELECT id, data FROM periods").fetchall()
        found = {}
        for key, data in rows:
            company, _, period = key.rpartition(SEPARATOR)
            found[company, period] = snapshot.decode_period_sums(key, data)
        return found

    def keep_period_sums(self, sums: Iterable[tuple[tuple[str, str], PeriodSums]]) -> None:
        keyed = ((SEPARATOR.join(key), of) for key, of in sums)
        rows = [(key, snapshot.encode_period_sums(of, key)) for key, of in keyed]
        self._writing.executemany("INSERT OR REPLACE INTO periods VALUES (?, ?)", rows)

    def ended_days(self) -> dict[str, str]:
        """The last day that has ended, by zone."""
        return {zone: snapshot.decode_day(zone, data) for zone, data in self.db.execute("SELECT zone, data FROM ended")}

    def keep_ended(self, days: Iterable[tuple[str, str]]) -> None:
        """The last day that has ended, by zone."""
        rows = [(zone, snapshot.encode(day, zone)) for zone, day in days]
        self._writing.executemany("INSERT OR REPLACE INTO ended VALUES (?, ?)", rows)

    def apply(self, engagement_id: str, engagement: Engagement, change: Draft, log_offset: int) -> None:
        """Take over what the fold decided; nothing is visible to others before `commit`."""
        no, parts = engagement.no, engagement.parts
        if change.parts:
            self._dirty.setdefault(engagement_id, set()).update(change.parts)
            parts.take(change.parts, change.agreed)
            for (kind, _), part in change.parts.items():
                if kind == "project" and part.changed:
                    self._changed.add(no)
        for entry_id, entry in change.rows.items():
            self._unsaved[no, entry_id] = entry
        if engagement.orders:
            engagement.written(change)
            self._count(engagement)
        for key in change.open_removed:
            places, place = self._places(engagement, key[:2]), key[2:]
            at = bisect_left(places, place)
            if places[at : at + 1] == [place]:
                del places[at]
                self._open[no, key] = False
        for key in change.open_added:
            places, place = self._places(engagement, key[:2]), key[2:]
            at = bisect_left(places, place)
            if places[at : at + 1] != [place]:
                day, entry_id, who = place
                places.insert(at, (intern(day), entry_id, intern(who)))
                self._open[no, key] = True
        if change.parked:
            parked = self.parked(engagement)
            for entry_id, parked_at in change.parked.items():
                self._parked[no, entry_id] = parked_at
                if parked_at is None:
                    parked.pop(entry_id, None)
                else:
                    parked[entry_id] = parked_at
        for journal_id, journal in change.journals.items():
            self._journals[no, journal_id] = journal
        if change.waits_removed or change.waits_added:
            self._write_waits(no, change, log_offset)
        if change.due:
            self._due.setdefault(no, set()).update(change.due)
        for statement_id, listed in change.statements.items():
            self._writing.execute(
                "INSERT OR REPLACE INTO statements VALUES (?, ?, ?)",
                (no, statement_id, snapshot.encode(listed, statement_id)),
            )
        if len(self._unsaved) > KEPT_BACK_MAX:
            self.flush()

    def _write(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """SQLite is not asked about no rows: of most days at whose end nothing is due that would be a fifth of the time."""
        if rows:
            self._writing.executemany(statement, rows)

    def _write_waits(self, no: int, change: Draft, log_offset: int) -> None:
        self._write(
            "DELETE FROM waits WHERE kind = ? AND key = ? AND no = ? AND name = ?",
            [(kind, key, no, name) for kind, key, name in sorted(change.waits_removed)],
        )
        offsets = {f"entry:{entry_id}": offset for entry_id, offset in change.parked.items() if offset is not None}
        self._write(
            "INSERT OR REPLACE INTO waits VALUES (?, ?, ?, ?, ?)",
            [(kind, key, no, name, offsets.get(name, log_offset)) for kind, key, name in sorted(change.waits_added)],
        )

    def flush(self) -> None:
        """Write what is kept back of rows and their indexes."""
        unsaved, journals = self._unsaved, self._journals
        written = [(*key, snapshot.encode(unsaved[key])) for key in sorted(unsaved)]
        self._write("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", written)
        for no, entry_id, data in written:
            # What is at hand is stored already.
            if not self._rows.put((no, entry_id), unsaved[no, entry_id], DECODED * len(data)):
                self._ids.add(no, entry_id)
        unsaved.clear()
        self._write(
            "INSERT INTO journals VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET data = excluded.data",
            [(*key, snapshot.encode_journal(journals[key], key[1])) for key in sorted(journals)],
        )
        journals.clear()
        index = sorted(
            (no, f"{contract}{SEPARATOR}{line}", *place, there)
            for (no, (contract, line, *place)), there in self._open.items()
        )
        self._write(
            "DELETE FROM open_entries WHERE no = ? AND line = ? AND day = ? AND id = ? AND person = ?",
            [key for *key, there in index if not there],
        )
        self._write(
            "INSERT OR IGNORE INTO open_entries VALUES (?, ?, ?, ?, ?)", [key for *key, there in index if there]
        )
        self._open.clear()
        self._write(
            "DELETE FROM parked WHERE no = ? AND id = ?", [key for key, at in self._parked.items() if at is None]
        )
        self._write(
            "INSERT OR REPLACE INTO parked VALUES (?, ?, ?)",
            [(no, at, entry_id) for (no, entry_id), at in self._parked.items() if at is not None],
        )
        self._parked.clear()

    def _write_days(self) -> None:
        """What a day's end has done goes first: what is due now was found due after it."""
        if not (self._done or self._due or self._shown or self._changed):
            return
        self._write("DELETE FROM due WHERE zone = ? AND day <= ? AND no = ?", self._done)
        self._done.clear()
        self._write(
            "INSERT OR IGNORE INTO due VALUES (?, ?, ?)",
            sorted((zone, day, no) for no, kept in self._due.items() for zone, day in kept),
        )
        self._due.clear()
        self._write("DELETE FROM changed WHERE no = ?", [(no,) for no in sorted(self._shown)])
        self._shown.clear()
        self._write("INSERT OR IGNORE INTO changed VALUES (?)", [(no,) for no in sorted(self._changed)])
        self._changed.clear()

    def commit(self, meta: Meta) -> None:
        """Make the batch durable; only if nobody else has moved the store since (compare and set on the position)."""
        self.flush()
        self._write_days()
        self._write_parts()
        moved = self._writing.execute(
            "UPDATE meta SET data = ? WHERE data = ?", (snapshot.encode(meta), snapshot.encode(self.meta))
        ).rowcount
        if moved != 1:
            raise StoreError(f"store {self.path} was moved by another process; only one may run a shard")
        self.db.execute("COMMIT")
        self.meta = meta
        if self._pages.is_due():
            self._pages.seal(self.db)
        for engagement_id, engagement in self._touched.items():
            if len(engagement.memo) > 50_000:
                engagement.memo.clear()
            self._at_hand.put(engagement_id, engagement, engagement.bytes)
        self._touched.clear()
        self._touched_bytes = 0
        self._bound_process()

    def _bound_process(self) -> None:
        """What is let go leaves room in blocks for what comes; the process gives hardly any of it back, so that growing alone counts."""
        if self._process_kib is not None and (taken := resident_kib()) > self._process_kib:
            self._process_kib = taken + GROWN_KIB
            self._at_hand.limit = max(self._at_hand.limit * 7 // 8, LEAST_AT_HAND)
            self._at_hand.spare(0)

    def _write_parts(self) -> None:
        written: list[tuple[int, str, str, bytes]] = []
        gone: list[tuple[int, str, str]] = []
        for engagement_id, keys in self._dirty.items():
            of = self._touched[engagement_id]
            for key in keys:
                kind, part_id = key
                value = of.parts.get(key)
                of.stored -= of.sizes.pop(key, 0)
                if value is None:
                    gone.append((of.no, kind, part_id))
                else:
                    data = snapshot.encode(value, snapshot.part_key(kind, part_id))
                    written.append((of.no, kind, part_id, data))
                    of.sizes[key] = len(data)
                    of.stored += len(data)
        written.sort(key=lambda row: row[:3])
        self._write("DELETE FROM parts WHERE no = ? AND kind = ? AND id = ?", gone)
        self._write("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", written)
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
        """Drop the cache; the next start folds the log again."""
        for suffix in FILES:
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def resident_kib() -> int:
    """Memory of this process; 0 where nobody says it."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * PAGE_KIB
    except OSError:
        return 0


class StoredEntries:
    """The rows of one engagement (`state.draft.Entries`)."""

    __slots__ = ("_engagement", "_no", "_store")

    def __init__(self, store: Store, engagement: Engagement) -> None:
        self._store = store
        self._engagement = engagement
        self._no = engagement.no

    def get(self, entry_id: str) -> Entry | None:
        return self._store.entry(self._no, entry_id)

    @property
    def orders(self) -> ConsumptionOrders:
        return self._engagement.orders

    def open_on(self, contract_id: str, line_id: str, since: str, until: str, person_id: str) -> list[Entry]:
        return self._store.open_on(self._engagement, (contract_id, line_id), since, until, person_id)

    def parked(self) -> list[str]:
        found = self._store.parked(self._engagement)
        return sorted(found, key=lambda entry_id: (found[entry_id], entry_id))

    def everything(self) -> Iterator[Entry]:
        return self._store.everything(self._no)

    def journal(self, journal_id: str) -> JournalStanding | None:
        return self._store.journal(self._no, journal_id)

    def statement(self, statement_id: str) -> tuple[StatementEntry, ...]:
        row = self._store.db.execute(
            "SELECT data FROM statements WHERE no = ? AND id = ?", (self._no, statement_id)
        ).fetchone()
        return snapshot.decode_statement(statement_id, row[0]) if row is not None else ()
