"""Revenue over time: by the method of the line (`methods.py`), cumulative so that the parts add up to the price (R12).

When terms change, what was earned by then stays, and the rest is earned over what is left: the days, or the work (prospective, R41); or it
is what it would be had the new terms held all along, from their first day on (catch-up).

    12,000.00 evenly over 2026; 18,000.00 from 1 July on: 5,950.68 by the end of June stay, 12,049.32 over the 184 days that are left
    100,000.00, of which 40 % are reported; then 130,000.00: 40,000.00 stay, 70 % are reported: half of the 90,000.00 that are left
    40,000.00 stay, 30 % are reported after all: three quarters of the 40,000.00
    100,000.00, of which 40 of 100 h are worked; then 130,000.00: 40,000.00 stay; 70 of 100 h: half of the 90,000.00 that are left

Cost that policy `poc_exclusions` names earns itself, the rest of the price is earned by the other cost:

    10,000.00, 2,000.00 of it for materials, which are bought; 1,000.00 of 4,000.00 besides are spent: 2,000.00 + 1/4 of 8,000.00 = 4,000.00

Lines of one performance obligation are one piece of work, so that each earns its price as far as all of it is done (IFRS 15.41):

    6,000.00 and 4,000.00; 1,000.00 of 3,000.00 are spent on one, nothing of 1,000.00 on the other: a quarter, 1,500.00 and 1,000.00

While revenue comes with what is billed, or charged, nothing of it is earned over time. A line that goes over to a method of this module is
caught up on that day, as if it had always gone by it; one that leaves takes back all that it had earned over time (IAS 8.36).

    10,000.00 as billed, 4,000.00 invoiced, 60 % done when cost to cost begins: 6,000.00 on that day, in place of 4,000.00
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from domain import figure
from domain.figure import Recorded, at_least, called, lesser, titled
from domain.reference.fiscal import AccountingPeriod
from domain.revenue import spent
from domain.revenue.method import APART, OUTPUTS, REPORTS, Course, Method, Opening
from domain.revenue.methods import METHODS
from domain.terms import methods
from domain.terms.kind import OVER_TIME, LineHistory, Spread, TermsInForce
from domain.units import HUNDRED_PERCENT, PERCENT_ONE, Amount, Percent

DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """What a spread earns from `since` on, and from `stops` on no more: `base` at once, and `amount` by its `course`.

    Where work is measured, `amount` is of the work that is left after what was done `before`, in the method's own measure. Cost that is no
    measure of it earns itself, and the rest of `amount` is earned by the measure; `before_apart` of that cost was spent before.

    `kept` is what had been earned before terms that catch up: it stays until somebody says how much the work is that they measure.

    Of terms that go on with a stretch in another amount, `base` is what was earned when that began (`based`). `is_final`: all is earned at
    once, since the contract is over. `as_billed`: revenue comes with what is billed, and the stretch is what would be earned over time.
    """

    method: Method
    agreed: TermsInForce
    spread: Spread
    since: date
    base: Amount
    amount: Amount
    course: Course
    stops: date
    before: int = 0
    before_apart: Amount = 0
    kept: Amount = 0
    based: date = date.max
    is_final: bool = False
    as_billed: bool = False

    def earned_by(self, day: date) -> Amount:
        """All that was earned by the end of a day, which is not before `since`."""
        if self.kept and not self.is_known(day):
            return self.kept
        fallen = self._fallen_to(day)
        if fallen is not None:
            return self.agreed.part_of(self.base, *fallen, self._goes_by(day, self.base))
        part, whole = self.part(day)
        itself, at_completion = self.apart(day)
        rest = called(self.amount - at_completion, "earned by the measure")
        by_measure = self.agreed.part_of(rest, part, whole, self._goes_by(day, rest)) if part else 0
        return self.base + itself + by_measure

    def _fallen_to(self, day: date) -> tuple[int, int] | None:
        """Of what was done when the stretch began, where less is reported since: that much of `base` stays."""
        if self.is_final or self.method.measure != REPORTS:
            return None
        done, _ = self.method.earned(self.course, min(day, self.ends_on))
        return (done, self.before) if done < self.before else None

    def _goes_by(self, day: date, rest: Amount) -> str:
        """In words, where somebody wants them."""
        if not isinstance(rest, Recorded):
            return ""
        if self.method.measure is None:
            return f"from {self.course.first} to {self.course.last}"
        return f"by {self.method.measure} to {min(day, self.ends_on)}"

    def part(self, day: date) -> tuple[int, int]:
        """How much of the work, and of how much, as a percentage where policy `poc_precision` says how exact; nothing as long as nobody
        knows of how much."""
        if self.is_final:
            return 1, 1
        done, whole = self.method.earned(self.course, min(day, self.ends_on))
        if not whole:
            return 0, 1
        # Of work that was done by then nothing is left: all is earned at once.
        if self.before >= whole:
            done = whole = 1
        elif self.before:
            done, whole = called(done - self.before, "done since"), called(whole - self.before, "left to do")
        digits = self.digits
        return (done, whole) if digits is None else percentage(done, whole, digits, self.agreed.policies.money_mode)

    @property
    def digits(self) -> int | None:
        """Of the percentage, after the point; None where it is exact."""
        return self.agreed.policies.poc_precision if self.method.measure is not None else None

    def apart(self, day: date) -> tuple[Amount, Amount]:
        """Of cost that is no measure of the work what was spent by a day, and all of it at completion; never more than there is to earn."""
        if self.is_final or not self.course.excluded or not self.is_known(day):
            return 0, 0
        most = at_least(self.amount, 0, "all that is left to earn")
        done, whole = (
            lesser(
                self.agreed.part_of(at_least(called(each - self.before_apart, "since"), 0, "since"), 1, 1, "rounded"),
                most,
                title,
            )
            for each, title in zip(
                spent.alone(self.course, min(day, self.ends_on), APART),
                ("earns itself", "earns itself at completion"),
                strict=True,
            )
        )
        return done, whole

    def is_known(self, day: date) -> bool:
        """Whether somebody has said by a day of how much."""
        return self.is_final or self.method.earned(self.course, min(day, self.ends_on))[1] != 0

    def measured_alike(self, agreed: TermsInForce) -> bool:
        """Whether other terms have the same policies of the measure."""
        return self.method.measure is None or _measuring(self.agreed) == _measuring(agreed)

    def measures_the_same(self, course: Course) -> bool:
        """Whether another course is of the same lines, and has the same outputs of the same worth."""
        own = self.course
        return [*own.together] == [*course.together] and (own.outputs, own.whole) == (course.outputs, course.whole)

    @property
    def ends_on(self) -> date:
        """The last day on which it earns."""
        return min(self.course.last, self.stops - DAY)

    @property
    def began(self) -> date:
        """The day on which it had `base`, and `before` was done."""
        return min(self.based, self.since)

    @property
    def said_on(self) -> list[date]:
        """Days on which somebody said how far the work had come, or how much is left."""
        if self.method.measure == OUTPUTS:
            return [each.day for each in self.course.outputs]
        if self.method.measure == REPORTS:
            return [each.as_of for each in self.course.reports]
        courses = (self.course, *self.course.together.values())
        return [each.as_of for course in courses for each in course.estimates if not each.is_budget]


def percentage(part: int, of: int, digits: int, mode: str) -> tuple[Percent, Percent]:
    """A share as a percentage with so many digits after the point (R13)."""
    return figure.percentage(part, of, PERCENT_ONE // 10**digits, mode, "done", "R13"), HUNDRED_PERCENT


Earning = dict[str, list[Stretch]]


def earning(known: LineHistory, until: date) -> Earning:
    """How a contract line's spreads that begin by a day earn, by their names, each version of the terms after those before it."""
    found: Earning = {}
    for place, agreed in enumerate(known.held):
        goes_by = _goes_by(known.held, place)
        if goes_by is None:
            continue
        method, as_billed = METHODS[methods.revenue_method(goes_by.line, goes_by.policies)], goes_by is not agreed
        for stated in _spreads(agreed, known, until):
            # Work that is measured is done when it is done.
            spread = stated if method.measure is None else stated._replace(last=date.max)
            stretches = found.setdefault(spread.name, [])
            stretches.append(_next(method, agreed, spread, known, stretches, as_billed=as_billed))
        for stretches in found.values():
            went = stretches[-1]
            goes_over = went.as_billed != as_billed and methods.go_on(went.agreed.line, agreed.line)
            if goes_over and went.since < agreed.since:
                stretches.append(went._replace(since=agreed.since, as_billed=as_billed))
    return found


def _goes_by(held: Sequence[TermsInForce], place: int) -> TermsInForce | None:
    """Terms whose method earns the price over time: these, or where they earn as they bill those after or before them that do."""
    agreed = held[place]
    of_kind = [one for one in held if methods.go_on(one.line, agreed.line)]
    nearest = [agreed, *(one for one in of_kind if one.since > agreed.since), *reversed(of_kind)]
    return next((one for one in nearest if _method(one) is not None), None)


def _method(agreed: TermsInForce) -> Method | None:
    """None of terms that are not earned over time, and of what is drawn of them."""
    if methods.timing(agreed.line, agreed.policies) != OVER_TIME:
        return None
    return METHODS.get(methods.revenue_method(agreed.line, agreed.policies))


def _spreads(agreed: TermsInForce, known: LineHistory, until: date) -> Iterable[Spread]:
    """As the terms have them; of a line that earns another price than it charges that one."""
    if agreed.allocated is None:
        return methods.spreads(agreed, known, until)
    if agreed.starts_on > until:
        return ()
    last = agreed.contract.ends_on or date.max
    return (Spread("price", agreed.allocated.earns, agreed.starts_on, last, agreed.before),)


def _next(
    method: Method,
    agreed: TermsInForce,
    spread: Spread,
    known: LineHistory,
    before: Sequence[Stretch],
    *,
    as_billed: bool,
) -> Stretch:
    if before and before[-1].as_billed != as_billed:
        # What is caught up is as if it had begun so.
        return _next(method, agreed._replace(catches_up=True), spread, known, (), as_billed=as_billed)
    since = max(agreed.since, spread.first) if not before else agreed.since
    course = course_of(agreed, method, (spread.first, spread.last), known)
    afresh = Stretch(method, agreed, spread, since, 0, spread.amount, course, spread.stops, as_billed=as_billed)
    if agreed.is_final:
        return afresh._replace(is_final=True, as_billed=False)
    if before and agreed.revises:
        went = before[-1]
        amount = called(spread.amount - went.base, "left to earn")
        return went._replace(
            agreed=agreed, spread=spread, since=since, amount=amount, stops=spread.stops, based=went.began
        )
    if before and not agreed.catches_up:
        return _prospective(afresh, before[-1], known.opening)
    # A line that joins an obligation under way earns by the work that is left of all its lines.
    joins = not before and agreed.since > date.min and not agreed.catches_up and course.together
    done = method.earned(course, since - DAY)[0] if joins else 0
    kept = _earned_before(before[-1], since, known.opening) if before and method.by_spending else 0
    # Terms that hold from after the end on have no days left: all is earned on their first.
    return afresh._replace(before=done, kept=kept)


def _prospective(afresh: Stretch, went: Stretch, opening: Opening | None) -> Stretch:
    """What was earned until the new terms stays, and the rest of the price is for the work that is left (R41)."""
    method, agreed, spread, since, course = afresh.method, afresh.agreed, afresh.spread, afresh.since, afresh.course
    measured = went.method is method and went.measured_alike(agreed) and went.measures_the_same(course)
    if went.spread[:4] == spread[:4] and measured:
        return went._replace(since=since, stops=spread.stops)
    earned, first = _earned_before(went, since, opening), max(spread.first, since)
    course = course._replace(first=first, last=max(spread.last, first))
    return afresh._replace(
        base=earned,
        amount=called(spread.amount - earned, "left to earn", "R41"),
        course=course,
        before=method.earned(course, since - DAY)[0] if method.measure is not None else 0,
        before_apart=spent.alone(course, since - DAY, APART)[0] if course.excluded else 0,
    )


def _earned_before(went: Stretch, since: date, opening: Opening | None) -> Amount:
    """By the terms, or as balances state it, as long as nobody has said more."""
    before = since - DAY
    stated = opening if opening is not None and opening.as_of <= before and not went.is_known(before) else None
    so_far = stated.earned if stated is not None and stands([went], stated, before) else went.earned_by(before)
    return called(so_far, "earned before")


def course_of(agreed: TermsInForce, method: Method, days: tuple[date, date], known: LineHistory) -> Course:
    """From a first day to a last, with what is known of the line."""
    policies, by_spending = agreed.policies, method.by_spending
    outputs, whole = methods.outputs(agreed, known) if method.measure == OUTPUTS else ((), 0)
    own = Course(
        days[0],
        max(days),
        known.reported,
        known.spent,
        known.estimates,
        policies.poc_exclusions or () if by_spending else (),
        by_spending and policies.forecast_denominator == "original",
        outputs,
        whole,
    )
    others = {line_id: known.together[line_id] for line_id in agreed.obliged_with} if by_spending else {}
    return own._replace(
        together={name: own._replace(spent=of.spent, estimates=of.estimates) for name, of in others.items()}
    )


def is_measured(earns: Earning, day: date) -> bool:
    """Whether the line earns as the work is measured, so that the day counts before it has ended; the last of a contract that is over does
    not."""
    return any(stretch.method.measure is not None and not stretch.is_final for stretch in prices_on(earns, day))


def _measuring(agreed: TermsInForce) -> tuple[object, ...]:
    policies = agreed.policies
    return policies.poc_precision, frozenset(policies.poc_exclusions or ()), policies.forecast_denominator


class Month(NamedTuple):
    """What is earned in an accounting month, up to the last day of it on which anything is, without what balances state `beyond` what the
    terms had earned: the first month after them has that already.
    """

    period: AccountingPeriod
    last: date
    amount: Amount
    beyond: Amount = 0


def by_month(
    earns: Earning,
    period_of: Callable[[date], AccountingPeriod],
    until: date,
    ended: date,
    opening: Opening | None = None,
) -> Iterator[Month]:
    """Months with days on which something is earned, in order, as far as they begin up to a day.

    A line may be out of the contract for a while: a month's day is one on which its terms hold. Where the work is measured it is the day
    of the month's last report, and a month without one has nothing. What is earned by what is spent has all of a month that has `ended`;
    of the one that runs what was earned by its last estimate.
    """
    months: dict[AccountingPeriod, Month] = {}
    to_take = opening
    for stretches in earns.values():
        before = 0
        for first, last, stretch in _days(stretches):
            if stretch.as_billed:
                before, to_take = 0, None if to_take is None or first > to_take.as_of else to_take
                continue
            if _takes_over(stretches, stretch):
                before = titled(stretch.earned_by(first - DAY), f"earned by {first - DAY}")
            day = first
            while day <= min(last, until):
                own = period_of(day)
                ends = min(own.to - DAY, last)
                if opening is not None and stretch.method.by_spending and day <= opening.as_of:
                    before, to_take = opening.earned, None
                on = _counts_on(stretches, stretch, (day, ends), ended, opening)
                if on is not None:
                    earned, beyond = titled(earned_by(stretches, on), f"earned by {on}"), 0
                    if to_take is not None and on > to_take.as_of:
                        beyond, to_take = to_take.beyond, None
                    had = months.get(own, Month(own, on, 0))
                    amount = had.amount + called(earned - before - beyond, "earned in the month")
                    months[own] = Month(own, max(had.last, on), amount, had.beyond + beyond)
                    before = earned
                day = own.to
    yield from (months[own] for own in sorted(months, key=lambda own: own.start))


class MethodChange(NamedTuple):
    """What a day on which revenue goes over from what is billed to a method over time, or back, makes of what was earned over time until
    then: all that the method had earned by the day before, or less all that was."""

    day: date
    amount: Amount
    from_billing: bool


def changes(
    earns: Earning, period_of: Callable[[date], AccountingPeriod], until: date, opening: Opening | None = None
) -> list[MethodChange]:
    """By day. What is taken back is what months and earlier changes have of what goes over, and balances besides."""
    days = {
        goes.since: went.as_billed
        for stretches in earns.values()
        for went, goes in pairwise(stretches)
        if went.as_billed != goes.as_billed and goes.since <= until
    }
    found: list[MethodChange] = []
    for day, from_billing in sorted(days.items()):
        before = day - DAY
        if from_billing:
            amount = sum(earned_by(stretches, before) for stretches in caught_up(earns, day).values())
        else:
            going = going_over(earns, day)
            months = by_month(going, period_of, before, before, opening)
            stated = opening.beyond if opening is not None and opening.as_of < day else 0
            earlier = [change.amount for change in found if going_over(earns, change.day).keys() & going.keys()]
            amount = -sum(month.amount for month in months) - sum(earlier) - stated
        found.append(MethodChange(day, amount, from_billing))
    return found


def caught_up(earns: Earning, day: date) -> Earning:
    """As if what goes over to a method over time on a day had gone by it before."""
    return {
        name: [stretch._replace(since=date.min)]
        for name, stretches in going_over(earns, day).items()
        for stretch in stretches
        if stretch.since == day and not stretch.as_billed
    }


def going_over(earns: Earning, day: date) -> Earning:
    """What goes over on a day, either way: fees that earlier terms of another kind charged stay as they are earned."""
    return {
        name: stretches
        for name, stretches in earns.items()
        if any(went.as_billed != goes.as_billed and goes.since == day for went, goes in pairwise(stretches))
    }


def _takes_over(stretches: Sequence[Stretch], stretch: Stretch) -> bool:
    """Whether it earns over time what came with what was billed until it began."""
    place = next(place for place, one in enumerate(stretches) if one is stretch)
    return place > 0 and stretches[place - 1].as_billed and not stretch.as_billed


def in_books(earns: Earning, opening: Opening | None, day: date) -> Amount:
    """What a line has earned over time at the end of a day: what balances state stands until something is earned after them."""
    if is_stated(earns, opening, day):
        assert opening is not None, "it is stated"
        return opening.earned
    beyond = beyond_on(earns, opening, day) if opening is not None else 0
    return sum(earned_by(stretches, day) for stretches in earns.values()) + beyond


def is_stated(earns: Earning, opening: Opening | None, day: date) -> bool:
    return opening is not None and any(stands(own, opening, day) for own in earns.values())


def _counts_on(
    stretches: Sequence[Stretch], stretch: Stretch, days: tuple[date, date], ended: date, opening: Opening | None
) -> date | None:
    """The day up to which days of a month count, from a first to a last of a stretch; None where nothing of them does. Where the work is
    measured the day that runs counts, but none after it, and the last of a contract that is over once it has ended."""
    first, last = days
    if stretch.method.measure is None:
        return last
    if stretch.is_final:
        return last if last <= ended else None
    moved_on = _moved_on(stretches, stretch, first, last if last <= ended else ended + DAY)
    if not stretch.method.by_spending:
        return moved_on
    on = last if last <= ended else moved_on
    if on is None or (opening is not None and on <= opening.as_of):
        return None
    return on if _is_known(stretches, on) else None


def _is_known(stretches: Sequence[Stretch], day: date) -> bool:
    return any(stretch.is_known(day) for stretch in [each for each in stretches if each.since <= day][-1:])


def stands(stretches: Sequence[Stretch], opening: Opening, day: date) -> bool:
    """Whether at the end of a day the line has earned what its balances state, and nobody has said more since."""
    held = stretch_on(stretches, day) or stretches[0]
    if held.as_billed or not held.method.by_spending:
        return False
    return day <= opening.as_of or not (held.base or held.kept or held.is_known(day))


def beyond_on(earns: Earning, opening: Opening, day: date) -> Amount:
    """What balances state beyond what the terms had earned, as long as no day after them earns anything: the first that does has it."""
    since = opening.as_of + DAY
    for stretches in earns.values():
        for first, last, stretch in _days(stretches):
            days = max(first, since), min(last, day)
            if days[0] <= days[1] and (
                stretch.as_billed or _counts_on(stretches, stretch, days, day, opening) is not None
            ):
                return 0
    return opening.beyond


def _moved_on(stretches: Sequence[Stretch], stretch: Stretch, first: date, last: date) -> date | None:
    """The last day from one to another, both included, on which other terms, or what the stretch is measured by, say how far the work has
    come."""
    # A budget is known from the first day on, and nothing is spent by then: what is spent on it waits for the month's end.
    terms = stretches[1:] if stretch.method.by_spending else stretches
    days = [each.since for each in terms] + stretch.said_on
    return max((day for day in days if first <= day <= last), default=None)


def _days(stretches: Sequence[Stretch]) -> Iterator[tuple[date, date, Stretch]]:
    """The first and the last day of each on which it earns; what terms change of what was earned is on the first day on which they hold."""
    for place, stretch in enumerate(stretches):
        since = stretch.since if place else max(stretch.since, stretch.course.first)
        before = stretches[place + 1].since if place + 1 < len(stretches) else date.max
        last = max(stretch.ends_on, stretch.since)
        yield since, min(last, before - DAY), stretch


def earned_by(stretches: Sequence[Stretch], day: date) -> Amount:
    """All that was earned by the end of a day; nothing while revenue comes with what is billed."""
    stretch = stretch_on(stretches, day)
    return stretch.earned_by(day) if stretch is not None and not stretch.as_billed else 0


def stretch_on(stretches: Sequence[Stretch], day: date) -> Stretch | None:
    return next((stretch for stretch in reversed(stretches) if stretch.since <= day), None)


def prices_on(earns: Earning, day: date) -> list[Stretch]:
    """What is earned in the end by the terms of a day, or by the first where none hold yet."""
    return [stretch_on(own, day) or own[0] for own in earns.values()]
