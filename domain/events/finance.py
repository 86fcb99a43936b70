# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from domain.events.common import CreditMemoLine, LedgerDifference, LedgerSum, PaymentApplication, StatementReference
from domain.units import Amount, ExchangeRate, Hours, Instant


class ControlTotal(NamedTuple):
    """What a source says it has sent, for reconciliation; a later one replaces it."""

    event_id: str
    occurred_at: Instant
    source: str
    kind: str
    period: str
    entry_count: int
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    hours: Hours | None = None
    amount: Amount | None = None
    currency: str | None = None
    legal_entity_id: str | None = None


class CreditMemoIssued(NamedTuple):
    """Part of an invoice is given back; the kind says what becomes of revenue and cap room."""

    event_id: str
    occurred_at: Instant
    source: str
    credit_memo_id: str
    invoice_id: str
    kind: str
    lines: tuple[CreditMemoLine, ...]
    issued_on: dt.date
    requested_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    approved_by: str | None = None
    tax_amount: Amount | None = None


class InvoicePosted(NamedTuple):
    """The ERP posted the invoice of a statement."""

    event_id: str
    occurred_at: Instant
    source: str
    invoice_id: str
    posted_on: dt.date
    amount: Amount
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    tax_amount: Amount = 0
    statement_id: str | None = None
    statement: StatementReference | None = None
    exchange_rate: ExchangeRate | None = None
    clears_unbilled: bool = False


class InvoiceRejected(NamedTuple):
    """The ERP refused the invoice of a statement, which stays issued until an `InvoicePosted`."""

    event_id: str
    occurred_at: Instant
    source: str
    code: str
    message: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    statement_id: str | None = None
    statement: StatementReference | None = None
    invoice_id: str | None = None
    because: str = "data"


class LedgerReconciled(NamedTuple):
    """What was posted for one company and period beside what its ERP holds; a later one takes the place of an
    earlier one.
    """

    event_id: str
    occurred_at: Instant
    source: str
    legal_entity_id: str
    period: str
    version: int
    erp: str
    sums: tuple[LedgerSum, ...]
    differences: tuple[LedgerDifference, ...]
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class PaymentApplied(NamedTuple):
    """Cash of a payment was applied to invoices after it came, or taken off them again: a settlement, or its
    undoing.
    """

    event_id: str
    occurred_at: Instant
    source: str
    application_id: str
    payment_id: str
    customer_id: str
    currency: str
    applied_on: dt.date
    applications: tuple[PaymentApplication, ...]
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    exchange_rate: ExchangeRate | None = None


class PaymentReceived(NamedTuple):
    """A customer paid; may come before the invoice and may be applied to none."""

    event_id: str
    occurred_at: Instant
    source: str
    payment_id: str
    customer_id: str
    amount: Amount
    currency: str
    received_on: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    exchange_rate: ExchangeRate | None = None
    applications: tuple[PaymentApplication, ...] = ()


class PaymentReversed(NamedTuple):
    """A payment was taken back, and the receivable stands again."""

    event_id: str
    occurred_at: Instant
    source: str
    payment_id: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    received_on: dt.date | None = None
    customer_id: str | None = None
    amount: Amount | None = None
    currency: str | None = None
    exchange_rate: ExchangeRate | None = None
    applications: tuple[PaymentApplication, ...] = ()


class PostingAccepted(NamedTuple):
    """The ERP took a journal, or a batch of them."""

    event_id: str
    occurred_at: Instant
    source: str
    erp: str
    attempt: int
    erp_reference: str
    posted_on: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    journal_id: str | None = None
    batch_id: str | None = None
    journals: tuple[str, ...] = ()
    state: str = "posted"
    period: str | None = None


class PostingRejected(NamedTuple):
    """The ERP refused a journal, or a batch of them."""

    event_id: str
    occurred_at: Instant
    source: str
    erp: str
    attempt: int
    code: str
    message: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    journal_id: str | None = None
    batch_id: str | None = None
    journals: tuple[str, ...] = ()
    because: str = "data"
    field: str | None = None


class RevenueAdjusted(NamedTuple):
    """Revenue of a contract line is changed by hand."""

    event_id: str
    occurred_at: Instant
    source: str
    adjustment_id: str
    contract_id: str
    line_id: str
    amount: Amount
    currency: str
    adjusted_on: dt.date
    reason: str
    requested_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    approved_by: str | None = None
    reverse_on: dt.date | None = None


class WrittenOff(NamedTuple):
    """Value that will not be billed, or a receivable that will not be paid, is given up."""

    event_id: str
    occurred_at: Instant
    source: str
    write_off_id: str
    what: str
    amount: Amount
    currency: str
    written_off_on: dt.date
    reason: str
    requested_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    approved_by: str | None = None
    entries: tuple[str, ...] = ()
    invoice_id: str | None = None
