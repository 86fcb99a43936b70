"""The methods that recognise a price over time, one screen: a line each, with the module that has its rule."""

from collections.abc import Callable, Mapping
from datetime import date

from domain.revenue import straight_line

# Of a price that is earned from a first day to a last one: how much by the end of a day, and of how much. All of it by the last day.
Progress = Callable[[date, date, date], tuple[int, int]]

METHODS: Mapping[str, Progress] = {
    "straight_line_days": straight_line.passed,
}
