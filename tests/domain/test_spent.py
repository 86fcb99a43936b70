"""What is spent of what a line takes (R37)."""

from __future__ import annotations

from datetime import date

from domain.revenue import cost_to_cost, hours, spent
from domain.revenue.method import COST, Course, Estimated, Remaining, Spent

FIRST, LAST = date(2026, 1, 1), date(2026, 4, 30)
JANUARY, FEBRUARY, MARCH = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)
# 10 h for 500 by the end of January; 10 h in February and 20 h in March remain.
ESTIMATE = Estimated(JANUARY, 1, (Remaining("2026-02", 10, 500), Remaining("2026-03", 20, 1_000)))
COURSE = Course(FIRST, LAST, spent=(Spent(date(2026, 1, 20), 10, 500),), estimates=(ESTIMATE,))


def test_nothing_is_known_before_an_estimate() -> None:
    assert cost_to_cost.earned(COURSE, date(2026, 1, 30)) == (500, 0)
    assert cost_to_cost.earned(COURSE, JANUARY) == (500, 2_000)
    assert hours.earned(COURSE, JANUARY) == (10, 40)


def test_what_comes_is_of_what_remained() -> None:
    """15 h more for 1,200: 1,700 of 2,000; 1,000 more are beyond it: all that is spent is all there is."""
    more = COURSE._replace(spent=(*COURSE.spent, Spent(FEBRUARY, 25, 1_700), Spent(MARCH, 30, 2_700)))
    assert cost_to_cost.earned(more, FEBRUARY) == (1_700, 2_000)
    assert cost_to_cost.earned(more, MARCH) == (2_700, 2_700)
    assert hours.earned(more, MARCH) == (30, 40)


def test_an_estimate_of_an_earlier_day_holds_until_the_next() -> None:
    later = Estimated(FEBRUARY, 2, (Remaining("2026-03", 5, 250),))
    two = COURSE._replace(estimates=(ESTIMATE, later))
    assert cost_to_cost.earned(two, date(2026, 2, 27)) == (500, 2_000)
    assert cost_to_cost.earned(two, FEBRUARY) == (500, 750)


def test_an_estimate_in_another_currency_counts_for_hours_alone() -> None:
    foreign = COURSE._replace(estimates=(ESTIMATE._replace(has_cost=False),))
    assert hours.earned(foreign, JANUARY) == (10, 40)
    assert cost_to_cost.earned(foreign, JANUARY) == (500, 0)


def test_what_remains_is_foreseen_month_by_month() -> None:
    """500 are spent by January, 1,000 by February, 2,000 by March, and no more by the last day."""
    ahead = COURSE._replace(spent=spent.foreseen(COURSE.spent, COURSE.estimates, FIRST, JANUARY, LAST))
    assert [spent.by(ahead, day, COST) for day in (JANUARY, FEBRUARY, MARCH, LAST)] == [500, 1_000, 2_000, 2_000]


def test_what_was_due_by_now_is_foreseen_by_the_next_month() -> None:
    ahead = COURSE._replace(
        spent=spent.foreseen(COURSE.spent, COURSE.estimates, FIRST, date(2026, 3, 10), date(2026, 3, 20))
    )
    assert cost_to_cost.earned(ahead, date(2026, 3, 20)) == (2_000, 2_000)


def test_what_is_left_of_a_budget_is_foreseen_evenly() -> None:
    """1,500 are left of 2,000: 14 of 28 days of February and two whole months have 300, 600 and 600."""
    budget = Estimated(FIRST, 1, (Remaining("2026-01", 0, 2_000),), is_budget=True)
    found = spent.foreseen(COURSE.spent, (budget,), FIRST, date(2026, 2, 14), LAST)
    assert [(one.day, one.cost) for one in found[1:]] == [(FEBRUARY, 800), (MARCH, 1_400), (LAST, 2_000)]
    tomorrow = Estimated(date(2026, 2, 15), 1, (Remaining("2026-03", 0, 100),))
    assert spent.foreseen(COURSE.spent, (budget, tomorrow), FIRST, date(2026, 2, 14), LAST) == found, "not known yet"
    later = spent.foreseen((), (budget,), date(2026, 4, 1), JANUARY, LAST)
    assert [(one.day, one.cost) for one in later] == [(LAST, 2_000)], "nothing before the line's first day"
