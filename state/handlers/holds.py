"""Billing holds: they act from their place in the log on everything in scope that is not issued (R26)."""

from msgspec.structs import replace

from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased
from state.books import Hold
from state.draft import Draft
from state.facts import is_new


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
        _show(draft)


def _show(draft: Draft) -> None:
    """What is held shows in the views of every project."""
    for project_id in draft.ids("project"):
        draft.put_project(replace(draft.project(project_id), changed=True))
