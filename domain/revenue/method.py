"""What a method that recognises a price over time is asked, and what it answers."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from domain.units import Percent


class Reported(NamedTuple):
    """How far a line had come on a day, as somebody said; of several the highest version is the newest."""

    version: int
    as_of: date
    percent: Percent


class Course(NamedTuple):
    """A price that is earned from its first day to its last, both included, and the progress reported of its line, by version.

    Where the work is measured, the last day is not known.
    """

    first: date
    last: date
    reports: Sequence[Reported] = ()


class Method(NamedTuple):
    """`earned` is how much of the price by the end of a day, and of how much.

    `says` is the report that holds on a day, of methods that go by reports; None of those that go by days.
    """

    earned: Callable[[Course, date], tuple[int, int]]
    says: Callable[[Course, date], Reported | None] | None = None
