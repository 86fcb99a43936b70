"""Whatever comes and in whatever order: every figure can be asked for, and is what its explanation comes to."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

from hypothesis import given

from connectors.files.written import read_topic
from dataflows.embedded import decode_event
from domain.outputs import TOPICS, JournalEntry
from milepost.explain.explainer import Explainer
from milepost.explain.explanations import Explained, Explanations
from milepost.explain.recompute import everything, recompute, unexplained
from state.genesis import Genesis
from state.rules import RULES
from state.trace import Retold, Trace
from tests.explain.simulated_year import milepost
from tests.explained import lacks_event, together
from tests.folding import log_records
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import Scope

HERE = Path(__file__).parent


@given(histories() | histories(Scope(reissue=True)) | histories(Scope(next_rule=True, plain_caps=True)))
def test_every_figure_of_a_history_is_what_its_explanation_comes_to(history: History) -> None:
    for explainer in explainers(history):
        every = together(explainer)
        assert recompute(every) == []
        assert [node.title for node in unexplained(every)] == []
        assert [node.title for node in everything(every) if lacks_event(node)] == []


def test_differences_that_carry_the_same_rate_do_not_rest_on_each_other(tmp_path: Path) -> None:
    """A contract in pounds under a cap of 20 hours ends, and ends again later: room moves twice within one event."""
    events, output = tmp_path / "input", tmp_path / "output"
    events.mkdir()
    copy(HERE / "terminated_anew.jsonl", events)
    milepost("run", "--input", str(events), "--output", str(output))
    records = [each.record for each in read_topic(output, TOPICS["JournalEntry"])]
    journals = {record.journal_id for record in records if isinstance(record, JournalEntry)}
    assert journals
    with Explanations(output, lambda *_: None) as explanations:
        for journal_id in sorted(journals):
            found = explanations.explain(journal_id)
            assert isinstance(found, Explained)
            assert recompute(found.node) == []


def explainers(history: History) -> list[Explainer]:
    """Of each engagement; a record counts as known once those before it are."""
    records = log_records(history.logged)
    made = []
    for engagement_id in {record.engagement_id for record in records if record.engagement_id}:
        trace = Trace(engagement_id, history.name, 0)
        fold, recorded_at = Retold(trace, Genesis("1", rules=RULES), decode_event), 0
        for record in records:
            recorded_at = max(recorded_at, record.event.recorded_at or record.event.occurred_at)
            fold.follow(record, recorded_at)
        made.append(Explainer(trace))
    return made
