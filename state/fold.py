"""The heart: one event, one engagement, what becomes of it.

It asks nothing but its arguments, and changes sums of projects where they stand: a failure ends the process. The order of the
calls in each handler is the business process.
"""

from collections.abc import Sequence
from typing import Final

from domain.events.catalogue import ENTITIES, Event
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
from domain.events.reference import DayEnded
from domain.reference.book import ReferenceBook, owner_key
from domain.why import Why
from domain.work.rows import ADJUSTMENT
from state import views
from state.billing import approval, reissue
from state.billing.statement_tax import retry_undetermined
from state.caps import notices as cap_notices
from state.caps.repricing import book_repriced
from state.charges import rebates, spent
from state.draft import Cause, Draft, Entries, Parts, Plans
from state.handlers import (
    approvals,
    brought_forward,
    cash_applications,
    contracts,
    control,
    credit_memos,
    days,
    deliveries,
    expenses,
    forecast,
    holds,
    invoices,
    payments,
    postings,
    progress,
    projects,
    reconciliations,
    revenue_adjustments,
    source_totals,
    statements,
    time,
    variable_consideration,
    write_offs,
)
from state.ledger import revaluation
from state.receivables import unbilled_write_offs
from state.receivables.cash_record import APPLICATION
from state.rerating import overflow, versions
from state.rerating.outside import relist_outside
from state.revenue import fees, liability, over_time, provided, provision, refunds
from state.terms import opening, price_notices
from state.work.exchange_waits import settles


def apply(
    engagement_id: str,
    before: Parts,
    event: Event,
    reference: ReferenceBook,
    entries: Entries,
    cause: Cause,
    plans: Plans,
    own: tuple[str, ...] | None = None,
    why: Why | None = None,
) -> Draft:
    """What an event makes of one engagement; long, because the switch is the list of what may happen.

    `plans` remembers what follows from contracts and reference data alone.

    An event that goes to several engagements names in `own` what of it is this one's; None: everything. `why` records what the rules did,
    where an explanation folds.
    """
    draft = Draft(engagement_id, before, entries, reference, cause, plans, own, why)
    match event:
        case TimeApproved():
            time.on_time_approved(draft, event)
            relist_outside(draft)
        case TimeWithdrawn():
            time.on_time_withdrawn(draft, event)
            relist_outside(draft)
        case ExpenseApproved():
            expenses.on_expense_approved(draft, event)
            relist_outside(draft)
        case ExpenseWithdrawn():
            expenses.on_expense_withdrawn(draft, event)
            relist_outside(draft)
        case UnitsDelivered():
            deliveries.on_units_delivered(draft, event)
            relist_outside(draft)
        case ContractSigned():
            contracts.on_contract_signed(draft, event)
            payments.retry_waiting(draft)
            cash_applications.retry_waiting(draft)
        case ContractAmended():
            contracts.on_contract_amended(draft, event)
        case BalancesBroughtForward():
            brought_forward.on_balances_brought_forward(draft, event)
            credit_memos.retry(draft)
            write_offs.retry_waiting(draft)
            payments.retry_waiting(draft)
            cash_applications.retry_waiting(draft)
        case ContractTerminated():
            contracts.on_contract_terminated(draft, event)
        case VariableConsiderationRevised():
            variable_consideration.on_variable_consideration_revised(draft, event)
            fees.after_revision(draft, event.contract_id)
            over_time.after_report(draft)
        case ProjectActivated():
            projects.on_project_activated(draft, event)
        case ProjectClosed():
            projects.on_project_closed(draft, event)
        case ResourceAssigned():
            projects.on_resource_assigned(draft, event)
        case EstimateRevised():
            forecast.on_estimate_revised(draft, event)
            over_time.after_report(draft)
        case BillingHoldPlaced():
            holds.on_hold_placed(draft, event)
        case BillingHoldReleased():
            holds.on_hold_released(draft, event)
        case MilestoneAccepted():
            progress.on_milestone_accepted(draft, event)
            over_time.after_report(draft)
            relist_outside(draft)
        case MilestoneRevoked():
            progress.on_milestone_revoked(draft, event)
            over_time.after_report(draft)
            relist_outside(draft)
        case ProgressReported():
            progress.on_progress_reported(draft, event)
            over_time.after_report(draft)
        case StatementRequested():
            statements.on_statement_requested(draft, event)
        case StatementApproved():
            approvals.on_statement_approved(draft, event)
            credit_memos.retry(draft)
            cash_applications.retry_waiting(draft)
        case StatementReturned():
            approvals.on_statement_returned(draft, event)
        case InvoicePosted():
            invoices.on_invoice_posted(draft, event)
            credit_memos.retry(draft)
            cash_applications.retry_waiting(draft)
        case InvoiceRejected():
            invoices.on_invoice_rejected(draft, event)
        case CreditMemoIssued():
            credit_memos.on_credit_memo_issued(draft, event)
        case PaymentReceived():
            payments.on_payment_received(draft, event)
            cash_applications.retry_waiting(draft)
        case PaymentReversed():
            cash_applications.on_payment_reversed(draft, event)
            payments.on_payment_reversed(draft, event)
            cash_applications.retry_waiting(draft)
        case PaymentApplied():
            cash_applications.on_payment_applied(draft, event)
        case PostingAccepted() | PostingRejected():
            postings.on_posting_answered(draft, event)
        case LedgerReconciled():
            reconciliations.on_ledger_reconciled(draft, event)
        case ControlTotal():
            source_totals.on_control_total(draft, event)
        case WrittenOff():
            write_offs.on_written_off(draft, event)
        case RevenueAdjusted():
            revenue_adjustments.on_revenue_adjusted(draft, event)
        case ExceptionAssigned():
            control.on_exception_assigned(draft, event)
        case ExceptionResolved():
            control.on_exception_resolved(draft, event)
        case ExceptionWaived():
            control.on_exception_waived(draft, event)
            credit_memos.retry(draft)
            cash_applications.retry_waiting(draft)
        case IntakeNoticed():
            control.on_intake_noticed(draft, event)
        case DayEnded():
            if rates_settle := settles(draft, event.zone):
                brought_forward.retry(draft)
                if draft.loaded:  # what was spent before counts in the months that this day ends
                    over_time.after_event(draft, [])
            days.on_day_ended(draft, event, rates_settle)
            revenue_adjustments.on_day_ended(draft, event)
            credit_memos.retry(draft)
            cash_applications.retry_waiting(draft)
        case _:
            raise AssertionError(f"no handler takes {type(event).__name__}")
    _settle(draft, event if isinstance(event, DayEnded) else None)
    return draft


def _settle(draft: Draft, ended: DayEnded | None = None, revalued: Sequence[str] = ()) -> None:
    """What follows every change, in this order; the end of a day has looked at what is late itself, and forecasts all it moved.

    Each step runs only where the books have, or the event changed, what it watches: of an ordinary hour there is little of that.
    """
    books, changed = draft.before.ids, draft.kinds
    if holds.KIND in books:
        holds.after_event(draft)
    if opening.KIND in books:
        brought_forward.after_event(draft)
        if draft.loaded:
            credit_memos.retry(draft)
            cash_applications.retry_waiting(draft)
    if draft.draws or "fees" in books or "fees" in changed:
        fees.after_event(draft)
    if draft.over_cap or overflow.PASSING in books or overflow.PASSING in changed or "contract" in changed:
        overflow.settle(draft)
    if unbilled_write_offs.WAITS in draft.before or "index" in changed:
        unbilled_write_offs.after_event(draft)
    # A minimum is compared with what the lines come to once all of it is where it stays.
    moved = fees.settle_minimums(draft) if "fees" in books or "fees" in changed else []
    if moved:
        overflow.settle(draft)
        unbilled_write_offs.after_event(draft)
    if ADJUSTMENT in books or ADJUSTMENT in changed:
        revenue_adjustments.after_event(draft)
    if moved or spent.LINE in books or spent.LINE in changed or "contract" in changed:
        over_time.after_event(draft, moved)
    if draft.repriced:
        book_repriced(draft)
    if approval.PART in books or approval.PART in changed:
        approvals.after_event(draft)
    if ended is None and reissue.PERIODS in books:
        reissue.after_event(draft)
    arising = _arising(draft)
    if rebates.KIND in arising:
        refunds.after_event(draft, has_ended=ended is not None)
    if draft.positions or liability.KIND in books or liability.KIND in arising:
        liability.after_event(draft)
    if provided.KIND in books or "brought_forward" in changed or provided.KIND in arising:
        provision.after_event(draft, ended)
    if ended is not None or draft.outputs or revalued:
        revaluation.after_event(draft, ended, revalued)
    if draft.watched or "cap" in changed:
        cap_notices.after_event(draft)
    if price_notices.BELOW in arising and ("line" in changed or "contract" in changed):
        price_notices.after_event(draft)
    if ended is None:
        forecast.after_event(draft)
    else:
        forecast.on_day_ended(draft, ended.zone, ended.date)


_ARISES: Final = (
    (rebates.KIND, refunds.may_arise),
    (liability.KIND, liability.may_arise),
    (provided.KIND, provision.may_arise),
    (price_notices.BELOW, price_notices.may_arise),
)


def _arising(draft: Draft) -> frozenset[str]:
    """What the terms of some contract give rise to; found again when a contract changes."""
    kept: tuple[object, frozenset[str]] | None = draft.memo.lines.get("arising")
    if kept is None or kept[0] is not draft.agreed:
        contracts = draft.contracts()
        found = frozenset(kind for kind, may_arise in _ARISES if any(may_arise(draft, one) for one in contracts))
        kept = draft.memo.lines["arising"] = (draft.agreed, found)
    return kept[1]


def wake(
    engagement_id: str,
    before: Parts,
    waiting: Sequence[str],
    reference: ReferenceBook,
    entries: Entries,
    cause: Cause,
    plans: Plans,
    why: Why | None = None,
) -> Draft:
    """Something that was missing has come: finish what waited for it, in the order of its log offsets.

    Contracts come first, so that work which waits for the same thing as its contract is posted once, with both its sides.
    """
    draft = Draft(engagement_id, before, entries, reference, cause, plans, why=why)
    named = [(kind, rest) for kind, _, rest in (name.partition(":") for name in waiting)]
    contracts.on_reference_for_contracts(draft, [rest for kind, rest in named if kind == "contract"])
    retry_undetermined(draft, [rest for kind, rest in named if kind == "tax"])
    for kind, rest in named:
        if kind == "statement":
            invoices.retry_invoice(draft, rest)
            credit_memos.retry(draft)
            cash_applications.retry_waiting(draft)
        elif kind == "payment":
            payments.retry(draft, rest)
            cash_applications.retry_waiting(draft)
        elif kind == APPLICATION:
            cash_applications.retry(draft, rest)
        elif kind == "entry":
            versions.retry(draft, rest)
        elif kind == spent.WAITING:
            over_time.retry(draft, rest)
    _settle(draft, revalued=[rest for kind, rest in named if kind == revaluation.WAITING])
    for kind, rest in named:
        if kind == provided.KIND:
            provision.retry(draft, rest)
    for kind, rest in named:
        if kind == "forecast":
            forecast.retry(draft, rest)
    return draft


def flush_views(
    engagement_id: str, before: Parts, reference: ReferenceBook, entries: Entries, cause: Cause, plans: Plans
) -> Draft:
    """Send the view of every project that changed since its last one."""
    draft = Draft(engagement_id, before, entries, reference, cause, plans)
    for project_id in draft.ids("project"):
        if draft.project(project_id).changed:
            views.flush(draft, project_id)
    return draft


def cause_of(event: Event, recorded_at: int, log_offset: int) -> Cause:
    """`recorded_at` is the running maximum of the partition, so that time never goes back."""
    if isinstance(event, TimeApproved):
        return Cause(
            "time_entry",
            event.entry_id,
            event.version,
            event.event_id,
            event.occurred_at,
            recorded_at,
            event.correlation_id,
            log_offset,
        )
    kind, subject = owner_key(event)
    field = ENTITIES[type(event).__name__].version_field
    version = getattr(event, field) if field is not None else 0
    return Cause(
        kind, subject, version, event.event_id, event.occurred_at, recorded_at, event.correlation_id, log_offset
    )
