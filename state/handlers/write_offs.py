"""Write-offs, by what is given up. Of a receivable: bad debt (6900) against 1100 at the ledger amount that it carries; no revenue, and no
cap gets room (R20). Of what is unbilled: `state/receivables/unbilled_write_offs.py`.

Tax stays on 2400 until the tax office gives it back, which is the ERP's to say: what is written off is what of the invoice is not paid.
"""

from msgspec.structs import replace

from domain.accounts import BAD_DEBT, RECEIVABLE
from domain.events.finance import WrittenOff
from domain.exceptions import MISAPPLIED, SELF_APPROVED, UNKNOWN
from domain.ledger.journal import Leg
from domain.money import format_amount, smallest_unit
from domain.reference.exchange import at_rate
from state.books import Receivable, WriteOff
from state.draft import Draft
from state.facts import is_new, is_repeat
from state.ledger.posting import about, booking_of, emit_placed
from state.receivables import unbilled_write_offs
from state.receivables.approval import PostingFault, approval_fault, as_stated, beyond
from state.receivables.receivables import open_of, receivable_of, show_again, within, write_off
from state.receivables.write_offs import WRITE_OFF, accept, drop, nothing_given_up, park
from state.terms.known import Slot, open_day_from, period
from state.terms.opening import IN_BALANCES, in_balances
from state.terms.plan import contract_policies, customer_of

# What is given up (`WrittenOff.what`); else it is work that is not billed.
RECEIVABLE_GIVEN_UP = "receivable"


def on_written_off(draft: Draft, event: WrittenOff) -> None:
    known: WriteOff | None = draft.part(WRITE_OFF, event.write_off_id)
    if known is not None and known.category and not is_repeat(draft, WRITE_OFF, event.write_off_id, event):
        # Nothing of it is posted: the newest content counts.
        draft.resolve_exception(known.category, WRITE_OFF, event.write_off_id, "superseded")
        _give_up(draft, known)
    if is_new(draft, WRITE_OFF, event.write_off_id, 0, event):
        _settle(draft, WriteOff(event, own=draft.own))


def retry_waiting(draft: Draft) -> None:
    """An invoice was posted, or more is open by now: what waits for that, by id."""
    for write_off_id in draft.ids(WRITE_OFF):
        known: WriteOff = draft.part(WRITE_OFF, write_off_id)
        if known.event.what == RECEIVABLE_GIVEN_UP and known.category in (UNKNOWN, MISAPPLIED, IN_BALANCES):
            _settle(draft, known)


def waive(draft: Draft, write_off_id: str) -> None:
    """Somebody else lets it pass that nobody else had approved; what cannot be posted is given up."""
    known: WriteOff | None = draft.part(WRITE_OFF, write_off_id)
    if known is None or not known.category:
        return
    if known.category == SELF_APPROVED:
        _settle(draft, replace(known, is_waived=True))
    else:
        _give_up(draft, known)


def _give_up(draft: Draft, known: WriteOff) -> None:
    if known.event.what != RECEIVABLE_GIVEN_UP:
        unbilled_write_offs.forget(draft, known.event)
    drop(draft, known.event.write_off_id)


def _settle(draft: Draft, known: WriteOff) -> None:
    if known.event.what == RECEIVABLE_GIVEN_UP:
        _settle_receivable(draft, known)
    else:
        unbilled_write_offs.settle(draft, known)


def _settle_receivable(draft: Draft, known: WriteOff) -> None:
    event = known.event
    assert event.invoice_id is not None, "intake lets no receivable pass without its invoice"
    receivable = receivable_of(draft, event.invoice_id)
    fault = _fault(draft, known, receivable)
    if fault is not None or receivable is None:
        park(draft, known, receivable.contract_id if receivable is not None else None, fault or _not_posted(event))
        return
    accept(draft, known)
    _post(draft, event, receivable)


def _fault(draft: Draft, known: WriteOff, receivable: Receivable | None) -> PostingFault | None:
    event = as_stated(draft.why, known.event, "given up")
    if receivable is None:
        return _not_posted(event)
    if event.currency != receivable.currency:
        message = f"invoice {receivable.invoice_id} is in {receivable.currency}, the write-off in {event.currency}"
        return PostingFault(MISAPPLIED, "currency", message, event.amount)
    if included := in_balances(draft, receivable, event.written_off_on, "write-off"):
        return PostingFault(IN_BALANCES, "written_off_on", included, event.amount)
    if event.amount <= 0:
        return nothing_given_up(event)
    if event.amount % smallest_unit(event.currency):
        message = f"{format_amount(event.amount)} is finer than {event.currency} can be paid"
        return PostingFault(MISAPPLIED, "amount", message, event.amount)
    stands, _ = open_of(draft, receivable)
    if not within(event.amount, stands):
        open_now = f"of invoice {receivable.invoice_id} {format_amount(stands)} {receivable.currency} are open"
        message = f"{open_now}, {format_amount(event.amount)} are to be written off"
        return PostingFault(MISAPPLIED, "amount", message, beyond(event.amount, stands))
    return approval_fault(draft, event, (draft.contract_in_books(receivable.contract_id),), is_waived=known.is_waived)


def _not_posted(event: WrittenOff) -> PostingFault:
    return PostingFault(UNKNOWN, "invoice_id", f"invoice {event.invoice_id} is not posted", event.amount)


def _post(draft: Draft, event: WrittenOff, receivable: Receivable) -> None:
    """On the day of the decision, at what the receivable carries; who owns the receivable delivers it."""
    contract = draft.contract_in_books(receivable.contract_id)
    policies = contract_policies(draft, contract)
    entity = draft.reference.known_entity(receivable.legal_entity_id)
    day = open_day_from(draft, entity, event.written_off_on)
    exchange = at_rate(receivable.exchange_rate)
    slot = Slot(entity, receivable.currency, day, period(draft, entity, day).name, exchange)
    amount, ledger = write_off(
        draft, receivable.invoice_id, as_stated(draft.why, event, "given up").amount, policies.money_mode
    )
    legs = Leg(BAD_DEBT, WRITE_OFF, amount, ledger), Leg(RECEIVABLE, WRITE_OFF, -amount, -ledger)
    emit_placed(
        draft,
        about(draft, (WRITE_OFF, event.write_off_id, 0), WRITE_OFF),
        booking_of(slot, "posting"),
        [(receivable.project_id, leg) for leg in legs],
        contract_id=receivable.contract_id,
        customer_id=customer_of(contract, receivable.bill_to),
        deliver=policies.ar_journal == "milepost",
    )
    show_again(draft, receivable)
