"""Write-offs, of receivables and of what is unbilled: what keeps one from being posted, and how it waits.

What waits posts nothing. Who has to approve says `state/receivables/approval.py`.
"""

from msgspec.structs import replace

from domain.events.finance import WrittenOff
from domain.exceptions import MISAPPLIED
from domain.money import format_amount
from state.books import WriteOff
from state.draft import Draft
from state.receivables.approval import PostingFault

WRITE_OFF = "write_off"
# What could still be given up of the entries that a write-off names, by its id and a step.
LEFT_OF = "left_of_entries"


def nothing_given_up(event: WrittenOff) -> PostingFault:
    return PostingFault(MISAPPLIED, "amount", f"expected an amount above zero, got {format_amount(event.amount)}")


def park(draft: Draft, known: WriteOff, contract_id: str | None, fault: PostingFault) -> None:
    """It waits with an exception, in place of the one that it waited with before."""
    event = known.event
    if known.category and known.category != fault.category:
        draft.resolve_exception(known.category, WRITE_OFF, event.write_off_id, "superseded")
    draft.put(WRITE_OFF, event.write_off_id, replace(known, category=fault.category))
    draft.raise_exception(
        fault.category,
        WRITE_OFF,
        event.write_off_id,
        f"write-off {event.write_off_id}: {fault.message}",
        project_id=event.project_id,
        contract_id=contract_id,
        person_id=event.requested_by,
        field=fault.field,
        amount=fault.amount,
        currency=event.currency,
        entries=event.entries,
    )


def accept(draft: Draft, known: WriteOff) -> None:
    """Nothing keeps it any more."""
    event = known.event
    if known.category:
        draft.resolve_exception(known.category, WRITE_OFF, event.write_off_id)
    draft.put(WRITE_OFF, event.write_off_id, replace(known, category=""))


def drop(draft: Draft, write_off_id: str) -> None:
    """Nothing of it is posted: it never was, and may come again."""
    draft.put(WRITE_OFF, write_off_id, None)
    draft.put("fact", f"{WRITE_OFF}/{write_off_id}", None)
