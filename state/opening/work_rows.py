"""Rows of what work on a line came to by the day of its balances, beside what its terms charged by themselves."""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from domain.caps.consume import limit_on
from domain.contract import agreed_units, category_of, included_id
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, Milestones
from domain.figure import assumed, in_part
from domain.terms import methods
from domain.terms.unit_price import Delivery, is_shared, values
from domain.units import QUANTITY_ONE, Amount, Hours, Quantity
from domain.work.rows import CONCEDED, EXPENSE, OVER_BILLING, OVER_BILLING_FORMER, OVER_CAP, OVER_FORMER, UNITS
from state.books import Contract, OpeningWork
from state.draft import Draft
from state.opening.caps import OverBilling, of_earlier_months, over_billing, room, taken_by
from state.opening.entries import bring_entries, bring_invoiced, by_category_apart, listed_of, since_place, uncounted_of
from state.opening.loading import UNBILLED_REST, LineLoad, Loading, Worked
from state.opening.record import recorded_units
from state.opening.stated import Stated, is_of_whole_line
from state.opening.worked import (
    EXPENSES,
    FORMER,
    GIVEN_BACK,
    INCLUDED,
    LABOR,
    NON_BILLABLE,
    SINCE,
    UNBILLED_ENDED,
    beside_caps,
    categories_of,
    last_of_ended,
    opening_rows,
    take_by_month,
    take_row,
    worked_of,
)
from state.terms.plan import LinePlan, versions


class Units(NamedTuple):
    """What all come to, what of it is unbilled of an ended period, and what is unbilled at all."""

    value: Amount
    ended: Amount
    rest: Amount


def bring_work(draft: Draft, loading: Loading, stated: Stated) -> None:
    """Rows of what work on the line came to, so that the line comes to what is stated with what its terms charged.

    What each row counts towards caps is what the caps are stated to have taken. What is over a cap is apart (`bring_over_cap`).

        revenue 1,500.00 of which 1,000.00 are billed: rows of 1,000.00 and 500.00
        fees of 1,000.00 billed, of which a credit memo took 30.00: rows of 1,000.00 and -30.00
        unbilled 40.00 with 56.00 given back: rows of 96.00 and -56.00, of a period that has ended and is not billed where there is one
    """
    at, balance = LineLoad(draft, loading, stated), stated.balance
    worked = worked_of(*at)
    earned = worked.beside
    ended = last_of_ended(draft, loading)
    before = worked._replace(day=min(worked.day, ended)) if ended is not None else worked
    by_category = categories_of(worked, balance)
    value = worked.value - sum(beside_caps(draft, loading.contract, worked, by_category))
    unbilled_ended, given_back = (balance.unbilled_ended, balance.given_back) if ended is not None else (0, 0)
    listed = by_category_apart(worked.plan, balance)
    others = {category: amount - listed[category] for category, amount in by_category.items()}
    expenses, billed, rest = _expenses_of(worked, before, others, unbilled_ended)
    of_work = billed, unbilled_ended + given_back, rest + given_back
    units, billed, ended_rest, rest = _units_of(loading, stated, worked, of_work)
    over = over_billing(loading, stated, worked, (value, billed, rest), _full_before(draft, stated))
    split = _split_of(balance, worked, over, (billed, ended_rest, rest, given_back))
    hours, uncounted = _hours_of(worked, balance, split)
    earlier = of_earlier_months(worked.plan, balance, loading.event.as_of, (worked.value, worked.hours))
    earlier = _bring_billed(at, worked, split, hours, uncounted, earlier)
    for name, category, on, amount in expenses:
        if amount:
            take_row(at, on, name, amount, OpeningWork(category=category))
    if balance.conceded:
        work = OpeningWork(0, 0, 0, -balance.conceded)
        given_up = -balance.conceded if worked.earns is not None else None
        take_row(at, split.first, CONCEDED, -balance.conceded, work, earned=given_up)
    _bring_units(at, worked, before, units)
    if split.ended:
        work = OpeningWork(0, hours.ended, 0, *uncounted.ended)
        earlier = take_by_month(at, before, UNBILLED_ENDED, split.ended, work, earlier, earned=earned)
    if given_back:
        work = OpeningWork(0, 0, 0, -given_back)
        take_row(at, before, GIVEN_BACK, -given_back, work, earned=earned)
    _bring_rest(at, worked, split, hours, uncounted, earlier)
    if included := _included_hours(worked, balance):
        take_row(at, worked, INCLUDED, 0, OpeningWork(0, included, draws=True))
    _bring_costs(at, worked)


class _Split(NamedTuple):
    """What work by the hour came to, by row: billed and on no open invoice, since a cap was raised and before; unbilled of an ended
    period, before what is `given_back` with it, and after it, of which a cap let `rest_then` through before it was raised; and over caps of
    billing alone. Entries of open invoices from place `since` on are of what was billed since then. `first` has the day of what was billed
    before."""

    billed: Amount
    billed_since: Amount
    since: int
    ended: Amount
    given_back: Amount
    rest: Amount
    rest_then: Amount
    over: OverBilling
    former: Worked
    first: Worked


class _Hours(NamedTuple):
    """Billable hours of the same parts."""

    billed: Hours
    billed_since: Hours
    ended: Hours
    rest: Hours
    over: Hours


class _Uncounted(NamedTuple):
    """Of these what no cap counts, in amount and hours."""

    billed: tuple[Amount, Hours]
    invoiced: list[tuple[Amount, Hours]]
    ended: tuple[Amount, Hours]
    rest: tuple[Amount, Hours]


def _expenses_of(
    worked: Worked, before: Worked, by_category: Mapping[str, Amount], unbilled_ended: Amount
) -> tuple[list[tuple[str, str, Worked, Amount]], Amount, Amount]:
    """Rows of what is for expenses and no entry lists: name, category, when and amount, billed first; what else was billed, and was not."""
    billed, rest, found = worked.billed, worked.rest, []
    whole = sum(by_category.values())
    others = max(rest - whole + max(min(whole, billed), 0), 0)
    ended = max(unbilled_ended - others, 0)
    for category, each in by_category.items():
        of_billed = max(min(each, billed), 0)
        open_then = each - of_billed
        then_ended = max(min(open_then, ended), 0)
        billed, rest, ended = billed - of_billed, rest - open_then, ended - then_ended
        name = f"{EXPENSE}/{category}"
        found.append((name, category, worked, of_billed))
        found.append((f"{name}/{UNBILLED_ENDED}", category, before, then_ended))
        found.append((f"{name}/{UNBILLED_REST}", category, worked, open_then - then_ended))
    return found, billed, rest


def _units_of(
    loading: Loading, stated: Stated, worked: Worked, of: tuple[Amount, Amount, Amount]
) -> tuple[Units, Amount, Amount, Amount]:
    """What units come to, the newest unbilled; what else was billed, is unbilled of an ended period, and after it."""
    balance, (billed, unbilled_ended, rest) = stated.balance, of
    units = _units_value(loading.contract, worked.plan, balance, loading.event, balance.units)
    of_rest = max(min(units, rest), 0)
    of_ended = max(min(unbilled_ended, rest), 0) if not balance.entries else 0
    units_ended = max(of_ended - (rest - of_rest), 0)
    of_ended -= units_ended
    return Units(units, units_ended, of_rest), billed - (units - of_rest), of_ended, rest - of_rest - of_ended


def _full_before(draft: Draft, stated: Stated) -> date | None:
    """The day of what an earlier load found over a cap of billing alone: where that has got room since, it takes it."""
    found = draft.entry(f"{stated.row}/{OVER_BILLING}")
    charge = found.standing.charge if found is not None and found.standing is not None else None
    return charge.day if charge is not None else None


def _split_of(
    balance: BalanceForward, worked: Worked, over: OverBilling, of: tuple[Amount, Amount, Amount, Amount]
) -> _Split:
    """`of` is what of the work was billed, is unbilled of an ended period, and after it; and what the ended period gives back."""
    billed, ended, rest, given_back = of
    rest -= over.amount
    former = worked._replace(day=over.full_on) if over.full_on is not None and over.amount else worked
    first = former if former.day < worked.day else worked
    by_then = over.by_then if first is former else billed + rest
    listed_then = sum(one.amount for one in balance.entries if one.worked_on <= former.day)
    billed_since = max(billed - max(by_then - listed_then, 0), 0) if first.day < worked.day else 0
    billed -= billed_since
    rest_then = max(min(rest, by_then - billed), 0) if first.day < worked.day and not balance.entries else 0
    listed = listed_of(balance)
    since = since_place(listed, billed_since)
    billed_since -= sum(one.amount for one in listed[since:])
    billed -= sum(one.amount for one in listed[:since])
    return _Split(billed, billed_since, since, ended, given_back, rest, rest_then, over, former, first)


def _hours_of(worked: Worked, balance: BalanceForward, split: _Split) -> tuple[_Hours, _Uncounted]:
    """Hours are worth what all of them are worth together, but for those of entries."""
    over, listed = split.over, listed_of(balance)
    of_ended = max(split.ended - split.given_back, 0)
    ended, over_hours, rest = (
        in_part(worked.hours, each, worked.value, "hours of what is not billed") if worked.value > 0 and each else 0
        for each in (of_ended, over.amount, 0 if balance.entries else split.rest)
    )
    over_hours = over.hours if over.hours is not None else over_hours
    not_counted = over.not_counted[0], over.not_counted[1] - over_hours if over.binds else over.not_counted[1]
    rest += sum(one.hours for one in balance.entries)
    hours = worked.hours - ended - over_hours - rest - sum(one.hours for one in listed)
    since = 0
    if split.billed_since:
        whole = split.billed + split.billed_since
        since = in_part(hours, split.billed_since, whole, "hours of what a cap let through since then")
        hours -= since
    of_amounts, of_hours = (
        uncounted_of(not_counted[0], split.billed, [(one.entry_id, one.amount) for one in listed], of_ended),
        uncounted_of(not_counted[1], hours, [(one.entry_id, one.hours) for one in listed], ended),
    )
    billed, left = (of_amounts.billed, of_hours.billed), (of_amounts.rest, of_hours.rest)
    if not split.rest:
        billed, left = (billed[0] + left[0], billed[1] + left[1]), (0, 0)
    invoiced = list(zip(of_amounts.invoiced, of_hours.invoiced, strict=True))
    uncounted = _Uncounted(billed, invoiced, (of_amounts.ended + split.given_back, of_hours.ended), left)
    return _Hours(hours, since, ended, rest, over_hours), uncounted


def _bring_billed(
    at: LineLoad, worked: Worked, split: _Split, hours: _Hours, uncounted: _Uncounted, earlier: tuple[Amount, Hours]
) -> tuple[Amount, Hours]:
    """What was billed, with the hours and the cost of all work in ledger currency; what is left of `earlier` months."""
    balance, earned = at.stated.balance, worked.beside
    cost = balance.cost - balance.expenses - sum(one.ledger_cost - one.ledger_expenses for one in balance.costs)
    all_hours = balance.hours - sum(one.hours for one in balance.costs)
    has_any = split.billed or all_hours or cost or worked.hours or worked.earns or any(uncounted.billed)
    if has_any or worked.drawn or balance.spent or balance.ledger is not None:
        spent = {each.category: each.spent for each in balance.spent}
        work = OpeningWork(all_hours, hours.billed, cost, *uncounted.billed, worked.drawn, spent)
        earlier = take_by_month(at, split.first, "", split.billed, work, earlier, earned=worked.earns)
    if split.billed_since:
        work = OpeningWork(0, hours.billed_since)
        take_row(at, worked, SINCE, split.billed_since, work, earned=earned)
    days = [split.first if place < split.since else worked for place in range(len(listed_of(balance)))]
    return bring_invoiced(at, days, uncounted.invoiced, earned, earlier)


def _bring_rest(
    at: LineLoad, worked: Worked, split: _Split, hours: _Hours, uncounted: _Uncounted, earlier: tuple[Amount, Hours]
) -> None:
    """What is unbilled and of no ended period: entries, else one row, and what a cap let through before it was raised; what is given
    back; and what is over caps of billing alone."""
    balance, earned = at.stated.balance, worked.beside
    given_back = balance.given_back - split.given_back
    rest, open_hours = split.rest, hours.rest
    left = uncounted.rest[0] + given_back, uncounted.rest[1]
    if balance.entries:
        bring_entries(at, worked, split.former, left, earned)
        rest -= sum(one.amount for one in balance.entries)
        open_hours, left = 0, (0, 0)
    if split.rest_then:
        then_hours = in_part(open_hours, split.rest_then, rest, "hours of what a cap let through")
        part, work = f"{UNBILLED_REST}/{FORMER}", OpeningWork(0, then_hours)
        take_row(at, split.former, part, split.rest_then, work, earned=earned)
        rest, open_hours = rest - split.rest_then, open_hours - then_hours
    if rest + given_back:
        work, of_rest = OpeningWork(0, open_hours, 0, *left), rest + given_back
        take_by_month(at, worked, UNBILLED_REST, of_rest, work, earlier, earned=earned)
    if given_back:
        work = OpeningWork(0, 0, 0, -given_back)
        take_row(at, worked, GIVEN_BACK, -given_back, work, earned=earned)
    if split.over.amount:
        part = OVER_BILLING if split.over.full_on is not None else OVER_BILLING_FORMER
        work = OpeningWork(0, hours.over)
        take_row(at, split.former, part, split.over.amount, work, earned=earned)


def _bring_costs(at: LineLoad, worked: Worked) -> None:
    """Cost of expenses, and of other currencies and work that is not billable, apart from that of hours."""
    balance, ledger_currency = at.stated.balance, at.stated.plan.entity.currency
    if expenses := balance.expenses - sum(one.ledger_expenses for one in balance.costs):
        take_row(at, worked, EXPENSES, 0, OpeningWork(cost=expenses))
    for one in balance.costs:
        labor, ledger = one.cost - one.expenses, one.ledger_cost - one.ledger_expenses
        sides = (LABOR, one.hours, labor, ledger), (EXPENSES, 0, one.expenses, one.ledger_expenses)
        for name, worked_hours, amount, carried in sides:
            if amount or worked_hours:
                foreign = (one.currency, carried) if one.currency != ledger_currency else ("", 0)
                work = OpeningWork(worked_hours, 0, amount, 0, 0, None, {}, None, False, *foreign, one.billable)
                of = "" if one.billable else f"/{NON_BILLABLE}"
                take_row(at, worked, f"{name}/{one.currency}{of}", 0, work)


def bring_over_cap(draft: Draft, loading: Loading, stated: Stated) -> None:
    """What is over caps, once all that they allowed has its room: on other lines, too."""
    at, balance = LineLoad(draft, loading, stated), stated.balance
    worked, own = worked_of(*at), {one.entry_id for one in opening_rows(*at)}
    of_entries = [each for row, each in loading.over_cap.items() if row in own]
    if over := worked.over - sum(one.amount for one in of_entries):
        part = OVER_FORMER if _is_over_former(draft, loading, stated, worked) else OVER_CAP
        hours = max(worked.over_hours - sum(one.hours for one in of_entries), 0)
        work = OpeningWork(
            0, hours, uncounted_hours=hours if part == OVER_FORMER else 0, category=_full(worked, balance)
        )
        take_row(at, worked, part, over, work)


def _included_hours(worked: Worked, balance: BalanceForward) -> Hours:
    """Hours that milestones include, as far as they are used; where nothing is stated these are all that are not charged."""
    if not isinstance(worked.plan.line.terms, Milestones) or worked.plan.draws is None:
        return 0
    stated = [cap.hours for cap in balance.caps if cap.cap_id == included_id(balance.line_id)]
    return stated[0] if stated else max(balance.hours - (balance.billable_hours or 0), 0)


def _is_over_former(draft: Draft, loading: Loading, stated: Stated, worked: Worked) -> bool:
    """Whether no cap of the day is full, though work is over a cap: a lower one was in force then, or that of another month.

    What an earlier load found full has got its room since, and keeps it.
    """
    event, line_id = loading.event, stated.balance.line_id
    full = draft.entry(f"{stated.row}/{OVER_CAP}")
    if full is not None and full.standing is not None:
        return False
    found = []
    for rule in worked.plan.every_rule:
        limit = limit_on(rule, event.as_of)
        used = taken_by(loading, rule)
        if not (limit.hard and (used.amount or used.hours)) or not is_of_whole_line(rule.cap_id, line_id):
            return False
        found.append(room(limit, used) > 0)
    return bool(found) and all(found)


def _full(worked: Worked, balance: BalanceForward) -> str | None:
    """The category whose limit is used up, where one is: what is over a cap is of that."""
    limits = methods.limits(worked.plan.line.terms)
    for cap in balance.caps:
        category = category_of(cap.cap_id, balance.line_id)
        if category is not None and cap.amount >= limits.get(category, cap.amount + 1):
            return category
    return None


def _bring_units(at: LineLoad, worked: Worked, before: Worked, units: Units) -> None:
    parts = [(UNITS, worked, units.value)]
    if units.ended:
        parts = [
            (UNITS, before, units.value - units.rest),
            (f"{UNITS}/{UNBILLED_ENDED}", before, units.ended),
            (f"{UNITS}/{UNBILLED_REST}", worked, units.rest - units.ended),
        ]
    delivered, until = 0, 0
    for name, on, amount in parts:
        if amount:
            until += amount
            worth = _units_worth(at.loading.contract, worked.plan, at.stated.balance, at.loading.event, until)
            take_row(at, on, name, amount, OpeningWork(), quantity=worth - delivered)
            delivered = worth


def _units_value(
    contract: Contract, plan: LinePlan, balance: BalanceForward, event: BalancesBroughtForward, units: Quantity | None
) -> Amount:
    """What the units come to that share steps with those to come."""
    terms = methods.units(plan.line.terms)
    if terms is None or units is None or not is_shared(terms):
        return 0
    agreed = terms._replace(units=agreed_units(versions(contract), balance.line_id, event.as_of))
    whole = values([Delivery(UNITS, "", units, agreed)], plan.step, plan.policies.money_mode)
    return recorded_units(plan, terms, whole[UNITS].amount, units)


def _units_worth(
    contract: Contract, plan: LinePlan, balance: BalanceForward, event: BalancesBroughtForward, amount: Amount
) -> Quantity:
    """How many of the units come to the amount, by the fewest digits: 800.00 at 10.00 are 80, though 79.9999 are 800.00 too."""
    units = balance.units or 0
    if _units_value(contract, plan, balance, event, units) == amount:
        return units

    def fewest(least: Amount) -> Quantity:
        def value(quantity: Quantity) -> Amount:
            return _units_value(contract, plan, balance, event, quantity)

        return bisect_left(range(units), least, key=value)

    first, last = fewest(amount), fewest(amount + 1) - 1
    unit: Quantity = QUANTITY_ONE
    while unit > 1 and last - last % unit < first:
        unit //= 10
    return assumed(balance.units, last - last % unit, "units that come to it, by the fewest digits")
