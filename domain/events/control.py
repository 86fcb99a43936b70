# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.

from __future__ import annotations

from typing import NamedTuple

from domain.units import Instant


class ExceptionAssigned(NamedTuple):
    """Someone takes care of an exception."""

    event_id: str
    occurred_at: Instant
    source: str
    exception_id: str
    version: int
    assignee: str
    requested_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    approved_by: str | None = None
    identified_by: str | None = None


class ExceptionResolved(NamedTuple):
    """Someone says that an exception is settled outside; what is still missing raises it again."""

    event_id: str
    occurred_at: Instant
    source: str
    exception_id: str
    version: int
    reason: str
    requested_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    approved_by: str | None = None
    identified_by: str | None = None


class ExceptionWaived(NamedTuple):
    """A fault may pass; it cannot replace missing facts, and above policy `approval_limit` a second person approves."""

    event_id: str
    occurred_at: Instant
    source: str
    exception_id: str
    version: int
    reason: str
    requested_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    approved_by: str | None = None
    identified_by: str | None = None


class IntakeNoticed(NamedTuple):
    """What intake or clock found, written to the log so that the fold raises or closes its exception."""

    event_id: str
    occurred_at: Instant
    source: str
    category: str
    subject: str
    place: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    cleared: bool = False
    subject_kind: str | None = None
    message: str | None = None
    event_count: int = 1


class StatementApproved(NamedTuple):
    """A draft statement is approved and is issued, where policy `statement_approval` asks for it."""

    event_id: str
    occurred_at: Instant
    source: str
    statement_id: str
    revision: int
    approved_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None


class StatementReturned(NamedTuple):
    """A draft statement is refused; its entries wait for the next cut."""

    event_id: str
    occurred_at: Instant
    source: str
    statement_id: str
    revision: int
    reason: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
