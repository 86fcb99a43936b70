"""Which ids were perhaps meant by one that is not there."""

import pytest

from connectors.files.lookup import nearest

PROJECTS = frozenset(f"PRJ-{number:05}" for number in range(1, 41))


@pytest.mark.parametrize(
    ("wanted", "likeliest"),
    [("OLD-0003", "PRJ-00003"), ("OLD-0024", "PRJ-00024"), ("PRJ-003", "PRJ-00003"), ("prj-00040", "PRJ-00040")],
)
def test_of_ids_that_are_alike_the_one_with_the_same_ending_comes_first(wanted: str, likeliest: str) -> None:
    assert nearest(wanted, PROJECTS)[0] == likeliest


def test_nothing_is_near_what_is_like_no_id() -> None:
    assert nearest("BRIDGE", PROJECTS) == ()
    assert nearest("BRIDGE", frozenset()) == ()
