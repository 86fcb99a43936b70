"""What is left in ledger currency on unbilled accounts once nothing is left in contract currency."""

from __future__ import annotations

from domain.accounts import (
    UNBILLED,
)
from domain.explanation import Node, constant, negated, total
from domain.outputs import JournalEntry, JournalLine
from milepost.explain.invoice_journals import InvoiceJournals
from milepost.explain.journal_lines import journals_until
from milepost.explain.sources import Sources
from state.trace import TracedOutput, row_of


class RestJournals:
    def __init__(self, sources: Sources, invoices: InvoiceJournals) -> None:
        self.sources = sources
        self.invoices = invoices

    def exchange_rest(self, said: TracedOutput, journal: JournalEntry, line: JournalLine) -> tuple[Node, Node]:
        """The ledger amount that is left on unbilled accounts when nothing is left in contract currency."""
        nothing = constant("amount", 0, "amount", journal.currency)
        if line.account in UNBILLED:
            return nothing, negated("in ledger currency", self._left(said, journal, line.account))
        accounts = [one.account for one in journal.lines if one.account in UNBILLED]
        rests = [self._left(said, journal, account) for account in accounts]
        if len(rests) == 1:
            return nothing, rests[0]
        return nothing, total("left in ledger currency", rests, "amount", journal.ledger_currency)

    def _left(self, said: TracedOutput, journal: JournalEntry, account: str) -> Node:
        entry = self.sources.trace.entry_at(row_of(journal) or journal.affected_id, said.step)
        work = entry.standing if entry is not None else None
        before = [
            *journals_until(work.journals if work is not None else (), journal.journal_id),
            *journals_until(entry.rests if entry is not None else (), journal.journal_id),
        ]
        return self.invoices.left_before(said, before, account).ledger
