"""What work on a line came to by the day of its balances: billed, and not, and over caps."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate

from domain.contract import category_of
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward
from domain.figure import in_part
from domain.terms.kind import NO_REVENUE, OVER_TIME, WITH_INVOICE
from domain.units import Amount, Hours
from domain.work.rows import EXPENSE, counted_as
from state.books import Contract, Entry
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.opening.caps import DAY, last_day_with_room, over_revenue
from state.opening.loading import Loading, Worked
from state.opening.record import recorded_due, recorded_revenue
from state.opening.running import beyond, draws_of
from state.opening.stated import Stated, former_terms, is_of_whole_line
from state.opening.take_rows import opening_rows
from state.terms.periods import open_period
from state.terms.plan import LinePlan, line_plan, version_on
from state.totals import outstanding, standing_price


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


def rows_of_line(draft: Draft, loading: Loading, stated: Stated) -> list[Entry]:
    """What the line has charged and earned by itself, then what work on it came to."""
    return [
        *carried_rows(draft, loading.contract, stated.balance.line_id, loading.event),
        *opening_rows(draft, loading, stated),
    ]


def day_of(entry: Entry) -> object:
    price = standing_price(entry)
    assert price is not None, "it is priced"
    return price.day


def due_of(draft: Draft, stated: Stated, entry: Entry) -> Amount:
    due = outstanding(entry, stated.contract.contract_id, stated.balance.line_id)
    return recorded_due(draft.why, entry.entry_id, stated, due)


def _plan_on(draft: Draft, contract: Contract, stated: Stated, day: date) -> LinePlan:
    """By the terms of the day, where the line has any then; later ones may be agreed already."""
    return line_plan(draft, contract, version_on(contract, day), stated.balance.line_id) or stated.plan


def _billable_hours(balance: BalanceForward) -> Hours:
    """Where nothing is stated, all but those of work that is not billable."""
    if balance.billable_hours is not None:
        return balance.billable_hours
    return balance.hours - sum(one.hours for one in balance.costs)


def _hours_over(balance: BalanceForward, hours: Hours, value: Amount, over: Amount) -> Hours:
    """Of the hours those that are over a cap: those of entries, else what it has not taken, without what of the `value` it does not count;
    else by what they are worth.

    26 h worth 5,200.00, of which a cap has taken 9.5 h and 1,900.00, and 152.00 were conceded: of 16.5 h 15.74 h are over it with 3,148.00
    """
    if not over:
        return 0
    if sum(one.over_cap for one in balance.entries) == balance.over_cap:
        return sum(one.over_cap_hours for one in balance.entries)
    used = max((one for one in balance.caps if one.month is None), key=lambda one: one.hours, default=None)
    if used is not None and 0 < used.hours <= hours:
        taken = used.amount or balance.cap_used
        beside = max(value - taken, 0) if taken else 0
        left = hours - used.hours
        return in_part(left, over, over + beside, "hours over the cap") if beside else left
    whole = value + over
    return in_part(hours, over, whole, "hours over the cap") if whole else 0


def beside_caps(
    draft: Draft, contract: Contract, worked: Worked, of_categories: Mapping[str, Amount]
) -> Iterator[Amount]:
    """What is for expenses that no cap of the line counts."""
    line_id = worked.plan.line.line_id
    for category, amount in of_categories.items():
        plan = line_plan(draft, contract, worked.plan.version, line_id, counted_as(EXPENSE, category))
        if plan is None or not any(is_of_whole_line(rule.cap_id, line_id) for rule in plan.rules):
            yield amount


def categories_of(worked: Worked, balance: BalanceForward) -> dict[str, Amount]:
    """What of the work is for expenses of categories that are limited: what the limits have taken; of no category what a line that charges
    for work has for expenses."""
    found: dict[str, Amount] = {}
    left = worked.value
    if balance.reimbursed:
        found[""] = part = min(balance.reimbursed, left)
        left -= part
    for cap in balance.caps:
        category = category_of(cap.cap_id, balance.line_id)
        if category is not None and cap.amount and left > 0:
            found[category] = part = min(cap.amount, left)
            left -= part
    return found


def last_of_ended(draft: Draft, loading: Loading) -> date | None:
    """The last day of the billing period that had ended and is not billed yet; None where the one that runs is the first to be billed."""
    found = open_period(draft, loading.contract)
    return found.to - DAY if found is not None and found.to <= loading.event.as_of else None


def billed_of(amounts: Sequence[Amount], billed: Amount, beyond: Amount = 0) -> list[Amount]:
    """What of each amount is billed, the oldest first.

    Those up to which they come to what was billed, but for as much as work came to `beyond` them; else all, where that is no more; else
    what is above zero, the last in part.

        of 2,500.00, 2,500.00, 2,500.00 and -3,108.55 the first two where 5,000.00 were billed; all where 4,391.45 were
        of 1,000.00 and 1,000.00 the first where 1,300.00 were, of 450.00 beyond fees
    """
    whole = [place for place, until in enumerate(accumulate(amounts), 1) if 0 <= billed - until <= beyond]
    if whole:
        place = whole[-1] if beyond else whole[0]
        return [*amounts[:place], *(0 for _ in amounts[place:])]
    if sum(amounts) <= billed:
        return list(amounts)
    found = []
    for amount in amounts:
        found.append(part := min(max(amount, 0), billed))
        billed -= part
    return found


def worked_of(draft: Draft, loading: Loading, stated: Stated) -> Worked:
    contract, balance, event = loading.contract, stated.balance, loading.event
    charged = carried_rows(draft, contract, balance.line_id, event)
    due = [due_of(draft, stated, entry) for entry in charged]
    earned = sum(
        recorded_revenue(draft.why, entry.entry_id, stated, price.earns)
        for entry in charged
        if (price := standing_price(entry)) is not None
    )
    gross, drawn = balance.billed + balance.conceded, draws_of(draft, stated, event)
    beyond_fees = beyond(stated, drawn) if drawn is not None else 0
    billed = gross - sum(billed_of(due, gross, beyond_fees))
    former = former_terms(draft, stated, event.as_of)
    if former is not None:
        plan, day = former
    else:
        plan = _plan_on(draft, contract, stated, event.as_of)
        day = last_day_with_room(loading, plan)
    rest, earns = 0, None
    if former is not None:
        rest = balance.revenue - balance.billed
    elif drawn is not None and plan.timing == OVER_TIME:
        # What expired is in what is used.
        earns = balance.revenue + balance.conceded
        rest = max(beyond_fees - billed, 0)
    elif plan.timing == OVER_TIME:
        earns = balance.revenue + balance.conceded - earned
    elif plan.timing == WITH_INVOICE:
        rest = balance.unbilled
    elif plan.timing != NO_REVENUE:
        rest = balance.revenue + balance.conceded - earned - billed
    hours = _billable_hours(balance)
    made = Worked(plan, day, billed, rest, earns, hours, 0, not charged, drawn)
    over = over_revenue(loading, stated, made)
    value = made.value - sum(beside_caps(draft, contract, made, categories_of(made, balance)))
    over_hours = _hours_over(balance, hours, value, over)
    return made._replace(hours=hours - over_hours, over=over, over_hours=over_hours)
