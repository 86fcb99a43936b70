"""What an output is about, in words of the business: so that a violation names a journal and its entry, not a number."""

from __future__ import annotations

from typing import assert_never

from domain import outputs
from domain.ledger.journal import debits
from domain.money import format_amount


def about(record: outputs.Output) -> str:
    match record:
        case outputs.JournalEntry():
            return _journal(record)
        case outputs.BillingStatement():
            return (
                f"statement {record.statement_id} revision {record.revision} of contract {record.contract_id},"
                f" {format_amount(record.amount_due)} {record.currency} due by {record.bill_to}"
            )
        case outputs.ForecastUpdate():
            return f"forecast {record.sequence} of project {record.project_id} as of {record.as_of}"
        case outputs.ProjectView():
            return f"view {record.view_version} of project {record.project_id}, engagement {record.engagement_id}"
        case outputs.ExceptionRaised():
            blocks = (
                f", {format_amount(record.blocks_amount)} {record.blocks_currency}" if record.blocks_currency else ""
            )
            return f"exception {record.category} on {_kind(record.subject_kind)} {record.subject_id}{blocks}"
        case outputs.ExceptionClosed():
            closed_by = f"{_kind(record.closed_by_kind)} {record.closed_by_id}"
            return f"the end of exception {record.category} {record.exception_id}, closed by {closed_by}"
        case outputs.Alert():
            return f"alert {record.kind} on {_kind(record.subject_kind)} {record.subject_id}"
        case outputs.CloseCertificate():
            return f"certificate {record.number} of {record.legal_entity_id}, period {record.period}"
        case outputs.ControlTotals():
            return f"control totals of {record.legal_entity_id} in {record.currency} for {record.date}"
        case outputs.LedgerComparison():
            return f"comparison of {record.legal_entity_id} with {record.erp} for {record.period}"
        case outputs.SystemUpdate():
            return f"update of {record.kind} {record.canonical_id} for {record.target_system}"
        case outputs.DeadLetter():
            return f"dead letter of {record.source_file or record.topic}"
        case _:
            assert_never(record)


def _journal(journal: outputs.JournalEntry) -> str:
    contract = f", contract {journal.contract_id}" if journal.contract_id is not None else ""
    affected = f"{_kind(journal.affected_kind)} {journal.affected_id} version {journal.affected_version}"
    return (
        f"journal {journal.journal_id}, {journal.kind} for {affected}{contract},"
        f" {format_amount(debits(journal.lines))} {journal.currency} on {journal.accounting_date}"
    )


def _kind(kind: str) -> str:
    return kind.replace("_", " ")
