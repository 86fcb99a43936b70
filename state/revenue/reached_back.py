"""What a line had earned over time by the day of its balances, where terms that are agreed since reach back to it.

It stands as balances state it until something is earned after them (`domain/revenue/over_time.py`). Their row of the line has it with what
the terms of that day had earned. Other terms take that back, or earn something else, so a row of its own has the rest. Where revenue comes
with what is billed, it takes back all of their row. What a retainer has earned is what was drawn of it, which no terms change.

    2,000.00 stated, by reports: 40 % of 5,000.00; by cost instead: Dr 4000 2,000.00 of the month, Cr 4000 2,000.00
    2,000.00 stated, by cost; as it is billed instead: Dr 4000 2,000.00
"""

from collections.abc import Iterable, Iterator
from datetime import date

from domain.identity import composed
from domain.revenue.method import Opening
from domain.revenue.over_time import MethodChange, Month
from domain.terms import methods
from domain.terms.kind import OVER_TIME, LineHistory, TermsInForce, on_day
from domain.units import Amount
from domain.work.rows import OPENING, row_id
from state.books import Charge, Contract
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.terms.opening import earned_before, rest_id
from state.terms.plan import line_plan, version_on
from state.totals import standing_price


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
    agreed, booked = on_day(history.held, as_of), _booked(draft, contract.contract_id, line_id)
    stated = earned_before(draft, contract.contract_id, agreed.line.project_id, line_id)
    stands = booked
    if methods.timing(agreed.line, agreed.policies) != OVER_TIME:
        stands = 0
    elif stated is not None and (
        methods.draws_in(agreed.line.terms) is None or _is_by_another_method(draft, contract, agreed, as_of)
    ):
        stands = stated.earned - sum(month.amount for month in months if month.last <= as_of)
        stands -= sum(change.amount for change in gone_over if change.day <= as_of)
        stands -= sum(amount for _, amount in earning_rows(draft, line_fees(draft, contract, line_id).rows, as_of))
    return stands - booked, history.opening and history.opening._replace(beyond=stands)


def earning_rows(draft: Draft, rows: Iterable[str], as_of: date) -> Iterator[tuple[str, Amount]]:
    """What terms have earned by rows up to the day of the balances."""
    for row in rows:
        entry = draft.entry(row)
        price = standing_price(entry) if entry is not None else None
        if price is not None and price.day <= as_of and price.earns:
            yield row, price.earns


def _booked(draft: Draft, contract_id: str, line_id: str) -> Amount:
    """What the row of the balances has earned over time."""
    entry = draft.entry(row_id(OPENING, composed(contract_id, line_id)))
    price = standing_price(entry) if entry is not None else None
    return price.earns if price is not None and price.earned is not None else 0


def _is_by_another_method(draft: Draft, contract: Contract, agreed: TermsInForce, as_of: date) -> bool:
    """Than the terms had that the balances found on their day; what is earned by spending is always what they state."""
    found = line_plan(draft, contract, version_on(contract, as_of), agreed.line.line_id)
    by = methods.revenue_method(agreed.line, agreed.policies)
    was = methods.revenue_method(found.line, found.policies) if found is not None else by
    return methods.by_spending(agreed.line, agreed.policies) or was != by
