"""Whether figures of a told history are what their explanations come to, each down to fields of events."""

from __future__ import annotations

from milepost.explain.recompute import recompute, unexplained
from tests.explain.test_every_scenario import explainer_of
from tests.harness import Books


def not_explained(books: Books, *accounts: str) -> list[str]:
    """Statements, and lines of journals on these accounts, of which an explanation leaves something open."""
    (engagement_id,) = {record.engagement_id for record in books.log if record.engagement_id}
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
