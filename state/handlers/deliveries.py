"""Units delivered (`state/rerating/versions.py` has what becomes of any work).

A delivery names its line; where it names no project it is its line's. One whose line no contract has waits for that contract.
"""

from domain.contract import line_named
from domain.events.delivery import UnitsDelivered
from domain.exceptions import UNKNOWN
from domain.identity import content_digest
from domain.work.rows import DELIVERY, row_id
from state.books import Charge, WaitingDelivery, Work
from state.draft import Draft
from state.facts import TRACE
from state.rerating.versions import take, withdraw


def on_units_delivered(draft: Draft, event: UnitsDelivered) -> None:
    """A version for a project of another engagement, which intake notices, counts for nothing here."""
    if draft.own == ():
        withdraw(draft, row_id(DELIVERY, event.delivery_id), event.version)
        return
    if not _take(draft, event, draft.cause.log_offset):
        _wait(draft, event)


def serve_waiting(draft: Draft) -> None:
    """Terms have come: deliveries on their lines, in the order of the log."""
    waiting: list[WaitingDelivery] = [draft.part("delivery", each) for each in draft.ids("delivery")]
    for known in sorted(waiting, key=lambda one: one.log_offset):
        if _take(draft, known.event, known.log_offset):
            draft.put("delivery", known.event.delivery_id, None)
            draft.resolve_exception(UNKNOWN, DELIVERY, known.event.delivery_id)


def _take(draft: Draft, event: UnitsDelivered, log_offset: int) -> bool:
    project_id = event.project_id or _project_of(draft, event)
    if project_id is None:
        return False
    take(draft, row_id(DELIVERY, event.delivery_id), Work(None, log_offset, charge=_charge(event, project_id)))
    return True


def _project_of(draft: Draft, event: UnitsDelivered) -> str | None:
    """Of the first contract that has the line, by the newest of its terms that do."""
    for contract in draft.contracts():
        if event.contract_id in (None, contract.contract_id):
            lines = (line_named(stored.terms, event.line_id) for stored in reversed(contract.history))
            found = next((line for line in lines if line is not None), None)
            if found is not None:
                return found.project_id
    return None


def _wait(draft: Draft, event: UnitsDelivered) -> None:
    known: WaitingDelivery | None = draft.part("delivery", event.delivery_id)
    if known is None or event.version > known.event.version:
        draft.put("delivery", event.delivery_id, WaitingDelivery(event, draft.cause.log_offset))
        draft.raise_exception(
            UNKNOWN,
            DELIVERY,
            event.delivery_id,
            f"no contract has a line {event.line_id}",
            contract_id=event.contract_id,
            field="line_id",
        )


def _charge(event: UnitsDelivered, project_id: str) -> Charge:
    return Charge(
        DELIVERY,
        event.delivery_id,
        event.version,
        project_id,
        event.delivered_on,
        event.occurred_at,
        "",
        contract_id=event.contract_id,
        line_id=event.line_id,
        quantity=event.units,
        submitted_by=event.requested_by,
        approved_by=event.approved_by,
        digest=content_digest([value for name, value in zip(event._fields, event, strict=True) if name not in TRACE]),
        recorded_at=event.recorded_at,
    )
