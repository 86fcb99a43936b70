"""Nodes by what their arithmetic gives, where the books have no figure of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.explanation import Node, evaluated, step_of


def in_units(stated: Node) -> Node:
    """What a waiver made of an amount that is finer than its currency."""
    unit = step_of(stated.currency)
    made = evaluated(
        f"{stated.title}, in units of {unit}", "round", (stated,), {"step": unit}, "amount", stated.currency
    )
    return stated if made.value == stated.value else made


# How hours were made of time, and the operation that takes that time in their place.
EXACT: Mapping[str, str] = {"elapsed": "of_time", "in_hours": "of_seconds"}


def by_its_time(made: Node) -> Node:
    """Hours at a rate; of work by start and end, or to the second, their exact ratio, in place of hours in six decimals."""
    if made.arithmetic is None or not made.arithmetic.operands:
        return made
    operation, (hours, *others), parameters = made.arithmetic
    while (
        hours.arithmetic is not None
        and hours.arithmetic.operation == "increments"
        and hours.value == hours.arithmetic.operands[0].value
    ):
        hours = hours.arithmetic.operands[0]
    if hours.arithmetic is None or hours.arithmetic.operation not in EXACT:
        return made
    operands = (*hours.arithmetic.operands, *others)
    exact = evaluated(
        "", EXACT[hours.arithmetic.operation], operands, {**parameters, "of": operation}, made.unit, made.currency
    )
    return made._replace(value=exact.value, arithmetic=exact.arithmetic, why=(hours, *made.why))


def by_day(title: str, amount: Node, days: int, of: int, mode: str, **more: Any) -> Node:
    parameters: dict[str, Any] = {"days": str(days), "of": str(of), "step": step_of(amount.currency), "mode": mode}
    return evaluated(title, "by_day", (amount,), parameters, "amount", amount.currency, **more)
