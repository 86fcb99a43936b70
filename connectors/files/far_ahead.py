"""Events that would end days beyond the last one that a run may end, looked for before anything is taken in.

A day that has ended cannot be taken back, and one mistyped year (2062 for 2026) would end thousands. What lines say of their
instants is searched as text first; only where that finds a late one are events read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from connectors.files.input_files import KnownFile, reading
from connectors.files.input_reader import InputItem, is_avro, read_input
from domain.events.reference import DayEnded
from domain.units import Instant
from domain.zones import midnight
from state.intake.clock import zones_named

CHUNK_BYTES: Final = 1024 * 1024
# Longer than what is searched for, so that it is found across two chunks.
OVERLAP_BYTES: Final = 128
DAY: Final = timedelta(days=1)
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


def check_ahead(
    folder: Path, files: Sequence[KnownFile], last_day: date, zones: Iterable[str], *, own_days: bool
) -> None:
    """`zones` are those whose days run already; with `own_days` only the input ends days. Raises FarAhead."""
    if not own_days and not any(_may_be_ahead(folder / file.name, file, last_day) for file in files):
        return
    named = {*zones, *(zone for item in _items(folder, files) if item.event for zone in zones_named(item.event))}
    ends_at = min((midnight(last_day + 2 * DAY, zone) for zone in named), default=None)
    ahead = (item for item in _items(folder, files) if _is_ahead(item, last_day, ends_at, own_days=own_days))
    first = next(ahead, None)
    if first is not None:
        raise FarAhead(last_day, 1 + sum(1 for _ in ahead), first)


def _items(folder: Path, files: Iterable[KnownFile]) -> Iterator[InputItem]:
    for file in files:
        yield from read_input(folder, file.name, file.place, file.fingerprint.length, is_growing=True)


def _is_ahead(item: InputItem, last_day: date, ends_at: Instant | None, *, own_days: bool) -> bool:
    event = item.event
    if event is None:
        return False
    if own_days:
        return isinstance(event, DayEnded) and event.date > last_day
    recorded_at = event.occurred_at if event.recorded_at is None else event.recorded_at
    return ends_at is not None and recorded_at >= ends_at


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
