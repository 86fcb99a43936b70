"""Mutated events of a firm, run to the end and verified: no traceback, no stop, no violation.

The same cases on every run. Many more: `make fuzz FUZZ_ARGS="--events 300000"`, which makes small what fails.
"""

from __future__ import annotations

import pytest

from tests.fuzz.play import FOLD_AGAIN_EVERY, case, fault_of
from tests.thoroughness import THOROUGH

SEED = 21
CASES = range(200 if THOROUGH else 12)


@pytest.mark.parametrize("number", CASES)
def test_nothing_stops_a_run(number: int) -> None:
    made = case(SEED, number)
    assert made.changed
    assert not fault_of(made.lines, fold_again=number % FOLD_AGAIN_EVERY == 0)


def test_a_case_is_the_same_each_time() -> None:
    assert case(SEED, 3) == case(SEED, 3)
    assert case(SEED, 3).lines != case(SEED, 4).lines
