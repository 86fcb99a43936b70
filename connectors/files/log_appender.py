"""Writes the engagement log of an embedded run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from connectors.avro_source import MadeTable
from connectors.avro_writer import whole_piece
from connectors.event_bodies import WRITERS
from connectors.files.engagement_log import EngagementLog
from connectors.files.log_format import (
    INDEXED_EVERY,
    POSITION,
    LogEnd,
    LogHeader,
    damaged,
    header_bytes,
    index_path,
    is_begin,
    log_path,
    read_header,
    read_index,
    write_end,
)
from connectors.files.writing import replace_file, sync_folder, write_all, writing
from connectors.log_records import Stored, write_stored
from domain.events.catalogue import Event
from state.genesis import Genesis

BUFFER_BYTES_MAX: Final = 4 * 1024 * 1024


class LogAppender:
    """Adds records; what it wrote counts once intake's own state is committed and `publish` has said so."""

    def __init__(self, path: Path, file: int, header: LogHeader, committed: LogEnd) -> None:
        self.path = path
        self.genesis = header.genesis
        self.offset, self.position = committed
        self._sync = header.sync
        self._file = file
        self._index = _open_index(path, file, header, committed)
        self._reader: EngagementLog | None = None
        self._heads = MadeTable(_head)
        self._blocks: list[bytes] = []
        self._blocks_bytes = 0
        self._indexed: list[int] = []

    @classmethod
    def open(cls, output_dir: Path, genesis: Genesis, committed: LogEnd | None) -> Self:
        """A new log where nothing is committed; else the one there is, cut back, and its own genesis holds."""
        path = log_path(output_dir, genesis.partition)
        if committed is None:
            replace_file(path, header_bytes(genesis))
            sync_folder(path.parent)
        with writing(path):
            file = os.open(path, os.O_RDWR)
        header = read_header(file, path)
        committed = committed or LogEnd(0, header.start)
        if os.fstat(file).st_size < committed.length:
            raise damaged(path, committed.offset, "the file is shorter than what was committed")
        with writing(path):
            os.ftruncate(file, committed.length)
            os.lseek(file, 0, os.SEEK_END)
        write_end(path, committed)
        return cls(path, file, header, committed)

    def close(self) -> None:
        """What was appended and not synced is left to the next start."""
        if self._reader is not None:
            self._reader.close()
        os.close(self._index)
        os.close(self._file)

    def append(self, engagement_id: str, event: Event, own: tuple[str, ...] | None = None) -> int:
        """The byte at which the record's block begins."""
        body = WRITERS[type(event)].encode(event)
        if own is None:
            head = self._heads[engagement_id, type(event)]
            data = b"".join((head, whole_piece(len(body)), body, b"\x00"))
        else:
            name, schema, _ = WRITERS[type(event)]
            data = write_stored(Stored(engagement_id, name, schema, body, own))
        return self.append_stored(data)

    def append_stored(self, data: bytes) -> int:
        """A record as it stands in another log."""
        block = b"".join((b"\x02", whole_piece(len(data)), data, self._sync))
        position = self.position
        if self.offset % INDEXED_EVERY == 0:
            self._indexed.append(position)
        self._blocks.append(block)
        self._blocks_bytes += len(block)
        self.offset += 1
        self.position = position + len(block)
        if self._blocks_bytes > BUFFER_BYTES_MAX:
            self.flush()
        return position

    def event_at(self, position: int) -> Event:
        """Of a record appended earlier."""
        self.flush()
        if self._reader is None:
            self._reader = EngagementLog(self.path)
        return self._reader.event_at(position)

    def flush(self) -> None:
        with writing(self.path):
            write_all(self._file, b"".join(self._blocks))
            write_all(self._index, b"".join(map(POSITION.pack, self._indexed)))
        self._blocks, self._blocks_bytes, self._indexed = [], 0, []

    def sync(self) -> LogEnd:
        """All that was appended is on the disk."""
        self.flush()
        with writing(self.path):
            os.fsync(self._file)
        return LogEnd(self.offset, self.position)

    def publish(self) -> None:
        """Lets readers see the log up to here."""
        write_end(self.path, LogEnd(self.offset, self.position))


def _head(key: tuple[str, type]) -> bytes:
    """How records of an engagement and a type begin, up to the length of the body."""
    name, schema, _ = WRITERS[key[1]]
    empty = write_stored(Stored(key[0], name, schema, b""))
    return empty[:-2]


def _open_index(log: Path, records: int, header: LogHeader, committed: LogEnd) -> int:
    """Cut back with the log; one that is too short, or does not fit the log, is made again."""
    path = index_path(log)
    entries = -(-committed.offset // INDEXED_EVERY)
    with writing(path):
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        known = read_index(log)[:entries]
        if len(known) < entries or not _fits(known, records, header):
            os.ftruncate(file, 0)
            with EngagementLog(log) as reader:
                places = [reader.place_of(entry * INDEXED_EVERY) for entry in range(entries)]
            write_all(file, b"".join(map(POSITION.pack, places)))
        os.ftruncate(file, entries * POSITION.size)
        os.lseek(file, 0, os.SEEK_END)
    return file


def _fits(places: Sequence[int], records: int, header: LogHeader) -> bool:
    return places[:1] in ([], [header.start]) and all(is_begin(records, place, header.sync) for place in places)
