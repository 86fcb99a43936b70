"""Revenue over time: evenly by day, both ends included (R40), cumulative so that the parts add up to the price (R12).

When terms change, what was earned by then stays, and the rest is earned over the days that are left (prospective, R41); or it is what it
would be had the new terms held all along, from their first day on (catch-up).

    12,000.00 over 351 days from 2026-01-15: 581.20 by the end of January (17 days), 1,538.46 by the end of February
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.billing.kind import Agreed, Spread
from domain.fiscal import AccountingPeriod
from domain.units import Amount

DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """What a spread earns from `since` on, and from `stops` on no more: `base` at once, and `amount` from `first` to `last`."""

    agreed: Agreed
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


def earning(versions: Iterable[tuple[Agreed, Sequence[Spread]]]) -> Earning:
    """How the spreads of a contract line earn, by their names, each version of the terms after those before it."""
    found: Earning = {}
    for agreed, spreads in versions:
        for spread in spreads:
            stretches = found.setdefault(spread.name, [])
            stretches.append(_next(agreed, spread, stretches))
    return found


def _next(agreed: Agreed, spread: Spread, before: Sequence[Stretch]) -> Stretch:
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
    return Stretch(agreed, spread, since, 0, spread.amount, spread.first, spread.last, spread.stops)


class Month(NamedTuple):
    """What is earned in an accounting month, up to the last day of it on which anything is."""

    period: AccountingPeriod
    last: date
    amount: Amount


def by_month(earns: Earning, period_of: Callable[[date], AccountingPeriod], until: date) -> Iterator[Month]:
    """Months in which something is earned, in order, as far as they begin up to a day."""
    amounts: dict[AccountingPeriod, Amount] = {}
    for stretches in earns.values():
        day, last, before = max(stretches[0].since, stretches[0].first), _last_day(stretches), 0
        while day <= min(last, until):
            own = period_of(day)
            earned = _earned_by(stretches, min(own.to - DAY, last))
            amounts[own] = amounts.get(own, 0) + earned - before
            day, before = own.to, earned
    last = max(map(_last_day, earns.values()), default=date.min)
    for own in sorted(amounts, key=lambda own: own.start):
        yield Month(own, min(own.to - DAY, last), amounts[own])


def _earned_by(stretches: Sequence[Stretch], day: date) -> Amount:
    """All that was earned by the end of a day, which is not before the first of them."""
    return next(stretch.earned_by(day) for stretch in reversed(stretches) if stretch.since <= day)


def _last_day(stretches: Sequence[Stretch]) -> date:
    return max(stretches[-1].ends_on, stretches[-1].since)
