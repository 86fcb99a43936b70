"""Exceptions are shown in finance's words, and the category stays beside them where it is typed."""

from __future__ import annotations

from domain.exceptions import _BY_SUBJECT, _OWNERS, CATALOGUE, EVERY_CATEGORY
from milepost.exceptions.words import TITLES, title_of, titled


def test_every_category_has_a_title_of_its_own() -> None:
    assert set(TITLES) == set(EVERY_CATEGORY)
    assert len(set(TITLES.values())) == len(TITLES)


def test_the_catalogue_has_what_may_be_raised_and_nothing_else() -> None:
    assert set(CATALOGUE) == set(EVERY_CATEGORY)
    assert {category for category, _ in (*_BY_SUBJECT, *_OWNERS)} <= set(EVERY_CATEGORY)


def test_a_title_is_short_and_no_code() -> None:
    assert [title for title in TITLES.values() if "_" in title or len(title) > 36] == []


def test_the_category_can_be_typed_back() -> None:
    assert titled("over_cap") == "over the cap (over_cap)"


def test_one_of_a_later_version_is_shown_as_it_is_called() -> None:
    assert title_of("wholly_new") == "wholly new"
