"""A process that takes more than it should keeps fewer engagements at hand, each time it has grown again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from state.store import store as stores
from state.store.store import GROWN_KIB, LEAST_AT_HAND, Meta, Store, resident_kib
from tests.folding import GENERATION

BOUND_KIB = 900_000
AT_HAND_KIB = 262_144


def test_fewer_engagements_are_at_hand_as_the_process_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [0]
    monkeypatch.setattr(stores, "resident_kib", lambda: taken[0])
    with closing(Store(tmp_path / "0.db", GENERATION, 0, AT_HAND_KIB, process_kib=BOUND_KIB)) as store:
        kept = []
        for number, kib in enumerate(
            (
                BOUND_KIB,
                BOUND_KIB + 1,
                BOUND_KIB + GROWN_KIB,
                BOUND_KIB + GROWN_KIB + 2,
                *range(950_000, 1_200_000, 20_000),
            )
        ):
            taken[0] = kib
            store.begin()
            store.commit(Meta(offset=number))
            kept.append(store._at_hand.limit >> 10)
        assert kept[:4] == [262_144, 229_376, 229_376, 200_704]
        assert kept[-1] == LEAST_AT_HAND >> 10


def test_without_a_bound_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "resident_kib", lambda: 2 * BOUND_KIB)
    with closing(Store(tmp_path / "0.db", GENERATION, 0, AT_HAND_KIB)) as store:
        store.begin()
        store.commit(Meta(offset=1))
        assert store._at_hand.limit >> 10 == AT_HAND_KIB


def test_the_memory_of_this_process_is_known() -> None:
    assert resident_kib() > 10_000
