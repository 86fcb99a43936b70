# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from domain.events.commercial import (
    BalancesBroughtForward,
    ContractAmended,
    ContractSigned,
    ContractTerminated,
    VariableConsiderationRevised,
)
from domain.events.control import (
    ExceptionAssigned,
    ExceptionResolved,
    ExceptionWaived,
    IntakeNoticed,
    StatementApproved,
    StatementReturned,
)
from domain.events.delivery import (
    BillingHoldPlaced,
    BillingHoldReleased,
    EstimateRevised,
    ExpenseApproved,
    ExpenseWithdrawn,
    MilestoneAccepted,
    MilestoneRevoked,
    ProgressReported,
    ProjectActivated,
    ProjectClosed,
    ResourceAssigned,
    StatementRequested,
    TimeApproved,
    TimeWithdrawn,
    UnitsDelivered,
)
from domain.events.finance import (
    ControlTotal,
    CreditMemoIssued,
    InvoicePosted,
    InvoiceRejected,
    LedgerReconciled,
    PaymentApplied,
    PaymentReceived,
    PaymentReversed,
    PostingAccepted,
    PostingRejected,
    RevenueAdjusted,
    WrittenOff,
)
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CostRateSet,
    CustomerDefined,
    DayEnded,
    ExchangeRateSet,
    IdentityLinked,
    LegalEntityDefined,
    PersonCapacitySet,
    PersonDefined,
    RateCardPublished,
    RulesActivated,
    TaxPolicyDefined,
    TransferPriceSet,
)


class Entity(NamedTuple):
    """What a fact is about: identity is (kind, id, version); several id fields together make one id.

    Without a version field the fact happens once.
    """

    kind: str
    id_fields: tuple[str, ...]
    version_field: str | None


Event: TypeAlias = (
    AccountingPeriodClosed
    | AccountingPeriodReopened
    | BalancesBroughtForward
    | BillingHoldPlaced
    | BillingHoldReleased
    | ContractAmended
    | ContractSigned
    | ContractTerminated
    | ControlTotal
    | CostRateSet
    | CreditMemoIssued
    | CustomerDefined
    | DayEnded
    | EstimateRevised
    | ExceptionAssigned
    | ExceptionResolved
    | ExceptionWaived
    | ExchangeRateSet
    | ExpenseApproved
    | ExpenseWithdrawn
    | IdentityLinked
    | IntakeNoticed
    | InvoicePosted
    | InvoiceRejected
    | LedgerReconciled
    | LegalEntityDefined
    | MilestoneAccepted
    | MilestoneRevoked
    | PaymentApplied
    | PaymentReceived
    | PaymentReversed
    | PersonCapacitySet
    | PersonDefined
    | PostingAccepted
    | PostingRejected
    | ProgressReported
    | ProjectActivated
    | ProjectClosed
    | RateCardPublished
    | ResourceAssigned
    | RevenueAdjusted
    | RulesActivated
    | StatementApproved
    | StatementRequested
    | StatementReturned
    | TaxPolicyDefined
    | TimeApproved
    | TimeWithdrawn
    | TransferPriceSet
    | UnitsDelivered
    | VariableConsiderationRevised
    | WrittenOff
)

EVENTS: Mapping[str, type[Event]] = {
    "AccountingPeriodClosed": AccountingPeriodClosed,
    "AccountingPeriodReopened": AccountingPeriodReopened,
    "BalancesBroughtForward": BalancesBroughtForward,
    "BillingHoldPlaced": BillingHoldPlaced,
    "BillingHoldReleased": BillingHoldReleased,
    "ContractAmended": ContractAmended,
    "ContractSigned": ContractSigned,
    "ContractTerminated": ContractTerminated,
    "ControlTotal": ControlTotal,
    "CostRateSet": CostRateSet,
    "CreditMemoIssued": CreditMemoIssued,
    "CustomerDefined": CustomerDefined,
    "DayEnded": DayEnded,
    "EstimateRevised": EstimateRevised,
    "ExceptionAssigned": ExceptionAssigned,
    "ExceptionResolved": ExceptionResolved,
    "ExceptionWaived": ExceptionWaived,
    "ExchangeRateSet": ExchangeRateSet,
    "ExpenseApproved": ExpenseApproved,
    "ExpenseWithdrawn": ExpenseWithdrawn,
    "IdentityLinked": IdentityLinked,
    "IntakeNoticed": IntakeNoticed,
    "InvoicePosted": InvoicePosted,
    "InvoiceRejected": InvoiceRejected,
    "LedgerReconciled": LedgerReconciled,
    "LegalEntityDefined": LegalEntityDefined,
    "MilestoneAccepted": MilestoneAccepted,
    "MilestoneRevoked": MilestoneRevoked,
    "PaymentApplied": PaymentApplied,
    "PaymentReceived": PaymentReceived,
    "PaymentReversed": PaymentReversed,
    "PersonCapacitySet": PersonCapacitySet,
    "PersonDefined": PersonDefined,
    "PostingAccepted": PostingAccepted,
    "PostingRejected": PostingRejected,
    "ProgressReported": ProgressReported,
    "ProjectActivated": ProjectActivated,
    "ProjectClosed": ProjectClosed,
    "RateCardPublished": RateCardPublished,
    "ResourceAssigned": ResourceAssigned,
    "RevenueAdjusted": RevenueAdjusted,
    "RulesActivated": RulesActivated,
    "StatementApproved": StatementApproved,
    "StatementRequested": StatementRequested,
    "StatementReturned": StatementReturned,
    "TaxPolicyDefined": TaxPolicyDefined,
    "TimeApproved": TimeApproved,
    "TimeWithdrawn": TimeWithdrawn,
    "TransferPriceSet": TransferPriceSet,
    "UnitsDelivered": UnitsDelivered,
    "VariableConsiderationRevised": VariableConsiderationRevised,
    "WrittenOff": WrittenOff,
}

ENTITIES: Mapping[str, Entity] = {
    "AccountingPeriodClosed": Entity("accounting_period", ("legal_entity_id", "period"), "version"),
    "AccountingPeriodReopened": Entity("accounting_period", ("legal_entity_id", "period"), "version"),
    "BalancesBroughtForward": Entity("brought_forward", ("project_id",), "version"),
    "BillingHoldPlaced": Entity("billing_hold", ("hold_id",), "version"),
    "BillingHoldReleased": Entity("billing_hold", ("hold_id",), "version"),
    "ContractAmended": Entity("contract", ("contract_id",), "version"),
    "ContractSigned": Entity("contract", ("contract_id",), "version"),
    "ContractTerminated": Entity("contract", ("contract_id",), "version"),
    "ControlTotal": Entity(
        "control_total", ("source", "kind", "legal_entity_id", "project_id", "period"), "occurred_at"
    ),
    "CostRateSet": Entity("cost_rate", ("cost_rate_id",), "version"),
    "CreditMemoIssued": Entity("credit_memo", ("credit_memo_id",), None),
    "CustomerDefined": Entity("customer", ("customer_id",), "version"),
    "DayEnded": Entity("day", ("zone", "date"), None),
    "EstimateRevised": Entity("estimate", ("project_id", "line_id"), "version"),
    "ExceptionAssigned": Entity("exception", ("exception_id",), "version"),
    "ExceptionResolved": Entity("exception", ("exception_id",), "version"),
    "ExceptionWaived": Entity("exception", ("exception_id",), "version"),
    "ExchangeRateSet": Entity("exchange_rate", ("rate_type", "from_currency", "to_currency", "date"), "version"),
    "ExpenseApproved": Entity("expense", ("expense_id",), "version"),
    "ExpenseWithdrawn": Entity("expense", ("expense_id",), "version"),
    "IdentityLinked": Entity("identity_link", ("kind", "source", "source_id"), "version"),
    "IntakeNoticed": Entity("intake_notice", ("category", "subject", "place", "cleared"), None),
    "InvoicePosted": Entity("invoice", ("invoice_id",), None),
    "InvoiceRejected": Entity("invoice_rejection", ("statement_id", "statement"), "occurred_at"),
    "LedgerReconciled": Entity("reconciliation", ("legal_entity_id", "period"), "version"),
    "LegalEntityDefined": Entity("legal_entity", ("legal_entity_id",), "version"),
    "MilestoneAccepted": Entity("milestone", ("milestone_id",), "version"),
    "MilestoneRevoked": Entity("milestone", ("milestone_id",), "version"),
    "PaymentApplied": Entity("payment_application", ("application_id",), None),
    "PaymentReceived": Entity("payment", ("payment_id",), None),
    "PaymentReversed": Entity("payment_reversal", ("payment_id",), None),
    "PersonCapacitySet": Entity("person_capacity", ("person_id", "month"), "version"),
    "PersonDefined": Entity("person", ("person_id",), "version"),
    "PostingAccepted": Entity("posting", ("erp", "journal_id", "batch_id"), "attempt"),
    "PostingRejected": Entity("posting", ("erp", "journal_id", "batch_id"), "attempt"),
    "ProgressReported": Entity("progress", ("contract_id", "line_id"), "version"),
    "ProjectActivated": Entity("project", ("project_id",), "version"),
    "ProjectClosed": Entity("project", ("project_id",), "version"),
    "RateCardPublished": Entity("rate_card", ("rate_card_id",), "version"),
    "ResourceAssigned": Entity("assignment", ("assignment_id",), "version"),
    "RevenueAdjusted": Entity("revenue_adjustment", ("adjustment_id",), None),
    "RulesActivated": Entity("rules", ("rule",), "version"),
    "StatementApproved": Entity("statement_decision", ("statement_id",), "revision"),
    "StatementRequested": Entity("statement_request", ("request_id",), None),
    "StatementReturned": Entity("statement_decision", ("statement_id",), "revision"),
    "TaxPolicyDefined": Entity("tax_policy", ("tax_region",), "version"),
    "TimeApproved": Entity("time_entry", ("entry_id",), "version"),
    "TimeWithdrawn": Entity("time_entry", ("entry_id",), "version"),
    "TransferPriceSet": Entity("transfer_price", ("transfer_price_id",), "version"),
    "UnitsDelivered": Entity("delivery", ("delivery_id",), "version"),
    "VariableConsiderationRevised": Entity("variable_consideration", ("contract_id", "line_id", "item_id"), "version"),
    "WrittenOff": Entity("write_off", ("write_off_id",), None),
}

TOPICS: Mapping[str, str] = {
    "AccountingPeriodClosed": "finance.reference",
    "AccountingPeriodReopened": "finance.reference",
    "BalancesBroughtForward": "crm.contracts",
    "BillingHoldPlaced": "psa.projects",
    "BillingHoldReleased": "psa.projects",
    "ContractAmended": "crm.contracts",
    "ContractSigned": "crm.contracts",
    "ContractTerminated": "crm.contracts",
    "ControlTotal": "finance.invoices",
    "CostRateSet": "finance.reference",
    "CreditMemoIssued": "finance.invoices",
    "CustomerDefined": "finance.reference",
    "DayEnded": "engagement.log",
    "EstimateRevised": "psa.estimates",
    "ExceptionAssigned": "control.decisions",
    "ExceptionResolved": "control.decisions",
    "ExceptionWaived": "control.decisions",
    "ExchangeRateSet": "finance.reference",
    "ExpenseApproved": "psa.expenses",
    "ExpenseWithdrawn": "psa.expenses",
    "IdentityLinked": "finance.reference",
    "IntakeNoticed": "engagement.log",
    "InvoicePosted": "finance.invoices",
    "InvoiceRejected": "finance.invoices",
    "LedgerReconciled": "erp.results",
    "LegalEntityDefined": "finance.reference",
    "MilestoneAccepted": "psa.milestones",
    "MilestoneRevoked": "psa.milestones",
    "PaymentApplied": "finance.invoices",
    "PaymentReceived": "finance.invoices",
    "PaymentReversed": "finance.invoices",
    "PersonCapacitySet": "hr.people",
    "PersonDefined": "hr.people",
    "PostingAccepted": "erp.results",
    "PostingRejected": "erp.results",
    "ProgressReported": "psa.milestones",
    "ProjectActivated": "psa.projects",
    "ProjectClosed": "psa.projects",
    "RateCardPublished": "finance.reference",
    "ResourceAssigned": "psa.projects",
    "RevenueAdjusted": "control.decisions",
    "RulesActivated": "finance.reference",
    "StatementApproved": "control.decisions",
    "StatementRequested": "psa.projects",
    "StatementReturned": "control.decisions",
    "TaxPolicyDefined": "finance.reference",
    "TimeApproved": "psa.time",
    "TimeWithdrawn": "psa.time",
    "TransferPriceSet": "finance.reference",
    "UnitsDelivered": "psa.milestones",
    "VariableConsiderationRevised": "crm.contracts",
    "WrittenOff": "control.decisions",
}
