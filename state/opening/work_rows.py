"""Rows of what work on a line came to by the day of its balances, beside what its terms charged by themselves."""

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward
from domain.identity import composed
from domain.reference.zones import universal_midnight
from domain.terms import methods
from domain.terms.kind import INCLUDED, NO_REVENUE, OVER_TIME, WITH_INVOICE
from domain.units import QUANTITY_ONE, Amount, Hours
from domain.work.rows import OPENING, row_id
from state.books import (
    Charge,
    Contract,
    Entry,
    OpeningWork,
    Work,
)
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.handlers.work import take
from state.opening.faults import Stated
from state.opening.loading import UNBILLED_REST, Loading
from state.opening.record import say_row
from state.opening.retainers import beyond, draws_of
from state.terms.plan import LinePlan
from state.totals import month_of, outstanding, standing_price

EXPENSES = "expenses"
DESCRIPTION = "Brought forward"


def carried_rows(draft: Draft, contract: Contract, line_id: str, event: BalancesBroughtForward) -> list[Entry]:
    """What the line has charged and earned by itself, oldest first."""
    known = line_fees(draft, contract, line_id)
    found = (draft.entry(row) for row in (*known.rows, *known.earned))
    carried = (
        entry
        for entry in found
        if entry is not None
        and entry.work is not None
        and entry.work.charge is not None
        and entry.work.charge.carried_on == event.as_of
        and standing_price(entry) is not None
    )
    return sorted(carried, key=lambda entry: (day_of(entry), entry.entry_id))


def day_of(entry: Entry) -> object:
    price = standing_price(entry)
    assert price is not None, "it is priced"
    return price.day


def bring_work(draft: Draft, loading: Loading, stated: Stated) -> None:
    """Rows of what work on the line came to, so that the line comes to what is stated with what its terms charged."""
    contract, balance, plan = loading.contract, stated.balance, stated.plan
    line_id = balance.line_id
    charged = carried_rows(draft, contract, line_id, loading.event)
    prices = [price for entry in charged if (price := standing_price(entry)) is not None]
    due = sum(outstanding(entry, contract.contract_id, line_id) for entry in charged)
    earned = sum(price.earns for price in prices)
    billed = balance.billed - min(due, balance.billed)
    rest, earns = balance.over_cap, None
    spent = {each.category: each.spent for each in balance.spent}
    drawn = draws_of(draft, stated, loading.event.as_of)
    if drawn is not None and plan.timing == OVER_TIME:
        # What expired is in what is used.
        earns = balance.revenue
        rest = max(beyond(stated, drawn) - billed, 0)
    elif plan.timing == OVER_TIME:
        earns = balance.revenue - earned
    elif plan.timing not in (WITH_INVOICE, NO_REVENUE):
        rest += balance.revenue - earned - billed
    hours = _billable_hours(plan, balance)
    uncounted, uncounted_hours = _uncounted(plan, balance, billed + rest, hours, month_of(loading.event.as_of))
    if balance.units is not None:  # deliveries share steps as one
        billed, rest = billed + rest, 0
    # Hours are worth what all of them are worth together.
    open_hours = hours * rest // (billed + rest) if rest and billed + rest else 0
    own = min(uncounted, max(billed, 0)), min(uncounted_hours, hours - open_hours)
    cost = balance.cost - balance.expenses
    if billed or balance.hours or cost or hours or earns or uncounted or drawn or spent or balance.ledger is not None:
        work = OpeningWork(balance.hours, hours - open_hours, cost, *own, drawn, spent)
        _take(draft, loading, stated, "", billed, work, earned=earns)
    if rest:
        work = OpeningWork(0, open_hours, 0, uncounted - own[0], uncounted_hours - own[1])
        _take(draft, loading, stated, UNBILLED_REST, rest, work, earned=0 if earns is not None else None)
    if balance.expenses:
        _take(draft, loading, stated, EXPENSES, 0, OpeningWork(cost=balance.expenses))


def _billable_hours(plan: LinePlan, balance: BalanceForward) -> Hours:
    """Those that are charged; none where the terms' own charges are for them."""
    if balance.billable_hours is not None:
        return balance.billable_hours
    return 0 if methods.hours_charged(plan.line.terms) == INCLUDED else balance.hours


def _uncounted(
    plan: LinePlan, balance: BalanceForward, value: Amount, hours: Hours, month: str
) -> tuple[Amount, Hours]:
    """What of the work's value, and of its hours, caps do not count, or count no more."""
    if not plan.rules:
        return 0, 0
    now = [one for one in balance.caps if one.month is None or month_of(one.month) == month]
    used = max((balance.cap_used, *(one.amount for one in now))) + balance.over_cap
    used_hours = max((one.hours for one in now), default=0)
    beyond = max(value - used, 0)
    if used_hours or not value:
        return beyond, max(hours - used_hours, 0)
    return beyond, hours * beyond // value


def _take(
    draft: Draft,
    loading: Loading,
    stated: Stated,
    part: str,
    amount: Amount,
    work: OpeningWork,
    *,
    earned: Amount | None = None,
) -> None:
    contract, event, balance = loading.contract, loading.event, stated.balance
    charge_id = composed(contract.contract_id, balance.line_id) + (f"/{part}" if part else "")
    row = row_id(OPENING, charge_id)
    entry = draft.entry(row)
    charge = Charge(
        OPENING,
        charge_id,
        entry.version + 1 if entry is not None else 1,
        event.project_id,
        event.as_of,
        universal_midnight(event.as_of),
        contract.terms.currency,
        amount,
        contract.contract_id,
        balance.line_id,
        description=DESCRIPTION,
        category=EXPENSES if part == EXPENSES else None,
        quantity=(balance.units if not part else 0) if balance.units is not None else QUANTITY_ONE,
        earned=earned,
        carried_on=event.as_of,
        opening=work,
    )
    if draft.why is not None:
        say_row(draft.why, row, stated, event, charge, part)
    take(draft, row, Work(None, draft.cause.log_offset, charge=charge))
    loading.rows.append(row)
