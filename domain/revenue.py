"""Revenue over time: evenly by day, both ends included (R40), cumulative so that the parts add up to the price (R12).

When terms change, what was earned by then stays, and the rest is earned over the days that are left (prospective, R41); or it is what it
would be had the new terms held all along, from their first day on (catch-up).

    12,000.00 over 351 days from 2026-01-15: 581.20 by the end of January (17 days), 1,538.46 by the end of February
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.billing.kind import Agreed, Spread
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


def earned_by(earns: Earning, day: date) -> Amount:
    """All that was earned by the end of a day."""
    return sum(stretch.earned_by(day) for stretch in _on(earns, day))


def _on(earns: Earning, day: date) -> Iterator[Stretch]:
    for stretches in earns.values():
        started = [stretch for stretch in stretches if stretch.since <= day]
        if started:
            yield started[-1]


def last_day(earns: Earning) -> date:
    """The last day on which anything is earned; of nothing the first of all days."""
    return max(
        (max(one.ends_on, one.since) for stretches in earns.values() for one in stretches[-1:]), default=date.min
    )


def first_day(earns: Earning) -> date:
    return min((max(stretches[0].since, stretches[0].first) for stretches in earns.values()), default=date.max)
