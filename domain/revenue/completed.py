"""Completed: a price is earned on the day for which all of the work is reported, and nothing of it before (ASC 605-35-25-88).

12,000.00, of which 90 % are reported in May: nothing; 100 % in June: 12,000.00
"""

from datetime import date

from domain.revenue import reported
from domain.revenue.method import Course


def earned(course: Course, day: date) -> tuple[int, int]:
    done, all_of_it = reported.earned(course, day)
    return int(done == all_of_it), 1
