from __future__ import annotations

from pathlib import PurePath

import pytest

from tests.order import in_turn

WAITING = [
    f"{folder}/test_{name}.py::{number}" for folder in ("kafka", "reliability") for name in "ab" for number in "12"
]
LONG = [f"explain/test_figures.py::{number}" for number in "12"]
SHORT = [f"domain/test_money.py::{number}" for number in range(20)]


def begun(tests: list[str], workers: int) -> list[list[str]]:
    """What each worker begins with."""
    found = in_turn(tests, workers, lambda test: PurePath(test.partition("::")[0]))
    assert sorted(found) == sorted(tests)
    each = len(tests) // workers
    return [found[number * each : (number + 1) * each] for number in range(workers)]


def test_two_of_three_workers_wait_and_the_last_computes() -> None:
    """30 tests, ten for each; the second of each folder's files is the second worker's."""
    one, other, last = begun([*SHORT, *WAITING, *LONG], 3)
    assert one[:4] == [test for test in (*WAITING[4:], *WAITING[:4]) if "test_a" in test]
    assert other[:4] == [test for test in (*WAITING[4:], *WAITING[:4]) if "test_b" in test]
    assert last == [*LONG, *SHORT[:8]]
    assert sorted([*one[4:], *other[4:]]) == sorted(SHORT[8:])


def test_of_two_workers_one_waits() -> None:
    one, other = begun([*SHORT, *WAITING, *LONG], 2)
    assert sorted(one[:8]) == sorted(WAITING)
    assert other == [*LONG, *SHORT[:13]]


def test_of_five_workers_four_wait() -> None:
    """30 tests, six for each: a file of each folder, or what is left of one, and the last computes."""
    *four, last = begun([*SHORT, *WAITING, *LONG], 5)
    assert [[test for test in each if test in WAITING] for each in four] == [
        WAITING[at : at + 2] for at in (4, 6, 0, 2)
    ]
    assert last == [*LONG, *SHORT[:4]]


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("tests", [WAITING, LONG, SHORT, [*WAITING, *SHORT[:1]], SHORT[:1], []])
def test_nothing_is_left_out_whatever_is_chosen(tests: list[str], workers: int) -> None:
    begun(tests, workers)
