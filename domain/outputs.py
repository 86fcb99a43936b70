# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from domain.events.common import LedgerDifference, LedgerSum
from domain.units import Amount, ExchangeRate, Hours, Instant, Percent, Quantity, Rate


class Position(NamedTuple):
    """Where an output stands: what it was caused by, and its place among all outputs of its shard."""

    generation: str
    shard: int
    log_offset: int
    ordinal: int
    output_seq: int
    event_id: str
    occurred_at: Instant
    recorded_at: Instant
    correlation_id: str | None
    rules_version: str


class SourceAmount(NamedTuple):
    """What a source that funds the contract pays of a statement line."""

    source_id: str
    amount: Amount


class StatementLine(NamedTuple):
    """Entries of one contract line, project, person, task, role, rate, markup and set of flags."""

    line_id: str
    project_id: str
    description: str
    quantity: Quantity
    unit: str
    rate: Rate
    amount: Amount
    service_from: dt.date
    service_to: dt.date
    markup_percent: Percent = 0
    person_id: str | None = None
    task: str | None = None
    role: str | None = None
    entries: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    sources: tuple[SourceAmount, ...] = ()
    tax_category: str | None = None
    entry_amounts: tuple[Amount, ...] = ()


class StatementTax(NamedTuple):
    """Tax basis of one category of a statement at one rate, for the ERP to check; tax is on the base as a whole,
    half up.
    """

    category: str
    base: Amount
    percent: Percent
    amount: Amount
    kind: str | None = None
    tax_point_date: dt.date | None = None
    reason: str | None = None
    outside_scope: bool = False


class UndeterminedTax(NamedTuple):
    """Tax basis of one category that no policy covers: nobody knows its rate or its amount, which is not 0."""

    category: str
    base: Amount
    tax_point_date: dt.date | None = None


class StatementNumber(NamedTuple):
    """Where a statement's number stands in its range."""

    range_id: str
    series: int
    year: str
    value: int


class CertifiedCurrency(NamedTuple):
    """Journals of a certified period in one transaction currency."""

    currency: str
    journal_count: int
    debits: Amount
    credits: Amount


class CertifiedAccount(NamedTuple):
    """One account of a certified period, in ledger currency."""

    account: str
    opening: Amount
    debits: Amount
    credits: Amount
    certified_opening: Amount | None = None
    certified_movement: Amount | None = None


class ForecastMonth(NamedTuple):
    """One calendar month of a forecast."""

    month: str
    hours: Hours
    cost: Amount
    revenue: Amount
    billings: Amount
    cash: Amount
    burn_hours: Hours | None = None
    burn_cost: Amount | None = None
    burn_revenue: Amount | None = None


class ForecastFigures(NamedTuple):
    """A project's forecast in one currency."""

    currency: str
    burn_hours: Hours
    burn_cost: Amount
    burn_revenue: Amount
    etc_hours: Hours
    etc_cost: Amount
    etc_revenue: Amount
    eac_hours: Hours
    eac_cost: Amount
    eac_revenue: Amount
    backlog: Amount
    unbilled_backlog: Amount
    margin: Amount
    margin_percent: Percent | None = None
    budget_used_percent: Percent | None = None
    months: tuple[ForecastMonth, ...] = ()


class ForecastDemand(NamedTuple):
    """Hours still needed of one role in one month."""

    role: str
    month: str
    hours: Hours


class ForecastCap(NamedTuple):
    """How far a cap is used and when it will be."""

    cap_id: str
    used_amount: Amount
    used_hours: Hours
    used_percent: Percent
    limit_amount: Amount | None = None
    limit_hours: Hours | None = None
    exhausts_on: dt.date | None = None
    contract_id: str | None = None
    kind: str | None = None
    period: str | None = None
    effective_from: dt.date | None = None


class PreviousFigures(NamedTuple):
    """The forecast that a change is measured against, in project currency."""

    sequence: int
    eac_cost: Amount
    eac_revenue: Amount
    margin: Amount
    burn_cost: Amount
    burn_revenue: Amount
    backlog: Amount


class ForecastDelta(NamedTuple):
    """The part of a forecast's change that has one cause; all parts sum to the change exactly."""

    cause: str
    cost: Amount
    revenue: Amount
    margin: Amount


class JournalLine(NamedTuple):
    """One side of a journal."""

    account: str
    purpose: str
    amount: Amount
    ledger_amount: Amount
    project_id: str | None = None
    account_number: str | None = None
    dimensions: Mapping[str, str] = {}


class CurrencyAmount(NamedTuple):
    """An amount with its currency."""

    currency: str
    amount: Amount


class ViewBurn(NamedTuple):
    """What a project has taken so far."""

    hours: Hours
    billable_hours: Hours
    cost: tuple[CurrencyAmount, ...] = ()
    nonbillable_value: tuple[CurrencyAmount, ...] = ()


class ViewSource(NamedTuple):
    """How far a source that funds the contract is used, over the whole contract and in its currency."""

    source_id: str
    bill_to: str
    used: Amount
    limit: Amount | None = None
    left: Amount | None = None


class ViewOrder(NamedTuple):
    """A purchase order that limits the contract's billing, over the whole contract and in its currency."""

    number: str
    limit: Amount
    used: Amount
    left: Amount
    effective_from: dt.date | None = None


class ViewBalance(NamedTuple):
    """One contract's balances on a project in contract currency."""

    contract_id: str
    currency: str
    accrued: Amount
    held: Amount
    over_cap: Amount
    unbilled: Amount
    billed: Amount
    invoiced: Amount
    written_off: Amount
    paid: Amount
    recognised: Amount
    contract_position: Amount
    receivable: Amount = 0
    bad_debt: Amount = 0
    retention: Amount = 0
    owed_back: Amount = 0
    sources: tuple[ViewSource, ...] = ()
    orders: tuple[ViewOrder, ...] = ()


class ViewForecast(NamedTuple):
    """The latest forecast of a project in project currency."""

    sequence: int
    eac_cost: Amount
    eac_revenue: Amount
    margin: Amount
    percent_complete: Percent | None = None


class ViewException(NamedTuple):
    """An open exception of a project."""

    exception_id: str
    category: str
    owner_role: str
    amount: Amount
    entries: tuple[str, ...] = ()
    currency: str | None = None
    assignee: str | None = None
    blocks_count: int = 1


class ViewUnapplied(NamedTuple):
    """What of a payment is applied to no invoice (1120)."""

    payment_id: str
    customer_id: str
    legal_entity_id: str
    currency: str
    amount: Amount


class ViewPosting(NamedTuple):
    """Journals of one standing in one currency."""

    standing: str
    currency: str
    journal_count: int
    amount: Amount


class ViewRetainer(NamedTuple):
    """What a retainer has left to draw on the day of its view, before the next fee."""

    contract_id: str
    line_id: str
    unit: str
    left: Quantity
    expires: Quantity
    expires_on: dt.date | None = None


class Alert(NamedTuple):
    """A line was crossed, published once a crossing; it is armed again when use falls below."""

    alert_id: str
    kind: str
    subject_kind: str
    subject_id: str
    message: str
    threshold: Percent | None = None
    used_amount: Amount | None = None
    limit_amount: Amount | None = None
    used_hours: Hours | None = None
    limit_hours: Hours | None = None
    currency: str | None = None
    contract_id: str | None = None
    project_id: str | None = None


class BillingStatement(NamedTuple):
    """What a customer is asked to pay for a period; issued lines are pinned.

    More than 2,000 lines travel in parts, each with the whole statement's totals.
    """

    statement_id: str
    revision: int
    contract_id: str
    bill_to: str
    currency: str
    legal_entity_id: str
    period: dt.date
    to: dt.date
    status: str
    lines: tuple[StatementLine, ...]
    total: Amount
    retained: Amount
    released: Amount
    deposits_applied: Amount
    amount_due: Amount
    rounding: str
    line_count: int
    control_total: Amount
    tax: tuple[StatementTax, ...] = ()
    part: int = 1
    parts: int = 1
    tax_region: str | None = None
    undetermined_tax: tuple[UndeterminedTax, ...] = ()
    number: str | None = None
    number_place: StatementNumber | None = None
    replaces_number: str | None = None
    issued_on: dt.date | None = None
    due_on: dt.date | None = None


class CloseCertificate(NamedTuple):
    """What a company's ledger holds in an accounting period as it is closed: every shard says it of its own
    journals, and all of them together are the certificate of the close.
    """

    legal_entity_id: str
    period: str
    version: int
    number: int
    first_day: dt.date
    last_day: dt.date
    ledger_currency: str
    journal_count: int
    marks: str
    requested_by: str
    approved_by: str
    input_chain: str
    output_chain: str
    last_output_seq: int
    currencies: tuple[CertifiedCurrency, ...] = ()
    accounts: tuple[CertifiedAccount, ...] = ()
    ended_to: dt.date | None = None
    open_before: tuple[str, ...] = ()
    reason: str | None = None
    previous: str | None = None
    replaces: int | None = None
    replaced_journals: int | None = None
    reopened_by: str | None = None
    reopen_approved_by: str | None = None
    reopen_reason: str | None = None
    reopened_at: Instant | None = None


class ControlTotals(NamedTuple):
    """What was posted up to a day's end per company and currency, to compare with the ledger; every shard says it
    of every company of the zone, also without journals.
    """

    date: dt.date
    legal_entity_id: str
    currency: str
    journal_count: int
    debits: Amount
    credits: Amount
    output_chain: str
    last_output_seq: int
    currencies: int = 0
    period_ended: str | None = None


class DeadLetter(NamedTuple):
    """A message that could not be read, kept so that a person can look at it; its identity is topic, partition and
    offset of the input.
    """

    topic: str
    partition: int
    offset: int
    size: int
    digest: str
    reason: str
    field_path: str
    generation: str | None = None
    raw: bytes | None = None
    event_type: str | None = None
    source_file: str | None = None
    line: int | None = None


class ExceptionClosed(NamedTuple):
    """An exception is over."""

    exception_id: str
    category: str
    closed_by_kind: str
    closed_by_id: str
    closed_by_version: int
    closed_at: Instant
    reason: str
    project_id: str | None = None
    contract_id: str | None = None


class ExceptionRaised(NamedTuple):
    """Something waits for a person or a missing fact; several causes of one kind on one subject are one exception."""

    exception_id: str
    category: str
    severity: str
    owner_role: str
    subject_kind: str
    subject_id: str
    message: str
    resolution: str
    blocks_amount: Amount
    blocks_count: int
    raised_at: Instant
    revision: int
    blocks_currency: str | None = None
    project_id: str | None = None
    contract_id: str | None = None
    engagement_id: str | None = None
    person_id: str | None = None
    field: str | None = None
    entries: tuple[str, ...] = ()
    blocks_basis: str | None = None
    blocks_hours: Hours | None = None
    assignee: str | None = None


class ForecastUpdate(NamedTuple):
    """How a project stands and where it goes, with the change since the baseline split by cause."""

    project_id: str
    sequence: int
    as_of: dt.date
    project: ForecastFigures
    cause_kind: str
    cause_id: str
    cause_version: int
    ledger: ForecastFigures | None = None
    group: ForecastFigures | None = None
    contract_ids: tuple[str, ...] = ()
    baseline_sequence: int | None = None
    demand: tuple[ForecastDemand, ...] = ()
    percent_complete: Percent | None = None
    caps: tuple[ForecastCap, ...] = ()
    previous: PreviousFigures | None = None
    deltas: tuple[ForecastDelta, ...] = ()


class JournalEntry(NamedTuple):
    """A balanced journal in one legal entity and one transaction currency; the lines sum to zero in transaction and
    in ledger currency. Immutable: a correction is a reversal and a new journal.
    """

    journal_id: str
    kind: str
    legal_entity_id: str
    currency: str
    ledger_currency: str
    exchange_rate: ExchangeRate
    accounting_date: dt.date
    period: str
    rule: str
    affected_kind: str
    affected_id: str
    affected_version: int
    cause_kind: str
    cause_id: str
    cause_version: int
    deliver: bool
    lines: tuple[JournalLine, ...]
    service_date: dt.date | None = None
    reverses: str | None = None
    replaces: str | None = None
    contract_id: str | None = None
    customer_id: str | None = None
    pair_id: str | None = None


class LedgerComparison(NamedTuple):
    """What was posted of a company and period beside what its ERP holds, as delivery compared it last; the newest
    version of a company and period counts.
    """

    legal_entity_id: str
    period: str
    version: int
    erp: str
    sums: tuple[LedgerSum, ...] = ()
    differences: tuple[LedgerDifference, ...] = ()


class ProjectView(NamedTuple):
    """All balances of a project now; the newest version replaces every earlier one."""

    project_id: str
    engagement_id: str
    view_version: int
    burn: ViewBurn
    legal_entity_id: str | None = None
    name: str | None = None
    balances: tuple[ViewBalance, ...] = ()
    open_statements: tuple[str, ...] = ()
    forecast: ViewForecast | None = None
    open_exceptions: tuple[ViewException, ...] = ()
    open_exception_count: int = 0
    unapplied: tuple[ViewUnapplied, ...] = ()
    postings: tuple[ViewPosting, ...] = ()
    retainers: tuple[ViewRetainer, ...] = ()


class SystemUpdate(NamedTuple):
    """What another system must know; the newest version of (target_system, kind, canonical_id) counts."""

    target_system: str
    kind: str
    canonical_id: str
    version: int
    body: str
    project_id: str | None = None
    contract_id: str | None = None


Output: TypeAlias = (
    Alert
    | BillingStatement
    | CloseCertificate
    | ControlTotals
    | DeadLetter
    | ExceptionClosed
    | ExceptionRaised
    | ForecastUpdate
    | JournalEntry
    | LedgerComparison
    | ProjectView
    | SystemUpdate
)

OUTPUTS: Mapping[str, type[Output]] = {
    "Alert": Alert,
    "BillingStatement": BillingStatement,
    "CloseCertificate": CloseCertificate,
    "ControlTotals": ControlTotals,
    "DeadLetter": DeadLetter,
    "ExceptionClosed": ExceptionClosed,
    "ExceptionRaised": ExceptionRaised,
    "ForecastUpdate": ForecastUpdate,
    "JournalEntry": JournalEntry,
    "LedgerComparison": LedgerComparison,
    "ProjectView": ProjectView,
    "SystemUpdate": SystemUpdate,
}

TOPICS: Mapping[str, str] = {
    "Alert": "alerts",
    "BillingStatement": "billing.statements",
    "CloseCertificate": "control.certificates",
    "ControlTotals": "control.totals",
    "DeadLetter": "dead-letters",
    "ExceptionClosed": "exceptions",
    "ExceptionRaised": "exceptions",
    "ForecastUpdate": "forecast.updates",
    "JournalEntry": "erp.postings",
    "LedgerComparison": "control.reconciliations",
    "ProjectView": "project.views",
    "SystemUpdate": "system.updates",
}
