"""The methods that recognise a price over time, one screen: a line each, with the module that has its rule.

Those that measure the work earn as it is reported or spent; the others evenly by day, to a last one that they have to know.
"""

from collections.abc import Mapping

from domain.revenue import completed, cost_to_cost, hours, outputs, reported, straight_line
from domain.revenue.method import COST, HOURS, OUTPUTS, REPORTS, Method

METHODS: Mapping[str, Method] = {
    "straight_line_days": Method(straight_line.earned),
    "reported": Method(reported.earned, REPORTS),
    "completed": Method(completed.earned, REPORTS),
    "cost_to_cost": Method(cost_to_cost.earned, COST, "R37"),
    "hours": Method(hours.earned, HOURS),
    "milestone": Method(outputs.earned, OUTPUTS),
}
# Those of a price as a whole; the others are of terms that say what the customer gets when.
OF_A_PRICE = tuple(name for name, method in METHODS.items() if method.measure != OUTPUTS)
# Those that go by days alone.
BY_DAYS = tuple(name for name, method in METHODS.items() if method.measure is None)
