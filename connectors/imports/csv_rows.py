"""A CSV file as rows, one at a time: encoding, byte order mark, delimiter, and lines that are broken."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from connectors.imports.mapping import FileForm
from connectors.imports.refusals import ImportRefused, readable_file
from connectors.imports.rejections import CsvRow, RejectedRow
from connectors.imports.said import normal_text

if TYPE_CHECKING:
    import _csv

BYTE_ORDER_MARK = "\ufeff"
# Taken off before the line is split, for a mark before a quote would make the quote a part of the name.
WITH_MARK = {"utf-8": "utf-8-sig"}

SAY_ENCODING = "state the file's encoding: file.encoding in a mapping, --encoding for the export of a tracker"

CUT_OFF = "correct the line, or export again if the file was cut off"
START_BYTES = 64 * 1024
DELIMITERS = (",", ";", "\t", "|")
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe\x00\x00": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ZIP = b"PK\x03\x04"
_NO_TEXT = {
    _ZIP: "a zip or a spreadsheet (xlsx, ods); unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of an old format; export as CSV, or save the sheet as CSV",
    b"%PDF": "a PDF; make the export as CSV",
    b"<!doc": "a web page, perhaps one that asks to log in; make the export as CSV",
    b"<html": "a web page, perhaps one that asks to log in; make the export as CSV",
    b"<?xml": "XML; make the export as CSV",
    b'{"': "JSON; make the export as CSV",
    b"{\n": "JSON; make the export as CSV",
    b"[{": "JSON; make the export as CSV",
    b"[\n": "JSON; make the export as CSV",
    b"\x1f\x8b": "packed by gzip; unpack it",
}


class Broken(NamedTuple):
    """A line that is no row of the table; `undecoded` is the cell that is not of the encoding, with its bytes as surrogates."""

    line: int
    value: str
    reason: str
    undecoded: str = ""

    def rejected(self, event: str, file: str = "") -> RejectedRow:
        """What would have become the event."""
        return RejectedRow(self.line, event, "", self.value, self.reason, None, file)


class CsvTable(NamedTuple):
    header: tuple[str, ...]
    rows: Iterator[CsvRow | Broken]


def open_text(path: Path, encoding: str) -> TextIO:
    """Bytes that are not of the encoding are carried as surrogates, so that only their own row is refused."""
    with readable_file(path):
        with path.open("rb") as file:
            _check_text(file.read(START_BYTES), path)
        return path.open(encoding=WITH_MARK.get(encoding, encoding), errors="surrogateescape", newline="")


def text_of(content: bytes, encoding: str) -> TextIO:
    """Of a file that does not stand by itself, such as one in a zip."""
    return TextIOWrapper(BytesIO(content), WITH_MARK.get(encoding, encoding), "surrogateescape", newline="")


def read_table(file: TextIO, path: Path, form: FileForm) -> CsvTable:
    """The header, and rows that are read as they are asked for."""
    try:
        for _ in range(form.skip_lines):
            file.readline()
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote, strict=True)
        header = tuple(normal_text(name.removeprefix(BYTE_ORDER_MARK)) for name in next(reader, []))
    except UnicodeError as fault:
        raise _not_of_encoding(path, form) from fault
    except csv.Error as fault:
        raise ImportRefused(f"{path}: line {form.skip_lines + 1}: expected a header, but {fault}") from fault
    if _undecoded(header):
        raise _not_of_encoding(path, form)
    others = [each for each in DELIMITERS if each != form.delimiter and len(header) == 1 and each in header[0]]
    if others:
        shown = "\\t" if others[0] == "\t" else others[0]
        raise ImportRefused(
            f'{path}: expected columns with "{form.delimiter}" between them, came "{shown}" in line {form.skip_lines + 1};'
            f' say delimiter = "{shown}" under [file] of the mapping'
        )
    if not any(header):
        raise ImportRefused(f"{path}: expected a header in line {form.skip_lines + 1}, came nothing; export again")
    return CsvTable(header, _rows(reader, lines, header, path, form))


class _Lines:
    """The file's lines, of which those of the row that is being read are kept."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.of_row: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self.file:
            self.of_row.append(line)
            yield line


def _rows(
    reader: _csv.Reader, lines: _Lines, header: tuple[str, ...], path: Path, form: FileForm
) -> Iterator[CsvRow | Broken]:
    """Raises ImportRefused where a quote that never closes swallows the lines after it, for they are rows."""
    empty = frozenset(form.empty)
    line = form.skip_lines + reader.line_num + 1
    while True:
        lines.of_row.clear()
        try:
            texts = next(reader, None)
        except csv.Error as fault:
            last = form.skip_lines + reader.line_num
            if last > line:
                raise _swallowed(path, line + _opening(lines.of_row, form), last, fault) from fault
            yield Broken(line, lines.of_row[0].rstrip("\r\n"), f"the line breaks the rules of CSV: {fault}; {CUT_OFF}")
            texts = []
        except UnicodeError as fault:
            raise _not_of_encoding(path, form) from fault
        if texts is None:
            return
        if any(texts):
            yield _row(line, texts, header, empty, form)
        line = form.skip_lines + reader.line_num + 1


def _row(
    line: int, texts: list[str], header: tuple[str, ...], empty: frozenset[str], form: FileForm
) -> CsvRow | Broken:
    if len(texts) != len(header):
        return Broken(line, "", f"expected {len(header)} cells as in the header, came {len(texts)}; {CUT_OFF}")
    cells = [normal_text(text) for text in texts]
    strange = _undecoded(cells)
    if strange:
        undecoded = next(cell for cell in cells if _undecoded([cell]))
        return Broken(line, "", f"byte {strange} is not {form.encoding}; {SAY_ENCODING}", undecoded)
    if empty:
        cells = ["" if text in empty else text for text in cells]
    return CsvRow(line, dict(zip(header, cells, strict=True)))


def _opening(lines: Sequence[str], form: FileForm) -> int:
    """In which of the lines the cell begins whose quote is at fault."""
    is_open, opened = False, 0
    for number, line in enumerate(lines):
        pieces = line.split(form.quote)
        for place, (before, after) in enumerate(pairwise(pieces)):
            if is_open:
                is_open = False
                if after.rstrip("\r\n") and not after.startswith(form.delimiter):
                    return opened  # closed in the middle of a cell
            elif before.endswith(form.delimiter) or (not before and place == 0):
                is_open, opened = True, number
            elif not before:
                is_open = True  # two quotes: a sign of the cell, which goes on
    return opened


def _swallowed(path: Path, line: int, last: int, fault: csv.Error) -> ImportRefused:
    return ImportRefused(
        f"{path}: line {line}: a quote begins here that is not closed as it has to be, so lines {line} to {last} are read as"
        f" one row ({fault}); close it, or write two quotes where one is meant, or export again if the file was cut off"
    )


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


def encoding_of(start: bytes) -> str:
    """By the byte order mark; without one, UTF-16 has a zero beside each plain letter of the header."""
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    header = start[:16]
    if len(header) == 16 and not any(header[1::2]):
        return "utf-16-le"
    return "utf-16-be" if len(header) == 16 and not any(header[0::2]) else "utf-8"


def _check_text(start: bytes, path: Path) -> None:
    """Raises ImportRefused with what the file is instead."""
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:16]
    known = next(
        (told for mark, told in _NO_TEXT.items() if first.startswith(mark) or first.lower().startswith(mark)), None
    )
    if first.startswith(_ZIP) and not zipfile.is_zipfile(path):
        known = "a zip or a spreadsheet (xlsx, ods) that is cut off; make the export again"
    if known is not None:
        raise ImportRefused(f"{path}: is {known}")
    header = start.partition(b"\n")[0]
    is_header = any(delimiter.encode() in header for delimiter in DELIMITERS)
    if b"\0" in start and not is_header and encoding_of(start) == "utf-8":
        raise ImportRefused(f"{path}: expected a CSV, came bytes that are no text; make the export as CSV")
