"""`milepost payment`: cash that a customer paid, with the invoices that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from domain.units import Amount
from milepost.commands.given_settings import File
from milepost.console import amount_text, say
from milepost.days import day
from milepost.recording import Asker, At, DryRun, Input, Json, Kafka, Output, Recording, RecordOptions, RecordPlaces

if TYPE_CHECKING:
    from domain.events.finance import PaymentReceived
    from state.books import Receivable
    from state.store.reader import StoreReader


class OpenInvoice(NamedTuple):
    """What is open of an invoice after the payments that are recorded and not taken in yet."""

    receivable: Receivable
    open: Amount


# Long by its options, each of which is a parameter.
def add(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Who paid.", show_default=False)],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as 1190.00.", show_default=False)],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="Such as EUR.", show_default=False)],
    output: Output,
    on: Annotated[
        datetime | None,
        typer.Option("--on", parser=day, metavar="DAY", help="When it came; without it today.", show_default=False),
    ] = None,
    for_: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="INVOICE[=AMOUNT]",
            help="What it pays, without an amount all that is open; may be repeated.",
        ),
    ] = None,
    oldest: Annotated[
        bool, typer.Option("--oldest", help="Pay the customer's oldest open invoices with the rest.")
    ] = False,
    payment_id: Annotated[
        str | None, typer.Option("--payment-id", help="Of the bank; without it made of customer, day and amount.")
    ] = None,
    exchange_rate: Annotated[
        str | None,
        typer.Option("--exchange-rate", help="Ledger currency for 1 of the payment's; else the rate of its day."),
    ] = None,
    input_: Input = None,
    as_: Asker = None,
    at: At = None,
    kafka: Kafka = False,
    file: File = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say that a customer has paid, and which invoices; what is for none stays as cash that is not applied."""
    from domain.events.finance import PaymentReceived
    from domain.money import format_amount

    recording = Recording(RecordPlaces(output, input_, kafka, file), RecordOptions(as_, at, dry_run, json))
    paid = _amount(amount, "AMOUNT")
    received_on = recording.day(on)
    named = payment_id or f"{customer}/{received_on}/{format_amount(paid)}-{currency}"
    with recording.books() as books:
        _check_customer(customer, books)
        known = [each.event for each in books.parts_with_id("payment", named) if each.event is not None]
        pending = [
            each
            for each in recording.recorded
            if isinstance(each, PaymentReceived) and not books.parts_with_id("payment", each.payment_id)
        ]
        for before in (*known, *(each for each in pending if each.payment_id == named)):
            _check_repeats(before, for_ or [], recording)
        invoices = _open_invoices(customer, books, pending)
    applied = _applied(for_ or [], invoices, currency, paid)
    if oldest:
        applied = _with_oldest(applied, invoices, currency, paid)
    rest = paid - sum(applied.values())
    recording.send(
        [
            recording.event(
                "PaymentReceived",
                payment_id=named,
                customer_id=customer,
                amount=format_amount(paid),
                currency=currency,
                received_on=received_on,
                exchange_rate=exchange_rate,
                applications=[
                    {"invoice_id": invoice_id, "amount": format_amount(part)} for invoice_id, part in applied.items()
                ],
            )
        ],
        "payment_id",
    )
    if rest:
        way_out = "" if oldest or for_ else "; --for INVOICE or --oldest says what it pays"
        say(f"{amount_text(rest)} {currency} of it is for no invoice yet{way_out}")


def _check_repeats(before: PaymentReceived, wanted: list[str], recording: Recording) -> None:
    """The same once more changes nothing; what pays other invoices is another payment."""
    said = f"payment {before.payment_id} is recorded already; another one of the same day and amount needs a --payment-id of its own"
    paid = {part.invoice_id for part in before.applications}
    others = [each for each in wanted if each not in paid and each.rpartition("=")[0] not in paid]
    if others:
        raise typer.BadParameter(f"{said}, as one for {', '.join(others)} would be", param_hint="--payment-id")
    raise recording.done_before(said.capitalize())


def _amount(text: str, where: str) -> Amount:
    """Above zero, exact."""
    from domain.units import AMOUNT_ONE

    try:
        scaled = Decimal(text) * AMOUNT_ONE
    except InvalidOperation:
        scaled = Decimal(0)
    if not scaled.is_finite() or scaled <= 0 or scaled != scaled.to_integral_value():
        raise typer.BadParameter(
            f"expected an amount above zero such as 1190.00, with a point and at most four decimals, got {text}",
            param_hint=where,
        )
    return int(scaled)


def _check_customer(customer: str, books: StoreReader) -> None:
    from connectors.avro_codec import EVENT_CODECS
    from connectors.files.lookup import hint
    from domain.events.reference import CustomerDefined

    codec = EVENT_CODECS["CustomerDefined"]
    found = (codec.decode(body) for body in books.reference("CustomerDefined"))
    known = frozenset(each.customer_id for each in found if isinstance(each, CustomerDefined))
    payers = known | {each.bill_to for each in books.parts(None, "receivable")}
    if customer not in payers:
        raise typer.BadParameter(
            f"expected the id of a customer, got {customer}{hint(customer, payers)}", param_hint="CUSTOMER"
        )


def _open_invoices(customer: str, books: StoreReader, pending: list[PaymentReceived]) -> dict[str, OpenInvoice]:
    """Of the customer, the oldest first; those that are paid too, for what is said about them."""
    receivables: list[Receivable] = [each for each in books.parts(None, "receivable") if each.bill_to == customer]
    on_the_way: dict[str, Amount] = {}
    for payment in pending:
        for part in payment.applications:
            on_the_way[part.invoice_id] = on_the_way.get(part.invoice_id, 0) + part.amount
    receivables.sort(key=lambda each: (each.posted_on, each.invoice_id))
    return {
        each.invoice_id: OpenInvoice(each, each.open[0] - on_the_way.get(each.invoice_id, 0)) for each in receivables
    }


def _applied(wanted: list[str], invoices: Mapping[str, OpenInvoice], currency: str, paid: Amount) -> dict[str, Amount]:
    """As `--for` says. Raises BadParameter where it cannot be."""
    from connectors.files.lookup import hint

    applied: dict[str, Amount] = {}
    for each in wanted:
        invoice_id, equals, text = each.rpartition("=") if "=" in each else (each, "", "")
        found = invoices.get(invoice_id)
        if found is None or invoice_id in applied:
            known = frozenset(name for name, one in invoices.items() if one.open > 0 and name not in applied)
            what = "an invoice once" if invoice_id in applied else "an open invoice of the customer"
            raise typer.BadParameter(f"expected {what}, got {invoice_id}{hint(invoice_id, known)}", param_hint="--for")
        if found.receivable.currency != currency:
            raise typer.BadParameter(
                f"expected an invoice in {currency}; {invoice_id} is in {found.receivable.currency}", param_hint="--for"
            )
        left = paid - sum(applied.values())
        part = _amount(text, "--for") if equals else min(found.open, left)
        if part > found.open or part > left or part <= 0:
            raise typer.BadParameter(
                f"expected at most what is open of {invoice_id}, {amount_text(found.open)} {currency}, and what is left of the "
                f"payment, {amount_text(left)} {currency}; got {amount_text(part)}",
                param_hint="--for",
            )
        applied[invoice_id] = part
    return applied


def _with_oldest(
    applied: dict[str, Amount], invoices: Mapping[str, OpenInvoice], currency: str, paid: Amount
) -> dict[str, Amount]:
    """The rest pays what is open, the oldest first."""
    made = dict(applied)
    left = paid - sum(made.values())
    for invoice_id, one in invoices.items():
        open_ = one.open - made.get(invoice_id, 0)
        if one.receivable.currency != currency or open_ <= 0 or left <= 0:
            continue
        part = min(open_, left)
        made[invoice_id] = made.get(invoice_id, 0) + part
        left -= part
    return made
