"""What was spent on a line of what it will have taken when it is done (R37).

An estimate says what remains after its day. Until the next one the line takes what was spent by then and what remained; once more was spent
than that, as much as was spent: nothing is left, and all is earned. Of estimates of days until the one in question the last counts.
"""

from bisect import bisect_right
from datetime import date

from domain.explanation import Node, most, total
from domain.months import month_end
from domain.revenue.method import COST, HOURS, Course, Estimated, Leaves, Remaining, Share, Spent
from domain.units import Amount, Hours


def by(course: Course, day: date, measure: str) -> Hours | Amount:
    """By the end of a day; never below zero."""
    place = bisect_right(course.spent, day, key=lambda one: one.day)
    if not place:
        return 0
    found = course.spent[place - 1]
    return max(found.hours if measure == HOURS else found.cost, 0)


def estimate(course: Course, day: date, measure: str) -> Estimated | None:
    """Which holds on a day."""
    held = (one for one in reversed(course.estimates) if one.as_of <= day and _remaining(one, measure) is not None)
    return next(held, None)


def earned(course: Course, day: date, measure: str) -> tuple[int, int]:
    """What was spent, and all that it takes; 0 where nobody has said what remains."""
    spent, known = by(course, day, measure), estimate(course, day, measure)
    left = _remaining(known, measure) if known is not None else None
    if known is None or left is None:
        return spent, 0
    return spent, max(spent, by(course, known.as_of, measure) + left)


def foreseen(course: Course, day: date, last: date) -> list[Spent]:
    """With what an estimate expects by the end of each of its months after a day, and all of it on the last."""
    known, found = estimate(course, day, HOURS), list(course.spent)
    if known is None:
        return found
    hours, cost = (by(course, date.max, measure) for measure in (HOURS, COST))
    for end in (*(end for end in sorted(map(_month_end, known.months)) if day < end < last), last):
        if not found or end > found[-1].day:
            rows = [row for row in known.months if end == last or _month_end(row) <= end]
            due = by(course, known.as_of, HOURS) + sum(row.hours for row in rows)
            costs = by(course, known.as_of, COST) + sum(row.cost for row in rows) if known.has_cost else 0
            found.append(Spent(end, max(hours, due), max(cost, costs)))
    return found


def _month_end(row: Remaining) -> date:
    return month_end(date.fromisoformat(f"{row.month}-01"))


def said(course: Course, day: date, measure: str, leaves: Leaves) -> Share:
    """Without an estimate all of the work that is known is what was spent."""
    known, spent = estimate(course, day, measure), leaves.spent(measure, day)
    words = "cost" if measure == COST else "hours"
    foreseen = _completion(leaves, measure, known) if known is not None else None
    whole = most(f"{words} at completion", spent, foreseen, rule="R37") if foreseen is not None else spent
    return Share(f"{words} spent by {day}", spent, whole)


def _completion(leaves: Leaves, measure: str, known: Estimated) -> Node:
    parts = leaves.spent(measure, known.as_of), leaves.remaining(measure, known)
    title = f"as estimated on {known.as_of}"
    return total(title, parts, parts[1].unit, parts[1].currency)


def _remaining(known: Estimated, measure: str) -> Hours | Amount | None:
    return known.hours if measure == HOURS else known.cost
