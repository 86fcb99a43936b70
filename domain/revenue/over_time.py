"""Revenue over time: by the method of the line (`methods.py`), cumulative so that the parts add up to the price (R12).

When terms change, what was earned by then stays, and the rest is earned over what is left: the days, or the work (prospective, R41); or it
is what it would be had the new terms held all along, from their first day on (catch-up).

    12,000.00 evenly over 2026; 18,000.00 from 1 July on: 5,950.68 by the end of June stay, 12,049.32 over the 184 days that are left
    100,000.00, of which 40 % are reported; then 130,000.00: 40,000.00 stay, 70 % are reported: half of the 90,000.00 that are left
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.explanation import Node, constant, evaluated, in_proportion, less, total
from domain.reference.fiscal import AccountingPeriod
from domain.revenue.method import Course, Method, Reported
from domain.revenue.methods import METHODS
from domain.terms import methods
from domain.terms.kind import OVER_TIME, LineHistory, Spread, TermsInForce
from domain.units import HUNDRED_PERCENT, Amount
from domain.why import rounding

DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """What a spread earns from `since` on, and from `stops` on no more: `base` at once, and `amount` from `first` to `last`.

    Where work is measured, `amount` is of the work that is left after `before`, the report that held until then.
    """

    method: Method
    agreed: TermsInForce
    spread: Spread
    since: date
    base: Amount
    amount: Amount
    first: date
    last: date
    stops: date
    reports: Sequence[Reported] = ()
    before: Reported | None = None

    def earned_by(self, day: date) -> Amount:
        """All that was earned by the end of a day, which is not before `since`."""
        part, whole = self.part(day)
        return self.base + self.agreed.rounded(self.amount * part, whole)

    def part(self, day: date) -> tuple[int, int]:
        """How much of `amount`, and of how much."""
        part, whole = self.method.earned(self.course, min(day, self.ends_on))
        if self.before is None:
            return part, whole
        had, of = self.method.earned(self.course._replace(reports=(self.before,)), self.before.as_of)
        assert whole == of, "a method that goes by reports has one measure"
        # Of work that was done by then nothing is left: all is earned at once.
        return (part - had, whole - had) if had < whole else (1, 1)

    @property
    def course(self) -> Course:
        return Course(self.first, self.last, self.reports)

    @property
    def ends_on(self) -> date:
        """The last day on which it earns."""
        return min(self.last, self.stops - DAY)

    def report(self, day: date) -> Reported | None:
        """That holds on a day, where the work is measured by reports."""
        return self.method.says(self.course, min(day, self.ends_on)) if self.method.says is not None else None


Earning = dict[str, list[Stretch]]


def earning(known: LineHistory, until: date) -> Earning:
    """How a contract line's spreads that begin by a day earn, by their names, each version of the terms after those before it."""
    found: Earning = {}
    for agreed in known.held:
        is_over_time = methods.timing(agreed.line, agreed.policies) == OVER_TIME
        for stated in methods.spreads(agreed, known, until) if is_over_time else ():
            method = METHODS[methods.revenue_method(agreed.line, agreed.policies)]
            # Work that is measured is done when it is done.
            spread = stated if method.says is None else stated._replace(last=date.max)
            stretches = found.setdefault(spread.name, [])
            stretches.append(_next(method, agreed, spread, known.reported, stretches))
    return found


def _next(
    method: Method, agreed: TermsInForce, spread: Spread, reports: Sequence[Reported], before: Sequence[Stretch]
) -> Stretch:
    since = max(agreed.since, spread.first) if not before else agreed.since
    if before and not agreed.catches_up:
        went = before[-1]
        if went.spread[:4] == spread[:4] and went.method is method:
            return went._replace(since=since, stops=spread.stops)
        earned = went.earned_by(since - DAY)
        first = max(spread.first, since)
        last, left = max(spread.last, first), spread.amount - earned
        report = method.says(Course(first, last, reports), since - DAY) if method.says is not None else None
        return Stretch(method, agreed, spread, since, earned, left, first, last, spread.stops, reports, report)
    # Terms that hold from after the end on have no days left: all is earned on their first.
    last = max(spread.last, spread.first)
    return Stretch(method, agreed, spread, since, 0, spread.amount, spread.first, last, spread.stops, reports)


def is_measured(earns: Earning) -> bool:
    """Whether the line's newest terms earn as the work is measured, so that a day counts before it has ended."""
    return any(stretches[-1].method.says is not None for stretches in earns.values())


class Month(NamedTuple):
    """What is earned in an accounting month, up to the last day of it on which anything is."""

    period: AccountingPeriod
    last: date
    amount: Amount


def by_month(earns: Earning, period_of: Callable[[date], AccountingPeriod], until: date) -> Iterator[Month]:
    """Months with days on which something is earned, in order, as far as they begin up to a day.

    A line may be out of the contract for a while: a month's day is one on which its terms hold. Where the work is measured it is the day
    of the month's last report, and a month without one has nothing.
    """
    months: dict[AccountingPeriod, Month] = {}
    for stretches in earns.values():
        before = 0
        for first, last, is_measured in _days(stretches):
            day = first
            while day <= min(last, until):
                own = period_of(day)
                ends = min(own.to - DAY, last)
                earned = earned_by(stretches, ends)
                on = _moved_on(stretches, day, ends) if is_measured else ends
                if on is not None:
                    had = months.get(own, Month(own, on, 0))
                    months[own] = Month(own, max(had.last, on), had.amount + earned - before)
                day, before = own.to, earned
    yield from (months[own] for own in sorted(months, key=lambda own: own.start))


def _moved_on(stretches: Sequence[Stretch], first: date, last: date) -> date | None:
    """The last day from one to another, both included, on which reports or other terms say how far the work has come."""
    days = [stretch.since for stretch in stretches] + [each.as_of for each in stretches[-1].reports]
    return max((day for day in days if first <= day <= last), default=None)


def _days(stretches: Sequence[Stretch]) -> Iterator[tuple[date, date, bool]]:
    """The first and the last day of each on which it earns, and whether by what is reported; what terms change of what was earned is on
    the first day on which they hold."""
    for place, stretch in enumerate(stretches):
        since = stretch.since if place else max(stretch.since, stretch.first)
        before = stretches[place + 1].since if place + 1 < len(stretches) else date.max
        last = max(stretch.ends_on, stretch.since)
        yield since, min(last, before - DAY), stretch.method.says is not None


def earned_by(stretches: Sequence[Stretch], day: date) -> Amount:
    """All that was earned by the end of a day."""
    return next((stretch.earned_by(day) for stretch in reversed(stretches) if stretch.since <= day), 0)


class Facts(NamedTuple):
    """Where an explanation has what a stretch earns of, and a report's percentage."""

    price: Callable[[Stretch], Node]
    report: Callable[[Reported], Node]


def said(stretches: Sequence[Stretch], day: date, facts: Facts) -> Node:
    """How that came about: of the last stretch by a day, with what those before it had earned when it began."""
    *before, stretch = (each for each in stretches if each.since <= day)
    currency = stretch.agreed.contract.currency
    whole, base = facts.price(stretch), None
    if stretch.base or stretch.amount != stretch.spread.amount:
        base = said(before, stretch.since - DAY, facts)
        whole = less("left to earn", whole, base)
    part, of = stretch.part(day)
    if not part:
        since = stretch.first if stretch.method.says is None else stretch.since
        own = constant(f"nothing yet from {since} on", 0, "amount", currency)
    elif part == of:
        own = whole
    else:
        own = _in_part(stretch, day, whole, facts)
    title = f"{stretch.spread.name}: earned by {day}"
    if base is None:
        return own._replace(title=title)
    return total(title, (base, own), "amount", currency, rule="R41")


def _in_part(stretch: Stretch, day: date, whole: Node, facts: Facts) -> Node:
    currency, mode = stretch.agreed.contract.currency, stretch.agreed.policies.money_mode
    report, before = stretch.report(day), stretch.before
    if report is None:
        part, of = stretch.part(day)
        parameters = {"days": str(part), "of": str(of), **rounding(currency, mode)}
        title = f"from {stretch.first} to {stretch.last}"
        return evaluated(title, "by_day", (whole,), parameters, "amount", currency)
    percent, all_of_it = facts.report(report), constant("all of the work", HUNDRED_PERCENT, "percent")
    if before is not None:
        had = facts.report(before)
        percent, all_of_it = less("done since", percent, had), less("left to do", all_of_it, had)
    return in_proportion(f"reported as of {report.as_of}", whole, percent, all_of_it, mode)
