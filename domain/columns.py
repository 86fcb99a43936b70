"""What a very long sum adds up, kept as numbers: the node of each is made when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from domain.explanation import Node


class AddendColumn:
    """One number of each of many rows, by the places of these in their order; none of them is 0."""

    __slots__ = ("_make", "made", "places", "values")

    def __init__(self, places: Sequence[int], values: Sequence[int], make: Callable[[int, int], Node]) -> None:
        self.places, self.values, self._make = places, values, make
        # By what number of the column they are of: one object each, however often it is asked for.
        self.made: dict[int, Node] = {}

    def node(self, number: int) -> Node:
        if number not in self.made:
            self.made[number] = self._make(self.places[number], self.values[number])
        return self.made[number]


class SumParts(Sequence["Node"]):
    """The addends of a sum: one run of columns after the other, each in the order of its rows."""

    __slots__ = ("_order", "runs", "value")

    def __init__(self, *runs: Sequence[AddendColumn]) -> None:
        self.runs = runs
        self.value = sum(sum(column.values) for column in self.columns)
        self._order: list[tuple[AddendColumn, int]] | None = None

    @property
    def columns(self) -> Iterator[AddendColumn]:
        return chain.from_iterable(self.runs)

    def __len__(self) -> int:
        return sum(len(column.values) for column in self.columns)

    def __iter__(self) -> Iterator[Node]:
        return (column.node(number) for column, number in self._in_order())

    @overload
    def __getitem__(self, place: int) -> Node: ...
    @overload
    def __getitem__(self, place: slice) -> list[Node]: ...
    def __getitem__(self, place: int | slice) -> Node | list[Node]:
        if isinstance(place, slice):
            return [column.node(number) for column, number in self._in_order()[place]]
        column, number = self._in_order()[place]
        return column.node(number)

    def _in_order(self) -> list[tuple[AddendColumn, int]]:
        if self._order is None:
            self._order = [one for run in self.runs for one in _by_row(run)]
        return self._order


def _by_row(run: Sequence[AddendColumn]) -> list[tuple[AddendColumn, int]]:
    """Of one row what comes first in the run."""
    found = [(place, at, number) for at, of in enumerate(run) for number, place in enumerate(of.places)]
    return [(run[at], number) for _, at, number in sorted(found)]


def joined(several: Sequence[Sequence[Node]]) -> Sequence[Node]:
    """One sum of the addends of several."""
    parts = [one for one in several if isinstance(one, SumParts)]
    if len(parts) == len(several):
        return SumParts(*(run for one in parts for run in one.runs))
    return tuple(chain.from_iterable(several))
