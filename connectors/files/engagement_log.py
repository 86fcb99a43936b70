"""Reads the engagement log of an embedded run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from connectors.closing import Closable
from connectors.containers import SYNC_BYTES
from connectors.decode_error import DecodeError
from connectors.files.log_format import (
    INDEXED_EVERY,
    LogEnd,
    damaged,
    is_begin,
    log_path,
    read_block,
    read_end,
    read_header,
    read_index,
)
from connectors.log_records import StoredRecord, read_record
from domain.events.catalogue import Event
from domain.outputs import Position
from state.genesis import Genesis
from state.guards import LOG_MISSING, GuardStop

READ_BYTES_MIN: Final = 64 * 1024
READ_BYTES_MAX: Final = 4 * 1024 * 1024
# Nearly all records are smaller.
RECORD_BYTES_NEAR: Final = 4 * 1024
# A record is an event of at most 1 MB with its engagement and what is its own.
RECORD_BYTES_MAX: Final = 3 * 1024 * 1024


class EngagementLog(Closable):
    """Reads what is committed; offsets count from 0."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _open(path)
        self._header = read_header(self._file, path)
        self._index = read_index(path)
        self._next = LogEnd(0, self._header.start)
        self._committed = self._next
        self.refresh()

    @classmethod
    def open(cls, output_dir: Path, partition: int = 0) -> Self:
        """Raises GuardStop where there is no log or it is damaged."""
        return cls(log_path(output_dir, partition))

    def close(self) -> None:
        os.close(self._file)

    @property
    def genesis(self) -> Genesis:
        return self._header.genesis

    @property
    def length(self) -> int:
        """Bytes that are committed."""
        return self._committed.length

    @property
    def end(self) -> int:
        """Offset of the next record to come."""
        return self._committed.offset

    def refresh(self) -> int:
        """Takes note of what was committed since; the new end."""
        found = read_end(self.path)
        if found is None:
            found = self._last_whole()
        elif os.fstat(self._file).st_size < found.length:
            raise damaged(self.path, found.offset, "the file is shorter than what was committed")
        self._committed = found
        return found.offset

    def read(self, offset: int, max_records: int = 2_000, max_bytes: int = READ_BYTES_MAX) -> list[StoredRecord]:
        """Committed records from an offset on, at least one where there is one; fewer where they are large."""
        if offset >= self._committed.offset:
            return []
        begin = self._place_of(offset)
        last = min(self._committed.offset, offset + max_records)
        found = self._parse(begin, last, max(max_bytes, READ_BYTES_MIN))
        found = found or self._parse(begin, offset + 1, RECORD_BYTES_MAX)
        if not found:
            raise damaged(self.path, offset, "the record is not whole")
        return found

    def record(self, offset: int) -> StoredRecord | None:
        """None where the log has not come so far."""
        return next(iter(self.read(offset, 1)), None)

    def records(self, offset: int = 0) -> Iterator[StoredRecord]:
        """All committed ones from an offset on."""
        while found := self.read(offset):
            yield from found
            offset += len(found)

    def stored(self) -> Iterator[bytes]:
        """All committed ones as they stand, to be copied."""
        data, base, place = b"", 0, self._header.start
        for offset in range(self._committed.offset):
            try:
                block = read_block(data, place - base, self._header.sync) if data else None
                if block is None:
                    data, base = os.pread(self._file, READ_BYTES_MAX, place), place
                    block = read_block(data, 0, self._header.sync)
            except DecodeError as error:
                raise damaged(self.path, offset, str(error)) from error
            if block is None:
                raise damaged(self.path, offset, "the record is not whole")
            yield data[block[0] : block[1] - SYNC_BYTES]
            place = base + block[1]

    def places(self, offset: int = 0) -> Iterator[LogEnd]:
        """The bytes at which the committed records from an offset on begin."""
        if offset < self._committed.offset:
            for place in self._walk(self._place_of(offset)):
                if place.offset == self._committed.offset:
                    return
                yield place

    def record_at(self, place: LogEnd) -> StoredRecord:
        """The record of an offset whose block begins at a byte that `places` gave."""
        near = min(RECORD_BYTES_NEAR, self._committed.length - place.length)
        return self._record(place.offset, place.length, near, "")

    def event_at(self, position: int) -> Event:
        """Of the record whose block begins at a byte of the file, committed or not."""
        return self._record(None, position, RECORD_BYTES_MAX, f"byte {position}: ").event

    def _record(self, offset: int | None, position: int, near: int, where: str) -> StoredRecord:
        """Whose block begins at a byte; so many bytes are read first."""
        try:
            for size in dict.fromkeys((near, RECORD_BYTES_MAX)):
                data = os.pread(self._file, size, position)
                if (block := read_block(data, 0, self._header.sync)) is not None:
                    return read_record(-1 if offset is None else offset, data, block[0])[0]
        except (DecodeError, KeyError) as error:
            raise damaged(self.path, offset, f"{where}{error}") from error
        raise damaged(self.path, offset, f"no whole record at byte {position}")

    def place_of(self, offset: int) -> int:
        """The byte at which the block of a record begins."""
        return self._place_of(offset).length

    def _parse(self, begin: LogEnd, last: int, size: int) -> list[StoredRecord]:
        """The records that are whole within so many bytes."""
        offset, position = begin
        indexed = self._indexed(-(-last // INDEXED_EVERY))
        stop = self._committed.length if indexed is None else indexed.length
        data = os.pread(self._file, max(0, min(size, stop - position)), position)
        found: list[StoredRecord] = []
        at, sync = 0, self._header.sync
        try:
            while offset < last and (block := read_block(data, at, sync)):
                record, end = read_record(offset, data, block[0])
                found.append(record)
                offset += 1
                at = block[1]
                _check_length(end, at)
        except (DecodeError, KeyError) as error:
            raise damaged(self.path, offset, str(error)) from error
        self._next = LogEnd(offset, position + at)
        return found

    def _place_of(self, offset: int) -> LogEnd:
        """Read on from the last place or from the nearest one in the index, whichever is nearer."""
        known = (self._begin(min(offset // INDEXED_EVERY, len(self._index) - 1)), self._next)
        nearest = max(place for place in known if place.offset <= offset)
        for place in self._walk(nearest):
            if place.offset == offset:
                return place
        raise damaged(self.path, offset, "the log ends before it")

    def _last_whole(self) -> LogEnd:
        """For a log whose end is not written down."""
        found = self._begin(len(self._index) - 1)
        for place in self._walk(found):
            found = place
        return found

    def _begin(self, entry: int) -> LogEnd:
        return self._indexed(entry) or LogEnd(0, self._header.start)

    def _indexed(self, entry: int) -> LogEnd | None:
        """None where the index does not have it. One that does not fit the log is dropped, and made again while it is read."""
        if not 0 <= entry < len(self._index):
            return None
        first, place = self._index[0], self._index[entry]
        if first == self._header.start and is_begin(self._file, place, self._header.sync):
            return LogEnd(entry * INDEXED_EVERY, place)
        self._index.clear()
        return None

    def _walk(self, place: LogEnd) -> Iterator[LogEnd]:
        """This place, those of all records after it, and the end; adds to the index on the way."""
        data, base = b"", place.length
        while True:
            if place.offset == len(self._index) * INDEXED_EVERY:
                self._index.append(place.length)
            yield place
            try:
                block = read_block(data, place.length - base, self._header.sync)
                if block is None:
                    data, base = os.pread(self._file, RECORD_BYTES_MAX, place.length), place.length
                    block = read_block(data, 0, self._header.sync)
            except DecodeError as error:
                raise damaged(self.path, place.offset, str(error)) from error
            if block is None:
                return
            place = LogEnd(place.offset + 1, base + block[1])


def event_of(output: Path, position: Position) -> Event | None:
    """What brought an output; None where its log is not there, or has not come so far."""
    if not log_path(output, position.shard).exists():
        return None
    with EngagementLog.open(output, position.shard) as log:
        record = log.record(position.log_offset)
    return record.event if record is not None else None


def _check_length(stop: int, block_end: int) -> None:
    if stop != block_end - SYNC_BYTES:
        raise DecodeError("a record that is not as long as its block")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise GuardStop(LOG_MISSING, f"{path}: no log to read ({fault.strerror}); `milepost run` makes one") from fault
