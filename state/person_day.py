"""Increments over a person's day (R9, scope `person_day`): the day's sum is rounded, each entry takes the cumulative difference.

    15-minute steps up; entries of 10, 10 and 10 minutes in consumption order: 15, 15 and 0 minutes (30 together).

What is issued comes first and keeps its hours; an entry that comes or goes moves only the others that are not issued.
"""

from datetime import date, timedelta

from msgspec.structs import replace

from domain.billing import methods
from domain.caps import Order, order_of
from domain.increments import billable_hours
from domain.money import extend
from domain.policies import Resolved
from domain.units import Hours
from state.allot import change
from state.assess import worked_hours
from state.books import Entry, Price, Work
from state.claims import Stake, keeping, stake_of
from state.draft import Draft
from state.plan import LinePlan
from state.repricing import reprice


def by_day(policies: Resolved) -> bool:
    return policies.increment_scope == "person_day" and bool(policies.increment_minutes or policies.minimum_minutes)


def shares(
    draft: Draft, plan: LinePlan, person_id: str, day: date, own: tuple[Order, str, Hours] | None, without: str
) -> dict[str, Hours]:
    """Hours to price for every entry of the person's day on the line that is not issued; `own` is one that comes now."""
    issued_worked = issued_hours = 0
    waiting: list[tuple[Order, str, Hours]] = [own] if own is not None else []
    for entry, price in _of_day(draft, plan, person_id, day):
        if entry.entry_id == without:
            continue
        worked = _worked(entry, plan)
        if any(one.amount for one in entry.issued):
            issued_worked += worked
            issued_hours += price.hours
        else:
            waiting.append(
                (order_of(price.day, price.approved_at, entry.entry_id, by_approval=False), entry.entry_id, worked)
            )
    found = {}
    worked, given = issued_worked, issued_hours
    for _, entry_id, hours in sorted(waiting):
        worked += hours
        due = _rounded(plan.policies, worked)
        found[entry_id] = max(due - given, 0)
        given = max(due, given)
    return found


def stepped_price(draft: Draft, entry: Entry, work: Work, price: Price, line: LinePlan) -> Price:
    """The entry's share of its person's day, where increments are rounded over that."""
    event = work.time
    if event is None or not by_day(line.policies) or event.billable_hours is not None:
        return price
    order = order_of(price.day, price.approved_at, entry.entry_id, by_approval=False)
    found = shares(draft, line, event.person_id, price.day, (order, entry.entry_id, price.hours), entry.entry_id)
    hours = found[entry.entry_id]
    value = extend(hours, price.rate, price.markup, price.currency, line.policies.money_mode)
    return replace(price, hours=hours, value=value, stepped=True)


def settle(draft: Draft, plan: LinePlan, person_id: str, day: date) -> None:
    """Give the entries of the day that are not issued their share, the difference posted."""
    for entry_id, hours in shares(draft, plan, person_id, day, None, "").items():
        entry = draft.entry(entry_id)
        before = stake_of(entry) if entry is not None else None
        if entry is None or before is None or before.price.hours == hours:
            continue
        price = before.price
        value = extend(hours, price.rate, price.markup, plan.currency, plan.policies.money_mode)
        wanted = keeping(plan, price, replace(price, hours=hours, value=value, given=0))
        allotted = change(draft, (plan, before), (plan, Stake(entry_id, person_id, wanted, 0)))
        assert allotted is not None, "a claim was made"
        current = draft.entry(entry_id)
        assert current is not None, "the entry was there before"
        draft.put_entry(current, reprice(draft, current, plan, allotted, "person_day"))


def _of_day(draft: Draft, plan: LinePlan, person_id: str, day: date) -> list[tuple[Entry, Price]]:
    found = []
    until = (day + timedelta(days=1)).isoformat()
    for entry in draft.open_on(plan.contract_id, plan.line.line_id, day.isoformat(), until):
        work = entry.standing
        price = work.price if work is not None else None
        if work is not None and price is not None and price.stepped and work.person_id == person_id:
            found.append((entry, price))
    return found


def _worked(entry: Entry, plan: LinePlan) -> Hours:
    """Before the steps of the day, rounded as policy `hours_decimals` says."""
    work = entry.standing
    if work is None:
        return 0
    return methods.billable_hours(plan.line.terms, worked_hours(work.event), None, plan.policies)


def _rounded(policies: Resolved, hours: Hours) -> Hours:
    return billable_hours(hours, policies.increment_minutes, policies.increment_mode, policies.minimum_minutes)
