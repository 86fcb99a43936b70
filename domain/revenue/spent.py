"""What was spent on a line of what it will have taken when it is done (R37).

An estimate says what remains after its day. Until the next one the line takes what was spent by then and what remained; once more was spent
than that, as much as was spent: nothing is left, all is earned, and somebody is asked for another estimate. A credit lowers what it takes
where nothing remained, for then it takes what was spent. Of estimates of days until the one in question the last counts.

Against the original forecast (R38) the first estimate counts instead, and no more than it is counted as spent:

    1,400 and then 3,800 of 5,400 by the first estimate are 25.93 % and 70.37 %; by one that leaves 2,100 then, 3,800 of 5,900 are 64.41 %

Once an estimate says that nothing remains, all is earned, whatever was forecast. One of nothing before anything is spent forecasts nothing:
the next is the first.

Before the first estimate of cost a cost budget is what it takes in all (RULES section 6); it says nothing of hours, nor of what is apart.

Lines of one performance obligation are one piece of work: what is spent, and what they take, is added up over them (IFRS 15.41).

Cost of categories that are excluded (uninstalled materials, IFRS 15.B19) is no measure of the work; it is a measure of its own (`APART`).
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta

from domain.figure import assumed, at_least, called, in_part, lesser
from domain.forecast.completion import MONTHS_MAX
from domain.months import evenly, month_end
from domain.revenue.method import ALL_COST, APART, COST, HOURS, Course, Estimated, Remaining, Spent
from domain.units import Amount, Hours

ONE_DAY = timedelta(days=1)


def counts(course: Course, measure: str, category: str) -> bool:
    """Whether what is of a category is of the measure."""
    return measure == ALL_COST or (category in course.excluded) == (measure == APART)


def earned_by(known: Sequence[Spent], day: date) -> Amount:
    """What the line's work earned by itself by the end of a day."""
    found = _on(known, day)
    return found.earned if found is not None else 0


def by(course: Course, day: date, measure: str) -> Hours | Amount:
    """By the end of a day; never below zero."""
    found = _on(course.spent, day)
    if found is None:
        return 0
    beside = 0 if measure == APART else found.hours if measure == HOURS else found.cost
    for category, (hours, cost) in found.apart.items():
        if counts(course, measure, category):
            beside += hours if measure == HOURS else cost
    return beside if beside > 0 else at_least(called(beside, "spent"), 0, "spent")


def estimate(course: Course, day: date, measure: str) -> Estimated | None:
    """Which holds on a day; a budget before the first."""
    counting = [one for one in course.estimates if one.as_of <= day and _says(course, one, measure)]
    known = [one for one in counting if not one.is_budget]
    if course.original and known:
        of_days = {one.as_of: one for one in known}.values()
        foresees = (one for one in of_days if by(course, one.as_of, measure) or remaining(course, one, measure))
        return next(foresees, known[-1])
    return (known or counting)[-1] if counting else None


def _says(course: Course, known: Estimated, measure: str) -> bool:
    """Hours need no currency, where no cost is kept apart."""
    if known.is_budget:
        return measure == ALL_COST or (measure == COST and not course.excluded)
    return known.has_cost or (measure == HOURS and not course.excluded)


def by_what(course: Course, day: date, measure: str) -> str:
    """What it takes in all goes by, for people."""
    known = estimate(course, day, measure)
    assert known is not None, "it is known what it takes"
    return "by its cost budget" if known.is_budget else f"as estimated on {known.as_of}"


def remaining(course: Course, known: Estimated, measure: str) -> Hours | Amount:
    rows = (row for row in known.months if counts(course, measure, row.category))
    return called(sum(row.hours if measure == HOURS else row.cost for row in rows), "remained")


def at_completion(course: Course, day: date, measure: str) -> tuple[Hours | Amount, date] | None:
    """What the line takes by the estimate that holds, and its day; None as long as nobody has said what remains."""
    known = estimate(course, day, measure)
    if known is None:
        return None
    so_far = 0 if known.is_budget else by(course, known.as_of, measure)
    if _nothing_remains(known) and not course.original and (now := by(course, day, measure)) < so_far:
        return now, known.as_of
    return called(so_far + remaining(course, known, measure), "as estimated"), known.as_of


def earned(course: Course, day: date, measure: str) -> tuple[int, int]:
    """What was spent on all lines of its obligation, and all that they take; 0 as long as nobody has said what remains of one of them."""
    if not course.together:
        return alone(course, day, measure)
    courses = (course, *course.together.values())
    found = [alone(each, day, measure) for each in courses]
    is_known = all(estimate(each, day, measure) is not None for each in courses)
    spent, whole = (sum(each) for each in zip(*found, strict=True))
    return called(spent, "spent on all lines of the obligation"), called(
        whole, "all lines of the obligation at completion"
    ) if is_known else 0


def alone(course: Course, day: date, measure: str) -> tuple[int, int]:
    """What was spent on the line, and all that it takes; 0 where nobody has said what remains."""
    spent, known = by(course, day, measure), at_completion(course, day, measure)
    if known is None:
        return spent, 0
    foreseen, _ = known
    if course.original and foreseen:
        at_first = called(foreseen, "forecast at first", "R38")
        return (at_first if _is_done(course, day) else lesser(spent, at_first, "spent, at most")), at_first
    return spent, at_least(spent, foreseen, "at completion", "R37")


def _is_done(course: Course, day: date) -> bool:
    """Whether the last estimate says that nothing remains."""
    newest = [one for one in course.estimates if one.as_of <= day and not one.is_budget][-1:]
    return any(map(_nothing_remains, newest))


def _nothing_remains(known: Estimated) -> bool:
    return not any(row.hours or row.cost for row in known.months)


def foreseen(
    spent: Sequence[Spent], estimates: Sequence[Estimated], starts_on: date, day: date, last: date
) -> list[Spent]:
    """With what an estimate expects by the end of each of its months after a day, and all of it on the last; what is left of a budget
    evenly up to then, from the line's first day on."""
    course = Course(max(starts_on, day + ONE_DAY), last, spent=spent, estimates=estimates)
    known, found = estimate(course, day, HOURS), list(spent)
    if known is None:
        return _within_budget(course)
    nothing = Spent(date.min, 0, 0)
    now = found[-1] if found else nothing
    then = now if _nothing_remains(known) else _on(course.spent, known.as_of) or nothing
    for end in (*(end for end in sorted(map(_month_end, known.months)) if day < end < last), last):
        if not found or end > found[-1].day:
            rows = [row for row in known.months if end == last or _month_end(row) <= end]
            names = {*now.apart, *(row.category for row in rows if row.category)}
            found.append(
                Spent(
                    end,
                    _expected(now.hours, then.hours, _sum_hours(rows, "")),
                    _more(known, now.cost, then.cost, rows, ""),
                    {
                        name: (
                            _expected(_hours(now, name), _hours(then, name), _sum_hours(rows, name)),
                            _more(known, _cost(now, name), _cost(then, name), rows, name),
                        )
                        for name in sorted(names)
                    },
                )
            )
    return found


def _within_budget(course: Course) -> list[Spent]:
    budgets = course._replace(estimates=[one for one in course.estimates if one.is_budget])
    known, found = estimate(budgets, course.first, ALL_COST), list(course.spent)
    now = found[-1] if found else Spent(date.min, 0, 0)
    if known is None or course.last <= now.day:
        return found
    beside = sum(cost for _, cost in now.apart.values())
    budget = called(remaining(course, known, ALL_COST) - beside, "budget of what is not apart")
    left = called(at_least(now.cost, budget, "expected") - now.cost, "left of the budget")
    months = evenly(max(course.first, now.day + ONE_DAY), course.last, MONTHS_MAX)
    so_far, whole = 0, sum(month.weight for month in months)
    for end, _, _, weight in months[:-1]:
        so_far += weight
        of = (
            assumed(left, so_far, f"months and days up to {end}", "count"),
            assumed(left, whole, "all of them", "count"),
        )
        part = in_part(left, *of, f"expected by {end}")
        found.append(now._replace(day=end, cost=called(now.cost + part, f"spent by {end}, as budgeted")))
    found.append(now._replace(day=course.last, cost=called(now.cost + left, f"spent by {course.last}, as budgeted")))
    return found


def _on(known: Sequence[Spent], day: date) -> Spent | None:
    place = bisect_right(known, day, key=lambda one: one.day)
    return known[place - 1] if place else None


def _more(known: Estimated, now: Amount, then: Amount, rows: list[Remaining], category: str) -> Amount:
    due = sum(row.cost for row in rows if row.category == category)
    return _expected(now, then, due) if known.has_cost else now


def _expected(now: int, then: int, due: int) -> int:
    """As much as was spent by an estimate's day and is due since."""
    return at_least(now, called(then + due, "as estimated"), "expected")


def _sum_hours(rows: list[Remaining], category: str) -> Hours:
    return sum(row.hours for row in rows if row.category == category)


def _hours(one: Spent, category: str) -> Hours:
    return one.apart.get(category, (0, 0))[0]


def _cost(one: Spent, category: str) -> Amount:
    return one.apart.get(category, (0, 0))[1]


def _month_end(row: Remaining) -> date:
    return month_end(date.fromisoformat(f"{row.month}-01"))
