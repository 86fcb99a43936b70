"""What was paid here beyond what corrected balances have open of an invoice is unapplied cash (1120).

It is taken off the invoice by the rule of cash that a person takes off (`cash_applications`): of the newest payment first, on the day on
which it was applied, or the next open one. A later correction takes that back, unless the cash was applied since.

    OLD-7 is loaded with 1,000.00 open and PAY-1 pays them; loaded again with 900.00 open: Dr 1100 100.00  Cr 1120 100.00
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import PaymentApplication
from domain.events.finance import PaymentApplied, PaymentReceived
from domain.figure import titled
from domain.identity import returned_cash, returned_cash_id
from domain.money import format_amount
from domain.units import Amount
from state.books import Payment, Receivable
from state.draft import Draft
from state.handlers import cash_applications
from state.opening.loading import SinceThen
from state.opening.stated import DIFFERS, OpeningFault, row_of
from state.receivables.receivables import beyond, receivable_of, within
from state.receivables.unapplied import applications_of, booked_as, held_of, is_home, unapplied

PAYMENT = "payment"


class Holding(NamedTuple):
    """What a payment has settled of an invoice, with the sign of what is beyond it, and the last day on which it did."""

    payment: PaymentReceived
    amount: Amount
    on: date


def take_back_returned(draft: Draft, project_id: str) -> None:
    """What earlier loads of the project took off invoices, where it is unapplied still."""
    for payment in _payments(draft):
        for known in reversed([*applications_of(draft, payment)]):
            of = returned_cash(known.event.application_id)
            if of is None or of[0] != project_id:
                continue
            left = unapplied(draft, payment).get(known.receipts[0].legal_entity_id, 0)
            if within(-sum(amount for _, amount, _ in known.applied), left):
                cash_applications.undo(draft, known)


def return_overpaid(draft: Draft, event: BalancesBroughtForward, later: Sequence[SinceThen]) -> Iterator[OpeningFault]:
    """What was taken beyond an invoice and no payment of here can give back is wrong with the balances."""
    for since in later:
        now = receivable_of(draft, since.invoice_id)
        assert now is not None, "an invoice that was paid or credited here stays in the balances"
        over = titled(beyond(draft, now) - since.beyond, "paid beyond what was owed")
        if not within(over, beyond(draft, now)):
            continue
        for held in _holdings(draft, now):
            taken = over if within(over, held.amount) else held.amount
            if taken:
                cash_applications.apply_here(draft, _taken_off(event, held, since.invoice_id, taken))
            over -= taken
        if over:
            yield _not_paid(event, since, now, over)


def _payments(draft: Draft) -> list[Payment]:
    """Those in force whose unapplied cash is booked here, the newest first."""
    found: list[tuple[date, str, Payment]] = []
    for payment_id in draft.ids(PAYMENT):
        one: Payment = draft.part(PAYMENT, payment_id)
        if one.event is not None and one.receipts and not one.is_reversed and is_home(one):
            found.append((one.event.received_on, payment_id, one))
    return [one for _, _, one in sorted(found, key=lambda each: each[:2], reverse=True)]


def _holdings(draft: Draft, receivable: Receivable) -> Iterator[Holding]:
    for payment in _payments(draft):
        amount = -held_of(draft, payment, receivable.invoice_id)[0]
        if payment.event is None or not amount or booked_as(payment, receivable.legal_entity_id) is None:
            continue
        receipts = [*payment.receipts, *(one for each in applications_of(draft, payment) for one in each.receipts)]
        yield Holding(payment.event, amount, max(one.accounting_date for one in receipts))


def _taken_off(event: BalancesBroughtForward, held: Holding, invoice_id: str, amount: Amount) -> PaymentApplied:
    payment = held.payment
    return PaymentApplied(
        event.event_id,
        event.occurred_at,
        event.source,
        returned_cash_id((event.project_id, event.version), payment.payment_id, invoice_id),
        payment.payment_id,
        payment.customer_id,
        payment.currency,
        held.on,
        (PaymentApplication(invoice_id, amount),),
        project_id=event.project_id,
    )


def _not_paid(event: BalancesBroughtForward, since: SinceThen, now: Receivable, over: Amount) -> OpeningFault:
    place, stated = next(
        (place, one) for place, one in enumerate(event.receivables) if one.invoice_id == since.invoice_id
    )
    taken = {
        "paid": since.paid[0],
        "credited": since.credited[0] + since.credited_tax[0],
        "written off": since.written_off[0],
    }
    said = ", ".join(f"{format_amount(amount, now.currency)} were {how}" for how, amount in taken.items() if amount)
    least, got = format_amount(stated.open - over, now.currency), format_amount(stated.open, now.currency)
    most = "least" if over < 0 else "most"
    message = (
        f"invoice {since.invoice_id}{row_of(stated.source_row)}: open: expected at {most} {least} {now.currency}, as {said} here "
        f"since, got {got}; correct open"
    )
    if since.paid[0]:
        message += ", or first take off it what a payment that is booked with another contract's invoice paid too much (PaymentApplied)"
    return OpeningFault(DIFFERS, message, f"receivables[{place}].open", now.contract_id)
