"""Events that would end days beyond the last one that a run may end, looked for before anything is taken in.

A day that has ended cannot be taken back, and one mistyped year (2062 for 2026) would end thousands. What lines say of their
instants is searched as text first; only where that finds a late one are events read, and passed on to what takes them in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.input_files import KnownFile, ReadingPlace, reading
from connectors.files.input_reader import InputItem, is_avro, read_input
from domain.reference.zones import midnight
from state.intake.clock import recording_time, zones_named

CHUNK_BYTES: Final = 1024 * 1024
# Longer than what is searched for, so that it is found across two chunks.
OVERLAP_BYTES: Final = 128
DAY: Final = timedelta(days=1)
# Of all files together; more would fill the memory, and are read again.
KEPT_RECORDS: Final = 20_000
# Where days begin first, as hours after the midnight before in universal time.
EARLIEST_HOUR: Final = b"10"

# Or a sign of ASCII by its number, in which a name may hide.
_INSTANT: Final = re.compile(
    rb'_at"\s*:\s*"([0-9]{4}-[0-9]{2}-[0-9]{2}).([0-9]{2})[^"]{0,40}?([Zz]?)"|\\u00[2-7]', re.IGNORECASE
)


class FarAhead(Exception):
    """How many events would end days after `last_day`; `first` as it stands in its file."""

    def __init__(self, last_day: date, count: int, first: InputItem) -> None:
        super().__init__(last_day, count, first)
        self.last_day = last_day
        self.count = count
        self.first = first


class ReadAhead(NamedTuple):
    """What was read of a file from a place on; `is_whole` where that is all."""

    place: ReadingPlace
    items: Sequence[InputItem]
    is_whole: bool


def check_ahead(
    folder: Path, files: Sequence[KnownFile], last_day: date, zones: Iterable[str], *, is_growing: bool
) -> Mapping[str, ReadAhead]:
    """`zones` are those whose days run already. What was read, by file. Raises FarAhead."""
    if not any(_may_be_ahead(folder / file.name, file, last_day) for file in files):
        return {}
    reader = _Reader(folder, is_growing=is_growing)
    ahead = _recorded(reader, files, last_day, zones)
    first = next(ahead, None)
    if first is not None:
        raise FarAhead(last_day, 1 + sum(1 for _ in ahead), first)
    return reader.read


class _Reader:
    """Reads files, and keeps what it has read up to a number of records."""

    def __init__(self, folder: Path, *, is_growing: bool) -> None:
        self.read: dict[str, ReadAhead] = {}
        self._folder = folder
        self._is_growing = is_growing

    def items(self, files: Iterable[KnownFile]) -> Iterator[InputItem]:
        left = KEPT_RECORDS
        for file in files:
            kept: list[InputItem] = []
            is_whole = True
            length = file.fingerprint.length
            for item in read_input(self._folder, file.name, file.place, length, is_growing=self._is_growing):
                is_whole = left > 0
                if is_whole:
                    kept.append(item)
                    left -= 1
                yield item
            self.read[file.name] = ReadAhead(file.place, kept, is_whole)


def _recorded(reader: _Reader, files: Sequence[KnownFile], last_day: date, zones: Iterable[str]) -> Iterator[InputItem]:
    """Read once for the zones and the latest instant; only where that is late once more, for what is."""
    named, latest = {*zones}, 0
    for item in reader.items(files):
        if item.event is not None:
            named.update(zones_named(item.event))
            latest = max(latest, recording_time(item.event))
    ends_at = min((midnight(last_day + 2 * DAY, zone) for zone in named), default=latest + 1)
    if latest < ends_at:
        return
    yield from (
        item for item in reader.items(files) if item.event is not None and recording_time(item.event) >= ends_at
    )


def _may_be_ahead(path: Path, file: KnownFile, last_day: date) -> bool:
    """A container is read in any case; of lines only what they say of instants, wherever in the world it is."""
    if is_avro(file.name):
        return True
    following, last = (last_day + DAY).isoformat().encode(), last_day.isoformat().encode()
    for found in _instants(path, file.place.offset, file.fingerprint.length):
        day, hour, universal = found.groups()
        if day is None:
            return True
        if day > following or (day == following and hour >= EARLIEST_HOUR) or (not universal and day >= last):
            return True
    return False


def _instants(path: Path, offset: int, length: int) -> Iterator[re.Match[bytes]]:
    rest = b""
    while offset < length:
        with reading(path) as file:
            file.seek(offset)
            chunk = file.read(min(CHUNK_BYTES, length - offset))
        if not chunk:
            return
        offset += len(chunk)
        yield from _INSTANT.finditer(rest + chunk)
        rest = chunk[-OVERLAP_BYTES:]
