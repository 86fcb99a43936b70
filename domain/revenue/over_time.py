"""Revenue over time: by the method of the line (`methods.py`), cumulative so that the parts add up to the price (R12).

When terms change, what was earned by then stays, and the rest is earned over the days that are left (prospective, R41); or it is what it
would be had the new terms held all along, from their first day on (catch-up).

    12,000.00 evenly over 2026; 18,000.00 from 1 July on: 5,950.68 by the end of June stay, 12,049.32 over the 184 days that are left
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.explanation import Node, constant, evaluated, less, total
from domain.reference.fiscal import AccountingPeriod
from domain.revenue.methods import METHODS, Progress
from domain.terms.kind import Spread, TermsInForce
from domain.terms.methods import revenue_method
from domain.units import Amount
from domain.why import rounding

DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """What a spread earns from `since` on, and from `stops` on no more: `base` at once, and `amount` from `first` to `last`."""

    progress: Progress
    agreed: TermsInForce
    spread: Spread
    since: date
    base: Amount
    amount: Amount
    first: date
    last: date
    stops: date

    def earned_by(self, day: date) -> Amount:
        """All that was earned by the end of a day, which is not before `since`."""
        passed, whole = self.passed(day)
        return self.base + self.agreed.rounded(self.amount * passed, whole)

    def passed(self, day: date) -> tuple[int, int]:
        """How much of `amount`, and of how much."""
        return self.progress(self.first, self.last, min(day, self.ends_on))

    @property
    def ends_on(self) -> date:
        """The last day on which it earns."""
        return min(self.last, self.stops - DAY)


Earning = dict[str, list[Stretch]]


def earning(versions: Iterable[tuple[TermsInForce, Sequence[Spread]]]) -> Earning:
    """How the spreads of a contract line earn, by their names, each version of the terms after those before it."""
    found: Earning = {}
    for agreed, spreads in versions:
        for spread in spreads:
            stretches = found.setdefault(spread.name, [])
            stretches.append(_next(agreed, spread, stretches))
    return found


def _next(agreed: TermsInForce, spread: Spread, before: Sequence[Stretch]) -> Stretch:
    progress = METHODS[revenue_method(agreed.line, agreed.policies)]
    since = max(agreed.since, spread.first) if not before else agreed.since
    if before and not agreed.catches_up:
        went = before[-1]
        if went.spread[:4] == spread[:4] and went.progress is progress:
            return went._replace(since=since, stops=spread.stops)
        earned = went.earned_by(since - DAY)
        first = max(spread.first, since)
        last, left = max(spread.last, first), spread.amount - earned
        return Stretch(progress, agreed, spread, since, earned, left, first, last, spread.stops)
    # Terms that hold from after the end on have no days left: all is earned on their first.
    last = max(spread.last, spread.first)
    return Stretch(progress, agreed, spread, since, 0, spread.amount, spread.first, last, spread.stops)


class Month(NamedTuple):
    """What is earned in an accounting month, up to the last day of it on which anything is."""

    period: AccountingPeriod
    last: date
    amount: Amount


def by_month(earns: Earning, period_of: Callable[[date], AccountingPeriod], until: date) -> Iterator[Month]:
    """Months with days on which something is earned, in order, as far as they begin up to a day.

    A line may be out of the contract for a while: a month's day is one on which its terms hold.
    """
    months: dict[AccountingPeriod, Month] = {}
    for stretches in earns.values():
        before = 0
        for first, last in _days(stretches):
            day = first
            while day <= min(last, until):
                own = period_of(day)
                ends = min(own.to - DAY, last)
                earned = earned_by(stretches, ends)
                had = months.get(own, Month(own, ends, 0))
                months[own] = Month(own, max(had.last, ends), had.amount + earned - before)
                day, before = own.to, earned
    yield from (months[own] for own in sorted(months, key=lambda own: own.start))


def _days(stretches: Sequence[Stretch]) -> Iterator[tuple[date, date]]:
    """The first and the last day of each on which it earns; what terms change of what was earned is on the first day on which they hold."""
    for place, stretch in enumerate(stretches):
        since = stretch.since if place else max(stretch.since, stretch.first)
        before = stretches[place + 1].since if place + 1 < len(stretches) else date.max
        last = max(stretch.ends_on, stretch.since)
        yield since, min(last, before - DAY)


def earned_by(stretches: Sequence[Stretch], day: date) -> Amount:
    """All that was earned by the end of a day."""
    return next((stretch.earned_by(day) for stretch in reversed(stretches) if stretch.since <= day), 0)


def said(stretches: Sequence[Stretch], day: date, price: Callable[[Stretch], Node]) -> Node:
    """How that came about: of the last stretch by a day, with what those before it had earned when it began."""
    *before, stretch = (each for each in stretches if each.since <= day)
    currency, mode = stretch.agreed.contract.currency, stretch.agreed.policies.money_mode
    whole, base = price(stretch), None
    if stretch.base or stretch.amount != stretch.spread.amount:
        base = said(before, stretch.since - DAY, price)
        whole = less("left to earn", whole, base)
    passed, of = stretch.passed(day)
    if not passed:
        own = constant(f"nothing yet from {stretch.first} on", 0, "amount", currency)
    elif passed == of:
        own = whole
    else:
        parameters = {"days": str(passed), "of": str(of), **rounding(currency, mode)}
        title = f"from {stretch.first} to {stretch.last}"
        own = evaluated(title, "by_day", (whole,), parameters, "amount", currency)
    title = f"{stretch.spread.name}: earned by {day}"
    if base is None:
        return own._replace(title=title)
    return total(title, (base, own), "amount", currency, rule="R41")
