"""What a kind of terms says: the one interface behind all of them, and what its functions are given.

A kind is a value of plain functions. What it does not state falls to the default: it takes nothing, charges nothing by itself, and has
no fault that the schema would let through.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, PriceTier, UnitPrice
from domain.figure import as_rounded, at_least, lesser
from domain.money import round_ratio, smallest_unit
from domain.policies import Resolved
from domain.policy_faults import Fault
from domain.revenue.allocation import AllocatedPrice, Revision
from domain.revenue.method import Estimated, Opening, Output, Reported, Spent
from domain.units import QUANTITY_ONE, Amount, Percent, Quantity

# When revenue is recognised: with what is charged, with its invoice, or over time on a schedule of its own; what is charged is none.
WITH_CHARGE, WITH_INVOICE, OVER_TIME, NO_REVENUE = "with_charge", "with_invoice", "over_time", "no_revenue"
# How an hour on a line is charged: at a rate, at what it costs, or not by itself, since the terms' own charges are for it.
RATED, AT_COST, INCLUDED = "rated", "at_cost", "included"
# What hours draw on of what their terms include: hours, or what they are worth at their rate.
IN_HOURS, IN_MONEY = "hours", "money"


class TermsInForce(NamedTuple):
    """A contract line while one version of its terms holds: from `since` on, and on `before` no more.

    `starts_on` is the line's first day, `ends_on` the last with effect, by its terms or its termination; None while it is open. Versions
    that say the same of the line are one. `catches_up`: what is earned over time is what it would be had the version held all along.
    `allocated` is what the line earns where that is not its own price, `revises` where it differs by a variable part alone. `separate` is
    the version that brought the line as a contract of its own.
    """

    line: ContractLine
    contract: ContractSigned
    ends_on: date | None
    policies: Resolved
    since: date = date.min
    before: date = date.max
    starts_on: date = date.min
    catches_up: bool = False
    allocated: AllocatedPrice | None = None
    revises: bool = False
    separate: int = 0

    @property
    def ends_early(self) -> bool:
        """Whether the line ends before its terms say so: the contract was terminated, or later terms do not have the line."""
        return self.ends_on is not None and self.ends_on < (self.contract.ends_on or date.max)

    @property
    def is_final(self) -> bool:
        """Whether all that the line comes to is earned, since its contract is over."""
        return self.allocated is not None and self.allocated.is_final

    def is_over_early(self, day: date) -> bool:
        return self.ends_early and self.ends_on is not None and self.ends_on <= day

    @property
    def obliged_with(self) -> tuple[str, ...]:
        """The other lines of its performance obligation."""
        return obliged_with(self.line, self.contract.lines)

    def rounded(self, numerator: int, denominator: int) -> Amount:
        """The ratio as an amount that the contract's currency can be paid in."""
        return round_ratio(numerator, denominator, smallest_unit(self.contract.currency), self.policies.money_mode)

    def part_of(self, whole: Amount, part: int, of: int, title: str) -> Amount:
        """`part` of `of` of an amount: a percentage of it, what falls to so many of its days, or so much of a budget."""
        return as_rounded(self.rounded(whole * part, of), whole, part, of, title, self.policies.money_mode)


def obliged_with(line: ContractLine, lines: Sequence[ContractLine]) -> tuple[str, ...]:
    """The other lines of a line's performance obligation, of those of its contract."""
    name = line.performance_obligation
    if name is None:
        return ()
    return tuple(
        other.line_id for other in lines if other.performance_obligation == name and other.line_id != line.line_id
    )


class Closed(NamedTuple):
    """A billing period that closed, with what the line had used by then: cost by category. `to` is the first day of the next period.
    `ended`: the last day of what is charged, where that is not the period's."""

    start: date
    to: date
    cost: Mapping[str, Amount] = {}
    ended: date | None = None

    @property
    def last(self) -> date:
        return self.ended or self.to - timedelta(days=1)


class PeriodLeft(NamedTuple):
    """What was left of what a line includes when one of the terms' own periods ended: the most that can be drawn, by store, and the
    stores of which something went `over` into the next, whose first day is `to`; the life of the others is over.
    """

    start: date
    to: date
    limits: Mapping[str, int] = {}
    over: Sequence[str] = ()


class RebatesGiven(NamedTuple):
    """What customers had of parts that take from a price: what credit memos gave of rebates, and what statements credit by item."""

    by_memos: Amount = 0
    by_statements: Mapping[str, Amount] = {}


class LineHistory(NamedTuple):
    """What has happened on a line: milestones accepted (day by id), progress reported in the order of versions, billing periods closed,
    the terms' own periods ended, days on which it was topped up, what was left of a deposit when the contract was over.

    `held` are all versions of its terms, `drawn` is what its rows have drawn on each store, and earned by it; `beside` is what the
    contract's other lines charge for days of each calendar month (`2026-01`), their minimums apart. `begins_after` is the last day that
    balances brought forward include, `expired` what of stores had expired unused by then, `opening` what was earned by then. `spent` and
    `estimates` are of lines that earn by what is spent; `together` is what has happened on the other lines of a performance obligation, and
    `revised` are revisions of variable parts of the price, by item and version; `rebates` are what was given of them.
    """

    accepted: Mapping[str, date] = {}
    reported: Sequence[Reported] = ()
    closed: Sequence[Closed] = ()
    held: Sequence[TermsInForce] = ()
    ended: Sequence[PeriodLeft] = ()
    topped_up: Sequence[date] = ()
    drawn: Mapping[str, tuple[int, Amount]] = {}
    left: tuple[date, Amount] | None = None
    beside: Mapping[str, Amount] = {}
    begins_after: date | None = None
    expired: Mapping[str, Quantity] = {}
    spent: Sequence[Spent] = ()
    estimates: Sequence[Estimated] = ()
    opening: Opening | None = None
    together: Mapping[str, "LineHistory"] = {}
    revised: Mapping[str, Sequence[Revision]] = {}
    rebates: RebatesGiven = RebatesGiven()


def on_day(held: Sequence[TermsInForce], day: date) -> TermsInForce:
    """The terms that hold on a day; before the first, the first."""
    return next((agreed for agreed in reversed(held) if agreed.since <= day), held[0])


def up_to(agreed: TermsInForce, known: LineHistory) -> Sequence[TermsInForce]:
    """The terms, after all that held before them."""
    return [*(one for one in known.held if one.since < agreed.since), agreed]


class Fee(NamedTuple):
    """What terms charge by themselves; `name` is one of its line's for good, so that the same fee found again is no second one.

    It is charged on `day` and pays for the days from `earned_from` to `earned_to`, both included. A cumulative one names all that the
    line has charged by then, and charges what is not charged yet; of one that `keeps` an amount, more that was charged before stays
    charged up to that. A version of the terms charges what falls on a day on which it holds, or what pays for days that begin on one; of
    fees with one name the first version's is charged. One with `earned` charges nothing: it is revenue on its day. Of one that has `since`
    all days from then to its own are charged; where the contract is terminated between them, on its last day.
    """

    name: str
    day: date
    amount: Amount
    description: str
    earned_from: date | None = None
    earned_to: date | None = None
    quantity: Quantity = QUANTITY_ONE
    unit: str = "each"
    cumulative: bool = False
    earned: Amount | None = None
    keeps: Amount | None = None
    since: date | None = None


def due_of(fee: Fee, charged: Amount) -> Amount:
    """All that is charged with a cumulative fee, after what was; of one that keeps an amount, what was charged up to that stays."""
    if fee.keeps is not None and fee.amount < min(charged, fee.keeps):
        return at_least(fee.amount, lesser(charged, fee.keeps, "stays charged, at most"), fee.description)
    return fee.amount


class ExpectedHistory(NamedTuple):
    """What will be known of a line once everything has happened that its terms let expect, and the last day on which they charge then."""

    known: LineHistory
    until: date


class DrawRequest(NamedTuple):
    """What a row of a day would draw on what its line includes: hours, or money in contract currency."""

    row: str
    day: date
    asked: int


class PrepaidBalance(NamedTuple):
    """Something that terms include, of which no more than `limit` can be drawn; all of `quantity` earns `fee`, in proportion."""

    name: str
    limit: int
    quantity: int = 0
    fee: Amount = 0


# By store, what is drawn on it and what that earns.
Draws = Mapping[str, tuple[int, Amount]]


class Drawing(NamedTuple):
    """How rows of a line share what its terms include, in consumption order; what goes beyond is charged.

    `unit` is hours or money; None where terms of the kind include nothing. `stores` are those that a row of a day may draw on, the first
    first. `fills_up` says whether the terms fill up at all, `is_below_top_up` whether so little is left at a day's end that they do.
    """

    unit: Callable[[Any], str | None]
    stores: Callable[[LineHistory, date], Sequence[PrepaidBalance]]
    fills_up: Callable[[Any], bool] = lambda _: False
    is_below_top_up: Callable[[LineHistory, date], bool] = lambda *_: False


class Spread(NamedTuple):
    """A price that is earned evenly over days, from `first` to `last`, both included; `name` is one of its line's for good.

    On the day `stops` no more of it is earned, unless later terms go on with it under its name.
    """

    name: str
    amount: Amount
    first: date
    last: date
    stops: date = date.max


class Passed(NamedTuple):
    """How an expense is charged: at cost with a markup, or by a table of prices for its quantity of a `unit`, whatever it cost."""

    markup: Percent = 0
    tiers: tuple[PriceTier, ...] = ()
    unit: str = "each"


Fees = Callable[[TermsInForce, LineHistory, date], Iterable[Fee]]
NO_FEES: Fees = lambda *_: ()  # noqa: E731


def to_the_end(agreed: TermsInForce, known: LineHistory, day: date) -> ExpectedHistory:
    """Nothing has to happen; without an end no more is agreed than what is charged by the day."""
    return ExpectedHistory(known, agreed.ends_on or day)


class Kind(NamedTuple):
    """`takes` is what lines take where they do not say (`time`, `expense`, `units`, `fee`), `hours` how they charge an hour of work.

    `expense` says how an expense of a category is charged, None: not by itself; `units` what delivered units are priced by. `markup` is
    added to cost. `counts` is what a cap of the terms counts whatever policy `cap_includes` says, `limits` are the most that is charged
    of each category of expenses.

    `revenue` are the methods that the rules in force handle, each with when it recognises; the first is the default. `fees` gives
    everything that is charged up to a day, the day included, `spreads` what begins to be earned up to then where a method recognises
    over time. `by_period` says whether a line charges by what it had used when a billing period closed. `faults` are fields of the
    terms that contradict. `earns_to_the_end` are kinds whose revenue over time needs the contract's last day; `by_progress` says whether
    they charge as the work goes on, `is_accepted` whether the customer accepts what they charge.
    `price` is what all of the line is worth, where terms have one.

    What is still to come after a day is what the fees will be by what the terms let expect (`foresees`), and what is agreed of rows that
    are priced (`agreed`), None where that is any number. `comes_to` is all that a line charges to the contract's end by versions of its
    terms, of kinds that may earn another price than they charge; `outputs` what of it the customer has, and of how much.

    `charged` is what versions of its terms have charged by the end of each, of kinds that have one price.

    `account` is where what is charged stands of a kind that has no revenue; all others have a method of it.

    `drawing` is set where rows share what the terms include. Terms with periods of their own give those that begin up to a day
    (`periods`), and what is left of each when it ends (`ends`). `stays`: a termination does not take back what is charged already.
    """

    takes: tuple[str, ...]
    revenue: Mapping[str, str]
    hours: str = INCLUDED
    fees: Fees = NO_FEES
    spreads: Callable[[TermsInForce, LineHistory, date], Iterable[Spread]] = lambda *_: ()
    by_period: Callable[[ContractLine], bool] = lambda _: False
    faults: Callable[[Any, ContractSigned], Iterable[Fault]] = lambda *_: ()
    expense: Callable[[Any, str], Passed | None] = lambda *_: None
    units: Callable[[Any], UnitPrice | None] = lambda _: None
    markup: Callable[[Any], Percent] = lambda _: 0
    counts: tuple[str, ...] = ()
    limits: Callable[[Any], Mapping[str, Amount]] = lambda _: {}
    account: Callable[[Any], str] | None = None
    drawing: Drawing | None = None
    periods: Callable[[LineHistory, date], Iterable[tuple[date, date]]] = lambda *_: ()
    ends: Callable[[LineHistory, date, date], PeriodLeft] = lambda _, start, to: PeriodLeft(start, to)
    earns_to_the_end: bool = False
    by_progress: Callable[[Any], bool] = lambda _: False
    is_accepted: bool = False
    price: Callable[[Any], Amount | None] = lambda _: None
    stays: bool = False
    foresees: Callable[[TermsInForce, LineHistory, date], ExpectedHistory] = to_the_end
    agreed: Callable[[TermsInForce], Amount | None] = lambda _: None
    comes_to: Callable[[Sequence[TermsInForce], LineHistory], Amount] | None = None
    outputs: Callable[[TermsInForce, LineHistory], tuple[Sequence[Output], int]] = lambda *_: ((), 0)
    charged: Callable[[Sequence[TermsInForce], LineHistory], Amount] = lambda *_: 0
