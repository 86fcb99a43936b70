"""Journals of a firm in text, to be changed and held against the audit."""

from __future__ import annotations

from collections.abc import Sequence

from domain.outputs import JournalEntry
from tests.told import told


def journals_of(firm: Sequence[str]) -> list[JournalEntry]:
    with told(firm) as books:
        return [one.record for one in books.folded if isinstance(one.record, JournalEntry)]


def times(journal: JournalEntry, amount: int, ledger: int) -> JournalEntry:
    """With every line's amounts so many times, in transaction and in ledger currency."""
    lines = (
        line._replace(amount=line.amount * amount, ledger_amount=line.ledger_amount * ledger) for line in journal.lines
    )
    return journal._replace(lines=tuple(lines))
