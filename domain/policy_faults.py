"""Which numbers a policy, a rate or a share may be; anything else stops nobody, but is refused where it is said.

The limits keep what follows from them within what a record holds: an amount has 14 digits before the point, a date ends with 2100.
"""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from domain.events.common import BillingCycle, LineRate, Policies, RateCardLine
from domain.money import format_amount, format_decimal, is_currency, smallest_unit
from domain.units import (
    AMOUNT_ONE,
    AMOUNT_SCALE,
    EXCHANGE_RATE_ONE,
    EXCHANGE_RATE_SCALE,
    HOURS_ONE,
    HOURS_SCALE,
    PERCENT_ONE,
    PERCENT_SCALE,
    RATE_ONE,
    RATE_SCALE,
    Amount,
    ExchangeRate,
    Hours,
    Percent,
    Rate,
)

# A field and what is wrong with it.
Fault = tuple[str, str]

HOURS_OF_A_YEAR: Hours = 8_784 * HOURS_ONE
# As many as anybody may plan at once: five thousand people for a year.
HOURS_MOST: Hours = 10_000_000 * HOURS_ONE
DAYS_MOST = 3_660
RATE_MOST: Rate = 1_000_000_000 * RATE_ONE
MARKUP_MOST: Percent = 1_000 * PERCENT_ONE
# The most that one piece of work may come to, in its own currency and in the ledger's: a thousand of them fit a record.
ENTRY_MOST: Amount = 100_000_000_000 * AMOUNT_ONE
EXCHANGE_RATE_MOST: ExchangeRate = 1_000_000_000 * EXCHANGE_RATE_ONE
EXCHANGE_RATE_LEAST: ExchangeRate = EXCHANGE_RATE_ONE // 1_000_000_000


class _Range(NamedTuple):
    least: int
    most: int
    decimals: int = 0


_POLICIES = {
    "increment_minutes": _Range(0, 1_440),
    "minimum_minutes": _Range(0, 1_440),
    "cut_off_day": _Range(1, 31),
    "grace_days": _Range(0, 366),
    "poc_precision": _Range(0, 6),
    "rounding_limit": _Range(0, 10**18, AMOUNT_SCALE),
    "approval_limit": _Range(0, 10**18, AMOUNT_SCALE),
    "hours_max_per_entry": _Range(0, HOURS_OF_A_YEAR, HOURS_SCALE),
    "hours_decimals": _Range(0, HOURS_SCALE),
    "quantity_decimals": _Range(0, HOURS_SCALE),
    "rate_staleness_days": _Range(0, DAYS_MOST),
}
_CYCLE = {"n": _Range(1, 520), "cut_off_day": _Range(1, 31)}


def policy_faults(path: str, policies: Policies) -> Iterator[Fault]:
    """`path` is the field that holds the policies."""
    for name, allowed in _POLICIES.items():
        yield from _outside(f"{path}.{name}", getattr(policies, name), allowed)
    for threshold in policies.cap_thresholds or ():
        yield from threshold_faults(f"{path}.cap_thresholds", threshold)
    if policies.forecast_threshold is not None:
        yield from amount_faults(f"{path}.forecast_threshold.amount", policies.forecast_threshold.amount)
        yield from markup_faults(f"{path}.forecast_threshold.percent", policies.forecast_threshold.percent)
    if policies.billing_cycle is not None:
        yield from cycle_faults(f"{path}.billing_cycle", policies.billing_cycle)


def cycle_faults(path: str, cycle: BillingCycle) -> Iterator[Fault]:
    for name, allowed in _CYCLE.items():
        yield from _outside(f"{path}.{name}", getattr(cycle, name), allowed)
    if cycle.n is not None and cycle.n > 1 and cycle.kind != "every_n_weeks":
        yield f"{path}.n", f"{cycle.n} weeks are of a cycle of kind every_n_weeks, got {cycle.kind}"
    if cycle.cut_off_day is not None and cycle.kind != "monthly":
        yield f"{path}.cut_off_day", f"a day of the month is of a cycle of kind monthly, got {cycle.kind}"


def grace_faults(path: str, grace_days: int | None) -> Iterator[Fault]:
    yield from _outside(path, grace_days, _POLICIES["grace_days"])


def threshold_faults(path: str, threshold: Percent) -> Iterator[Fault]:
    yield from _outside(path, threshold, _Range(1, MARKUP_MOST, PERCENT_SCALE))


def line_rate_faults(path: str, line: LineRate | RateCardLine) -> Iterator[Fault]:
    yield from rate_faults(f"{path}.rate", line.rate)
    yield from markup_faults(f"{path}.overtime_markup", line.overtime_markup)


def rate_faults(path: str, rate: Rate | None) -> Iterator[Fault]:
    yield from _outside(path, rate, _Range(0, RATE_MOST, RATE_SCALE))


def markup_faults(path: str, markup: Percent | None) -> Iterator[Fault]:
    yield from _outside(path, markup, _Range(0, MARKUP_MOST, PERCENT_SCALE))


def currency_faults(path: str, code: str) -> Iterator[Fault]:
    if not is_currency(code):
        yield path, f"expected an ISO 4217 code such as EUR, got {code!r}"


def price_faults(path: str, amount: Amount, currency: str) -> Iterator[Fault]:
    """A price of the terms: not below zero, no more than one piece of work may come to, and payable in the currency."""
    yield from _outside(path, amount, _Range(0, ENTRY_MOST, AMOUNT_SCALE))
    if is_currency(currency) and amount % smallest_unit(currency):
        yield path, f"{format_amount(amount)} is finer than {currency} can be paid"


def amount_faults(path: str, amount: Amount | None) -> Iterator[Fault]:
    """What is planned or stated for comparison: as fine as it likes, but no less than nothing."""
    yield from _outside(path, amount, _Range(0, ENTRY_MOST, AMOUNT_SCALE))


def hours_faults(path: str, hours: Hours | None) -> Iterator[Fault]:
    yield from _outside(path, hours, _Range(0, HOURS_MOST, HOURS_SCALE))


def exchange_rate_faults(path: str, rate: ExchangeRate | None) -> Iterator[Fault]:
    yield from _outside(path, rate, _Range(EXCHANGE_RATE_LEAST, EXCHANGE_RATE_MOST, EXCHANGE_RATE_SCALE))


def range_faults(path: str, first: date, last: date | None) -> Iterator[Fault]:
    if last is not None and last < first:
        yield path, f"expected {first} or later, got {last}"


def days_faults(path: str, days: int | None) -> Iterator[Fault]:
    yield from _outside(path, days, _Range(0, DAYS_MOST))


def _outside(path: str, value: int | None, allowed: _Range) -> Iterator[Fault]:
    if value is not None and not allowed.least <= value <= allowed.most:
        least, most, got = (format_decimal(each, allowed.decimals) for each in (allowed.least, allowed.most, value))
        yield path, f"expected {least} to {most}, got {got}"
