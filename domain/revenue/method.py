"""What a method that recognises a price over time is asked, and what it answers."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.explanation import Node
from domain.units import Amount, Hours, Percent

# What the work is measured by: what somebody reports, or what was spent on it.
REPORTS: Final = "reports"
HOURS: Final = "hours"
COST: Final = "cost"


class Reported(NamedTuple):
    """How far a line had come on a day, as somebody said; of several the highest version is the newest."""

    version: int
    as_of: date
    percent: Percent


class Spent(NamedTuple):
    """All that was spent on a line by the end of a day: hours, and cost in contract currency."""

    day: date
    hours: Hours
    cost: Amount


class Remaining(NamedTuple):
    """What remains in one calendar month (`2026-03`)."""

    month: str
    hours: Hours
    cost: Amount


class Estimated(NamedTuple):
    """What remained of a line after a day, as somebody said; of several of one day the highest version counts. Its cost does not count
    where it is in another currency than the contract's."""

    as_of: date
    version: int
    months: Sequence[Remaining]
    has_cost: bool = True

    @property
    def hours(self) -> Hours:
        return sum(one.hours for one in self.months)

    @property
    def cost(self) -> Amount | None:
        return sum(one.cost for one in self.months) if self.has_cost else None


class Opening(NamedTuple):
    """What a line had earned by the last day that its balances include. Where it earns by what is spent that stays as they state it."""

    as_of: date
    earned: Amount


class Course(NamedTuple):
    """A price that is earned from its first day to its last, both included. Of its line: the progress reported, by version; what was
    spent by each day on which something was, and estimates of what remains, by day.

    Where the work is measured, the last day is not known.
    """

    first: date
    last: date
    reports: Sequence[Reported] = ()
    spent: Sequence[Spent] = ()
    estimates: Sequence[Estimated] = ()


class Leaves(NamedTuple):
    """Where an explanation has what the work is measured by: a report's percentage; by measure (`HOURS`, `COST`) what was spent by the end
    of a day, and what remains by an estimate."""

    report: Callable[[Reported], Node]
    spent: Callable[[str, date], Node]
    remaining: Callable[[str, Estimated], Node]


class Share(NamedTuple):
    """How a method came to what is done, and of how much."""

    title: str
    done: Node
    whole: Node


class Method(NamedTuple):
    """`earned` is how much of the price by the end of a day, and of how much; of 0 where nobody knows that yet.

    `measure` is what the work is measured by, None of methods that go by days, and `said` how what is done of it came about; a method that
    earns all at once does not need that.
    """

    earned: Callable[[Course, date], tuple[int, int]]
    measure: str | None = None
    said: Callable[[Course, date, Leaves], Share] | None = None

    @property
    def by_spending(self) -> bool:
        return self.measure in (HOURS, COST)
