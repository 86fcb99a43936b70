"""A journal of several lines as pairs of account and contra account, for ledgers that book nothing else (DATEV).

A debit and a credit that are equal in both currencies make one pair. What is left is matched in order, the smaller of two taken whole,
so that pairs sum per account to what the lines say, to the cent in both currencies:

    debit 1150 100.00, debit 1160 50.00, credit 4000 120.00, credit 4050 30.00
    1150/4000 100.00, 1160/4000 20.00, 1160/4050 30.00

A pair has the segments of both its lines. Where they contradict each other every line is paired with a clearing account, which is
zero again after the journal.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from domain.delivery.documents import DocumentLine, Segment
from domain.units import Amount

_NOTHING: Final = (0, 0)


class Pair(NamedTuple):
    """`account` is debited and `contra` credited; negative amounts the other way round.

    Where only the ledger amount is not zero, the pair is one of the ledger currency alone.
    """

    account: str
    contra: str
    amount: Amount
    ledger_amount: Amount
    segments: tuple[Segment, ...]
    text: str


class Match(NamedTuple):
    """So much of a debit with so much of a credit."""

    debit: DocumentLine
    credit: DocumentLine
    amount: Amount
    ledger_amount: Amount


class NoContraAccount(Exception):
    """Two lines to pair have other values of the segment, and there is no clearing account."""

    def __init__(self, segment: str) -> None:
        super().__init__(f"lines to pair have different values of {segment}")
        self.segment = segment


class _Rest:
    """What is not paired yet of a line, seen from its side."""

    __slots__ = ("line", "size")

    def __init__(self, line: DocumentLine, sign: int) -> None:
        self.line = line
        self.size = (sign * line.amount, sign * line.ledger_amount)

    def take(self, size: tuple[Amount, Amount]) -> None:
        self.size = (self.size[0] - size[0], self.size[1] - size[1])


def pairs(lines: Sequence[DocumentLine], clearing_account: str | None = None) -> list[Pair]:
    """Raises NoContraAccount."""
    assert sum(line.amount for line in lines) == 0, "a journal balances in its currency"
    assert sum(line.ledger_amount for line in lines) == 0, "a journal balances in the ledger currency"
    try:
        return [_paired(each) for each in matches(lines, _agree)]
    except NoContraAccount:
        if clearing_account is None:
            raise
    return [
        Pair(line.account, clearing_account, line.amount, line.ledger_amount, line.segments, line.text)
        for line in lines
        if (line.amount, line.ledger_amount) != _NOTHING
    ]


def matches(lines: Sequence[DocumentLine], agree: Callable[[DocumentLine, DocumentLine], bool]) -> list[Match]:
    """Balanced lines in twos; first those that are equal and `agree`."""
    debited = [_Rest(line, 1) for line in lines if (line.amount, line.ledger_amount) > _NOTHING]
    credited = [_Rest(line, -1) for line in lines if (line.amount, line.ledger_amount) < _NOTHING]
    found = []
    for debit in debited:
        equal = next((each for each in credited if each.size == debit.size and agree(debit.line, each.line)), None)
        if equal is not None:
            found.append(_match(debit, equal, debit.size))
    while (debited := _open(debited)) and (credited := _open(credited)):
        debit, credit = debited[0], credited[0]
        found.append(_match(debit, credit, min(debit.size, credit.size)))
    # Cents of the ledger currency may be left on one side alone, of lines that make up for each other.
    left = [*debited, *_open(credited)]
    while left:
        one, other = left[0], left[1]
        found.append(_match(one, other, one.size) if debited else _match(other, one, one.size))
        other.take((-2 * found[-1].amount, -2 * found[-1].ledger_amount))
        left = _open(left)
    return found


def _match(debit: _Rest, credit: _Rest, size: tuple[Amount, Amount]) -> Match:
    debit.take(size)
    credit.take(size)
    return Match(debit.line, credit.line, *size)


def _open(rests: list[_Rest]) -> list[_Rest]:
    return [each for each in rests if each.size != _NOTHING]


def _agree(debit: DocumentLine, credit: DocumentLine) -> bool:
    return not _contradicting(debit.segments, credit.segments)


def _contradicting(some: Sequence[Segment], others: Sequence[Segment]) -> list[str]:
    values = dict(some)
    return [name for name, value in others if values.get(name, value) != value]


def _paired(match: Match) -> Pair:
    debit, credit = match.debit, match.credit
    if names := _contradicting(debit.segments, credit.segments):
        raise NoContraAccount(names[0])
    segments = dict((*debit.segments, *credit.segments))
    return Pair(
        debit.account,
        credit.account,
        match.amount,
        match.ledger_amount,
        tuple(Segment(*each) for each in sorted(segments.items())),
        debit.text or credit.text,
    )
