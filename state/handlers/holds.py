"""Billing holds: they act from their place in the log on everything in scope that is not issued (R26), and on what is retained and due
to be released, where they are of the contract or the bill-to."""

from msgspec.structs import replace

from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased
from domain.zones import local_date
from state.books import Hold
from state.draft import Draft
from state.facts import is_new
from state.handlers.retention import holders
from state.periods import zone_of


def on_hold_placed(draft: Draft, event: BillingHoldPlaced) -> None:
    if is_new(draft, "hold", event.hold_id, event.version, event):
        draft.put("hold", event.hold_id, Hold(event.hold_id, event.version, event.scope.kind, event.scope.id, False))
        _show(draft)


def on_hold_released(draft: Draft, event: BillingHoldReleased) -> None:
    if is_new(draft, "hold", event.hold_id, event.version, event):
        known: Hold | None = draft.part("hold", event.hold_id)
        if known is not None:
            scope, scope_id = known.scope, known.scope_id
        else:
            scope, scope_id = (event.scope.kind, event.scope.id) if event.scope is not None else ("contract", "")
        draft.put("hold", event.hold_id, Hold(event.hold_id, event.version, scope, scope_id, True))
        _release_soon(draft)
        _show(draft)


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
