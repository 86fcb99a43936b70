"""`milepost payment`: cash that a customer paid, with the invoices that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from milepost.console import amount_text, say
from milepost.days import day_option
from milepost.recording import Recording, rate_option, records
from milepost.statements.open_invoices import (
    For,
    Oldest,
    amount_of,
    as_applications,
    open_invoices,
    paid_for,
    pending_cash,
    pending_invoices,
    spread,
)

if TYPE_CHECKING:
    from domain.events.finance import PaymentReceived
    from domain.units import Amount


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
