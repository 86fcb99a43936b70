"""Nodes by what their arithmetic gives, where the books have no figure of it."""

from __future__ import annotations

from typing import Any

from domain.explanation import Node, evaluated, step_of


def in_units(stated: Node) -> Node:
    """What a waiver made of an amount that is finer than its currency."""
    unit = step_of(stated.currency)
    made = evaluated(
        f"{stated.title}, in units of {unit}", "round", (stated,), {"step": unit}, "amount", stated.currency
    )
    return stated if made.value == stated.value else made


def by_day(title: str, amount: Node, days: int, of: int, mode: str, **more: Any) -> Node:
    parameters: dict[str, Any] = {"days": str(days), "of": str(of), "step": step_of(amount.currency), "mode": mode}
    return evaluated(title, "by_day", (amount,), parameters, "amount", amount.currency, **more)
