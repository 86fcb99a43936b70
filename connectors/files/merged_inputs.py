"""The records of many input files in one order: by when they were recorded, ties by file name and place.

Within a file its own order holds: a record that is older than the one before it comes right after that one.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.files.far_ahead import ReadAhead
from connectors.files.input_files import ReadingPlace
from connectors.files.input_reader import InputItem, is_avro, read_input
from domain.units import Instant
from state.intake.clock import recording_time

# Each open container takes a file handle and up to 2 MB; more are closed and opened again in turn.
CONTAINERS_OPEN_MAX: Final = 128


class InputFile:
    """One file of a round. `taken` and `latest` say how far it was taken in, `reached` the latest time of the round, set by what takes the
    items; `read` was read before.
    """

    __slots__ = (
        "_items",
        "_last",
        "_latest_read",
        "folder",
        "is_growing",
        "latest",
        "length",
        "name",
        "place",
        "reached",
        "taken",
    )

    def __init__(
        self,
        folder: Path,
        name: str,
        length: int,
        place: ReadingPlace,
        latest: Instant,
        *,
        is_growing: bool,
        read: ReadAhead | None = None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.length = length
        self.place = place
        self.latest = latest
        self.reached: Instant = 0
        self.taken: InputItem | None = None
        self.is_growing = is_growing
        self._last: InputItem | None = None
        self._latest_read = latest
        self._items: Iterator[InputItem] | None = None if read is None or read.place != place else self._from(read)

    def next(self) -> tuple[Instant, InputItem] | None:
        """What could not be read has the time of what came before it."""
        if self._items is None:
            self._items = self._rest()
        item = next(self._items, None)
        if item is None:
            return None
        self._last = item
        event = item.event
        if event is not None:
            self._latest_read = recording_time(event)
        return self._latest_read, item

    def _from(self, read: ReadAhead) -> Iterator[InputItem]:
        yield from read.items
        if not read.is_whole:
            yield from self._rest()

    def _rest(self) -> Iterator[InputItem]:
        place = self.place if self._last is None else self._last.following
        return read_input(self.folder, self.name, place, self.length, is_growing=self.is_growing)

    def let_go(self) -> None:
        """Close the file; reading goes on where it was."""
        self._items = None


def merged(inputs: list[InputFile]) -> Iterator[tuple[InputFile, Instant, InputItem]]:
    """`inputs` are in the order of their names."""
    opened: OrderedDict[int, InputFile] = OrderedDict()
    heads: list[InputItem | None] = [None] * len(inputs)
    heap: list[tuple[Instant, int]] = []
    for index, one in enumerate(inputs):
        head = _next(one, index, opened)
        if head is not None:
            heap.append((head[0], index))
            heads[index] = head[1]
    heapq.heapify(heap)
    while heap:
        instant, index = heap[0]
        one = inputs[index]
        item = heads[index]
        assert item is not None, "an input in the heap has a head"
        yield one, instant, item
        head = _next(one, index, opened)
        if head is None:
            heapq.heappop(heap)
            one.let_go()
        else:
            heads[index] = head[1]
            if head[0] != instant or len(heap) > 1:
                heapq.heapreplace(heap, (head[0], index))


def _next(one: InputFile, index: int, opened: OrderedDict[int, InputFile]) -> tuple[Instant, InputItem] | None:
    if is_avro(one.name) and index not in opened:
        opened[index] = one
        if len(opened) > CONTAINERS_OPEN_MAX:
            opened.popitem(last=False)[1].let_go()
    return one.next()
