"""How figures and tables look."""

from __future__ import annotations

import pytest

from milepost.console import aligned, amount_text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (125_000, "12.50"), (12_345_678_900, "1,234,567.89"), (-1, "-0.0001"), (1_230, "0.123")],
)
def test_amounts_have_two_decimals_or_as_many_as_there_are(amount: int, text: str) -> None:
    assert amount_text(amount) == text


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [("EUR", "1.00", "few"), ("GBP", "1,000.00", "")]
    assert aligned(rows, right=(1,)) == ["  EUR      1.00  few", "  GBP  1,000.00"]
    assert aligned([]) == []
