"""Avro object container files: a strict and bounded reader, and a writer whose bytes never depend on commits.

A file is read only with schemas that Milepost knows, today's or released ones. A damaged block costs its own records:
reading goes on after the next sync marker. We write one record a block, with a sync marker made from generation and
topic, so that the same records are the same bytes wherever a run was cut.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Generic, NamedTuple, TypeVar

from connectors.avro_codec import Decoder, output_versions
from connectors.avro_schema import (
    Bytes,
    MapType,
    SchemaRefused,
    definitions,
    fingerprint,
    minified,
    parse,
    self_contained,
)
from connectors.avro_walk import MESSAGE_BYTES_MAX, long_bytes, read_value, skip_from, whole
from connectors.decode_error import DecodeError
from domain.outputs import Output, Position

R = TypeVar("R")

MAGIC: Final = b"Obj\x01"
SYNC_BYTES: Final = 16
HEADER_BYTES_MAX: Final = 1_000_000
# More types than a file ever holds.
TYPES_MAX: Final = 512
BLOCK_BYTES_MAX: Final = 4 * 1024 * 1024
CHUNK_BYTES: Final = 1024 * 1024
# Read at a time where records lie apart.
NEAR_BYTES: Final = 16 * 1024
DAMAGED_BYTES_KEPT: Final = 900_000


class ContainerRecord(NamedTuple, Generic[R]):
    """A record, its bytes, their schema's fingerprint, and its place: the byte at which its block begins and its number there."""

    type_name: str
    record: R
    body: bytes
    byte_offset: int
    number: int
    block_end: int
    schema: str


class Damage(NamedTuple):
    """What could not be read: its place, why, and its bytes as far as they are known."""

    path: Path
    byte_offset: int
    number: int
    reason: str
    field_path: str
    raw: bytes


class ContainerDamaged(Exception):
    """A file of our own that is damaged."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(damage)
        self.damage = damage

    def __str__(self) -> str:
        return f"{self.damage.path}, byte {self.damage.byte_offset}: {self.damage.reason}"


class ContainerFormat:
    """Header and blocks of a file that holds these records, one a block; of several, as a union in this order."""

    def __init__(self, codecs: Sequence[Decoder[Any]], generation: str, topic: str) -> None:
        several = len(codecs) > 1
        seen: set[str] = set()
        schemas = [self_contained(codec.schema, definitions(codec.schema), seen) for codec in codecs]
        self.schema_json = minified(schemas if several else schemas[0])
        self.sync = sync_marker(generation, topic)
        self.header = _header(self.schema_json, self.sync)
        self._tags = {codec.name: long_bytes(at) if several else b"" for at, codec in enumerate(codecs)}

    def block(self, type_name: str, body: bytes) -> bytes:
        """One record as it stands in the file."""
        tagged = self._tags[type_name] + body
        return b"\x02" + long_bytes(len(tagged)) + tagged + self.sync


def sync_marker(generation: str, topic: str) -> bytes:
    return hashlib.blake2b(f"{generation}\0{topic}".encode(), digest_size=SYNC_BYTES).digest()


def read_container(
    path: Path, known: Mapping[str, Decoder[R]], start: int | None = None, end: int | None = None
) -> Iterator[ContainerRecord[R] | Damage]:
    """The records of a file whose schema is `known` by its fingerprint.

    `start` is a `block_end` of earlier; nothing from byte `end` on is looked at. In memory is one block at a time.
    """
    with path.open("rb") as file:
        tape = _Tape(file, end)
        try:
            header = _read_header(tape, known)
        except (DecodeError, SchemaRefused) as error:
            yield Damage(path, 0, 0, str(error), "", b"")
            return
        if start is not None:
            tape.go(start)
        while tape.ahead(1):
            yield from _read_block(path, tape, header)


def records_at(
    path: Path, known: Mapping[str, Decoder[R]], places: Sequence[int], end: int | None = None
) -> Iterator[ContainerRecord[R] | Damage]:
    """The records of the blocks that begin at these bytes, ascending; little is read besides."""
    with path.open("rb") as file:
        tape = _Tape(file, end, NEAR_BYTES)
        try:
            header = _read_header(tape, known)
        except (DecodeError, SchemaRefused) as error:
            yield Damage(path, 0, 0, str(error), "", b"")
            return
        for place in places:
            tape.go(place)
            yield from _read_block(path, tape, header)


def decode_output_file(path: Path, start: int | None = None) -> Iterator[tuple[Position, Output]]:
    """A file of outputs that Milepost wrote. Raises ContainerDamaged."""
    return (one.record for one in undamaged(read_container(path, output_versions(), start)))


def undamaged(found: Iterable[ContainerRecord[R] | Damage]) -> Iterator[ContainerRecord[R]]:
    """Raises ContainerDamaged."""
    for one in found:
        if isinstance(one, Damage):
            raise ContainerDamaged(one)
        yield one


class _Header(NamedTuple, Generic[R]):
    decoders: tuple[Decoder[R], ...]
    is_union: bool
    is_deflated: bool
    sync: bytes


class _Tape:
    """A file read forward, with what lies ahead in memory."""

    def __init__(self, file: BinaryIO, end: int | None, chunk: int = CHUNK_BYTES) -> None:
        self.file = file
        self.end = end
        self.chunk = chunk
        self.at = 0
        self.kept = b""
        self.kept_at = 0

    def ahead(self, count: int) -> bytes:
        """Up to `count` bytes from here; fewer where the file ends."""
        begin = self.at - self.kept_at
        if not 0 <= begin <= begin + count <= len(self.kept):
            self._read(count)
            begin = 0
        return self.kept[begin : begin + count]

    def go(self, at: int) -> None:
        self.at = at

    def _read(self, count: int) -> None:
        begin = self.at - self.kept_at
        rest = self.kept[begin:] if begin >= 0 else b""
        self.file.seek(self.at + len(rest))
        left = self.chunk + count
        if self.end is not None:
            left = max(0, min(left, self.end - self.at - len(rest)))
        self.kept = rest + self.file.read(left)
        self.kept_at = self.at


def _read_header(tape: _Tape, known: Mapping[str, Decoder[R]]) -> _Header[R]:
    start = tape.ahead(HEADER_BYTES_MAX)
    if not start.startswith(MAGIC):
        raise DecodeError("not an Avro container file")
    meta, end = read_value(MapType(Bytes()), start, len(MAGIC))
    sync = start[end : end + SYNC_BYTES]
    if len(sync) < SYNC_BYTES:
        raise DecodeError("ends inside the header")
    codec = meta.get("avro.codec", b"null")
    if codec not in {b"null", b"deflate"}:
        raise DecodeError("compressed in a way that is not read; write the file with codec null or deflate")
    tape.go(end + SYNC_BYTES)
    schema = parse(meta.get("avro.schema", b""))
    return _Header(tuple(_decoders(schema, known)), isinstance(schema, list), codec == b"deflate", sync)


def _decoders(schema: Any, known: Mapping[str, Decoder[R]]) -> Iterator[Decoder[R]]:
    branches = schema if isinstance(schema, list) else [schema]
    if not 1 <= len(branches) <= TYPES_MAX:
        raise SchemaRefused(f"a union of {len(branches)} types, expected 1 to {TYPES_MAX}")
    named = definitions(schema)
    for branch in branches:
        decoder = known.get(fingerprint(self_contained(branch, named)))
        if decoder is None:
            raise SchemaRefused(_unknown(branch, known))
        yield decoder


def _unknown(schema: Any, known: Mapping[str, Decoder[R]]) -> str:
    name = schema.get("name") if isinstance(schema, dict) else schema
    title = name.rpartition(".")[2] if isinstance(name, str) else ""
    if any(decoder.name == title for decoder in known.values()):
        return f"the schema of {title} is none that was released; write with the .avsc of {title} in schemas/avro"
    return "the schema is of no record that can be here; write with an .avsc of schemas/avro"


def _read_block(path: Path, tape: _Tape, header: _Header[R]) -> Iterator[ContainerRecord[R] | Damage]:
    at = tape.at
    try:
        count, data = _block(tape, header)
    except DecodeError as error:
        yield Damage(path, at, 0, error.reason, "", _to_next_sync(tape, header.sync))
        return
    yield from _records(path, at, count, data, tape.at, header)


def _block(tape: _Tape, header: _Header[R]) -> tuple[int, bytes]:
    """Count and bytes of the block here; the tape goes after it only when it is whole."""
    numbers = tape.ahead(20)
    count, next_ = whole(numbers, 0)
    size, next_ = whole(numbers, next_)
    if not 0 <= size <= BLOCK_BYTES_MAX:
        raise DecodeError(f"a block of more than {BLOCK_BYTES_MAX} bytes, or less than none")
    found = tape.ahead(next_ + size + SYNC_BYTES)
    if len(found) < next_ + size + SYNC_BYTES:
        raise DecodeError("ends inside a block")
    if not found.endswith(header.sync):
        raise DecodeError("a block without the sync marker behind it")
    data = found[next_:-SYNC_BYTES]
    if header.is_deflated:
        data = _inflated(data)
    if not 0 <= count <= len(data):
        raise DecodeError("a block of more records than bytes, or less than none")
    tape.go(tape.at + len(found))
    return count, data


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflater.decompress(data, BLOCK_BYTES_MAX)
    except zlib.error:
        raise DecodeError("a block that cannot be decompressed") from None
    if inflater.unconsumed_tail or not inflater.eof:
        raise DecodeError(f"a block that is cut or decompresses to more than {BLOCK_BYTES_MAX} bytes")
    # The usual Python writers leave part of zlib's four-byte checksum after the data.
    if len(inflater.unused_data) > 4:
        raise DecodeError("a block with bytes behind its compressed data")
    return found


def _to_next_sync(tape: _Tape, sync: bytes) -> bytes:
    """Goes after the next sync marker, or to the end; what was passed, as far as it is kept."""
    passed = b""
    window = 256
    while found := tape.ahead(window):
        place = found.find(sync)
        # The marker may begin in the last bytes of the window.
        step = place + SYNC_BYTES if place >= 0 else max(len(found) - SYNC_BYTES + 1, 1)
        if len(found) < window and place < 0:
            step = len(found)
        passed += found[: min(step, DAMAGED_BYTES_KEPT - len(passed))]
        tape.go(tape.at + step)
        if place >= 0:
            break
        window = min(2 * window, CHUNK_BYTES)
    return passed


def _records(
    path: Path, at: int, count: int, data: bytes, block_end: int, header: _Header[R]
) -> Iterator[ContainerRecord[R] | Damage]:
    """A record with a wrong value costs itself; one with a wrong length costs the rest of its block."""
    end = 0
    for number in range(count):
        begin = end
        try:
            decoder, begin = _decoder(header, data, begin)
            record, end = decoder.decode_from(data, begin)
        except DecodeError as error:
            skipped = _skipped(header, data, end)
            raw = data[end:skipped][:DAMAGED_BYTES_KEPT]
            yield Damage(path, at, number, error.reason, error.field_path, raw)
            if skipped is None:
                return
            end = skipped
            continue
        if end - begin > MESSAGE_BYTES_MAX:
            reason = f"{end - begin} bytes, at most {MESSAGE_BYTES_MAX} are read"
            yield Damage(path, at, number, reason, "", data[begin:end][:DAMAGED_BYTES_KEPT])
        else:
            yield ContainerRecord(decoder.name, record, data[begin:end], at, number, block_end, decoder.fingerprint)
    if end != len(data):
        yield Damage(
            path,
            at,
            count,
            f"{len(data) - end} bytes behind the last record of a block",
            "",
            data[end:][:DAMAGED_BYTES_KEPT],
        )


def _decoder(header: _Header[R], data: bytes, begin: int) -> tuple[Decoder[R], int]:
    if not header.is_union:
        return header.decoders[0], begin
    branch, begin = whole(data, begin)
    if not 0 <= branch < len(header.decoders):
        raise DecodeError(f"union index {branch}, expected 0 to {len(header.decoders) - 1}")
    return header.decoders[branch], begin


def _skipped(header: _Header[R], data: bytes, begin: int) -> int | None:
    """Where a record ends that cannot be read; None where that cannot be known."""
    try:
        decoder, begin = _decoder(header, data, begin)
        end = skip_from(decoder.record, data, begin)
    except DecodeError:
        return None
    return end if end <= len(data) else None


def _header(schema_json: str, sync: bytes) -> bytes:
    meta = {b"avro.codec": b"null", b"avro.schema": schema_json.encode()}
    pairs = [long_bytes(len(part)) + part for pair in meta.items() for part in pair]
    return b"".join((MAGIC, long_bytes(len(meta)), *pairs, long_bytes(0), sync))
