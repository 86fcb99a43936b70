"""Checksums of the pages of a store, in a file beside it, so that a page that is no longer what was written is found at opening.

SQLite changes the store's file only when it takes over the write-ahead log, and `seal` alone makes it do so: it first writes down what
the pages will be then. A crash between the two does no harm: until the write-ahead log is emptied, its pages stand in for those of the
file. SQLite proves the frames of the write-ahead log itself, each with the ones before; it ends at the first that is wrong, which leaves
the store as it was some commits ago, a valid start. That is not so for frames that were being taken over; so their number is kept.
"""

import os
import sqlite3
import struct
import zlib
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from state.store.snapshot import Damaged

PAGE = 8192
# Of the write-ahead log: the same as SQLite would use by itself.
SEAL_ABOVE = 500 * PAGE
_CHUNK = 128 * PAGE
_FORM = b"pages 1\n"
# Salts of the write-ahead log that is being taken over, how many of its frames, and the checksum of the sums.
_HEAD = struct.Struct(">8s8sII")
_WAL_HEAD = 32
_FRAME_HEAD = struct.Struct(">II8s8s")
_NO_SALTS = bytes(8)
# What SQLite leaves out: pages that were free before they were ever written, and the one at the first GiB, which it locks.
_UNWRITTEN = zlib.crc32(bytes(PAGE))


class WriteAhead(NamedTuple):
    """What is committed in the write-ahead log: the checksum of each page's newest version."""

    salts: bytes
    frames: int
    pages: Mapping[int, int]


class PageSums:
    """Of the store at this path; it is checked before SQLite opens it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = Path(f"{path}-pages")
        self._wal = Path(f"{path}-wal")
        self._sums: array[int] = array("I")
        self._seal_at = SEAL_ABOVE
        self._frames = 0
        if path.exists() and path.stat().st_size:
            self._check()

    def _check(self) -> None:
        """Every page that the write-ahead log does not stand in for. Raises Damaged."""
        salts, frames = self._read()
        ahead = self._written_ahead()
        if frames and ahead.salts == salts and ahead.frames < frames:
            raise Damaged(f"store {self._path}: its write-ahead log has {ahead.frames} frames, {frames} were written")
        self._frames = ahead.frames
        number = 0
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                for at in range(0, len(chunk), PAGE):
                    number += 1
                    if number not in ahead.pages and zlib.crc32(chunk[at : at + PAGE]) != self._sum(number):
                        raise Damaged(f"store {self._path}: page {number} is not the one that was written")
        missing = next((page for page in range(number + 1, len(self._sums) + 1) if page not in ahead.pages), None)
        if missing is not None:
            raise Damaged(f"store {self._path}: page {missing} is missing")

    def check_recovered(self, db: sqlite3.Connection) -> None:
        """What a crash left in the write-ahead log is taken over, if SQLite finds all of it good. Raises Damaged."""
        if not self._frames:
            return
        self._prepare()
        _, frames, _ = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if frames != self._frames:
            raise Damaged(
                f"store {self._path}: {frames} frames of its write-ahead log are good, {self._frames} were written"
            )

    def is_due(self) -> bool:
        return self._wal.exists() and self._wal.stat().st_size >= self._seal_at

    def seal(self, db: sqlite3.Connection) -> None:
        """Take the write-ahead log over into the store. Where somebody reads just now it may have to stay for a while."""
        self._prepare()
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._seal_at = SEAL_ABOVE + (self._wal.stat().st_size if busy else 0)

    def _prepare(self) -> None:
        ahead = self._written_ahead()
        if not ahead.frames:
            return
        with self._wal.open("rb") as file:
            os.fsync(file.fileno())
        self._sums.extend([_UNWRITTEN] * (max(ahead.pages) - len(self._sums)))
        for number, found in ahead.pages.items():
            self._sums[number - 1] = found
        self._write(ahead)

    def _sum(self, number: int) -> int:
        return self._sums[number - 1] if number <= len(self._sums) else -1

    def _read(self) -> tuple[bytes, int]:
        data = self._file.read_bytes() if self._file.exists() else b""
        if len(data) < _HEAD.size:
            raise Damaged(f"store {self._path} has no checksums of its pages")
        form, salts, frames, checksum = _HEAD.unpack_from(data)
        body = data[_HEAD.size :]
        if form != _FORM or len(body) % self._sums.itemsize or zlib.crc32(body) != checksum:
            raise Damaged(f"store {self._path}: the checksums of its pages are damaged")
        self._sums.frombytes(body)
        return salts, frames

    def _write(self, ahead: WriteAhead) -> None:
        body = self._sums.tobytes()
        beside = Path(f"{self._file}.tmp")
        with beside.open("wb") as file:
            file.write(_HEAD.pack(_FORM, ahead.salts, ahead.frames, zlib.crc32(body)) + body)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._file)

    def _written_ahead(self) -> WriteAhead:
        if not self._wal.exists() or self._wal.stat().st_size <= _WAL_HEAD:
            return WriteAhead(_NO_SALTS, 0, {})
        with self._wal.open("rb") as file:
            return _committed(file.fileno())


def _committed(file: int) -> WriteAhead:
    """Frames follow each other as long as their salts are those of the head; a commit is a frame that says the size of the store.

    They are read one by one: mapped, the log would count as memory of the process, whose peak it would make.
    """
    salts = os.pread(file, 8, 16)
    kept: dict[int, int] = {}
    open_: dict[int, int] = {}
    frames = 0
    size = _FRAME_HEAD.size + PAGE
    for number, at in enumerate(range(_WAL_HEAD, os.fstat(file).st_size - size + 1, size), 1):
        page, commit, frame_salts, _ = _FRAME_HEAD.unpack(os.pread(file, _FRAME_HEAD.size, at))
        if frame_salts != salts or not page:
            break
        open_[page] = at + _FRAME_HEAD.size
        if commit:
            kept.update(open_)
            open_.clear()
            frames = number
    return WriteAhead(salts, frames, {page: zlib.crc32(os.pread(file, PAGE, at)) for page, at in kept.items()})
