"""Bills of before the books begin: no statement says what they billed, so it is what their journals take from where it stood."""

from __future__ import annotations

from domain.accounts import CONTRACT_LIABILITY, CONTRACT_POSITION, CUSTOMER_DEPOSIT, RECEIVABLE, REVENUE
from domain.identity import is_opening_statement
from domain.outputs import JournalEntry

DEPOSITS = (CUSTOMER_DEPOSIT, CONTRACT_LIABILITY)
# What an invoice takes: what was accrued, the position of what is earned over time, deposits, revenue that comes with it.
BILLED_FROM = (*CONTRACT_POSITION, CUSTOMER_DEPOSIT, *REVENUE)


class OpeningBills:
    """Journals are shown to it in order, so that it knows those that take such a bill back."""

    __slots__ = ("_journals",)

    def __init__(self) -> None:
        self._journals: set[str] = set()

    def has(self, journal: JournalEntry) -> bool:
        if not is_opening_statement(journal.affected_id) and journal.reverses not in self._journals:
            return False
        self._journals.add(journal.journal_id)
        return True


def is_of_deposits(journal: JournalEntry) -> bool:
    """Of a contract with deposits those that were set against bills: they lower what is owed, and are no bill. An invoice that gives back
    is one."""
    side = -1 if journal.reverses is None else 1
    return all(
        line.amount * side > 0 if line.account == RECEIVABLE else line.account in DEPOSITS
        for line in journal.lines
        if line.amount  # what exchange rates make of it is in ledger currency alone
    )
