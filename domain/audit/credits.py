"""Journals of credit memos: one for each row of the invoice; their rule says the kind, the contract line and the row."""

from __future__ import annotations

from typing import NamedTuple

from domain.accounts import OUTPUT_TAX, RECEIVABLE, RETENTION_RECEIVABLE
from domain.identity import parts_of
from domain.outputs import JournalEntry
from domain.receivables.credit_memo import CONCESSIONS, ERROR_REBILL
from domain.units import Amount

CREDIT_MEMO = "credit_memo"
# What a customer owes net of tax, and is not to pay yet.
OWED = (RECEIVABLE, OUTPUT_TAX, RETENTION_RECEIVABLE)


class RowCredit(NamedTuple):
    """What a journal credits of a row, net of tax; of that what was retained."""

    kind: str
    entry_id: str
    line_id: str
    net: Amount
    retained: Amount = 0

    @property
    def reopens(self) -> bool:
        """It is billed no more, since it is billed again."""
        return self.kind == ERROR_REBILL

    @property
    def concedes(self) -> bool:
        """It stays billed, for less."""
        return self.kind in CONCESSIONS


def credit_of(journal: JournalEntry) -> RowCredit | None:
    if journal.affected_kind != CREDIT_MEMO:
        return None
    _, kind, key = journal.rule.split("/", 2)
    entry_id, line_id = parts_of(key)
    net = -sum(line.amount for line in journal.lines if line.account in OWED)
    retained = -sum(line.amount for line in journal.lines if line.account == RETENTION_RECEIVABLE)
    return RowCredit(kind, entry_id, line_id, net, retained)
