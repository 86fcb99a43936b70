"""What balances of a running contract have to satisfy among themselves.

billed + tax - retention - deposits set against bills  =  paid + written off + open invoices
12,000.00 + 2,280.00 - 600.00 - 0.00                   =  9,000.00 + 0.00 + 4,680.00
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from domain.accounts import RECEIVABLE
from domain.events.common import BalanceForward, ReceivableForward
from domain.money import format_amount
from domain.units import Amount


class OwedAndSettled(NamedTuple):
    """What the bills of a contract come to, and what became of them; equal where the balances agree."""

    billed: Amount
    tax: Amount
    retention: Amount
    deposits_used: Amount
    paid: Amount
    written_off: Amount
    open: Amount

    @property
    def owed(self) -> Amount:
        return self.billed + self.tax - self.retention - self.deposits_used

    @property
    def settled(self) -> Amount:
        return self.paid + self.written_off + self.open

    @property
    def difference(self) -> Amount:
        return self.owed - self.settled

    @property
    def unpaid_most(self) -> Amount:
        """What invoices may have open at most; more than that another project of the contract has billed."""
        return max(self.owed, 0)

    def sentence(self, contract_id: str, currency: str | None) -> str:
        """What does not agree, term by term."""
        amounts = (*self, self.owed, self.settled, self.difference)
        billed, tax, kept, used, paid, given_up, still, owed, settled, apart = (
            format_amount(each, currency) if currency else format_amount(each) for each in amounts
        )
        code = f" {currency}" if currency else ""
        return (
            f"contract {contract_id}: billed {billed} + tax {tax} - retention {kept} - deposits used {used} = {owed}{code}, but paid {paid}"
            f" + written off {given_up} + open invoices {still} = {settled}{code}: a difference of {apart}{code} on {RECEIVABLE}"
        )


def owed_and_settled(
    lines: Sequence[BalanceForward], deposit_lines: Collection[str], receivables: Iterable[ReceivableForward]
) -> OwedAndSettled:
    """Of one contract's lines and open invoices; `deposit_lines` are the ids of its lines of terms `Deposit`."""
    return OwedAndSettled(
        sum(line.billed for line in lines),
        sum(line.tax for line in lines),
        sum(line.retention for line in lines),
        sum(line.billed - line.deposit for line in lines if line.line_id in deposit_lines),
        sum(line.paid for line in lines),
        sum(line.written_off for line in lines),
        sum(one.open for one in receivables),
    )
