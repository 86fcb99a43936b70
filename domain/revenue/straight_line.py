"""Revenue over time: evenly by day, both ends included (R40), cumulative so that the parts add up to the price (R12).

When terms change, what was earned by then stays, and the rest is earned over the days that are left (prospective, R41); or it is what it
would be had the new terms held all along, from their first day on (catch-up).

    12,000.00 over 351 days from 2026-01-15: 581.20 by the end of January (17 days), 1,538.46 by the end of February
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.reference.fiscal import AccountingPeriod
from domain.terms.kind import Spread, TermsInForce
from domain.units import Amount

DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """What a spread earns from `since` on, and from `stops` on no more: `base` at once, and `amount` from `first` to `last`."""

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
        days = (self.last - self.first).days + 1
        passed = (min(day, self.last, self.stops - DAY) - self.first).days + 1
        return self.base + self.agreed.rounded(self.amount * min(max(passed, 0), days), days)

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
    since = max(agreed.since, spread.first) if not before else agreed.since
    if before and not agreed.catches_up:
        went = before[-1]
        if went.spread[:4] == spread[:4]:
            return went._replace(since=since, stops=spread.stops)
        earned = went.earned_by(since - DAY)
        first = max(spread.first, since)
        return Stretch(
            agreed, spread, since, earned, spread.amount - earned, first, max(spread.last, first), spread.stops
        )
    # Terms that hold from after the end on have no days left: all is earned on their first.
    return Stretch(agreed, spread, since, 0, spread.amount, spread.first, max(spread.last, spread.first), spread.stops)


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
