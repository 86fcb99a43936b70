"""Billing periods: which days are billed together.

Periods tile the calendar without gaps and are never cut to the contract's dates. A period is half-open and named by its
first day.

    cut-off day 25: [2026-02-26, 2026-03-26);   cut-off day 31: the calendar month;   semi-monthly: [1, 16) and [16, 1)
    every 2 weeks without anchor, contract from Wednesday 2026-03-04: [2026-03-02, 2026-03-16)
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

from domain.events.common import BillingCycle, FiscalCalendar
from domain.reference import fiscal

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)
_LAST_DAY = 31
_SECOND_HALF = 16


class BillingPeriod(NamedTuple):
    """Half-open: `to` is the first day of the next period."""

    start: date
    to: date


def period_of(cycle: BillingCycle, day: date, starts_on: date, calendar: FiscalCalendar) -> BillingPeriod | None:
    """The period that holds `day`; None on request, where periods are what the requests say.

    `starts_on` is the contract's first day, `calendar` that of its legal entity.
    """
    match cycle.kind:
        case "monthly":
            return _monthly(day, cycle.cut_off_day or _LAST_DAY)
        case "semi_monthly":
            return _semi_monthly(day)
        case "weekly":
            return _weeks(day, _week_start(day, cycle), 1)
        case "every_n_weeks":
            return _weeks(day, cycle.anchor or _week_start(starts_on, cycle), cycle.n or 1)
        case "four_four_five":
            period = fiscal.period_of(calendar._replace(kind=fiscal.FOUR_FOUR_FIVE), day)
            return BillingPeriod(period.start, period.to)
        case "on_request":
            return None
        case other:
            raise ValueError(f"billing cycle: expected a known kind such as monthly, got {other!r}")


def _monthly(day: date, cut_off_day: int) -> BillingPeriod:
    end = _cut_off(day, cut_off_day)
    if day > end:
        following = first_of_next_month(day)
        return BillingPeriod(end + _DAY, _cut_off(following, cut_off_day) + _DAY)
    before = day.replace(day=1) - _DAY
    return BillingPeriod(_cut_off(before, cut_off_day) + _DAY, end + _DAY)


def _cut_off(day: date, cut_off_day: int) -> date:
    """Last day of the period that ends in the month of `day`."""
    return day.replace(day=min(cut_off_day, monthrange(day.year, day.month)[1]))


def _semi_monthly(day: date) -> BillingPeriod:
    if day.day < _SECOND_HALF:
        return BillingPeriod(day.replace(day=1), day.replace(day=_SECOND_HALF))
    return BillingPeriod(day.replace(day=_SECOND_HALF), first_of_next_month(day))


def _weeks(day: date, anchor: date, count: int) -> BillingPeriod:
    length = timedelta(weeks=count)
    start = anchor + (day - anchor) // length * length
    return BillingPeriod(start, start + length)


def _week_start(day: date, cycle: BillingCycle) -> date:
    first = _WEEKDAYS.index(cycle.week_starts_on or "monday")
    return day - timedelta(days=(day.weekday() - first) % 7)


def first_of_next_month(day: date) -> date:
    return _cut_off(day, _LAST_DAY) + _DAY
