"""A figure that its explanation does not come to is shown as it is, and so is what the explanation comes to instead."""

from __future__ import annotations

import pytest

from domain.explanation import constant, total
from domain.figure import Recorded, as_recorded
from domain.why import Disagreement
from milepost.explain.forecasts import Made
from milepost.explain.published import given, refused
from milepost.explain.recompute import disagreeing, everything, recompute, unexplained
from milepost.explained import as_json, formula
from milepost.explained_html import page
from state.trace import TracedOutput
from tests.explained import explainer_of, figures
from tests.told import told

HOURS = total("hours allowed", (constant("nothing", 0, "hours"),), "hours")


def test_what_does_not_agree_says_both() -> None:
    """The outputs have 2.5 h, and the explanation none."""
    with pytest.raises(Disagreement) as raised:
        as_recorded(2_500_000, HOURS)
    made = refused("T-1#hours", raised.value)
    (below,) = made.why
    assert (below.value, below.why) == (2_500_000, (HOURS,))
    assert formula(below) == "as the outputs have it, not explained: what is below comes to 0"
    assert (disagreeing(everything(made)), unexplained(made), recompute(made)) == ([below], [below, made], [])
    assert as_json(below)["nodes"][-1]["parameters"] == {"comes_to": "0"}
    assert "what is below comes to 0" in page(made, [], [])


def test_what_no_rule_recorded_says_so() -> None:
    """There is nothing below that it could come to."""
    with pytest.raises(Disagreement) as raised:
        given(None, "T-1#hours")
    made = refused("T-1#hours", raised.value)
    assert (made.facts, made.why) == ((("not explained", "T-1#hours: no rule recorded it"),), ())
    assert unexplained(made) == [made]
    assert disagreeing(everything(made)) == []


def test_a_figure_of_a_forecast_that_differs_takes_no_other_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hours to complete are one more than its rule has."""
    lines = (
        "entity LE USD America/New_York",
        "customer C",
        "person bob consultant of LE",
        "cost person bob 100.00 USD",
        "project P of LE from 2026-01-01 to 2026-12-31",
        "contract K C LE USD",
        "  line L P",
        "    rate 200.00",
        "",
        "2026-01-05 estimate P 60 h 6000",
        "2026-01-05 time T-1 bob 8 h",
        "2026-01-31 day ended",
    )
    with told(lines) as books:
        explainer = explainer_of(books, "E")
        made = explainer.forecasts.made

        def more(said: TracedOutput) -> Made:
            found = made(said)
            hours = Recorded(constant("to complete", found.update.project.etc_hours + 1, "hours"))
            return found._replace(update=found.update._replace(project=found.update.project._replace(etc_hours=hours)))

        monkeypatch.setattr(explainer.forecasts, "made", more)
        for wanted in ("P#etc_hours", "P#forecast"):
            figure = explainer.explain(wanted)
            assert figure is not None
            assert recompute(figure) == []
            assert [each.title for each in disagreeing(everything(figure))] == ["to complete"]
            assert figure.facts == (("not explained", f"{explainer.refused[0]}"),)
            assert wanted in page(figure, [], [])
        statement = explainer.explain("E.K/C/2026-01-01/1")
        assert statement is not None
        assert unexplained(statement) == []
        with pytest.raises(Disagreement, match="to complete: the rule has"):
            list(figures(explainer))
