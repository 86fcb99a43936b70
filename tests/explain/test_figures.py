"""Every figure that a run prints is what its explanation comes to, from fields of events on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from milepost.explain.explanations import Explained, Explanations
from milepost.explained import as_json
from tests.explain.checker import Checker
from tests.explain.simulated_year import Printed, events, printed, simulated_year

FIGURES = 1_000
SEED = 2026


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


def test_a_thousand_figures_come_to_what_was_printed(explanations: Explanations) -> None:
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
