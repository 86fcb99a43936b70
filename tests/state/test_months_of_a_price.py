"""What is left of a price, by month, in another currency."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.figure import exchanged
from domain.money import HALF_UP
from domain.reference.exchange import SAME_CURRENCY, Exchange
from state.forecast.prices import in_months

CENT = 100
THIRD = Exchange(1, 3, 0, ())
amounts = st.lists(st.integers(-(10**7), 10**7).map(lambda each: each * CENT), min_size=1, max_size=24)


@given(amounts, st.sampled_from([THIRD, SAME_CURRENCY]))
def test_months_sum_to_what_is_left_also_where_some_take_back(parts: list[int], rate: Exchange) -> None:
    months = [(f"2026-{place:02d}", part) for place, part in enumerate(parts)]
    found = in_months(months, sum(parts), rate, "USD", HALF_UP)
    assert sum(part for _, part in found) == exchanged(sum(parts), rate, "USD", HALF_UP)


def test_a_month_that_takes_back_does() -> None:
    """3.00, -1.00 and 0.50 at a third: 1.00, then 0.67 in all, then 0.83."""
    months = [("2026-05", 3_0000), ("2026-06", -1_0000), ("2026-07", 5000)]
    assert list(in_months(months, 2_5000, THIRD, "USD", HALF_UP)) == [
        ("2026-05", 1_0000),
        ("2026-06", -3300),
        ("2026-07", 1600),
    ]
