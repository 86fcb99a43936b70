"""One is one: 1 entry, 2 entries, 1,000 journals, 3 days, 2 people."""

from __future__ import annotations

import pytest

from domain.counting import counted


@pytest.mark.parametrize(
    ("number", "one", "said"),
    [
        (1, "entry", "1 entry"),
        (2, "entry", "2 entries"),
        (0, "journal", "0 journals"),
        (1_000, "journal", "1,000 journals"),
        (3, "day", "3 days"),
    ],
)
def test_the_word_follows_the_number(number: int, one: str, said: str) -> None:
    assert counted(number, one) == said


def test_a_plural_of_its_own() -> None:
    assert (counted(1, "person", "people"), counted(2, "person", "people")) == ("1 person", "2 people")
