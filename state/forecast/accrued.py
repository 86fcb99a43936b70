"""With which bills what is done and on no statement goes out: with that of the open billing period which holds its day; late and held work
and corrections with the oldest open one's.

    Cut-off on the 20th, 10 days of grace: on 25 March work of 10 March is billed on 20 March, work of 25 March on 20 April
"""

from datetime import date

from domain.figure import called
from domain.months import month_end
from domain.units import Amount
from state.billing.payers import billed_day
from state.books import Contract
from state.draft import Draft
from state.forecast.expected import Calendar, billed_on, fee_months, work_months
from state.forecast.outlook import ONE_DAY
from state.terms.periods import open_period
from state.totals import issued_on, month_of, outstanding


def oldest_open(draft: Draft, contract: Contract, as_of: date) -> Calendar:
    """Of the oldest open billing period; on request, of the month."""
    period = open_period(draft, contract)
    if period is None:
        return work_months(draft, contract, month_of(as_of))
    return fee_months(draft, contract, period.to - ONE_DAY)


def accrued_on(
    draft: Draft, contract: Contract, line_id: str, project_id: str, accrued: Amount, as_of: date
) -> dict[date, Amount]:
    """What is accrued on a line in a project, by the days on which it is billed."""
    period, by_day = open_period(draft, contract), dict[date, Amount]()
    since = period.to if period is not None else month_end(as_of) + ONE_DAY
    contract_id = contract.contract_id
    for entry in draft.due_on(contract_id, line_id, since.isoformat(), "9999"):
        if draft.billed_in(entry, contract_id, line_id) == project_id:
            day = billed_day(entry, issued_on(entry, contract_id, line_id))
            by_day[day] = by_day.get(day, 0) + outstanding(entry, contract_id, line_id)
    found: dict[date, Amount] = {}
    for day, amount in sorted(by_day.items()):
        billed = billed_on(draft, contract, day) or month_end(day)
        found[billed] = found.get(billed, 0) + amount
    if rest := called(accrued - sum(found.values()), "accrued before"):
        oldest = oldest_open(draft, contract, as_of).billed
        found[oldest] = found.get(oldest, 0) + rest
    return found
