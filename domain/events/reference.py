# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from domain.events.common import (
    BankAccount,
    BillRate,
    Contact,
    Endpoint,
    FiscalCalendar,
    NumberRange,
    Policies,
    PostalAddress,
    RateCardLine,
    RateCardScope,
    TaxRule,
)
from domain.units import ExchangeRate, Hours, Instant, Percent, Rate


class AccountingPeriodClosed(NamedTuple):
    """A company's accounting period is closed: later work takes the next open day."""

    event_id: str
    occurred_at: Instant
    source: str
    legal_entity_id: str
    period: str
    version: int
    requested_by: str
    approved_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    reason: str | None = None


class AccountingPeriodReopened(NamedTuple):
    """A closed accounting period is open again: what is folded later may take its days; nothing moves."""

    event_id: str
    occurred_at: Instant
    source: str
    legal_entity_id: str
    period: str
    version: int
    requested_by: str
    approved_by: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    reason: str | None = None


class CostRateSet(NamedTuple):
    """What an hour of a person or role costs; versions stand beside each other."""

    event_id: str
    occurred_at: Instant
    source: str
    cost_rate_id: str
    version: int
    currency: str
    rate: Rate
    effective_from: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    person_id: str | None = None
    role: str | None = None
    legal_entity_id: str | None = None
    effective_to: dt.date | None = None


class CustomerDefined(NamedTuple):
    """Someone who pays; a higher version replaces it whole."""

    event_id: str
    occurred_at: Instant
    source: str
    customer_id: str
    version: int
    name: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    parent_customer_id: str | None = None
    tax_region: str | None = None
    payment_terms_days: int | None = None
    address: PostalAddress | None = None
    vat_id: str | None = None
    tax_registration: str | None = None
    registration_number: str | None = None
    endpoint: Endpoint | None = None
    contact: Contact | None = None
    buyer_reference: str | None = None


class DayEnded(NamedTuple):
    """A local day is over, written by the clock; deadlines are reached by this alone."""

    event_id: str
    occurred_at: Instant
    source: str
    zone: str
    date: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class ExchangeRateSet(NamedTuple):
    """An exchange rate of a day; a correction leaves what is posted as it is."""

    event_id: str
    occurred_at: Instant
    source: str
    rate_type: str
    from_currency: str
    to_currency: str
    date: dt.date
    rate: ExchangeRate
    version: int
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class IdentityLinked(NamedTuple):
    """A source's id for something, and the canonical id that Milepost uses; `source` names the system whose id it
    is.
    """

    event_id: str
    occurred_at: Instant
    source: str
    kind: str
    canonical_id: str
    source_id: str
    version: int
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class LegalEntityDefined(NamedTuple):
    """A company of the group with its ledger currency, zone, calendar and choices; a higher version replaces it
    whole.
    """

    event_id: str
    occurred_at: Instant
    source: str
    legal_entity_id: str
    version: int
    name: str
    currency: str
    zone: str
    fiscal_calendar: FiscalCalendar
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    tax_region: str | None = None
    policies: Policies | None = None
    address: PostalAddress | None = None
    vat_id: str | None = None
    tax_registration: str | None = None
    registration_number: str | None = None
    endpoint: Endpoint | None = None
    contact: Contact | None = None
    bank: BankAccount | None = None
    legal_note: str | None = None
    number_ranges: tuple[NumberRange, ...] = ()


class PersonCapacitySet(NamedTuple):
    """How much a person can work in a month."""

    event_id: str
    occurred_at: Instant
    source: str
    person_id: str
    version: int
    month: str
    hours: Hours
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    time_off: Hours = 0


class PersonDefined(NamedTuple):
    """Someone who works; versions with different `effective_from` stand beside each other."""

    event_id: str
    occurred_at: Instant
    source: str
    person_id: str
    version: int
    legal_entity_id: str
    role: str
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    effective_from: dt.date | None = None
    name: str | None = None
    practice: str | None = None
    region: str | None = None
    cost_center: str | None = None
    bill_rate: BillRate | None = None


class RateCardPublished(NamedTuple):
    """Bill rates for a customer, a part of the firm, a project or everyone; versions stand beside each other."""

    event_id: str
    occurred_at: Instant
    source: str
    rate_card_id: str
    version: int
    scope: RateCardScope
    currency: str
    effective_from: dt.date
    lines: tuple[RateCardLine, ...]
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    effective_to: dt.date | None = None


class RulesActivated(NamedTuple):
    """A version of a rule holds from this place of the log on."""

    event_id: str
    occurred_at: Instant
    source: str
    rule: str
    version: int
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class TaxPolicyDefined(NamedTuple):
    """Tax rules of a region, shown on statements for the ERP to check."""

    event_id: str
    occurred_at: Instant
    source: str
    tax_region: str
    version: int
    rules: tuple[TaxRule, ...]
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None


class TransferPriceSet(NamedTuple):
    """What one company of the group charges another for an hour of its people: a rate, a markup on cost, or a part
    of the bill rate; policy `intercompany_transfer` says which counts.
    """

    event_id: str
    occurred_at: Instant
    source: str
    transfer_price_id: str
    version: int
    lending_entity_id: str
    borrowing_entity_id: str
    currency: str
    effective_from: dt.date
    recorded_at: Instant | None = None
    engagement_id: str | None = None
    project_id: str | None = None
    correlation_id: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    role: str | None = None
    rate: Rate | None = None
    markup: Percent | None = None
    bill_percent: Percent | None = None
