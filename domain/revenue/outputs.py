"""Outputs: a price is earned as far as the customer has what it is for, by what each part is worth (IFRS 15.B15, R40).

30,000.00 for milestones of 10,000.00 and 20,000.00, of which the first is accepted: 10,000.00; of 27,000.00 that they earn, 9,000.00
"""

from bisect import bisect_right
from datetime import date

from domain.figure import called
from domain.revenue.method import Course


def earned(course: Course, day: date) -> tuple[int, int]:
    place = bisect_right(course.outputs, day, key=lambda one: one.day)
    return (called(course.outputs[place - 1].done, "accepted") if place else 0), called(course.whole, "all of it")
