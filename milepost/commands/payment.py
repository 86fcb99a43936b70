"""`milepost payment`: cash that a customer paid, with the invoices that it is for, said with it or later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from domain.units import Amount, ExchangeRate
from milepost.console import amount_text, say
from milepost.days import day_option
from milepost.recording import Recording, rate_option, records
from milepost.statements.open_invoices import (
    For,
    Oldest,
    OpenInvoice,
    amount_of,
    as_applications,
    invoice_and_amount,
    open_invoices,
    paid_for,
    pending_cash,
    pending_invoices,
    spread,
)

if TYPE_CHECKING:
    from domain.events.finance import PaymentApplied, PaymentReceived
    from state.books import CashApplication, Payment, Receipt
    from state.store.reader import StoreReader


# Long by its options: each is a parameter.
@records
def add(
    recording: Recording,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Who paid.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as 1190.00.")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="Such as EUR.")],
    on: Annotated[date | None, day_option("--on", "When it came; without it today.")] = None,
    for_: For = None,
    oldest: Oldest = False,
    payment_id: Annotated[
        str | None, typer.Option("--payment-id", help="Of the bank; without it made of customer, day and amount.")
    ] = None,
    exchange_rate: Annotated[str | None, rate_option("payment")] = None,
) -> None:
    """Say that a customer has paid, and which invoices; what is for none stays as cash that is not applied."""
    from domain.events.finance import PaymentReceived
    from domain.money import format_amount

    paid = amount_of(amount, currency, "AMOUNT")
    received_on = recording.day(on, "--on")
    named = payment_id or f"{customer}/{received_on}/{format_amount(paid)}-{currency}"
    with recording.books() as books:
        payers = paid_for(customer, books)
        pending = pending_cash(recording, books)
        known = [each.event for each in books.parts_with_id("payment", named) if each.event is not None]
        on_the_way = [each for each in pending if isinstance(each, PaymentReceived) and each.payment_id == named]
        invoices = open_invoices(payers, books, pending)
    noted = pending_invoices(recording)
    spread_cash = partial(spread, for_ or (), invoices, currency, paid, oldest=oldest, recorded=noted)
    for before in (*known, *on_the_way):
        same = before._replace(
            customer_id=customer,
            amount=paid,
            currency=currency,
            received_on=date.fromisoformat(received_on) if on is not None else before.received_on,
        )
        if before != same:
            raise typer.BadParameter(_other_facts(before, same), param_hint="--payment-id")
        for part in before.applications:
            if part.invoice_id in invoices:
                one = invoices[part.invoice_id]
                invoices[part.invoice_id] = one._replace(open=one.open + part.amount)
        _check_repeats(before, spread_cash(), recording)
    applied = spread_cash()
    rest = paid - sum(applied.values())
    event = recording.event(
        "PaymentReceived",
        payment_id=named,
        customer_id=customer,
        amount=format_amount(paid),
        currency=currency,
        received_on=received_on,
        exchange_rate=exchange_rate,
        applications=as_applications(applied),
    )
    recording.send([event], "payment_id")
    if applied:
        say(f"It pays {_spread_text(applied, currency)}")
    if rest:
        way_out = "" if oldest or for_ else "; --for INVOICE or --oldest says what it pays"
        say(f"{amount_text(rest)} {currency} of it is for no invoice yet{way_out}")


def _other_facts(before: PaymentReceived, said: PaymentReceived) -> str:
    known, got = (
        f"{amount_text(each.amount)} {each.currency} of {each.customer_id} on {each.received_on}"
        for each in (before, said)
    )
    return (
        f"payment {before.payment_id} is recorded already, {known}; got {got}. Another payment needs an id of its own"
    )


def _check_repeats(before: PaymentReceived, wanted: Mapping[str, Amount], recording: Recording) -> None:
    """The same once more changes nothing; what pays other invoices, or other amounts of them, is another payment."""
    paid = {part.invoice_id: part.amount for part in before.applications}
    if paid == wanted:
        raise recording.done_before(
            f"Payment {before.payment_id} is recorded already; another one of the same day and amount needs a --payment-id of its own"
        )
    raise typer.BadParameter(
        f"payment {before.payment_id} is recorded already, {_spread_text(paid, before.currency)}; got "
        f"{_spread_text(wanted, before.currency)}. What it pays besides is said with milepost payment apply; another payment of "
        "the same day and amount needs an id of its own",
        param_hint="--payment-id",
    )


def _spread_text(applied: Mapping[str, Amount], currency: str) -> str:
    told = [f"{amount_text(amount)} {currency} for {invoice_id}" for invoice_id, amount in applied.items()]
    return ", ".join(told) or "for no invoice"


class BookedPayment(NamedTuple):
    """A payment in the books: by company what of it is for no invoice and at which rate it was booked, and what invoices have of it."""

    event: PaymentReceived
    left: Mapping[str, Amount]
    rates: Mapping[str, ExchangeRate]
    settled: Mapping[str, Amount]


# Long by its options: each is a parameter.
@records
def apply(
    recording: Recording,
    payment_id: Annotated[str, typer.Argument(metavar="PAYMENT", help="Id of a payment.")],
    for_: For = None,
    off: Annotated[
        list[str] | None,
        typer.Option(
            "--off",
            metavar="INVOICE[=AMOUNT]",
            help="First take it off an invoice that it paid, without an amount all of it; may be repeated.",
        ),
    ] = None,
    oldest: Oldest = False,
    on: Annotated[date | None, day_option("--on", "When it is applied; without it today.")] = None,
    application_id: Annotated[
        str | None, typer.Option("--application-id", help="Without it made of payment, day and invoices.")
    ] = None,
) -> None:
    """Say which invoices cash pays that came without one, or take it off one and put it on another."""
    if not (for_ or off or oldest):
        raise typer.BadParameter("expected --for INVOICE, --oldest, or --off INVOICE", param_hint="--for")
    applied_on = recording.day(on, "--on")
    asked = (*(f"-{each}" for each in off or ()), *(for_ or ()), *(["oldest"] if oldest else ()))
    named = application_id or "/".join((payment_id, applied_on, *asked))
    with recording.books() as books:
        pending = pending_cash(recording, books)
        if any(getattr(each, "application_id", None) == named for each in pending) or books.parts_with_id(
            "payment_application", named
        ):
            raise recording.done_before(
                f"Application {named} is recorded already; another one of the same day and invoices needs an --application-id of its own"
            )
        payment = _payment(payment_id, books, pending)
        customer, currency = payment.event.customer_id, payment.event.currency
        invoices = open_invoices(paid_for(customer, books), books, pending)
    taken = _taken_off(off or (), payment, pending)
    left = {
        company: amount + sum(part for name, part in taken.items() if _company(invoices, name) == company)
        for company, amount in _left(payment, invoices, pending).items()
    }
    invoices = {
        name: one if name not in taken else one._replace(open=one.open + taken[name]) for name, one in invoices.items()
    }
    _check_companies(for_ or (), invoices, left)
    able = {name: one for name, one in invoices.items() if left.get(one.receivable.legal_entity_id, 0) > 0}
    cash = sum(left.values())
    if cash <= 0 and (for_ or oldest):
        raise typer.BadParameter(_nothing_left(payment), param_hint="PAYMENT")
    applied = spread(for_ or (), able, currency, cash, oldest=oldest, recorded=pending_invoices(recording), off=taken)
    if oldest and not applied:
        raise typer.BadParameter(f"customer {customer} has no open invoice in {currency}", param_hint="--oldest")
    _check_left(applied, invoices, left, currency)
    moved = _moved(taken, applied)
    if not moved:
        raise typer.BadParameter(
            "as much is taken off each invoice as is put on it: nothing would change", param_hint="--off"
        )
    event = recording.event(
        "PaymentApplied",
        application_id=named,
        payment_id=payment_id,
        customer_id=customer,
        currency=currency,
        applied_on=applied_on,
        exchange_rate=_rate(payment, invoices, moved),
        applications=as_applications(moved),
    )
    recording.send([event], "payment_id")
    if rest := cash - sum(applied.values()):
        say(f"{amount_text(rest)} {currency} of payment {payment_id} are for no invoice yet")


def _moved(taken: Mapping[str, Amount], applied: Mapping[str, Amount]) -> dict[str, Amount]:
    """By invoice what comes to it, below zero what goes; of one that is in both the difference."""
    found = {name: applied.get(name, 0) - taken.get(name, 0) for name in (*taken, *applied)}
    return {name: part for name, part in found.items() if part}


def _payment(payment_id: str, books: StoreReader, pending: Iterable[PaymentReceived | PaymentApplied]) -> BookedPayment:
    """Of all engagements that it is in. Raises BadParameter where it is not booked."""
    from connectors.files.lookup import hint
    from milepost.exceptions.words import titled

    copies: list[Payment] = list(books.parts_with_id("payment", payment_id))
    event = next((each.event for each in copies if each.event is not None), None)
    if event is None:
        if any(each.payment_id == payment_id for each in pending):
            raise typer.BadParameter(
                f"payment {payment_id} is recorded and waits for the next run. milepost run takes it in; then apply it",
                param_hint="PAYMENT",
            )
        known = frozenset(each.event.payment_id for each in books.parts(None, "payment") if each.event is not None)
        raise typer.BadParameter(
            f"expected the id of a payment, got {payment_id}{hint(payment_id, known)}", param_hint="PAYMENT"
        )
    if any(each.is_reversed for each in copies):
        raise typer.BadParameter(f"payment {payment_id} was taken back", param_hint="PAYMENT")
    if waits := next((each.category for each in copies if each.category), ""):
        raise typer.BadParameter(
            f"payment {payment_id} is not booked: {titled(waits)}. milepost exceptions list says what would settle it",
            param_hint="PAYMENT",
        )
    return _booked(event, copies, books)


def _booked(event: PaymentReceived, copies: Iterable[Payment], books: StoreReader) -> BookedPayment:
    from state.receivables.unapplied import unapplied_balance

    later: list[CashApplication] = [
        one
        for id_ in dict.fromkeys(name for each in copies for name in each.applications)
        for one in books.parts_with_id("payment_application", id_)
    ]
    left, settled, rates = Counter[str](), Counter[str](), dict[str, ExchangeRate]()
    booked: list[Payment | CashApplication] = [*copies, *later]
    for each in booked:
        receipt: Receipt
        for receipt in each.receipts:
            left[receipt.legal_entity_id] += unapplied_balance(receipt)[0]
            if receipt.currency != receipt.ledger_currency:
                rates.setdefault(receipt.legal_entity_id, receipt.exchange_rate)
        for invoice_id, amount, _ in each.applied:
            settled[invoice_id] += amount
    return BookedPayment(event, left, rates, settled)


def _left(
    payment: BookedPayment, invoices: Mapping[str, OpenInvoice], pending: Iterable[PaymentReceived | PaymentApplied]
) -> Counter[str]:
    """By company what is for no invoice, after what is recorded and not taken in yet."""
    left = Counter(payment.left)
    for each in pending:
        if each.payment_id == payment.event.payment_id:
            for part in each.applications:
                left[_company(invoices, part.invoice_id)] -= part.amount
    return left


def _taken_off(
    wanted: Iterable[str], payment: BookedPayment, pending: Iterable[PaymentReceived | PaymentApplied]
) -> dict[str, Amount]:
    """By invoice, as `--off` says. Raises BadParameter where the payment has not settled so much of it."""
    settled = Counter(payment.settled)
    for one in pending:
        if one.payment_id == payment.event.payment_id:
            settled.update({part.invoice_id: part.amount for part in one.applications})
    found: dict[str, Amount] = {}
    for each in wanted:
        invoice_id, text = invoice_and_amount(each)
        has = settled[invoice_id] - found.get(invoice_id, 0)
        part = amount_of(text, payment.event.currency, "--off") if text is not None else has
        if part <= 0 or part > has:
            paid = ", ".join(name for name, amount in settled.items() if amount > 0) or "none"
            raise typer.BadParameter(
                f"expected at most what payment {payment.event.payment_id} paid of {invoice_id}, {amount_text(has)} "
                f"{payment.event.currency}{f'; got {amount_text(part)}' if text is not None else ''}. It paid {paid}",
                param_hint="--off",
            )
        found[invoice_id] = found.get(invoice_id, 0) + part
    return found


def _company(invoices: Mapping[str, OpenInvoice], invoice_id: str) -> str:
    one = invoices.get(invoice_id)
    return one.receivable.legal_entity_id if one is not None else ""


def _check_companies(wanted: Iterable[str], invoices: Mapping[str, OpenInvoice], left: Mapping[str, Amount]) -> None:
    """Cash of one company pays no invoice of another."""
    having = [company for company, amount in left.items() if amount > 0]
    for each in wanted:
        invoice_id, _ = invoice_and_amount(each)
        company = _company(invoices, invoice_id)
        if company and having and company not in having:
            raise typer.BadParameter(
                f"expected an invoice of {', '.join(having)}, where the cash is; {invoice_id} is of {company}. "
                "Reverse the payment and record it with its invoices",
                param_hint="--for",
            )


def _check_left(
    applied: Mapping[str, Amount], invoices: Mapping[str, OpenInvoice], left: Mapping[str, Amount], currency: str
) -> None:
    needed = Counter[str]()
    for invoice_id, part in applied.items():
        needed[_company(invoices, invoice_id)] += part
    for company, amount in needed.items():
        if amount > left[company]:
            raise typer.BadParameter(
                f"expected at most what is left of the payment in {company}, {amount_text(left[company])} {currency}; "
                f"got {amount_text(amount)}",
                param_hint="--for",
            )


def _nothing_left(payment: BookedPayment) -> str:
    has = ", ".join(f"{name} {amount_text(amount)}" for name, amount in payment.settled.items() if amount)
    return (
        f"all of payment {payment.event.payment_id} is applied: {has or 'it waits for the next run'}. "
        "--off INVOICE takes it off one"
    )


def _rate(payment: BookedPayment, invoices: Mapping[str, OpenInvoice], moved: Iterable[str]) -> str | None:
    """That of the payment, which an invoice of another project needs; None in the ledger's own currency."""
    from domain.money import format_decimal
    from domain.units import EXCHANGE_RATE_SCALE

    rate = next((payment.rates[each] for name in moved if (each := _company(invoices, name)) in payment.rates), None)
    return format_decimal(rate, EXCHANGE_RATE_SCALE) if rate is not None else None
