"""A statement that somebody asks for."""

from domain.events.delivery import StatementRequested
from state.billing.approval import name_requester
from state.books import WaitingRequest
from state.draft import Draft
from state.facts import happens
from state.statements.cut import cut_on_request, publish


def on_statement_requested(draft: Draft, event: StatementRequested) -> None:
    """Cut the statement now; a request for a contract that is not in force yet waits for it. A request happens once."""
    if not happens(draft, "statement_request", event.request_id):
        return
    contract = draft.contract(event.contract_id)
    if contract is None or not contract.history or contract.invalid is not None:
        draft.put("request", event.request_id, WaitingRequest(event, draft.cause.log_offset))
        draft.raise_exception(
            "unknown_reference",
            "statement_request",
            event.request_id,
            f"a statement of contract {event.contract_id} is requested, which is not in force",
            contract_id=event.contract_id,
        )
        return
    cut_on_request(draft, contract, event)
    name_requester(draft, event.requested_by)
    publish(draft)
