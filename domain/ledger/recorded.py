"""What a recorder takes of journals: the parts that make up each line, and amounts with what they are carried at in ledger currency."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.accounts import CONTRACT_SIDES
from domain.explanation import Node, less, negated, total
from domain.figure import Recorded, as_recorded, node_of
from domain.identity import composed
from domain.ledger.journal import Leg
from domain.ledger.position import Balance, ContractPosition
from domain.outputs import JournalLine
from domain.why import Why, elsewhere

AMOUNT, IN_LEDGER = "amount", "in ledger currency"


# Contract and ledger currency.
Currencies = tuple[str, str]


class Carried(NamedTuple):
    """In contract and in ledger currency, debit positive."""

    amount: Node
    ledger: Node

    @property
    def numbers(self) -> Balance:
        return Recorded(self.amount), Recorded(self.ledger)

    def of(self, had: Balance) -> Balance:
        """What the books have. Raises Disagreement where this comes to another."""
        return as_recorded(had[0], self.amount), as_recorded(had[1], self.ledger)

    def taken_back(self, title: str) -> "Carried":
        return Carried(negated(title, self.amount), negated(f"{title}, {IN_LEDGER}", self.ledger))


def record_both(why: Why, address: str, values: tuple[int, int], made: Carried) -> Carried:
    why.record(address, values[0], made.amount)
    why.record(f"{address}/ledger", values[1], made.ledger)
    return made


def both_of(why: Why, address: str) -> Carried:
    return Carried(why.figure(address), why.figure(f"{address}/ledger"))


def add_both(why: Why, address: str, part: Carried) -> None:
    """To two sums."""
    why.add(address, part.amount)
    why.add(f"{address}/ledger", part.ledger)


def parts_of_both(why: Why, address: str) -> list[Carried]:
    amounts, ledgers = why.parts_at(address, why.now), why.parts_at(f"{address}/ledger", why.now)
    return [Carried(amount, ledger) for amount, ledger in zip(amounts, ledgers, strict=True)]


def sum_of(title: str, parts: Sequence[Carried], currencies: Currencies) -> Carried:
    """The only one as it is."""
    return parts[0] if len(parts) == 1 else all_of(title, parts, currencies)


def all_of(title: str, parts: Sequence[Carried], currencies: Currencies) -> Carried:
    amounts, ledgers = [one.amount for one in parts], [one.ledger for one in parts]
    return Carried(
        total(title, amounts, "amount", currencies[0]), total(f"{title}, {IN_LEDGER}", ledgers, "amount", currencies[1])
    )


def left_of(title: str, had: Carried, taken: Sequence[Carried]) -> Carried:
    if not taken:
        return had
    return Carried(
        less(title, had.amount, *(one.amount for one in taken)),
        less(f"{title}, {IN_LEDGER}", had.ledger, *(one.ledger for one in taken)),
    )


def line_of(journal_id: str, number: int) -> tuple[str, str]:
    """Addresses of a line's amount and ledger amount; lines count from 1."""
    return f"{journal_id}#{number}/amount", f"{journal_id}#{number}/ledger"


def title_of_line(line_id: str) -> str:
    return f"journal line {line_id}"


def record_line(why: Why, journal_id: str, number: int, line: Leg | JournalLine, made: Carried) -> None:
    for address, value, node in zip(line_of(journal_id, number), (line.amount, line.ledger_amount), made, strict=True):
        why.record(address, value, node)


def journal_line(journal_id: str, number: int, amounts: tuple[int, int], currencies: tuple[str, str]) -> Carried:
    """A line of another journal, which has an explanation of its own."""
    title = title_of_line(f"{journal_id}#{number}")
    return Carried(
        *(
            elsewhere(title, amount, composed("journal_line", journal_id, str(number), which), currency)
            for amount, currency, which in zip(amounts, currencies, ("amount", "ledger"), strict=True)
        )
    )


def position_before(before: ContractPosition, of: str, currencies: Currencies) -> ContractPosition:
    """With numbers that say what the contract's journals left on each side before the journal of a statement's invoice, or of a memo and
    its row."""

    def on(account: str, had: Balance) -> Balance:
        amount, ledger = (
            Recorded(elsewhere(f"on {account} before", value, composed("position", account, of, which), currency))
            for value, which, currency in zip(had, ("amount", "ledger"), currencies, strict=True)
        )
        return amount, ledger

    return ContractPosition(*(on(account, had) for account, had in zip(CONTRACT_SIDES, before, strict=True)))


def nodes_of(numbers: Balance, currencies: Currencies, title: str = AMOUNT, in_ledger: str = IN_LEDGER) -> Carried:
    """How they came about, with these titles where they have none of their own."""
    amount, ledger = numbers
    return Carried(node_of(amount, title, currency=currencies[0]), node_of(ledger, in_ledger, currency=currencies[1]))


def say_lines(why: Why, journal_id: str, legs: Sequence[Leg], currencies: Currencies) -> None:
    """How its lines came about, where the rule that made them says so."""
    if not any(isinstance(number, Recorded) for leg in legs for number in (leg.amount, leg.ledger_amount)):
        return
    for number, leg in enumerate(legs, 1):
        record_line(why, journal_id, number, leg, nodes_of((leg.amount, leg.ledger_amount), currencies))
