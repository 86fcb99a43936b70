"""Statements made ready to be shown, several with one look at the log."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import typer

from connectors.avro_codec import EVENT_CODECS
from connectors.files.lookup import FoundStatement
from connectors.files.returned_draft import returned_by
from connectors.files.statement_background import accrued_by_entry, backgrounds
from dataflows.books_read import reading_books
from domain.events.reference import CustomerDefined, LegalEntityDefined
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
    companies, customers = _parties(output) if form.is_sent else ({}, {})
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
            Parties(companies.get(issued.statement.legal_entity_id), customers.get(issued.statement.bill_to)),
        )
        for issued, background in zip(several, backgrounds(output, several), strict=True)
    ]


def _parties(output: Path) -> tuple[dict[str, LegalEntityDefined], dict[str, CustomerDefined]]:
    """Companies and customers by id, as the books have them; nothing where these are not there."""
    companies, customers = dict[str, LegalEntityDefined](), dict[str, CustomerDefined]()
    with reading_books(output) as books:
        stated = [
            EVENT_CODECS[name].decode(body)
            for name in (LegalEntityDefined.__name__, CustomerDefined.__name__)
            for body in books.reference(name)
        ]
    for event in sorted(stated, key=attrgetter("version")):
        match event:
            case LegalEntityDefined():
                companies[event.legal_entity_id] = event
            case CustomerDefined():
                customers[event.customer_id] = event
            case _:
                pass
    return companies, customers


def _groups(output: Path, issued: FoundStatement, group_by: GroupBy) -> tuple[StatementGroup, ...]:
    shares = {}
    if group_by == "week":
        accrued = accrued_by_entry(output, issued)
        shares = {entry_id: EntryShare(each.amount, each.day) for entry_id, each in accrued.items()}
    return grouped_lines(issued.statement, group_by, shares)
