"""Receivables given up: bad debt (6900) against 1100 at the ledger amount that it carries; no revenue, and no cap gets room (R20).

Tax stays on 2400 until the tax office gives it back, which is the ERP's to say: what is written off is what of the invoice is not paid.
Who asks does not approve, and above policy `approval_limit` somebody has to.
"""

from typing import NamedTuple

from msgspec.structs import replace

from domain.accounts import BAD_DEBT, RECEIVABLE
from domain.events.finance import WrittenOff
from domain.exchange import Exchange
from domain.journal import About, Leg, journal_entry
from domain.money import format_amount
from domain.units import EXCHANGE_RATE_ONE, Amount
from state.books import Contract, Receivable, WriteOff
from state.draft import Draft
from state.facts import is_new
from state.known import Slot, open_day_from, period
from state.plan import contract_policies, customer_of
from state.posting import booking_of
from state.receivables import receivable_of, show_anew, within, write_off

WRITE_OFF = "write_off"
MISAPPLIED = "misapplied"
SELF_APPROVED = "self_approved"
UNKNOWN = "unknown_reference"


class Fault(NamedTuple):
    category: str
    field: str
    message: str
    amount: Amount = 0


def on_receivable_written_off(draft: Draft, event: WrittenOff) -> None:
    known: WriteOff | None = draft.part(WRITE_OFF, event.write_off_id)
    if known is not None and known.category and known.event != event:
        # Nothing of it is posted: the newest content counts.
        draft.settle_note(known.category, WRITE_OFF, event.write_off_id, "superseded")
        draft.put("fact", f"{WRITE_OFF}/{event.write_off_id}", None)
    if is_new(draft, WRITE_OFF, event.write_off_id, 0, event):
        _settle(draft, WriteOff(event))


def retry_waiting(draft: Draft) -> None:
    """An invoice was posted, or more is open by now: what waits for that, by id."""
    for write_off_id in draft.ids(WRITE_OFF):
        known: WriteOff = draft.part(WRITE_OFF, write_off_id)
        if known.category in (UNKNOWN, MISAPPLIED):
            _settle(draft, known)


def waive(draft: Draft, write_off_id: str) -> None:
    """Somebody else lets it pass that nobody else had approved; what cannot be posted is given up."""
    known: WriteOff | None = draft.part(WRITE_OFF, write_off_id)
    if known is None or not known.category:
        return
    if known.category == SELF_APPROVED:
        _settle(draft, replace(known, is_waived=True))
    else:
        draft.put(WRITE_OFF, write_off_id, None)
        draft.put("fact", f"{WRITE_OFF}/{write_off_id}", None)


def _settle(draft: Draft, known: WriteOff) -> None:
    event = known.event
    assert event.invoice_id is not None, "intake lets no receivable pass without its invoice"
    receivable = receivable_of(draft, event.invoice_id)
    fault = _fault(draft, known, receivable)
    if fault is not None or receivable is None:
        _park(draft, known, receivable, fault or _not_posted(event))
        return
    if known.category:
        draft.settle_note(known.category, WRITE_OFF, event.write_off_id)
    draft.put(WRITE_OFF, event.write_off_id, replace(known, category=""))
    _post(draft, event, receivable)


def _fault(draft: Draft, known: WriteOff, receivable: Receivable | None) -> Fault | None:
    event = known.event
    if receivable is None:
        return _not_posted(event)
    if event.currency != receivable.currency:
        message = f"invoice {receivable.invoice_id} is in {receivable.currency}, the write-off in {event.currency}"
        return Fault(MISAPPLIED, "currency", message, event.amount)
    stands, _ = receivable.open
    if event.amount <= 0 or not within(event.amount, stands):
        open_now = f"of invoice {receivable.invoice_id} {format_amount(stands)} {receivable.currency} are open"
        message = f"{open_now}, {format_amount(event.amount)} are written off"
        return Fault(MISAPPLIED, "amount", message, event.amount - stands)
    why = None if known.is_waived else _why_not(draft, event, receivable)
    return Fault(SELF_APPROVED, "approved_by", why, event.amount) if why is not None else None


def _not_posted(event: WrittenOff) -> Fault:
    return Fault(UNKNOWN, "invoice_id", f"invoice {event.invoice_id} is not posted", event.amount)


def _why_not(draft: Draft, event: WrittenOff, receivable: Receivable) -> str | None:
    """What is wrong with who asked and who approved."""
    if event.approved_by == event.requested_by:
        return f"{event.requested_by} asked for it and approved it"
    limit = contract_policies(draft, _contract(draft, receivable)).approval_limit
    if event.approved_by is None and limit is not None and event.amount > limit:
        above = f"{format_amount(event.amount)} are more than approval_limit, {format_amount(limit)}"
        return f"{above}: somebody other than {event.requested_by} has to approve it"
    return None


def _park(draft: Draft, known: WriteOff, receivable: Receivable | None, fault: Fault) -> None:
    event = known.event
    if known.category and known.category != fault.category:
        draft.settle_note(known.category, WRITE_OFF, event.write_off_id, "superseded")
    draft.put(WRITE_OFF, event.write_off_id, replace(known, category=fault.category))
    draft.note(
        fault.category,
        WRITE_OFF,
        event.write_off_id,
        f"write-off {event.write_off_id}: {fault.message}",
        project_id=event.project_id,
        contract_id=receivable.contract_id if receivable is not None else None,
        person_id=event.requested_by,
        field=fault.field,
        amount=fault.amount,
        currency=event.currency,
    )


def _contract(draft: Draft, receivable: Receivable) -> Contract:
    contract = draft.contract(receivable.contract_id)
    assert contract is not None, "an invoice is posted of a contract in the books"
    return contract


def _post(draft: Draft, event: WrittenOff, receivable: Receivable) -> None:
    """On the day of the decision, at what the receivable carries; who owns the receivable delivers it."""
    contract = _contract(draft, receivable)
    policies = contract_policies(draft, contract)
    entity = draft.reference.entity(receivable.legal_entity_id)
    assert entity is not None, "an invoice is posted in a company"
    day = open_day_from(draft, entity, event.written_off_on)
    exchange = Exchange(receivable.exchange_rate, EXCHANGE_RATE_ONE, receivable.exchange_rate, ())
    slot = Slot(entity, receivable.currency, day, period(draft, entity, day).name, exchange)
    relief = write_off(draft, receivable.invoice_id, event.amount, policies.money_mode)
    amount, ledger = relief.gross
    cause = draft.cause
    record = journal_entry(
        About(draft.engagement_id, WRITE_OFF, event.write_off_id, 0, WRITE_OFF, cause.kind, cause.id, cause.version),
        booking_of(slot, "posting"),
        (Leg(BAD_DEBT, WRITE_OFF, amount, ledger), Leg(RECEIVABLE, WRITE_OFF, -amount, -ledger)),
        project_id="",
        dimensions={},
        service_date=None,
        contract_id=receivable.contract_id,
        customer_id=customer_of(contract, receivable.bill_to),
        deliver=policies.ar_journal == "milepost",
    )
    lines = tuple(line._replace(project_id=receivable.project_id or None) for line in record.lines)
    draft.emit(record._replace(lines=lines))
    show_anew(draft, receivable)
