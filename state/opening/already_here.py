"""What of the days of balances is in the books already, so that it would count twice, or is gone from what an earlier load brought."""

from collections.abc import Iterator
from datetime import timedelta

from domain.counting import counted
from domain.events.commercial import BalancesBroughtForward
from domain.identity import composed
from domain.money import format_amount
from state.books import BroughtForward, RetentionAccount, Work
from state.draft import Draft
from state.opening.stated import OpeningFault
from state.terms.opening import IN_BALANCES
from state.work.placing import taken_projects

DAY = timedelta(days=1)
# Entries that a message names.
NAMED_MOST = 5


def work_before(draft: Draft, event: BalancesBroughtForward) -> Iterator[OpeningFault]:
    """Work that is in the books and in the balances would count twice; what waits whole is not in them."""
    standing = ((entry.entry_id, entry.standing) for entry in draft.everything())
    found = sorted(
        entry_id
        for entry_id, work in standing
        if work is not None
        and (work.cost is not None or work.price is not None)
        and _is_work(work, event)
        and _day_of(work) <= event.as_of.isoformat()
    )
    if found:
        more = f" and {len(found) - NAMED_MOST} more" if len(found) > NAMED_MOST else ""
        message = (
            f"project {event.project_id} has {counted(len(found), 'entry')} of days until {event.as_of} here: "
            f"{', '.join(found[:NAMED_MOST])}{more}; withdraw {'it' if len(found) == 1 else 'them'}, or state balances of an earlier day"
        )
        yield OpeningFault(IN_BALANCES, message, "as_of")
    for statement_id in draft.ids("statement"):
        statement = draft.statement(statement_id)
        if statement is None or statement.sequence <= 0 or statement.period > event.as_of or not event.lines:
            continue
        if statement.contract_id in taken_projects(draft).get(event.project_id, ()) and statement.to <= event.as_of:
            billed = f"{format_amount(statement.amount_due, statement.currency)} {statement.currency}"
            message = (
                f"project {event.project_id}: statement {statement_id} over {billed} was issued here for days until "
                f"{statement.to - DAY}, which the balances include: a run came before them; begin again in new folders, with contracts and "
                "balances before the first run, or state balances of an earlier day"
            )
            yield OpeningFault(IN_BALANCES, message, "as_of", statement.contract_id)


def _is_work(work: Work, event: BalancesBroughtForward) -> bool:
    charge = work.charge
    if charge is not None and charge.kind not in ("expense", "delivery"):
        return False
    return work.project_id == event.project_id


def _day_of(work: Work) -> str:
    side = work.price or work.cost
    if side is not None:
        return side.day.isoformat()
    if work.charge is not None:
        return work.charge.day.isoformat()
    worked_on = work.event.worked_on
    return worked_on.isoformat() if worked_on is not None else "9999"


def released_since(draft: Draft, known: BroughtForward) -> Iterator[OpeningFault]:
    """What bills of an earlier load retained, and was released or credited here since, cannot be loaded again."""
    for made in known.statements:
        state = draft.statement(made)
        if state is None or not state.retention:
            continue
        account: RetentionAccount | None = draft.part("retention", composed(state.contract_id, state.bill_to))
        left = sum(one.left for one in account.withheld if one.statement_id == made) if account is not None else 0
        kept = sum(amount for withheld_by, _, amount in state.retention if withheld_by == made)
        if left != kept:
            gone, currency = format_amount(kept - left, state.currency), state.currency
            message = (
                f"contract {state.contract_id}: of what invoice {state.invoice_id or made} retained {gone} {currency} left it here since, "
                "so that its balances stay as they are; send what is missing as facts of today: hours and cost as time and expenses "
                "that are not billable, what was billed too much as a credit memo"
            )
            yield OpeningFault(IN_BALANCES, message, "lines.retention", state.contract_id)
