"""Which amounts of cash that is applied fit: what of the payment is unapplied, and what of each invoice is open or was settled by it."""

from typing import NamedTuple

from msgspec.structs import replace

from domain.events.finance import PaymentApplied, PaymentReceived
from domain.exceptions import MISAPPLIED, UNKNOWN
from domain.figure import called
from domain.money import HALF_UP, format_amount, round_amount, smallest_unit
from domain.refusals import UNSUPPORTED, words_of
from domain.units import Amount
from state.books import CashApplication, Payment, Receivable
from state.draft import Draft
from state.receivables.cash_record import Paid, with_fields
from state.receivables.cash_waits import CashFault
from state.receivables.receivables import open_of, receivable_of, within
from state.receivables.unapplied import held_of, is_home, unapplied
from state.terms.opening import IN_BALANCES, in_balances


class Fitting(NamedTuple):
    """What the invoices of this engagement take, below zero what is taken off them, and what those of others do."""

    members: tuple[tuple[Receivable, Amount], ...]
    elsewhere: Amount = 0


def fitting(draft: Draft, known: CashApplication, payment: Payment | None) -> Fitting | CashFault:
    """All that the event says; of one that is waived, what fits of it."""
    stated_by = known.event
    if known.is_waived:
        known = replace(known, event=in_units(known.event))
    if draft.why is not None:
        known = replace(known, event=with_fields(stated_by, known.event))
    event = known.event
    stated = sum(each.amount for each in event.applications)
    fault = _of_payment(event, known.own, payment, stated) or too_fine(event)
    if fault is not None:
        return fault if not known.is_waived or fault.category == UNKNOWN else Fitting(())
    found = _members(draft, known, payment)
    if isinstance(found, CashFault) or payment is None or not is_home(payment):
        return found
    short = _short(draft, event, payment, found)
    if not short:
        return found
    if not known.is_waived:
        legal_entity_id, missing = next(iter(short.items()))
        left = format_amount(unapplied(draft, payment).get(legal_entity_id, 0))
        message = f"of payment {event.payment_id} {left} {event.currency} are unapplied in company {legal_entity_id}, "
        message += f"{format_amount(missing)} more are applied"
        return CashFault(MISAPPLIED, "applications", message, missing)
    return _cut(payment, found, short)


def in_units(event: Paid) -> Paid:
    """Of a payment that is waived, as the bank can have moved it: each amount in whole units of its currency."""
    applications = tuple(
        each._replace(amount=round_amount(each.amount, event.currency, HALF_UP)) for each in event.applications
    )
    if isinstance(event, PaymentReceived):
        amount = round_amount(event.amount, event.currency, HALF_UP)
        return event._replace(amount=amount, applications=applications)
    return event._replace(applications=applications)


def too_fine(event: PaymentReceived | PaymentApplied) -> CashFault | None:
    """No bank moves less than the smallest unit."""
    step = smallest_unit(event.currency)
    stated = [("amount", event.amount)] if isinstance(event, PaymentReceived) else []
    stated += [(f"applications[{place}].amount", each.amount) for place, each in enumerate(event.applications)]
    found = next(((field, amount) for field, amount in stated if amount % step), None)
    if found is None:
        return None
    field, amount = found
    return CashFault(MISAPPLIED, field, f"{format_amount(amount)} is finer than {event.currency} can be paid", amount)


def misfit(
    draft: Draft, event: PaymentReceived | PaymentApplied, place: int, receivable: Receivable, stands: Amount
) -> CashFault | None:
    """Why an application does not fit its invoice."""
    amount, invoice_id = event.applications[place].amount, receivable.invoice_id
    if event.currency != receivable.currency:
        message = words_of("payment_currency", invoice=invoice_id, theirs=receivable.currency, ours=event.currency)
        return CashFault(UNSUPPORTED, "currency", message, amount)
    if isinstance(event, PaymentReceived):
        day, field, what = event.received_on, "received_on", "payment"
    else:
        day, field, what = event.applied_on, "applied_on", "application"
    if included := in_balances(draft, receivable, day, what):
        return CashFault(IN_BALANCES, field, included, amount)
    contract = draft.contract(receivable.contract_id)
    customer_id = contract.terms.customer_id if contract is not None else ""
    owing = {*draft.reference.customer_chain(receivable.bill_to), *draft.reference.customer_chain(customer_id)}
    if event.customer_id not in {*owing, receivable.bill_to, customer_id}:
        message = f"invoice {invoice_id} is of customer {receivable.bill_to}, the payment of {event.customer_id}"
        waits = tuple(("customer", each) for each in sorted(owing))
        return CashFault(MISAPPLIED, "customer_id", message, amount, waits)
    if not within(amount, stands):
        message = f"of invoice {invoice_id} {format_amount(stands)} {receivable.currency} are open, "
        message += f"{format_amount(amount)} are applied"
        return CashFault(MISAPPLIED, f"applications[{place}].amount", message, amount - stands)
    return None


def _of_payment(
    event: PaymentApplied, own: tuple[str, ...] | None, payment: Payment | None, amount: Amount
) -> CashFault | None:
    """What is wrong with the payment itself; of one that is booked in another engagement the event has to be believed."""
    if payment is not None and payment.is_reversed:
        return CashFault(MISAPPLIED, "payment_id", f"payment {event.payment_id} was taken back", amount)
    if payment is None or payment.event is None:
        return (
            None
            if own is not None
            else CashFault(UNKNOWN, "payment_id", f"payment {event.payment_id} is not booked", amount)
        )
    if payment.category:
        return CashFault(UNKNOWN, "payment_id", f"payment {event.payment_id} is not booked: {payment.category}", amount)
    for field in ("customer_id", "currency"):
        said, was = getattr(event, field), getattr(payment.event, field)
        if said != was:
            return CashFault(
                MISAPPLIED, field, f"expected {was}, as payment {event.payment_id} has it, got {said}", amount
            )
    return None


def _members(draft: Draft, known: CashApplication, payment: Payment | None) -> Fitting | CashFault:
    """Against what the invoices have, those that are named before taken into account."""
    event, own = known.event, known.own
    members: list[tuple[Receivable, Amount]] = []
    moved: dict[str, Amount] = {}
    elsewhere = 0
    for place, each in enumerate(event.applications):
        if own is not None and each.invoice_id not in own:
            elsewhere += each.amount
            continue
        receivable = receivable_of(draft, each.invoice_id)
        if receivable is None:
            field = f"applications[{place}].invoice_id"
            return CashFault(UNKNOWN, field, f"invoice {each.invoice_id} is not posted", each.amount)
        earlier = moved.get(each.invoice_id, 0)
        is_taken_off = (each.amount > 0) != (receivable.gross[0] > 0)
        room = (_held(draft, payment, each.invoice_id) if is_taken_off else open_of(draft, receivable)[0]) - earlier
        fault = _not_held(event, place, -room) if is_taken_off else misfit(draft, event, place, receivable, room)
        amount = each.amount
        if fault is not None:
            if not known.is_waived:
                return fault
            is_too_much = fault.field.endswith(".amount")
            amount = room if is_too_much and (room > 0) == (amount > 0) else 0
        if amount:
            moved[each.invoice_id] = earlier + amount
            members.append((receivable, amount))
    return Fitting(tuple(members), elsewhere)


def _held(draft: Draft, payment: Payment | None, invoice_id: str) -> Amount:
    return called(-held_of(draft, payment, invoice_id)[0], "to be taken off")


def _not_held(event: PaymentApplied, place: int, held: Amount) -> CashFault | None:
    """Nothing is taken off an invoice that the payment did not settle."""
    invoice_id, amount = event.applications[place]
    if within(-amount, held):
        return None
    message = f"of invoice {invoice_id} payment {event.payment_id} has settled {format_amount(held)} {event.currency}, "
    message += f"{format_amount(-amount)} are taken off it"
    return CashFault(MISAPPLIED, f"applications[{place}].amount", message, -amount - held)


def _short(draft: Draft, event: PaymentApplied, payment: Payment, found: Fitting) -> dict[str, Amount]:
    """By company, what more is applied than is unapplied there."""
    needed: dict[str, Amount] = {}
    for receivable, amount in found.members:
        needed[receivable.legal_entity_id] = needed.get(receivable.legal_entity_id, 0) + amount
    if payment.receipts and found.elsewhere:
        main = payment.receipts[0].legal_entity_id
        needed[main] = needed.get(main, 0) + found.elsewhere
    left = {
        each: called(amount, f"payment {event.payment_id}: unapplied")
        for each, amount in unapplied(draft, payment).items()
    }
    missing = {each: amount - left.get(each, 0) for each, amount in needed.items()}
    return {each: amount for each, amount in missing.items() if amount > 0 and needed[each] > 0}


def _cut(payment: Payment, found: Fitting, short: dict[str, Amount]) -> Fitting:
    """Less what is missing, from the last that is named on."""
    left = dict(short)
    kept: list[tuple[Receivable, Amount]] = []
    for receivable, amount in reversed(found.members):
        gone = min(left.get(receivable.legal_entity_id, 0), max(amount, 0))
        if gone:
            left[receivable.legal_entity_id] -= gone
        if amount != gone:
            kept.append((receivable, amount - gone))
    main = payment.receipts[0].legal_entity_id if payment.receipts else ""
    return Fitting(tuple(reversed(kept)), found.elsewhere - left.get(main, 0))
