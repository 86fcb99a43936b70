"""Bills of before the books begin: no statement says what they billed, so it is what their journals take from where it stood."""

from __future__ import annotations

from domain.accounts import CONTRACT_LIABILITY, CONTRACT_POSITION, CUSTOMER_DEPOSIT, RECEIVABLE, REVENUE
from domain.identity import DEPOSITS_BEFORE, is_opening_statement
from domain.outputs import JournalEntry
from domain.units import Amount

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


def deposits_used(journal: JournalEntry) -> Amount:
    """Deposits set against bills of before: they lower what is owed, and bill nothing. Negative where that is taken back."""
    if not journal.rule.endswith(f"/{DEPOSITS_BEFORE}"):
        return 0
    return sum(line.amount for line in journal.lines if line.account == RECEIVABLE)
