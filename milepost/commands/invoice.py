"""`milepost invoice`: what the ERP, or a person without one, says about the invoice of a statement."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from milepost.days import day
from milepost.recording import Recording, records

if TYPE_CHECKING:
    from domain.events.finance import InvoicePosted
    from domain.outputs import BillingStatement
    from state.store.reader import StoreReader


# Long by its options, each of which is a parameter.
@records
def mark(
    recording: Recording,
    id_: Annotated[
        str, typer.Argument(metavar="STATEMENT", help="Id or number of an issued statement.", show_default=False)
    ],
    invoice_id: Annotated[
        str | None, typer.Option("--invoice-id", help="Of the invoice; without it the statement's number, else its id.")
    ] = None,
    posted_on: Annotated[
        datetime | None,
        typer.Option("--posted-on", parser=day, metavar="DAY", help="Its date; without it today.", show_default=False),
    ] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", help="Net, such as 1190.00; without it the statement's amount due.")
    ] = None,
    tax: Annotated[str | None, typer.Option("--tax", help="Its tax; without it the statement's.")] = None,
    exchange_rate: Annotated[
        str | None,
        typer.Option("--exchange-rate", help="Ledger currency for 1 of the invoice's; else the rate of its day."),
    ] = None,
) -> None:
    """Say that the invoice of a statement is posted: its amount is owed from then on."""
    from domain.money import format_amount
    from milepost.statements_named import newest_statement

    one = newest_statement(recording.output, id_)
    named = invoice_id or one.number or one.statement_id
    _check_issued(one)
    with recording.books() as books:
        known = _invoiced(one, named, books)
    known = known or next((each.invoice_id for each in _waiting(one, recording)), None)
    if known == named:
        raise recording.done_before(f"Statement {one.statement_id} has its invoice already, {named}")
    if known is not None:
        raise typer.BadParameter(
            f"statement {one.statement_id} has its invoice already, {known}; got {named}. Credit that one first where it is wrong",
            param_hint="--invoice-id",
        )
    event = recording.event(
        "InvoicePosted",
        invoice_id=named,
        statement_id=one.statement_id,
        posted_on=recording.day(posted_on),
        amount=amount or format_amount(one.amount_due),
        tax_amount=tax or format_amount(sum(each.amount for each in one.tax)),
        exchange_rate=exchange_rate,
    )
    recording.send([event], "invoice_id")


def _check_issued(one: BillingStatement) -> None:
    if one.status == "issued":
        return
    way_out = (
        f"it waits for approval: milepost statement approve {one.statement_id}"
        if one.status == "open"
        else "it was taken back, and its work comes on another one"
    )
    raise typer.BadParameter(
        f"expected an issued statement, {one.statement_id} is not: {way_out}", param_hint="STATEMENT"
    )


def _invoiced(one: BillingStatement, named: str, books: StoreReader) -> str | None:
    """The invoice that the statement has. Raises BadParameter where the id is that of another statement's."""
    for receivable in books.parts_with_id("receivable", named):
        if receivable.statement_id != one.statement_id:
            raise typer.BadParameter(
                f"expected an id that no other invoice has; {named} is that of statement {receivable.statement_id}",
                param_hint="--invoice-id",
            )
    for state in books.parts_with_id("statement", one.statement_id):
        if state.invoice_id is not None or state.waiting is not None:
            found: str = state.invoice_id or state.waiting.invoice_id
            return found
    return None


def _waiting(one: BillingStatement, recording: Recording) -> list[InvoicePosted]:
    from domain.events.finance import InvoicePosted

    recorded = (each for each in recording.recorded if isinstance(each, InvoicePosted))
    return [each for each in recorded if each.statement_id == one.statement_id]
