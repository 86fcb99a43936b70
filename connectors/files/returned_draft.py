"""Who returned a draft, and why: the event that superseded it."""

from __future__ import annotations

from pathlib import Path

from connectors.files.engagement_log import event_of
from connectors.files.lookup import FoundStatement
from domain.billing.statement import SUPERSEDED
from domain.events.control import StatementReturned


def returned_by(output: Path, found: FoundStatement) -> StatementReturned | None:
    """None of what nobody returned: it was superseded as its work changed, or is not superseded, or the log is not there."""
    if found.statement.status != SUPERSEDED:
        return None
    event = event_of(output, found.position)
    is_its_own = isinstance(event, StatementReturned) and event.statement_id == found.statement.statement_id
    return event if is_its_own and isinstance(event, StatementReturned) else None
