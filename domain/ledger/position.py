"""The position of a contract that earns over time: what it earned before it is billed (1160), or was billed before it is earned (2300).

One position a contract, on one side only (R46). What comes back takes what is there at the ledger amount that it carries, so that what
was billed ahead keeps the exchange rate of its invoice (IFRIC 22); what goes beyond that stands on the other side at the day's rate.

    900.00 billed stand on 2300 at 0.90; 1,000.00 are earned at 0.95:
    Dr 2300 900.00 (810.00), Dr 1160 100.00 (95.00), Cr 4000 1,000.00 (905.00)
"""

from collections.abc import Mapping
from typing import NamedTuple

from domain.accounts import CONTRACT_ASSET, CONTRACT_LIABILITY, EXCHANGE_DIFFERENCE
from domain.figure import called, carried_at, converted
from domain.ledger.journal import Leg
from domain.reference.exchange import Exchange
from domain.units import Amount

# In contract and in ledger currency, debit positive.
Balance = tuple[Amount, Amount]
NOTHING: Balance = (0, 0)
# What moved a balance, by accounting period (`2026-03`), ascending.
Moves = Mapping[str, Balance]


def with_move(moves: Moves, name: str, move: Balance) -> dict[str, Balance]:
    """With what moved it in a period besides."""
    amount, ledger = moves.get(name, NOTHING)
    return dict(sorted({**moves, name: (amount + move[0], ledger + move[1])}.items()))


def standing_at(moves: Moves, name: str) -> Balance:
    """At a period's end."""
    own = [balance for of, balance in moves.items() if of <= name]
    return sum(amount for amount, _ in own), sum(ledger for _, ledger in own)


class ContractPosition(NamedTuple):
    """What stands on 1160 and on 2300; in between an event may leave either below zero, or both with something on them."""

    asset: Balance = (0, 0)
    liability: Balance = (0, 0)

    def add(self, account: str, amount: Amount, ledger_amount: Amount) -> "ContractPosition":
        if account == CONTRACT_ASSET:
            return self._replace(asset=(self.asset[0] + amount, self.asset[1] + ledger_amount))
        if account == CONTRACT_LIABILITY:
            return self._replace(liability=(self.liability[0] + amount, self.liability[1] + ledger_amount))
        return self

    def after(self, legs: list[Leg]) -> "ContractPosition":
        position = self
        for leg in legs:
            position = position.add(leg.account, leg.amount, leg.ledger_amount)
        return position


def relieved(amount: Amount, had: Balance, exchange: Exchange, ledger_currency: str, mode: str) -> Amount:
    """Ledger amount of what is taken from a balance: what it carries, in proportion; what goes beyond that at the rate given."""
    stands, ledger = had
    if amount == stands:
        return ledger
    if not stands or (stands > 0) != (amount > 0):
        return converted(amount, exchange, ledger_currency, mode)
    if abs(amount) < abs(stands):
        return carried_at(amount, had, ledger_currency, mode, "R52")
    beyond = called(amount - stands, "beyond what is carried")
    return called(
        ledger + converted(beyond, exchange, ledger_currency, mode), "what is carried, and what goes beyond that", "R52"
    )


def moved(
    position: ContractPosition, purpose: str, amount: Amount, exchange: Exchange, ledger_currency: str, mode: str
) -> list[Leg]:
    """The lines that take a debit, or a credit, of the contract: against what stands on the other side, then on their own."""
    own, other = (CONTRACT_ASSET, CONTRACT_LIABILITY) if amount > 0 else (CONTRACT_LIABILITY, CONTRACT_ASSET)
    legs, left = [], amount
    for account in (own, other):
        had, had_ledger = position.asset if account == CONTRACT_ASSET else position.liability
        if had and (had > 0) != (amount > 0):
            taken = -had if abs(had) <= abs(left) else left
            stands = had, had_ledger
            ledger = -had_ledger if taken == -had else carried_at(taken, stands, ledger_currency, mode, "R52")
            legs.append(Leg(account, purpose, taken, ledger))
            left -= taken
    if left:
        legs.append(Leg(own, purpose, left, converted(left, exchange, ledger_currency, mode)))
    return [leg for leg in legs if leg.amount or leg.ledger_amount]


def settled(position: ContractPosition) -> list[Leg]:
    """The lines that bring a position to one side: the side that goes does so as it carries; cents left where nothing is go to 7110."""
    (asset, asset_ledger), (liability, liability_ledger) = position
    net = asset + liability
    legs = []
    if net > 0 and liability:
        legs = _over(CONTRACT_LIABILITY, CONTRACT_ASSET, liability, liability_ledger)
    elif net <= 0 and asset:
        legs = _over(CONTRACT_ASSET, CONTRACT_LIABILITY, asset, asset_ledger)
    after = position.after(legs)
    rests = []
    for account, (amount, ledger) in ((CONTRACT_ASSET, after.asset), (CONTRACT_LIABILITY, after.liability)):
        if ledger and not amount:
            rests.append(Leg(account, "exchange_difference", 0, -ledger))
    if rest := sum(leg.ledger_amount for leg in rests):
        rests.append(Leg(EXCHANGE_DIFFERENCE, "exchange_difference", 0, -rest))
    return [*legs, *rests]


def _over(one: str, other: str, amount: Amount, ledger: Amount) -> list[Leg]:
    return [Leg(one, "revenue", -amount, -ledger), Leg(other, "revenue", amount, ledger)]
