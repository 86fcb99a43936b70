"""What a method that recognises a price over time is asked, and what it answers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.units import Amount, Hours, Percent

# What the work is measured by: what somebody reports, what was spent on it, or what the customer has of it.
REPORTS: Final = "reports"
OUTPUTS: Final = "outputs"
HOURS: Final = "hours"
COST: Final = "cost"
# Cost that is no measure of the work, and all cost.
APART: Final = "apart"
ALL_COST: Final = "all cost"
# Of methods that go by days, by reports, hours or outputs.
RULE: Final = "R40"


class Reported(NamedTuple):
    """How far a line had come on a day, as somebody said; of several the highest version is the newest."""

    version: int
    as_of: date
    percent: Percent


class Spent(NamedTuple):
    """All that was spent on a line by the end of a day: hours, and cost in contract currency; `apart` is what of both is beside that, by
    category of cost that some version of the terms takes out of the measure. `earned` is what its work earned by itself."""

    day: date
    hours: Hours
    cost: Amount
    apart: Mapping[str, tuple[Hours, Amount]] = {}
    earned: Amount = 0


class Remaining(NamedTuple):
    """What remains in one calendar month (`2026-03`); a category only where it is kept apart."""

    month: str
    hours: Hours
    cost: Amount
    category: str = ""


class Estimated(NamedTuple):
    """What remained of a line after a day, as somebody said; of several of one day the highest version counts. Its cost does not count
    where it is in another currency than the contract's.

    `is_budget`: not what remains but the cost of all of it, as that `version` of the terms budgets it from the day on; it counts until
    somebody has said what remains.
    """

    as_of: date
    version: int
    months: Sequence[Remaining]
    has_cost: bool = True
    is_budget: bool = False


class Output(NamedTuple):
    """What the customer has by the end of a day, in what all of it is counted in: what milestones are worth."""

    day: date
    done: int


class Opening(NamedTuple):
    """What a line had earned by the last day that its balances include. Where it earns by what is spent that stays as they state it; else
    `beyond` is what they state beyond what its terms had earned."""

    as_of: date
    earned: Amount
    beyond: Amount = 0


class Course(NamedTuple):
    """A price that is earned from its first day to its last, both included. Of its line: the progress reported, by version; what was
    spent by each day on which something was, and estimates of what remains, by day; what was delivered by each day, of `whole`.

    Where the work is measured, the last day is not known. Cost of categories that are `excluded` is no measure of it. `original`: what it
    takes in all is what the first estimate says. `together` are courses of the other lines of its performance obligation, by line.
    """

    first: date
    last: date
    reports: Sequence[Reported] = ()
    spent: Sequence[Spent] = ()
    estimates: Sequence[Estimated] = ()
    excluded: Collection[str] = ()
    original: bool = False
    outputs: Sequence[Output] = ()
    whole: int = 0
    together: Mapping[str, "Course"] = {}


class Method(NamedTuple):
    """`earned` is how much of the price by the end of a day, and of how much; of 0 where nobody knows that yet.

    `measure` is what the work is measured by, None of methods that go by days; `rule` is the method's source.
    """

    earned: Callable[[Course, date], tuple[int, int]]
    measure: str | None = None
    rule: str = RULE

    @property
    def by_spending(self) -> bool:
        return self.measure in (HOURS, COST)
