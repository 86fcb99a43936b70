"""What of each row of balances falls to bill-tos where it is stated what each has of all."""

from __future__ import annotations

from functools import partial

import pytest

from domain.billing.shares import Party, shared
from state.opening.unbilled import by_row

HALVES = (Party("A", 50_000000, True), Party("B", 50_000000, False))


@pytest.mark.parametrize(
    ("stated", "rows"),
    [
        # A cent beside the shares is the last row's.
        ((55.01, 54.99), [(50.00, 50.00), (5.01, 4.99)]),
        # Far from the shares: the last row would be 50.00 and -40.00.
        ((100.00, 10.00), [(90.91, 9.09), (9.09, 0.91)]),
    ],
)
def test_no_row_falls_to_a_bill_to_below_zero(stated: tuple[float, float], rows: list[tuple[float, float]]) -> None:
    """Rows of 100.00 and 10.00."""

    def scaled(amounts: tuple[float, float]) -> tuple[int, ...]:
        return tuple(round(amount * 10_000) for amount in amounts)

    parts = dict(zip("AB", scaled(stated), strict=True))
    share = partial(shared, currency="EUR")
    assert by_row([100_0000, 10_0000], [HALVES, HALVES], parts, "EUR", share) == [scaled(row) for row in rows]
    assert by_row([], [], parts, "EUR", share) == []
