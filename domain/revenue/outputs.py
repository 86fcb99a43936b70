"""Outputs: a price is earned as far as the customer has what it is for, by what each part is worth (IFRS 15.B15, R40).

30,000.00 for milestones of 10,000.00 and 20,000.00, of which the first is accepted: 10,000.00; of 27,000.00 that they earn, 9,000.00
"""

from bisect import bisect_right
from datetime import date

from domain.revenue.method import Course, Leaves, Share


def earned(course: Course, day: date) -> tuple[int, int]:
    place = bisect_right(course.outputs, day, key=lambda one: one.day)
    return (course.outputs[place - 1].done if place else 0), course.whole


def said(_: Course, day: date, leaves: Leaves) -> Share:
    return Share(f"accepted by {day}", leaves.delivered(day), leaves.to_deliver())
