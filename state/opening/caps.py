"""What caps have taken of work on a line by the day of its balances, on which day they left it no room, and what of revenue is over caps
that limit billing alone."""

from datetime import date, timedelta
from typing import NamedTuple

from domain.caps.consume import MONTH, CapLimit, CapRule, limit_on, stops
from domain.caps.recorded import limit_node
from domain.events.common import BalanceForward, CapForward
from domain.figure import Recorded, as_recorded, in_part
from domain.units import Amount, Hours
from state.opening.loading import Loading, Worked
from state.opening.stated import SHARED, Stated, is_of_whole_line
from state.terms.plan import LinePlan
from state.totals import month_of

DAY = timedelta(days=1)


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


class TakenByCaps(NamedTuple):
    """By caps; of a line, where the terms' own charges are in it, work has taken no more than it is worth (`is_least`)."""

    amount: Amount
    hours: Hours
    is_least: bool = False


def stated_of(balance: BalanceForward, rule: CapRule, as_of: date) -> TakenByCaps:
    """What the balances of a line state of a cap, of the month of the day where it is by month."""
    own = rows_of(balance, rule)
    if not own:
        return TakenByCaps(balance.cap_used, 0)
    now = [cap for cap in own if cap.month is None or month_of(cap.month) == month_of(as_of)]
    return TakenByCaps(sum(cap.amount for cap in now), sum(cap.hours for cap in now))


def rows_of(balance: BalanceForward, rule: CapRule) -> list[CapForward]:
    names = {rule.cap_id, rule.cap_id.removeprefix(SHARED)}
    return [cap for cap in balance.caps if cap.cap_id in names]


def taken_by(loading: Loading, rule: CapRule) -> TakenByCaps:
    """By the cap, of all its lines, of the month of the day where it is by month."""
    of_lines = [
        stated_of(one.balance, rule, loading.event.as_of)
        for one in loading.lines
        if rows_of(one.balance, rule) or any(rule.cap_id == each.cap_id for each in one.plan.every_rule)
    ]
    return TakenByCaps(sum(one.amount for one in of_lines), sum(one.hours for one in of_lines))


def binds_billing_alone(rule: CapRule, day: date) -> bool:
    return stops(limit_on(rule, day), billing_alone=True)


def _taken_of_line(
    plan: LinePlan, balance: BalanceForward, as_of: date, work: tuple[Amount, Hours], *, alone: bool, is_least: bool
) -> TakenByCaps | None:
    """What caps have taken of the `work` on the line, those that limit billing alone or those that limit revenue: of what is stated in
    hours or in money alone the other is its part. None where nothing is stated of them."""
    value, worked = work
    of_all = some_count_all(plan, balance)
    stated = [
        stated_of(balance, rule, as_of)
        for rule in plan.every_rule
        if is_of_whole_line(rule.cap_id, balance.line_id)
        and binds_billing_alone(rule, as_of) is alone
        and not (rule.period == MONTH and of_all)
    ]
    amount = max((one.amount or (balance.cap_used if one.hours else 0) for one in stated), default=0)
    hours = max((one.hours for one in stated), default=0)
    if not amount and not hours:
        return None
    if not hours and value:
        hours = worked - in_part(worked, max(value - amount, 0), value, "hours of what caps have not taken")
    elif not amount and worked:
        amount = in_part(value, hours, worked, "what hours under the cap are worth")
    return TakenByCaps(amount, hours, is_least)


def some_count_all(plan: LinePlan, balance: BalanceForward) -> bool:
    """Whether a cap by month limits the line beside one that counts all months, so that one has taken what the other has not."""
    own = [rule for rule in plan.every_rule if is_of_whole_line(rule.cap_id, balance.line_id)]
    has_taken = any(
        rule.period != MONTH and (used.amount or used.hours)
        for rule in own
        for used in (stated_of(balance, rule, date.min),)
    )
    return has_taken and any(rule.period == MONTH for rule in own)


def of_earlier_months(
    plan: LinePlan, balance: BalanceForward, as_of: date, work: tuple[Amount, Hours]
) -> tuple[Amount, Hours]:
    """What caps that count all months have taken of the `work` on the line, and those by month have not: it is of months before.

    1,200.00 taken of a cap of the whole term, 400.00 in the month: 800.00
    """
    if not some_count_all(plan, balance):
        return 0, 0
    of_line = (_taken_of_line(plan, balance, as_of, work, alone=each, is_least=False) for each in (True, False))
    whole = [one for one in of_line if one is not None]
    months = [
        stated_of(balance, rule, as_of)
        for rule in plan.every_rule
        if rule.period == MONTH and is_of_whole_line(rule.cap_id, balance.line_id)
    ]
    amount, hours = max(one.amount for one in months), max(one.hours for one in months)
    value, worked = work
    if amount and not hours and value:
        hours = in_part(worked, amount, value, "hours of the month")
    elif hours and not amount and worked:
        amount = in_part(value, hours, worked, "work of the month")
    taken, taken_hours = max((one.amount for one in whole), default=0), max((one.hours for one in whole), default=0)
    return max(taken - amount, 0), max(taken_hours - hours, 0)


def last_day_with_room(loading: Loading, plan: LinePlan) -> date:
    """On which no limit was below what it has taken by now: a lower one of today is for work that comes."""
    found = loading.event.as_of
    for rule in plan.every_rule:
        used = taken_by(loading, rule)
        days = (day for day in _days(loading, rule) if room(limit_on(rule, day), used) >= 0)
        found = min(found, next(days, loading.event.as_of))
    return found


def last_day_full_for_billing(loading: Loading, plan: LinePlan) -> date | None:
    """On which a cap that limits billing alone left no room: what it has not taken is earned over it, not beside it.

    One by month has taken that month's work alone.
    """
    found = [
        day
        for rule in plan.every_rule
        if rule.period != MONTH
        for day in _days(loading, rule)
        if stops(limit_on(rule, day), billing_alone=True) and room(limit_on(rule, day), taken_by(loading, rule)) <= 0
    ]
    return max(found, default=None)


def same_limits(plan: LinePlan, day: date, other: date, *, in_its_month: bool) -> bool:
    """Whether each cap had on both days one limit, and counted both to one month, unless each day may count `in_its_month`."""
    return all(
        _measures(limit_on(rule, day)) == _measures(limit_on(rule, other))
        and (in_its_month or rule.period != MONTH or month_of(day) == month_of(other))
        for rule in plan.every_rule
    )


def _measures(limit: CapLimit) -> tuple[Amount | None, Hours | None, bool, bool]:
    return limit.amount, limit.hours, limit.hard, limit.limits_revenue


def room(limit: CapLimit, taken: TakenByCaps) -> int:
    """The lesser of what the limit leaves in amount and in hours, each in its own unit; below 0 where it has less than is taken."""
    limits = (limit.amount, taken.amount), (limit.hours, taken.hours)
    return min((most - used for most, used in limits if most is not None), default=0)


def _days(loading: Loading, rule: CapRule) -> list[date]:
    """The last day of each limit up to the day of the balances, the newest first; of one by month those of this month."""
    as_of = loading.event.as_of
    begins = [limit.effective_on - DAY for limit in rule.limits if date.min < limit.effective_on <= as_of]
    return [day for day in (as_of, *reversed(begins)) if rule.period != MONTH or month_of(day) == month_of(as_of)]


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
        _taken_of_line(plan, balance, as_of, work, alone=each, is_least=bool(plan.every_rule) and not worked.is_alone)
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
    alone = _taken_of_line(plan, balance, as_of, (worked.value, worked.hours), alone=True, is_least=False)
    if not over and alone is not None and last_day_full_for_billing(loading, plan) is not None:
        over = max(min(worked.rest, worked.value - alone.amount), 0)
    return max(balance.over_cap - over, 0)


def some_bind_revenue(plan: LinePlan, day: date) -> bool:
    return any((limit := limit_on(rule, day)).hard and limit.limits_revenue for rule in plan.every_rule)
