"""What balances of a running contract have to satisfy among themselves.

billed + tax - retention - deposits set against bills  =  paid + written off + open invoices
12,000.00 + 2,280.00 - 600.00 - 0.00                   =  9,000.00 + 0.00 + 4,680.00

Where several bill-tos pay, it holds for each of them, and over all of them each figure is the line's:

    billed 12,000.00  =  7,200.00 of the city + 4,800.00 of the county
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from domain.accounts import RECEIVABLE
from domain.billing.shares import Party
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
        """What does not agree, term by term; of a bill-to's part `contract_id` names it too."""
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


def without_source(line: BalanceForward) -> BalanceForward:
    """What is stated of it, but where."""
    bare = line._replace(source_row=None)
    return BalanceForward._make(
        _lists_without_source(getattr(bare, name)) if name != "ledger" else bare.ledger for name in bare._fields
    )


def _lists_without_source(stated: object) -> object:
    if not isinstance(stated, tuple):
        return stated
    return tuple(each._replace(source_row=None) if "source_row" in each._fields else each for each in stated)


# What a bill-to has a part of.
SHARED = ("billed", "tax", "paid", "written_off", "retention", "deposit")


def parts_of_payers(
    line: BalanceForward, parties: Sequence[Party], share: Callable[[Amount], Sequence[Amount]]
) -> tuple[BalanceForward, ...]:
    """The line as each bill-to has it, in their order: as stated, else by the shares of the contract (`share` of an amount)."""
    if len(parties) == 1:
        return (line,)
    if not line.payers:
        figures = [share(getattr(line, name)) for name in SHARED]
        return tuple(_with_amounts(line, [each[at] for each in figures]) for at in range(len(parties)))
    return tuple(part_of_payer(line, party.customer_id) for party in parties)


def part_of_payer(line: BalanceForward, customer_id: str) -> BalanceForward:
    """What is stated of one bill-to, nothing where it is not named."""
    stated = next((each for each in line.payers if each.customer_id == customer_id), None)
    return _with_amounts(line, [getattr(stated, name) if stated is not None else 0 for name in SHARED])


def _with_amounts(line: BalanceForward, amounts: Sequence[Amount]) -> BalanceForward:
    billed, tax, paid, written_off, retention, deposit = amounts
    return line._replace(
        billed=billed, tax=tax, paid=paid, written_off=written_off, retention=retention, deposit=deposit, payers=()
    )


def unbilled_of(line: BalanceForward) -> dict[str, Amount] | None:
    """By bill-to what it has of the line's work that is not billed; None where nobody says."""
    if all(each.unbilled is None for each in line.payers):
        return None
    return {each.customer_id: each.unbilled or 0 for each in line.payers}


def unlike_the_line(line: BalanceForward) -> Iterator[tuple[str, Amount, Amount]]:
    """Figures whose parts of bill-tos come to another sum: name, the line's, the sum."""
    for name in SHARED if line.payers else ():
        whole, parts = getattr(line, name), sum(getattr(each, name) for each in line.payers)
        if whole != parts:
            yield name, whole, parts
