"""Chance that repeats: named streams of one seed, and wheels with whole-number weights.

Nothing here uses the mathematical library of the machine (logarithm, cosine), whose last digit differs between
platforms; weights are whole numbers made with decimal arithmetic.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

ZIPF_EXPONENT = Decimal("-1.1")
WEIGHT_SCALE = Decimal(10**12)
EXACT = Context(prec=30)


def stream(seed: int, name: str) -> Random:
    """A source of chance of its own for one part of the firm, so that parts do not move each other."""
    return Random(f"{seed}/{name}")


def below(random: Random, limit: int) -> int:
    """A whole number from 0 up to but not including the limit."""
    return int(random.random() * limit)


def between(random: Random, least: int, most: int) -> int:
    """A whole number of the range, both ends included."""
    return least + int(random.random() * (most - least + 1))


def happens(random: Random, per_thousand: int) -> bool:
    """True in so many of a thousand cases."""
    return random.random() * 1000 < per_thousand


def pick(random: Random, items: Sequence[T]) -> T:
    return items[int(random.random() * len(items))]


@dataclass(frozen=True, slots=True)
class Wheel(Generic[T]):
    """Items with weights, spun for one of them."""

    items: Sequence[T]
    limits: Sequence[int]

    def spin(self, random: Random) -> T:
        return self.items[bisect_right(self.limits, int(random.random() * self.limits[-1]))]


def wheel(weighted: Iterable[tuple[T, int]]) -> Wheel[T]:
    pairs = [(item, weight) for item, weight in weighted if weight > 0]
    return Wheel([item for item, _ in pairs], list(accumulate(weight for _, weight in pairs)))


def deal(random: Random, count: int, shares: Sequence[tuple[T, int]]) -> list[T]:
    """So many items in the proportions given, shuffled: dealt, not drawn, so that a small firm has one of everything.

    What rounding leaves goes to the first item.
    """
    total = sum(share for _, share in shares)
    rare = [item for item, share in shares[1:] for _ in range(max(1, count * share // total))][:count]
    cards = rare + [shares[0][0]] * (count - len(rare))
    random.shuffle(cards)
    return cards


def zipf_weights(count: int, top_per_thousand: int) -> list[int]:
    """Weights 1 / (rank + shift)^1.1, the shift the smallest that keeps the first at or below its share.

    Unshifted, the first of 10,000 would hold 15 %; real firms have no such project.
    """
    powers = [1]
    shift = 0
    while shift < 100 * count:
        powers = [power(rank + shift) for rank in range(1, count + 1)]
        if powers[0] * 1000 <= sum(powers) * top_per_thousand:
            break
        shift = shift + 1 + shift // 8
    return powers


@cache
def power(rank: int) -> int:
    """rank^-1.1 as a whole number, the same on every machine."""
    return int(EXACT.power(Decimal(rank), ZIPF_EXPONENT) * WEIGHT_SCALE)
