"""Where everything of an engagement lies in the log and in the outputs of an embedded run.

A cache beside the log, extended by each round of a run, and by a question with what came since: deleting the folder `index` loses nothing.
Reading what concerns one engagement then costs what that engagement has, whatever the log holds besides.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from connectors.avro_codec import Decoder, output_heads, output_versions
from connectors.closing import Closable
from connectors.containers import read_container, records_at, undamaged
from connectors.files.engagement_log import EngagementLog
from connectors.files.figure_rows import FigureRows, add_lines, engagement_named
from connectors.files.glance_index import TABLES as GLANCE_TABLES
from connectors.files.glance_index import GlanceTables, insert
from connectors.files.log_format import LogEnd
from connectors.files.outputs import SINCE, OutputFiles, parts_of, topic_file, topic_of
from connectors.files.progress import read_progress
from connectors.files.written import WrittenOutput, topics, written
from connectors.log_records import StoredRecord
from connectors.output_schemas import todays_fingerprints
from connectors.telling import Tell
from domain.billing.statement import ISSUED
from domain.identity import composed, engagement_of, unescape
from domain.ledger.trial_balance import LedgerSums, PostedSum
from domain.outputs import TOPICS, BillingStatement, ExceptionRaised, ForecastUpdate, JournalEntry, Output, Position
from domain.units import Instant
from state.batch import Mark
from state.genesis import Genesis
from state.intake.clock import Clock, running
from state.rules import begun_under

VERSION: Final = 17
# Another question or run may be taking in a long history.
BUSY_SECONDS: Final = 600.0
FOLDER: Final = "index"
WRITTEN_EVERY: Final = 20_000
# The number of what belongs to no engagement.
EVERYONE: Final = 0
EXCEPTIONS: Final = TOPICS["ExceptionRaised"]
FORECASTS: Final = TOPICS["ForecastUpdate"]
POSTINGS: Final = TOPICS["JournalEntry"]
STATEMENTS: Final = TOPICS["BillingStatement"]
# What may be asked for by its own id, and so may be meant by one that is not right.
LAST: Final = "\U0010ffff"
MEANT: Final = ("time_entry", "project", "contract")
# The last field that the index needs of large outputs.
HEADS: Final = (("ForecastUpdate", "project_id"),)

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta(id INTEGER PRIMARY KEY CHECK(id = 1), data TEXT);
CREATE TABLE IF NOT EXISTS engagements(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS records(no INTEGER, subject TEXT, log_offset INTEGER, place INTEGER, recorded_at INTEGER,
    PRIMARY KEY(no, subject, log_offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS persons(no INTEGER, id TEXT, PRIMARY KEY(no, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs(log_offset INTEGER PRIMARY KEY, place INTEGER, recorded_at INTEGER);
CREATE TABLE IF NOT EXISTS facts(kind TEXT, id TEXT, no INTEGER, PRIMARY KEY(kind, id, no)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outputs(no INTEGER, part TEXT, place INTEGER, log_offset INTEGER,
    PRIMARY KEY(no, part, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forecasts(project TEXT, part TEXT, place INTEGER, log_offset INTEGER,
    PRIMARY KEY(project, part, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sums(entity TEXT, period TEXT, account TEXT, currency TEXT, contract TEXT, no INTEGER, move TEXT,
    journals INTEGER, debits INTEGER, credits INTEGER, ledger_currency TEXT, ledger_debits INTEGER, ledger_credits INTEGER,
    PRIMARY KEY(entity, period, account, currency, contract, no, move)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activated(log_offset INTEGER PRIMARY KEY, version INTEGER);
CREATE TABLE IF NOT EXISTS day_ends(log_offset INTEGER PRIMARY KEY, recorded_at INTEGER, first_running INTEGER);
CREATE TABLE IF NOT EXISTS zones(zone TEXT PRIMARY KEY, running INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken_back(entity TEXT, affected TEXT, PRIMARY KEY(entity, affected)) WITHOUT ROWID;
"""

# The last field that tables need of a forecast; where it will go by month, and what moved it, is much longer.
FIGURES: Final = (("ForecastUpdate", "ledger"),)


class IndexedRecord(NamedTuple):
    """A record of the log, and the running maximum of `recorded_at` there."""

    offset: int
    byte: int
    recorded_at: Instant


# Primary codes of SQLite where the disk takes no more; anything else is a fault of ours, or of the index.
UNWRITABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def _is_unwritable(fault: sqlite3.OperationalError) -> bool:
    return fault.sqlite_errorcode & 0xFF in UNWRITABLE


class FigureIndex(Closable):
    """The index of one shard, as far as the last `extend` went."""

    def __init__(self, output: Path, shard: int = 0, busy_seconds: float = BUSY_SECONDS) -> None:
        self.output = output
        self.shard = shard
        # Whether it outlives the process, and else why not.
        self.is_kept = True
        self.not_kept = ""
        self._busy_seconds = busy_seconds
        self._log = EngagementLog.open(output, shard)
        self._path = output / FOLDER / f"{shard}.db"
        self._db = self._open()
        # What the firm at a glance is summed from.
        self.glance = GlanceTables(self._db)

    def close(self) -> None:
        self._db.close()
        self._log.close()

    def _open(self) -> sqlite3.Connection:
        """In memory where the folder cannot be written, or has no room; made again where it is of another generation or cannot be read."""
        for _ in range(2):
            try:
                self._path.parent.mkdir(exist_ok=True)
                made = sqlite3.connect(self._path, timeout=self._busy_seconds, isolation_level=None)
                made.executescript(
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;"
                    + _TABLES
                    + GLANCE_TABLES
                )
                if self._fits(made):
                    return made
                made.close()
            except OSError as fault:
                return self._in_memory(fault.strerror or f"{fault}")
            except sqlite3.OperationalError as fault:
                if not _is_unwritable(fault) and fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                return self._in_memory(f"{fault}")
            except sqlite3.DatabaseError:
                pass
            delete(self.output, self.shard)
        return self._in_memory("it is damaged again after it was made again")

    def _in_memory(self, why: str) -> sqlite3.Connection:
        self.is_kept, self.not_kept = False, f"{self._path}: cannot be written: {why}"
        made = sqlite3.connect(":memory:", isolation_level=None)
        made.executescript(_TABLES + GLANCE_TABLES)
        return made

    def _fits(self, db: sqlite3.Connection) -> bool:
        """Whether it is of this log and these outputs, and not ahead of them."""
        row = db.execute("SELECT data FROM meta").fetchone()
        if row is None:
            return True
        known = orjson.loads(row[0])
        progress = read_progress(self.output, self.shard)
        lengths = progress["lengths"] if progress is not None else {}
        return bool(
            known["version"] == VERSION
            and known["generation"] == self._log.genesis.generation
            and known["log_offset"] <= self._log.end
            and all(length <= lengths.get(part, 0) for part, length in known["lengths"].items())
        )

    # Making it

    def extend(self, tell: Tell) -> None:
        """Take in what was committed since; others that want to wait. Raises ContainerDamaged and GuardStop."""
        try:
            self.extend_kept(tell)
        except sqlite3.OperationalError as fault:
            if not self.is_kept or not _is_unwritable(fault):
                raise
            self._db.close()
            self._db = self._in_memory(f"{fault}")
            self.glance = GlanceTables(self._db)
            self.extend_kept(tell)

    def extend_kept(self, tell: Tell) -> None:
        """Where it lies. Raises sqlite3.OperationalError, too."""
        if self._is_current(self.reached()):
            return
        with self._whole():
            self._extend(tell)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """All of it or nothing; where the disk is full SQLite has taken it back by itself."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.glance.forget()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _is_current(self, meta: Mapping[str, Any]) -> bool:
        end, lengths = self._committed()
        return bool(meta["log_offset"] >= end and meta["lengths"] == lengths)

    def _committed(self) -> tuple[int, dict[str, int]]:
        """Of the log and the outputs; a record that is folded in part counts."""
        progress = read_progress(self.output, self.shard)
        end = progress["offset"] + (1 if progress["engagement"] else 0) if progress is not None else 0
        return end, progress["lengths"] if progress is not None else {}

    def _extend(self, tell: Tell) -> None:
        meta = self.reached()
        if self._is_current(meta):
            return
        end, lengths = self._committed()
        numbers, rows = _Numbers(self._db), FigureRows(self.taken_back, self.clock())
        recorded_at = self._add_records(numbers, rows, meta, end, tell)
        for part in [part for topic in topics() for part in parts_of(topic, lengths)]:
            if lengths[part] > meta["lengths"].get(part, 0):
                self._add_outputs(numbers, rows, part, meta["lengths"].get(part), lengths[part], tell)
        self._write(numbers, rows)
        self._write_meta(max(end, meta["log_offset"]), recorded_at, lengths)

    def may_follow(self) -> bool:
        """Whether it is kept and current, and outputs are written with today's schemas: of others a reader may find less than was made."""
        written = self._log.genesis.outputs
        return self.is_kept and self._is_current(self.reached()) and written == todays_fingerprints()

    def places(self, offset: int) -> Iterator[LogEnd]:
        """The bytes at which the log's records from an offset on begin."""
        return self._log.places(offset)

    def add(
        self, rows: FigureRows, before: Mapping[str, Any], end: int, recorded_at: Instant, lengths: Mapping[str, int]
    ) -> bool:
        """Write what was noted since the index had reached `before`; False, and nothing, where somebody has moved it since."""
        with self._whole():
            is_there = self.reached() == before
            if is_there:
                self._write(_Numbers(self._db), rows)
                self._write_meta(end, recorded_at, lengths)
        return is_there

    def reached(self) -> dict[str, Any]:
        """How far the log and the outputs are taken in."""
        row = self._db.execute("SELECT data FROM meta").fetchone()
        found: dict[str, Any] = (
            orjson.loads(row[0]) if row is not None else {"log_offset": 0, "recorded_at": 0, "lengths": {}}
        )
        return found

    def _write_meta(self, end: int, recorded_at: Instant, lengths: Mapping[str, int]) -> None:
        data = {
            "version": VERSION,
            "generation": self._log.genesis.generation,
            "log_offset": end,
            "recorded_at": recorded_at,
            "lengths": lengths,
        }
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (1, ?)", (orjson.dumps(data).decode(),))

    def _add_records(
        self, numbers: _Numbers, rows: FigureRows, meta: Mapping[str, Any], end: int, tell: Tell
    ) -> Instant:
        offset: int = meta["log_offset"]
        recorded_at: Instant = meta["recorded_at"]
        for place, record in zip(self._log.places(offset), self._log.records(offset), strict=False):
            if record.offset >= end:
                break
            recorded_at = rows.add_record(record, place.length, recorded_at)
            if len(rows) >= WRITTEN_EVERY:
                self._write(numbers, rows)
                tell("index log", record.offset, end)
        return recorded_at

    def _add_outputs(
        self, numbers: _Numbers, rows: FigureRows, part: str, start: int | None, end: int, tell: Tell
    ) -> None:
        path = topic_file(self.output, part, self.shard)
        for found in undamaged(read_container(path, output_heads(HEADS), start, end)):
            position, record = found.record
            rows.add_output(part, found.byte_offset, position.log_offset, position.output_seq, record)
            if len(rows) >= WRITTEN_EVERY:
                self._write(numbers, rows)
                tell(f"index {topic_of(part)}", found.byte_offset, end)

    def _write(self, numbers: _Numbers, rows: FigureRows) -> None:
        of = numbers.of
        for table, added in (
            ("records", [(of(whose), *others) for whose, *others in rows.records]),
            ("persons", [(of(whose), person) for whose, person in rows.persons]),
            ("facts", [(kind, id_, of(whose)) for kind, id_, whose in rows.facts]),
            ("runs", rows.runs),
            ("activated", rows.activated),
            ("day_ends", rows.day_ends),
            ("outputs", [(of(whose), *others) for whose, *others in rows.outputs]),
            ("forecasts", rows.forecasts),
            ("taken_back", rows.reversed),
        ):
            insert(self._db, table, added)
        self._db.executemany(
            "INSERT OR REPLACE INTO zones VALUES (?, ?)", [(day.zone, day.date.toordinal()) for day in rows.clock.days]
        )
        self._db.executemany(
            "INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET journals = journals + excluded.journals, debits = debits + excluded.debits,"
            " credits = credits + excluded.credits, ledger_debits = ledger_debits + excluded.ledger_debits,"
            " ledger_credits = ledger_credits + excluded.ledger_credits",
            [(*key[:5], of(key[5]), key[6], *values) for key, values in rows.sums.items()],
        )
        self.glance.write(rows.glance)
        rows.clear()

    def clock(self) -> Clock:
        """The days that run at the end."""
        rows = self._db.execute("SELECT zone, running FROM zones")
        return Clock(tuple(sorted(running(zone, date.fromordinal(day)) for zone, day in rows)))

    def taken_back(self, entity_id: str) -> list[str]:
        """Entries of a legal entity of which a posting was reversed."""
        rows = self._db.execute("SELECT affected FROM taken_back WHERE entity = ?", (entity_id,))
        return [affected for (affected,) in rows]

    # Asking it

    def has_engagement(self, engagement_id: str) -> bool:
        return self._number(engagement_id) is not None

    def engagements_of(self, kind: str, fact_id: str) -> list[str]:
        """Engagements that a fact went to, such as ("time_entry", composed("T-1")); empty for reference data."""
        rows = self._db.execute(
            "SELECT engagements.id FROM facts JOIN engagements USING (no) WHERE kind = ? AND facts.id = ? ORDER BY 1",
            (kind, fact_id),
        )
        return [found for (found,) in rows]

    def like(self, text: str, count: int) -> list[str]:
        """Ids that begin as the text does, as many of each kind; upper and lower case count."""
        found: dict[str, None] = {}
        for kind in MEANT:
            rows = self._db.execute(
                "SELECT DISTINCT id FROM facts WHERE kind = ? AND id >= ? AND id < ? ORDER BY id LIMIT ?",
                (kind, composed(text), composed(text) + LAST, count),
            )
            found.update(dict.fromkeys(unescape(each) for (each,) in rows))
        return list(found)

    def records(self, engagement_id: str, start: int = 0) -> Iterator[tuple[IndexedRecord, StoredRecord]]:
        """What the fold of the engagement reads from a log offset on, in log order: its own records and those that concern everyone.

        Reference data about a person concerns the engagements that name the person; of reference data itself all is read.
        """
        places = self._places(self._number(engagement_id))
        for place in places[bisect_left(places, start, key=attrgetter("offset")) :]:
            yield place, self._log.record_at(LogEnd(place.offset, place.byte))

    def record(self, offset: int, place: int) -> StoredRecord:
        """The record of the log at an offset, whose bytes begin at a place. Raises ContainerDamaged."""
        return self._log.record_at(LogEnd(offset, place))

    def offsets(self, engagement_id: str) -> list[int]:
        """Of all records that the fold of the engagement reads, those after which views go out among them."""
        runs = (offset for (offset,) in self._db.execute("SELECT log_offset FROM runs"))
        return sorted({*runs, *(place.offset for place in self._places(self._number(engagement_id)))})

    def length(self, engagement_id: str) -> int:
        """How many records the engagement has of its own."""
        number = self._number(engagement_id)
        found: int = self._db.execute("SELECT count(*) FROM records WHERE no = ?", (number,)).fetchone()[0]
        return found

    def longest(self, records: int) -> list[str]:
        """Engagements with so many records of their own, or more."""
        sql = "SELECT id FROM records JOIN engagements USING (no) WHERE no != ? GROUP BY no HAVING count(*) >= ? ORDER BY id"
        return [found for (found,) in self._db.execute(sql, (EVERYONE, records))]

    @property
    def log_file(self) -> tuple[Path, int]:
        """The log, and how many of its bytes are committed."""
        return self._log.path, self._log.length

    def _places(self, number: int | None) -> list[IndexedRecord]:
        if number is None:
            return []
        of_persons = " AND (subject = '' OR subject IN (SELECT id FROM persons WHERE no = :no))" if number else ""
        rows = self._db.execute(
            f"SELECT log_offset, place, recorded_at FROM records WHERE no = 0{of_persons}"  # noqa: S608
            " UNION SELECT log_offset, place, recorded_at FROM records WHERE no = :no ORDER BY 1",
            {"no": number},
        )
        return [IndexedRecord(*row) for row in rows]

    def run_ends(self, start: int = 0) -> Iterator[tuple[IndexedRecord, StoredRecord]]:
        """The records after each of which the views of what changed go out, whosesoever they are."""
        sql = "SELECT log_offset, place, recorded_at FROM runs WHERE log_offset >= ? ORDER BY 1"
        for row in self._db.execute(sql, (start,)).fetchall():
            place = IndexedRecord(*row)
            yield place, self._log.record_at(LogEnd(place.offset, place.byte))

    # Moments

    def offset_after(self, instant: Instant) -> int:
        """The first log offset that was recorded after the instant."""
        row = self._db.execute("SELECT max(log_offset) FROM records WHERE recorded_at <= ?", (instant,)).fetchone()
        return 0 if row[0] is None else row[0] + 1

    def offset_after_end_at(self, instant: Instant) -> int | None:
        """The first log offset after the days that ended at an instant; None where none did."""
        row = self._db.execute("SELECT max(log_offset) + 1 FROM day_ends WHERE recorded_at = ?", (instant,)).fetchone()
        found: int | None = row[0]
        return found

    def offset_after_day(self, day: date, latest: Instant) -> int | None:
        """The first log offset after a day had ended in every zone; None where it had not by the latest instant."""
        sql = "SELECT log_offset + 1, recorded_at FROM day_ends WHERE first_running > ? ORDER BY log_offset LIMIT 1"
        row = self._db.execute(sql, (day.toordinal(),)).fetchone()
        return row[0] if row is not None and row[1] <= latest else None

    def running_day(self, offset: int) -> date | None:
        """The first day that had not ended in every zone before a log offset; None where none had ended."""
        sql = "SELECT first_running FROM day_ends WHERE log_offset < ? ORDER BY log_offset DESC LIMIT 1"
        row = self._db.execute(sql, (offset,)).fetchone()
        return date.fromordinal(row[0]) if row is not None else None

    def recorded_at(self, offset: int) -> Instant:
        """The running maximum just before a log offset, 0 at the beginning."""
        row = self._db.execute("SELECT max(recorded_at) FROM records WHERE log_offset < ?", (offset,)).fetchone()
        return row[0] or 0

    def rules_at(self, offset: int | None) -> int:
        """The version in force before a log offset, or at the end."""
        sql = "SELECT max(version) FROM activated WHERE log_offset < ?"
        row = self._db.execute(sql, (self.end if offset is None else offset,)).fetchone()
        return max(begun_under(self.genesis), row[0] or 0)

    def byte_at(self, offset: int) -> int | None:
        """Where the record of a log offset begins; None where the log ends before it."""
        return next((place.length for place in self._log.places(offset)), None)

    def lengths_at(self, offset: int) -> dict[str, int]:
        """Bytes of each part of a topic that hold what the records before a log offset caused."""
        lengths: dict[str, int] = dict(self.reached()["lengths"])
        for table in ("outputs", "forecasts"):
            sql = f"SELECT part, min(place) FROM {table} WHERE log_offset >= ? GROUP BY part"  # noqa: S608
            lengths.update(self._db.execute(sql, (offset,)))
        return lengths

    def forecast_before(self, project_id: str, offset: int) -> ForecastUpdate | None:
        """The last one that a record before a log offset caused."""
        sql = "SELECT part, max(place) FROM forecasts WHERE project = ? AND log_offset < ? GROUP BY part"
        found: dict[str, int] = dict(self._db.execute(sql, (project_id, offset)).fetchall())
        for part in parts_of(FORECASTS, found)[-1:]:
            for one in self._read(part, [found[part]]):
                if isinstance(one.record, ForecastUpdate):
                    return one.record
        return None

    def forecasts_before(self, offset: int) -> Iterator[ForecastUpdate]:
        """Of every project the last one that a record before a log offset caused, as far as `FIGURES` goes."""
        sql = "SELECT project, part, max(place) FROM forecasts WHERE log_offset < ? GROUP BY project, part"
        newest: dict[str, dict[str, int]] = {}
        for project_id, part, place in self._db.execute(sql, (offset,)):
            newest.setdefault(project_id, {})[part] = place
        places = ((part, found[part]) for found in newest.values() for part in parts_of(FORECASTS, found)[-1:])
        for part, wanted in _by_part(places).items():
            for one in self._read(part, sorted(wanted), output_heads(FIGURES)):
                if isinstance(one.record, ForecastUpdate):
                    yield one.record

    def journals(self, engagement_id: str, offsets: Iterable[int]) -> dict[int, JournalEntry]:
        """By output_seq the journals of an engagement that records at some log offsets caused."""
        wanted = ", ".join(str(int(offset)) for offset in offsets)
        sql = f"""SELECT part, place FROM outputs WHERE no = ? AND part BETWEEN ? AND ? AND log_offset IN ({wanted})"""  # noqa: S608
        found = _by_part(self._db.execute(sql, (self._number(engagement_id), POSTINGS, POSTINGS + SINCE + LAST)))
        return {
            one.position.output_seq: one.record
            for part, places in found.items()
            for one in self._read(part, sorted(places))
            if isinstance(one.record, JournalEntry)
        }

    def record_at(self, offset: int) -> StoredRecord:
        """A record of the log. Raises ContainerDamaged."""
        row = self._db.execute("SELECT place FROM records WHERE log_offset = ?", (offset,)).fetchone()
        return self._log.record_at(LogEnd(offset, row[0]))

    def was_open(self, exception_id: str, offset: int) -> bool:
        """Whether an exception was raised before a log offset and not closed again."""
        last: Output | None = None
        for one in self._before(EXCEPTIONS, engagement_of(exception_id), offset):
            if getattr(one.record, "exception_id", None) == exception_id:
                last = one.record
        return isinstance(last, ExceptionRaised)

    def issued_before(self, engagement_id: str, offset: int) -> frozenset[tuple[str, int]]:
        """Statements of an engagement and their revisions that were issued before a log offset, though they may be superseded since."""
        return frozenset(
            (one.record.statement_id, one.record.revision)
            for one in self._before(STATEMENTS, engagement_id, offset)
            if isinstance(one.record, BillingStatement) and one.record.status == ISSUED
        )

    def _before(self, topic: str, engagement_id: str, offset: int) -> Iterator[WrittenOutput]:
        """What records before a log offset caused of an engagement, in order."""
        sql = "SELECT part, place FROM outputs WHERE no = ? AND part BETWEEN ? AND ? AND log_offset < ?"
        found = _by_part(self._db.execute(sql, (self._number(engagement_id), topic, topic + SINCE + LAST, offset)))
        for part in parts_of(topic, found):
            yield from self._read(part, sorted(found[part]))

    def between(self, topic: str, start: Mapping[str, int], end: Mapping[str, int]) -> Iterator[WrittenOutput]:
        """Outputs of a topic whose blocks lie between two of such lengths; 0, or none, is the beginning of a file."""
        for part in parts_of(topic, end):
            first, last = start.get(part, 0), end[part]
            if first >= last:
                continue
            path = topic_file(self.output, part, self.shard)
            for found in undamaged(read_container(path, output_versions(), first or None, last)):
                yield written(topic, found)

    @property
    def genesis(self) -> Genesis:
        """Of the log."""
        return self._log.genesis

    @property
    def end(self) -> int:
        """Offset after the last record taken in."""
        found: int = self.reached()["log_offset"]
        return found

    def written(self, engagement_id: str, projects: Sequence[str] = (), start: int = 0) -> Iterator[WrittenOutput]:
        """Every output of the engagement that records from a log offset on caused, the forecasts of these projects among them, in order."""
        sql = "SELECT part, place FROM outputs WHERE no = ? AND log_offset >= ?"
        rows = self._db.execute(sql, (self._number(engagement_id), start)).fetchall()
        sql = "SELECT part, place FROM forecasts WHERE project = ? AND log_offset >= ?"
        rows += [row for project_id in projects for row in self._db.execute(sql, (project_id, start))]
        read = [self._read(part, sorted(places)) for part, places in _by_part(rows).items()]
        return merge(*read, key=lambda one: one.position.output_seq)

    def count_written(self, engagement_id: str, projects: Sequence[str], end: int) -> int:
        """How many there are of the same that records before a log offset caused."""
        sql = "SELECT count(*) FROM outputs WHERE no = ? AND log_offset < ?"
        found: int = self._db.execute(sql, (self._number(engagement_id), end)).fetchone()[0]
        sql = "SELECT count(*) FROM forecasts WHERE project = ? AND log_offset < ?"
        for each in projects:
            found += self._db.execute(sql, (each, end)).fetchone()[0]
        return found

    def _read(
        self, part: str, places: Sequence[int], known: Mapping[str, Decoder[tuple[Position, Output]]] | None = None
    ) -> Iterator[WrittenOutput]:
        end = self.reached()["lengths"].get(part)
        path = topic_file(self.output, part, self.shard)
        for found in undamaged(records_at(path, known or output_versions(), places, end)):
            yield written(topic_of(part), found)

    def sums(self, entity_id: str) -> list[PostedSum]:
        """Every sum of a legal entity."""
        rows = self._db.execute(
            "SELECT period, account, currency, contract, engagements.id, move, journals, debits, credits, ledger_currency,"
            " ledger_debits, ledger_credits FROM sums JOIN engagements USING (no) WHERE entity = ? ORDER BY 1, 2, 3, 4, 5, 6",
            (entity_id,),
        )
        return [PostedSum._make((*row[:3], row[3] or None, *row[4:])) for row in rows]

    def sums_until(self, entity_id: str, offset: int) -> list[PostedSum]:
        """The same of what the records before a log offset caused; reads the postings up to there."""
        moves = LedgerSums(entity_id)
        sums: dict[tuple[Any, ...], list[Any]] = {}
        for journal in self.journals_until(entity_id, offset):
            add_lines(journal, engagement_named(journal), moves.move_of(journal), sums)
        rows = sorted((key[1:], values) for key, values in sums.items())
        return [PostedSum._make((*key[:3], key[3] or None, *key[4:], *values)) for key, values in rows]

    def journals_until(self, entity_id: str, offset: int) -> Iterator[JournalEntry]:
        """Journals of a legal entity that the records before a log offset caused."""
        return (one for one in self.all_journals(offset) if one.legal_entity_id == entity_id)

    def all_journals(self, offset: int | None) -> Iterator[JournalEntry]:
        """Of all companies; those that the records before a log offset caused where one is given."""
        for one in self.between(POSTINGS, {}, self.reached()["lengths"] if offset is None else self.lengths_at(offset)):
            if isinstance(one.record, JournalEntry):
                yield one.record

    def entities(self) -> list[str]:
        """Legal entities with journals."""
        return [found for (found,) in self._db.execute("SELECT DISTINCT entity FROM sums ORDER BY 1")]

    def _number(self, engagement_id: str) -> int | None:
        row = self._db.execute("SELECT no FROM engagements WHERE id = ?", (engagement_id,)).fetchone()
        return row[0] if row is not None else None


class Following:
    """Extends the index of figures by what a run commits while it still has it at hand, so that it need not be read again.

    Needs an index that is current. Where somebody else extends it, or a commit went unseen, it ends, and `extend` reads the rest.
    """

    def __init__(self, index: FigureIndex) -> None:
        self.is_on = index.may_follow()
        self._index = index
        self._rows = FigureRows(index.taken_back, index.clock())
        self._written: dict[str, Any] = index.reached()
        self._offset: int = self._written["log_offset"]
        self._recorded_at: int = self._written["recorded_at"]
        self._lengths: dict[str, int] = self._written["lengths"]
        self._places = index.places(self._offset)

    def take(self, records: Sequence[StoredRecord], outputs: OutputFiles, mark: Mark) -> None:
        """The records of a batch, of which the mark says how many count, after the commit of its outputs."""
        end = mark.offset + (1 if mark.engagement else 0)
        new = [record for record in records if self._offset <= record.offset < end]
        self.is_on = self.is_on and outputs.lengths_before == self._lengths and len(new) == max(0, end - self._offset)
        if not self.is_on:
            return
        places = list(islice(self._places, len(new)))
        self.is_on = len(places) == len(new)
        for record, place in zip(new, places, strict=False):
            self._recorded_at = self._rows.add_record(record, place.length, self._recorded_at)
        for part, placed in outputs.placed.items():
            for begin, output in placed:
                self._rows.add_output(part, begin, output.log_offset, output.output_seq, output.record)
        self._offset, self._lengths = max(end, self._offset), outputs.lengths
        if len(self._rows) >= WRITTEN_EVERY:
            self.write()

    def write(self) -> None:
        """What was taken since the last time."""
        if self.is_on and len(self._rows):
            self.is_on = self._index.add(self._rows, self._written, self._offset, self._recorded_at, self._lengths)
            self._written = self._index.reached()


class _Numbers:
    """Numbers of engagements, given as they come."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute("INSERT OR IGNORE INTO engagements VALUES (?, '')", (EVERYONE,))
        self._known: dict[str, int] = dict(db.execute("SELECT id, no FROM engagements"))

    def of(self, engagement_id: str) -> int:
        found = self._known.get(engagement_id)
        if found is None:
            found = self._known[engagement_id] = len(self._known)
            self._db.execute("INSERT INTO engagements VALUES (?, ?)", (found, engagement_id))
        return found


def _by_part(rows: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for part, place in rows:
        found.setdefault(part, []).append(place)
    return found


def delete(output: Path, shard: int = 0) -> None:
    """Drop the index; the next question makes it again."""
    path = output / FOLDER / f"{shard}.db"
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
