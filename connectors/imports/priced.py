"""What work is worth, for summaries; the fold prices it again."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from domain.money import minor_units


def value_of(hours: Decimal, rate: Decimal | None, currency: str) -> Decimal:
    """Hours x rate in the smallest unit, half up, as an entry is billed."""
    if rate is None:
        return Decimal(0)
    return (hours * rate).quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)
