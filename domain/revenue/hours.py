"""Hours: a price is earned as far as its hours were worked, of the hours at completion by the newest estimate (IFRS 15.B18, R40).

10,000.00, of which 40 of 100 h are worked: 4,000.00 (PUB-16)
"""

from datetime import date

from domain.revenue import spent
from domain.revenue.method import HOURS, Course


def earned(course: Course, day: date) -> tuple[int, int]:
    return spent.earned(course, day, HOURS)
