"""All statements of a run, a row each."""

from __future__ import annotations

from collections.abc import Container, Sequence

from connectors.json_records import head_to_json
from domain.outputs import BillingStatement
from milepost.console import amount_text, shape
from milepost.days import last_day
from milepost.statements.sheet import status_word
from milepost.tables import Table

COLUMNS = ("statement", "revision", "status", "from", "to", "due, net of tax", "currency", "number", "due on")
UNNUMBERED = COLUMNS.index("number")


def statements_table(found: Sequence[BillingStatement], returned: Container[str]) -> Table:
    """Number and due date are shown where a company numbers its statements; `returned` are ids of drafts."""
    rows = [
        (
            one.statement_id,
            f"{one.revision}",
            "returned" if one.statement_id in returned else status_word(one),
            f"{one.period}",
            f"{last_day(one.to)}",
            amount_text(one.amount_due),
            one.currency,
            one.number or "",
            f"{one.due_on or ''}",
        )
        for one in found
    ]
    kept = len(COLUMNS) if any(one.number for one in found) else UNNUMBERED
    return Table("Statements", COLUMNS[:kept], [row[:kept] for row in rows], frozenset({1, 5}))


def statements_json(found: Sequence[BillingStatement]) -> dict[str, object]:
    """Version 1 of the shape; without the lines."""
    return shape(1, statements=[*map(head_to_json, found)])
