"""Whether hours to come on a line are worth what those so far were before caps.

Caps by month limit hours to come in their own months, and those over the whole term by the room that is left, so what they refused of
hours so far says nothing of what an hour is worth. Where a cap limits work only once it is done, it does: hours to come will meet it, too.

    8 h at 200.00 under 1,000.00 a month: an hour of the next month is worth 200.00, up to 1,000.00
    8 h of a person's day at 100.00, of which 4 h may be charged: an hour to come is worth 50.00
"""

from collections.abc import Sequence

from domain.caps.consume import DAY, MONTH, WHOLE_TERM, stops
from domain.terms import methods
from state.terms.plan import LinePlan


def worth_before_caps(plan: LinePlan) -> bool:
    """Of hours that are the line's own: all its caps limit these themselves."""
    return not plan.by_day and methods.earns_by_hours_alone(plan.line) and DAY not in _periods(plan)


def whole_before_caps(hourly: Sequence[LinePlan]) -> bool:
    """Of hours of the whole project, which caps limit where every line on which hours earn has one, by month or over the whole term."""
    if not all(map(worth_before_caps, hourly)):
        return False
    return len(hourly) == 1 or any(all(period in _periods(plan) for plan in hourly) for period in (MONTH, WHOLE_TERM))


def _periods(plan: LinePlan) -> set[str]:
    return {rule.period for rule in plan.rules if stops(rule.limits[-1])}
