"""Work that is not billed is given up: revenue (4000) against where it stands until it is invoiced (1150, 1160), by entry.

| of what is given up | is posted |
|---|---|
| what is recognised | Dr 4000 Cr 1150 or 1160 as it is carried, on the day of the decision or the next open one |
| over a cap, or revenue as billed | nothing: it is not recognised, but no longer billable either |

An amount over several entries takes the whole of each in order (R16) until it is used up. The room that an entry loses goes to the one who
waits for it, as difference journals of their own (R15, R19). What earns over time is refused by name: it is the price that falls there.

    T-1 of 800.00 and T-2 of 400.00, 1,000.00 given up: 800.00 of T-1 and 200.00 of T-2; 200.00 are left to bill
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from domain.caps.consume import Order, order_of
from domain.events.finance import WrittenOff
from domain.exceptions import MISAPPLIED, UNKNOWN
from domain.explanation import Node, least, less
from domain.figure import Recorded, as_recorded
from domain.identity import composed
from domain.money import format_amount, smallest_unit
from domain.overflow import passes_on
from domain.refusals import UNSUPPORTED, words_of
from domain.terms.kind import NO_REVENUE, OVER_TIME
from domain.units import Amount
from domain.why import Why, elsewhere, in_event
from state.books import Contract, Entry, GivenUp, WriteOff
from state.caps.allot import consume_caps
from state.caps.claims import Consumption, consumption_of
from state.caps.given_up import LEFT_TO_GIVE_UP, fitted, left_of, rows_of, say_given_up
from state.caps.repricing import book_repriced, carrying_slot, reprice
from state.draft import Draft
from state.ledger.posting import GIVEN_UP, book_difference
from state.receivables import write_offs
from state.receivables.approval import PostingFault, approval_fault, as_stated, beyond
from state.terms.known import Slot, open_day_from, period
from state.terms.plan import LinePlan, plan_of, versions

# What waits, by the rows that it names: a part of the books.
WAITING = "write_offs"
WAITS = ("index", WAITING)


class _Own(NamedTuple):
    """A row of which something may be given up."""

    entry: Entry
    plan: LinePlan
    consumption: Consumption

    @property
    def order(self) -> Order:
        price = self.consumption.price
        return order_of(price.day, price.approved_at, self.entry.entry_id, by_approval=False)


def settle(draft: Draft, known: WriteOff) -> None:
    """Post what is asked for, or say what keeps it."""
    event = known.event
    found = {name: _entry(draft, name) for name in dict.fromkeys(event.entries)}
    own = _own(draft, [entry for entry in found.values() if entry is not None])
    contracts = _contracts(draft, own)
    fault = _fault(draft, known, found, own, contracts)
    if fault is not None:
        write_offs.park(draft, known, contracts[0].contract_id if contracts else None, fault)
        _wait(draft, event, waits=fault.category in {UNKNOWN, MISAPPLIED, UNSUPPORTED})
        return
    write_offs.accept(draft, known)
    _wait(draft, event, waits=False)
    before = {one.entry.entry_id: one.consumption.price.recognised for one in own}
    given: list[Node] = []
    for one, amount in _spread(own, event.amount):
        if draft.why is not None:
            given.append(_say_given_up(draft.why, event, one.entry, amount, given))
        _give_up(draft, event, one.entry.entry_id, amount)
    for one in own:
        _book(draft, event, one, before[one.entry.entry_id])


def after_event(draft: Draft) -> None:
    """Rows came or changed that a write-off waits for, or terms that keep it from being posted."""
    waiting: Mapping[str, tuple[str, ...]] | None = draft.part("index", WAITING)
    if not waiting:
        return
    woken = sorted(
        {write_off_id for row in draft.rows for write_off_id in waiting.get(row, ())}
        | (_refused(draft, waiting) if "contract" in draft.kinds else set())
    )
    if woken:
        book_repriced(draft)
    for write_off_id in woken:
        known: WriteOff | None = draft.part(write_offs.WRITE_OFF, write_off_id)
        if known is not None and known.category:
            settle(draft, known)
            book_repriced(draft, f"/{composed(write_off_id)}")


def _refused(draft: Draft, waiting: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Those that the terms of their work keep."""
    found = {write_off_id for named in waiting.values() for write_off_id in named}
    known = ((write_off_id, draft.part(write_offs.WRITE_OFF, write_off_id)) for write_off_id in found)
    return {write_off_id for write_off_id, one in known if one is not None and one.category == UNSUPPORTED}


def forget(draft: Draft, event: WrittenOff) -> None:
    """It waits no more, or not as it was asked for."""
    _wait(draft, event, waits=False)


def _wait(draft: Draft, event: WrittenOff, *, waits: bool) -> None:
    had: dict[str, tuple[str, ...]] = draft.part("index", WAITING) or {}
    if not waits and not had:
        return
    now = dict(had)
    for row in (row for name in event.entries for row in rows_of(name)):
        others = tuple(one for one in now.pop(row, ()) if one != event.write_off_id)
        if named := (*others, event.write_off_id) if waits else others:
            now[row] = named
    draft.put("index", WAITING, now or None)


# Which rows


def _entry(draft: Draft, name: str) -> Entry | None:
    return next((entry for row in rows_of(name) if (entry := draft.entry(row)) is not None), None)


def _own(draft: Draft, entries: Iterable[Entry]) -> list[_Own]:
    """Those that have a price on a contract line, in consumption order; one that has two names once."""
    found = []
    for entry in {entry.entry_id: entry for entry in entries}.values():
        consumption = consumption_of(entry)
        plan = plan_of(draft, consumption.price) if consumption is not None else None
        if consumption is not None and plan is not None:
            found.append(_Own(entry, plan, consumption))
    return sorted(found, key=lambda one: one.order)


def _contracts(draft: Draft, own: Iterable[_Own]) -> list[Contract]:
    found = (draft.contract(contract_id) for contract_id in dict.fromkeys(one.plan.contract_id for one in own))
    return [contract for contract in found if contract is not None]


# What keeps it


def _fault(
    draft: Draft, known: WriteOff, found: Mapping[str, Entry | None], own: list[_Own], contracts: list[Contract]
) -> PostingFault | None:
    event = as_stated(draft.why, known.event, "given up")
    if known.own is not None and set(known.own) != set(event.entries):
        message = f"of its entries only {', '.join(known.own)} are of this engagement; send one write-off for each"
        return PostingFault(MISAPPLIED, "entries", message, event.amount)
    missing = [name for name, entry in found.items() if entry is None]
    if missing:
        return PostingFault(UNKNOWN, "entries", f"no work {', '.join(missing)} is approved", event.amount)
    other = next((one for one in own if one.consumption.price.currency != event.currency), None)
    if other is not None:
        message = f"{other.entry.entry_id} is billed in {other.consumption.price.currency}, the write-off is in {event.currency}"
        return PostingFault(MISAPPLIED, "currency", message, event.amount)
    if event.amount % smallest_unit(event.currency):
        message = f"{format_amount(event.amount)} is finer than {event.currency} can be paid"
        return PostingFault(MISAPPLIED, "amount", message, event.amount)
    timed = next((one for one in own if one.plan.timing in {OVER_TIME, NO_REVENUE}), None)
    if timed is not None:
        message = words_of("write_off_over_time", line=timed.plan.line.line_id, contract=timed.plan.contract_id)
        return PostingFault(UNSUPPORTED, "entries", message, event.amount)
    histories = {contract.contract_id: versions(contract) for contract in contracts}
    passing = next((one for one in own if passes_on(histories[one.plan.contract_id], one.plan.line.line_id)), None)
    if passing is not None:
        message = words_of("write_off_passed_on", line=passing.plan.line.line_id, entry=passing.entry.entry_id)
        return PostingFault(UNSUPPORTED, "entries", message, event.amount)
    if event.amount <= 0:
        return write_offs.nothing_given_up(event)
    left = sum(left_of(one.entry) for one in own)
    if draft.why is not None:
        left = Recorded(
            elsewhere(
                "left of them",
                left,
                composed(write_offs.LEFT_OF, event.write_off_id, str(draft.why.now)),
                event.currency,
            )
        )
    if event.amount > left:
        message = (
            f"{format_amount(left)} {event.currency} of {', '.join(found)} are neither billed nor given up yet, "
            f"{format_amount(event.amount)} are to be written off"
        )
        return PostingFault(MISAPPLIED, "amount", message, beyond(event.amount, left))
    return approval_fault(draft, event, contracts, is_waived=known.is_waived)


# What becomes of it


def _spread(own: Iterable[_Own], amount: Amount) -> Iterable[tuple[_Own, Amount]]:
    for one in own:
        part = min(left_of(one.entry), amount)
        amount -= part
        if part:
            yield one, part


def _say_given_up(why: Why, event: WrittenOff, entry: Entry, part: Amount, earlier: Sequence[Node]) -> Node:
    """All that is left of the entry, or what the entries before it leave of the amount."""
    rest = in_event("given up", event.amount, "amount", event, "amount", event.currency)
    if earlier:
        rest = less("left of the amount", rest, *earlier)
    address = composed(LEFT_TO_GIVE_UP, entry.entry_id, event.write_off_id, str(why.now))
    left = elsewhere(f"{entry.entry_id}: left of it", left_of(entry), address, event.currency)
    made = least("all that was left", [left, rest]) if (rest.value or 0) > part else rest
    title = f"{entry.entry_id}: given up by {event.write_off_id}"
    made = as_recorded(part, made._replace(title=title)).node
    say_given_up(why, entry.entry_id, event.write_off_id, made)
    return made


def _give_up(draft: Draft, event: WrittenOff, entry_id: str, amount: Amount) -> None:
    """The entry claims so much less from its caps; what that makes of its price, and of the shares of others."""
    entry = draft.entry_in_books(entry_id)
    before = consumption_of(entry)
    assert before is not None, "the entry has a price"
    plan = plan_of(draft, before.price)
    assert plan is not None, "the entry is on a line"
    gone = GivenUp(event.write_off_id, amount, event.currency)
    after = replace(entry, given_up=(*entry.given_up, gone))
    price = fitted(after, before.price)
    allotted = consume_caps(draft, (plan, before), (plan, replace(before, price=price)))
    draft.put_entry(entry, reprice(draft, after, plan, allotted, "cap"))


def _book(draft: Draft, event: WrittenOff, one: _Own, recognised: Amount) -> None:
    """What an entry earns less by now; what it gains by the room of others is posted with theirs."""
    entry = draft.entry(one.entry.entry_id)
    work = entry.standing if entry is not None else None
    if entry is None or work is None or work.price is None or work.price.recognised >= recognised:
        return
    # An event may finish several write-offs of one entry, each with its journal.
    rule = composed(GIVEN_UP, event.write_off_id)
    booked = book_difference(draft, entry, one.plan, _slot(draft, event, one), rule, GIVEN_UP)
    if booked is not entry:
        draft.put_booked(entry, booked)


def _slot(draft: Draft, event: WrittenOff, one: _Own) -> Slot:
    """On the day of the decision or the next open one, not before what it takes back, at the rate that this is carried at (R14)."""
    assert one.entry.standing is not None, "the entry is in the books"
    carried = carrying_slot(draft, one.entry.standing, one.plan)
    entity = one.plan.entity
    day = max(open_day_from(draft, entity, event.written_off_on), carried.accounting_date)
    return replace(carried, accounting_date=day, period=period(draft, entity, day).name)
