"""What a step of an explanation says is what was done."""

from __future__ import annotations

from domain.explanation import Node, constant, evaluated
from domain.figure import Recorded, at_least, lesser
from milepost.explained import formula

WHOLE = Node("due", 1_000_0000, "amount", "EUR")


def shared(*weights: Node) -> str:
    return formula(evaluated("share", "share", (WHOLE, *weights), {"step": "0.01", "party": 0}, "amount", "EUR"))


def test_shares_go_by_what_they_were_agreed_in() -> None:
    sixty, forty = Node("ACME", 60_000000, "percent"), Node("WEIR", 40_000000, "percent")
    assert shared(sixty, forty) == "its part of 1,000.00 EUR by agreed per cent, 60 % among 2"
    assert shared(WHOLE, WHOLE) == "its part of 1,000.00 EUR in proportion to value, among 2"


def test_one_alone_has_all() -> None:
    assert shared(Node("ACME", 100_000000, "percent")) == "all of 1,000.00 EUR"


def test_what_is_taken_off_says_of_what() -> None:
    assert (-Recorded(WHOLE)).node.title == "less due"
    assert (Recorded(constant("nothing", 0, "amount", "EUR")) - Recorded(WHOLE)).node.title == "less due"


def test_nothing_is_what_comes_to_nothing() -> None:
    """Of a sum that has no name of its own, such as what is booked and what remains, the title does not say that it is nothing."""
    twice, none = Recorded(WHOLE) + Recorded(WHOLE), Recorded(constant("room", 0, "amount", "EUR"))
    for compared in (
        at_least(twice, 0, "to come"),
        lesser(twice, 0, "covered"),
        at_least(twice - none - Recorded(WHOLE), 0, "left"),
    ):
        assert isinstance(compared, Recorded)
        assert compared.node.arithmetic is not None
        of, nothing = compared.node.arithmetic.operands
        assert of.title in ("together", "what is left")
        assert (nothing.title, nothing.value) == ("nothing", 0)
