"""Where the books of a project begin in the middle: the one place that says what is of before that."""

from datetime import date
from typing import Final

from msgspec.structs import replace

from domain.events.common import BalanceForward
from domain.identity import composed, is_opening_statement
from domain.numbered import in_an_event
from domain.revenue.method import Opening
from domain.units import Quantity
from state.books import BroughtForward, Charge, Receivable
from state.draft import Draft

KIND: Final = "brought_forward"
IN_BALANCES: Final = "in_balances"


def balances_of(draft: Draft, project_id: str) -> BroughtForward | None:
    found: BroughtForward | None = draft.part(KIND, project_id)
    return found


def in_balances(draft: Draft, receivable: Receivable, day: date, what: str) -> str | None:
    """Why what happened to an old invoice on the day is not booked: its balances have it already."""
    begins_after = draft.project(receivable.project_id).begins_after
    if not is_before(begins_after, day) or not is_opening_statement(receivable.statement_id):
        return None
    return (
        f"expected a day after {begins_after}, for the balances of project {receivable.project_id} include what became of invoice "
        f"{receivable.invoice_id} until then, got {day}; where they include the {what}, drop it by a waiver: nothing is booked; else send "
        "balances without it in a higher version, and it with a later day"
    )


def expired_before(draft: Draft, contract_id: str, project_id: str, line_id: str) -> dict[str, Quantity]:
    """By store what balances say had expired of the line's retainer."""
    own = loaded_of(draft, contract_id, project_id, line_id)
    return {name: quantity for one in own for name, quantity in expired_of(one).items()}


def earned_before(
    draft: Draft, contract_id: str, project_id: str, line_id: str, *, recorded_in: str | None = None
) -> Opening | None:
    """What balances say that the line's price had earned, also of it what was conceded; None where they have no line of it."""
    as_of = draft.project(project_id).begins_after
    own = loaded_of(draft, contract_id, project_id, line_id, recorded_in=recorded_in)
    if as_of is None or not own:
        return None
    return Opening(as_of, sum(one.revenue + one.conceded for one in own))


def loaded_of(
    draft: Draft, contract_id: str, project_id: str, line_id: str, *, recorded_in: str | None = None
) -> list[BalanceForward]:
    """Balances of the line that are in the books; with the fields of their event where a recorder has them in a currency."""
    known = balances_of(draft, project_id)
    event = known.loaded if known is not None else None
    if event is not None and recorded_in is not None:
        event = in_an_event(event, recorded_in)
    lines = event.lines if event is not None else ()
    return [one for one in lines if one.line_id == line_id and one.contract_id in (None, contract_id)]


def expired_of(balance: BalanceForward) -> dict[str, Quantity]:
    """What a retainer's fee buys is called by its period's first day."""
    return {each.starts_on.isoformat(): each.expired for each in balance.retainer if each.expired}


def carried(draft: Draft, charge: Charge) -> Charge:
    """What terms charge of a day that the balances include is posted with them."""
    begins_after = draft.project(charge.project_id).begins_after
    return replace(charge, carried_on=begins_after) if is_before(begins_after, charge.day) else charge


def is_before(begins_after: date | None, day: date) -> bool:
    return begins_after is not None and day <= begins_after


def rest_id(contract_id: str, line_id: str) -> str:
    """Of the row with what balances state as earned over time beyond their own row, since terms reach back to their day."""
    return f"{composed(contract_id, line_id)}/{KIND}"


def figure_of(row: str, version: int, name: str) -> str:
    """Address of the value, the cost, the hours or the revenue of a version of a row."""
    return f"opening/{row}@{version}#{name}"
