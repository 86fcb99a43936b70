"""Reads input files: the events in them, and in their places what could not be read.

Memory stays small whatever a file holds: a line over the limit is read past, and of a damaged block a part is kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from connectors.avro_codec import event_versions
from connectors.avro_schema import Bytes, MapType
from connectors.avro_walk import MESSAGE_BYTES_MAX, read_value, whole
from connectors.containers import MAGIC, SYNC_BYTES, ContainerRecord, Damage, read_container
from connectors.decode_error import DecodeError
from connectors.files.input_files import ReadingPlace, changed, reading
from connectors.json_records import event_from_json_line
from connectors.unreadable import KEPT_BYTES_MAX, KEPT_PART_BYTES, Unreadable, fault_of_event, unreadable
from domain.events.catalogue import Event

LINE_BYTES_MAX: Final = MESSAGE_BYTES_MAX
CHUNK_BYTES: Final = 256 * 1024
# Many items are made; the constructor of a NamedTuple takes twice as long.
_new: Final = tuple.__new__
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
GZIP: Final = b"\x1f\x8b"
IS_GZIP: Final = "this is gzip: unpack it into a .jsonl or .avro file"
IS_JSON: Final = "this is JSON: copy it to a name that ends in .jsonl"
TYPE: Final = re.compile(rb'"type"\s*:\s*"([A-Za-z]{1,64})"')


class InputItem(NamedTuple):
    """An event or what could not be read; its place, the byte at which it ends, and its length in bytes.

    In a container `offset` is where the block begins, `number` counts the records in it, and `line` and `end` are 0.
    """

    name: str
    event: Event | None
    unreadable: Unreadable | None
    offset: int
    number: int
    line: int
    end: int
    size: int

    @property
    def following(self) -> ReadingPlace:
        """Where reading goes on after it."""
        if self.end == 0:
            return ReadingPlace(self.offset, self.number + 1, 0)
        return ReadingPlace(self.end, 0, self.line + 1)

    def __str__(self) -> str:
        if self.line == 0:
            return f"{self.name}, byte {self.offset}, record {self.number + 1}"
        return f"{self.name}, line {self.line}"


def read_input(folder: Path, name: str, start: ReadingPlace, length: int, *, is_growing: bool) -> Iterator[InputItem]:
    """From a place up to a length; of a file that is growing an unfinished end is left for later."""
    if is_avro(name):
        return _read_avro(folder / name, name, start, length, is_growing=is_growing)
    return _read_lines(folder / name, name, start, length)


def is_avro(name: str) -> bool:
    return name.endswith(".avro")


def fault_of_line(line: bytes) -> DecodeError | None:
    """Why a JSON line would not be taken as an event."""
    return _event_of(line)[1]


# JSON lines


def _read_lines(path: Path, name: str, start: ReadingPlace, length: int) -> Iterator[InputItem]:
    wrong: Unreadable | None
    offset, number = start.offset, start.line
    if offset < length and _piece(path, 0, min(len(GZIP), length)) == GZIP:
        wrong = _part(path, offset, length, IS_GZIP, "")
        yield InputItem(name, None, wrong, offset, 0, number, length, wrong.size)
        return
    for line, size, digest in _lines(path, start.offset, length):
        end = offset + size
        if digest is not None:
            reason = f"a line of {size} bytes, at most {LINE_BYTES_MAX} are read"
            wrong = Unreadable(reason, "", line, size, digest, _claimed_type(line))
            yield InputItem(name, None, wrong, offset, 0, number, end, size)
        elif stripped := (line.removeprefix(BYTE_ORDER_MARK) if offset == 0 else line).strip():
            event, fault = _event_of(stripped)
            wrong = None if fault is None else unreadable(fault.reason, fault.field_path, line, _claimed_type(line))
            yield InputItem(name, event, wrong, offset, 0, number, end, size)
        offset, number = end, number + 1


def _event_of(line: bytes) -> tuple[Event | None, DecodeError | None]:
    try:
        event = event_from_json_line(line)
    except DecodeError as error:
        return None, error
    fault = fault_of_event(event, len(line))
    return (event, None) if fault is None else (None, fault)


def _lines(path: Path, offset: int, length: int) -> Iterator[tuple[bytes, int, str | None]]:
    """Lines with their size; of one over the limit its beginning and the digest of all of it.

    The file is open only while a piece is read, so that any number of files can be read side by side.
    """
    rest = b""
    while offset < length or b"\n" in rest:
        chunk = _piece(path, offset, min(CHUNK_BYTES, length - offset))
        offset += len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line, len(line) + 1, None
        if len(rest) > LINE_BYTES_MAX:
            begin = rest
            size, digest, rest = _read_past(path, offset, length, begin)
            offset += size - len(begin) + len(rest)
            yield begin[:KEPT_PART_BYTES], size, digest
    if rest:
        yield rest, len(rest), None


def _read_past(path: Path, offset: int, length: int, begin: bytes) -> tuple[int, str, bytes]:
    """Size and digest of a long line, and what was read of the next ones."""
    digest = hashlib.sha256(begin)
    size = len(begin)
    while offset < length:
        chunk = _piece(path, offset, min(CHUNK_BYTES, length - offset))
        offset += len(chunk)
        line, newline, rest = chunk.partition(b"\n")
        digest.update(line)
        size += len(line) + len(newline)
        if newline:
            return size, digest.hexdigest(), rest
    return size, digest.hexdigest(), b""


def _piece(path: Path, offset: int, size: int) -> bytes:
    with reading(path) as file:
        file.seek(offset)
        found = file.read(size)
    if len(found) < size:
        raise changed(path, "it became shorter while it was read")
    return found


def _claimed_type(line: bytes) -> str | None:
    found = TYPE.search(line[:KEPT_PART_BYTES])
    return None if found is None else found[1].decode()


# Avro containers


def _read_avro(path: Path, name: str, start: ReadingPlace, length: int, *, is_growing: bool) -> Iterator[InputItem]:
    with reading(path):
        pass
    items = read_container(path, event_versions(), start.offset or None, length)
    item = next(items, None)
    while item is not None:
        if isinstance(item, Damage):
            following = next(items, None)
            if following is None and is_growing and _is_cut(path, item.byte_offset, length):
                return
            if not _is_before(item, start):
                yield _damaged(path, name, item, start, length if following is None else following.byte_offset, length)
            item = following
            continue
        if not _is_before(item, start):
            yield _avro_item(name, item)
        item = next(items, None)


def _is_before(item: ContainerRecord[Event] | Damage, start: ReadingPlace) -> bool:
    return item.byte_offset == start.offset and item.number < start.number


def _avro_item(name: str, found: ContainerRecord[Event]) -> InputItem:
    event, body = found.record, found.body
    fault = fault_of_event(event, len(body))
    if fault is None:
        return _new(InputItem, (name, event, None, found.byte_offset, found.number, 0, 0, len(body)))
    wrong = unreadable(fault.reason, fault.field_path, body, found.type_name)
    return InputItem(name, None, wrong, found.byte_offset, found.number, 0, 0, len(body))


def _damaged(path: Path, name: str, damage: Damage, start: ReadingPlace, until: int, length: int) -> InputItem:
    """Without its header nothing of a file can be read; what is added to it later cannot either."""
    if damage.byte_offset == 0:
        wrong = _part(path, start.offset, length, f"{damage.reason}{_what_it_is(path, length)}", damage.field_path)
        return InputItem(name, None, wrong, start.offset, 0, 0, length, wrong.size)
    if len(damage.raw) < KEPT_BYTES_MAX or until <= damage.byte_offset:
        wrong = unreadable(damage.reason, damage.field_path, damage.raw)
    else:
        wrong = _part(path, damage.byte_offset, until, damage.reason, damage.field_path)
    return InputItem(name, None, wrong, damage.byte_offset, damage.number, 0, 0, wrong.size)


def _what_it_is(path: Path, length: int) -> str:
    """By how it begins."""
    begin = _piece(path, 0, min(length, KEPT_PART_BYTES))
    if begin.startswith(GZIP):
        return f"; {IS_GZIP}"
    return f"; {IS_JSON}" if begin.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"{") else ""


def _part(path: Path, begin: int, end: int, reason: str, field_path: str) -> Unreadable:
    """A part of a file as one message."""
    digest, kept = hashlib.sha256(), b""
    keep = end - begin if end - begin <= KEPT_BYTES_MAX else KEPT_PART_BYTES
    with reading(path) as file:
        file.seek(begin)
        at = begin
        while chunk := file.read(min(CHUNK_BYTES, end - at)):
            digest.update(chunk)
            kept += chunk[: keep - len(kept)]
            at += len(chunk)
    return Unreadable(reason, field_path, kept, end - begin, digest.hexdigest(), None)


def left_over(path: Path, place: ReadingPlace, length: int) -> bool:
    """Whether a container that was read to a place may hold more after the block there."""
    return place.offset < length and _block_end(path, place.offset, length) != length


def _is_cut(path: Path, offset: int, length: int) -> bool:
    """Whether a header or block is still being written."""
    if offset > 0:
        return _block_end(path, offset, length) > length
    data = _piece(path, 0, min(length, CHUNK_BYTES))
    if len(data) <= len(MAGIC) or not data.startswith(MAGIC):
        return MAGIC.startswith(data)
    try:
        _, end = read_value(MapType(Bytes()), data, len(MAGIC))
    except DecodeError:
        return length < CHUNK_BYTES
    return end + SYNC_BYTES > length


def _block_end(path: Path, offset: int, length: int) -> int:
    """As the block says itself; after the length where that cannot be read."""
    numbers = _piece(path, offset, min(20, length - offset))
    try:
        _, at = whole(numbers, 0)
        size, at = whole(numbers, at)
    except DecodeError:
        return length + 1 if len(numbers) < 20 else 0
    return offset + at + size + SYNC_BYTES
