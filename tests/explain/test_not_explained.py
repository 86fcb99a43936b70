"""A figure that its explanation does not come to is told as it is, and so is what the explanation comes to instead."""

from __future__ import annotations

from domain.explanation import constant, stated, total
from milepost.explain.published import as_published
from milepost.explain.recompute import disagreeing, recompute, unexplained
from milepost.explained import as_json, formula
from milepost.explained_html import page

HOURS = total("hours allowed", (constant("nothing", 0, "hours"),), "hours")


def test_what_agrees_is_the_explanation_itself() -> None:
    assert as_published(HOURS, "told", 0, "hours") is HOURS
    assert as_published(None, "told", 0, "hours") == stated("told", 0, "hours")


def test_what_does_not_agree_says_both() -> None:
    """The outputs have 2.5 h, and the explanation none."""
    made = as_published(HOURS, "told", 2_500_000, "hours")
    assert (made.value, made.why) == (2_500_000, (HOURS,))
    assert formula(made) == "as the outputs have it, not explained: what is below comes to 0"
    assert disagreeing(made) == unexplained(made) == [made]
    assert recompute(made) == []
    assert disagreeing(stated("told", 2_500_000, "hours")) == []
    assert as_json(made)["nodes"][-1]["parameters"] == {"comes_to": "0"}
    assert "what is below comes to 0" in page(made, [], [])
