"""Cost to cost: a price is earned as far as its cost was spent, of the cost at completion by the newest estimate (IFRS 15.B18, R37).

10,000.00, of which 1,850.00 of 5,000.00 are spent: 37 %, 3,700.00. With 1,800.00 of travel to come: 1,850 / 6,800, 2,720.59 (PUB-16)
"""

from datetime import date

from domain.revenue import spent
from domain.revenue.method import COST, Course


def earned(course: Course, day: date) -> tuple[int, int]:
    return spent.earned(course, day, COST)
