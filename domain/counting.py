"""Numbers in sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,000 rows`, `2 entries`; `many` where it is neither."""
    return f"{number:,} {one if number == 1 else many or _plural(one)}"


def named(names: Sequence[str], most: int) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _plural(one: str) -> str:
    return f"{one[:-1]}ies" if one.endswith("y") and one[-2] not in "aeiou" else f"{one}s"


def hours_text(hours: Decimal) -> str:
    """`1,250.50`: two decimals, or as many as there are."""
    exact = hours.normalize()
    return f"{exact:,.2f}" if exact == round(exact, 2) else f"{exact:,f}"
