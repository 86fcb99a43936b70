"""Where a journal stands that follows from others of its contract: beside the event's last one."""

from datetime import date
from typing import NamedTuple

from domain.ledger.journal import Booking
from domain.outputs import JournalEntry
from domain.reference.exchange import Exchange, at_rate
from domain.reference.zones import local_date
from state.books import Contract
from state.caps.repricing import last_rate
from state.draft import Draft
from state.ledger.posting import booking_of
from state.rerating.rerate import line_ids
from state.terms.known import Slot, open_day_from, period
from state.terms.plan import newest_plan


class PlaceBeside(NamedTuple):
    """`beside` is the journal whose rate it has."""

    booking: Booking
    exchange: Exchange
    beside: str = ""


def place_beside(draft: Draft, contract: Contract, posted_on: date | None) -> PlaceBeside:
    """At the rate of the event's last journal of the contract; without one on the day of the event, at the last rate known.

    What leaves an account does so no earlier than it came there (`posted_on`).
    """
    entity = draft.reference.known_entity(contract.terms.legal_entity_id)
    journals = (one for one in reversed(draft.outputs) if isinstance(one, JournalEntry))
    beside = next((journal for journal in journals if journal.contract_id == contract.contract_id), None)
    day = beside.accounting_date if beside is not None else local_date(draft.cause.recorded_at, entity.zone)
    day = open_day_from(draft, entity, day if posted_on is None else max(day, posted_on))
    if beside is not None:
        exchange = at_rate(beside.exchange_rate)
    else:
        plans = (newest_plan(draft, contract, line_id) for line_id in line_ids(contract))
        exchange = last_rate(draft, next(plan for plan in plans if plan is not None), day)
    slot = Slot(entity, contract.terms.currency, day, period(draft, entity, day).name, exchange)
    return PlaceBeside(booking_of(slot, "difference"), exchange, beside.journal_id if beside is not None else "")
