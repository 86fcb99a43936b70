"""What a file is by its first bytes: text and in which encoding, or something that people take for a CSV."""

from __future__ import annotations

import zipfile
from pathlib import Path

from connectors.imports.refusals import ImportRefused

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


def encoding_of(start: bytes) -> str:
    """By the byte order mark; without one, UTF-16 has a zero beside each plain letter of the header."""
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    header = start[:16]
    if len(header) == 16 and not any(header[1::2]):
        return "utf-16-le"
    return "utf-16-be" if len(header) == 16 and not any(header[0::2]) else "utf-8"


def check_text(start: bytes, path: Path) -> None:
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
