# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from domain.events.common import (
    BalanceForward,
    BillingCycle,
    BillTo,
    ConsiderationOutcome,
    ContractLine,
    Funding,
    Policies,
    PurchaseOrder,
    ReceivableForward,
    Retention,
    SharedCap,
)
from domain.units import Amount, Instant, Rate


class BalancesBroughtForward(NamedTuple):
    """Where a running project stands when its books begin in the middle."""

    event_id: str
    occurred_at: Instant
    source: str
    engagement_id: str
    project_id: str
    version: int
    as_of: dt.date
    lines: tuple[BalanceForward, ...]
    recorded_at: Instant | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    receivables: tuple[ReceivableForward, ...] = ()


class ContractAmended(NamedTuple):
    """New terms of a contract; a field that is not given is inherited. Without an approver it changes nothing."""

    event_id: str
    occurred_at: Instant
    source: str
    contract_id: str
    version: int
    replaces_version: int
    effective_on: dt.date
    treatment: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    retroactive: bool = False
    reason: str | None = None
    customer_id: str | None = None
    legal_entity_id: str | None = None
    currency: str | None = None
    signed_on: dt.date | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    bill_to: tuple[BillTo, ...] | None = None
    billing_cycle: BillingCycle | None = None
    billing_zone: str | None = None
    grace_days: int | None = None
    purchase_order: PurchaseOrder | None = None
    shared_caps: tuple[SharedCap, ...] | None = None
    retention: Retention | None = None
    funding: Funding | None = None
    policies: Policies | None = None
    lines: tuple[ContractLine, ...] | None = None


class ContractSigned(NamedTuple):
    """What was agreed with a customer; a second one is a correction from the beginning."""

    event_id: str
    occurred_at: Instant
    source: str
    contract_id: str
    version: int
    customer_id: str
    legal_entity_id: str
    currency: str
    signed_on: dt.date
    starts_on: dt.date
    lines: tuple[ContractLine, ...]
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    ends_on: dt.date | None = None
    bill_to: tuple[BillTo, ...] = ()
    billing_cycle: BillingCycle | None = None
    billing_zone: str | None = None
    grace_days: int | None = None
    purchase_order: PurchaseOrder | None = None
    shared_caps: tuple[SharedCap, ...] = ()
    retention: Retention | None = None
    funding: Funding | None = None
    policies: Policies | None = None


class ContractTerminated(NamedTuple):
    """A contract ends early."""

    event_id: str
    occurred_at: Instant
    source: str
    contract_id: str
    version: int
    effective_on: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class VariableConsiderationRevised(NamedTuple):
    """A new estimate of a variable part of the price; the satisfied part is caught up."""

    event_id: str
    occurred_at: Instant
    source: str
    contract_id: str
    line_id: str
    item_id: str
    version: int
    as_of: dt.date
    included: bool
    reason: str
    requested_by: str
    approved_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    amount: Amount | None = None
    outcomes: tuple[ConsiderationOutcome, ...] = ()
    expected_unit_price: Rate | None = None
    settled: bool = False
