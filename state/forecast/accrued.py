"""With which bills what is done and on no statement goes out: with that of the open billing period which holds its day; late and held work
and corrections with the oldest open one's.

    Cut-off on the 20th, 10 days of grace: on 25 March work of 10 March is billed on 20 March, work of 25 March on 20 April
"""

from collections.abc import Iterator
from datetime import date

from domain.figure import called
from domain.months import month_end
from domain.units import Amount
from domain.work.rows import FEE, named
from state.billing.payers import billed_day
from state.books import Contract, Entry, LineEarning, StatementState
from state.draft import Draft
from state.forecast.expected import BillDays, Calendar, billed_on, fee_months, work_months
from state.forecast.outlook import ONE_DAY
from state.forecast.tracks import by_invoice
from state.terms.periods import open_period
from state.totals import issued_on, month_of, outstanding, standing_price, to_invoice


def oldest_open(draft: Draft, contract: Contract, as_of: date) -> Calendar:
    """Of the oldest open billing period; on request, of the month."""
    period = open_period(draft, contract)
    if period is None:
        return work_months(draft, contract, month_of(as_of))
    return fee_months(draft, contract, period.to - ONE_DAY)


def accrued_on(
    draft: Draft, contract: Contract, line_id: str, project_id: str, accrued: Amount, as_of: date
) -> dict[BillDays, Amount]:
    """What is accrued on a line in a project, by the days of its bills. What is billed before the next period is one sum where all terms
    name the same payers."""
    period, by_day = open_period(draft, contract), dict[date, Amount]()
    since = period.to if period is not None else month_end(as_of) + ONE_DAY
    contract_id = contract.contract_id
    begin = "" if payers_change(draft, contract) else since.isoformat()
    for entry in draft.due_on(contract_id, line_id, begin, "9999"):
        if draft.billed_in(entry, contract_id, line_id) == project_id:
            day = billed_day(entry, issued_on(entry, contract_id, line_id))
            by_day[day] = by_day.get(day, 0) + outstanding(entry, contract_id, line_id)
    found: dict[BillDays, Amount] = {}
    for day, amount in sorted(by_day.items()):
        billed = oldest_open(draft, contract, as_of).billed if day < since else billed_on(draft, contract, day)
        days = bill_days(draft, contract, billed or month_end(day), day)
        found[days] = found.get(days, 0) + amount
    if rest := called(accrued - sum(found.values()), "accrued before"):
        oldest = oldest_open(draft, contract, as_of).billed
        found[oldest, oldest] = found.get((oldest, oldest), 0) + rest
    return found


def bill_days(draft: Draft, contract: Contract, billed: date, day: date) -> BillDays:
    """Where all terms name the same payers, the day on which it is billed stands for the service date."""
    return billed, day if payers_change(draft, contract) else billed


def payers_change(draft: Draft, contract: Contract) -> bool:
    return draft.of_terms("payers change", contract, _payers_change)


def _payers_change(_: Draft, contract: Contract) -> bool:
    first, *others = ((one.terms.customer_id, one.terms.bill_to, one.terms.funding) for one in contract.history)
    return any(one != first for one in others)


def uninvoiced(draft: Draft, line: LineEarning) -> tuple[Amount, list[tuple[str, Amount]]]:
    """In which months what is billable of work will be revenue once it is invoiced: in those of the work. What lines charge by themselves
    is left of their prices (`state/forecast/prices.py`).

    10 h of January on a statement without an invoice: 2,000.00 of January are to come

    In contract currency, in all and by month.
    """
    of = line.contract_id, line.line_id
    left, _ = by_invoice(draft, line, draft.line(*of))
    by_month: dict[str, Amount] = {}
    for entry in _waiting(draft, *of) if left else ():
        is_price = line.total is not None and named(entry.entry_id)[0] == FEE
        if not is_price and (amount := to_invoice(entry, *of)):
            month = _month(entry, *of)
            by_month[month] = by_month.get(month, 0) + amount
    return left, [(month, called(amount, f"of {month}, not invoiced")) for month, amount in sorted(by_month.items())]


def _waiting(draft: Draft, contract_id: str, line_id: str) -> list[Entry]:
    """Rows of the line on no statement, and on statements without an invoice."""
    found = {entry.entry_id: entry for entry in draft.due_on(contract_id, line_id, "", "9999")}
    for statement in _without_invoice(draft, contract_id):
        for one in draft.listed(statement.statement_id):
            entry = draft.entry(one.entry_id) if one.line_id == line_id else None
            if entry is not None:
                found[entry.entry_id] = entry
    return list(found.values())


def _without_invoice(draft: Draft, contract_id: str) -> Iterator[StatementState]:
    for statement_id in draft.ids("statement"):
        statement = draft.statement(statement_id)
        if statement is not None and statement.contract_id == contract_id and statement.invoice_id is None:
            yield statement


def _month(entry: Entry, contract_id: str, line_id: str) -> str:
    """Of the work, as it is priced on the line or was issued there."""
    price, issued = standing_price(entry), issued_on(entry, contract_id, line_id)
    if price is not None and (price.contract_id, price.line_id) == (contract_id, line_id):
        return month_of(price.day)
    assert issued is not None, "it is on the line by what is issued"
    return month_of(issued.day)
