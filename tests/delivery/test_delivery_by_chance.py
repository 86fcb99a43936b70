"""Each journal is in the ERP once, whatever an ERP answers and wherever delivery dies; and mistakes in delivery are found."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.delivery.deliberate_mistakes import MISTAKES, Mistake
from tests.delivery.world import Broken, play
from tests.thoroughness import THOROUGH

SEEDS = 2_000 if THOROUGH else 200
SEEDS_TO_FIND_A_MISTAKE = 200

# What must have happened in so many histories, or they show nothing.
SOMETIMES = (
    "crash",
    "store lost",
    "second delivery",
    "fenced",
    "period closed",
    "period opened again",
    "replaced again",
    "published again",
    "taken back with its reversal",
    "said accepted",
    "said posted",
    "said data",
    "said account",
    "said period",
    "taken back after it was rejected",
    "accepted after all",
    "issued again",
    "invoiced before",
    "found in part",
)


def test_the_ledger_of_the_erp_is_ours() -> None:
    seen = play_all(SEEDS)
    assert [name for name in SOMETIMES if not seen[name]] == [], "what never happens is not shown"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.__name__)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    with mistake(), pytest.raises(AssertionError):
        play_all(SEEDS_TO_FIND_A_MISTAKE)


def play_all(seeds: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in range(seeds):
        try:
            seen += play(seed).seen
        except Broken as wrong:
            raise Broken(f"seed {seed}: {wrong}") from wrong
    return seen
