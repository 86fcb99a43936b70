"""Any CSV export of time as events: `TimeApproved`, and before it what the mapping has written beside it.

The file is read once, row by row. A row that cannot be read is listed and the rest goes on. Events leave in the order
in which they were known, so that files of several sources merge; of one instant, what is referred to comes first.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from heapq import merge
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from connectors.imports.cells import TextCell
from connectors.imports.csv_rows import Broken, open_text, read_table
from connectors.imports.events_file import ImportTarget
from connectors.imports.mapping import ImportMapping, TableMapping
from connectors.imports.priced import in_six_decimals
from connectors.imports.products.former import read_known
from connectors.imports.products.product import PRODUCTS
from connectors.imports.refusals import ImportRefused, nearest
from connectors.imports.rejections import ByReason, CellFault, CsvRow, RejectedRow, RejectedRows, RowSums, rejected_json
from connectors.imports.said import id_in, required
from connectors.imports.time_rows import TimeWanted, WorkedTime, read_time, worth
from connectors.imports.written import TIME, Things, WrittenEvent

# Fields of an entry that are corrected while it stays the same entry.
CORRECTED_LATER = ("hours", "billable_hours", "ended_at", "rate", "billable", "overtime")


class Earlier(NamedTuple):
    """An entry that came before under the same id and version."""

    line: int
    same_content: bool


class Staging:
    """Where the rows of an import wait until all are read: a temporary database, so that millions need little memory.

    Lives as long as the `with` block; the database is a nameless file that the system removes.
    """

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


class ImportedTime(NamedTuple):
    """What came of a file. Every row read is imported, repeated, left out or rejected."""

    rows: int
    imported: int
    repeated: int
    rejected: int
    left_out: tuple[tuple[str, int], ...]
    untold: int
    hours: Decimal
    elsewhere: RowSums
    first_day: date | None
    last_day: date | None
    events: tuple[tuple[str, int], ...]
    events_path: Path
    rejected_path: Path | None
    rejected_rows: tuple[RejectedRows, ...]
    unwritten: tuple[RejectedRows, ...]
    warnings: tuple[str, ...]


def import_time(
    path: Path, mapped: ImportMapping, mapping_name: str, target: ImportTarget, wanted: TimeWanted
) -> ImportedTime:
    """Writes `csv-<name>.jsonl` if anything is imported, and `<name>.rejected.jsonl` where something could not be read."""
    check_one_way(mapped.source, target.folder)
    billed_here = _billed_here(mapped, target)
    with open_text(path, mapped.file.encoding) as file, Staging() as staging:
        table = read_table(file, path, mapped.file)
        check_columns(table.header, mapped, mapping_name, path)
        reading = _Reading(mapped, mapping_name, table.header, staging, wanted, billed_here)
        reading.read(table.rows)
        if not reading.counts["rows"]:
            raise ImportRefused(
                f"{path}: no rows: a header and nothing below it, so there is nothing to import; choose the days of the"
                " report and export again"
            )
        if reading.counts["imported"]:
            target.write(reading.events(target.stem))
        rejected_path = target.write_rejected(staging.rejected())
        warnings = (each(table.header, mapped, mapping_name) for each in (id_warnings, unread_warnings))
        return reading.result(target.events_path, rejected_path, tuple(chain(*warnings)))


def _billed_here(mapped: ImportMapping, target: ImportTarget) -> Collection[str]:
    """Entries of the folder that are billed by statements of ours."""
    if mapped.time.invoiced is None:
        return ()
    entries = read_known(mapped.source, (target.folder,), (target.events_path,)).entries
    return {entry_id for entry_id, entry in entries.items() if entry.is_live and entry.billable}


def check_one_way(source: str, folder: Path) -> None:
    """The import of a product gives other ids, so that the same work would be there twice."""
    if source in {product.key for product in PRODUCTS}:
        written = next(iter(sorted(folder.glob(f"{source}-*.setup.jsonl"))), None)
        if written is not None:
            raise ImportRefused(
                f"{written}: the time of {source} came here by milepost import {source}, which gives other ids than a"
                f" mapping: the same work would be there twice; go on with milepost import {source}, or give another --out"
            )


def check_columns(header: Sequence[str], mapped: TableMapping, mapping_name: str, path: Path) -> None:
    """Every column that the mapping reads stands in the header, once."""
    for key, column in mapped.columns():
        if column not in header:
            raise ImportRefused(
                f'{mapping_name}: {key}: expected a column of {path.name}, came "{column}"{nearest(column, header)};'
                f" the columns are {', '.join(header)}"
                f' (for a text that is the same in every row write {{ value = "{column}" }})'
            )
        if header.count(column) > 1:
            raise ImportRefused(
                f'{mapping_name}: {key}: the column "{column}" stands {header.count(column)} times in the header of'
                f" {path.name}; rename one, so that it is clear which is meant"
            )


def id_warnings(header: Sequence[str], mapped: ImportMapping, mapping_name: str) -> Iterator[str]:
    """Columns that may be corrected and yet are part of the id: a corrected row would be billed beside the old one."""
    if mapped.time.entry_id.derive is None:
        return
    counted = mapped.time.entry_id.of or header
    for field in CORRECTED_LATER:
        cell: TextCell | None = getattr(mapped.time, field)
        for column in cell.reads() if cell is not None else ():
            if column in counted and column not in mapped.time.identifying_columns():
                yield (
                    f'{mapping_name}: time.entry_id.of: the id is made of the column "{column}", which gives {field}; a row'
                    f" in which it is corrected gets another id and is billed beside the old one; leave it out of `of`"
                )


def unread_warnings(header: Sequence[str], mapped: ImportMapping, mapping_name: str) -> Iterator[str]:
    """Columns that say what is billed, by their names, and that the mapping does not read."""
    fields, contracts = mapped.time, mapped.write.contracts
    has_rate = fields.rate is not None or (contracts is not None and bool(contracts.rate.reads()))
    watched = (
        (
            "invoiced",
            fields.invoiced is None,
            r"(is )?(invoiced|exported|billed)\??",
            "what is billed already is billed again",
        ),
        ("billable_hours", fields.billable_hours is None, r"hours rounded|rounded hours", "hours are billed as worked"),
        ("rate", not has_rate, r"(billable )?amount( \(.*\))?", "amounts are not used, and rates come from contracts"),
    )
    for field, is_unread, names, so in watched:
        column = next((each for each in header if re.fullmatch(names, each, re.IGNORECASE)), None)
        if is_unread and column is not None:
            yield f'{mapping_name}: time.{field} is not mapped, so the column "{column}" is not read: {so}'


class _Reading:
    """One pass over the rows: what they say waits in the staging until all are read."""

    def __init__(
        self,
        mapped: ImportMapping,
        mapping_name: str,
        header: Sequence[str],
        staging: Staging,
        wanted: TimeWanted,
        billed_here: Collection[str],
    ) -> None:
        self._mapped, self._wanted, self._billed_here, self._staging = mapped, wanted, billed_here, staging
        self._content_columns = tuple(sorted(mapped.time.entry_id.of or header))
        self._things = Things(mapped, mapping_name, wanted.now)
        self.counts: Counter[str] = Counter()
        self._left_out = {rule.label(): 0 for rule in mapped.skip}
        self._hours = Fraction(0)
        self._days: list[date] = []
        self._events: Counter[str] = Counter()
        self._rejected = ByReason()
        self._unwritten = ByReason()
        self._elsewhere = RowSums()

    def read(self, rows: Iterable[CsvRow | Broken]) -> None:
        for row in rows:
            self.counts["rows"] += 1
            if isinstance(row, Broken):
                self._reject(row.rejected(TIME), None)
            elif rule := self._mapped.left_out_by(row.cells):
                self._left_out[rule.label()] += 1
            else:
                try:
                    self._take(row)
                except CellFault as fault:
                    self._reject(fault.rejected(row, TIME), row)
        for untold in self._things.untold():
            self.counts["untold"] += 1
            self._staging.reject(untold)
            self._unwritten.add(untold)

    def events(self, stem: str) -> Iterator[dict[str, object]]:
        """Of one instant, what is referred to comes before what refers to it."""
        written = sorted(self._things.events(), key=lambda each: (each.occurred_at, each.place, each.line))
        for each in merge(written, self._staging.in_order(), key=lambda event: (event.occurred_at, event.place)):
            kind = str(each.event["type"])
            self._events[kind] += 1
            suffix = "" if kind == TIME else f":{kind}"
            event_id = f"{stem}:{each.line}{suffix}"
            yield {"type": kind, "event_id": event_id} | each.event

    def result(self, events_path: Path, rejected_path: Path | None, warnings: tuple[str, ...]) -> ImportedTime:
        return ImportedTime(
            rows=self.counts["rows"],
            imported=self.counts["imported"],
            repeated=self.counts["repeated"],
            rejected=self.counts["rejected"],
            left_out=tuple(self._left_out.items()),
            untold=self.counts["untold"],
            hours=in_six_decimals(self._hours),
            elsewhere=self._elsewhere,
            first_day=min(self._days, default=None),
            last_day=max(self._days, default=None),
            events=tuple(self._events.items()),
            events_path=events_path,
            rejected_path=rejected_path,
            rejected_rows=self._rejected.by_reason(),
            unwritten=self._unwritten.by_reason(),
            warnings=warnings,
        )

    def _take(self, row: CsvRow) -> None:
        work = read_time(row, self._entry_id(row), self._mapped, self._wanted, self._billed_here)
        earlier = self._staging.add(work, row.line)
        if earlier is None:
            self.counts["imported"] += 1
            self._hours += work.exact_hours
            self._days = [min([*self._days, work.day]), max([*self._days, work.day])]
            self._things.see(row, work)
            if work.billed_elsewhere:
                self._elsewhere = self._elsewhere.plus(work.hours, *worth(row, self._mapped)[1:])
        elif earlier.same_content:
            self.counts["repeated"] += 1
        else:
            reason = f"line {earlier.line} has this entry_id and version with other content; make time.entry_id unique"
            raise CellFault(self._mapped.time.entry_id.label(), work.entry_id, reason)

    def _entry_id(self, row: CsvRow) -> str:
        cell = self._mapped.time.entry_id
        if cell.derive is None:
            return required(id_in(cell, row), cell, "entry_id")
        content = "\x1f".join(f"{column}\x1e{row.cells[column]}" for column in self._content_columns)
        digest = hashlib.blake2b(content.encode(), digest_size=12)
        return f"{cell.prefix}{digest.hexdigest()}-{self._staging.count_content(digest.digest())}"

    def _reject(self, rejected: RejectedRow, row: CsvRow | None) -> None:
        self.counts["rejected"] += 1
        self._staging.reject(rejected)
        self._rejected.add(rejected, *((None, None, "") if row is None else worth(row, self._mapped)))
