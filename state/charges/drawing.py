"""Rows that share what their line's terms include: hours of milestones, hours or money of a retainer (R28, R30).

A row draws in consumption order (R16), whenever it arrived and whatever is issued, and is charged for what goes beyond. So late work finds
what its day had; what it takes from others, or what a withdrawal gives them, is a correction where they are issued (R19).
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps.consume import Order, order_of
from domain.contract import BEGINNING, line_named
from domain.events.delivery import TimeApproved
from domain.identity import composed
from domain.money import extend, round_ratio
from domain.terms import methods
from domain.terms.consumption import Span, Used, consume
from domain.terms.draw_down import Draw, add, less
from domain.terms.kind import IN_MONEY, WITH_CHARGE, WITH_INVOICE, DrawRequest, Draws, LineHistory
from domain.units import Amount, Hours
from domain.work.hours import worked_hours
from domain.work.rows import EXPENSE
from state.books import Contract, EndedPeriod, Entry, Price, Work
from state.caps.allot import consume_caps
from state.caps.claims import Consumption, consumption_of, keeping
from state.caps.given_up import fitted
from state.caps.repricing import reprice
from state.charges import own_periods
from state.charges.terms_known import agreed_versions, known_of, line_fees
from state.draft import Draft
from state.terms.periods import today
from state.terms.plan import LinePlan, plan_of, terms_on
from state.totals import issued_on, standing_price
from state.work import drawn_record, price_record
from state.work.value_time import finer_than

NOTHING: Draws = MappingProxyType({})
DAY = timedelta(days=1)


def draws(work: Work, plan: LinePlan) -> bool:
    """Time does, and expenses do where money is drawn; of work of before the books begin what is stated to."""
    if work.charge is None:
        return work.time is not None
    if work.charge.opening is not None:
        return work.charge.opening.draws
    return plan.draws == IN_MONEY and work.charge.kind == EXPENSE


def drawn_price(draft: Draft, entry: Entry, work: Work, price: Price, plan: LinePlan) -> Price:
    """The price of work that comes now: what it draws, and what it is charged beyond that."""
    contract = draft.contract_in_books(plan.contract_id)
    own, line_id = _row(entry.entry_id, work, price, plan), plan.line.line_id
    known = known_of(draft, contract, line_id)
    over = own_periods.over(draft, contract, known)
    left = standing_price(entry)
    gives_up = left.drawn if left is not None and _is_on(left, contract, line_id) else None
    days = [price.day, *_changed(draft, contract, line_id)]
    if left is not None and gives_up is not None:
        days.append(left.day)
    rows = _rows(draft, contract, line_id, min(days))
    taken = less(known.drawn, (row.price.drawn or NOTHING for row in rows))
    others = [row for row in rows if row.entry_id != own.entry_id]
    if gives_up and len(others) == len(rows):
        taken = add(taken, gives_up, -1)
    found = _consume(known, Span(min(days), over, _last_ended(draft, contract, known)), taken, [*others, own])
    return _shared(draft, own, found.shares[entry.entry_id])


def settle(draft: Draft, contract: Contract, line_id: str, ended: date | None = None) -> None:
    """Give the rows of the line their share again from the first day on of which something changed, the difference posted.

    `ended` is a day that has ended: periods of the terms are over with it, and where too little is left the line fills up.
    """
    before: Contract | None = draft.before.get(("contract", contract.contract_id))
    if before is not None and before.history != contract.history:
        _release(draft, contract, line_id)
    if all(methods.draws_in(agreed.line.terms) is None for agreed in agreed_versions(draft, contract, line_id)):
        return
    known = known_of(draft, contract, line_id)
    over = own_periods.over(draft, contract, known, ended)
    first = min(_to_look_at(draft, contract, line_id, known, over, ended), default=None)
    if first is None:
        return
    rows = _rows(draft, contract, line_id, first)
    taken = less(known.drawn, (row.price.drawn or NOTHING for row in rows))
    used = _consume(known, Span(first, over, _last_ended(draft, contract, known, ended)), taken, rows)
    fees = line_fees(draft, contract, line_id)
    periods = tuple(EndedPeriod(one.start, one.to, dict(one.limits), tuple(one.over)) for one in used.ended)
    if (periods, tuple(used.topped_up)) != (fees.ended, fees.topped_up):
        part_id = composed(contract.contract_id, line_id)
        draft.put("fees", part_id, replace(fees, ended=periods, topped_up=tuple(used.topped_up)))
    for row in rows:
        entry = draft.entry(row.entry_id)
        price = standing_price(entry) if entry is not None else None
        share = used.shares[row.entry_id]
        if price is not None and _content(price) == _wanted(row, share):
            continue
        if entry is None or price is None:
            continue
        if draft.why is not None:
            draft.why.forget(row.entry_id)
        wanted = _shared(draft, row, share)
        _take(draft, entry, row.plan, wanted if row.is_issued else replace(wanted, given=0), is_issued=row.is_issued)


def _release(draft: Draft, contract: Contract, line_id: str) -> None:
    """Issued work whose terms include nothing any more draws nothing: what it drew goes with its fee. What is billed of it stays, and is
    all that it earns (R8)."""
    for entry in draft.drawing_on(contract.contract_id, line_id, BEGINNING.isoformat()):
        price, work = standing_price(entry), entry.standing
        if price is None or work is None or not price.drawn or not any(one.amount for one in entry.issued):
            continue
        plan = plan_of(draft, price)
        if plan is None or not _is_on(price, contract, line_id) or _is_brought_forward(work):
            continue
        if plan.draws is not None and line_named(terms_on(contract, price.day), line_id) is not None:
            continue
        earned = price.earned
        if earned is not None:
            earned -= sum(amount for _, amount in price.drawn.values())
        price = replace(price, earned=earned, drawn=None)
        if draft.why is not None:
            price = drawn_record.recognised(draft.why, entry.entry_id, price)
        _take(draft, entry, plan, price, is_issued=True)


def _take(draft: Draft, entry: Entry, plan: LinePlan, wanted: Price, *, is_issued: bool) -> None:
    before, work = consumption_of(entry), entry.standing
    assert before is not None, "it is priced"
    assert work is not None, "it is priced"
    if draft.why is not None:
        wanted = price_record.booked(draft.why, entry.entry_id, wanted)
    wanted = fitted(entry, keeping(draft, plan, entry.entry_id, before.price, wanted))
    consumption = Consumption(entry.entry_id, work.person_id, wanted, before.issued if is_issued else 0)
    allotted = consume_caps(draft, (plan, before), (plan, consumption))
    current = draft.entry_in_books(entry.entry_id)
    draft.put_entry(current, reprice(draft, current, plan, allotted, "draw_down"))


class _Row(NamedTuple):
    """`asked` is all that the row is worth, or its hours: what it is charged for, and what it draws by now."""

    entry_id: str
    work: Work
    price: Price
    plan: LinePlan
    order: Order
    asked: int
    is_issued: bool

    @property
    def in_money(self) -> bool:
        return self.plan.draws == IN_MONEY


def _row(entry_id: str, work: Work, price: Price, plan: LinePlan, *, is_issued: bool = False) -> _Row:
    order = order_of(price.day, price.approved_at, entry_id, by_approval=False)
    return _Row(entry_id, work, price, plan, order, _asked(work, price, plan), is_issued)


def _asked(work: Work, price: Price, plan: LinePlan) -> int:
    """A price that has drawn hours, and is kept under terms that sell money, is worth its hours at its rate, and the other way round."""
    drawn = sum(quantity for quantity, _ in price.drawn.values()) if price.drawn else 0
    in_money, in_hours = price.value + drawn, price.hours + drawn
    if drawn and work.time is not None:
        hours = _billable_hours(work.time, plan)
        worth = _at_rate(price, plan, hours, finer_than(hours, work.time))
        if plan.draws == IN_MONEY and in_hours == hours:
            return worth
        if plan.draws != IN_MONEY and in_money == worth != in_hours:
            return hours
    return in_money if plan.draws == IN_MONEY else in_hours


def _at_rate(price: Price, plan: LinePlan, hours: Hours, finer: int) -> Amount:
    return extend(hours, price.rate, price.markup, price.currency, plan.policies.money_mode, finer)


def _billable_hours(event: TimeApproved, plan: LinePlan) -> Hours:
    return methods.billable_hours(plan.line.terms, worked_hours(event), event.billable_hours, plan.policies)


def _rows(draft: Draft, contract: Contract, line_id: str, first: date) -> list[_Row]:
    """All of a day and later, also those that are issued."""
    entries = draft.drawing_on(contract.contract_id, line_id, first.isoformat())
    read = (_read(draft, contract, line_id, entry) for entry in entries)
    return [row for row in read if row is not None]


def _read(draft: Draft, contract: Contract, line_id: str, entry: Entry) -> _Row | None:
    price, work = standing_price(entry), entry.standing
    if price is None or work is None or price.drawn is None or not _is_on(price, contract, line_id):
        return None
    if _is_brought_forward(work):  # what was drawn by then stays drawn
        return None
    plan = plan_of(draft, price)
    if plan is None or plan.draws is None:
        return None
    is_issued = issued_on(entry, contract.contract_id, line_id) is not None
    return _row(entry.entry_id, work, price, plan, is_issued=is_issued)


def _consume(known: LineHistory, span: Span, taken: Draws, rows: Sequence[_Row]) -> Used:
    claims = [DrawRequest(row.entry_id, row.price.day, row.asked) for row in sorted(rows, key=attrgetter("order"))]

    def part_of(whole: Amount, part: int, of: int, title: str) -> Amount:
        return rows[0].plan.part_of(whole, part, of, title)

    return consume(known, span, taken, claims, part_of)


# From when on


def _to_look_at(
    draft: Draft,
    contract: Contract,
    line_id: str,
    known: LineHistory,
    over: frozenset[tuple[date, date]],
    ended: date | None,
) -> Iterator[date]:
    """First days of what the event changed: work, the terms, periods that are over with it, and the one in which the line may fill up."""
    before: Contract | None = draft.before.get(("contract", contract.contract_id))
    if before is None or (before.history, before.terminated_on) != (contract.history, contract.terminated_on):
        yield BEGINNING
    yield from _changed(draft, contract, line_id)
    yield from (start for start, _ in over - {(one.start, one.to) for one in known.ended})
    if ended is not None and any(methods.fills_up(agreed.line.terms) for agreed in known.held):
        yield own_periods.begun(known, ended)


def _changed(draft: Draft, contract: Contract, line_id: str) -> Iterator[date]:
    """Days on which rows that the event changed drew, or draw, something else."""
    for entry_id in draft.changed_on.get((contract.contract_id, line_id), ()):
        had, has = draft.entries.get(entry_id), draft.rows[entry_id]
        if _drawn_before(had) != _drawn_before(has):
            yield BEGINNING
        places = [_place(draft, contract, line_id, entry) for entry in (had, has)]
        if places[0] != places[1]:
            yield from (place.day for place in places if place is not None)


def _drawn_before(entry: Entry | None) -> Draws | None:
    """What was drawn before the books begin, of the row that has it."""
    work = entry.standing if entry is not None else None
    if work is None or work.charge is None or work.charge.opening is None or work.price is None:
        return None
    return work.price.drawn


class _Place(NamedTuple):
    """What of an entry decides what others draw."""

    day: date
    order: Order
    asked: int


def _place(draft: Draft, contract: Contract, line_id: str, entry: Entry | None) -> _Place | None:
    row = _read(draft, contract, line_id, entry) if entry is not None else None
    return _Place(row.price.day, row.order, row.asked) if row is not None else None


def _last_ended(draft: Draft, contract: Contract, known: LineHistory, ended: date | None = None) -> date:
    day = ended or today(draft, contract) - DAY
    return max(day, known.begins_after or day)


def _is_on(price: Price, contract: Contract, line_id: str) -> bool:
    return (price.contract_id, price.line_id) == (contract.contract_id, line_id)


def _shared(draft: Draft, row: _Row, share: Draw) -> Price:
    hours, value, earned, drawn = _wanted(row, share)
    price = replace(row.price, hours=hours, value=value, earned=earned, stepped=True, drawn=dict(drawn))
    if draft.why is None:
        return price
    if _is_brought_forward(row.work):
        return replace(price, value=row.price.value) if value == row.price.value else price
    return drawn_record.beyond(draft, row.entry_id, row.work, row.plan, price)


def _is_brought_forward(work: Work) -> bool:
    """Its hours and its value are of what goes beyond, as stated."""
    return work.charge is not None and work.charge.opening is not None


def _wanted(row: _Row, share: Draw) -> tuple[Hours, Amount, Amount | None, Draws]:
    """What goes beyond is charged: hours at their rate, money as it is, with the hours that it pays for."""
    price, plan = row.price, row.plan
    if row.in_money:
        value, hours = share.beyond, _hours_of(row, share.beyond)
    else:
        hours = share.beyond
        event = row.work.time
        finer = finer_than(row.asked, event) if event is not None else 0
        value = _at_rate(price, plan, hours, finer) if hours else 0
    if plan.timing in (WITH_CHARGE, WITH_INVOICE):
        return hours, value, plan.earned_on(price.account, plan.earned), share.drawn
    beyond = 0 if price.account == price.revenue else value
    return hours, value, beyond + sum(earned for _, earned in share.drawn.values()), share.drawn


def _hours_of(row: _Row, value: Amount) -> Hours:
    """To show (R17): of time, what of its hours the value pays for."""
    event = row.work.time
    if event is None or not value:
        return 0
    hours = _billable_hours(event, row.plan)
    return hours if value == row.asked else round_ratio(value * hours, row.asked, 1, "half_up")


def _content(price: Price) -> tuple[object, ...]:
    return price.hours, price.value, price.earned, price.drawn
