"""Figures as they stand in outputs and in the books, beside what explains them."""

from typing import TypeVar

from domain.explanation import COMES_TO, SCALES, STATED, Arithmetic, Node, stated
from domain.money import format_decimal
from domain.why import Disagreement

T = TypeVar("T")


def as_published(made: Node | None, title: str, value: int, unit: str = "amount", currency: str = "") -> Node:
    """What explains the figure. Where no rule recorded it, or what did comes to another, it says so, and `unexplained` finds it."""
    published = stated(title, value, unit, currency)
    if made is None or made.value is None:
        return published
    if made.value == value:
        return made
    parameters = {COMES_TO: format_decimal(made.value, SCALES[made.unit])}
    return published._replace(arithmetic=Arithmetic(STATED, (), parameters), why=(made,))


def given(found: T | None, what: str) -> T:
    """Raises Disagreement where no rule recorded it."""
    if found is None:
        raise Disagreement(f"{what}: no rule recorded it")
    return found


def refused(wanted: str, differs: Disagreement) -> Node:
    """What is asked for and is not explained: it says why, and below stands what a recorded step comes to. `unexplained` finds both."""
    made = differs.made
    below = (as_published(made, made.title, differs.number, made.unit, made.currency),) if made is not None else ()
    return Node(wanted, arithmetic=Arithmetic(STATED), facts=(("not explained", f"{differs}"),), why=below, id=wanted)
