"""Entries that got another price in this event: the row changes at once, the difference is posted once, at the end.

A difference takes the date that a reversal of what it changes would take, at the rate of that date or else the one that is carried.
"""

from datetime import date

from msgspec.structs import replace

from domain.accounts import UNBILLED
from domain.money import convert
from domain.reference.exchange import NEVER_STALE, Exchange, at_rate
from domain.work.rows import is_listed
from state.books import Entry, Price, Work
from state.caps.claims import allotments
from state.draft import Draft
from state.ledger.posting import book_difference, with_standing
from state.terms.known import Blocked, Slot, open_day_from, period, slot_for
from state.terms.plan import LinePlan
from state.totals import standing_price, unbilled_positions
from state.work.passed_record import say_came_to
from state.work.valuation import first_day
from state.work.value_time import reversal_day

DATE_LAST = date(2100, 12, 31)


def reprice(draft: Draft, entry: Entry, plan: LinePlan, price: Price, rule: str) -> Entry:
    """The entry with a new price on the same line; the difference is posted at the end of the event, once, whatever moved it."""
    work = entry.standing
    assert work is not None, "only work is repriced"
    assert work.price is not None, "only a priced entry is repriced"
    _, first_rule = draft.repriced.get(entry.entry_id, (plan, rule))
    draft.repriced[entry.entry_id] = (plan, first_rule)
    return with_standing(entry, replace(work, price=price))


def book_repriced(draft: Draft, within: str = "") -> None:
    """Post the difference between what the journals of each repriced entry carry and what its price now says; `within` is what of the
    event it is for, where an event posts differences more than once."""
    for entry_id, (plan, rule) in draft.repriced.items():
        entry = draft.entry(entry_id)
        work = entry.standing if entry is not None else None
        if entry is None or work is None or work.price is None or work.price.line_id != plan.line.line_id:
            continue
        slot = carried_rate(draft, entry, plan, difference_slot(draft, work, plan))
        after = book_difference(draft, entry, plan, slot, rule + within)
        if after is not entry:
            if draft.why is not None and work.part_of is not None and after.standing is not None:
                posted = after.standing.journals[len(work.journals)].journal_id
                say_came_to(draft.why, entry_id, plan.contract_id, allotments(plan)[0], work.price, posted)
            draft.put_booked(entry, after)
    draft.repriced = {}


def difference_slot(draft: Draft, work: Work, plan: LinePlan) -> Slot:
    """On the date that a reversal of the side's oldest journal would take; at its rate where one is known, else the carrying rate."""
    assert work.price is not None, "only a priced entry has differences"
    instead = reversal_day(draft, work, "revenue", plan.entity)
    day = first_day(work, plan.entity.zone)
    policies = plan.policies._replace(closed_period="next_open")
    slot = slot_for(draft, "price", plan.entity, plan.currency, day, instead, work.price.day, policies)
    return carrying_slot(draft, work, plan) if isinstance(slot, Blocked) else slot


def carried_rate(draft: Draft, entry: Entry, plan: LinePlan, slot: Slot) -> Slot:
    """What balances list of an entry may be carried at the rate of its own day, as it would be from its beginning: so is what comes to it.

    93.58 of 74.86 are carried, which is 1.25, the rate of its day: 369.59 more are 461.99
    """
    price = standing_price(entry)
    if slot.currency == plan.entity.currency or not is_listed(entry.entry_id) or price is None:
        return slot
    own = slot_for(draft, "price", plan.entity, plan.currency, price.day, None, price.day, plan.policies)
    if isinstance(own, Blocked):
        return slot
    positions = unbilled_positions(entry)
    amount, ledger = (sum(positions.get((plan.contract_id, on), (0, 0))[side] for on in UNBILLED) for side in (0, 1))
    at_own = convert(
        amount, own.exchange.numerator, own.exchange.denominator, plan.entity.currency, plan.policies.money_mode
    )
    return replace(slot, exchange=own.exchange) if at_own == ledger else slot


def carrying_slot(draft: Draft, work: Work, plan: LinePlan) -> Slot:
    """Where nothing was recognised yet, so that no rate is carried, the last one known before or after, however old."""
    entity = plan.entity
    journal = next((one for one in work.journals if any(line.purpose == "revenue" for line in one.lines)), None)
    start = journal.accounting_date if journal is not None else first_day(work, entity.zone)
    open_day = open_day_from(draft, entity, start)
    exchange = (
        at_rate(journal.exchange_rate, journal.journal_id) if journal is not None else last_rate(draft, plan, open_day)
    )
    return Slot(entity, plan.currency, open_day, period(draft, entity, open_day).name, exchange)


def last_rate(draft: Draft, plan: LinePlan, day: date) -> Exchange:
    rate_type = plan.policies.exchange_rate_type
    for until in (day, DATE_LAST):
        found = draft.reference.exchange(rate_type, plan.currency, plan.entity.currency, until, NEVER_STALE)
        if isinstance(found, Exchange):
            return found
    raise AssertionError(f"{plan.currency} to {plan.entity.currency}: the entry was priced, so a rate was known")
