"""What people answer to the files of a file ledger: CSV files in its folder `answers`.

    key,reference,date,code,message
    MPK7Q2V5C4T3N6W2XYZA,JE-1042,2026-06-30,,
    MPT2M4D6R8P3S5V7X9Z2,,,ACCOUNT,account 4010 is inactive
    MPA3C5E7G2J4L6N8Q3S5,,,PERIOD,June is closed

A row with a reference or a date says that the document is posted; one with a code that it was rejected: PERIOD where the period is
closed, any other where the data are wrong. A last line without its end is not read yet, for it may still be copied.
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = "answers"
COLUMNS: Final = ("key", "reference", "date", "code", "message")
PERIOD: Final = "PERIOD"
# Answers of a million journals have less.
LARGEST_BYTES: Final = 256 * 1024 * 1024


class FileAnswer(NamedTuple):
    """`mark` is this row's own, so that a rejection counts once."""

    key: str
    mark: str
    reference: str = ""
    posted_on: date | None = None
    code: str = ""
    message: str = ""

    @property
    def is_posted(self) -> bool:
        return bool(self.reference or self.posted_on)


class UnreadAnswer(NamedTuple):
    """A file or a row that says nothing we know; it is left out, all others count."""

    place: str
    found: str


class Answers:
    """Read again where a file has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._known: dict[str, tuple[tuple[int, int], dict[str, list[FileAnswer]], list[UnreadAnswer]]] = {}

    def refresh(self) -> None:
        """Raises OSError."""
        paths = {path.name: path for path in sorted(self._folder.glob("*.csv"))} if self._folder.is_dir() else {}
        for name in self._known.keys() - paths.keys():
            del self._known[name]
        for name, path in paths.items():
            status = path.stat()
            seen = (status.st_size, status.st_mtime_ns)
            if name in self._known and self._known[name][0] == seen:
                continue
            answers: dict[str, list[FileAnswer]] = {}
            unread: list[UnreadAnswer] = []
            for found in _read(path, status.st_size):
                if isinstance(found, FileAnswer):
                    answers.setdefault(found.key, []).append(found)
                else:
                    unread.append(found)
            self._known[name] = (seen, answers, unread)

    def of(self, key: str) -> list[FileAnswer]:
        """In the order of the files' names."""
        return [answer for name in sorted(self._known) for answer in self._known[name][1].get(key, ())]

    def answered(self) -> set[str]:
        return {key for _, answers, _ in self._known.values() for key in answers}

    def unread(self) -> Iterator[UnreadAnswer]:
        for _, _, unread in self._known.values():
            yield from unread


def _read(path: Path, size: int) -> Iterator[FileAnswer | UnreadAnswer]:
    if size > LARGEST_BYTES:
        yield UnreadAnswer(path.name, f"{size:,} bytes, expected at most {LARGEST_BYTES:,}")
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        yield UnreadAnswer(path.name, "its last line has no end yet")
    try:
        text = data[:whole].decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data[:whole].decode("cp1252", "replace")
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        columns = [column.strip().lower() for column in next(rows, [])]
        if missing := [column for column in COLUMNS[:2] if column not in columns]:
            yield UnreadAnswer(
                path.name, f"expected the columns {', '.join(COLUMNS)}, {' and '.join(missing)} are missing"
            )
            return
        for row in rows:
            yield from _answered(path.name, rows.line_num, dict(zip(columns, map(str.strip, row), strict=False)))
    except csv.Error as fault:
        yield UnreadAnswer(f"{path.name}:{rows.line_num}", str(fault))


def _answered(name: str, line: int, row: dict[str, str]) -> Iterator[FileAnswer | UnreadAnswer]:
    key, reference, day, code, message = (row.get(column, "") for column in COLUMNS)
    place = f"{name}:{line}"
    if not any(row.values()):
        return
    try:
        posted_on = date.fromisoformat(day) if day else None
    except ValueError:
        yield UnreadAnswer(place, f"expected a date such as 2026-06-30, found {day!r}")
        return
    said = "\x1f".join((name, str(line), key, code, message))
    answer = FileAnswer(
        key, hashlib.blake2b(said.encode(), digest_size=8).hexdigest(), reference, posted_on, code, message
    )
    if not key or answer.is_posted == bool(code):
        yield UnreadAnswer(place, "expected a key, and either a reference or a code")
        return
    yield answer
