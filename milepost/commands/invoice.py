"""`milepost invoice`: what the ERP, or a person without one, says about the invoice of a statement."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from orjson import dumps

from milepost.console import amount_text, say
from milepost.days import day_option
from milepost.recording import Recording, rate_option, records

if TYPE_CHECKING:
    from domain.events.finance import InvoicePosted
    from domain.outputs import BillingStatement
    from state.books import Receivable
    from state.store.reader import StoreReader


# Long by its options: each is a parameter.
@records
def mark(
    recording: Recording,
    id_: Annotated[str, typer.Argument(metavar="STATEMENT", help="Id or number of an issued statement.")],
    invoice_id: Annotated[
        str | None, typer.Option("--invoice-id", help="Of the invoice; without it the statement's number, else its id.")
    ] = None,
    posted_on: Annotated[date | None, day_option("--posted-on", "Its date; without it today.")] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", help="Net, such as 1190.00; without it the statement's amount due.")
    ] = None,
    tax: Annotated[str | None, typer.Option("--tax", help="Its tax; without it the statement's.")] = None,
    exchange_rate: Annotated[str | None, rate_option("invoice")] = None,
) -> None:
    """Say that the invoice of a statement is posted: its amount is owed from then on."""
    from connectors.files.input_reader import fault_of_line
    from connectors.json_records import event_from_json
    from domain.events.finance import InvoicePosted
    from domain.money import format_amount
    from milepost.commands.period import later_than
    from milepost.days import DAYS_AHEAD_MAX
    from milepost.statements.named import newest_statement

    one = newest_statement(recording.output, id_)
    _check_issued(one)
    if tax is None and one.undetermined_tax and one.tax_region is not None:
        groups = ", ".join(each.category for each in one.undetermined_tax)
        raise typer.BadParameter(
            f"nobody knows the tax of statement {one.statement_id} on {groups}; expected that of the invoice",
            param_hint="--tax",
        )
    named = invoice_id or _own_id(recording, one)
    event = recording.event(
        "InvoicePosted",
        invoice_id=named,
        statement_id=one.statement_id,
        posted_on=recording.day(posted_on, "--posted-on", DAYS_AHEAD_MAX),
        amount=amount or format_amount(one.amount_due),
        tax_amount=tax or format_amount(sum(each.amount for each in one.tax)),
        exchange_rate=exchange_rate,
    )
    if fault_of_line(dumps(event)) is None:  # else nothing is sent, and what is wrong is said
        said = event_from_json(event)
        assert isinstance(said, InvoicePosted), "of its type"
        with recording.books() as books:
            _check_id(one, said, books, recording)
            _check_posted(one, said, books, recording, is_named=invoice_id is not None, is_dated=posted_on is not None)
            replaced = _replaced(one, said, books, recording, is_dated=posted_on is not None)
            later = later_than(recording, books, one.legal_entity_id, said.posted_on)
        if later:
            say(later)
        if replaced is not None:
            say(f"It replaces {_told(replaced, one)}, which is not posted")
        if said.amount != one.amount_due:
            say(
                f"Statement {one.statement_id} comes to {amount_text(one.amount_due)} {one.currency}, not "
                f"{amount_text(said.amount)}: the next run posts no invoice and raises an exception"
            )
    recording.send([event], "invoice_id")


def _own_id(recording: Recording, one: BillingStatement) -> str:
    """The number, where no other company's statement has it too."""
    from connectors.files.lookup import statements_called

    if one.number is None or len(statements_called(recording.output, one.number)) > 1:
        return one.statement_id
    return one.number


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


def _told(invoice: InvoicePosted, one: BillingStatement) -> str:
    tax = f" and {amount_text(invoice.tax_amount)} tax" if invoice.tax_amount else ""
    return f"invoice {invoice.invoice_id} over {amount_text(invoice.amount)} {one.currency}{tax}"


def _check_id(one: BillingStatement, said: InvoicePosted, books: StoreReader, recording: Recording) -> None:
    """Raises BadParameter where another statement's invoice has the id: posted, waiting, or only recorded."""
    states = {each.statement_id: each for each in books.parts(None, "statement")}
    taken = {each.statement_id for each in books.parts_with_id("receivable", said.invoice_id)}
    taken |= {name for name, each in states.items() if each.waiting and each.waiting.invoice_id == said.invoice_id}
    for name, invoice in _recorded(recording).items():
        state = states.get(name)
        if invoice.invoice_id == said.invoice_id and (state is None or state.invoice_id in {None, said.invoice_id}):
            taken.add(name)
    if others := sorted(taken - {one.statement_id}):
        raise typer.BadParameter(
            f"expected an id that no other invoice has; {said.invoice_id} is that of statement {', '.join(others)}",
            param_hint="--invoice-id",
        )


def _check_posted(
    one: BillingStatement,
    said: InvoicePosted,
    books: StoreReader,
    recording: Recording,
    *,
    is_named: bool,
    is_dated: bool,
) -> None:
    """Ends the command where the statement's invoice is posted, as it is said or otherwise. Without an id it is that one."""
    for state in books.parts_with_id("statement", one.statement_id):
        if state.invoice_id is None:
            continue
        if not is_named:
            said = said._replace(invoice_id=state.invoice_id)
        owed: list[Receivable] = [
            each
            for each in books.parts_with_id("receivable", state.invoice_id)
            if each.statement_id == one.statement_id
        ]
        known = [
            said._replace(
                invoice_id=each.invoice_id,
                posted_on=each.posted_on,
                amount=each.net[0],
                tax_amount=each.tax[0],
                exchange_rate=None if said.exchange_rate is None else each.exchange_rate,
            )
            for each in owed
        ]
        if state.invoice_id == said.invoice_id and all(_is_same(each, said, is_dated=is_dated) for each in known):
            raise recording.done_before(f"Statement {one.statement_id} has its invoice already, {state.invoice_id}")
        posted = _told(known[0], one) if known else f"invoice {state.invoice_id}"
        raise typer.BadParameter(
            f"statement {one.statement_id} has its invoice already, {posted}; got {_told(said, one)}. "
            "Credit the posted one first where it is wrong",
            param_hint="--invoice-id",
        )


def _replaced(
    one: BillingStatement, said: InvoicePosted, books: StoreReader, recording: Recording, *, is_dated: bool
) -> InvoicePosted | None:
    """What was said last of the statement's invoice and is not posted. Ends the command where that is the same, or will be posted."""
    from connectors.files.added_events import RECORDED

    waiting = [
        state.waiting for state in books.parts_with_id("statement", one.statement_id) if state.waiting is not None
    ]
    before = _recorded(recording).get(one.statement_id) or next(iter(waiting), None)
    if before is None:
        return None
    if _is_same(before, said, is_dated=is_dated):
        raise recording.done_before(
            f"Statement {one.statement_id} has this invoice recorded already, {said.invoice_id}"
        )
    is_on_its_way = not any(_is_same(before, each, is_dated=True) for each in waiting)
    if is_on_its_way and before.amount == one.amount_due:
        raise typer.BadParameter(
            f"{_told(before, one)} is recorded already for statement {one.statement_id}, and the next run posts it; got "
            f"{_told(said, one)}. Where that one is wrong, take its file out of {recording.folder / RECORDED} before the run",
            param_hint="--invoice-id",
        )
    return before


def _recorded(recording: Recording) -> dict[str, InvoicePosted]:
    """What was written last, by statement."""
    from domain.events.finance import InvoicePosted

    found = (each for each in recording.recorded if isinstance(each, InvoicePosted))
    return {each.statement_id: each for each in found if each.statement_id is not None}


def _is_same(before: InvoicePosted, said: InvoicePosted, *, is_dated: bool) -> bool:
    """A day that nobody named is no difference."""
    one, other = (
        (each.invoice_id, each.amount, each.tax_amount, each.exchange_rate, each.posted_on if is_dated else None)
        for each in (before, said)
    )
    return one == other
