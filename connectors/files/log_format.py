"""How the engagement log lies in its folder.

`0.avro` is an Avro container file with one record a block, so that its bytes do not depend on where commits fell and
the file only ever grows. `0.end` says how much of it is committed; what comes after may be half of a batch and is cut
off at the next start. `0.index` says where every thousandth record begins. Without it, and where it does not fit the log, reading
starts slower, and the next run makes it again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

from connectors.avro_schema import Bytes, MapType, minified
from connectors.avro_walk import long_bytes, read_value, whole
from connectors.containers import MAGIC, SYNC_BYTES, sync_marker
from connectors.decode_error import DecodeError
from connectors.files.writing import replace_file
from connectors.log_records import LOG_RECORD
from state.genesis import Genesis, from_json, to_json
from state.guards import LOG_DAMAGED, GuardStop

FOLDER: Final = "log"
TOPIC: Final = "engagement.log"
INDEXED_EVERY: Final = 1_000
HEADER_BYTES_MAX: Final = 1024 * 1024
GENESIS: Final = "milepost.genesis"
POSITION: Final = Struct("<Q")


class LogEnd(NamedTuple):
    """How many records, and in how many bytes of the file."""

    offset: int
    length: int


class LogHeader(NamedTuple):
    """`start` is where the first record begins."""

    genesis: Genesis
    sync: bytes
    start: int


def log_path(output_dir: Path, partition: int = 0) -> Path:
    return output_dir / FOLDER / f"{partition}.avro"


def index_path(log: Path) -> Path:
    return log.with_suffix(".index")


def header_bytes(genesis: Genesis) -> bytes:
    meta = {"avro.codec": b"null", "avro.schema": minified(LOG_RECORD).encode(), GENESIS: to_json(genesis).encode()}
    pairs = [long_bytes(len(part)) + part for key, value in meta.items() for part in (key.encode(), value)]
    sync = sync_marker(genesis.generation, f"{TOPIC}/{genesis.partition}")
    return b"".join((MAGIC, long_bytes(len(meta)), *pairs, long_bytes(0), sync))


def read_header(file: int, log: Path) -> LogHeader:
    data = os.pread(file, HEADER_BYTES_MAX, 0)
    try:
        meta, end = read_value(MapType(Bytes()), data, len(MAGIC))
        known = data.startswith(MAGIC) and meta.get("avro.codec") == b"null"
        genesis = from_json(meta[GENESIS].decode()) if known else None
    except (DecodeError, KeyError, ValueError) as error:
        raise damaged(log, None, f"its header cannot be read: {error}") from error
    if genesis is None or meta.get("avro.schema") != minified(LOG_RECORD).encode():
        raise damaged(log, None, "its header is not that of an engagement log")
    return LogHeader(genesis, data[end : end + SYNC_BYTES], end + SYNC_BYTES)


def read_block(data: bytes, at: int, sync: bytes) -> tuple[int, int] | None:
    """Where the record of the block here begins and where the next block; None where the data ends before."""
    try:
        if data[at] != 2:
            raise DecodeError("a block that is not of one record")
        low, high = data[at + 1], data[at + 2]
        # Nearly all records have a length of two bytes.
        if low >= 128 > high:
            size, start = (low & 127 | high << 7) >> 1, at + 3
        else:
            size, start = whole(data, at + 1)
    except IndexError:
        return None
    stop = start + size + SYNC_BYTES
    if stop > len(data):
        return None
    if size < 0 or not data.startswith(sync, stop - SYNC_BYTES):
        raise DecodeError("a block without the sync marker behind it")
    return start, stop


def read_end(log: Path) -> LogEnd | None:
    try:
        return LogEnd(**json.loads(_end_path(log).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_end(log: Path, end: LogEnd) -> None:
    replace_file(_end_path(log), json.dumps(end._asdict()).encode())


def read_index(log: Path) -> list[int]:
    try:
        data = index_path(log).read_bytes()
    except OSError:
        return []
    return [position for (position,) in POSITION.iter_unpack(data[: len(data) // POSITION.size * POSITION.size])]


def is_begin(file: int, position: int, sync: bytes) -> bool:
    """Whether a record may begin there: what stands before it ends with the sync marker."""
    in_file = SYNC_BYTES <= position <= os.fstat(file).st_size
    return in_file and os.pread(file, SYNC_BYTES, position - SYNC_BYTES) == sync


def damaged(log: Path, offset: int | None, reason: str) -> GuardStop:
    place = "" if offset is None else f", offset {offset}"
    return GuardStop(
        LOG_DAMAGED,
        f"{log}{place}: the log is damaged: {reason}. Put back a copy of it; or delete it together with intake.db, "
        "and the next run makes it again from the input files",
    )


def _end_path(log: Path) -> Path:
    return log.with_suffix(".end")
