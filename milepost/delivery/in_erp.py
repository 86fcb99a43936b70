"""What is found by a key of ours in an ERP, or by a number of the ERP's own: the statement of an invoice, the journals of a document."""

from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.delivered import events_and_answers
from connectors.files.written import records_of
from dataflows.books_read import reading_books
from domain.counting import counted
from domain.delivery.answers import journals_of
from domain.delivery.documents import INVOICE, JOURNAL, is_key, key_of, revision_of
from domain.events.finance import InvoicePosted, PostingAccepted, PostingRejected
from domain.outputs import BillingStatement, JournalEntry
from milepost.console import shell_word
from milepost.deciding import beside

JOURNALS_NAMED: Final = 3


class InErp(NamedTuple):
    """Statements, each with the revision that was invoiced where that is known, and journals; several ERPs may have one number."""

    statements: tuple[tuple[str, int | None], ...]
    journals: tuple[str, ...]

    @property
    def only(self) -> str | None:
        """The id of the statement or of the journal, where it is one alone."""
        ids = (*(statement_id for statement_id, _ in self.statements), *self.journals)
        return ids[0] if len(ids) == 1 else None

    @property
    def what(self) -> str:
        """Empty where nothing was found."""
        found = [f"the ERP's invoice of {_revision(*each)}" for each in self.statements]
        if self.journals:
            found.append(f"a document of an ERP with {counted(len(self.journals), 'journal')}")
        return " and ".join(found)

    def commands(self, wanted: str) -> str:
        """That show it."""
        shown = [f"milepost show {shell_word(statement_id)}" for statement_id, _ in self.statements]
        shown += [f"milepost explain {shell_word(each)}" for each in self.journals[:JOURNALS_NAMED]]
        lines = f"; its lines: milepost show {shell_word(wanted)} --accounts accounts.toml" if self.journals else ""
        return f"{' or '.join(shown)}{lines}"


NOWHERE: Final = InErp((), ())


def _revision(statement_id: str, revision: int | None) -> str:
    return f"statement {statement_id}" if revision is None else f"revision {revision} of statement {statement_id}"


def in_erp(output: Path, wanted: str) -> InErp:
    """Reads all that was posted and answered. Raises NoOutputs, GuardStop and ContainerDamaged."""
    statements, journals = _of_key(output, wanted) if is_key(wanted) else ({}, {})
    for event in events_and_answers(output, beside(None, output)):
        match event:
            case InvoicePosted() if event.invoice_id == wanted and event.statement_id is not None:
                statements.setdefault(event.statement_id)
            case PostingAccepted() if wanted == event.batch_id or wanted in event.erp_reference.split(", "):
                journals.update(dict.fromkeys(journals_of(event)))
            case PostingRejected() if wanted == event.batch_id:
                journals.update(dict.fromkeys(journals_of(event)))
            case _:
                pass
    with reading_books(output) as reader:
        # Also of those that name no statement, but its contract and period.
        for receivable in reader.parts_with_id("receivable", wanted):
            statements.setdefault(receivable.statement_id)
    return InErp(tuple(statements.items()), tuple(journals))


def _of_key(output: Path, key: str) -> tuple[dict[str, int | None], dict[str, None]]:
    """By what was made: the key of a document of one journal, or of a statement, follows from its id."""
    statements: dict[str, int | None] = {}
    for one in records_of(output, BillingStatement):
        if key == key_of(INVOICE, [revision_of(one.statement_id, one.revision)]):
            statements[one.statement_id] = one.revision
    ids = (each.journal_id for each in records_of(output, JournalEntry) if each.deliver and each.lines)
    return statements, dict.fromkeys(each for each in ids if key == key_of(JOURNAL, [each]))
