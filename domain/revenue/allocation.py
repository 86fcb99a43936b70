"""Allocation: what lines earn of the price that a contract has for them together (IFRS 15.73-80, R43).

The price is all that the lines come to, with what of its variable parts is included; each line earns of it by its stand-alone price, and
the cents go to the largest remainders (R12). What is billed stays each line's own price.

    100,000.00 for a licence and 50,000.00 for its roll-out, sold alone for 100,000.00 and 80,000.00: 83,333.33 and 66,666.67 are earned

When terms change for what is to come, what was earned stays, and the rest of the price goes by what is left of each line at its stand-alone
price (IFRS 15.21 a). A line whose stand-alone price nobody knows has what the others leave of the price, where it says so (79 c).
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.events.common import ConsiderationOutcome
from domain.figure import allocated as shared
from domain.figure import called, of_all, titled
from domain.units import Amount

RULE = "R43"


class Revision(NamedTuple):
    """What a revision says of a variable part of a price as of a day; of several of days until then the highest version holds. `settled`:
    the amount is due."""

    version: int
    as_of: date
    included: bool
    amount: Amount | None = None
    outcomes: tuple[ConsiderationOutcome, ...] = ()
    settled: bool = False


class PricedItem(NamedTuple):
    """A variable part of a line's price as it counts on a day; `version` is that of the revision that says so, 0: the terms do. `alone`: it
    is no part of what lines share (85)."""

    item_id: str
    amount: Amount
    version: int = 0
    alone: bool = False

    @property
    def part(self) -> tuple[Amount, str]:
        """What of it is in the price, and what is said where that is nothing."""
        return self.amount, f"{self.item_id}: estimated, not included"


class WorkLeft(NamedTuple):
    """How much of a line is to come, of how much."""

    part: int
    whole: int


class SharingLine(NamedTuple):
    """What a line comes to (`price`, with its `items`), what it has earned `before`, and what it weighs: its stand-alone price, or what is
    left of it."""

    line_id: str
    price: Amount
    items: tuple[PricedItem, ...]
    standalone: Amount
    before: Amount = 0
    remaining: WorkLeft | None = None
    weight: Amount = 0

    @property
    def in_common(self) -> Amount:
        """What all lines have a share of: its price, without variable parts for it alone."""
        items = [item.part for item in self.items if not item.alone]
        title = f"line {self.line_id}: price with its variable parts"
        return of_all([(self.price, "price"), *items], title, "R42") if items else self.price


class AllocatedPrice(NamedTuple):
    """What a line earns in all, with the lines that share the price as of a day; its own place is among them.

    `is_final`: the contract is over, and the line has earned this by its last day.
    """

    earns: Amount
    lines: tuple[SharingLine, ...] = ()
    place: int = 0
    since: date = date.min
    is_final: bool = False

    @property
    def own(self) -> SharingLine:
        return self.lines[self.place]


def allocated(lines: Sequence[SharingLine], currency: str, since: date) -> list[AllocatedPrice]:
    """What each earns: what it has earned before, its part of what the price leaves, and what is for it alone."""
    left = called(sum(line.in_common for line in lines), "price of all lines together")
    for line in lines:
        left -= line.before
    made, together = [], tuple(lines)
    shares = shared(called(left, "left of it"), weights(lines), currency) if len(lines) > 1 else [left]
    for place, (line, part) in enumerate(zip(lines, shares, strict=True)):
        share = titled(part, f"share of line {line.line_id}", RULE) if len(lines) > 1 else part
        title = f"earned before, and the share of line {line.line_id}" if line.before else f"line {line.line_id}: all"
        parts = [(share, "left of it"), *(item.part for item in line.items if item.alone)]
        if line.before:
            parts.insert(0, (line.before, "earned before"))
        made.append(AllocatedPrice(of_all(parts, title) if len(parts) > 1 else share, together, place, since))
    return made


def weights(lines: Sequence[SharingLine]) -> list[Amount]:
    """Where nothing is left of any, stand-alone prices as they are."""
    found = [line.weight for line in lines]
    return found if any(found) else [line.standalone for line in lines]


def residual(prices: Sequence[Amount], others: Sequence[Amount]) -> Amount:
    """What the stand-alone prices of the other lines leave of all fixed prices together."""
    left = called(sum(prices), "price of all lines, without variable parts")
    for other in others:
        left -= other
    return left
