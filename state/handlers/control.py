"""Decisions of people, and what intake noticed."""

from msgspec.structs import replace

from domain.events.control import ExceptionWaived, IntakeNoticed
from domain.identity import parts_of
from domain.units import Amount
from state.assess import WAIVABLE
from state.books import OpenException
from state.draft import Draft
from state.facts import is_new
from state.handlers.invoices import waive_difference
from state.handlers.time import retry
from state.plan import contract_policies

# What only the missing record settles.
MISSING_FACTS = frozenset(
    {
        "amendment_gap",
        "invalid_terms",
        "no_estimate",
        "no_exchange_rate",
        "posting_rejected",
        "stale_exchange_rate",
        "unapproved_amendment",
        "unknown_reference",
        "unrouted",
    }
)


def on_exception_waived(draft: Draft, event: ExceptionWaived) -> None:
    """Let a fault pass for the version it was found in; a waiver cannot replace missing facts."""
    if not is_new(draft, "exception", event.exception_id, event.version, event):
        return
    alone = event.approved_by is None and _needs_second_person(draft, event.exception_id)
    if alone or event.approved_by == event.requested_by:
        draft.note(
            "self_approved",
            "exception",
            event.exception_id,
            f"the waiver of {event.requested_by} needs another person's approval",
            field="approved_by",
        )
        return
    draft.settle_note("self_approved", "exception", event.exception_id)
    known: OpenException | None = draft.part("exception", event.exception_id)
    if known is not None:
        _waive_note(draft, known)
    elif not _waive_over_cap(draft, event.exception_id):
        _waive_entry(draft, event.exception_id)


def _needs_second_person(draft: Draft, exception_id: str) -> bool:
    """Above policy `approval_limit`; where nobody knows what is at stake, wherever there is a limit."""
    known: OpenException | None = draft.part("exception", exception_id)
    if known is not None:
        return known.contract_id is not None and _above_limit(draft, known.contract_id, _difference(draft, known))
    for part_id in draft.ids("cap"):
        state = draft.part("cap", part_id)
        if state.exception_id == exception_id:
            return _above_limit(draft, parts_of(part_id)[0], state.over_amount)
    return any(_above_limit(draft, contract.contract_id, None) for contract in draft.contracts())


def _difference(draft: Draft, known: OpenException) -> Amount | None:
    statement = draft.statement(known.subject_id)
    if statement is None or statement.waiting is None:
        return None
    return abs(statement.waiting.amount - statement.amount_due)


def _above_limit(draft: Draft, contract_id: str, at_stake: Amount | None) -> bool:
    contract = draft.contract(contract_id)
    limit = contract_policies(draft, contract).approval_limit if contract is not None and contract.history else None
    return limit is not None and (at_stake is None or at_stake > limit)


def _waive_note(draft: Draft, known: OpenException) -> None:
    if known.category in MISSING_FACTS:
        return
    if known.category == "statement_differs_from_invoice":
        waive_difference(draft, known.subject_id)
    if draft.part("exception", known.exception_id) is not None:
        draft.settle_note(known.category, known.subject_kind, known.subject_id, "waived")


def _waive_over_cap(draft: Draft, exception_id: str) -> bool:
    """Waiving `over_cap` closes the exception and makes no room; more over the cap raises it again."""
    for part_id in draft.ids("cap"):
        state = draft.part("cap", part_id)
        if state.exception_id == exception_id:
            if not state.waived:
                draft.close_exception(exception_id, "over_cap", "waived")
                draft.put("cap", part_id, replace(state, waived=True))
            return True
    return False


def _waive_entry(draft: Draft, exception_id: str) -> None:
    for entry_id in draft.entries.parked():
        entry = draft.entry(entry_id)
        if entry is None or entry.work is None:
            continue
        for fault in entry.work.faults:
            if fault.exception_id == exception_id and fault.category in WAIVABLE:
                draft.put_entry(entry, replace(entry, waived=(*entry.waived, fault.category)))
                retry(draft, entry_id)
                return


def on_intake_noticed(draft: Draft, event: IntakeNoticed) -> None:
    """What intake or the clock found; the shard that owns the subject raises and closes the exception."""
    kind = event.subject_kind or "record"
    if event.cleared:
        draft.settle_note(event.category, kind, event.subject)
    else:
        draft.note(
            event.category, kind, event.subject, event.message or f"{event.category}: {event.subject} at {event.place}"
        )
