"""Contracts from signing to their last cent, drawn by chance: nothing is left that was not earned for good, and an audit finds nothing.

The same stories on every run. Many more, and those that break made small: python -m tests.lifetimes 1000 3000
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lifetimes.__main__ import fault_of, smallest
from tests.lifetimes.draw import story
from tests.lifetimes.hold import Played, differs_by_arrival
from tests.thoroughness import THOROUGH

TENTH = range(0, 2_000 if THOROUGH else 20, 10)


@pytest.mark.parametrize("seed", range(2_000 if THOROUGH else 20))
def test_nothing_is_left_of_a_contract_that_is_over(seed: int) -> None:
    assert fault_of(story(seed), explained=seed in TENTH) == ""


@pytest.mark.parametrize("seed", TENTH)
def test_what_stands_in_the_end_is_the_same_whenever_facts_arrive(seed: int) -> None:
    assert differs_by_arrival(story(seed)) == ""


@pytest.mark.parametrize("seed", TENTH)
def test_books_that_are_opened_again_after_each_event_say_the_same(seed: int, tmp_path: Path) -> None:
    usual, reopened = Played(story(seed)), Played(story(seed), folder=tmp_path)
    assert [one.body for one in reopened.books.encoded] == [one.body for one in usual.books.encoded]
    for played in (usual, reopened):
        played.books.close()


def test_bills_that_never_come_are_found_and_shown_in_few_lines() -> None:
    """Without invoices what was worked stands on 1150."""
    blocks = [one for one in story(5) if one.words != ["invoiced"]]
    assert fault_of(blocks).startswith("left: {'1150'")
    assert len(smallest(blocks, fault_of, "left")) < len(blocks) / 3
