"""What delivery keeps of one ERP account: a SQLite file beside a lock, that one process at a time may have.

It is a cache, though a costly one: without it everything is read from the start, and what was not answered is looked up in the ERP before
it is sent. So a store that is damaged, of another generation or of other companies is dropped, and so is one that is older than the last
start, as after somebody put a copy back: the lock has the number of that start too.

What is in the ledger is kept as its key and reference alone.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from connectors import delivery_rows
from connectors.closing import Closable
from connectors.erp.adapter import NO_TRACE, TraceContext
from connectors.files.output_lock import OutputInUse
from connectors.files.writing import writing
from domain.delivery import groups as grouping
from domain.delivery.answers import KINDS, Answer, Rejection
from domain.delivery.documents import InvoiceDocument, JournalDocument
from domain.delivery.groups import Row
from domain.delivery.outcomes import Taken
from domain.delivery.standings import NOT_DELIVERED, Changes, Ended, Parcel, Settled, Standing, StoredStandings
from domain.ledger.journal import debits
from domain.outputs import BillingStatement, JournalEntry
from domain.units import Amount, Instant
from state.store.page_sums import PAGE, PageSums
from state.store.read_only import read_only
from state.store.snapshot import Damaged
from state.store.store import is_damage

FORM: Final = 2
# In place of a standing: of all that was read.
READ: Final = "read"
# In place of a time: nobody has said yet from when on the ERP can be asked for what another store may have sent.
NOT_BEGUN: Final = -1
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta(
  id INTEGER PRIMARY KEY CHECK(id = 1), form INTEGER NOT NULL, generation TEXT NOT NULL, entities TEXT NOT NULL,
  start INTEGER NOT NULL, probe_from INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS places(name TEXT PRIMARY KEY, following TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups(name TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members(id TEXT PRIMARY KEY, parcel INTEGER, kind TEXT NOT NULL, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_of ON members(parcel);
CREATE TABLE IF NOT EXISTS parcels(number INTEGER PRIMARY KEY, entity TEXT NOT NULL, state TEXT NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS documents(key TEXT PRIMARY KEY, state TEXT NOT NULL, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closed(journal TEXT PRIMARY KEY, named TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled(key TEXT PRIMARY KEY, reference TEXT NOT NULL, posted_on TEXT NOT NULL, members INTEGER NOT NULL) STRICT,
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers(no INTEGER PRIMARY KEY, event_id TEXT NOT NULL, kind TEXT NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS totals(
  standing TEXT, currency TEXT, documents INTEGER NOT NULL, members INTEGER NOT NULL, money INTEGER NOT NULL,
  PRIMARY KEY (standing, currency)) STRICT, WITHOUT ROWID;
"""
SUFFIXES: Final = ("", "-wal", "-shm", "-pages")
_LOCK_BYTES: Final = 64


class DeliveryInUse(OutputInUse):
    """Another process delivers to the account; it can be tried again when that has ended."""


class ParcelMember(NamedTuple):
    """A journal, or a whole statement, that is to be delivered."""

    member_id: str
    record: JournalEntry | BillingStatement
    correlation_id: str | None
    recorded_at: Instant
    trace: TraceContext = NO_TRACE


class Arrived(NamedTuple):
    """What was read, up to which places, and what of it waits for others. `is_all`: whatever may have been sent before has come.

    `read` are journals, also those that are not delivered, and whole statements.
    """

    places: Mapping[str, str]
    groups: grouping.GroupChanges
    is_all: bool
    read: Sequence[JournalEntry | BillingStatement] = ()


class _Member(msgspec.Struct, array_like=True):
    correlation_id: str | None
    recorded_at: Instant
    trace: TraceContext


class _JournalMember(_Member):
    record: JournalEntry


class _StatementMember(_Member):
    record: BillingStatement


class _Sheet(msgspec.Struct, array_like=True):
    """A standing without its document: fields are called as there."""

    parcel: int
    attempt: int
    body_hash: str
    since: Instant
    failures: int
    not_before: Instant
    ticket: str
    taken: Taken | None
    rejection: Rejection | None


class _JournalSheet(_Sheet):
    document: JournalDocument


class _InvoiceSheet(_Sheet):
    document: InvoiceDocument


_ANSWERS: Final[Mapping[str, Any]] = {each.__name__: msgspec.msgpack.Decoder(each) for each in KINDS}
_PARCELS: Final = msgspec.msgpack.Decoder(Parcel)
_MEMBERS: Final[Mapping[str, Any]] = {
    each.__name__: msgspec.msgpack.Decoder(each) for each in (_JournalMember, _StatementMember)
}
_SHEETS: Final[msgspec.msgpack.Decoder[_Sheet]] = msgspec.msgpack.Decoder(_JournalSheet)
_INVOICES: Final[msgspec.msgpack.Decoder[_Sheet]] = msgspec.msgpack.Decoder(_InvoiceSheet)
_encode: Final = msgspec.msgpack.Encoder().encode


class DeliveryStore(Closable):
    """`entities` are the companies whose books go to the account, in words: with others, all is read from the start."""

    def __init__(self, path: Path, generation: str, entities: str) -> None:
        """Raises DeliveryInUse, and GuardStop where nothing can be written."""
        self.path = path
        with writing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._open(generation, entities)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, generation: str, entities: str) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise DeliveryInUse(
                f"{self.path}: another process delivers to this account; try again when it has ended"
            ) from fault
        last = self._last_start()
        self.had_another = last > 0
        self.dropped = ""
        try:
            self._begin(generation, entities, last)
        except (sqlite3.DatabaseError, Damaged) as fault:
            if not is_damage(fault):
                raise
            self._drop(str(fault))
            self._begin(generation, entities, last)
        with writing(self.path):
            os.pwrite(self._lock, f"{last + 1} {os.getpid()}".ljust(_LOCK_BYTES - 1).encode() + b"\n", 0)
            os.fsync(self._lock)

    def _begin(self, generation: str, entities: str, last: int) -> None:
        pages = PageSums(self.path)
        self._db = db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._pages = pages
        try:
            db.executescript(
                f"PRAGMA page_size={PAGE}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
            )
            pages.check_recovered(db)
            db.executescript(SCHEMA)
            self._read_meta((FORM, generation, entities, last))
            self._numbers = {number for (number,) in db.execute("SELECT number FROM parcels")}
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT INTO meta VALUES (1, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET start = excluded.start",
                (FORM, generation, entities, last + 1, NOT_BEGUN),
            )
            db.execute("COMMIT")
            pages.seal(db)
        except BaseException:
            db.close()
            raise
        self._fresh: dict[str, ParcelMember] = {}

    def _read_meta(self, wanted: Sequence[object]) -> None:
        found = self._db.execute("SELECT form, generation, entities, start, probe_from FROM meta").fetchone()
        if found is not None and found[:4] != wanted:
            raise Damaged(_differing(found[:4], wanted))
        self.is_new = found is None or found[4] == NOT_BEGUN
        self.probe_from: Instant | None = None if self.is_new else found[4]

    def _drop(self, why: str) -> None:
        self.dropped = why
        for suffix in SUFFIXES:
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _last_start(self) -> int:
        said = os.pread(self._lock, _LOCK_BYTES, 0).split()
        return int(said[0]) if said and said[0].isdigit() else 0

    # What is in it

    @property
    def places(self) -> Mapping[str, str]:
        return dict(self._db.execute("SELECT name, following FROM places").fetchall())

    def kept(self) -> StoredStandings:
        db = self._db
        standings = tuple(
            _standing(key, state, data)
            for key, state, data in db.execute("SELECT key, state, data FROM documents ORDER BY key")
        )
        return StoredStandings(
            tuple(parcels_in(db)), standings, tuple(db.execute("SELECT journal, named FROM closed ORDER BY journal"))
        )

    def group_rows(self) -> Iterable[tuple[str, Row]]:
        return group_rows_in(self._db)

    def member(self, member_id: str) -> ParcelMember:
        found = self._fresh.get(member_id)
        if found is not None:
            return found
        kind, data = self._db.execute("SELECT kind, data FROM members WHERE id = ?", (member_id,)).fetchone()
        row = _MEMBERS[kind].decode(data)
        return ParcelMember(member_id, row.record, row.correlation_id, row.recorded_at, row.trace)

    def reference(self, key: str) -> str | None:
        found = self._db.execute("SELECT reference FROM settled WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    def unpublished(self) -> Sequence[Answer]:
        rows = self._db.execute("SELECT kind, data FROM answers ORDER BY no")
        return [_ANSWERS[kind].decode(data) for kind, data in rows]

    # Keeping

    def begin(self, probe_from: Instant) -> None:
        self._db.execute("UPDATE meta SET probe_from = ?", (probe_from,))
        self.is_new, self.probe_from = False, probe_from

    def expect(self, members: Sequence[ParcelMember]) -> None:
        self._fresh.update({each.member_id: each for each in members})

    def keep(self, changes: Changes, arrived: Arrived | None) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            self._keep_members()
            # While what has ended is still there.
            self._keep_totals(changes.ended, () if arrived is None else arrived.read)
            self._keep_parcels(changes)
            self._keep_documents(changes)
            if arrived is not None:
                self._keep_arrived(arrived)
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise
        self._fresh.clear()
        if self._pages.is_due():
            self._pages.seal(db)

    def published(self, answers: Sequence[Answer]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("DELETE FROM answers WHERE event_id = ?", [(each.event_id,) for each in answers])
        self._db.execute("COMMIT")

    def close(self) -> None:
        with suppress(sqlite3.Error, OSError):
            self._pages.seal(self._db)
        self._db.close()
        os.close(self._lock)

    def _keep_members(self) -> None:
        rows = []
        for each in self._fresh.values():
            about = (each.correlation_id, each.recorded_at, each.trace)
            row: _Member
            match each.record:
                case JournalEntry():
                    row = _JournalMember(*about, each.record)
                case BillingStatement():
                    row = _StatementMember(*about, each.record)
            rows.append((each.member_id, type(row).__name__, _encode(row)))
        self._db.executemany("INSERT OR REPLACE INTO members VALUES (?, NULL, ?, ?)", rows)

    def _keep_totals(self, ended: Sequence[Ended], read: Sequence[JournalEntry | BillingStatement]) -> None:
        """By standing and currency: documents, members and money. A document counts with its first member."""
        sums: dict[tuple[str, str], list[int]] = {}

        def add(standing: str, record: JournalEntry | BillingStatement, documents: int) -> None:
            for currency, amount in money_of(record).items():
                found = sums.setdefault((standing, currency), [0, 0, 0])
                found[:] = found[0] + documents, found[1] + 1, found[2] + amount

        for end in ended:
            for at, each in enumerate(end.members):
                add(end.standing, self.member(each).record, 0 if at else end.documents)
        for record in read:
            add(READ, record, 0)
            if isinstance(record, JournalEntry) and not (record.deliver and record.lines):
                add(NOT_DELIVERED, record, 0)
        self._db.executemany(
            "INSERT INTO totals VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET documents = documents + excluded.documents, "
            "members = members + excluded.members, money = money + excluded.money",
            [(*name, *figures) for name, figures in sums.items()],
        )

    def _keep_parcels(self, changes: Changes) -> None:
        """A journal goes with its parcel, unless another has taken it over."""
        there = {number: parcel for number, parcel in changes.parcels.items() if parcel is not None}
        gone = [(number,) for number, parcel in changes.parcels.items() if parcel is None]
        self._db.executemany(
            "INSERT OR REPLACE INTO parcels VALUES (?, ?, ?, ?)",
            [(number, each.entity, each.state, _encode(each)) for number, each in there.items()],
        )
        new = there.keys() - self._numbers
        self._db.executemany(
            "UPDATE members SET parcel = ? WHERE id = ?",
            [(number, member) for number in sorted(new) for member in there[number].members],
        )
        # What came and ended in the same round has never had a parcel here.
        self._db.executemany("DELETE FROM members WHERE parcel = ?", gone)
        self._db.execute("DELETE FROM members WHERE parcel IS NULL")
        self._db.executemany("DELETE FROM parcels WHERE number = ?", gone)
        self._numbers |= new
        self._numbers.difference_update(number for (number,) in gone)

    def _keep_documents(self, changes: Changes) -> None:
        db = self._db
        there = [each for each in changes.standings.values() if each is not None]
        db.executemany(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)",
            [(each.key, each.state, _sheet(each)) for each in there],
        )
        db.executemany(
            "DELETE FROM documents WHERE key = ?", [(k,) for k, each in changes.standings.items() if each is None]
        )
        closed = [(name, named) for name, named in changes.closed.items() if named is not None]
        db.executemany("INSERT OR REPLACE INTO closed VALUES (?, ?)", closed)
        db.executemany(
            "DELETE FROM closed WHERE journal = ?", [(n,) for n, named in changes.closed.items() if named is None]
        )
        db.executemany("INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?)", [_row(each) for each in changes.settled])
        db.executemany(
            "INSERT INTO answers(event_id, kind, data) VALUES (?, ?, ?)",
            [(each.event_id, type(each).__name__, _encode(each)) for each in changes.answers],
        )

    def _keep_arrived(self, arrived: Arrived) -> None:
        self._db.executemany("INSERT OR REPLACE INTO places VALUES (?, ?)", arrived.places.items())
        self._db.executemany(
            "INSERT OR REPLACE INTO groups VALUES (?, ?)",
            [(name, delivery_rows.to_bytes(row)) for name, row in arrived.groups.kept],
        )
        self._db.executemany("DELETE FROM groups WHERE name = ?", [(name,) for name in arrived.groups.gone])
        if arrived.is_all:
            self._db.execute("UPDATE meta SET probe_from = NULL")
            self.probe_from = None


def _differing(found: Sequence[object], wanted: Sequence[object]) -> str:
    names = ("form", "generation", "companies", "start")
    said = [
        f"{name} {one}, expected {other}" for name, one, other in zip(names, found, wanted, strict=True) if one != other
    ]
    return f"it is of {'; '.join(said)}"


def _sheet(standing: Standing) -> bytes:
    about = {name: getattr(standing, name) for name in _Sheet.__struct_fields__}
    if isinstance(standing.document, InvoiceDocument):
        return b"I" + _encode(_InvoiceSheet(document=standing.document, **about))
    return b"J" + _encode(_JournalSheet(document=standing.document, **about))


def _standing(key: str, state: str, data: bytes) -> Standing:
    return Standing(
        key, state=state, **msgspec.structs.asdict((_INVOICES if data[:1] == b"I" else _SHEETS).decode(data[1:]))
    )


def _row(settled: Settled) -> tuple[str, str, str, int]:
    return settled.key, settled.reference, settled.posted_on.isoformat(), len(settled.members)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A store as it is at one moment, also of a delivery that runs. Raises sqlite3.Error."""
    with closing(read_only(path)) as db:
        db.execute("BEGIN")
        yield db


def parcels_in(db: sqlite3.Connection) -> list[Parcel]:
    return [_PARCELS.decode(data) for (data,) in db.execute("SELECT data FROM parcels ORDER BY number")]


def group_rows_in(db: sqlite3.Connection) -> Iterator[tuple[str, Row]]:
    for name, data in db.execute("SELECT name, data FROM groups ORDER BY name"):
        yield name, delivery_rows.of_bytes(name, data)


def decoded_member(kind: str, data: bytes) -> JournalEntry | BillingStatement:
    """The record of a row of members."""
    record: JournalEntry | BillingStatement = _MEMBERS[kind].decode(data).record
    return record


def money_of(record: JournalEntry | BillingStatement) -> dict[str, Amount]:
    """A journal's debits, or what a statement comes to."""
    if isinstance(record, BillingStatement):
        return {record.currency: record.amount_due}
    return {record.currency: debits(record.lines)}
