"""A corrected version of balances: what the one before it posted is taken back, and what came to it since is kept.

What was paid here beyond what corrected balances have open of an invoice is unapplied cash (1120). It is taken off the invoice by the rule
of cash that a person takes off (`cash_applications`): of the newest payment first, on the day on which it was applied, or the next open
one. A later correction takes that back, unless the cash was applied since.

    OLD-7 is loaded with 1,000.00 open and PAY-1 pays them; loaded again with 900.00 open: Dr 1100 100.00  Cr 1120 100.00
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.events.commercial import BalancesBroughtForward
from domain.events.common import PaymentApplication
from domain.events.finance import PaymentApplied, PaymentReceived
from domain.figure import titled
from domain.identity import PAID_BEFORE, composed, returned_cash, returned_cash_id
from domain.money import format_amount
from domain.units import Amount
from domain.work.rows import ROWS, row_id
from state.billing import retention
from state.billing.deposits import deposit_lines
from state.billing.issued_record import take_place
from state.billing.payers import applied_to
from state.books import (
    BroughtForward,
    InvoiceCredits,
    OpeningJournal,
    OpeningPiece,
    Payment,
    Receivable,
    RetentionAccount,
)
from state.caps.allot import settle_consumption
from state.caps.claims import consumption_of
from state.draft import Draft
from state.forecast.expected import MONTHS, add_to_months
from state.handlers import cash_applications
from state.ledger.deposit_balance import deposit_row
from state.ledger.posting import reverse, with_standing
from state.opening.billed import name_before
from state.opening.loading import SinceThen
from state.opening.record import load_of
from state.opening.running import open_day
from state.opening.stated import DIFFERS, OpeningFault, row_of
from state.receivables import receipts
from state.receivables.receivables import beyond, minus, plus, receivable_of, say_taken_since, within
from state.receivables.unapplied import applications_of, booked_as, held_of, is_home, unapplied
from state.terms.plan import plan_of
from state.totals import issued_on, with_issued

# Sums of a recorder that have what bills of before took.
TAKEN_BACK: Final = frozenset(
    {"asked_beside", "deposit", "deposit_used", "invoiced", "issued", MONTHS, "posted_retention", "retention", "taken"}
)
PAYMENT = "payment"


class Holding(NamedTuple):
    """What a payment has settled of an invoice, with the sign of what is beyond it, and the last day on which it did."""

    payment: PaymentReceived
    amount: Amount
    on: date


def unload(draft: Draft, known: BroughtForward) -> list[SinceThen]:
    """Take the bills of the balances that stand out of the books; their rows are replaced one by one."""
    before = known.loaded
    if before is None:
        return []
    billed, due = ({month: -amount for month, amount in months.items()} for months in (known.billed, known.due))
    add_to_months(draft, before.project_id, billed, due)
    if draft.why is not None:
        draft.why.take_back(load_of(before), TAKEN_BACK)
    open_day(draft, before)
    later = []
    stood = [receivable_of(draft, opened.invoice_id) for opened in known.receivables]
    _take_back_returned(draft, before.project_id)
    for opened, was in zip(known.receivables, stood, strict=True):
        now = receivable_of(draft, opened.invoice_id)
        if now is not None and was is not None:
            later.append(
                SinceThen(
                    now.invoice_id,
                    now.statement_id,
                    minus(now.credited, opened.credited),
                    minus(now.credited_tax, opened.credited_tax),
                    minus(now.paid, opened.paid),
                    minus(now.written_off, opened.written_off),
                    beyond(draft, was),
                    draft.part("credits", opened.invoice_id) or InvoiceCredits(),
                )
            )
            draft.put("receivable", opened.invoice_id, None)
            draft.put("credits", opened.invoice_id, None)
    for journal in known.journals:
        _take_back(draft, journal)
    for piece in known.pieces:
        _free(draft, piece)
    _unbill(draft, known)
    for made in known.statements:
        _unretain(draft, made)
        draft.put("statement", made, None)
    for milestone_id in known.milestones:
        draft.put("milestone", milestone_id, None)
    return [one for one in later if any((*one.credited, *one.credited_tax, *one.paid, *one.written_off))]


def _take_back(draft: Draft, journal: OpeningJournal) -> None:
    """On its day, which is open. What a bill posted on a row leaves it, where it has not left it since."""
    if journal.kind in ROWS and journal.version:
        entry = draft.entry(row_id(journal.kind, journal.id))
        work = entry.standing if entry is not None else None
        gone = (
            [one for one in work.journals if one.journal_id == journal.receipt.journal_id] if work is not None else []
        )
        if entry is not None and work is not None and gone:
            reverse(draft, replace(work, journals=tuple(gone)))
            left = tuple(one for one in work.journals if one not in gone)
            draft.put_entry(entry, with_standing(entry, replace(work, journals=left)))
        return
    about = receipts.Subject(journal.kind, journal.id, journal.customer_id)
    receipts.reverse(draft, about, journal.receipt, journal.receipt.accounting_date, journal.version)


def _free(draft: Draft, piece: OpeningPiece) -> None:
    """What was billed of the row by then is not billed any more; what Milepost has billed of it stays."""
    entry = draft.entry(piece.entry_id)
    contract_id = draft.statement(piece.statement_id)
    if entry is None or contract_id is None:
        return
    issued = issued_on(entry, contract_id.contract_id, piece.line_id)
    if issued is None:
        return
    if piece.amount < 0 and piece.entry_id == deposit_row(contract_id.contract_id, piece.line_id):
        now = replace(
            applied_to(issued, piece.bill_to, piece.amount),
            taken=(issued.taken[0] + piece.amount, issued.taken[1] + piece.ledger),
            invoiced=issued.invoiced - piece.amount,
            invoiced_ledger=issued.invoiced_ledger - piece.ledger,
        )
    else:
        if draft.why is not None:
            place = contract_id.contract_id, piece.line_id, piece.entry_id
            take_place(draft.why, place, piece.bill_to if issued.payers else "", piece.statement_id, 0)
        now = replace(
            issued,
            amount=issued.amount - piece.amount,
            hours=issued.hours - piece.hours,
            invoiced=issued.invoiced - piece.amount,
            invoiced_ledger=issued.invoiced_ledger - piece.ledger,
            payers=tuple(
                replace(
                    part,
                    issued=part.issued - piece.amount,
                    hours=part.hours - piece.hours,
                    invoiced=part.invoiced - piece.amount,
                    invoiced_ledger=part.invoiced_ledger - piece.ledger,
                )
                if part.customer_id == piece.bill_to
                else part
                for part in issued.payers
            ),
        )
    after = with_issued(entry, now)
    before, consumption = consumption_of(entry), consumption_of(after)
    plan = plan_of(draft, before.price) if before is not None else None
    if before is not None and consumption is not None and plan is not None and before.issued != consumption.issued:
        settle_consumption(draft, plan, before, consumption)
    draft.put_entry(entry, after)


def _unbill(draft: Draft, known: BroughtForward) -> None:
    """What the load counted among what each bill-to was billed: with what is paid, or with the first invoice of which something is kept."""
    found = (draft.statement(made) for made in known.statements)
    states = {one.statement_id: one for one in found if one is not None and one.is_retained_from}
    counted = dict[tuple[str, str], str]()
    for made, state in states.items():
        paid = f"{name_before(known.event.project_id, state.contract_id, state.bill_to)}/{PAID_BEFORE}"
        if state.retention or state.invoice_id == paid:
            counted.setdefault((state.contract_id, state.bill_to), made)
    for (contract_id, bill_to), made in counted.items():
        deposits = {plan.line.line_id for plan, _ in deposit_lines(draft, draft.contract_in_books(contract_id))}
        gross = sum(
            one.amount
            for one in known.pieces
            if one.bill_to == bill_to
            and one.statement_id in states
            and states[one.statement_id].contract_id == contract_id
            and one.line_id not in deposits
        )
        retention.count_no_more(draft, contract_id, bill_to, made, gross)


def _unretain(draft: Draft, made: str) -> None:
    state = draft.statement(made)
    if state is None or not state.is_retained_from:
        return
    part_id = composed(state.contract_id, state.bill_to)
    account: RetentionAccount | None = draft.part("retention", part_id)
    if account is not None:
        left = tuple(one for one in account.withheld if one.statement_id != made)
        draft.put("retention", part_id, replace(account, withheld=left))


def take_later(draft: Draft, later: Sequence[SinceThen]) -> None:
    for one in later:
        now: Receivable | None = draft.part("receivable", one.invoice_id)
        assert now is not None, "an invoice that was paid or credited here stays in the balances"
        if draft.why is not None:
            of_rows = (
                f"{name}/{row}" for row in one.credits_of.taken for name in ("credited", "credited_hours", "back")
            )
            for name in ("credited", *of_rows):
                for credited in draft.why.parts_at(f"{one.statement_id}#{name}", draft.why.now):
                    draft.why.add(f"{now.statement_id}#{name}", credited)
            say_taken_since(draft.why, replace(now, statement_id=one.statement_id), now)
        credits_of: InvoiceCredits = draft.part("credits", one.invoice_id) or InvoiceCredits()
        taken, kept_back = one.credits_of.taken, one.credits_of.kept_back
        if taken:
            draft.put("credits", one.invoice_id, replace(credits_of, taken=taken, kept_back=kept_back))
        draft.put(
            "receivable",
            one.invoice_id,
            replace(
                now,
                credited=plus(now.credited, one.credited),
                credited_tax=plus(now.credited_tax, one.credited_tax),
                paid=plus(now.paid, one.paid),
                written_off=plus(now.written_off, one.written_off),
            ),
        )


def _take_back_returned(draft: Draft, project_id: str) -> None:
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
