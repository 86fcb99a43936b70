"""Calendar months."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from functools import lru_cache

MONTHS_IN = {"month": 1, "quarter": 3, "year": 12}


@lru_cache(maxsize=4096)
def month_end(day: date) -> date:
    """The last day of its month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


@lru_cache(maxsize=4096)
def months_after(first: date, months: int) -> date:
    """That day of the month, or the last that the month has; asked for every period of every day that is drawn on."""
    months += first.year * 12 + first.month - 1
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(first.day, monthrange(year, month)[1]))
