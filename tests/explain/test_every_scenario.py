"""Every figure of every scenario recomputes from its explanation; nearly all of them down to fields of events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dataflows.embedded import decode_event
from domain.explanation import Node
from domain.outputs import Alert, ForecastUpdate
from milepost.explain import sources
from milepost.explain.explainer import Explainer
from milepost.explain.recompute import everything, recompute, unexplained
from state.genesis import Genesis
from state.rules import RULES
from state.trace import Retold, Trace
from tests.harness import Books, Record
from tests.scenario_play import play
from tests.scenario_text import Scenario, read_scenarios

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
SCENARIOS = [(path, scenario) for path in sorted(FOLDER.glob("*.md")) for scenario in read_scenarios(path)]
NAMES = [f"{path.stem}: {scenario.name}" for path, scenario in SCENARIOS]
# What is final keeps its room while others come and go; that it keeps is taken as it is.
NOT_FOLLOWED = {"non_billable: final work keeps its room while somebody comes and goes"}


@pytest.mark.parametrize("scenario", [scenario for _, scenario in SCENARIOS], ids=NAMES)
def test_scenario_explained(scenario: Scenario) -> None:
    books = play(scenario)
    for engagement_id in {record.engagement_id for record in books.log if record.engagement_id}:
        explainer = explainer_of(books, engagement_id)
        for figure in figures(explainer):
            assert recompute(figure) == []
            fields = [node for node in everything(figure) if is_field(node)]
            assert all(node.event is not None for node in fields), figure.title
            assert not [node.field for node in fields if "None" in (node.field or "None")], figure.title
            if scenario.name not in NOT_FOLLOWED:
                assert unexplained(figure) == []
    books.close()


def test_parts_that_a_large_engagement_only_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cut at nothing, lines whose cents are rounded, what was spent: each part that is named is found by its name."""
    monkeypatch.setattr(sources, "ENTRIES_FOLLOWED", 0)
    wanted = {
        "Work at a rate of zero is rated again until its period is cut",
        "Policy rounding_scope: line",
        "PUB-16 Hours: 40 of 100",
        "PUB-16 Cost to cost: hours, then travel besides",
        "Of lines under a cap the cents of statements are revenue",
    }
    chosen = [scenario for _, scenario in SCENARIOS if scenario.name in wanted]
    assert len(chosen) == len(wanted)
    for scenario in chosen:
        books = play(scenario)
        for engagement_id in {record.engagement_id for record in books.log if record.engagement_id}:
            for figure in figures(explainer_of(books, engagement_id)):
                assert recompute(figure) == []
                assert unexplained(figure) == []
        books.close()


def explainer_of(books: Books, engagement_id: str) -> Explainer:
    trace = Trace(engagement_id, "scenario", 0)
    fold, recorded_at = Retold(trace, Genesis("1", rules=RULES), decode_event), 0
    for record in books.log:
        recorded_at = max(recorded_at, _recorded_at(record))
        fold.follow(record, recorded_at)
    return Explainer(trace)


def _recorded_at(record: Record) -> int:
    return record.event.recorded_at or record.event.occurred_at


def figures(explainer: Explainer) -> Iterator[Node]:
    trace = explainer.trace
    for wanted in (*trace.journals, *trace.statements, *trace.exceptions, *trace.entry_ids(), *trace.views):
        found = explainer.explain(wanted)
        assert found is not None, wanted
        yield found
    for said in trace.said:
        found = None
        if isinstance(said.record, ForecastUpdate):
            found = explainer.explain(f"{said.record.project_id}#forecast/{said.record.sequence}")
        elif isinstance(said.record, Alert):
            found = explainer.explain(said.record.alert_id)
        if found is not None:
            yield found


def is_field(node: Node) -> bool:
    return node.arithmetic is not None and node.arithmetic.operation == "field"
