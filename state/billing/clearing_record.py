"""What a recorder has of what an invoice takes from (state/billing/reliefs.py): what it bills, and what rows carry.

What a row carries is built here from the journals that stand of it, less what invoices took and credit memos put back, which is added up
by row, contract line and payer.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from domain.ledger.position import Balance, ContractPosition
from domain.ledger.recorded import Carried, Currencies, all_of, parts_of_both, position_before
from domain.why import Why
from state.billing.issued_record import named_piece
from state.books import Entry, Issued, StatementEntry, StatementState
from state.ledger.carried import accrued, carried, invoiced, invoiced_of, of_deposit, taken_of


def cleared_of(statement_id: str, row: str) -> str:
    """Address of what the invoice took of a row on a contract line (composed), in ledger currency, for its credit memos."""
    return f"{statement_id}#cleared/{row}"


class ClearingRecord(NamedTuple):
    """Of the invoice of a statement: numbers of the books that say how they came about."""

    why: Why
    statement: StatementState
    currencies: Currencies

    def listed(self, place: int, listed: StatementEntry) -> StatementEntry:
        of, currency = self.statement.statement_id, self.currencies[0]
        return replace(listed, amount=named_piece(self.why, of, place, listed.amount, currency))

    def unbilled(self, entry: Entry, issued: Issued, had: Balance) -> Balance:
        return carried(self.why, entry, issued.contract_id, issued.account, self.currencies).of(had)

    def accrued(self, entry: Entry, issued: Issued, had: Balance) -> Balance:
        return accrued(entry, issued.contract_id, issued.account, self.currencies).of(had)

    def deposit(self, rows: Sequence[Entry], issued: Issued, had: Balance) -> Balance:
        return of_deposit(self.why, rows, _place(issued), self.currencies).of(had)

    def taken(self, entry: Entry, issued: Issued) -> Balance:
        """What invoices took of a deposit."""
        parts = parts_of_both(self.why, taken_of(issued, entry.entry_id))
        return self._taken_back("set against statements", parts, issued.taken)

    def own(self, entry: Entry, issued: Issued, had: Balance) -> Balance:
        """What the payer was invoiced of the row before, taken back."""
        return self._taken_back("own invoices", invoiced(self.why, entry.entry_id, issued, self.statement.bill_to), had)

    def beside(self, rows: Iterable[Entry], issued: Issued, had: Balance) -> Balance:
        """What the payer was invoiced of other rows of the line, taken back."""
        parts = invoiced_of(self.why, rows, _place(issued), self.statement.bill_to)
        return self._taken_back("invoices of the line's other rows", parts, had)

    def position(self, before: ContractPosition) -> ContractPosition:
        return position_before(before, self.statement.statement_id, self.currencies)

    def _taken_back(self, title: str, parts: Sequence[Carried], had: Balance) -> Balance:
        return all_of("invoiced before", parts, self.currencies).taken_back(title).of(had)


def _place(issued: Issued) -> tuple[str, str, str]:
    return issued.contract_id, issued.line_id, issued.account
