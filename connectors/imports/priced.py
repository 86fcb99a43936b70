"""What work is worth, for summaries; the fold prices it again."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from domain.money import minor_units

# What hours of six decimals leave out of a second at most.
_SECONDS_CUT = Decimal("0.0018")


def value_of(hours: Decimal, rate: Decimal | None, currency: str) -> Decimal:
    """Hours x rate in the smallest unit, half up, as an entry is billed."""
    if rate is None:
        return Decimal(0)
    return (hours * rate).quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)


def exact_value_of(hours: Decimal, rate: Decimal | None, currency: str) -> Decimal:
    """The same by the whole seconds that the hours stand for, if they do: 1:07:33 at 90.00 is 101.33, and 1.125833 x 90.00 is 101.32."""
    seconds = seconds_of(hours)
    if seconds is None or rate is None:
        return value_of(hours, rate, currency)
    return (seconds * rate / 3600).quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)


def in_six_decimals(hours: Fraction) -> Decimal:
    """A sum of exact hours, cut once: three times 0:20 are 1 hour, where 0.333333 three times are 0.999999."""
    return (Decimal(hours.numerator) / hours.denominator).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def seconds_of(hours: Decimal) -> int | None:
    """Whole seconds that hours in six decimals stand for, and do not say exactly; None where they say it, or stand for none."""
    seconds = (hours * 3600).quantize(Decimal(1), ROUND_HALF_UP)
    return int(seconds) if 0 < abs(seconds - hours * 3600) <= _SECONDS_CUT else None
