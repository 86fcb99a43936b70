"""How something of an engagement's books stood after each step that changed it, read from a file as it is asked for."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class StoredHistory(Sequence[tuple[int, T]]):
    """Steps, ascending, and what each left; what was read stays at hand, so that it is one object."""

    __slots__ = ("_known", "_read", "_steps")

    def __init__(self, steps: array[int], read: Callable[[int], T]) -> None:
        self._steps = steps
        self._read = read
        self._known: dict[int, tuple[int, T]] = {}

    @property
    def steps(self) -> Sequence[int]:
        """Without reading what they left."""
        return self._steps

    def at(self, step: int) -> T | None:
        """What stood after a step; None before the first."""
        # Most has changed for the last time.
        last = self._steps[-1]
        if last > step and (last := self.last(step)) < 0:
            return None
        found = self._known.get(last)
        return found[1] if found is not None else self._left(last)[1]

    def last(self, step: int) -> int:
        """The last step up to one that changed it, else -1."""
        place = bisect_right(self._steps, step)
        return self._steps[place - 1] if place else -1

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, place: int) -> tuple[int, T]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, T]]: ...
    def __getitem__(self, place: int | slice) -> tuple[int, T] | list[tuple[int, T]]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        return self._left(self._steps[place])

    def _left(self, step: int) -> tuple[int, T]:
        found = self._known.get(step)
        if found is None:
            found = self._known[step] = step, self._read(step)
        return found
