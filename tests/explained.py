"""Every figure of a history that a test folded, and whether each is what its explanation comes to."""

from __future__ import annotations

from collections.abc import Iterator

from dataflows.embedded import decode_event
from domain.explanation import Node
from domain.outputs import Alert, ForecastUpdate
from domain.why import UNPLACED
from milepost.explain.explainer import Explainer
from milepost.explain.recompute import recompute, unexplained
from state.genesis import Genesis
from state.rules import RULES
from state.trace import Retold, Trace
from tests.harness import Books, Record


def engagements(books: Books) -> list[str]:
    return list(dict.fromkeys(record.engagement_id for record in books.log if record.engagement_id))


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
    """Raises what an explanation was refused for."""
    for figure in _asked(explainer):
        if explainer.refused:
            raise explainer.refused[0]
        yield figure


def together(explainer: Explainer) -> Node:
    """All of them below one heading: what several rest on is looked at once."""
    return Node(explainer.trace.engagement_id, why=tuple(figures(explainer)))


def _asked(explainer: Explainer) -> Iterator[Node]:
    trace = explainer.trace
    for wanted in (*trace.journals, *trace.statements, *trace.exceptions, *trace.entry_ids(), *trace.views):
        found = explainer.explain(wanted)
        assert found is not None, wanted
        yield found
    for said in trace.said:
        found = None
        if isinstance(said.record, ForecastUpdate):
            whole = f"{said.record.project_id}#forecast/{said.record.sequence}"
            for delta in said.record.deltas:
                changed = explainer.explain(f"{whole}/deltas/{delta.cause}/margin")
                assert changed is not None, delta.cause
                assert changed.value == delta.margin, delta.cause
                yield changed
            found = explainer.explain(whole)
        elif isinstance(said.record, Alert):
            found = explainer.explain(said.record.alert_id)
        if found is not None:
            yield found


def is_field(node: Node) -> bool:
    return node.arithmetic is not None and node.arithmetic.operation == "field"


def lacks_event(node: Node) -> bool:
    """Whether it is a field whose event the explanation did not find in the log."""
    return is_field(node) and (node.event is None or node.event.log_offset == UNPLACED)


def not_explained(books: Books, *accounts: str) -> list[str]:
    """Statements, and lines of journals on these accounts, of which an explanation leaves something open."""
    (engagement_id,) = engagements(books)
    explainer = explainer_of(books, engagement_id)
    trace = explainer.trace
    lines = [
        f"{journal_id}#{number}"
        for journal_id, said in trace.journals.items()
        for number, line in enumerate(said.record.lines, 1)
        if line.account in accounts
    ]
    figures = [(figure, explainer.explain(figure)) for figure in (*trace.statements, *lines)]
    return [figure for figure, node in figures if node is None or recompute(node) or unexplained(node)]
