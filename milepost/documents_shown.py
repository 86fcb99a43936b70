"""A document of an ERP by its key, with the journals in it; by a journal's id the document that it is in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from milepost.accounts_given import DEFAULT, given_accounts
from milepost.console import amount_text, shape, tell, write_json

if TYPE_CHECKING:
    from domain.delivery.expected import Found, Ledger

STATES: Final = {
    "": "to send",
    "data": "rejected for its data",
    "period": "rejected for its period, and replaced",
    "account": "waits for the chart",
    "withdrawn": "taken back before it was sent",
}


def document_shown(output: Path, wanted: str, accounts: Path | None, *, json: bool) -> bool:
    """Whether there is such a document or journal. Both are looked up where accounts.toml is named, or lies here."""
    if accounts is None and not DEFAULT.is_file():
        return False
    from connectors.files.delivered import read_delivered
    from milepost.commands.reconcile import lines_of
    from milepost.deciding import beside

    given = given_accounts(accounts or DEFAULT)
    ledger = read_delivered(output, beside(None, output), given.charts, lines_of(given)).ledger
    found = ledger.document(wanted)
    if found is None:
        return _told_absent(ledger, wanted, json=json)
    if json:
        write_json(as_json(found))
    else:
        _tell(found, given.charts[found.document.legal_entity_id].erp)
    return True


def _told_absent(ledger: Ledger, wanted: str, *, json: bool) -> bool:
    """Of a journal, or a group of them, that is in no document."""
    from milepost.absent_shown import as_json as lacking_json
    from milepost.absent_shown import summed, table
    from milepost.tables import show

    some = [each for each in ledger.absent() if wanted in {each.journal.journal_id, each.key}]
    if not some and not ledger.stays_here(wanted):
        return False
    if json:
        reasons = [lacking_json(each) for each in summed(some)]
        write_json(shape(1, kind="journals", id=wanted, is_delivered=bool(some), reasons=reasons))
    elif some:
        tell(f"{wanted} is in no document of an ERP\n")
        show(table(summed(some)))
    else:
        tell(f"{wanted} is in no document of an ERP: it is a memo that stays in the books")
    return True


def _tell(found: Found, erp: str) -> None:
    from milepost.tables import Table, show

    document = found.document
    tell(
        f"Document {document.key} of {document.legal_entity_id} for {erp}: {STATES.get(found.state, found.state)}\n"
        f"{document.accounting_date}, period {document.period}, {document.currency}, {len(document.members):,} journals\n"
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
        Table("Journals in it; milepost explain shows each", ("journal",), [(each,) for each in document.members]),
    )


def as_json(found: Found) -> dict[str, Any]:
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
                "amount": amount_text(each.amount).replace(",", ""),
            }
            for each in document.lines
        ],
        journals=list(document.members),
    )
