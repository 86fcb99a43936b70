"""Who asks for money to be given up or revenue to be adjusted does not approve it; above policy `approval_limit` somebody has to."""

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from domain.events.finance import RevenueAdjusted, WrittenOff
from domain.exceptions import SELF_APPROVED, ExceptionCategory
from domain.explanation import less
from domain.figure import Recorded, node_of
from domain.money import format_amount
from domain.units import Amount
from domain.why import Why, in_event
from state.books import Contract
from state.draft import BLOCKED, Draft
from state.terms.plan import contract_policies

Decision = TypeVar("Decision", WrittenOff, RevenueAdjusted)


class PostingFault(NamedTuple):
    """What keeps a decision from being posted."""

    category: ExceptionCategory
    field: str
    message: str
    amount: Amount = 0


def as_stated(why: Why | None, event: Decision, title: str) -> Decision:
    """With its amount as an explanation has it."""
    if why is None:
        return event
    return event._replace(amount=Recorded(in_event(title, event.amount, "amount", event, "amount", event.currency)))


def beyond(asked: Amount, left: Amount) -> Amount:
    """What is asked for beyond what is left, also of nothing."""
    return (
        Recorded(less(BLOCKED, node_of(asked, ""), node_of(left, ""))) if isinstance(left, Recorded) else asked - left
    )


def approval_fault(
    draft: Draft, event: WrittenOff | RevenueAdjusted, contracts: Iterable[Contract], *, is_waived: bool
) -> PostingFault | None:
    """What is wrong with who asked and who approved, unless somebody else has let it pass."""
    if is_waived:
        return None
    if event.approved_by == event.requested_by:
        why = f"{event.requested_by} asked for it and approved it"
        return PostingFault(SELF_APPROVED, "approved_by", why, event.amount)
    stated = (contract_policies(draft, contract).approval_limit for contract in contracts)
    limit = min((limit for limit in stated if limit is not None), default=None)
    if event.approved_by is None and limit is not None and abs(event.amount) > limit:
        above = f"{format_amount(event.amount)} are more than approval_limit, {format_amount(limit)}"
        why = f"{above}: somebody other than {event.requested_by} has to approve it"
        return PostingFault(SELF_APPROVED, "approved_by", why, event.amount)
    return None
