"""What the books of a shard add up to. `tests/commands/test_run.py` holds the figures."""

from __future__ import annotations

from state.sums import _currency_of


def test_a_line_has_the_currency_of_its_own_contract() -> None:
    """An id may hold a slash, so the longest contract id that fits is the right one."""
    currencies = {"K": "EUR", "K/2": "GBP", "K/2/x": "USD"}
    assert _currency_of("K/1", currencies) == "EUR"
    assert _currency_of("K/2/1", currencies) == "GBP"
    assert _currency_of("K/2/x/1", currencies) == "USD"
