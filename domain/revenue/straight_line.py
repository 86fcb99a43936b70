"""Straight line: a price is earned evenly by day, both ends included (R40).

12,000.00 over 351 days from 2026-01-15: 581.20 by the end of January (17 days), 1,538.46 by the end of February
"""

from datetime import date

from domain.revenue.method import Course


def earned(course: Course, day: date) -> tuple[int, int]:
    """Days by the end of a day, of all days from the first to the last."""
    days = (course.last - course.first).days + 1
    return min(max((day - course.first).days + 1, 0), days), days
