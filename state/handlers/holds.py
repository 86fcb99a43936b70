"""Billing holds: they act from their place in the log on everything in scope that is not issued (R26), and on what is retained and due
to be released, where they are of the contract or the bill-to.

A hold of an entry or a line that nobody knows holds nothing yet: it acts once that comes, and until then an exception says so.
"""

from msgspec.structs import replace

from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased
from domain.exceptions import UNKNOWN
from domain.reference.zones import local_date
from state.billing.held import rows_held
from state.billing.retention import holders
from state.books import Hold
from state.draft import Draft
from state.facts import is_new
from state.rerating.rerate import line_ids
from state.terms.periods import zone_of

KIND = "hold"


def on_hold_placed(draft: Draft, event: BillingHoldPlaced) -> None:
    if is_new(draft, KIND, event.hold_id, event.version, event):
        hold = Hold(event.hold_id, event.version, event.scope.kind, event.scope.id, False)
        draft.put(KIND, event.hold_id, hold)
        draft.resolve_exception(UNKNOWN, KIND, event.hold_id, "superseded")
        if _is_published_here(draft, hold) and not _is_known(draft, hold):
            _note(draft, event)
        _show(draft)


def on_hold_released(draft: Draft, event: BillingHoldReleased) -> None:
    if is_new(draft, KIND, event.hold_id, event.version, event):
        known: Hold | None = draft.part(KIND, event.hold_id)
        if known is not None:
            scope, scope_id = known.scope, known.scope_id
        else:
            scope, scope_id = (event.scope.kind, event.scope.id) if event.scope is not None else ("contract", "")
        draft.put(KIND, event.hold_id, Hold(event.hold_id, event.version, scope, scope_id, True))
        draft.resolve_exception(UNKNOWN, KIND, event.hold_id, "superseded")
        _release_soon(draft)
        _show(draft)


def after_event(draft: Draft) -> None:
    """What a hold waits for may have come."""
    if not (draft.rows or draft.kinds) or not draft.before.ids.get("exception"):
        return
    for hold_id in sorted(draft.before.ids.get(KIND, ())):
        hold: Hold | None = draft.part(KIND, hold_id)
        if hold is None or hold.released or draft.open_exception(UNKNOWN, KIND, hold_id) is None:
            continue
        if _is_known(draft, hold):
            draft.resolve_exception(UNKNOWN, KIND, hold_id)


def _is_published_here(draft: Draft, hold: Hold) -> bool:
    """Whether this engagement is where the scope should be, and not one that only learns that the hold has left it."""
    return draft.own is None or hold.hold_id in draft.own


def _is_known(draft: Draft, hold: Hold) -> bool:
    match hold.scope:
        case "entry":
            return any(True for _ in rows_held(draft, hold.scope_id))
        case "line":
            return any(hold.scope_id in line_ids(contract) for contract in draft.contracts() if contract.history)
        case _:
            return True  # found by intake, or retold with what it is about


def _note(draft: Draft, event: BillingHoldPlaced) -> None:
    expected = "time or an expense that was approved" if event.scope.kind == "entry" else "a line of a contract"
    draft.raise_exception(
        UNKNOWN,
        KIND,
        event.hold_id,
        f"hold {event.hold_id} holds nothing yet: scope.id: expected {expected}, got {event.scope.id}; it holds that once it comes",
        project_id=event.project_id,
        field="scope.id",
    )


def _release_soon(draft: Draft) -> None:
    """What was kept back of what customers retain is released when the day ends, where its own day is over."""
    for contract in draft.contracts():
        if contract.in_force and holders(draft, contract.contract_id):
            zone = zone_of(draft, contract)
            draft.due.add((zone, local_date(draft.cause.recorded_at, zone).isoformat()))


def _show(draft: Draft) -> None:
    """What is held shows in the views of every project."""
    for project_id in draft.ids("project"):
        draft.put_project(replace(draft.project(project_id), changed=True))
