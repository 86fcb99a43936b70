"""Every figure that a run prints is what its explanation comes to, from fields of events on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from domain.explanation import Node
from milepost.explain import sources
from milepost.explain.explanations import Explained, Explanations
from milepost.explain.ledger import ledger_figure
from milepost.explain.recompute import everything, recompute
from milepost.explained import as_json
from tests.explain.checker import Checker
from tests.explain.simulated_year import Printed, events, printed, simulated_year
from tests.thoroughness import THOROUGH

FIGURES = 1_000 if THOROUGH else 200
SEED = 2027
PARTS = 400 if THOROUGH else 100


@pytest.fixture(scope="module")
def explanations() -> Iterator[Explanations]:
    with Explanations(simulated_year(), lambda *_: None) as made:
        yield made


def sample() -> list[Printed]:
    """As many of each kind as there are, up to its share."""
    kinds: dict[str, list[Printed]] = defaultdict(list)
    for figure in printed():
        kinds[figure.kind].append(figure)
    random, found = Random(SEED), []
    left = FIGURES
    for place, kind in enumerate(sorted(kinds, key=lambda name: (len(kinds[name]), name))):
        share = min(len(kinds[kind]), left // (len(kinds) - place))
        found += random.sample(kinds[kind], share)
        left -= share
    return found


def test_figures_come_to_what_was_printed(explanations: Explanations) -> None:
    def explain(wanted: str) -> Any:
        found = explanations.explain(wanted)
        assert isinstance(found, Explained), f"{wanted} is not found"
        assert found.differences == ()
        return as_json(found.node)

    checker = Checker(events(), explain)
    figures = sample()
    assert len(figures) == FIGURES
    assert len({figure.kind for figure in figures}) == 15
    for figure in figures:
        assert checker.value_of(explain(figure.id)) == figure.value, figure
    # The year holds what there is to explain: rounding, exchange, caps, steps, shares of a day.
    assert {
        "spread",
        "percent",
        "extend",
        "convert",
        "proportion",
        "increments",
        "min",
        "max",
        "subtract",
        "elsewhere",
    } <= checker.seen


def test_parts_that_a_large_engagement_only_names_come_to_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every engagement were large: a sum over entries names them, each as of a log offset."""
    monkeypatch.setattr(sources, "ENTRIES_FOLLOWED", 0)
    named: dict[str, Node] = {}
    with Explanations(simulated_year(), lambda *_: None) as large:
        of_each = (
            next(figure for figure in printed() if figure.id.endswith(f"#{name}") and figure.value)
            for name in ("over_cap", "billed", "accrued")
        )
        for figure in (*sample()[::3], *of_each):
            found = large.explain(figure.id)
            assert isinstance(found, Explained)
            assert recompute(found.node) == []
            named |= {node.id: node for node in everything(found.node) if "@" in node.id and "#" in node.id}
        entries = [wanted for wanted in sorted(named) if ledger_figure(wanted) is None]
        names = {wanted.partition("#")[2].partition("@")[0] for wanted in entries}
        assert names >= {"cost", "recognised", "issued", "invoiced", "over_cap", "settled", "taken"}
        for wanted in Random(SEED).sample(entries, PARTS):
            part = large.explain(wanted)
            assert isinstance(part, Explained), wanted
            assert (part.node.value, part.node.unit, part.node.currency) == named[wanted][1:4], wanted
