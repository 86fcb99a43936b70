"""Numbers in sentences for people."""

from __future__ import annotations

from decimal import Decimal


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,000 rows`; `many` where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def hours_text(hours: Decimal) -> str:
    """`1,250.50`: two decimals, or as many as there are."""
    exact = hours.normalize()
    return f"{exact:,.2f}" if exact == round(exact, 2) else f"{exact:,f}"
