"""Calendar months."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from math import lcm
from typing import NamedTuple

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


class PartOfMonth(NamedTuple):
    """Its last day; how many of its days, `of` how many, and what that weighs beside other months."""

    last: date
    days: int
    of: int
    weight: int


def evenly(first: date, last: date, months: int) -> list[PartOfMonth]:
    """From one day to another, both included, no more than so many months: whole ones weigh alike, and one that is not whole its days."""
    parts: list[tuple[date, int, int]] = []
    while first <= last and len(parts) < months:
        end = month_end(first)
        parts.append((min(end, last), (min(end, last) - first).days + 1, end.day))
        first = end + timedelta(days=1)
    whole = lcm(*(of for _, days, of in parts if days < of)) if len(parts) > 1 else 1
    return [PartOfMonth(day, days, of, days * whole // of if whole > 1 else 1) for day, days, of in parts]
