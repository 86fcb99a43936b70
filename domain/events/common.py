# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.

from __future__ import annotations

import datetime as dt
from typing import NamedTuple, TypeAlias

from domain.units import Amount, Hours, Percent, Quantity, Rate


class CapForward(NamedTuple):
    """What of a cap is used on the day the books begin, beside what the line's own cap has."""

    cap_id: str
    amount: Amount = 0
    hours: Hours = 0
    month: dt.date | None = None
    source_row: str | None = None


class MilestoneForward(NamedTuple):
    """A milestone that was accepted before the books begin."""

    milestone_id: str
    accepted_on: dt.date
    source_row: str | None = None


class RetainerForward(NamedTuple):
    """What is left of one retainer period's quantity on the day the books begin."""

    starts_on: dt.date
    left: Quantity
    expires_on: dt.date | None = None
    source_row: str | None = None
    expired: Quantity = 0


class PayerForward(NamedTuple):
    """One bill-to's part of a line's balances, where the contract has several."""

    customer_id: str
    billed: Amount = 0
    paid: Amount = 0
    tax: Amount = 0
    retention: Amount = 0
    written_off: Amount = 0
    deposit: Amount = 0
    source_row: str | None = None
    unbilled: Amount | None = None


class FundingForward(NamedTuple):
    """What of a funding source is used on the day the books begin."""

    source_id: str
    used: Amount
    source_row: str | None = None


class LedgerForward(NamedTuple):
    """A line's balances in the ledger currency of the contract's entity, where that is not the contract's."""

    revenue: Amount = 0
    unbilled: Amount = 0
    tax: Amount = 0
    paid: Amount = 0
    written_off: Amount = 0
    retention: Amount = 0
    deposit: Amount = 0


class SpentForward(NamedTuple):
    """What was spent of one budget of a line by the day the books begin."""

    category: str
    spent: Amount
    source_row: str | None = None


class CostForward(NamedTuple):
    """What of a line's cost was spent in another currency than the ledger's, or on work that is not billable, by
    the day the books begin.
    """

    currency: str
    cost: Amount = 0
    ledger_cost: Amount = 0
    expenses: Amount = 0
    ledger_expenses: Amount = 0
    source_row: str | None = None
    hours: Hours = 0
    billable: bool = True


class AccountForward(NamedTuple):
    """What the ledger carries on an account for a line on the day the books begin, where the contract is in another
    currency.
    """

    account: str
    ledger_amount: Amount
    source_row: str | None = None
    part: str | None = None


class InvoicedForward(NamedTuple):
    """What an open invoice bills of a contract line, or of one of its entries, when the books begin."""

    invoice_id: str
    amount: Amount
    ledger_revenue: Amount | None = None
    source_row: str | None = None
    entry_id: str | None = None
    hours: Hours = 0


class EntryForward(NamedTuple):
    """One entry of work that was not billed in full when the books begin.

    Statements list entries in the order in which they stand here.
    """

    entry_id: str
    worked_on: dt.date
    amount: Amount
    hours: Hours = 0
    source_row: str | None = None
    over_cap: Amount = 0
    over_cap_hours: Hours = 0
    person_id: str | None = None
    task: str | None = None
    role: str | None = None
    rate: Rate | None = None
    markup_percent: Percent | None = None
    category: str | None = None


class BalanceForward(NamedTuple):
    """One contract line's balances on the day the books begin."""

    line_id: str
    contract_id: str | None = None
    hours: Hours = 0
    cost: Amount = 0
    revenue: Amount = 0
    billed: Amount = 0
    paid: Amount = 0
    cap_used: Amount = 0
    retention: Amount = 0
    deposit: Amount = 0
    provision: Amount = 0
    billable_hours: Hours | None = None
    expenses: Amount = 0
    over_cap: Amount = 0
    tax: Amount = 0
    written_off: Amount = 0
    units: Quantity | None = None
    percent: Percent | None = None
    caps: tuple[CapForward, ...] = ()
    milestones: tuple[MilestoneForward, ...] = ()
    retainer: tuple[RetainerForward, ...] = ()
    payers: tuple[PayerForward, ...] = ()
    funding: tuple[FundingForward, ...] = ()
    ledger: LedgerForward | None = None
    source_row: str | None = None
    spent: tuple[SpentForward, ...] = ()
    reimbursed: Amount = 0
    unbilled_ended: Amount = 0
    costs: tuple[CostForward, ...] = ()
    accounts: tuple[AccountForward, ...] = ()
    conceded: Amount = 0
    given_back: Amount = 0
    unbilled: Amount = 0
    invoiced: tuple[InvoicedForward, ...] = ()
    entries: tuple[EntryForward, ...] = ()
    rebates_given: Amount = 0


class ReceivableForward(NamedTuple):
    """An invoice that is not paid in full, or of which something is retained, when the books begin."""

    invoice_id: str
    invoiced_on: dt.date
    net: Amount
    open: Amount
    tax: Amount = 0
    contract_id: str | None = None
    bill_to: str | None = None
    due_on: dt.date | None = None
    ledger_open: Amount | None = None
    source_row: str | None = None
    retention: Amount = 0
    ledger_retention: Amount | None = None


class HoldScope(NamedTuple):
    """What a billing hold covers."""

    kind: str
    id: str


class BillTo(NamedTuple):
    """One party that a contract is billed to."""

    customer_id: str
    share: Percent
    rounding_party: bool = False


class BillingCycle(NamedTuple):
    """When statements of a contract are cut; periods are half-open and named by their first day."""

    kind: str
    n: int | None = None
    anchor: dt.date | None = None
    week_starts_on: str | None = None
    cut_off_day: int | None = None


class PurchaseOrder(NamedTuple):
    """The customer's order that covers a contract; billing over its limit is `over_purchase_order`."""

    number: str
    limit: Amount | None = None


class SharedCap(NamedTuple):
    """A cap that binds several lines of a contract together; see `Cap`."""

    cap_id: str
    lines: tuple[str, ...]
    kind: str
    amount: Amount | None = None
    hours: Hours | None = None
    period: str = "whole_term"
    split: str | None = None
    includes: tuple[str, ...] | None = None
    limits_revenue: bool | None = None
    thresholds: tuple[Percent, ...] | None = None


class RetentionStep(NamedTuple):
    """What is withheld and released from a stage of completion on."""

    at_percent: Percent
    withhold_percent: Percent
    release_percent: Percent


class Retention(NamedTuple):
    """Part of each bill that the customer keeps until later."""

    steps: tuple[RetentionStep, ...]
    release_on: dt.date | None = None


class FundingSource(NamedTuple):
    """A purse that pays part of a contract."""

    source_id: str
    bill_to: str
    limit: Amount | None = None


class FundingShare(NamedTuple):
    """A source's part within one funding rule."""

    source_id: str
    percent: Percent


class FundingRule(NamedTuple):
    """Sources that pay together; when one is exhausted the rest of the transaction goes to the next rule."""

    priority: int
    shares: tuple[FundingShare, ...]


class Funding(NamedTuple):
    """Who pays a contract in which order; used instead of bill-to shares."""

    sources: tuple[FundingSource, ...]
    rules: tuple[FundingRule, ...]


class ForecastThreshold(NamedTuple):
    """The smallest change of EAC that is worth a forecast update; where both are stated either one is enough."""

    amount: Amount | None = None
    percent: Percent | None = None


class Policies(NamedTuple):
    """Choices where vendors differ.

    Precedence: line over contract over legal entity over the built-in default; at each level a single value over
    its preset. Null = not stated at this level.
    """

    preset: str | None = None
    rate_precedence: tuple[str, ...] | None = None
    rate_date: str | None = None
    no_rate: str | None = None
    increment_minutes: int | None = None
    increment_mode: str | None = None
    increment_scope: str | None = None
    minimum_minutes: int | None = None
    money_mode: str | None = None
    rounding_scope: str | None = None
    residual_party: str | None = None
    cap_split: str | None = None
    cap_includes: tuple[str, ...] | None = None
    cap_order: str | None = None
    cap_limits_revenue: bool | None = None
    overflow: str | None = None
    cap_thresholds: tuple[Percent, ...] | None = None
    billing_zone: str | None = None
    billing_cycle: BillingCycle | None = None
    cut_off_day: int | None = None
    grace_days: int | None = None
    late_line: str | None = None
    hold_scope: str | None = None
    revenue_method: str | None = None
    poc_precision: int | None = None
    poc_exclusions: tuple[str, ...] | None = None
    forecast_denominator: str | None = None
    unbilled_account: str | None = None
    concession_returns_cap_room: bool | None = None
    rounding_limit: Amount | None = None
    group_currency: str | None = None
    ar_journal: str | None = None
    cash_journal: str | None = None
    fx_date: str | None = None
    statement_approval: str | None = None
    approval_limit: Amount | None = None
    hours_max_per_entry: Hours | None = None
    cost_policy: str | None = None
    fx_policy: str | None = None
    exchange_rate_type: str | None = None
    cap_split_billing: str | None = None
    hours_decimals: int | None = None
    quantity_decimals: int | None = None
    fx_revaluation: str | None = None
    unbilled_is_monetary: bool | None = None
    rate_staleness_days: int | None = None
    closed_period: str | None = None
    tax_point: str | None = None
    expenses_revenue: str | None = None
    intercompany_transfer: str | None = None
    dimensions_from: tuple[str, ...] | None = None
    forecast_threshold: ForecastThreshold | None = None
    loss_provision: str | None = None


class LineRate(NamedTuple):
    """A bill rate agreed for one contract line; every criterion stated must match, none stated = the blanket rate."""

    rate: Rate
    task: str | None = None
    person_id: str | None = None
    role: str | None = None
    overtime_markup: Percent | None = None
    effective_from: dt.date | None = None


class Cap(NamedTuple):
    """The most a customer pays for a line; value counts net of tax, after rounding and markup, in contract currency.

    Every cap that applies binds.
    """

    kind: str
    amount: Amount | None = None
    hours: Hours | None = None
    period: str = "whole_term"
    split: str | None = None
    includes: tuple[str, ...] | None = None
    limits_revenue: bool | None = None
    thresholds: tuple[Percent, ...] | None = None


class TimeAndMaterials(NamedTuple):
    """Time at agreed rates, up to a cap where there is one."""

    rate_card_id: str | None = None
    rates: tuple[LineRate, ...] = ()
    cap: Cap | None = None


class ScheduledAmount(NamedTuple):
    """One instalment of a fixed price."""

    on: dt.date
    amount: Amount


class FixedPrice(NamedTuple):
    """One price, billed by a schedule or by progress."""

    price: Amount
    schedule: tuple[ScheduledAmount, ...] = ()
    by_progress: bool = False


class Milestone(NamedTuple):
    """A deliverable with a price, billable once it is accepted."""

    milestone_id: str
    name: str
    amount: Amount
    due_on: dt.date
    included_hours: Hours | None = None


class Milestones(NamedTuple):
    """Prices that fall due as deliverables are accepted."""

    milestones: tuple[Milestone, ...]
    overage_rate: Rate | None = None


class TopUp(NamedTuple):
    """When a retainer is filled up again."""

    below: Quantity
    amount: Amount


class Retainer(NamedTuple):
    """A fee for a quantity of work or money that is drawn down; used first in, first out by expiry."""

    fee: Amount
    unit: str
    quantity: Quantity
    per: str = "month"
    in_advance: bool = False
    rollover: Quantity = 0
    expiry: int | None = None
    breakage: str = "on_expiry"
    overage_rate: Rate | None = None
    top_up: TopUp | None = None
    refundable: bool = False


class Subscription(NamedTuple):
    """A fee for a period, whatever work is done."""

    fee: Amount
    per: str = "month"
    in_advance: bool = False
    proration: str = "by_day"
    minimum: Amount | None = None
    refund_on_termination: bool = False


class CostPlus(NamedTuple):
    """Cost plus a fee."""

    fee_percent: Percent
    cap: Cap | None = None


class PriceTier(NamedTuple):
    """One step of a tiered price."""

    unit_price: Rate
    up_to: Quantity | None = None


class UnitPrice(NamedTuple):
    """A price for each delivered unit."""

    unit: str
    units: Quantity | None = None
    unit_price: Rate | None = None
    tiers: tuple[PriceTier, ...] = ()
    tier_mode: str = "graduated"
    tier_period: str = "billing_period"
    cap: Cap | None = None


class ExpenseLimit(NamedTuple):
    """The most that is billable in one expense category over the whole term."""

    category: str
    amount: Amount


class PerDiem(NamedTuple):
    """A fixed price for a day in place of cost."""

    category: str
    unit_price: Rate


class MileageRate(NamedTuple):
    """Fixed prices for distance in place of cost."""

    category: str
    tiers: tuple[PriceTier, ...]


class Expenses(NamedTuple):
    """Expenses passed on at cost with a markup, or at fixed prices."""

    markup: Percent = 0
    limits: tuple[ExpenseLimit, ...] = ()
    per_diems: tuple[PerDiem, ...] = ()
    mileage: tuple[MileageRate, ...] = ()
    cap: Cap | None = None


class Deposit(NamedTuple):
    """An advance payment, set against later statements."""

    amount: Amount
    due_on: dt.date
    refundable: bool = False
    applied: str = "oldest"
    percent: Percent | None = None


class CategoryBudget(NamedTuple):
    """Budget of one cost category of a line, for progress by category."""

    category: str
    revenue: Amount
    cost: Amount


class ConsiderationOutcome(NamedTuple):
    """One possible outcome of a variable consideration."""

    probability: Percent
    amount: Amount


class VariableConsideration(NamedTuple):
    """Part of the price that depends on what happens later."""

    item_id: str
    kind: str
    method: str
    included: bool
    amount: Amount | None = None
    outcomes: tuple[ConsiderationOutcome, ...] = ()
    expected_unit_price: Rate | None = None
    of_line_alone: bool = False


Terms: TypeAlias = (
    TimeAndMaterials | FixedPrice | Milestones | Retainer | Subscription | CostPlus | UnitPrice | Expenses | Deposit
)


class ContractLine(NamedTuple):
    """One line of a contract: work on one project, priced one way."""

    line_id: str
    project_id: str
    terms: Terms
    takes: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    revenue_policy: str | None = None
    performance_obligation: str | None = None
    standalone_price: Amount | None = None
    revenue_budget: Amount | None = None
    cost_budget: Amount | None = None
    budgets: tuple[CategoryBudget, ...] = ()
    variable_consideration: tuple[VariableConsideration, ...] = ()
    tax_category: str = "services"
    policies: Policies | None = None
    standalone_residual: bool = False
    price_includes: tuple[str, ...] = ()


class CreditMemoLine(NamedTuple):
    """What a credit memo takes back: an entry or a whole line, by hours or by amount."""

    entry_id: str | None = None
    line_id: str | None = None
    hours: Hours | None = None
    amount: Amount | None = None


class PostalAddress(NamedTuple):
    """Where a company or a customer is, as it stands on statements."""

    street: tuple[str, ...] = ()
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


class Endpoint(NamedTuple):
    """Address in a network of e-invoices."""

    scheme: str
    id: str


class Contact(NamedTuple):
    """Whom to ask about statements."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None


class RemainingWork(NamedTuple):
    """What remains of a project in one month."""

    month: str
    hours: Hours
    cost: Amount
    revenue: Amount | None = None
    category: str | None = None


class StatementReference(NamedTuple):
    """A statement named by its parts, for systems that do not keep our id."""

    contract_id: str
    period: dt.date
    sequence: int
    bill_to: str | None = None


class LedgerSum(NamedTuple):
    """One account and currency on both sides of a reconciliation."""

    account: str
    currency: str
    ours_count: int
    ours_debits: Amount
    ours_credits: Amount
    ours_digest: str
    theirs_count: int
    theirs_debits: Amount
    theirs_credits: Amount
    theirs_digest: str


class LedgerDifference(NamedTuple):
    """One difference between what was posted and what the other side holds."""

    key: str
    cause: str
    message: str
    amount: Amount
    currency: str
    account: str | None = None
    journals: tuple[str, ...] = ()


class FiscalCalendar(NamedTuple):
    """How a legal entity cuts its fiscal years into accounting periods."""

    kind: str
    year_starts_on: str = "01-01"
    extra_week: tuple[int, ...] = ()


class BankAccount(NamedTuple):
    """Account to which statements are paid."""

    account: str
    bic: str | None = None
    bank_name: str | None = None
    holder: str | None = None


class NumberRange(NamedTuple):
    """Numbers of a company's statements, given without gaps when they are issued."""

    range_id: str
    format: str
    takes: str = "statement"
    first_number: int = 1
    restarts: str = "never"


class PaymentApplication(NamedTuple):
    """Part of a payment that settles one invoice."""

    invoice_id: str
    amount: Amount


class BillRate(NamedTuple):
    """A bill rate in its own currency."""

    amount: Rate
    currency: str


class ProjectBudget(NamedTuple):
    """What a project may take."""

    hours: Hours | None = None
    cost: Amount | None = None
    revenue: Amount | None = None
    currency: str | None = None


class RateCardScope(NamedTuple):
    """Whose work a rate card prices."""

    kind: str
    id: str | None = None


class RateCardLine(NamedTuple):
    """One price of a rate card; every criterion stated must match, none stated = the blanket rate."""

    rate: Rate
    role: str | None = None
    person_id: str | None = None
    task: str | None = None
    overtime_markup: Percent | None = None


class PlannedHours(NamedTuple):
    """Hours planned for one month."""

    month: str
    hours: Hours


class TaxRule(NamedTuple):
    """How one category of a statement's lines is taxed in a region."""

    category: str
    percent: Percent
    kind: str
    effective_from: dt.date | None = None
    reason: str | None = None
