"""Buckets of days, the same for what customers owe and for what is not billed."""

from typing import Final

from milepost.glance.sheet import CellKind, GlanceColumn

# Column, its title, and the last day that belongs to it.
AGES: Final = (
    ("days_0_30", "0-30", 30),
    ("days_31_60", "31-60", 60),
    ("days_61_90", "61-90", 90),
    ("days_over_90", "over 90", None),
)
OVERDUE: Final = (
    ("not_due", "not due", 0),
    ("days_1_30", "1-30", 30),
    ("days_31_60", "31-60", 60),
    ("days_61_90", "61-90", 90),
    ("days_over_90", "over 90", None),
)
Buckets = tuple[tuple[str, str, int | None], ...]


def age_columns(buckets: Buckets) -> tuple[GlanceColumn, ...]:
    return tuple(
        GlanceColumn(name, title if title == "not due" else f"{title} days", CellKind.AMOUNT)
        for name, title, _ in buckets
    )


def aged(days: int, buckets: Buckets = AGES) -> str:
    """The column of so many days; what lies ahead is in the first."""
    return next(name for name, _, last in buckets if last is None or days <= last)
