"""What is to be looked at again and when, each company for itself: one with much to ask for holds up no other."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple

from domain.units import Instant


class DueEntry(NamedTuple):
    """Of the document `key`, or where that is empty of a parcel as a whole."""

    at: Instant
    key: str
    number: int


class Due:
    """What is in it may have changed since: `at` says whether it is still waited for."""

    __slots__ = ("_heaps",)

    def __init__(self) -> None:
        self._heaps: dict[str, list[DueEntry]] = {}

    def put(self, entity: str, entry: DueEntry) -> None:
        heappush(self._heaps.setdefault(entity, []), entry)

    @property
    def first_at(self) -> Instant | None:
        return min((heap[0].at for heap in self._heaps.values()), default=None)

    def pop(self, now: Instant) -> DueEntry | None:
        """The first of all that is due."""
        if not self._heaps:
            return None
        return self.pop_of(min(self._heaps, key=lambda entity: self._heaps[entity][0]), now)

    def pop_of(self, entity: str, now: Instant) -> DueEntry | None:
        heap = self._heaps.get(entity)
        if not heap or heap[0].at > now:
            return None
        first = heappop(heap)
        if not heap:
            del self._heaps[entity]
        return first
