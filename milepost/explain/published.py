"""Figures as they stand in outputs and in the books, beside what explains them."""

from __future__ import annotations

from domain.explanation import COMES_TO, SCALES, STATED, Arithmetic, Node, stated
from domain.money import format_decimal


def as_published(made: Node | None, title: str, value: int, unit: str = "amount", currency: str = "") -> Node:
    """What explains the figure. Where no rule recorded it, or what did comes to another, it says so, and `unexplained` finds it."""
    told = not_recorded(title, value, unit, currency)
    if made is None or made.value is None:
        return told
    if made.value == value:
        return made
    parameters = {COMES_TO: format_decimal(made.value, SCALES[made.unit])}
    return told._replace(arithmetic=Arithmetic(STATED, (), parameters), why=(made,))


def not_recorded(title: str, value: int, unit: str = "amount", currency: str = "") -> Node:
    return stated(title, value, unit, currency)
