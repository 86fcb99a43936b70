"""Revenue adjusted by hand: posted on its day or the next open one, and reversed when the day ends on which it reverses itself.

What keeps one from being posted is an exception; nothing of it is posted then, and the newest content counts. Once it is posted its id says
the same for good. Its row is as any other that only earns, so sums, views and forecasts have it without knowing it.
"""

from collections.abc import Iterator
from datetime import date

from msgspec.structs import replace

from domain.events.finance import RevenueAdjusted
from domain.events.reference import DayEnded
from domain.exceptions import MISAPPLIED, SELF_APPROVED, UNKNOWN
from domain.identity import composed
from domain.revenue import adjustment
from domain.terms.kind import NO_REVENUE
from domain.work.rows import ADJUSTMENT, row_id
from state.books import Adjustment, Charge, Contract, Work
from state.draft import BLOCKED, Draft
from state.facts import is_new, is_repeat
from state.receivables.approval import PostingFault, approval_fault, as_stated
from state.rerating.rerate import line_ids
from state.rerating.versions import take, withdraw
from state.terms.opening import IN_BALANCES, is_before
from state.terms.opening import KIND as BALANCES
from state.terms.plan import LinePlan, plan_on
from state.totals import standing_price


def on_revenue_adjusted(draft: Draft, event: RevenueAdjusted) -> None:
    known: Adjustment | None = draft.part(ADJUSTMENT, event.adjustment_id)
    if known is not None and known.category and not is_repeat(draft, ADJUSTMENT, event.adjustment_id, event):
        # Nothing of it is posted: the newest content counts.
        draft.resolve_exception(known.category, ADJUSTMENT, event.adjustment_id, "superseded")
        _drop(draft, event.adjustment_id)
    if is_new(draft, ADJUSTMENT, event.adjustment_id, 0, event):
        _settle(draft, Adjustment(event, draft.cause.log_offset))


def after_event(draft: Draft) -> None:
    """A contract, or balances, came that one waits for, or somebody let it pass; or one was posted by now that will reverse itself."""
    may_pass = "contract" in draft.kinds or BALANCES in draft.kinds
    for known in _adjustments(draft):
        if known.is_waived and known.category == SELF_APPROVED:
            _settle(draft, known)
        elif known.is_waived and known.category:
            _drop(draft, known.event.adjustment_id)
        elif may_pass and known.category in (UNKNOWN, MISAPPLIED, IN_BALANCES):
            _settle(draft, known)
    if any(row.startswith(row_id(ADJUSTMENT, "")) for row in draft.rows):
        for known in _adjustments(draft):
            if known.event.reverse_on is not None and _row(known.event) in draft.rows and not known.is_reversed:
                draft.due.add((_zone(draft, known.event.contract_id), known.event.reverse_on.isoformat()))


def on_day_ended(draft: Draft, event: DayEnded) -> None:
    """Those reverse themselves of which the day has ended in the zone of their company; of one that came later, when the next one ends."""
    for known in _adjustments(draft):
        reverse_on = known.event.reverse_on
        if reverse_on is None or reverse_on > event.date or known.category or known.is_reversed:
            continue
        if _zone(draft, known.event.contract_id) == event.zone:
            _reverse(draft, known, reverse_on)


def _adjustments(draft: Draft) -> Iterator[Adjustment]:
    for adjustment_id in draft.ids(ADJUSTMENT):
        yield draft.part(ADJUSTMENT, adjustment_id)


def _zone(draft: Draft, contract_id: str) -> str:
    """Of the company on whose contract it is posted."""
    return draft.reference.known_entity(draft.contract_in_books(contract_id).terms.legal_entity_id).zone


# Posting


def _settle(draft: Draft, known: Adjustment) -> None:
    event = known.event
    contract = draft.contract(event.contract_id)
    fault = _fault(draft, known, contract)
    if known.category and (fault is None or fault.category != known.category):
        draft.resolve_exception(known.category, ADJUSTMENT, event.adjustment_id, "superseded" if fault else "resolved")
    now = replace(known, category="") if fault is None else replace(known, category=fault.category, is_waived=False)
    draft.put(ADJUSTMENT, event.adjustment_id, now)
    if fault is not None or contract is None:
        _note(draft, event, fault)
        return
    row = _row(event)
    entry = draft.entry(row)
    version = entry.version + 1 if entry is not None else 1
    take(draft, row, Work(None, known.log_offset, charge=_charge(draft, event, contract, version)))


def _row(event: RevenueAdjusted) -> str:
    return row_id(ADJUSTMENT, composed(event.adjustment_id))


def _charge(draft: Draft, event: RevenueAdjusted, contract: Contract, version: int) -> Charge:
    return Charge(
        ADJUSTMENT,
        composed(event.adjustment_id),
        version,
        _plan(draft, contract, event).line.project_id,
        event.adjusted_on,
        event.occurred_at,
        event.currency,
        contract_id=event.contract_id,
        line_id=event.line_id,
        description=event.reason,
        earned=event.amount,
    )


def _plan(draft: Draft, contract: Contract, event: RevenueAdjusted) -> LinePlan:
    plan = plan_on(draft, contract, event.adjusted_on, event.line_id)
    assert plan is not None, "the contract has the line"
    return plan


def _fault(draft: Draft, known: Adjustment, contract: Contract | None) -> PostingFault | None:
    event = as_stated(draft.why, known.event, BLOCKED)
    if contract is None or not contract.in_force:
        why = f"contract {event.contract_id} is not signed, or not in force"
        return PostingFault(UNKNOWN, "contract_id", why, event.amount)
    if event.line_id not in line_ids(contract):
        why = f"contract {event.contract_id} has no line {event.line_id}"
        return PostingFault(UNKNOWN, "line_id", why, event.amount)
    plan = _plan(draft, contract, event)
    if plan.timing == NO_REVENUE:
        why = f"expected a line that earns revenue, got {event.line_id}, which is a deposit; adjust the line that earns it"
        return PostingFault(MISAPPLIED, "line_id", why, event.amount)
    if event.reverse_on is not None and event.reverse_on <= event.adjusted_on:
        why = f"expected a day after {event.adjusted_on}, on which it is posted, got {event.reverse_on}"
        return PostingFault(MISAPPLIED, "reverse_on", why, event.amount)
    if (wrong := adjustment.fault(event, contract.terms)) is not None:
        return PostingFault(MISAPPLIED, *wrong, event.amount)
    begins_after = draft.project(plan.line.project_id).begins_after
    if is_before(begins_after, event.adjusted_on):
        why = (
            f"expected a day after {begins_after}, for the balances of its project include what was earned until then, got "
            f"{event.adjusted_on}; where they include it, drop it by a waiver: nothing is booked"
        )
        return PostingFault(IN_BALANCES, "adjusted_on", why, event.amount)
    return approval_fault(draft, event, (contract,), is_waived=known.is_waived)


def _note(draft: Draft, event: RevenueAdjusted, fault: PostingFault | None) -> None:
    assert fault is not None, "without a contract there is a fault"
    draft.raise_exception(
        fault.category,
        ADJUSTMENT,
        event.adjustment_id,
        f"adjustment {event.adjustment_id}: {fault.message}",
        project_id=event.project_id,
        contract_id=event.contract_id,
        person_id=event.requested_by,
        field=fault.field,
        amount=fault.amount,
        currency=event.currency,
    )


def _drop(draft: Draft, adjustment_id: str) -> None:
    """Nothing of it is posted: it never was, and may come again."""
    draft.put(ADJUSTMENT, adjustment_id, None)
    draft.put("fact", f"{ADJUSTMENT}/{adjustment_id}", None)


# Taking back


def _reverse(draft: Draft, known: Adjustment, day: date) -> None:
    """As it was posted, on its day or the next open one; what still waits for an exchange rate is reversed once it has come."""
    row = _row(known.event)
    entry = draft.entry(row)
    if entry is None or standing_price(entry) is None:
        return
    withdraw(draft, row, entry.version + 1, day)
    draft.put(ADJUSTMENT, known.event.adjustment_id, replace(known, is_reversed=True))
