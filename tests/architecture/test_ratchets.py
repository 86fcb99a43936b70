from __future__ import annotations

import pytest

from tests.architecture import ratchets


def test_nothing_is_added_to_the_lists() -> None:
    assert ratchets.beyond(ratchets.found(), ratchets.listed()) == []


def test_what_is_mended_is_taken_off_the_lists() -> None:
    """`python -m tests.architecture.ratchets` takes it off."""
    assert ratchets.listed() == ratchets.found()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"imports": ["state.forecast.months -> state.handlers.fees"]}, "state.forecast.months -> state.handlers.fees"),
        ({"classes": {"Leg": ["domain.ledger.journal", "domain.legs"]}}, "class Leg of domain.legs"),
        ({"any": {"domain": 10_000}}, "domain: Any 10000 times"),
        ({"tried": {"stated": 10_000}}, "milepost/explain: stated 10000 times"),
    ],
)
def test_what_is_added_is_named(change: dict[str, object], said: str) -> None:
    now = ratchets.listed()._replace(**change)  # type: ignore[arg-type]
    assert any(each.startswith(said) for each in ratchets.beyond(now, ratchets.listed()))
