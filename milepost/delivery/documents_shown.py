"""A document of an ERP by its key, with the journals in it; by a journal's id the document that it is in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import typer

from domain.counting import counted
from domain.delivery.answers import PERIOD
from domain.identity import parts_of
from domain.money import format_amount
from domain.outputs import ExceptionRaised, JournalEntry
from milepost.console import amount_text, shape, tell, write_json
from milepost.delivery.accounts_given import DEFAULT, given_accounts
from milepost.tables import Table, show
from state.handlers.reconciliations import DIFFERS

if TYPE_CHECKING:
    from connectors.accounts_file import Accounts
    from domain.delivery.expected import DocumentState, Ledger

STATES: Final = {
    "": "to send",
    "data": "rejected for its data",
    "period": "rejected for its period, and replaced",
    "account": "waits for the chart",
    "withdrawn": "taken back before it was sent",
}


class _About(NamedTuple):
    """Beside a document: of its journals those that replace them, each with its own document's key, and exceptions that are open."""

    replaced_by: Mapping[str, tuple[str, str]]
    exceptions: Sequence[ExceptionRaised]


def document_shown(
    output: Path, wanted: str, accounts: Accounts | None, journals: Collection[str] = (), *, json: bool
) -> bool:
    """Whether there is such a document or journal. Both are looked up where there are accounts, or accounts.toml lies here.

    `journals` are those that the ERP has under the number that is wanted.
    """
    if accounts is None and not DEFAULT.is_file():
        return False
    from connectors.files.delivered import read_delivered
    from milepost.commands.reconcile import lines_of
    from milepost.deciding import beside

    given = given_accounts(DEFAULT) if accounts is None else accounts
    ledger = read_delivered(output, beside(None, output), given.charts, lines_of(given)).ledger
    found = _found(ledger, wanted, journals)
    if found is None:
        return _show_absent(output, ledger, wanted, json=json)
    about = _about(output, ledger, found)
    if json:
        write_json(as_json(found, about))
    else:
        _tell(found, about, given.charts[found.document.legal_entity_id].erp)
    return True


def _found(ledger: Ledger, wanted: str, journals: Collection[str]) -> DocumentState | None:
    one = ledger.document(wanted)
    if one is not None or not journals:
        return one
    found = {each.document.key: each for each in ledger.found() if not set(journals).isdisjoint(each.document.members)}
    if len(found) > 1:
        raise typer.BadParameter(
            f"{wanted} is the number of several documents: milepost show {' or milepost show '.join(found)}",
            param_hint="ID",
        )
    return next(iter(found.values()), None)


def _about(output: Path, ledger: Ledger, found: DocumentState) -> _About:
    key, members = found.document.key, found.document.members
    open_ones = open_about(output, members, key)
    if found.state != PERIOD:
        return _About({}, open_ones)
    from connectors.files.written import records_of

    by = {each.replaces: each.journal_id for each in records_of(output, JournalEntry) if each.replaces in members}
    keys = {
        member: each.document.key
        for each in ledger.found()
        for member in each.document.members
        if member in by.values()
    }
    return _About({member: (by[member], keys.get(by[member], "")) for member in members if member in by}, open_ones)


def open_about(output: Path, journals: Collection[str], key: str = "") -> list[ExceptionRaised]:
    """Open exceptions about journals, or about what reconciliation found of the document of this key."""
    from connectors.files.found_exceptions import exceptions_of

    found = [each.raised for each in exceptions_of(output).values() if each.is_open]
    return [
        each
        for each in found
        if not set(each.entries).isdisjoint(journals)
        or (key and each.category == DIFFERS and key in parts_of(each.subject_id))
    ]


def _show_absent(output: Path, ledger: Ledger, wanted: str, *, json: bool) -> bool:
    """Of a journal, or a group of them, that is in no document."""
    from milepost.delivery.absent_shown import as_json as lacking_json
    from milepost.delivery.absent_shown import summed, table

    some = [each for each in ledger.absent() if wanted in {each.journal.journal_id, each.key}]
    if not some and not ledger.stays_here(wanted):
        return False
    open_ones = open_about(output, {each.journal.journal_id for each in some})
    if json:
        reasons = [lacking_json(each) for each in summed(some)]
        exceptions = _exceptions_json(open_ones)
        write_json(
            shape(1, kind="journals", id=wanted, is_delivered=bool(some), reasons=reasons, exceptions=exceptions)
        )
    elif some:
        tell(f"{wanted} is in no document of an ERP\n")
        show(table(summed(some)), *_exceptions(open_ones))
    else:
        tell(f"{wanted} is in no document of an ERP: it is a memo that stays in the books")
    return True


def _tell(found: DocumentState, about: _About, erp: str) -> None:
    document = found.document
    tell(
        f"Document {document.key} of {document.legal_entity_id} for {erp}: {STATES.get(found.state, found.state)}\n"
        f"{document.accounting_date}, period {document.period}, {document.currency}, {counted(len(document.members), 'journal')}\n"
    )
    lines = [
        (
            each.account,
            each.role,
            ", ".join(f"{name} {value}" for name, value in each.segments),
            amount_text(max(each.amount, 0)),
            amount_text(max(-each.amount, 0)),
        )
        for each in document.lines
    ]
    show(
        Table("Lines", ("ERP account", "account", "segments", "debit", "credit"), lines, frozenset({3, 4})),
        _journals(found, about),
        *_exceptions(about.exceptions),
    )


def _journals(found: DocumentState, about: _About) -> Table:
    title, members = "Journals in it; milepost explain shows each", found.document.members
    if not about.replaced_by:
        return Table(title, ("journal",), [(each,) for each in members])
    rows = [(each, *about.replaced_by.get(each, ("", ""))) for each in members]
    return Table(title, ("journal", "replaced by", "in document"), rows)


def _exceptions(raised: Sequence[ExceptionRaised]) -> list[Table]:
    from milepost.exceptions.shown import amount_of
    from milepost.exceptions.words import message_text, titled

    if not raised:
        return []
    rows = [
        (titled(each.category), message_text(each.message), amount_of(each), each.resolution, each.exception_id)
        for each in raised
    ]
    columns = ("exception", "says", "at risk", "what would close it", "id")
    return [Table("Open exceptions", columns, rows, frozenset({2}))]


def _exceptions_json(raised: Sequence[ExceptionRaised]) -> list[dict[str, Any]]:
    from connectors.json_records import record_to_json

    return [record_to_json(each) for each in raised]


def as_json(found: DocumentState, about: _About) -> dict[str, Any]:
    """Version 1 of the shape; amounts are decimals as text, debit positive."""
    document = found.document
    return shape(
        1,
        kind="document",
        key=document.key,
        legal_entity_id=document.legal_entity_id,
        state=found.state or "to_send",
        accounting_date=f"{document.accounting_date}",
        period=document.period,
        currency=document.currency,
        lines=[
            {
                "erp_account": each.account,
                "account": each.role,
                "segments": dict(each.segments),
                "amount": format_amount(each.amount),
            }
            for each in document.lines
        ],
        journals=list(document.members),
        replaced_by=[
            {"journal": journal, "by": by, "document": key} for journal, (by, key) in about.replaced_by.items()
        ],
        exceptions=_exceptions_json(about.exceptions),
    )
