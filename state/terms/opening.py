"""Where the books of a project begin in the middle: the one place that says what is of before that."""

from datetime import date
from typing import Final

from msgspec.structs import replace

from state.books import BroughtForward, Charge
from state.draft import Draft

KIND: Final = "brought_forward"


def balances_of(draft: Draft, project_id: str) -> BroughtForward | None:
    found: BroughtForward | None = draft.part(KIND, project_id)
    return found


def carried(draft: Draft, charge: Charge) -> Charge:
    """What terms charge of a day that the balances include is posted with them."""
    begins_after = draft.project(charge.project_id).begins_after
    return replace(charge, carried_on=begins_after) if is_before(begins_after, charge.day) else charge


def is_before(begins_after: date | None, day: date) -> bool:
    return begins_after is not None and day <= begins_after
