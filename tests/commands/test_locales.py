"""Amounts, rates and per cents as countries write them: their groups of digits, their signs, and all decimals there are."""

from __future__ import annotations

import pytest

from domain.units import AMOUNT_ONE, PERCENT_ONE, RATE_ONE
from milepost.locales import writing

BREAKING = str.maketrans({"\u00a0": " ", "\u202f": " "})


@pytest.mark.parametrize(
    ("locale", "currency", "amount", "written"),
    [
        ("en_GB", "EUR", 1_234_567_5000, "€1,234,567.50"),
        ("de_DE", "EUR", -1_234_567_5000, "-1.234.567,50 €"),
        ("en_IN", "INR", 1_234_567_5000, "₹12,34,567.50"),
        ("en_IN", "KWD", 1_234_5670, "KWD 1,234.567"),
        ("en_GB", "NOK", -20_000_0000, "-NOK 20,000.00"),
        ("en_IN", "EUR", 1_234_5678, "€1,234.5678"),
        ("de_CH", "CHF", 1_234_5000, "CHF 1’234.50"),
        ("de_CH", "CHF", -1_234_5000, "CHF-1’234.50"),
        ("fr_FR", "EUR", 1_234_567_5000, "1 234 567,50 €"),
        ("ja_JP", "JPY", 21_001_0000, "￥21,001"),
        ("en_US_POSIX", "KWD", 1_234_5670, "KWD 1234.567"),
        # Words are English there, and so are the digits.
        ("ar_EG", "EGP", 1_234_5000, "\u200f1,234.50 \u062c.\u0645.\u200f"),
    ],
)
def test_an_amount_with_its_currency(locale: str, currency: str, amount: int, written: str) -> None:
    assert writing(locale, currency).money(amount).translate(BREAKING) == written


@pytest.mark.parametrize(
    ("locale", "currency", "rate", "written"),
    [
        ("ja_JP", "JPY", "10500.5", "10,500.5"),
        ("ja_JP", "JPY", "10500", "10,500"),
        ("en_IN", "INR", "1234567.5", "12,34,567.50"),
        ("en_GB", "EUR", "85.333333", "85.333333"),
        ("de_CH", "CHF", "1250", "1’250.00"),
    ],
)
def test_a_rate_has_all_its_decimals(locale: str, currency: str, rate: str, written: str) -> None:
    whole, _, rest = rate.partition(".")
    assert writing(locale, currency).rate(int(whole) * RATE_ONE + int(rest.ljust(6, "0"))) == written


def test_an_amount_without_its_currency_is_grouped_as_the_country_does() -> None:
    assert writing("en_IN", "INR").amount(1_234_567 * AMOUNT_ONE) == "12,34,567.00"
    assert writing("en_IN", "INR").count(1_234_567) == "12,34,567"
    assert writing("ja_JP", "JPY").amount(21_001 * AMOUNT_ONE) == "21,001"


def test_a_per_cent_has_all_its_decimals() -> None:
    """The sales tax of the city of New York."""
    assert writing("en_US", "USD").percent(8 * PERCENT_ONE + 875_000) == "8.875%"
    assert writing("de_DE", "EUR").percent(19 * PERCENT_ONE) == "19 %"
