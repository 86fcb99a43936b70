"""Rows of what work on a line came to by the day of its balances, beside what its terms charged by themselves."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps.consume import CapRule, counting, limit_on
from domain.caps.recorded import limit_node
from domain.contract import agreed_units, category_of, included_id
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward, InvoicedForward, Milestones
from domain.figure import Recorded, as_recorded, assumed, in_part
from domain.identity import composed
from domain.money import format_amount, format_decimal
from domain.receivables.opening import without_source
from domain.reference.zones import MICROSECONDS_PER_DAY, universal_midnight
from domain.terms import methods, spoken
from domain.terms.kind import NO_REVENUE, OVER_TIME, WITH_INVOICE
from domain.terms.unit_price import Delivery, is_shared, values
from domain.units import HOURS_SCALE, QUANTITY_ONE, Amount, Hours, Quantity
from domain.work.rows import (
    BEFORE_MONTH,
    ENTRY,
    EXPENSE,
    OPENING,
    OVER_BILLING,
    OVER_BILLING_FORMER,
    OVER_CAP,
    OVER_FORMER,
    counted_as,
    is_of_earlier_month,
    row_id,
)
from state.books import (
    Charge,
    Contract,
    Entry,
    OpeningWork,
    Work,
)
from state.caps.claims import FOR_REVENUE, MAIN, granted_of, stake_of
from state.charges.terms_known import line_fees
from state.draft import Draft
from state.handlers.work import take
from state.opening.caps import (
    DAY,
    TakenByCaps,
    binds_billing_alone,
    last_day_full_for_billing,
    last_day_with_room,
    limits_billing_alone,
    of_earlier_months,
    room,
    same_limits,
    some_count_all,
    stated_of,
    taken_by,
    taken_of_line,
)
from state.opening.entries import (
    from_last,
    invoiced_part,
    invoiced_rows,
    listed_of,
    over_cap_by_entry,
    turn,
    uncounted_of,
)
from state.opening.faults import DIFFERS, SHARED, OpeningFault, Stated, former_terms, is_of_whole_line, row_of
from state.opening.loading import UNBILLED_REST, Loading, WaitsForRoom
from state.opening.record import recorded_due, recorded_revenue, recorded_units, say_row
from state.opening.retainers import beyond, draws_of
from state.terms.periods import open_period
from state.terms.plan import LinePlan, line_plan, plan_of, version_on, versions
from state.totals import month_of, outstanding, standing_price
from state.value import plain

EXPENSES, UNITS, INCLUDED = "expenses", "units", "included"
UNBILLED_ENDED, LABOR, NON_BILLABLE = "ended", "labor", "non_billable"
CONCEDED, GIVEN_BACK = "conceded", "given_back"
# Of what was billed what a cap let through that was raised since; of what was not, what it let through before.
SINCE, FORMER = "since", "former"


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
    """Rows of what work on the line came to, so that the line comes to what is stated with what its terms charged.

    What each row counts towards caps is what the caps are stated to have taken. What is over a cap is apart (`bring_over_cap`).

        revenue 1,500.00 of which 1,000.00 are billed: rows of 1,000.00 and 500.00
        fees of 1,000.00 billed, of which a credit memo took 30.00: rows of 1,000.00 and -30.00
        unbilled 40.00 with 56.00 given back: rows of 96.00 and -56.00
    """
    contract, balance, event = loading.contract, stated.balance, loading.event
    worked = _worked(draft, loading, stated)
    of_categories = _of_categories(worked, balance)
    value = worked.value - sum(_beside_caps(draft, contract, worked, of_categories))
    units = _units_value(contract, worked.plan, balance, event, balance.units)
    ended = _last_of_ended(draft, loading)
    billed, rest = worked.billed, worked.rest
    before = worked._replace(day=min(worked.day, ended)) if ended is not None else worked
    parts: list[tuple[str, str, _Worked, Amount]] = []
    whole = sum(of_categories.values())
    others = max(rest - whole + max(min(whole, billed), 0), 0)
    ended_of_categories = max(balance.unbilled_ended - others, 0) if ended is not None else 0
    for category, each in of_categories.items():
        of_billed = max(min(each, billed), 0)
        open_then = each - of_billed
        then_ended = max(min(open_then, ended_of_categories), 0)
        billed, rest = billed - of_billed, rest - open_then
        ended_of_categories -= then_ended
        name = f"{EXPENSE}/{category}"
        parts.append((name, category, worked, of_billed))
        parts.append((f"{name}/{UNBILLED_ENDED}", category, before, then_ended))
        parts.append((f"{name}/{UNBILLED_REST}", category, worked, open_then - then_ended))
    of_rest = max(min(units, rest), 0)
    of_ended = max(min(balance.unbilled_ended, rest), 0) if ended is not None and not balance.entries else 0
    units_ended = max(of_ended - (rest - of_rest), 0)
    billed, rest = billed - (units - of_rest), rest - of_rest
    of_ended -= units_ended
    rest -= of_ended
    over = _over_billing(loading, stated, worked, (value, billed, rest))
    rest -= over.amount
    former = worked._replace(day=over.full_on) if over.full_on is not None and over.amount else worked
    first = former if former.day < worked.day else worked
    by_then = over.by_then if first is former else billed + rest
    listed_then = sum(one.amount for one in balance.entries if one.worked_on <= former.day)
    billed_since = max(billed - max(by_then - listed_then, 0), 0) if first.day < worked.day else 0
    billed -= billed_since
    rest_then = max(min(rest, by_then - billed), 0) if first.day < worked.day and not balance.entries else 0
    listed = listed_of(balance)
    since = _since(listed, billed_since)
    billed_since -= sum(one.amount for one in listed[since:])
    billed -= sum(one.amount for one in listed[:since])
    # Hours are worth what all of them are worth together.
    ended_hours, over_hours, open_hours = (
        in_part(worked.hours, each, worked.value, "hours of what is not billed") if worked.value > 0 and each else 0
        for each in (of_ended, over.amount, 0 if balance.entries else rest)
    )
    over_hours = over.hours if over.hours is not None else over_hours
    not_counted = over.not_counted[0], over.not_counted[1] - over_hours if over.binds else over.not_counted[1]
    open_hours += sum(one.hours for one in balance.entries)
    hours = worked.hours - ended_hours - over_hours - open_hours - sum(one.hours for one in listed)
    since_hours = 0
    if billed_since:
        since_hours = in_part(hours, billed_since, billed + billed_since, "hours of what a cap let through since then")
        hours -= since_hours
    uncounted = [
        uncounted_of(not_counted[0], billed, [(one.entry_id, one.amount) for one in listed], of_ended),
        uncounted_of(not_counted[1], hours, [(one.entry_id, one.hours) for one in listed], ended_hours),
    ]
    own, of_ended_not, left = (
        (uncounted[0].billed, uncounted[1].billed),
        (uncounted[0].ended, uncounted[1].ended),
        (uncounted[0].rest, uncounted[1].rest),
    )
    if not rest:
        own, left = (own[0] + left[0], own[1] + left[1]), (0, 0)
    on_invoices = list(zip(uncounted[0].invoiced, uncounted[1].invoiced, strict=True))
    expenses = balance.expenses - sum(one.ledger_expenses for one in balance.costs)
    cost = balance.cost - balance.expenses - sum(one.ledger_cost - one.ledger_expenses for one in balance.costs)
    all_hours = balance.hours - sum(one.hours for one in balance.costs)
    earlier = of_earlier_months(worked.plan, balance, loading.event.as_of, (worked.value, worked.hours))
    if (
        billed
        or all_hours
        or cost
        or worked.hours
        or worked.earns
        or any(own)
        or worked.drawn
        or balance.spent
        or balance.ledger is not None
    ):
        spent = {each.category: each.spent for each in balance.spent}
        work = OpeningWork(all_hours, hours, cost, *own, worked.drawn, spent)
        earlier = _take_by_month(draft, loading, stated, first, "", billed, work, earlier, earned=worked.earns)
    if billed_since:
        work = OpeningWork(0, since_hours)
        _take(draft, loading, stated, worked, SINCE, billed_since, work, earned=0 if worked.earns is not None else None)
    days = [first if place < since else worked for place in range(len(listed))]
    earlier = _bring_invoiced(
        draft, loading, stated, days, on_invoices, 0 if worked.earns is not None else None, earlier
    )
    for name, category, on, amount in parts:
        if amount:
            _take(draft, loading, stated, on, name, amount, OpeningWork(category=category))
    earned = 0 if worked.earns is not None else None
    if balance.conceded:
        work = OpeningWork(0, 0, 0, -balance.conceded)
        _take(draft, loading, stated, first, CONCEDED, -balance.conceded, work, earned=earned)
    parts_of_units = [(UNITS, worked, units)]
    if units_ended:
        parts_of_units = [
            (UNITS, before, units - of_rest),
            (f"{UNITS}/{UNBILLED_ENDED}", before, units_ended),
            (f"{UNITS}/{UNBILLED_REST}", worked, of_rest - units_ended),
        ]
    delivered, until = 0, 0
    for name, on, amount in parts_of_units:
        if amount:
            until += amount
            quantity = _units_worth(contract, worked.plan, balance, event, until) - delivered
            delivered += quantity
            _take(draft, loading, stated, on, name, amount, OpeningWork(), quantity=quantity)
    if of_ended:
        work = OpeningWork(0, ended_hours, 0, *of_ended_not)
        earlier = _take_by_month(draft, loading, stated, before, UNBILLED_ENDED, of_ended, work, earlier, earned=earned)
    left = left[0] + balance.given_back, left[1]
    if balance.entries:
        _bring_entries(draft, loading, stated, worked, former, left, earned)
        rest -= sum(one.amount for one in balance.entries)
        open_hours, left = 0, (0, 0)
    if rest_then:
        then_hours = in_part(open_hours, rest_then, rest, "hours of what a cap let through")
        part = f"{UNBILLED_REST}/{FORMER}"
        _take(draft, loading, stated, former, part, rest_then, OpeningWork(0, then_hours), earned=earned)
        rest, open_hours = rest - rest_then, open_hours - then_hours
    if rest + balance.given_back:
        work, of_rest = OpeningWork(0, open_hours, 0, *left), rest + balance.given_back
        _take_by_month(draft, loading, stated, worked, UNBILLED_REST, of_rest, work, earlier, earned=earned)
    if balance.given_back:
        work = OpeningWork(0, 0, 0, -balance.given_back)
        _take(draft, loading, stated, worked, GIVEN_BACK, -balance.given_back, work, earned=earned)
    if over.amount:
        part = OVER_BILLING if over.full_on is not None else OVER_BILLING_FORMER
        _take(draft, loading, stated, former, part, over.amount, OpeningWork(0, over_hours), earned=earned)
    if included := _included_hours(worked, balance):
        _take(draft, loading, stated, worked, INCLUDED, 0, OpeningWork(0, included, draws=True))
    if expenses:
        _take(draft, loading, stated, worked, EXPENSES, 0, OpeningWork(cost=expenses))
    for one in balance.costs:
        labor, ledger = one.cost - one.expenses, one.ledger_cost - one.ledger_expenses
        sides = (LABOR, one.hours, labor, ledger), (EXPENSES, 0, one.expenses, one.ledger_expenses)
        for name, worked_hours, amount, carried in sides:
            if amount or worked_hours:
                foreign = (one.currency, carried) if one.currency != stated.plan.entity.currency else ("", 0)
                work = OpeningWork(worked_hours, 0, amount, 0, 0, None, {}, None, False, *foreign, one.billable)
                of = "" if one.billable else f"/{NON_BILLABLE}"
                _take(draft, loading, stated, worked, f"{name}/{one.currency}{of}", 0, work)


def bring_over_cap(draft: Draft, loading: Loading, stated: Stated) -> None:
    """What is over caps, once all that they allowed has its room: on other lines, too."""
    balance, worked = stated.balance, _worked(draft, loading, stated)
    own = {one.entry_id for one in opening_rows(draft, loading, balance.line_id)}
    of_entries = [each for row, each in loading.over_cap.items() if row in own]
    if over := worked.over - sum(one.amount for one in of_entries):
        part = OVER_FORMER if _is_over_former(draft, loading, stated, worked) else OVER_CAP
        hours = max(worked.over_hours - sum(one.hours for one in of_entries), 0)
        work = OpeningWork(
            0, hours, uncounted_hours=hours if part == OVER_FORMER else 0, category=_full(worked, balance)
        )
        _take(draft, loading, stated, worked, part, over, work)


class _OverBilling(NamedTuple):
    """What of revenue is over caps that limit billing alone, with its hours where caps say them; on which day one was full, where one
    was, and what it had let through `by_then`. `not_counted` is what no cap counts of what is not over, in hours of all where a cap
    `binds`."""

    amount: Amount
    hours: Hours | None
    full_on: date | None
    not_counted: tuple[Amount, Hours]
    binds: bool
    by_then: Amount = 0


def _over_billing(
    loading: Loading, stated: Stated, worked: "_Worked", of: tuple[Amount, Amount, Amount]
) -> _OverBilling:
    """`of` is the value of the work, what of it was billed and what may be unbilled and over caps.

    By what is listed as unbilled, else what is stated as over the caps, else what a cap that was full has not taken.

        earned 3,000.00, billed 2,000.00, taken 2,000.00 of a cap of billing alone that was full: 1,000.00 over it
        earned 2,500.00, taken 500.00 of 1,000.00 in the month: over it what is stated as that
    """
    plan, balance, as_of = worked.plan, stated.balance, loading.event.as_of
    value, billed, rest = of
    work = (value, worked.hours)
    alone, bound = (
        taken_of_line(plan, balance, as_of, work, alone=each, is_least=bool(plan.every_rule) and not worked.is_alone)
        for each in (True, False)
    )
    counted = bound or alone or TakenByCaps(*((0, 0) if plan.every_rule else work), not plan.every_rule)
    not_counted = value - counted.amount, worked.hours - counted.hours
    if counted.is_least:
        not_counted = max(not_counted[0], 0), max(not_counted[1], 0)
    some_alone = any(binds_billing_alone(rule, as_of) for rule in plan.every_rule)
    full_on = last_day_full_for_billing(loading, plan) if some_alone else None
    over = 0
    if some_alone and balance.over_cap and not _some_bind_revenue(plan, as_of):
        over = min(rest, balance.over_cap)
    elif some_alone and balance.entries and (full_on is not None or balance.over_cap):
        over = rest - sum(one.amount for one in balance.entries)
    elif full_on is not None and full_on < worked.day:
        over = min(rest, value - (alone.amount if alone is not None else 0))
    over = max(over, 0)
    if full_on is not None and bound is None and not over:  # what the cap has no room for is over it
        not_counted = min(not_counted[0], max(billed - counted.amount, 0)), 0
    hours = None
    if over and alone is not None and any(one.hours for one in balance.caps):
        hours = max(min(worked.hours - alone.hours, worked.hours), 0)
        beside = max(value - over - alone.amount, 0)
        hours = in_part(hours, over, over + beside, "hours over the cap") if beside else hours
    by_then = _let_through(loading, plan, full_on, value - over, worked) if full_on is not None else 0
    if not over or bound is not None:
        return _OverBilling(over, hours, full_on, not_counted, binds=False, by_then=by_then)
    left = value - over - counted.amount
    return _OverBilling(over, hours, full_on, (left, not_counted[1]), binds=True, by_then=by_then)


def _let_through(loading: Loading, plan: LinePlan, day: date, value: Amount, worked: "_Worked") -> Amount:
    """What of the value that may be billed caps of billing alone had let through by the day on which one was full; all of it where lines
    share one."""
    found = value
    for rule in plan.every_rule:
        limit = limit_on(rule, day)
        is_shared = sum(any(rule.cap_id == each.cap_id for each in one.plan.every_rule) for one in loading.lines) > 1
        if not limits_billing_alone(limit) or is_shared or room(limit, taken_by(loading, rule)) > 0:
            continue
        if limit.amount is not None:
            node = limit_node(plan.contract_id, plan.currency, rule, limit, by_hours=False)
            found = min(found, as_recorded(limit.amount, node) if isinstance(value, Recorded) else limit.amount)
        if limit.hours is not None and worked.hours:
            found = min(found, in_part(worked.value, limit.hours, worked.hours, "what a cap let through"))
    return found


def _over_revenue(loading: Loading, stated: Stated, worked: "_Worked") -> Amount:
    """What is over caps and not earned: where some limit billing alone what is over these is in revenue."""
    plan, balance, as_of = worked.plan, stated.balance, loading.event.as_of
    if not balance.over_cap or not any(binds_billing_alone(rule, as_of) for rule in plan.every_rule):
        return balance.over_cap
    if not _some_bind_revenue(plan, as_of):
        return 0
    over = _over_billing(loading, stated, worked, (worked.value, worked.billed, worked.rest)).amount
    alone = taken_of_line(plan, balance, as_of, (worked.value, worked.hours), alone=True, is_least=False)
    if not over and alone is not None and last_day_full_for_billing(loading, plan) is not None:
        over = max(min(worked.rest, worked.value - alone.amount), 0)
    return max(balance.over_cap - over, 0)


def _some_bind_revenue(plan: LinePlan, day: date) -> bool:
    return any((limit := limit_on(rule, day)).hard and limit.limits_revenue for rule in plan.every_rule)


def _last_of_ended(draft: Draft, loading: Loading) -> date | None:
    """The last day of the billing period that had ended and is not billed yet; None where the one that runs is the first to be billed."""
    found = open_period(draft, loading.contract)
    return found.to - DAY if found is not None and found.to <= loading.event.as_of else None


class _Worked(NamedTuple):
    """What work on the line came to: what of it was billed, and the rest, that was earned and not billed; what is `over` caps
    and not earned. `plan` is of the terms under which it was done, `day` the last day of these."""

    plan: LinePlan
    day: date
    billed: Amount
    rest: Amount
    earns: Amount | None
    hours: Hours
    over_hours: Hours
    is_alone: bool
    drawn: dict[str, tuple[int, Amount]] | None
    over: Amount = 0

    @property
    def value(self) -> Amount:
        return self.billed + self.rest


def _bring_entries(
    draft: Draft,
    loading: Loading,
    stated: Stated,
    worked: _Worked,
    former: _Worked,
    uncounted: tuple[Amount, Hours],
    earned: Amount | None,
) -> None:
    """Each is a row of its own day; where a lower cap was full on the day of the `former`, those until then come before what is over it.
    What no cap counts is of the newest; what is over one waits for room later (`wait_for_room`)."""
    over = over_cap_by_entry(loading, worked.plan, stated.balance)
    places = {one.entry_id: place for place, one in enumerate(stated.balance.entries, 1)}
    listed = sorted(stated.balance.entries, key=turn)
    amounts = from_last(uncounted[0], [one.amount for one in listed])
    hours = from_last(uncounted[1], [one.hours for one in listed])
    for number, (one, amount, of_hours) in enumerate(zip(listed, amounts, hours, strict=True), 1):
        if not one.amount and one.entry_id not in over:
            continue
        is_former = former.day < worked.day and one.worked_on <= former.day
        day = (
            min(former.day, one.worked_on)
            if is_former
            else _day_of_entry(draft, loading, stated, worked, one.worked_on)
        )
        on = worked._replace(day=day)
        part, waits = f"{ENTRY}/{one.entry_id}", over.get(one.entry_id, WaitsForRoom(0, 0))
        row = row_id(OPENING, f"{composed(loading.contract.contract_id, stated.balance.line_id)}/{part}")
        # An earlier load has it with what is over the cap.
        value, hours_of = (waits.amount, waits.hours) if draft.entry(row) is not None else (0, 0)
        place = places[one.entry_id]
        work = OpeningWork(0, one.hours + hours_of, 0, amount, of_hours, place=place, given=waits.given)
        _take(draft, loading, stated, on, part, one.amount + value, work, earned=earned, number=number)
        if one.entry_id in over:
            loading.over_cap[row] = waits if not value else waits._replace(is_known=True)


def _bring_invoiced(
    draft: Draft,
    loading: Loading,
    stated: Stated,
    days: Sequence[_Worked],
    uncounted: Sequence[tuple[Amount, Hours]],
    earned: Amount | None,
    earlier: tuple[Amount, Hours],
) -> tuple[Amount, Hours]:
    """What open invoices bill of single entries, each a row; what is left of `earlier` months, of which the first ones are, each whole."""
    for place, (one, on, not_counted) in enumerate(zip(listed_of(stated.balance), days, uncounted, strict=True), 1):
        work, part = OpeningWork(0, one.hours, 0, *not_counted, place=place), invoiced_part(one)
        counted, counted_hours = one.amount - not_counted[0], one.hours - not_counted[1]
        if 0 < counted <= earlier[0]:
            part = f"{BEFORE_MONTH}/{part}"
            earlier = earlier[0] - counted, max(earlier[1] - counted_hours, 0)
        _take(draft, loading, stated, on, part, one.amount, work, earned=earned)
    return earlier


def _since(listed: Sequence[InvoicedForward], billed_since: Amount) -> int:
    """From which place on what invoices bill of entries is of what was billed since a cap was raised: the last ones, as far as it goes.

    of entries of 100, 200 and 300 where 550 were billed since: the last two
    """
    place = len(listed)
    while place and 0 < listed[place - 1].amount <= billed_since:
        place -= 1
        billed_since -= listed[place].amount
    return place


def _day_of_entry(draft: Draft, loading: Loading, stated: Stated, worked: _Worked, day: date) -> date:
    """Its own, unless terms or limits were others then: else the last of its billing period, at most, on which those hold that it is
    billed by."""
    contract, line_id = loading.contract, worked.plan.line.line_id
    plan = line_plan(draft, contract, version_on(contract, day), line_id) if day < worked.day else None
    is_alike = plan is not None and plan.refused is None and plan.timing == worked.plan.timing
    if is_alike and same_limits(worked.plan, day, worked.day, in_its_month=some_count_all(worked.plan, stated.balance)):
        return day
    ended = _last_of_ended(draft, loading)
    return min(worked.day, ended) if ended is not None and day <= ended else worked.day


def _worked(draft: Draft, loading: Loading, stated: Stated) -> _Worked:
    contract, balance, event = loading.contract, stated.balance, loading.event
    charged = carried_rows(draft, contract, balance.line_id, event)
    due = [due_of(draft, stated, entry) for entry in charged]
    earned = sum(
        recorded_revenue(draft.why, entry.entry_id, stated, price.earns)
        for entry in charged
        if (price := standing_price(entry)) is not None
    )
    gross = balance.billed + balance.conceded
    billed = gross - sum(billed_of(due, gross))
    former = former_terms(draft, stated, event.as_of)
    if former is not None:
        plan, day = former
    else:
        plan = _plan_on(draft, contract, stated, event.as_of)
        day = last_day_with_room(loading, plan)
    rest, earns = 0, None
    drawn = draws_of(draft, stated, event)
    if former is not None:
        rest = balance.revenue - balance.billed
    elif drawn is not None and plan.timing == OVER_TIME:
        # What expired is in what is used.
        earns = balance.revenue
        rest = max(beyond(stated, drawn) - billed, 0)
    elif plan.timing == OVER_TIME:
        earns = balance.revenue - earned
    elif plan.timing == WITH_INVOICE:
        rest = balance.unbilled
    elif plan.timing != NO_REVENUE:
        rest = balance.revenue + balance.conceded - earned - billed
    hours = _billable_hours(balance)
    made = _Worked(plan, day, billed, rest, earns, hours, 0, not charged, drawn)
    over = _over_revenue(loading, stated, made)
    value = made.value - sum(_beside_caps(draft, contract, made, _of_categories(made, balance)))
    over_hours = _hours_over(balance, hours, value, over)
    return made._replace(hours=hours - over_hours, over=over, over_hours=over_hours)


def due_of(draft: Draft, stated: Stated, entry: Entry) -> Amount:
    due = outstanding(entry, stated.contract.contract_id, stated.balance.line_id)
    return recorded_due(draft.why, entry.entry_id, stated, due)


def _plan_on(draft: Draft, contract: Contract, stated: Stated, day: date) -> LinePlan:
    """By the terms of the day, where the line has any then; later ones may be agreed already."""
    return line_plan(draft, contract, version_on(contract, day), stated.balance.line_id) or stated.plan


def taken_of(loading: Loading, rows: Sequence[Entry], amounts: Sequence[Amount], stated: Stated) -> list[Amount]:
    """What of each row is billed: what was conceded is on bills, and what open invoices list; what is given back on none, of the others
    the oldest."""
    listed = invoiced_rows(loading, stated)
    worth = list(
        zip(
            (is_part(row, stated, CONCEDED) or row.entry_id in listed for row in rows),
            (is_part(row, stated, GIVEN_BACK) for row in rows),
            amounts,
            strict=True,
        )
    )
    billed = iter(
        billed_of(
            [each for taken, left, each in worth if not (taken or left)],
            stated.balance.billed + stated.balance.conceded - sum(one.amount for one in listed.values()),
        )
    )
    return [each if taken else 0 if left else next(billed) for taken, left, each in worth]


def is_part(row: Entry, stated: Stated, part: str) -> bool:
    """Whether a row of the line has this of its balances."""
    return row.entry_id == f"{row_id(OPENING, composed(stated.contract.contract_id, stated.balance.line_id))}/{part}"


def is_of_part(row: Entry, part: str) -> bool:
    """Whether a row of a line is of a part of its unbilled work: a milestone, an entry, or what a billing period that has ended left
    (`ended`)."""
    if part == UNBILLED_ENDED:
        return row.entry_id.startswith(f"{OPENING}/") and row.entry_id.endswith(f"/{UNBILLED_ENDED}")
    return row.entry_id.endswith((f"/milestone/{part}", f"/{ENTRY}/{part}"))


def billed_of(amounts: Sequence[Amount], billed: Amount) -> list[Amount]:
    """What of each amount is billed, the oldest first.

    Those up to which they come to what was billed; else all, where that is no more; else what is above zero, the last in part.

        of 2,500.00, 2,500.00, 2,500.00 and -3,108.55 the first two where 5,000.00 were billed; all where 4,391.45 were
    """
    for place, until in enumerate(accumulate(amounts)):
        if until == billed:
            return [*amounts[: place + 1], *(0 for _ in amounts[place + 1 :])]
    if sum(amounts) <= billed:
        return list(amounts)
    found = []
    for amount in amounts:
        found.append(part := min(max(amount, 0), billed))
        billed -= part
    return found


def _billable_hours(balance: BalanceForward) -> Hours:
    """Where nothing is stated, all but those of work that is not billable."""
    if balance.billable_hours is not None:
        return balance.billable_hours
    return balance.hours - sum(one.hours for one in balance.costs)


def _included_hours(worked: _Worked, balance: BalanceForward) -> Hours:
    """Hours that milestones include, as far as they are used; where nothing is stated these are all that are not charged."""
    if not isinstance(worked.plan.line.terms, Milestones) or worked.plan.draws is None:
        return 0
    stated = [cap.hours for cap in balance.caps if cap.cap_id == included_id(balance.line_id)]
    return stated[0] if stated else max(balance.hours - (balance.billable_hours or 0), 0)


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


def _beside_caps(
    draft: Draft, contract: Contract, worked: _Worked, of_categories: Mapping[str, Amount]
) -> Iterator[Amount]:
    """What is for expenses that no cap of the line counts."""
    line_id = worked.plan.line.line_id
    for category, amount in of_categories.items():
        plan = line_plan(draft, contract, worked.plan.version, line_id, counted_as(EXPENSE, category))
        if plan is None or not any(is_of_whole_line(rule.cap_id, line_id) for rule in plan.rules):
            yield amount


def _of_categories(worked: _Worked, balance: BalanceForward) -> dict[str, Amount]:
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


def _is_over_former(draft: Draft, loading: Loading, stated: Stated, worked: _Worked) -> bool:
    """Whether no cap of the day is full, though work is over a cap: a lower one was in force then, or that of another month.

    What an earlier load found full has got its room since, and keeps it.
    """
    event, line_id = loading.event, stated.balance.line_id
    full = draft.entry(row_id(OPENING, composed(loading.contract.contract_id, line_id) + f"/{OVER_CAP}"))
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


def _full(worked: _Worked, balance: BalanceForward) -> str | None:
    """The category whose limit is used up, where one is: what is over a cap is of that."""
    limits = methods.limits(worked.plan.line.terms)
    for cap in balance.caps:
        category = category_of(cap.cap_id, balance.line_id)
        if category is not None and cap.amount >= limits.get(category, cap.amount + 1):
            return category
    return None


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


def unearned(draft: Draft, loading: Loading, before: BalancesBroughtForward | None) -> Iterator[OpeningFault]:
    """Lines whose revenue is stated as more, or less, than what their rows earn: caps or prices of the terms leave another.

    Rows of a line that is as the load `before` had it have earned since what came to them.
    """
    currency, contract = loading.slot.currency, loading.contract
    had = {(one.contract_id, one.line_id): without_source(one) for one in before.lines} if before else {}
    for stated in loading.lines:
        balance, line_id = stated.balance, stated.balance.line_id
        if had.get((balance.contract_id, line_id)) == without_source(balance):
            continue
        if balance.unbilled_ended and _last_of_ended(draft, loading) is None:
            message = (
                f"line {line_id}{row_of(balance.source_row)}: expected 0, as every billing period that has ended by "
                f"{loading.event.as_of} is billed, got {format_amount(balance.unbilled_ended, currency)} {currency}"
            )
            yield OpeningFault(DIFFERS, message, f"lines[{stated.place}].unbilled_ended", contract.contract_id)
        yield from _unlike_entries(draft, loading, stated)
        yield from _unlike_taken(draft, loading, stated)
        yield from _unlike_over(draft, loading, stated)
        if stated.plan.timing in (WITH_INVOICE, NO_REVENUE):
            continue
        rows = [*carried_rows(draft, contract, line_id, loading.event), *opening_rows(draft, loading, line_id)]
        earned = sum(price.earns for entry in rows if (price := standing_price(entry)) is not None)
        if earned != balance.revenue:
            there, revenue = format_amount(earned, currency), format_amount(balance.revenue, currency)
            message = (
                f"line {line_id}{row_of(balance.source_row)}: {revenue} {currency} are stated as revenue, but by its terms and caps "
                f"{there} are earned by {loading.event.as_of}; correct revenue, cap_used, over_cap or units, or send this contract's "
                "events from its beginning"
            )
            yield OpeningFault(DIFFERS, message, f"lines[{stated.place}].revenue", contract.contract_id)


def _unlike_taken(draft: Draft, loading: Loading, stated: Stated) -> Iterator[OpeningFault]:
    """Caps that its rows have taken more of, or less, than is stated: what is left of them would be another. Of what is stated in amount
    or in hours alone the other follows; what is stated of none may be stated with another line of the cap."""
    balance, contract, as_of = stated.balance, loading.contract, loading.event.as_of
    for rule in stated.plan.every_rule:
        if not is_of_whole_line(rule.cap_id, balance.line_id):
            continue
        said, got = stated_of(balance, rule, as_of), _taken_by_rows(draft, loading, stated, rule)
        is_said, currency, measures = bool(said.amount or said.hours), loading.slot.currency, []
        if not is_said and (
            not _has_work_under(draft, loading, stated, rule) or _is_said_elsewhere(draft, loading, rule)
        ):
            continue
        if (
            any(limit.amount is not None for limit in rule.limits)
            and said.amount != got.amount
            and (said.amount or not is_said)
        ):
            measures.append(tuple(f"{format_amount(each, currency)} {currency}" for each in (said.amount, got.amount)))
        if (
            any(limit.hours is not None for limit in rule.limits)
            and said.hours != got.hours
            and (said.hours or not is_said)
        ):
            measures.append(tuple(f"{format_decimal(each, HOURS_SCALE)} h" for each in (said.hours, got.hours)))
        for expected, has in measures:
            message = (
                f"line {balance.line_id}{row_of(balance.source_row)}: cap {rule.cap_id.removeprefix(SHARED)}: {expected} are stated as "
                f"taken, but by its revenue, billed, over_cap and hours {has} are; correct them, or send this contract's events from its "
                "beginning"
            )
            yield OpeningFault(DIFFERS, message, f"lines[{stated.place}].caps", contract.contract_id)


def _unlike_over(draft: Draft, loading: Loading, stated: Stated) -> Iterator[OpeningFault]:
    """Where caps limit billing alone what is over them is in revenue, which does not tell whether as much is over as is stated."""
    balance, as_of = stated.balance, loading.event.as_of
    if not balance.over_cap or not any(binds_billing_alone(rule, as_of) for rule in stated.plan.every_rule):
        return
    yield from _unclear_over(draft, loading, stated)
    prices = [standing_price(row) for row in opening_rows(draft, loading, balance.line_id)]
    over = sum(price.chargeable - price.billable for price in prices if price is not None)
    if over != balance.over_cap:
        currency = loading.slot.currency
        has, got = format_amount(over, currency), format_amount(balance.over_cap, currency)
        message = (
            f"line {balance.line_id}{row_of(balance.source_row)}: over_cap: expected {has} {currency}, by its revenue, billed and caps, "
            f"got {got}; correct them, or send this contract's events from its beginning"
        )
        yield OpeningFault(DIFFERS, message, f"lines[{stated.place}].over_cap", loading.contract.contract_id)


def _unclear_over(draft: Draft, loading: Loading, stated: Stated) -> Iterator[OpeningFault]:
    """Unbilled work that a cap by month of billing alone has not taken, beside a cap of revenue that has: of months before, or over it."""
    balance, as_of, currency = stated.balance, loading.event.as_of, loading.slot.currency
    months = [rule for rule in stated.plan.every_rule if rule.period == "month" and binds_billing_alone(rule, as_of)]
    rows = [
        row
        for row in opening_rows(draft, loading, balance.line_id)
        if is_part(row, stated, f"{BEFORE_MONTH}/{UNBILLED_REST}")
    ]
    amount = sum(price.recognised for row in rows if (price := standing_price(row)) is not None)
    if months and amount and _some_bind_revenue(stated.plan, as_of):
        cap = months[0].cap_id.removeprefix(SHARED)
        message = (
            f"line {balance.line_id}{row_of(balance.source_row)}: {format_amount(amount, currency)} {currency} of what is unbilled may be "
            f"of months before {month_of(as_of)}, or over cap {cap}; state unbilled work as entries, or send this contract's events from "
            "its beginning"
        )
        yield OpeningFault(DIFFERS, message, f"lines[{stated.place}].over_cap", loading.contract.contract_id)


def _has_work_under(draft: Draft, loading: Loading, stated: Stated, rule: CapRule) -> bool:
    """Whether work takes room of the cap, beside what terms charge by themselves."""
    taken = _taken_of(opening_rows(draft, loading, stated.balance.line_id), draft, loading, rule)
    return bool(taken.amount or taken.hours)


def _is_said_elsewhere(draft: Draft, loading: Loading, rule: CapRule) -> bool:
    """Whether all lines together state of the cap what all have taken."""
    said = taken_by(loading, rule)
    got = [
        _taken_by_rows(draft, loading, one, rule)
        for one in loading.lines
        if any(rule.cap_id == each.cap_id for each in one.plan.every_rule)
    ]
    return said.amount in (0, sum(one.amount for one in got)) and (
        said.hours in (0, sum(one.hours for one in got)) and bool(said.amount or said.hours)
    )


def _taken_by_rows(draft: Draft, loading: Loading, stated: Stated, rule: CapRule) -> TakenByCaps:
    """What the cap, in the month of the day where it is by month, has taken of what the line has."""
    contract, line_id = loading.contract, stated.balance.line_id
    rows = (*carried_rows(draft, contract, line_id, loading.event), *opening_rows(draft, loading, line_id))
    return _taken_of(rows, draft, loading, rule)


def _taken_of(rows: Iterable[Entry], draft: Draft, loading: Loading, rule: CapRule) -> TakenByCaps:
    as_of = loading.event.as_of
    amount, hours = 0, 0
    for stake in (stake for row in rows if (stake := stake_of(row)) is not None):
        price = stake.price
        plan = plan_of(draft, price)
        counts = plan is not None and any(each.cap_id == rule.cap_id for each in counting(plan.rules, price.day))
        is_earlier = month_of(price.day) != month_of(as_of) or is_of_earlier_month(stake.entry_id)
        if not counts or (rule.period == "month" and is_earlier):
            continue
        is_earned = plan is not None and plan.apart and limit_on(rule, price.day).limits_revenue
        granted = granted_of(FOR_REVENUE if is_earned else MAIN, stake)
        amount, hours = amount + granted.amount, hours + granted.hours
    return TakenByCaps(amount, hours)


def _unlike_entries(draft: Draft, loading: Loading, stated: Stated) -> Iterator[OpeningFault]:
    """Entries that come to more, or less, than what of the line's work is to be billed: `bring_work` has made a row of the rest."""
    balance, currency = stated.balance, loading.slot.currency
    if not balance.entries:
        return
    at = f"lines[{stated.place}].entries"
    got = sum(one.amount for one in balance.entries)
    rest = [row for row in opening_rows(draft, loading, balance.line_id) if is_part(row, stated, UNBILLED_REST)]
    if left := sum(row.work.charge.amount for row in rest if row.work is not None and row.work.charge is not None):
        message = (
            f"line {balance.line_id}{row_of(balance.source_row)}: entries: expected {format_amount(got + left, currency)} {currency}, "
            f"what is unbilled of the line's work, got {format_amount(got, currency)}; correct them, or leave them all out and the work "
            "is one row"
        )
        yield OpeningFault(DIFFERS, message, at, loading.contract.contract_id)
    worked = _worked(draft, loading, stated)
    if (hours := sum(one.hours for one in balance.entries)) > worked.hours:
        most, listed = (format_decimal(each, HOURS_SCALE) for each in (worked.hours, hours))
        message = (
            f"line {balance.line_id}{row_of(balance.source_row)}: hours of entries: expected at most {most}, the billable hours of the "
            f"line less those over a cap, got {listed}"
        )
        yield OpeningFault(DIFFERS, message, at, loading.contract.contract_id)


def _take_by_month(
    draft: Draft,
    loading: Loading,
    stated: Stated,
    worked: _Worked,
    part: str,
    amount: Amount,
    work: OpeningWork,
    earlier: tuple[Amount, Hours],
    *,
    earned: Amount | None,
) -> tuple[Amount, Hours]:
    """Two rows where some of it is of `earlier` months, which caps by month have counted then; what of these is left for rows after it.

    1,000.00 of which 800.00 are of earlier months: rows of 800.00 and 200.00
    """
    counted, counted_hours = amount - work.uncounted, work.billable_hours - work.uncounted_hours
    then = max(min(counted, earlier[0]), 0)
    if not then:
        _take(draft, loading, stated, worked, part, amount, work, earned=earned)
        return earlier
    hours = min(counted_hours, earlier[1])
    of_then = f"{BEFORE_MONTH}/{part}" if part else BEFORE_MONTH
    earned_then = 0 if earned is not None else None
    _take(draft, loading, stated, worked, of_then, then, OpeningWork(0, hours), earned=earned_then)
    now = replace(work, billable_hours=work.billable_hours - hours)
    if amount - then or earned or now != OpeningWork() or not part:
        _take(draft, loading, stated, worked, part, amount - then, now, earned=earned)
    return earlier[0] - then, earlier[1] - hours


def opening_rows(draft: Draft, loading: Loading, line_id: str) -> list[Entry]:
    """Of work on the line, in the order in which they are billed."""
    own = row_id(OPENING, composed(loading.contract.contract_id, line_id))
    found = (draft.entry(row) for row in loading.rows if row == own or row.startswith(f"{own}/"))
    return [entry for entry in found if entry is not None and entry.work is not None]


def _called(contract: Contract, line_id: str, plan: LinePlan, part: str) -> str:
    """On a statement: of which line, where there are several, or were, and of which expenses or units."""
    units, (kind, category, *_) = methods.units(plan.line.terms), (*part.split("/"), "", "")
    what = category if kind == EXPENSE else units.unit if kind == UNITS and units is not None else ""
    several = len({line.line_id for stored in contract.history for line in stored.terms.lines}) > 1
    of = [line_id if several else "", what]
    return (
        spoken.said("brought_forward_of", of=" ".join(filter(None, of))) if any(of) else spoken.said("brought_forward")
    )


def _take(
    draft: Draft,
    loading: Loading,
    stated: Stated,
    worked: _Worked,
    part: str,
    amount: Amount,
    work: OpeningWork,
    *,
    earned: Amount | None = None,
    quantity: Quantity | None = None,
    number: int = 0,
) -> None:
    contract, event, balance = loading.contract, loading.event, stated.balance
    charge_id = composed(contract.contract_id, balance.line_id) + (f"/{part}" if part else "")
    row = row_id(OPENING, charge_id)
    entry = draft.entry(row)
    if quantity is None:
        terms = methods.units(worked.plan.line.terms)
        of_work = 0 if part or terms is None or is_shared(terms) else balance.units or 0
        quantity = QUANTITY_ONE if terms is None else of_work
    at = universal_midnight(event.as_of)
    charge = Charge(
        OPENING,
        charge_id,
        entry.version + 1 if entry is not None else 1,
        event.project_id,
        worked.day,
        at + MICROSECONDS_PER_DAY - 1 if part.startswith((OVER_CAP, OVER_BILLING)) else at + number,
        contract.terms.currency,
        amount,
        contract.contract_id,
        balance.line_id,
        description=_called(contract, balance.line_id, worked.plan, part),
        category=EXPENSES if part.split("/", maxsplit=1)[0] == EXPENSES else None,
        quantity=quantity,
        earned=earned,
        carried_on=event.as_of,
        opening=work,
    )
    if draft.why is not None:
        say_row(draft.why, row, stated, charge)
    take(draft, row, Work(None, draft.cause.log_offset, charge=plain(charge)))
    loading.rows.append(row)
