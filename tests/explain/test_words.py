"""What a step of an explanation says is what was done."""

from __future__ import annotations

from domain.explanation import Node, constant, evaluated
from domain.figure import Recorded
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
