"""Figures stand with their currency and its decimals, and are called by words that say what they are."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from domain.explanation import Node
from milepost.explain.recompute import everything
from milepost.explained import formula, value_text
from tests.explained import engagements, explainer_of, figures
from tests.told import told


def firm(code: str) -> list[str]:
    return [
        f"entity LE {code} Europe/Berlin",
        "customer C",
        "person ivo engineer of LE",
        "project P of LE from 2026-06-01",
    ]


def explained(lines: Iterable[str], *wanted: str) -> list[Node]:
    """All figures of a story, or those asked for with what is below them."""
    with told(lines) as books:
        explainer = explainer_of(books, *engagements(books))
        found = list(figures(explainer)) if not wanted else [explainer.explain(one) for one in wanted]
        return [node for root in found if root is not None for node in everything(root)]


@pytest.mark.parametrize(
    ("code", "rate", "cost", "value", "step"),
    [
        ("JPY", "15,333", "5,501", "61,332 JPY", "1"),
        ("EUR", "153.33", "55.01", "613.32 EUR", "0.01"),
        ("KWD", "15.333", "5.501", "61.332 KWD", "0.001"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(code: str, rate: str, cost: str, value: str, step: str) -> None:
    """4 h at 15,333 yen are 61,332 yen, rounded to whole ones."""
    lines = [
        *firm(code),
        f"cost person ivo {cost} {code}",
        f"contract K C LE {code} from 2026-06-01",
        "  line L P",
        f"    rate {rate}",
    ]
    [node, *_] = [
        one for one in explained([*lines, "2026-06-10  time T-1 ivo 4 h"], "T-1") if one.title == "T-1: value"
    ]
    assert (value_text(node), formula(node).partition(", to ")[2]) == (value, f"{step} half_up")


def test_an_estimate_without_a_currency_is_in_the_project_s() -> None:
    lines = ["cost person ivo 50.00 EUR", "contract K C LE EUR from 2026-06-01", "  line L P", "    rate 100.00"]
    events = [
        "2026-06-10  time T-1 ivo 4 h",
        "2026-06-11  estimate P 10 h 600.00 month 2026-08",
        "2026-06-11  day ended",
    ]
    nodes = explained([*firm("EUR"), *lines, *events])
    assert {value_text(node) for node in nodes if node.title == "cost of 2026-08"} >= {"600.00 EUR"}
    assert [
        node.title for node in nodes if node.unit in ("amount", "rate") and node.value is not None and not node.currency
    ] == []


def test_what_moved_a_forecast_is_the_work_that_waited_and_not_the_rate_that_came() -> None:
    """Cleo's hours cost francs: 700.00 at 1.05 and 1.25 are 918.75 dollars once the rate is there."""
    lines = [
        "person cleo consult of LE",
        "cost person cleo 70.00 CHF",
        "contract X C LE USD from 2026-06-01",
        "  line L P",
        "    rate 200.00",
    ]
    events = [
        "2026-06-02  exchange EUR USD 1.25 on 2026-06-02",
        "2026-06-03  time T-1 cleo 10 h",
        "2026-06-04  estimate P 20 h 1,400.00 month 2026-07 in CHF",
        "2026-06-06  exchange CHF EUR 1.05 on 2026-06-03",
        "2026-06-10  day ended",
    ]
    story = [*firm("EUR"), *lines, *events]
    volume, rate = (f"P#deltas/{cause}/cost" for cause in ("volume", "exchange_rate"))
    moved = "exchange rate set spot/CHF/EUR/2026-06-03"
    assert f"moved by entry T-1, with {moved}" in {node.title for node in explained(story, volume)}
    assert f"moved by {moved}" in {node.title for node in explained(story, rate)}


def test_the_numbers_of_a_proportion_say_what_they_are() -> None:
    """12 h at completion, of which 4 are done: 33.3 % of the cost."""
    lines = ["cost person ivo 50.00 EUR", "contract K C LE EUR from 2026-06-01", "  line L P", "    rate 100.00"]
    events = [
        "2026-06-10  time T-1 ivo 4 h",
        "2026-06-11  estimate P 8 h 400.00 month 2026-08",
        "2026-06-11  day ended",
    ]
    titles = {node.title for node in explained([*firm("EUR"), *lines, *events])}
    assert not titles & {"part", "whole"}


def test_overtime_for_which_no_rate_states_a_markup_is_told() -> None:
    """8 h of overtime at 100.00 are 800.00."""
    lines = [
        *firm("EUR"),
        "cost person ivo 50.00 EUR",
        "contract K C LE EUR from 2026-06-01",
        "  line L P",
        "    rate 100.00",
        "2026-06-03  time T-1 ivo 8 h overtime",
    ]
    facts = [fact for node in explained(lines, "T-1#value") for fact in node.facts]
    assert ("overtime", "no rate states a markup (R7)") in facts
