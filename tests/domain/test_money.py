"""Money is exact until one named rounding, and what is shared out sums to what there was."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import money
from domain.money import allocate, convert, extend, format_amount, parse_amount, round_ratio

HALF_UP = money.HALF_UP
HALF_EVEN = money.HALF_EVEN

CENT = 100


def amounts(*texts: str) -> tuple[int, ...]:
    return tuple(parse_amount(text) for text in texts)


def hours(text: str) -> int:
    return money.parse_decimal(text, 6)


rate = percent = hours


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("EUR", 2),
        ("USD", 2),
        ("JPY", 0),
        ("CLP", 0),
        ("KRW", 0),
        ("ISK", 0),
        ("KWD", 3),
        ("BHD", 3),
        ("TND", 3),
        ("CLF", 4),
        ("UYW", 4),
    ],
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, digits: int) -> None:
    assert money.minor_units(currency) == digits
    assert money.smallest_unit(currency) == 10 ** (4 - digits)


def test_what_is_no_currency_is_refused_by_name() -> None:
    assert not money.is_currency("eur")
    assert not money.is_currency("XAU")
    assert money.is_currency("BGN"), "books that go back far still hold withdrawn currencies"
    with pytest.raises(ValueError, match="expected an ISO 4217 code such as EUR, got 'XYZ'"):
        money.minor_units("XYZ")


def test_half_up_takes_the_half_away_from_zero() -> None:
    assert [round_ratio(n, 2, 1, HALF_UP) for n in (-5, -3, -1, 1, 3, 5)] == [-3, -2, -1, 1, 2, 3]


def test_half_even_takes_the_half_to_the_even_neighbour() -> None:
    assert [round_ratio(n, 2, 1, HALF_EVEN) for n in (-5, -3, -1, 1, 3, 5)] == [-2, -2, 0, 0, 2, 2]


def test_an_unknown_rounding_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="expected half_up or half_even, got 'down'"):
        round_ratio(1, 2, 1, "down")


@given(
    st.integers(-(10**20), 10**20),
    st.integers(1, 10**12),
    st.sampled_from(["JPY", "EUR", "KWD", "CLF"]),
    st.sampled_from([HALF_UP, HALF_EVEN]),
)
def test_rounding_agrees_with_decimal_arithmetic(numerator: int, denominator: int, currency: str, mode: str) -> None:
    exact = 10 * numerator // denominator  # one digit, so that ties are common
    expected = (Decimal(exact) / 10 / money.smallest_unit(currency)).quantize(
        Decimal(1), ROUND_HALF_UP if mode == HALF_UP else ROUND_HALF_EVEN
    )
    assert round_ratio(exact, 10, money.smallest_unit(currency), mode) == int(expected) * money.smallest_unit(currency)


def test_a_negative_denominator_only_turns_the_sign() -> None:
    assert round_ratio(5, -2, 1, HALF_UP) == -3


def test_hours_times_rate() -> None:
    assert extend(hours("8"), rate("200"), 0, "USD", HALF_UP) == parse_amount("1600")
    assert extend(hours("0.333333"), rate("100"), 0, "USD", HALF_UP) == parse_amount("33.33")
    assert extend(hours("1.5"), rate("10001"), 0, "JPY", HALF_UP) == parse_amount("15002")
    assert extend(hours("1.5"), rate("10001"), 0, "JPY", HALF_EVEN) == parse_amount("15002")
    assert extend(hours("0.5"), rate("10001"), 0, "JPY", HALF_EVEN) == parse_amount("5000")
    assert extend(hours("1"), rate("0.0005"), 0, "KWD", HALF_UP) == parse_amount("0.001")


def test_pub_21_overtime_comes_after_the_base() -> None:
    """Base 100, overtime +15 %: 8 h regular 800 and 2 h overtime 230."""
    assert extend(hours("8"), rate("100"), 0, "USD", HALF_UP) == parse_amount("800")
    assert extend(hours("2"), rate("100"), percent("15"), "USD", HALF_UP) == parse_amount("230")


def test_overtime_is_rounded_once() -> None:
    """1 h x 0.33 x 1.10 = 0.363; with 50 %: 0.495, and half up is half a cent later."""
    assert extend(hours("1"), rate("0.33"), percent("10"), "EUR", HALF_UP) == parse_amount("0.36")
    assert extend(hours("1"), rate("0.33"), percent("50"), "EUR", HALF_UP) == parse_amount("0.50")


def test_a_percentage_of_an_amount() -> None:
    assert money.percent_of(parse_amount("20000"), percent("10"), "USD", HALF_UP) == parse_amount("2000")


def test_conversion_rounds_to_the_unit_of_the_currency_it_becomes() -> None:
    assert convert(parse_amount("100"), 16_1234, 1_000, "JPY", HALF_UP) == parse_amount("16123")
    assert convert(parse_amount("1"), 1, 3, "EUR", HALF_UP) == parse_amount("0.33")
    assert convert(parse_amount("-1"), 1, 8, "EUR", HALF_UP) == parse_amount("-0.13")


def test_split_in_three_gives_the_cent_to_the_rounding_party() -> None:
    assert allocate(parse_amount("100.00"), (1, 1, 1), "USD") == amounts("33.34", "33.33", "33.33")
    assert allocate(parse_amount("100.00"), (1, 1, 1), "USD", rounding_party=2) == amounts("33.33", "33.33", "33.34")


def test_split_by_shares_gives_the_cent_to_the_largest_remainder() -> None:
    """50.005, 30.003 and 20.002: the first is nearest to its next cent."""
    assert allocate(parse_amount("100.01"), (50, 30, 20), "USD") == amounts("50.01", "30.00", "20.00")
    assert allocate(parse_amount("100.01"), (50, 30, 20), "USD", rounding_party=2) == amounts("50.01", "30.00", "20.00")


def test_split_in_currencies_without_and_with_three_decimals() -> None:
    assert allocate(parse_amount("1000"), (1, 1, 1), "JPY") == amounts("334", "333", "333")
    assert allocate(parse_amount("10.000"), (1, 1, 1), "KWD") == amounts("3.334", "3.333", "3.333")


def test_a_negative_total_mirrors_the_positive_one() -> None:
    assert allocate(parse_amount("-100.00"), (1, 1, 1), "USD") == amounts("-33.34", "-33.33", "-33.33")


def test_without_weights_the_rounding_party_takes_all() -> None:
    assert allocate(parse_amount("5"), (0, 0), "USD", rounding_party=1) == amounts("0", "5")


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="expected weights of zero or more"):
        allocate(100, (1, -1), "USD")


@given(
    st.integers(-(10**14), 10**14),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=6),
    st.sampled_from(["JPY", "EUR", "KWD", "CLF"]),
)
def test_shares_sum_to_the_total_and_are_within_a_unit_of_their_part(
    total: int, weights: list[int], currency: str
) -> None:
    total -= total % money.smallest_unit(currency)
    shares = allocate(total, weights, currency)
    assert sum(shares) == total
    if sum(weights):
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share * sum(weights) - total * weight) < money.smallest_unit(currency) * sum(weights)


def test_amounts_are_written_plainly() -> None:
    assert format_amount(12_345_600) == "1234.56"
    assert format_amount(-5) == "-0.0005"
    assert format_amount(10_000_000, "JPY") == "1000"
    assert format_amount(100_000, "KWD") == "10.000"
    assert format_amount(0) == "0.00"
    assert money.format_decimal(7_500_000, 6) == "7.5"


@pytest.mark.parametrize("text", ["", "1,5", "1e3", ".5", "5.", "--1", "+1", " 1", "1.23456", "NaN", "١"])
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected digits with at most 4 after the point"):
        parse_amount(text)


@given(st.integers(-(10**18), 10**18), st.sampled_from([4, 6, 12]))
def test_decimals_survive_being_written_and_read(value: int, decimals: int) -> None:
    assert money.parse_decimal(money.format_decimal(value, decimals), decimals) == value


@given(st.integers(-(10**18), 10**18))
def test_a_cent_is_a_hundred(value: int) -> None:
    assert money.round_amount(value, "EUR", HALF_UP) % CENT == 0
