"""What an output is about, in words of the business: so that a violation names a journal and its entry, not a number."""

from __future__ import annotations

from typing import assert_never

from domain.ledger.journal import debits
from domain.money import format_amount
from domain.outputs import (
    Alert,
    BillingStatement,
    CloseCertificate,
    ControlTotals,
    DeadLetter,
    ExceptionClosed,
    ExceptionRaised,
    ForecastUpdate,
    JournalEntry,
    LedgerComparison,
    Output,
    ProjectView,
    SystemUpdate,
)


def about(record: Output) -> str:
    match record:
        case JournalEntry():
            return _journal(record)
        case BillingStatement():
            return (
                f"statement {record.statement_id} revision {record.revision} of contract {record.contract_id},"
                f" {format_amount(record.amount_due)} {record.currency} due by {record.bill_to}"
            )
        case ForecastUpdate():
            return f"forecast {record.sequence} of project {record.project_id} as of {record.as_of}"
        case ProjectView():
            return f"view {record.view_version} of project {record.project_id}, engagement {record.engagement_id}"
        case ExceptionRaised():
            blocks = (
                f", {format_amount(record.blocks_amount)} {record.blocks_currency}" if record.blocks_currency else ""
            )
            return f"exception {record.category} on {_kind(record.subject_kind)} {record.subject_id}{blocks}"
        case ExceptionClosed():
            closed_by = f"{_kind(record.closed_by_kind)} {record.closed_by_id}"
            return f"the end of exception {record.category} {record.exception_id}, closed by {closed_by}"
        case Alert():
            return f"alert {record.kind} on {_kind(record.subject_kind)} {record.subject_id}"
        case CloseCertificate():
            return f"certificate {record.number} of {record.legal_entity_id}, period {record.period}"
        case ControlTotals():
            return f"control totals of {record.legal_entity_id} in {record.currency} for {record.date}"
        case LedgerComparison():
            return f"comparison of {record.legal_entity_id} with {record.erp} for {record.period}"
        case SystemUpdate():
            return f"update of {record.kind} {record.canonical_id} for {record.target_system}"
        case DeadLetter():
            return f"dead letter of {record.source_file or record.topic}"
        case _:
            assert_never(record)


def _journal(journal: JournalEntry) -> str:
    contract = f", contract {journal.contract_id}" if journal.contract_id is not None else ""
    affected = f"{_kind(journal.affected_kind)} {journal.affected_id} version {journal.affected_version}"
    return (
        f"journal {journal.journal_id}, {journal.kind} for {affected}{contract},"
        f" {format_amount(debits(journal.lines))} {journal.currency} on {journal.accounting_date}"
    )


def _kind(kind: str) -> str:
    return kind.replace("_", " ")
