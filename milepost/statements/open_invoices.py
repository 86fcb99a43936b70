"""Invoices that cash may pay: what is open of each, and how an amount is spread over those that are named.

What is recorded and not taken in yet counts as paid, so that two commands between two runs pay nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from domain.sums import summed
from domain.units import Amount
from milepost.console import amount_text

if TYPE_CHECKING:
    from domain.events.finance import PaymentApplied, PaymentReceived
    from milepost.recording import Recording
    from state.books import Receivable
    from state.store.reader import StoreReader


For = Annotated[
    list[str] | None,
    typer.Option(
        "--for", metavar="INVOICE[=AMOUNT]", help="What it pays, without an amount all that is open; may be repeated."
    ),
]
Oldest = Annotated[bool, typer.Option("--oldest", help="Pay the customer's oldest open invoices with the rest.")]


class OpenInvoice(NamedTuple):
    """What is open of an invoice after the payments that are recorded and not taken in yet."""

    receivable: Receivable
    open: Amount


def pending_cash(recording: Recording, books: StoreReader) -> list[PaymentReceived | PaymentApplied]:
    """What is recorded of payments and not in the books."""
    from domain.events.finance import PaymentApplied, PaymentReceived

    return [
        each
        for each in recording.recorded
        if (isinstance(each, PaymentReceived) and not books.parts_with_id("payment", each.payment_id))
        or (isinstance(each, PaymentApplied) and not books.parts_with_id("payment_application", each.application_id))
    ]


def pending_invoices(recording: Recording) -> frozenset[str]:
    """Ids of invoices that are recorded here, in the books or not yet."""
    from domain.events.finance import InvoicePosted

    return frozenset(each.invoice_id for each in recording.recorded if isinstance(each, InvoicePosted))


def open_invoices(
    payers: frozenset[str], books: StoreReader, pending: Iterable[PaymentReceived | PaymentApplied]
) -> dict[str, OpenInvoice]:
    """Of those for whom the customer may pay, the oldest first; those that are paid too, for what is said about them."""
    receivables: list[Receivable] = [each for each in books.parts(None, "receivable") if each.bill_to in payers]
    on_the_way = summed((part.invoice_id, part.amount) for payment in pending for part in payment.applications)
    receivables.sort(key=lambda each: (each.invoiced_on or each.posted_on, each.invoice_id))
    return {
        each.invoice_id: OpenInvoice(each, each.open[0] - on_the_way.get(each.invoice_id, 0)) for each in receivables
    }


def invoice_and_amount(given: str) -> tuple[str, str | None]:
    """The parts of `INV-1=200`; None where no amount is said."""
    if "=" not in given:
        return given, None
    invoice_id, _, amount = given.rpartition("=")
    return invoice_id, amount


def spread(
    wanted: Iterable[str],
    invoices: Mapping[str, OpenInvoice],
    currency: str,
    cash: Amount,
    *,
    oldest: bool,
    recorded: frozenset[str],
    off: Collection[str] = (),
) -> dict[str, Amount]:
    """By invoice, as `--for` and `--oldest` say; `recorded` are those that may wait for the next run, `off` those that `--oldest` does not
    pay. Raises BadParameter where it cannot be."""
    applied = _applied_for(wanted, invoices, currency, cash, recorded)
    able = {name: one for name, one in invoices.items() if name not in off}
    return _with_oldest(applied, able, currency, cash) if oldest else applied


def as_applications(parts: Mapping[str, Amount]) -> list[dict[str, str]]:
    """As events state them."""
    from domain.money import format_amount

    return [{"invoice_id": invoice_id, "amount": format_amount(part)} for invoice_id, part in parts.items()]


def _applied_for(
    wanted: Iterable[str], invoices: Mapping[str, OpenInvoice], currency: str, paid: Amount, recorded: frozenset[str]
) -> dict[str, Amount]:
    from connectors.files.lookup import hint

    applied: dict[str, Amount] = {}
    for each in wanted:
        invoice_id, text = invoice_and_amount(each)
        found = invoices.get(invoice_id)
        if found is None and invoice_id in recorded:
            raise typer.BadParameter(
                f"invoice {invoice_id} is recorded and waits for the next run. milepost run takes it in; then it can be paid",
                param_hint="--for",
            )
        if invoice_id in applied:
            raise typer.BadParameter(f"expected each invoice once, got {invoice_id} twice", param_hint="--for")
        if found is None:
            known = frozenset(name for name, one in invoices.items() if one.open > 0 and name not in applied)
            raise typer.BadParameter(
                f"expected an open invoice of the customer, got {invoice_id}{hint(invoice_id, known)}",
                param_hint="--for",
            )
        if found.receivable.currency != currency:
            raise typer.BadParameter(
                f"expected an invoice in {currency}; {invoice_id} is in {found.receivable.currency}", param_hint="--for"
            )
        if found.open <= 0:
            raise typer.BadParameter(f"nothing of {invoice_id} is open: it is paid or credited", param_hint="--for")
        left = paid - sum(applied.values())
        part = amount_of(text, currency, "--for") if text is not None else min(found.open, left)
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


def amount_of(text: str, currency: str, where: str, sign: str = "above zero") -> Amount:
    """Above zero, exact, in whole units of the currency that can be paid; `sign` is what a refusal asks for. Raises BadParameter."""
    from domain.money import minor_units, smallest_unit
    from domain.units import AMOUNT_ONE

    check_currency(currency, "CURRENCY")
    try:
        scaled = Decimal(text) * AMOUNT_ONE
    except ArithmeticError:
        scaled = Decimal(0)
    if not scaled.is_finite() or scaled <= 0 or scaled % smallest_unit(currency):
        digits = minor_units(currency)
        such = f"{1190:.{digits}f}"
        decimals = f"with a point and at most {digits} decimals" if digits else "without decimals"
        raise typer.BadParameter(
            f"expected an amount in {currency} {sign} such as {such}, {decimals}; got {text}", param_hint=where
        )
    return int(scaled)


def check_currency(currency: str, where: str) -> None:
    from domain.money import is_currency

    if not is_currency(currency):
        way_out = f"; it may be {currency.upper()}" if is_currency(currency.upper()) else ""
        raise typer.BadParameter(f"expected a currency such as EUR, got {currency}{way_out}", param_hint=where)


def paid_for(customer: str, books: StoreReader) -> frozenset[str]:
    """The customer and those that belong to it, whose invoices it may pay. Raises BadParameter where nobody is called so."""
    from connectors.files.lookup import hint
    from dataflows.books_read import reference_book

    customers = reference_book(books, "CustomerDefined").customers
    parents = {name: each.parent_customer_id for name, each in customers.items()}
    known = {*parents, *(each.bill_to for each in books.parts(None, "receivable"))}
    if customer not in known:
        raise typer.BadParameter(
            f"expected the id of a customer, got {customer}{hint(customer, frozenset(known))}", param_hint="CUSTOMER"
        )
    family = {customer}
    while more := {each for each, parent in parents.items() if parent in family and each not in family}:
        family |= more
    return frozenset(family)
