"""Refund liability (2320): what of invoices is expected to go back to the customer (IFRS 15.55, B20 to B27; ASC 606-10-32-10).

A rebate or a penalty takes from the price from the day it is expected, and is given later: until then invoices have it. What they have of
it is owed to the customer and no contract liability, since no work will ever be done for it. Of an estimate that is the part of the price
that is invoiced; what is settled is owed as a whole until an invoice credits it. What invoices have of a bonus
beyond what is settled is owed too.

    100,000.00 less a penalty of 20,000.00 that is expected; 50,000.00 are invoiced: 10,000.00 are owed back, 40,000.00 may be earned
    all is invoiced: 20,000.00; the penalty is settled at 5,000.00: 5,000.00; the next invoice credits them: nothing

Rebates that credit memos give are debited to the same account, so that what they gave is owed no more. More than is expected in all they
should not give: what goes beyond stands there as a debit, since no revenue has been reduced by it, and is reported until the estimate is
raised.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from domain.accounts import EXCHANGE_DIFFERENCE
from domain.capabilities import REFUND_LIABILITY
from domain.figure import at_least, called, lesser, ratio
from domain.ledger.journal import Leg
from domain.ledger.position import Balance, ContractPosition, relieved
from domain.ledger.position import moved as moved_position
from domain.money import smallest_unit
from domain.reference.exchange import Exchange
from domain.units import Amount

# The rule of its journals, before the contract line; and the purpose of their lines.
RULE: Final = "refund/"
OWED_BACK: Final = "billing"
EXCHANGED: Final = "exchange_difference"


def is_refund(rule: str) -> bool:
    return rule.startswith(RULE)


class Reduction(NamedTuple):
    """A variable part that takes from a price: `expected` of it goes back, as a whole where it `is_due`, and invoices have `credited` some.

    `invoiced` is what they have of the `price`, both without its variable parts; `invoiced_together` of all lines that share one. Of lines
    before it among these `owed_beside` is owed back. What credit memos `conceded` of the price is invoiced for less: it counts in the
    proportion, and nobody has it to give back.
    """

    item_id: str
    expected: Amount
    is_due: bool
    credited: Amount
    price: Amount
    invoiced: Amount
    owed_beside: Amount = 0
    invoiced_together: Amount = 0
    conceded: Amount = 0

    @property
    def left(self) -> Amount:
        """All that is still to go back."""
        left = called(self.expected - self.credited, f"{self.item_id}: not credited yet")
        return at_least(left, 0, f"{self.item_id}: still to go back")

    @property
    def is_whole(self) -> bool:
        return self.is_due or self.invoiced + self.conceded >= self.price


def owed_of(one: Reduction, currency: str, mode: str) -> Amount:
    """What invoices have of it."""
    item, expected, invoiced = one.item_id, one.expected, at_least(one.invoiced, 0, "invoiced")
    if not one.is_whole:
        title = f"{item}: in proportion to what is invoiced of the price"
        taken = at_least(one.invoiced + one.conceded, 0, "invoiced")
        expected = ratio(expected, taken, one.price, smallest_unit(currency), mode, title)
    left = at_least(called(expected - one.credited, f"{item}: not credited yet"), 0, f"{item}: still to go back")
    return lesser(left, invoiced, f"{item}: owed back")


def owed_back(reductions: Sequence[Reduction], given: Amount, currency: str, mode: str) -> Amount:
    """What is to stand on 2320, of which credit memos have `given`: below zero where that is more than is expected in all."""
    owed = called(sum(owed_of(one, currency, mode) for one in reductions), "invoiced of what goes back")
    if owed > (invoiced := max((one.invoiced for one in reductions), default=0)):
        owed = lesser(owed, at_least(invoiced, 0, "invoiced"), "no more than is invoiced")
    if reductions and (beside := reductions[0].owed_beside):
        left = called(reductions[0].invoiced_together - beside, "invoiced, less what is owed back of other lines")
        owed = lesser(owed, at_least(left, 0, "left to be owed back"), "no more than is invoiced of all lines")
    if given:
        left = called(sum(one.left for one in reductions), "expected to go back")
        already = lesser(given, left, "given, as far as it is expected")
        owed = at_least(owed, already, "invoiced, or given already")
    return called(owed - given, "owed back", "IFRS 15.55")


def given_beyond(reductions: Sequence[Reduction], given: Amount) -> Amount:
    """What credit memos gave that nobody expects."""
    left = called(sum(one.left for one in reductions), "expected to go back")
    return called(max(given - left, 0), "given, and not expected to go back")


def moved(
    wanted: Amount, had: Balance, position: ContractPosition, exchange: Exchange, ledger_currency: str, mode: str
) -> list[Leg]:
    """The lines that bring 2320 to what is wanted, against the position of the contract: what comes there has what it was carried at, what
    leaves leaves as it is carried, and what that makes of the position otherwise is an exchange difference."""
    more = wanted - had[0]
    legs = moved_position(position, OWED_BACK, more, exchange, ledger_currency, mode) if more else []
    if more > 0 and had[0] >= 0:
        legs.append(Leg(REFUND_LIABILITY, OWED_BACK, -more, -sum(leg.ledger_amount for leg in legs)))
    elif more:
        legs.append(Leg(REFUND_LIABILITY, OWED_BACK, -more, relieved(-more, had, exchange, ledger_currency, mode)))
    elif not wanted and had[1]:
        legs.append(Leg(REFUND_LIABILITY, EXCHANGED, 0, had[1]))
    if rest := sum(leg.ledger_amount for leg in legs):
        legs.append(Leg(EXCHANGE_DIFFERENCE, EXCHANGED, 0, -rest))
    return legs
