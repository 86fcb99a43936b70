"""A rule that records its arithmetic: what it says comes to what it does, or the explanation stops."""

from __future__ import annotations

import pytest

from domain.explanation import Node, total
from domain.why import Disagreement, Why, elsewhere


def amount(value: int, title: str = "amount") -> Node:
    return elsewhere(title, value, title, "EUR")


def test_a_step_that_does_not_give_the_rules_value_is_refused() -> None:
    why = Why()
    with pytest.raises(Disagreement, match="S-1#retained: the rule has 3, its recorded step comes to 5"):
        why.record("S-1#retained", 3, total("retained", (amount(2), amount(3))))


def test_an_operand_is_recorded_before_what_is_made_of_it() -> None:
    with pytest.raises(KeyError, match="S-1#gross"):
        Why().figure("S-1#gross")


def test_figures_and_sums_stand_as_each_step_left_them() -> None:
    why = Why()
    for step in range(3):
        why.now = step
        why.record("account#billed", step, amount(step))
        why.add("account", amount(step))
    assert [why.figure_at("account#billed", step).value for step in range(3)] == [0, 1, 2]  # type: ignore[union-attr]
    assert [len(why.parts_at("account", step)) for step in range(3)] == [1, 2, 3]
    assert why.sum("account", "so far", "EUR").value == 3


def test_what_is_tried_on_a_copy_is_left_there_but_for_what_is_taken() -> None:
    why = Why()
    why.add("account", amount(1))
    tried = why.fork()
    tried.add("account", amount(2))
    tried.record("S-1#retained", 2, amount(2))
    tried.record("account#billed", 2, amount(2))
    assert tried.sum("account", "so far", "EUR").value == 3
    why.take(tried, "S-1#")
    assert why.sum("account", "so far", "EUR").value == 1
    assert why.figure("S-1#retained").value == 2
    assert why.figure_at("account#billed", 0) is None


class Part:
    """A part of a sum by the name of `amount`."""

    def __init__(self, value: int) -> None:
        self.values = {"amount": value}

    def node(self, name: str) -> Node:
        return amount(self.values[name])

    def made(self) -> tuple[Node, ...]:
        return ()


def test_a_copy_takes_back_and_replaces_what_was_placed_before_it() -> None:
    """4 of one statement and 1 of another; on the copy the first is gone, then has 3, then nobody has anything."""

    def values(of: Why) -> list[tuple[str, int]]:
        return [(one.of, one.parts.values["amount"]) for one in of.placed("issued", "amount") if one.parts is not None]

    why = Why()
    why.place("issued", "S-1", ("1",), Part(4))
    why.place("issued", "S-2", ("2",), Part(1))
    tried = why.fork()
    tried.place("issued", "S-1", ("3",), None)
    assert values(tried) == [("S-2", 1)]
    tried.place("issued", "S-1", ("4",), Part(3))
    assert values(tried) == [("S-2", 1), ("S-1", 3)]
    tried.clear("issued")
    assert values(tried) == []
    assert values(why) == [("S-1", 4), ("S-2", 1)]
