"""Shares of a contract that is billed to several: the cents, and what speaks against the terms."""

import pytest

from domain.billing.shares import Party, shared, shared_in_turn, shared_quantity

HALVES = (Party("A", 50_000_000, True), Party("B", 50_000_000, False))
THIRDS = (Party("A", 33_333_334, False), Party("B", 33_333_333, True), Party("C", 33_333_333, False))


@pytest.mark.parametrize(
    ("total", "shares", "currency", "expected"),
    [
        (1_000_100, (50, 30, 20), "USD", (500_100, 300_000, 200_000)),
        (1_000_000, (40, 30, 30), "USD", (400_000, 300_000, 300_000)),
        (10_010_000, (50, 25, 25), "JPY", (5_010_000, 2_500_000, 2_500_000)),
        (100_010, (50, 50), "KWD", (50_010, 50_000)),
        (-1_000_100, (50, 30, 20), "USD", (-500_100, -300_000, -200_000)),
    ],
)
def test_the_largest_remainder_has_the_unit_that_is_left(
    total: int, shares: tuple[int, ...], currency: str, expected: tuple[int, ...]
) -> None:
    parties = [Party(str(place), share * 1_000_000, place == 0) for place, share in enumerate(shares)]
    assert shared(total, parties, currency) == expected


def test_among_equal_remainders_the_rounding_party_has_it() -> None:
    last = (HALVES[0]._replace(rounding=False), HALVES[1]._replace(rounding=True))
    assert shared(100, HALVES, "USD") == (100, 0)
    assert shared(100, last, "USD") == (0, 100)


def test_pieces_of_a_line_are_shared_as_their_sum() -> None:
    """33.33 three times: the line's 99.99 are 50.00 and 49.99."""
    parts = shared_in_turn([333_300] * 3, HALVES, "USD")
    assert parts == [(166_700, 166_600), (166_600, 166_700), (166_700, 166_600)]


def test_hours_leave_what_cannot_be_divided_to_the_rounding_party() -> None:
    assert shared_quantity(1_000_000, THIRDS) == (333_333, 333_334, 333_333)
    assert shared_quantity(-1_000_000, THIRDS) == (-333_333, -333_334, -333_333)
