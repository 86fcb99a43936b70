"""Prices that entries of a line share, in consumption order: what is issued comes first and keeps what it has, and an entry that comes or
goes moves only the others that are not issued.

Increments over a person's day (R9, scope `person_day`): the day's sum is rounded, each entry takes the cumulative difference.

    15-minute steps up; entries of 10, 10 and 10 minutes in consumption order: 15, 15 and 0 minutes (30 together)

Units whose price has steps, or of which a number is agreed: `domain/billing/unit_price.py`.
"""

from datetime import date, timedelta
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from domain.billing import methods
from domain.billing.unit_price import MONTHS, Delivery, is_shared, prices, values
from domain.billing_periods import period_of
from domain.caps import Order, order_of
from domain.contract import agreed_units
from domain.events.common import UnitPrice
from domain.increments import billable_hours
from domain.money import extend
from domain.policies import Resolved
from domain.rows import COUNTED_FEE, COUNTED_TIME
from domain.units import Hours
from state import drawing
from state.allot import change
from state.assess import worked_hours
from state.assess_charge import of_quantity
from state.books import Contract, Entry, Price, Work
from state.claims import Stake, keeping, stake_of
from state.draft import Draft
from state.given_up import fitted
from state.periods import cycle_on
from state.plan import LinePlan, line_plan, plan_of, versions
from state.repricing import reprice

BEFORE_ALL, AFTER_ALL = "", "9999"


class Pool(NamedTuple):
    """Who shares: a person's work of a day on a line, or deliveries on it; `since` and `until` (excluded) are service dates as text."""

    contract_id: str
    line_id: str
    content: str
    person_id: str
    since: str
    until: str


class _Sharer(NamedTuple):
    order: Order
    entry_id: str
    price: Price
    worked: Hours
    is_issued: bool


def by_day(policies: Resolved) -> bool:
    return policies.increment_scope == "person_day" and bool(policies.increment_minutes or policies.minimum_minutes)


def stepped_price(draft: Draft, entry: Entry, work: Work, price: Price, line: LinePlan) -> Price:
    """The entry's share, where it shares its price with others."""
    if line.draws is not None and drawing.draws(work, line):
        return drawing.drawn_price(draft, entry, work, price, line)
    if not _shares(work, price, line):
        return price
    pool = pool_of(draft, line, work.person_id, price)
    own = _Sharer(_order(price, entry.entry_id), entry.entry_id, price, price.hours, is_issued=False)
    return _shared(draft, line, pool, own)[entry.entry_id]


def _shares(work: Work, price: Price, line: LinePlan) -> bool:
    if work.time is not None:
        return by_day(line.policies) and work.time.billable_hours is None
    terms = methods.units(line.line.terms)
    return terms is not None and price.content == COUNTED_FEE and is_shared(terms)


def pool_of(draft: Draft, plan: LinePlan, person_id: str, price: Price) -> Pool:
    contract_id, line_id = plan.contract_id, plan.line.line_id
    if price.content == COUNTED_TIME:
        day_after = price.day + timedelta(days=1)
        return Pool(contract_id, line_id, COUNTED_TIME, person_id, price.day.isoformat(), day_after.isoformat())
    terms = methods.units(plan.line.terms)
    span = (BEFORE_ALL, AFTER_ALL)
    if terms is not None and terms.units is None:
        span = _span(draft, plan, terms, price.day)
    return Pool(contract_id, line_id, COUNTED_FEE, "", *span)


def _span(draft: Draft, plan: LinePlan, terms: UnitPrice, day: date) -> tuple[str, str]:
    """The period whose units the steps count; of a contract that is billed on request all its units are one period."""
    months = MONTHS.get(terms.tier_period)
    if months is not None:
        first = (day.month - 1) // months * months
        following = date(day.year + (first + months) // 12, (first + months) % 12 + 1, 1)
        return date(day.year, first + 1, 1).isoformat(), following.isoformat()
    contract = draft.contract(plan.contract_id)
    if terms.tier_period != "billing_period" or contract is None:
        return BEFORE_ALL, AFTER_ALL
    period = period_of(cycle_on(draft, contract, day), day, plan.terms.starts_on, plan.entity.fiscal_calendar)
    return (period.start.isoformat(), period.to.isoformat()) if period is not None else (BEFORE_ALL, AFTER_ALL)


def settle(draft: Draft, plan: LinePlan, pool: Pool) -> None:
    """Give the entries that are not issued their share, the difference posted."""
    for entry_id, price in _shared(draft, plan, pool, None).items():
        entry = draft.entry(entry_id)
        before = stake_of(entry) if entry is not None else None
        if entry is None or before is None or _same(before.price, price):
            continue
        own = plan_of(draft, price) or plan
        is_issued = _is_issued(entry)
        wanted = fitted(entry, price if is_issued else keeping(own, before.price, replace(price, given=0)))
        issued = before.issued if is_issued else 0
        allotted = change(draft, (own, before), (own, Stake(entry_id, before.person_id, wanted, issued)))
        assert allotted is not None, "a claim was made"
        current = draft.entry(entry_id)
        assert current is not None, "the entry was there before"
        rule = "person_day" if pool.content == COUNTED_TIME else "tiers"
        draft.put_entry(current, reprice(draft, current, own, allotted, rule))


def settle_line(draft: Draft, contract: Contract, line_id: str) -> None:
    """After its terms changed: how many units are agreed concerns also what is issued."""
    plans = (line_plan(draft, contract, one.version, line_id, COUNTED_FEE) for one in reversed(contract.history))
    known = [plan for plan in plans if plan is not None]
    if any(methods.agreed_units(plan.line.terms) is not None for plan in known):
        pool = Pool(contract.contract_id, line_id, COUNTED_FEE, "", BEFORE_ALL, AFTER_ALL)
        settle(draft, known[0], pool)


def _same(one: Price, other: Price) -> bool:
    return (one.hours, one.value, one.within) == (other.hours, other.value, other.within)


def _shared(draft: Draft, plan: LinePlan, pool: Pool, own: _Sharer | None) -> dict[str, Price]:
    """Prices of every entry that shares; `own` is one that comes now, in place of what stands under its id.

    What is issued keeps its value where others make good for it. Which units are within those agreed does not depend on what is issued:
    there each has the value of its place.
    """
    sharers = [*_standing(draft, plan, pool, own.entry_id if own is not None else ""), *([own] if own else ())]
    sharers.sort(key=lambda one: (not one.is_issued, one.order))
    if pool.content == COUNTED_TIME:
        return _of_day(plan, sharers)
    return _of_units(draft, plan, sharers, own)


def _standing(draft: Draft, plan: LinePlan, pool: Pool, without: str) -> list[_Sharer]:
    found = []
    for entry in draft.open_on(pool.contract_id, pool.line_id, pool.since, pool.until):
        work = entry.standing
        price = work.price if work is not None else None
        if work is None or price is None or not price.stepped or entry.entry_id == without:
            continue
        if (price.contract_id, price.line_id, price.content) != (pool.contract_id, pool.line_id, pool.content):
            continue
        if pool.content == COUNTED_TIME and work.person_id != pool.person_id:
            continue
        worked = _worked(work, plan) if work.time is not None else 0
        found.append(_Sharer(_order(price, entry.entry_id), entry.entry_id, price, worked, _is_issued(entry)))
    return found


def _is_issued(entry: Entry) -> bool:
    return any(one.amount for one in entry.issued)


def _order(price: Price, entry_id: str) -> Order:
    return order_of(price.day, price.approved_at, entry_id, by_approval=False)


# A person's day


def _of_day(plan: LinePlan, sharers: list[_Sharer]) -> dict[str, Price]:
    found = {}
    worked = given = 0
    for sharer in sharers:
        worked += sharer.worked
        if sharer.is_issued:
            given += sharer.price.hours
            continue
        due = _rounded(plan.policies, worked)
        hours = max(due - given, 0)
        given = max(due, given)
        price = sharer.price
        value = extend(hours, price.rate, price.markup, price.currency, plan.policies.money_mode)
        found[sharer.entry_id] = replace(price, hours=hours, value=value, stepped=True)
    return found


def _worked(work: Work, plan: LinePlan) -> Hours:
    """Before the steps of the day, rounded as policy `hours_decimals` says."""
    return methods.billable_hours(plan.line.terms, worked_hours(work.event), None, plan.policies)


def _rounded(policies: Resolved, hours: Hours) -> Hours:
    return billable_hours(hours, policies.increment_minutes, policies.increment_mode, policies.minimum_minutes)


# Units


def _of_units(draft: Draft, plan: LinePlan, sharers: list[_Sharer], own: _Sharer | None) -> dict[str, Price]:
    deliveries = []
    contract = draft.contract(plan.contract_id)
    assert contract is not None, "the plan is of a contract in the books"
    history = versions(contract)
    is_agreed = any(agreed_units(history, plan.line.line_id, sharer.price.day) is not None for sharer in sharers)
    for sharer in sorted(sharers, key=attrgetter("order")) if is_agreed else sharers:
        theirs = plan if sharer is own else plan_of(draft, sharer.price)
        terms = methods.units(theirs.line.terms) if theirs is not None else None
        if theirs is not None and terms is not None:
            since, _ = _span(draft, theirs, terms, sharer.price.day)
            terms = terms._replace(units=agreed_units(history, plan.line.line_id, sharer.price.day))
            kept = sharer.price.value if sharer.is_issued and not is_agreed else None
            deliveries.append(Delivery(sharer.entry_id, since, sharer.price.quantity, terms, kept))
    valued = values(deliveries, plan.step, plan.policies.money_mode)
    terms_of = {delivery.row: delivery.terms for delivery in deliveries}
    found = {}
    for sharer in sharers:
        if sharer.entry_id in valued:
            amount, within = valued[sharer.entry_id]
            if sharer.is_issued and amount == sharer.price.value:
                found[sharer.entry_id] = replace(sharer.price, within=within)
                continue
            tiers = prices(terms_of[sharer.entry_id])
            price = of_quantity(sharer.price, amount, sharer.price.quantity, tiers)
            found[sharer.entry_id] = replace(price, within=within, stepped=True)
    return found
