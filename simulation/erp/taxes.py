"""Output tax of invoices in simulated ERPs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from domain.money import HALF_UP, round_ratio
from domain.units import AMOUNT_ONE, Amount

CENT: Final = AMOUNT_ONE // 100


def taxes(lines: Iterable[tuple[Amount, int]]) -> list[Amount]:
    """Of lines with what they come to and their tax in per cent; the tax of lines with the same per cent is rounded once, half up.

    5.03 twice at 19 %: 1.91 of 10.06 = 0.96 and 0.95
    """
    nets: Counter[int] = Counter()
    found = []
    for net, percent in lines:
        before = _rounded(nets[percent] * percent)
        nets[percent] += net
        found.append(_rounded(nets[percent] * percent) - before)
    return found


def _rounded(hundredfold: int) -> Amount:
    return round_ratio(hundredfold, 100, CENT, HALF_UP)
