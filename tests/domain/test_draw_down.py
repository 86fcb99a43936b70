"""Drawing on what terms include, row by row."""

from __future__ import annotations

from datetime import date

from domain.money import round_ratio
from domain.terms.draw_down import Draw, add, draw
from domain.terms.kind import DrawRequest, PrepaidBalance
from domain.units import AMOUNT_ONE, HOURS_ONE

DAY = date(2026, 1, 5)


def cents(whole: int, part: int, of: int, _: str) -> int:
    return round_ratio(whole * part, of, 100, "half_up")


def hours(row: str, count: int) -> DrawRequest:
    return DrawRequest(row, DAY, count * HOURS_ONE)


def store(name: str, count: int, fee: int) -> PrepaidBalance:
    return PrepaidBalance(name, count * HOURS_ONE, count * HOURS_ONE, fee * AMOUNT_ONE)


def test_what_finds_nothing_left_goes_beyond() -> None:
    """10 h for 1,000.00: 3 h earn 300.00, of the next 9 h 7 h earn 700.00."""
    found = draw(lambda _: (store("january", 10, 1_000),), {}, (hours("T-1", 3), hours("T-2", 9)), cents).shares
    assert found == {
        "T-1": Draw({"january": (3 * HOURS_ONE, 300 * AMOUNT_ONE)}, 0),
        "T-2": Draw({"january": (7 * HOURS_ONE, 700 * AMOUNT_ONE)}, 2 * HOURS_ONE),
    }


def test_a_fee_that_does_not_divide_is_earned_to_the_cent() -> None:
    """100.00 for 3 h: 33.33, 33.34, 33.33."""
    claims = [hours(f"T-{number}", 1) for number in range(3)]
    found = draw(lambda _: (store("january", 3, 100),), {}, claims, cents).shares
    assert [share.drawn["january"][1] for share in found.values()] == [333_300, 333_400, 333_300]


def test_the_first_store_comes_first_and_the_next_has_the_rest() -> None:
    stores = (store("january", 2, 100), store("february", 4, 400))
    found = draw(lambda _: stores, {"january": (HOURS_ONE, 50 * AMOUNT_ONE)}, (hours("T-1", 3),), cents)
    drawn = {"january": (HOURS_ONE, 50 * AMOUNT_ONE), "february": (2 * HOURS_ONE, 200 * AMOUNT_ONE)}
    assert found.shares == {"T-1": Draw(drawn, 0)}


def test_less_than_was_taken_gives_nothing_and_takes_nothing_back() -> None:
    """Terms that include 2 h now, of which 3 h are issued."""
    found = draw(lambda _: (store("included", 2, 0),), {"included": (3 * HOURS_ONE, 0)}, (hours("T-1", 1),), cents)
    assert found.shares == {"T-1": Draw({}, HOURS_ONE)}


def test_expected_breakage_is_earned_no_further_than_the_fee() -> None:
    """10 h, of which 5 h are expected: 4 h earn 800.00, then 200.00 are left."""
    half = PrepaidBalance("february", 10 * HOURS_ONE, 5 * HOURS_ONE, 1_000 * AMOUNT_ONE)
    found = draw(lambda _: (half,), {}, (hours("T-1", 4), hours("T-2", 6)), cents).shares
    assert [share.drawn["february"][1] for share in found.values()] == [800 * AMOUNT_ONE, 200 * AMOUNT_ONE]


def test_sums_that_come_to_nothing_are_not_kept() -> None:
    assert add({"a": (2, 1), "b": (1, 1)}, {"a": (2, 1)}, -1) == {"b": (1, 1)}
