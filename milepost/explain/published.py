"""Figures as they stand in outputs and in the books, beside what explains them."""

from __future__ import annotations

from domain.explanation import Node, agreeing, stated


def as_published(made: Node | None, title: str, value: int, unit: str = "amount", currency: str = "") -> Node:
    """What explains the figure. Where no rule recorded it, or what did comes to another, it says so, and `unexplained` finds it."""
    return agreeing(made, stated(title, value, unit, currency))


def not_recorded(title: str, value: int, unit: str = "amount", currency: str = "") -> Node:
    return as_published(None, title, value, unit, currency)
