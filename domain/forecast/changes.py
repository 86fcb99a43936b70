"""Why a forecast changed: the change at completion by cause, in a fixed order and with the exact sum (R60).

Every event changes the figures at completion by one cause, an estimate by three, so the parts sum to the change by
construction:

| cause         | what                                                                               |
|---------------|------------------------------------------------------------------------------------|
| volume        | new work; more or fewer hours remain than the estimate before said, at its average |
| rate          | an hour costs or earns more than it said, with the same mix; work is rated again   |
| mix           | the hours that remain are of other categories                                      |
| scope         | contracts, budgets and assignments                                                 |
| exchange_rate | currencies moved since the last update                                             |
| late_data     | new work that happened more than a day before it was recorded                      |
| correction    | higher versions and withdrawals                                                    |

Worked example. An estimate said 40 h senior for 6,000 and 60 h junior for 4,000; the next says 60 h for 9,000 and 60
h for 4,200. The change is 13,200 - 10,000 = 3,200. Volume: 20 h more at 100 = 2,000. Rate: of 120 h in the old mix 48
h cost what they cost before, 72 h cost 70 instead of 66.67: 240. Mix: the rest, 960 (12 h more at 150, 12 h less at
70).

What was done since the estimate before leaves hours and amount at another average than it said: 60 of its 100 h for
10,000 cost 8,000, so that 40 h and 2,000 are left. 60 h for 6,000 are 20 h more at 100, 2,000 of volume; the other
2,000 are what the 60 h cost more. What caps do not allow no cause has: 10 h more under a used-up cap earn nothing.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.events.common import RemainingWork
from domain.figure import at_least, called, lesser, ratio, risen
from domain.money import HALF_UP
from domain.outputs import ForecastDelta
from domain.tuples import new_tuple
from domain.units import Amount, Hours, Instant

CAUSES = ("volume", "rate", "mix", "scope", "exchange_rate", "late_data", "correction")
LATE = 24 * 3_600_000_000  # microseconds

# Cost and revenue at completion.
Change = tuple[Amount, Amount]


class Left(NamedTuple):
    """What remained at a moment, and the most of it that caps allow where they limit it."""

    hours: Hours
    amount: Amount
    most: Amount | None = None

    @property
    def allowed(self) -> Amount:
        return self.amount if self.most is None else self.most


class Split(NamedTuple):
    volume: Amount
    rate: Amount
    mix: Amount


def deltas(changes: Mapping[str, Change]) -> tuple[ForecastDelta, ...]:
    """Causes without a change are left out."""
    found = [(cause, *changes[cause]) for cause in CAUSES if cause in changes]
    return tuple(
        [
            new_tuple(ForecastDelta, (cause, cost, revenue, revenue - cost))
            for cause, cost, revenue in found
            if cost or revenue
        ]
    )


def with_change(changes: Mapping[str, Change], cause: str, cost: Amount, revenue: Amount) -> dict[str, Change]:
    had = changes.get(cause, (0, 0))
    return {**changes, cause: (had[0] + cost, had[1] + revenue)}


def work_cause(occurred_at: Instant, recorded_at: Instant, *, corrects: bool) -> str:
    if corrects:
        return "correction"
    return "late_data" if recorded_at - occurred_at > LATE else "volume"


def split_revision(
    before: Left, after: Left, old_mix: Mapping[str, Left], new_mix: Mapping[str, Left], step: Amount
) -> Split:
    """The change of what remains: hours at the old average, then the averages at the old mix, then the rest.

    The mixes are hours and amount by category as each estimate states them; without categories in both there is no mix. The old average is
    that of the estimate before, where nothing is known of it that of what it left.
    """
    change = after.allowed - before.allowed
    if before.hours <= 0 or before.amount <= 0:
        return Split(change, 0, 0)
    most = after.most
    if most is None and before.most is not None:
        # By month they may allow it more than they did of what was left before.
        most = at_least(after.amount, before.most, "caps allow")
    said = Left(sum(left.hours for left in old_mix.values()), sum(left.amount for left in old_mix.values()))
    average = said if said.hours > 0 and said.amount > 0 else before

    def valued(hours: Hours, title: str) -> Amount:
        return ratio(
            called(hours, title), average.amount, average.hours, step, HALF_UP, f"{title} at the average before"
        )

    at_average = before.amount + valued(after.hours - before.hours, "hours more")
    volume = _within(most, at_average) - before.allowed
    if set(old_mix) | set(new_mix) <= {""}:
        return Split(volume, change - volume, 0)
    at_rates = valued(after.hours, "hours to come") + _at_old_mix(after.hours, old_mix, new_mix, step)
    rate = _within(most, at_rates) - _within(most, at_average)
    return Split(volume, rate, change - volume - rate)


def _within(most: Amount | None, amount: Amount) -> Amount:
    return amount if most is None else lesser(amount, most, "as far as caps allow")


def _at_old_mix(hours: Hours, old_mix: Mapping[str, Left], new_mix: Mapping[str, Left], step: Amount) -> Amount:
    """The new hours in the old mix, each category by the change of its average; one that comes or goes has none."""
    whole = sum(left.hours for left in old_mix.values())
    total = 0
    for category, (old_hours, old_amount, _) in sorted(old_mix.items()):
        new_hours, new_amount, _ = new_mix.get(category, Left(0, 0))
        if old_hours > 0 and new_hours > 0:
            total += risen(
                hours, whole, (old_hours, old_amount), (new_hours, new_amount), step, f"of {category or 'no category'}"
            )
    return called(total, "by rate, at the mix before")


def cost_mix(remaining: Iterable[RemainingWork]) -> dict[str, Left]:
    """Remaining hours and cost by category."""
    return _mix((work.category, work.hours, work.cost) for work in remaining)


def revenue_mix(remaining: Iterable[RemainingWork]) -> dict[str, Left]:
    """Remaining hours and stated revenue by category; empty where revenue is not stated throughout."""
    stated = tuple(remaining)
    if any(work.revenue is None for work in stated):
        return {}
    return _mix((work.category, work.hours, work.revenue or 0) for work in stated)


def _mix(works: Iterable[tuple[str | None, Hours, Amount]]) -> dict[str, Left]:
    mix: dict[str, Left] = {}
    for category, hours, amount in works:
        had = mix.get(category or "", Left(0, 0))
        mix[category or ""] = Left(had.hours + hours, had.amount + amount)
    return mix
