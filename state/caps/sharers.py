"""Who shares a price on a line, in consumption order, and what units come to by the steps that they share."""

from collections.abc import Iterator
from datetime import date, timedelta
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps.consume import DAY, MONTH, Order, order_of
from domain.contract import agreed_units
from domain.events.common import UnitPrice
from domain.figure import as_recorded
from domain.months import MONTHS_IN, months_after
from domain.terms import methods
from domain.terms.unit_price import Delivery, is_shared, prices, values
from domain.units import Hours
from domain.work.hours import worked_hours
from domain.work.recorded import ASKED, figure_of
from domain.work.rows import COUNTED_FEE, COUNTED_TIME, OPENING, named
from state.books import Contract, Price, Work
from state.draft import Draft
from state.terms.periods import period_holding
from state.terms.plan import LinePlan, plan_of, versions
from state.totals import is_issued
from state.work import charge_record
from state.work.value_charge import of_quantity

BEFORE_ALL, AFTER_ALL = "", "9999"


class SharedPool(NamedTuple):
    """Who shares: a person's work of a day on a line, or deliveries on it; `since` and `until` (excluded) are service dates as text."""

    contract_id: str
    line_id: str
    content: str
    person_id: str
    since: str
    until: str


class Sharer(NamedTuple):
    """`is_issued` where it keeps its price: what was brought forward does as well."""

    order: Order
    entry_id: str
    price: Price
    worked: Hours
    is_issued: bool
    person_id: str


def pool_of(draft: Draft, plan: LinePlan, person_id: str, price: Price) -> SharedPool:
    contract_id, line_id = plan.contract_id, plan.line.line_id
    if price.content == COUNTED_TIME:
        day_after = price.day + timedelta(days=1)
        return SharedPool(contract_id, line_id, COUNTED_TIME, person_id, price.day.isoformat(), day_after.isoformat())
    terms = methods.units(plan.line.terms)
    span = (BEFORE_ALL, AFTER_ALL)
    if terms is not None and terms.units is None:
        span = _span(draft, plan, terms, price.day)
    return SharedPool(contract_id, line_id, COUNTED_FEE, "", *span)


def _span(draft: Draft, plan: LinePlan, terms: UnitPrice, day: date) -> tuple[str, str]:
    """The period whose units the steps count; of a contract that is billed on request all its units are one period."""
    months = MONTHS_IN.get(terms.tier_period)
    if months is not None:
        first = date(day.year, (day.month - 1) // months * months + 1, 1)
        return first.isoformat(), months_after(first, months).isoformat()
    contract = draft.contract(plan.contract_id)
    if terms.tier_period != "billing_period" or contract is None:
        return BEFORE_ALL, AFTER_ALL
    period = period_holding(draft, contract, day)
    return (period.start.isoformat(), period.to.isoformat()) if period is not None else (BEFORE_ALL, AFTER_ALL)


def standing(draft: Draft, plan: LinePlan, pool: SharedPool, without: str) -> list[Sharer]:
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
        if draft.why is not None and work.time is not None:
            worked = as_recorded(worked, draft.why.figure(figure_of(entry.entry_id, ASKED)))
        keeps = is_issued(entry, price) or named(entry.entry_id)[0] == OPENING
        found.append(Sharer(order_on(price, entry.entry_id), entry.entry_id, price, worked, keeps, work.person_id))
    return found


def order_on(price: Price, entry_id: str) -> Order:
    return order_of(price.day, price.approved_at, entry_id, by_approval=False)


def _worked(work: Work, plan: LinePlan) -> Hours:
    """Before the steps of the day, rounded as policy `hours_decimals` says."""
    return methods.billable_hours(plan.line.terms, worked_hours(work.event), None, plan.policies)


# Units


def of_units(
    draft: Draft, plan: LinePlan, sharers: list[Sharer], own: Sharer | None, *, keeps_issued: bool = True
) -> dict[str, Price]:
    """Where units are agreed, or caps count months that share steps, each has the price of its place whatever is issued; and where issued
    ones keep nothing."""
    deliveries = []
    plans = {}
    contract = draft.contract_in_books(plan.contract_id)
    history = versions(contract)
    is_agreed = any(agreed_units(history, plan.line.line_id, sharer.price.day) is not None for sharer in sharers)
    by_day = is_agreed or not keeps_issued or steps_cross_caps(contract, plan)
    for sharer in sorted(sharers, key=attrgetter("order")) if by_day else sharers:
        theirs = plan if sharer is own else plan_of(draft, sharer.price)
        terms = methods.units(theirs.line.terms) if theirs is not None else None
        if theirs is not None and terms is not None:
            since, _ = _span(draft, theirs, terms, sharer.price.day)
            terms = terms._replace(units=agreed_units(history, plan.line.line_id, sharer.price.day))
            kept = sharer.price.value if sharer.is_issued and not by_day else None
            plans[sharer.entry_id] = theirs
            deliveries.append(Delivery(sharer.entry_id, since, sharer.price.quantity, terms, kept))
    valued = values(deliveries, plan.step, plan.policies.money_mode)
    terms_of = {delivery.row: delivery.terms for delivery in deliveries}
    recorded = charge_record.SharedUnits(draft.why, deliveries, plans) if draft.why is not None else None
    found = {}
    for sharer in sharers:
        if sharer.entry_id in valued:
            amount, within = valued[sharer.entry_id]
            if sharer.is_issued and amount == sharer.price.value:
                price = replace(sharer.price, within=within)
            else:
                tiers = prices(terms_of[sharer.entry_id])
                price = of_quantity(sharer.price, amount, sharer.price.quantity, tiers)
                price = replace(price, within=within, stepped=True)
            found[sharer.entry_id] = recorded.of(sharer.entry_id, price) if recorded is not None else price
    return found


def has_steps(contract: Contract, line_id: str) -> bool:
    """Whether deliveries on the line share steps of which what is issued keeps its own, under any version of the terms."""
    return any(terms.units is None and is_shared(terms) for terms in _unit_prices(contract, line_id))


def steps_cross_caps(contract: Contract, plan: LinePlan) -> bool:
    """Whether deliveries of several months or days, each with a cap of its own, share steps: what one made good for another's would count
    towards the wrong cap."""
    periods = {rule.period for rule in plan.every_rule if any(limit.hard for limit in rule.limits)}
    if DAY in periods:
        return True
    return MONTH in periods and any(terms.tier_period != "month" for terms in _unit_prices(contract, plan.line.line_id))


def _unit_prices(contract: Contract, line_id: str) -> Iterator[UnitPrice]:
    for stored in contract.history:
        for line in stored.terms.lines:
            terms = methods.units(line.terms) if line.line_id == line_id else None
            if terms is not None:
                yield terms


def without_issue(draft: Draft, contract: Contract, plan: LinePlan) -> dict[str, tuple[Price, Price]]:
    """Prices of the line's deliveries, each with what it would be by the facts alone; none where nothing is issued.

    Together they come to the same.
    """
    sharers = standing(
        draft, plan, SharedPool(contract.contract_id, plan.line.line_id, COUNTED_FEE, "", BEFORE_ALL, AFTER_ALL), ""
    )
    if not any(sharer.is_issued for sharer in sharers):
        return {}
    by_day = of_units(draft, plan, sharers, None, keeps_issued=False)
    return {one.entry_id: (one.price, by_day[one.entry_id]) for one in sharers if one.entry_id in by_day}
