"""What of revenue is over caps that limit billing alone."""

from datetime import date
from typing import NamedTuple

from domain.caps.consume import limit_on, stops
from domain.caps.recorded import limit_node
from domain.figure import Recorded, as_recorded, in_part
from domain.units import Amount, Hours
from state.opening.caps import (
    TakenByCaps,
    binds_billing_alone,
    last_day_full_for_billing,
    room,
    taken_by,
    taken_of_line,
)
from state.opening.loading import Loading, Worked
from state.opening.stated import Stated
from state.terms.plan import LinePlan


class OverBilling(NamedTuple):
    """What of revenue is over caps that limit billing alone, with its hours where caps say them; on which day one was full, where one
    was, and what it had let through `by_then`. `not_counted` is what no cap counts of what is not over, in hours of all where a cap
    `binds`."""

    amount: Amount
    hours: Hours | None
    full_on: date | None
    not_counted: tuple[Amount, Hours]
    binds: bool
    by_then: Amount = 0


def over_billing(
    loading: Loading, stated: Stated, worked: Worked, of: tuple[Amount, Amount, Amount], full_before: date | None = None
) -> OverBilling:
    """`of` is the value of the work, what of it was billed and what may be unbilled and over caps; `full_before` is the day on which an
    earlier load found a cap full that may have been raised since.

    By what is listed as unbilled, else what is stated as over the caps, else what a cap that was full has not taken.

        earned 3,000.00, billed 2,000.00, taken 2,000.00 of a cap of billing alone that was full: 1,000.00 over it
        earned 2,500.00, taken 500.00 of 1,000.00 in the month: over it what is stated as that
    """
    plan, balance, as_of = worked.plan, stated.balance, loading.event.as_of
    value, billed, rest = of
    work = (value, worked.hours)
    alone, bound = (
        taken_of_line(plan, balance, as_of, work, alone=each, is_least=bool(plan.every_rule) and not worked.is_alone)
        for each in (True, False)
    )
    counted = bound or alone or TakenByCaps(*((0, 0) if plan.every_rule else work), not plan.every_rule)
    not_counted = value - counted.amount, worked.hours - counted.hours
    if counted.is_least:
        not_counted = max(not_counted[0], 0), max(not_counted[1], 0)
    some_alone = any(binds_billing_alone(rule, as_of) for rule in plan.every_rule)
    full_on = (last_day_full_for_billing(loading, plan) or full_before) if some_alone else None
    over = 0
    if some_alone and balance.over_cap and not some_bind_revenue(plan, as_of):
        over = min(rest, balance.over_cap)
    elif some_alone and balance.entries and (full_on is not None or balance.over_cap):
        over = rest - sum(one.amount for one in balance.entries)
    elif full_on is not None and full_on < worked.day:
        over = min(rest, value - (alone.amount if alone is not None else 0))
    over = max(over, 0)
    if full_on is not None and bound is None and not over:  # what the cap has no room for is over it
        not_counted = min(not_counted[0], max(billed - counted.amount, 0)), 0
    hours = None
    if over and alone is not None and any(one.hours for one in balance.caps):
        hours = max(min(worked.hours - alone.hours, worked.hours), 0)
        beside = max(value - over - alone.amount, 0)
        hours = in_part(hours, over, over + beside, "hours over the cap") if beside else hours
    by_then = _let_through(loading, plan, full_on, value - over, worked) if full_on is not None else 0
    if not over or bound is not None:
        return OverBilling(over, hours, full_on, not_counted, binds=False, by_then=by_then)
    left = value - over - counted.amount
    return OverBilling(over, hours, full_on, (left, not_counted[1]), binds=True, by_then=by_then)


def _let_through(loading: Loading, plan: LinePlan, day: date, value: Amount, worked: Worked) -> Amount:
    """What of the value that may be billed caps of billing alone had let through by the day on which one was full; all of it where lines
    share one."""
    found = value
    for rule in plan.every_rule:
        limit = limit_on(rule, day)
        is_shared = sum(any(rule.cap_id == each.cap_id for each in one.plan.every_rule) for one in loading.lines) > 1
        if not stops(limit, billing_alone=True) or is_shared or room(limit, taken_by(loading, rule)) > 0:
            continue
        if limit.amount is not None:
            node = limit_node(plan.contract_id, plan.currency, rule, limit, by_hours=False)
            found = min(found, as_recorded(limit.amount, node) if isinstance(value, Recorded) else limit.amount)
        if limit.hours is not None and worked.hours:
            found = min(found, in_part(worked.value, limit.hours, worked.hours, "what a cap let through"))
    return found


def over_revenue(loading: Loading, stated: Stated, worked: Worked) -> Amount:
    """What is over caps and not earned: where some limit billing alone what is over these is in revenue."""
    plan, balance, as_of = worked.plan, stated.balance, loading.event.as_of
    if not balance.over_cap or not any(binds_billing_alone(rule, as_of) for rule in plan.every_rule):
        return balance.over_cap
    if not some_bind_revenue(plan, as_of):
        return 0
    over = over_billing(loading, stated, worked, (worked.value, worked.billed, worked.rest)).amount
    alone = taken_of_line(plan, balance, as_of, (worked.value, worked.hours), alone=True, is_least=False)
    if not over and alone is not None and last_day_full_for_billing(loading, plan) is not None:
        over = max(min(worked.rest, worked.value - alone.amount), 0)
    return max(balance.over_cap - over, 0)


def some_bind_revenue(plan: LinePlan, day: date) -> bool:
    return any((limit := limit_on(rule, day)).hard and limit.limits_revenue for rule in plan.every_rule)
