"""Statements written as files to send: one, or those of a period into a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from connectors.files.lookup import FoundStatement, newest_statements
from connectors.files.writing import replace_file
from domain.counting import counted
from milepost.console import say
from milepost.exit_codes import FAILURE
from milepost.statements.e_invoice import NoEInvoice, e_invoice
from milepost.statements.files import of_period, write_files
from milepost.statements.pdf import statement_pdf, unwritten_told
from milepost.statements.sheet import StatementSheet


class SentAs(NamedTuple):
    """The file, or the folder of a period, for each form; None is not wanted."""

    pdf: Path | None
    e_invoice: Path | None


class WantedPeriod(NamedTuple):
    """The month that billing periods end in, of all legal entities or of one."""

    month: str
    entity: str | None


def send_one(sheet: StatementSheet, to: SentAs) -> None:
    """The PDF first: what is missing for an e-invoice does not hold it up. Raises Exit where something is missing."""
    lacking: list[str] = []
    if to.pdf is not None:
        made = statement_pdf(sheet)
        replace_file(to.pdf, made.content)
        say(f"Written to {to.pdf}")
        lacking += unwritten_told(sheet.statement.number or sheet.statement.statement_id, made, sheet)
    if to.e_invoice is not None:
        try:
            replace_file(to.e_invoice, e_invoice(sheet))
        except NoEInvoice as fault:
            say(str(fault))
            raise typer.Exit(FAILURE) from fault
        say(f"Written to {to.e_invoice}")
    for lack in lacking:
        say(lack)
    if lacking:
        raise typer.Exit(FAILURE)


def send_period(
    output: Path,
    wanted: WantedPeriod,
    to: SentAs,
    sheets: Callable[[Sequence[FoundStatement]], Sequence[StatementSheet]],
) -> None:
    """Raises BadParameter where nothing is to be sent, Exit where an e-invoice lacks something, and NoOutputs."""
    try:
        found = of_period(newest_statements(output), wanted.month, wanted.entity)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--period") from fault
    if not found:
        whose = f" of {wanted.entity}" if wanted.entity is not None else ""
        raise typer.BadParameter(
            f"no statement{whose} is issued for a billing period that ends in {wanted.month}; milepost statement lists all",
            param_hint="--period",
        )
    made = write_files(sheets(found), to.pdf, to.e_invoice)
    for lack in made.lacking:
        say(lack)
    written = [f"{counted(made.pdfs, 'PDF')} in {to.pdf}"] if to.pdf is not None else []
    written += [f"{counted(made.e_invoices, 'e-invoice')} in {to.e_invoice}"] if to.e_invoice is not None else []
    say(f"{counted(len(found), 'statement')}: {', '.join(written)}")
    if made.lacking:
        raise typer.Exit(FAILURE)
