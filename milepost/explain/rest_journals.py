"""What is left in ledger currency on unbilled accounts once nothing is left in contract currency."""

from __future__ import annotations

from domain.accounts import (
    UNBILLED,
)
from domain.explanation import Node, constant, less, negated, total
from domain.outputs import JournalEntry, JournalLine
from milepost.explain.invoice_journals import InvoiceJournals
from milepost.explain.journal_lines import JournalLines, journals_until
from milepost.explain.sources import Sources
from milepost.explain.statements import Listed, StatementNodes
from state.trace import Said, row_of


class RestJournals:
    def __init__(
        self, sources: Sources, statements: StatementNodes, lines: JournalLines, invoices: InvoiceJournals
    ) -> None:
        self.sources = sources
        self.statements = statements
        self.lines = lines
        self.invoices = invoices

    def exchange_rest(self, said: Said, journal: JournalEntry, line: JournalLine) -> tuple[Node, Node]:
        """The ledger amount that is left on unbilled accounts when nothing is left in contract currency."""
        nothing = constant("amount", 0, "amount", journal.currency)
        if line.account in UNBILLED:
            return nothing, negated("in ledger currency", self._left(said, journal, line.account))
        accounts = [one.account for one in journal.lines if one.account in UNBILLED]
        rests = [self._left(said, journal, account) for account in accounts]
        if len(rests) == 1:
            return nothing, rests[0]
        return nothing, total("left in ledger currency", rests, "amount", journal.ledger_currency)

    def _left(self, said: Said, journal: JournalEntry, account: str) -> Node:
        entry = self.sources.trace.entry_at(row_of(journal) or journal.affected_id, said.step)
        work = entry.standing if entry is not None else None
        before = [
            *journals_until(work.journals if work is not None else (), journal.journal_id),
            *journals_until(entry.rests if entry is not None else (), journal.journal_id),
        ]
        parts = [ledger for _, ledger in self.invoices.unbilled(before, journal.contract_id or "", account)]
        row, place = row_of(journal) or journal.affected_id, (journal.contract_id or "", account)
        memos = self.invoices.credits
        parts += [
            memos.back(one)
            for one in memos.rebilled(row, place[0], said.step)
            if self.invoices.place_of(memos.listed(one), said.step) == place
        ]
        accrued = total("accrued by its journals", parts, "amount", journal.ledger_currency)
        relieved = self._relieved(row, place, said.step)
        return less("left in ledger currency", accrued, *relieved)

    def _relieved(self, entry_id: str, place: tuple[str, str], step: int) -> list[Node]:
        """What billing journals took from the entry's balance on a contract and account, in ledger currency."""
        return [
            relief
            for listed in self.statements.all_listed(entry_id)
            if self.invoices.place_of(listed, step) == place
            for relief in self._reliefs_of(listed, step)
        ]

    def _reliefs_of(self, listed: Listed, step: int) -> list[Node]:
        return [
            self.invoices.relief(said, said.record, listed)[1]
            for said in self.sources.trace.journals_of.get(listed.statement_id, ())
            if said.record.kind == "billing" and said.step <= step
        ]
