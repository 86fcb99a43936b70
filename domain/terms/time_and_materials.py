"""Time and materials: every hour at its rate.

Hours that are charged are the worked ones, rounded to increments where policy says so; hours that the approver stated as billable are
taken as they are (write-up, write-down). Increments never touch cost.
"""

from domain.events.common import TimeAndMaterials
from domain.money import round_ratio
from domain.policies import Resolved
from domain.terms.kind import RATED, WITH_CHARGE, WITH_INVOICE, Kind, Passed
from domain.units import Hours
from domain.work.increments import billable_hours as incremented


def billable_hours(worked: Hours, stated: Hours | None, policies: Resolved, finer: int = 0) -> Hours:
    """Quantity to price, in 10^-6 hours; `finer` are microseconds that the worked hours leave out."""
    hours = worked if stated is None else stated
    if policies.hours_decimals is not None:
        hours = round_ratio(hours, 1, 10 ** (6 - policies.hours_decimals), "half_up")
    if (
        stated is not None
        or policies.increment_scope != "entry"
        or not (policies.increment_minutes or policies.minimum_minutes)
    ):
        return hours
    minutes, minimum = policies.increment_minutes or 0, policies.minimum_minutes or 0
    return incremented(hours, minutes, policies.increment_mode, minimum, finer if hours == worked else 0)


def expense(_terms: TimeAndMaterials, _category: str) -> Passed:
    """On a line that takes expenses, at cost."""
    return Passed()


KIND = Kind(
    takes=("time",), hours=RATED, revenue={"right_to_invoice": WITH_CHARGE, "as_billed": WITH_INVOICE}, expense=expense
)
