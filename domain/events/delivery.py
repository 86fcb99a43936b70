# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

from domain.events.common import BillRate, HoldScope, PlannedHours, ProjectBudget, RemainingWork
from domain.units import Amount, Hours, Instant, Percent, Quantity, Rate


class BillingHoldPlaced(NamedTuple):
    """Nothing in scope that is not issued may go on a statement; it still accrues and consumes caps."""

    event_id: str
    occurred_at: Instant
    source: str
    hold_id: str
    version: int
    scope: HoldScope
    placed_on: dt.date
    reason: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class BillingHoldReleased(NamedTuple):
    """A hold is over; what it held goes on the next statement."""

    event_id: str
    occurred_at: Instant
    source: str
    hold_id: str
    version: int
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    scope: HoldScope | None = None
    placed_on: dt.date | None = None
    reason: str | None = None


class EstimateRevised(NamedTuple):
    """What remains of a project, as its manager says now."""

    event_id: str
    occurred_at: Instant
    source: str
    project_id: str
    version: int
    as_of: dt.date
    remaining: tuple[RemainingWork, ...]
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    line_id: str | None = None
    contract_id: str | None = None
    currency: str | None = None


class ExpenseApproved(NamedTuple):
    """Money spent on a project by a person or supplier, approved; a higher version replaces a lower one."""

    event_id: str
    occurred_at: Instant
    source: str
    expense_id: str
    version: int
    project_id: str
    category: str
    spent_on: dt.date
    amount: Amount
    currency: str
    approved_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    correlation_id: str | None = None
    submitted_by: str | None = None
    person_id: str | None = None
    supplier_id: str | None = None
    line_id: str | None = None
    task: str | None = None
    description: str | None = None
    quantity: Quantity | None = None
    tax_amount: Amount = 0
    tax_recoverable: Amount = 0
    billable: bool = True
    approved_at: Instant | None = None
    dimensions: Mapping[str, str] = {}


class ExpenseWithdrawn(NamedTuple):
    """An expense is taken back: it is reversed, and a higher version approved later lives again."""

    event_id: str
    occurred_at: Instant
    source: str
    expense_id: str
    version: int
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class MilestoneAccepted(NamedTuple):
    """The customer accepted a deliverable: it is billable, once."""

    event_id: str
    occurred_at: Instant
    source: str
    milestone_id: str
    version: int
    accepted_on: dt.date
    approved_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    contract_id: str | None = None
    line_id: str | None = None


class MilestoneRevoked(NamedTuple):
    """An acceptance is taken back; after issue it is credited in full."""

    event_id: str
    occurred_at: Instant
    source: str
    milestone_id: str
    version: int
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    accepted_on: dt.date | None = None
    contract_id: str | None = None
    line_id: str | None = None


class ProgressReported(NamedTuple):
    """How far a contract line has come, as the delivery side says."""

    event_id: str
    occurred_at: Instant
    source: str
    line_id: str
    version: int
    percent: Percent
    as_of: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    contract_id: str | None = None


class ProjectActivated(NamedTuple):
    """A project may take work; it is bound to its engagement once."""

    event_id: str
    occurred_at: Instant
    source: str
    project_id: str
    version: int
    name: str
    legal_entity_id: str
    starts_on: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    ends_on: dt.date | None = None
    customer_id: str | None = None
    manager: str | None = None
    budget: ProjectBudget | None = None
    dimensions: Mapping[str, str] = {}


class ProjectClosed(NamedTuple):
    """A project takes no more work after its end; null or left out = as it was activated."""

    event_id: str
    occurred_at: Instant
    source: str
    project_id: str
    version: int
    ends_on: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    name: str | None = None
    legal_entity_id: str | None = None
    customer_id: str | None = None
    manager: str | None = None
    starts_on: dt.date | None = None
    budget: ProjectBudget | None = None
    dimensions: Mapping[str, str] = {}


class ResourceAssigned(NamedTuple):
    """A person is planned on a project in a role, perhaps at a rate of their own; it re-rates that person's work
    with nothing issued.
    """

    event_id: str
    occurred_at: Instant
    source: str
    assignment_id: str
    version: int
    project_id: str
    person_id: str
    role: str
    starts_on: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    ends_on: dt.date | None = None
    planned: tuple[PlannedHours, ...] = ()
    bill_rate: BillRate | None = None


class StatementRequested(NamedTuple):
    """Cut a contract's statement now; with a billing cycle it closes the oldest open period early."""

    event_id: str
    occurred_at: Instant
    source: str
    request_id: str
    contract_id: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    period: dt.date | None = None
    to: dt.date | None = None


class TimeApproved(NamedTuple):
    """Someone's work on a project, approved; a higher version replaces a lower one."""

    event_id: str
    occurred_at: Instant
    source: str
    entry_id: str
    version: int
    project_id: str
    person_id: str
    approved_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    correlation_id: str | None = None
    submitted_by: str | None = None
    worked_on: dt.date | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    zone: str | None = None
    hours: Hours | None = None
    role: str | None = None
    line_id: str | None = None
    task: str | None = None
    description: str | None = None
    billable: bool = True
    billable_hours: Hours | None = None
    overtime: bool = False
    rate: Rate | None = None
    rate_approved_by: str | None = None
    approved_at: Instant | None = None
    dimensions: Mapping[str, str] = {}
    seconds: int | None = None
    billed_elsewhere: bool = False


class TimeWithdrawn(NamedTuple):
    """A time entry is taken back: it is reversed, and a higher version approved later lives again."""

    event_id: str
    occurred_at: Instant
    source: str
    entry_id: str
    version: int
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class UnitsDelivered(NamedTuple):
    """Units of a unit-price line were delivered."""

    event_id: str
    occurred_at: Instant
    source: str
    delivery_id: str
    version: int
    line_id: str
    units: Quantity
    delivered_on: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    contract_id: str | None = None
