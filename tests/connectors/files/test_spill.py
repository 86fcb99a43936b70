"""Records come back by key, each key's in the order in which they were added."""

from __future__ import annotations

from connectors.files import spill
from connectors.files.spill import Spill, Spilled


def test_each_key_comes_together_and_in_order() -> None:
    records = [(f"E-{number % 7}", number % 3, str(number).encode() * (number % 5)) for number in range(200)]
    with Spill(expected_bytes=4 * spill.BYTES_A_SHARE) as aside:
        for key, kind, body in records:
            aside.add(key, kind, body)
        shares = list(aside.shares())
    assert len(shares) == 4
    assert sum(len(share) for share in shares) == 7
    found = {key: kept for share in shares for key, kept in share.items()}
    for key, kept in found.items():
        assert kept == [Spilled(kind, body) for of, kind, body in records if of == key]


def test_nothing_added_gives_one_empty_share() -> None:
    with Spill(0) as aside:
        assert list(aside.shares()) == [{}]
