"""A CSV file as rows, one at a time: encoding, byte order mark, delimiter, and lines that are broken."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from connectors.imports.file_kinds import START_BYTES, check_text
from connectors.imports.mapping import FileForm
from connectors.imports.refusals import ImportRefused
from connectors.imports.said import Row, normal_text

if TYPE_CHECKING:
    import _csv

BYTE_ORDER_MARK = "\ufeff"
# Taken off before the line is split, for a mark before a quote would make the quote a part of the name.
WITH_MARK = {"utf-8": "utf-8-sig"}

SAY_ENCODING = "state the file's encoding: file.encoding in a mapping, --encoding for the export of a tracker"

CUT_OFF = "correct the line, or export again if the file was cut off"


class Broken(NamedTuple):
    """A line that is no row of the table."""

    line: int
    value: str
    reason: str


class Table(NamedTuple):
    header: tuple[str, ...]
    rows: Iterator[Row | Broken]


def open_text(path: Path, encoding: str) -> TextIO:
    """Bytes that are not of the encoding are carried as surrogates, so that only their own row is refused."""
    try:
        with path.open("rb") as file:
            check_text(file.read(START_BYTES), path)
        return path.open(encoding=WITH_MARK.get(encoding, encoding), errors="surrogateescape", newline="")
    except OSError as fault:
        raise ImportRefused(f"{path}: cannot be read: {fault.strerror}") from fault


def read_table(file: TextIO, path: Path, form: FileForm) -> Table:
    """The header, and rows that are read as they are asked for."""
    try:
        for _ in range(form.skip_lines):
            file.readline()
        reader = csv.reader(file, delimiter=form.delimiter, quotechar=form.quote, strict=True)
        header = _header(next(reader, []))
    except UnicodeError as fault:
        raise _not_of_encoding(path, form) from fault
    except csv.Error as fault:
        raise ImportRefused(f"{path}: line {form.skip_lines + 1}: expected a header, but {fault}") from fault
    if _undecoded(header):
        raise _not_of_encoding(path, form)
    if not any(header):
        raise ImportRefused(f"{path}: expected a header in line {form.skip_lines + 1}, came nothing; export again")
    return Table(header, _rows(reader, header, path, form))


def _header(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(normal_text(name.removeprefix(BYTE_ORDER_MARK)) for name in names)


def _rows(reader: _csv.Reader, header: tuple[str, ...], path: Path, form: FileForm) -> Iterator[Row | Broken]:
    empty = frozenset(form.empty)
    line = form.skip_lines + reader.line_num + 1
    while True:
        try:
            texts = next(reader, None)
        except csv.Error as fault:
            last = form.skip_lines + reader.line_num
            span = f"lines {line} to {last} break" if last > line else "the line breaks"
            yield Broken(line, "", f"{span} the rules of CSV: {fault}; {CUT_OFF}")
            texts = []
        except UnicodeError as fault:
            raise _not_of_encoding(path, form) from fault
        if texts is None:
            return
        if any(texts):
            yield _row(line, texts, header, empty, form)
        line = form.skip_lines + reader.line_num + 1


def _row(line: int, texts: list[str], header: tuple[str, ...], empty: frozenset[str], form: FileForm) -> Row | Broken:
    if len(texts) != len(header):
        return Broken(line, "", f"expected {len(header)} cells as in the header, came {len(texts)}; {CUT_OFF}")
    cells = [normal_text(text) for text in texts]
    strange = _undecoded(cells)
    if strange:
        return Broken(line, "", f"byte {strange} is not {form.encoding}; {SAY_ENCODING}")
    if empty:
        cells = ["" if text in empty else text for text in cells]
    return Row(line, dict(zip(header, cells, strict=True)))


def _undecoded(texts: Sequence[str]) -> str:
    """The first byte that the encoding does not know, as 0xE9."""
    for text in texts:
        if not text.isascii():
            for sign in text:
                if "\udc80" <= sign <= "\udcff":
                    return f"0x{ord(sign) - 0xDC00:02X}"
    return ""


def _not_of_encoding(path: Path, form: FileForm) -> ImportRefused:
    return ImportRefused(f"{path}: is not {form.encoding}; {SAY_ENCODING}")
