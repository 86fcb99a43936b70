"""What a line had earned over time by the day of its balances, where terms that are agreed since reach back to it.

It stands as balances state it until something is earned after them (`domain/revenue/over_time.py`). Their row of the line has it with what
the terms of that day had earned. Other terms take that back, or earn something else, so a row of its own has the rest. Where revenue comes
with what is billed, it takes back all of their row. What a retainer has earned is what was drawn of it, which no terms change.

    2,000.00 stated, by reports: 40 % of 5,000.00; by cost instead: Dr 4000 2,000.00 of the month, Cr 4000 2,000.00
    2,000.00 stated, by cost; as it is billed instead: Dr 4000 2,000.00
"""

from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import Final

from domain.figure import Recorded, less_all, record, titled
from domain.identity import composed
from domain.reference.fiscal import AccountingPeriod
from domain.revenue.method import Opening
from domain.revenue.over_time import MethodChange, Month
from domain.terms import methods
from domain.terms.kind import OVER_TIME, LineHistory, TermsInForce, on_day
from domain.units import Amount
from domain.why import elsewhere
from domain.work.recorded import known_of
from domain.work.rows import OPENING, SCHEDULED_REVENUE, row_id
from state.books import Charge, Contract, Price
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.revenue.method_change import charge_id as change_id
from state.terms.opening import earned_before, rest_id
from state.terms.plan import line_plan, version_on
from state.totals import standing_price
from state.value import plain

TITLE: Final = "Earned before, by other terms"


def month_id(contract_id: str, line_id: str, month: AccountingPeriod) -> str:
    """Of the row that has what a line earned in a month."""
    return f"{composed(contract_id, line_id)}/{month.name}"


def is_rest(charge: Charge) -> bool:
    return charge.charge_id == rest_id(charge.contract_id or "", charge.line_id or "")


def rest(
    draft: Draft,
    contract: Contract,
    line_id: str,
    history: LineHistory,
    months: Iterable[Month],
    gone_over: Iterable[MethodChange],
) -> tuple[Amount, Opening | None]:
    """What a second row adds to that of the balances, and their opening with what both come to; nothing while they are loaded."""
    as_of = history.begins_after
    if as_of is None or draft.loads:
        return 0, history.opening
    of, agreed = (contract.contract_id, line_id), on_day(history.held, as_of)
    row_of = partial(row_id, SCHEDULED_REVENUE)
    named = partial(_named, draft, of, contract.terms.currency)
    booked = named(*_booked(draft, of))
    recorded_in = contract.terms.currency if draft.why is not None else None
    stated = earned_before(draft, contract.contract_id, agreed.line.project_id, line_id, recorded_in=recorded_in)
    if methods.timing(agreed.line, agreed.policies) != OVER_TIME:
        more = titled(-booked, TITLE)
    elif stated is None or (
        methods.draws_in(agreed.line.terms) is not None and not _is_by_another_method(draft, contract, agreed, as_of)
    ):
        more = 0
    else:
        prices = ((row, _standing(draft, row)) for row in line_fees(draft, contract, line_id).rows)
        known = [(row, price.earns) for row, price in prices if price is not None and price.day <= as_of]
        known += [(row_of(month_id(*of, month.period)), month.amount) for month in months if month.last <= as_of]
        known += [(row_of(change_id(*of, one.day)), one.amount) for one in gone_over if one.day <= as_of]
        more = less_all(titled(stated.earned, f"earned by {as_of}"), [booked, *(named(*one) for one in known)], TITLE)
    if draft.why is not None:
        record(draft.why, rest_of(*of), more)
    return plain(more), history.opening and history.opening._replace(beyond=plain(more + booked))


def rest_of(contract_id: str, line_id: str) -> str:
    """Address of the rest, as a recorder has it."""
    return f"rest_of_balances/{composed(contract_id, line_id)}"


def _booked(draft: Draft, of: tuple[str, str]) -> tuple[str, Amount]:
    """The row of the balances, and what it has earned over time."""
    row = row_id(OPENING, composed(*of))
    price = _standing(draft, row)
    return row, price.earns if price is not None and price.earned is not None else 0


def _standing(draft: Draft, row: str) -> Price | None:
    entry = draft.entry(row)
    return standing_price(entry) if entry is not None else None


def _named(draft: Draft, of: tuple[str, str], currency: str, row: str, amount: Amount) -> Amount:
    """With the row that has it once the event is done."""
    if draft.why is None or not amount:
        return amount
    address = known_of("recognised", row, of, draft.why.now, currency)
    return Recorded(elsewhere(f"{row}: revenue", amount, address, currency))


def _is_by_another_method(draft: Draft, contract: Contract, agreed: TermsInForce, as_of: date) -> bool:
    """Than the terms had that the balances found on their day; what is earned by spending is always what they state."""
    found = line_plan(draft, contract, version_on(contract, as_of), agreed.line.line_id)
    by = methods.revenue_method(agreed.line, agreed.policies)
    was = methods.revenue_method(found.line, found.policies) if found is not None else by
    return methods.by_spending(agreed.line, agreed.policies) or was != by
