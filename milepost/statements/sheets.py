"""Statements made ready to be shown, several with one look at the log."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from connectors.files.lookup import FoundStatement
from connectors.files.statement_background import accrued_by_entry, backgrounds, returned_by
from dataflows.books_read import reading_books, reference_book
from domain.reference.book import EMPTY_BOOK, ReferenceBook
from milepost.locales import writing
from milepost.statements.files import UnreadableLogo, logo_of
from milepost.statements.groups import EntryShare, GroupBy, StatementGroup, grouped_lines
from milepost.statements.sheet import Parties, StatementSheet


class SheetForm(NamedTuple):
    """What lines stand together by, the reader's language and country, whether people stand by name or by role, and whether an e-invoice
    is made."""

    group_by: GroupBy
    locale: str
    names: bool
    is_sent: bool = False


def sheets(output: Path, several: Sequence[FoundStatement], form: SheetForm) -> list[StatementSheet]:
    """Raises BadParameter where people are to be distinguished without their names or a logo is no picture, or the locale is none."""
    if not form.names and form.group_by == "person":
        raise typer.BadParameter("expected --names with --group-by person", param_hint="--no-names")
    try:
        logos = {entity_id: logo_of(entity_id) for entity_id in {one.statement.legal_entity_id for one in several}}
    except UnreadableLogo as fault:
        raise typer.BadParameter(str(fault), param_hint="[folder] logos") from fault
    book = _parties(output) if form.is_sent else EMPTY_BOOK
    return [
        StatementSheet(
            issued,
            background,
            form.group_by,
            _groups(output, issued, form.group_by),
            writing(form.locale, issued.statement.currency),
            form.names,
            logos[issued.statement.legal_entity_id],
            returned_by(output, issued),
            Parties(book.entity(issued.statement.legal_entity_id), book.customer(issued.statement.bill_to)),
        )
        for issued, background in zip(several, backgrounds(output, several), strict=True)
    ]


def _parties(output: Path) -> ReferenceBook:
    """Companies and customers, as the books have them; nothing where these are not there."""
    with reading_books(output) as books:
        return reference_book(books, "LegalEntityDefined", "CustomerDefined")


def _groups(output: Path, issued: FoundStatement, group_by: GroupBy) -> tuple[StatementGroup, ...]:
    shares = {}
    if group_by == "week":
        accrued = accrued_by_entry(output, issued)
        shares = {entry_id: EntryShare(each.amount, each.day) for entry_id, each in accrued.items()}
    return grouped_lines(issued.statement, group_by, shares)
