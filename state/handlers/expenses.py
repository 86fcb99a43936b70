"""Approved expenses and their withdrawal (`state/rerating/versions.py` has what becomes of any work)."""

from domain.events.delivery import ExpenseApproved, ExpenseWithdrawn
from domain.identity import content_digest
from domain.work.rows import EXPENSE, row_id
from state.books import Charge, Work
from state.draft import Draft
from state.facts import TRACE
from state.rerating.versions import take, withdraw


def on_expense_approved(draft: Draft, event: ExpenseApproved) -> None:
    """A version for a project of another engagement, which intake notices, counts for nothing here."""
    if draft.own == ():
        withdraw(draft, row_id(EXPENSE, event.expense_id), event.version)
        return
    take(draft, row_id(EXPENSE, event.expense_id), Work(None, draft.cause.log_offset, charge=_charge(event)))


def on_expense_withdrawn(draft: Draft, event: ExpenseWithdrawn) -> None:
    withdraw(draft, row_id(EXPENSE, event.expense_id), event.version)


def _charge(event: ExpenseApproved) -> Charge:
    return Charge(
        EXPENSE,
        event.expense_id,
        event.version,
        event.project_id,
        event.spent_on,
        event.approved_at if event.approved_at is not None else event.occurred_at,
        event.currency,
        event.amount,
        line_id=event.line_id,
        task=event.task,
        description=f"{event.category}: {event.description}" if event.description else event.category,
        category=event.category,
        person_id=event.person_id,
        supplier_id=event.supplier_id,
        quantity=event.quantity,
        tax=event.tax_amount,
        tax_recoverable=event.tax_recoverable,
        billable=event.billable,
        submitted_by=event.submitted_by,
        approved_by=event.approved_by,
        dimensions=dict(event.dimensions),
        digest=content_digest([value for name, value in zip(event._fields, event, strict=True) if name not in TRACE]),
        recorded_at=event.recorded_at,
    )
