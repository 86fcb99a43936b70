"""Write-offs, of receivables and of what is unbilled: what keeps one from being posted, and how it waits.

Who asks does not approve, and above policy `approval_limit` somebody has to. What waits posts nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from domain.events.finance import WrittenOff
from domain.money import format_amount
from domain.units import Amount
from state.books import Contract, WriteOff
from state.draft import Draft
from state.terms.plan import contract_policies

WRITE_OFF = "write_off"
MISAPPLIED = "misapplied"
SELF_APPROVED = "self_approved"
UNKNOWN = "unknown_reference"


class WriteOffFault(NamedTuple):
    category: str
    field: str
    message: str
    amount: Amount = 0


def nothing_given_up(event: WrittenOff) -> WriteOffFault:
    return WriteOffFault(MISAPPLIED, "amount", f"expected an amount above zero, got {format_amount(event.amount)}")


def approval_fault(draft: Draft, known: WriteOff, contracts: Iterable[Contract]) -> WriteOffFault | None:
    """What is wrong with who asked and who approved, unless somebody else has let it pass."""
    event = known.event
    if known.is_waived:
        return None
    if event.approved_by == event.requested_by:
        why = f"{event.requested_by} asked for it and approved it"
        return WriteOffFault(SELF_APPROVED, "approved_by", why, event.amount)
    stated = (contract_policies(draft, contract).approval_limit for contract in contracts)
    limit = min((limit for limit in stated if limit is not None), default=None)
    if event.approved_by is None and limit is not None and event.amount > limit:
        above = f"{format_amount(event.amount)} are more than approval_limit, {format_amount(limit)}"
        why = f"{above}: somebody other than {event.requested_by} has to approve it"
        return WriteOffFault(SELF_APPROVED, "approved_by", why, event.amount)
    return None


def park(draft: Draft, known: WriteOff, contract_id: str | None, fault: WriteOffFault) -> None:
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
