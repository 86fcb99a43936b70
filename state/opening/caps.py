"""What caps have taken of work on a line by the day of its balances, and on which day they left it no room."""

from datetime import date, timedelta
from typing import NamedTuple

from domain.caps.consume import MONTH, CapLimit, CapRule, limit_on, stops
from domain.events.common import BalanceForward, CapForward
from domain.figure import in_part
from domain.units import Amount, Hours
from state.opening.loading import Loading
from state.opening.stated import SHARED, is_of_whole_line
from state.terms.plan import LinePlan
from state.totals import month_of

DAY = timedelta(days=1)


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


def taken_of_line(
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
    of_line = (taken_of_line(plan, balance, as_of, work, alone=each, is_least=False) for each in (True, False))
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
