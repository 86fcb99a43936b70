"""The methods that recognise a price over time, one screen: a line each, with the module that has its rule.

Those that measure the work earn as it is reported; the others evenly by day, to a last one that they have to know.
"""

from collections.abc import Mapping

from domain.revenue import completed, reported, straight_line
from domain.revenue.method import Method

METHODS: Mapping[str, Method] = {
    "straight_line_days": Method(straight_line.earned),
    "reported": Method(reported.earned, reported.says),
    "completed": Method(completed.earned, reported.says),
}
# Those that go by days alone.
BY_DAYS = tuple(name for name, method in METHODS.items() if method.says is None)
