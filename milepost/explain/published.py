"""What is not explained, beside what explains all else."""

from typing import TypeVar

from domain.explanation import COMES_TO, SCALES, STATED, Arithmetic, Node
from domain.money import format_decimal
from domain.why import Disagreement

T = TypeVar("T")


def given(found: T | None, what: str) -> T:
    """Raises Disagreement where no rule recorded it."""
    if found is None:
        raise Disagreement(f"{what}: no rule recorded it")
    return found


def refused(wanted: str, differs: Disagreement) -> Node:
    """What is asked for and is not explained: it says why, and below stands what a recorded step comes to. `unexplained` finds both."""
    below: tuple[Node, ...] = ()
    if (made := differs.made) is not None:
        comes_to = {COMES_TO: format_decimal(made.value or 0, SCALES[made.unit])}
        arithmetic = Arithmetic(STATED, (), comes_to)
        below = (Node(made.title, differs.number, made.unit, made.currency, arithmetic, why=(made,)),)
    return Node(wanted, arithmetic=Arithmetic(STATED), facts=(("not explained", f"{differs}"),), why=below, id=wanted)
