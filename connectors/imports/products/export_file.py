"""Opening an export: delimiter and encoding from its first line, solidtime's archive as zip or unpacked folder."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from connectors.imports.cells import known_encoding
from connectors.imports.csv_rows import (
    BYTE_ORDER_MARK,
    DELIMITERS,
    START_BYTES,
    Broken,
    encoding_of,
    open_text,
    read_table,
)
from connectors.imports.mapping import FileForm
from connectors.imports.products.product import KIMAI, SOLIDTIME, Product, check_product
from connectors.imports.refusals import ImportRefused, readable_file
from connectors.imports.rejections import CsvRow
from connectors.imports.said import normal_text

FILE_BYTES_MAX = 512 * 1024 * 1024
TIME_ENTRIES = "time_entries.csv"

# What Excel writes as "CSV" in Western Europe and America.
_WINDOWS = "cp1252"
_UTF_8 = "utf-8"
_SHOWN = 60

# Excel, LibreOffice, Numbers.
_SPREADSHEETS = frozenset({"xl/workbook.xml", "xl/workbook.bin", "content.xml", "Index/Document.iwa"})

# A spreadsheet tells others so which delimiter it wrote.
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)
ASKED: Final = "GET /api/timesheets?full=true"
START: Final = 64
HEADER: Final = (
    "Date,From,To,Duration,Currency,Price,Hourly price,Fixed price,Name,User,Customer,Project,Activity,Description,Billable,Exported"
).split(",")


class Export(NamedTuple):
    """The whole file; `names` are the rows of the archive's sibling files by id, `header_line` counts from 1. `written` has the columns as
    the file names them, in its language, by what they are called here."""

    product: Product
    header: tuple[str, ...]
    header_line: int
    rows: tuple[CsvRow | Broken, ...]
    names: Mapping[str, Mapping[str, Mapping[str, str]]]
    written: Mapping[str, str]


def read_export(path: Path, named: Product | None, encoding: str | None) -> Export:
    """Raises ImportRefused where it is not a detailed export of the product."""
    with readable_file(path):
        archive = _unzipped(path, named) if zipfile.is_zipfile(path) else {}
        text = archive.get(TIME_ENTRIES) if archive else _as_csv(path) if named in (None, KIMAI) else None
        form = _form(path, encoding) if text is None else FileForm()
        with open_text(path, form.encoding) if text is None else io.StringIO(text, newline="") as file:
            table = read_table(file, path, form)
            product = check_product(named, table.header, str(path))
            header = product.in_english(table.header)
            _check_once(header, path)
            names = dict(zip(table.header, header, strict=True))
            rows = tuple(_renamed(row, names) for row in table.rows)
            _check_encoding(rows, path, form)
        siblings = {name: _by_id(text) for name, text in _siblings(path, archive, product.siblings)}
    return Export(product, header, form.skip_lines + 1, rows, siblings, {here: there for there, here in names.items()})


@contextmanager
def open_export(path: Path, encoding: str | None) -> Iterator[tuple[TextIO, FileForm]]:
    """A CSV that lies beside an export, with its delimiter and encoding. Raises ImportRefused where it cannot be read."""
    with readable_file(path):
        form = _form(path, encoding)
        with open_text(path, form.encoding) as file:
            yield file, form


def _renamed(row: CsvRow | Broken, names: Mapping[str, str]) -> CsvRow | Broken:
    if isinstance(row, Broken):
        return row
    return row._replace(cells={names[column]: text for column, text in row.cells.items()})


def _siblings(path: Path, archive: Mapping[str, str], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and texts of the archive's other files, of the zip or of the folder in which it was unpacked."""
    for name in names:
        file = path.with_name(f"{name}.csv")
        if file.name in archive:
            yield name, archive[file.name]
        elif not archive and file.is_file():
            yield name, file.read_text(encoding="utf-8-sig")


def _unzipped(path: Path, named: Product | None) -> dict[str, str]:
    """Texts by file name."""
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        if not _SPREADSHEETS.isdisjoint(sizes):
            raise ImportRefused(f"{path}: is a spreadsheet; export as CSV, or save the sheet as CSV")
        if named not in (None, SOLIDTIME):
            raise ImportRefused(f"{path}: is a zip with {', '.join(sorted(sizes)[:12])}; unpack it and give the CSV")
        if TIME_ENTRIES not in sizes:
            raise ImportRefused(
                f"{path}: expected {TIME_ENTRIES} of solidtime in the zip, came {', '.join(sorted(sizes)[:12])}; unpack it"
                " and give the CSV if it is another export"
            )
        wanted = [name for name in (TIME_ENTRIES, *(f"{name}.csv" for name in SOLIDTIME.siblings)) if name in sizes]
        if sum(sizes[name] for name in wanted) > FILE_BYTES_MAX:
            raise ImportRefused(f"{path}: expected at most {FILE_BYTES_MAX // 1024 // 1024} MiB unpacked")
        return {name: archive.read(name).decode("utf-8-sig") for name in wanted}


def _form(path: Path, encoding: str | None) -> FileForm:
    with path.open("rb") as file:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ImportRefused(f"{path}: expected at most {FILE_BYTES_MAX // 1024 // 1024} MiB; export less time")
        start = file.read(START_BYTES)
    try:
        encoding = known_encoding(encoding or encoding_of(start))
    except ValueError as fault:
        raise ImportRefused(f"--encoding: {fault}") from fault
    first = start.decode(encoding, errors="replace").removeprefix(BYTE_ORDER_MARK).splitlines()[:1]
    text = "".join(first)
    separator = _SEPARATOR.fullmatch(text)
    delimiter = separator[1] if separator else max(DELIMITERS, key=text.count)
    return FileForm(encoding=encoding, delimiter=delimiter, skip_lines=1 if separator else 0)


def _check_encoding(rows: tuple[CsvRow | Broken, ...], path: Path, form: FileForm) -> None:
    """One row may be torn; where every letter beyond English is, the whole file is of another encoding."""
    undecoded = [row for row in rows if isinstance(row, Broken) and row.undecoded]
    decoded = (cell for row in rows if isinstance(row, CsvRow) for cell in row.cells.values())
    if form.encoding != _UTF_8 or not undecoded or not all(map(str.isascii, decoded)):
        return
    first = undecoded[0]
    as_windows = first.undecoded.encode(form.encoding, "surrogateescape").decode(_WINDOWS, "replace")[:_SHOWN]
    raise ImportRefused(
        f"{path}: is not {form.encoding}: none of the {len(undecoded):,} rows with letters beyond a to z can be read;"
        f' say --encoding {_WINDOWS} if line {first.line} is to be "{as_windows}", else the encoding in which it was saved'
    )


def _check_once(header: tuple[str, ...], path: Path) -> None:
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise ImportRefused(f'{path}: the column "{twice[0]}" stands more than once in the header; export again')


def _by_id(text: str) -> dict[str, dict[str, str]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    plain = ({key: normal_text(value or "") for key, value in row.items() if key} for row in rows)
    return {row["id"]: row for row in plain if row.get("id")}


def _as_csv(path: Path) -> str | None:
    """Kimai's time entries as its API gives them (`/api/timesheets?full=true`), as the rows of its CSV export.

    None where the file is no JSON list. Raises ImportRefused where the list is not one of whole time entries.
    """
    with path.open("rb") as file:
        start = file.read(START)
    if not start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=str)
    except ValueError as fault:
        raise ImportRefused(f"{path}: is no JSON: {fault}; export again") from fault
    rows = [_row(entry, f"{path}: entry {place}") for place, entry in enumerate(found, start=1)]
    table = io.StringIO()
    writer = csv.DictWriter(table, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


def _row(entry: object, where: str) -> dict[str, object]:
    said = _inside({"entry": entry}, "entry", where)
    project, activity, user = (_inside(said, name, where) for name in ("project", "activity", "user"))
    customer = _inside(project, "customer", where)
    begin, end = (str(said.get(name) or "") for name in ("begin", "end"))
    times = (begin[:10], begin[11:19], end[11:19], _clock(said.get("duration")))
    money = (customer.get("currency"), *map(said.get, ("rate", "hourlyRate", "fixedRate")))
    names = (user.get("alias") or user.get("username"), user.get("username"))
    of = (each.get("name") for each in (customer, project, activity))
    return dict(
        zip(HEADER, (*times, *money, *names, *of, *map(said.get, ("description", "billable", "exported"))), strict=True)
    )


def _inside(found: Mapping[str, object], name: str, where: str) -> Mapping[str, object]:
    inner = found.get(name)
    if not isinstance(inner, dict):
        raise ImportRefused(
            f"{where}: expected {name} with its name, found {inner!r}. The file is JSON; make the export as CSV or, of Kimai, ask"
            f" for whole entries: {ASKED}"
        )
    return inner


def _clock(seconds: object) -> str:
    """Empty while the timer runs."""
    if not isinstance(seconds, int):
        return ""
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}"
