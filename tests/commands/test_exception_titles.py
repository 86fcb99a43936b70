"""Exceptions are shown in finance's words, and the category stays beside them where it is typed."""

from __future__ import annotations

from domain.exceptions import CATALOGUE
from milepost.exceptions.titles import TITLES, title_of, titled


def test_every_category_has_a_title_of_its_own() -> None:
    assert set(TITLES) == set(CATALOGUE)
    assert len(set(TITLES.values())) == len(TITLES)


def test_a_title_is_short_and_no_code() -> None:
    assert [title for title in TITLES.values() if "_" in title or len(title) > 36] == []


def test_the_category_can_be_typed_back() -> None:
    assert titled("over_cap") == "over the cap (over_cap)"


def test_one_of_a_later_version_is_shown_as_it_is_called() -> None:
    assert title_of("wholly_new") == "wholly new"
