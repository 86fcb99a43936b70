"""What a store keeps at hand is bounded in bytes, and never wrong about what is stored."""

from __future__ import annotations

import pytest

from state.store import recent
from state.store.recent import Recent, StoredIds


def test_what_was_not_used_for_longest_goes_first() -> None:
    kept: Recent[str, int] = Recent(limit=100)
    kept.put("a", 1, 40)
    kept.put("b", 2, 40)
    assert kept.get("a") == 1
    kept.put("c", 3, 40)
    assert [kept.get(key) for key in "abc"] == [1, None, 3]


def test_a_value_in_the_place_of_another_takes_its_room() -> None:
    kept: Recent[str, int] = Recent(limit=100)
    kept.put("a", 1, 90)
    kept.put("a", 2, 50)
    kept.put("b", 3, 50)
    assert [kept.get(key) for key in "ab"] == [2, 3]


def test_one_value_stays_however_large() -> None:
    kept: Recent[str, int] = Recent(limit=10)
    kept.put("a", 1, 1_000)
    assert kept.get("a") == 1


def test_what_is_taken_is_there_no_longer_and_others_make_room_for_it() -> None:
    kept: Recent[str, int] = Recent(limit=100)
    for key in "abc":
        kept.put(key, 1, 30)
    assert kept.take("b") == 1
    kept.spare(50)
    assert [kept.take(key) for key in "abc"] == [None, None, 1]


def test_what_is_stored_is_never_denied() -> None:
    ids = StoredIds()
    ids.add_group(1, [f"T-{number}" for number in range(5_000)])
    ids.add(1, "later")
    assert not any(ids.denies(1, f"T-{number}") for number in range(5_000))
    assert not ids.denies(1, "later")


def test_what_was_never_stored_is_nearly_always_denied() -> None:
    ids = StoredIds()
    ids.add_group(1, [f"T-{number}" for number in range(5_000)])
    ids.add_group(2, ())
    assert sum(ids.denies(1, f"X-{number}") for number in range(5_000)) > 4_500
    assert sum(ids.denies(2, f"T-{number}") for number in range(5_000)) > 4_500


def test_a_full_filter_forgets_all_it_knew_and_holds_twice_as_much_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recent, "IDS_MAX", 100)
    ids = StoredIds()
    ids.add_group(1, [f"T-{number}" for number in range(90)])
    ids.add_group(2, [f"T-{number}" for number in range(90)])
    assert (ids.knows(1), ids.knows(2)) == (False, True)
    assert not any(ids.denies(2, f"T-{number}") for number in range(90))
    ids.add_group(1, [f"T-{number}" for number in range(90)])
    assert (ids.knows(1), ids.knows(2)) == (True, True)


def test_of_a_group_that_is_too_large_nothing_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "GROUP_MAX", 10)
    ids = StoredIds()
    ids.add_group(1, [f"T-{number}" for number in range(11)])
    assert ids.knows(1)
    assert not ids.denies(1, "never stored")
