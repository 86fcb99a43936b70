"""Drawing on what terms include: rows come in consumption order (R16), each takes from the stores of its day, the first first.

What a store earns is cumulative (R12): the fee in proportion to all that is drawn of it, less what earlier rows earned, so that a store
that is used up has earned its fee to the cent. What finds nothing left goes beyond, and is charged.

    10 h for 1,000.00; 3 h earn 300.00; then 9 h: 7 h are left and earn 700.00, 2 h go beyond
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from domain.figure import called, lesser
from domain.terms.kind import DrawRequest, Draws, PrepaidBalance
from domain.units import Amount

# A part of an amount, rounded: the amount, the part, of how much, and what it is called.
PartOf = Callable[[Amount, int, int, str], Amount]


class Draw(NamedTuple):
    """What a row draws, and what of it goes beyond."""

    drawn: Draws
    beyond: int


class Drawn(NamedTuple):
    """The share of every claim, and what is taken of each store by then."""

    shares: dict[str, Draw]
    taken: Draws


def draw(
    stores: Callable[[date], Sequence[PrepaidBalance]], taken: Draws, claims: Iterable[DrawRequest], part_of: PartOf
) -> Drawn:
    """In the order given; `taken` is what rows before them have drawn."""
    left = dict(taken)
    found = {}
    by_day: dict[date, Sequence[PrepaidBalance]] = {}
    for claim in claims:
        if claim.day not in by_day:
            by_day[claim.day] = stores(claim.day)
        drawn, asked = {}, claim.asked
        for store in by_day[claim.day]:
            had, had_earned = left.get(store.name, (0, 0))
            part = lesser(asked, store.limit - had, "drawn")
            if part > 0:
                earned = earned_by(store, called(had + part, "drawn by then"), part_of) - had_earned
                left[store.name] = had + part, had_earned + earned
                drawn[store.name] = part, earned
                asked -= part
        found[claim.row] = Draw(drawn, asked)
    return Drawn(found, left)


def earned_by(store: PrepaidBalance, drawn: int, part_of: PartOf) -> Amount:
    """What so much of the store earns, no more than its fee."""
    if not store.fee or not store.quantity:
        return 0
    return lesser(part_of(store.fee, drawn, store.quantity, "earned by then"), store.fee, "no more than the fee")


def add(sums: Draws, drawn: Draws, sign: int) -> dict[str, tuple[int, Amount]]:
    """A store of which nothing is drawn is not kept."""
    found = dict(sums)
    for name, (quantity, earned) in drawn.items():
        had = found.get(name, (0, 0))
        found[name] = had[0] + sign * quantity, had[1] + sign * earned
    return {name: had for name, had in found.items() if any(had)}


def less(sums: Draws, several: Iterable[Draws]) -> dict[str, tuple[int, Amount]]:
    """The sums less all of these, in one pass: there is one for every row that waits."""
    found = dict(sums)
    for drawn in several:
        for name, (quantity, earned) in drawn.items():
            had = found.get(name, (0, 0))
            found[name] = had[0] - quantity, had[1] - earned
    return {name: had for name, had in found.items() if any(had)}
