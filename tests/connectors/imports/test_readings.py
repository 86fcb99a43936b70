"""What one cell says, in the ways people write it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from connectors.imports.readings import (
    UnreadableCell,
    decimal_text,
    end_of_day,
    format_fault,
    instant_text,
    read_date,
    read_flag,
    read_hours,
    read_instant,
    read_number,
)


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "number"),
    [
        ("7.5", ".", "", "7.5"),
        ("20,0", ",", ".", "20"),
        ("2.000,0", ",", ".", "2000"),
        ("1.234.567,25", ",", ".", "1234567.25"),
        ("2,000.5", ".", ",", "2000.5"),
        ("2 000,5", ",", " ", "2000.5"),
        ("2\u202f000,5", ",", " ", "2000.5"),
        ("2’000.5", ".", "'", "2000.5"),
        ("-3", ".", "", "-3"),
        ("+3", ".", "", "3"),
        (".25", ".", "", "0.25"),
        ("0.3333333", ".", "", "0.333333"),
        ("0.0000005", ".", "", "0.000001"),
    ],
)
def test_numbers_are_read_as_the_file_writes_them(text: str, decimal: str, thousands: str, number: str) -> None:
    assert read_number(text, decimal, thousands) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "decimal", "thousands"),
    [
        ("2.5", ",", "."),  # an English number in a German file would otherwise be 25
        ("20,0", ".", ","),
        ("1,5", ".", ""),
        ("1.5.5", ".", ""),
        ("1e3", ".", ""),
        ("8h", ".", ""),
        (".", ".", ""),
        ("", ".", ""),
        ("- 3", ".", ""),
        ("NaN", ".", ""),
        ("٣", ".", ""),
        ("1234567890123", ".", ""),
    ],
)
def test_a_number_of_another_locale_is_refused_and_not_guessed(text: str, decimal: str, thousands: str) -> None:
    with pytest.raises(UnreadableCell, match="expected"):
        read_number(text, decimal, thousands)


@pytest.mark.parametrize(
    ("text", "unit", "hours"),
    [
        ("7.25", "hours", "7.25"),
        ("90", "minutes", "1.5"),
        ("5", "minutes", "0.083333"),
        ("4500", "seconds", "1.25"),
        ("1:30", "clock", "1.5"),
        ("01:30:00", "clock", "1.5"),
        ("00:00:04", "clock", "0.001111"),
        ("123:45", "clock", "123.75"),
        ("-0:30", "clock", "-0.5"),
    ],
)
def test_hours_in_every_unit(text: str, unit: str, hours: str) -> None:
    assert read_hours(text, unit, ".", "") == Decimal(hours)


def test_a_duration_in_a_column_of_numbers_says_which_unit_to_state() -> None:
    with pytest.raises(UnreadableCell, match='unit = "clock"'):
        read_hours("1:30", "hours", ".", "")
    with pytest.raises(UnreadableCell, match="hh:mm"):
        read_hours("1:75", "clock", ".", "")


def test_dates_go_by_the_first_format_that_fits() -> None:
    assert read_date("2026-03-04", ("%Y-%m-%d",)) == date(2026, 3, 4)
    assert read_date("04/03/2026", ("%Y-%m-%d", "%d/%m/%Y")) == date(2026, 3, 4)
    assert read_date("10/15/2024", ("%m/%d/%Y",)) == date(2024, 10, 15)


@pytest.mark.parametrize("text", ["2026-02-30", "4.3.2026", "1989-12-31", "2101-01-01", "yesterday"])
def test_what_is_no_date_between_1990_and_2100_is_refused(text: str) -> None:
    with pytest.raises(UnreadableCell, match="expected a date"):
        read_date(text, ("%Y-%m-%d",))


def test_a_clock_time_is_read_in_the_zone_of_the_file() -> None:
    at_eleven = read_instant("10/15/2024 11:00:00 AM", ("%m/%d/%Y %I:%M:%S %p",), "America/New_York")
    assert instant_text(at_eleven) == "2024-10-15T15:00:00Z"
    with_offset = read_instant("2024-10-15T11:00:00.5+02:00", ("iso",), "America/New_York")
    assert instant_text(with_offset) == "2024-10-15T09:00:00.500000Z"


def test_the_narrow_space_that_browsers_write_before_am_and_pm_is_a_space() -> None:
    moment = read_instant("10/15/2024 1:05:00\u202fPM", ("%m/%d/%Y %I:%M:%S %p",), "UTC")
    assert instant_text(moment) == "2024-10-15T13:05:00Z"


def test_an_hour_that_the_clock_shows_twice_is_its_first() -> None:
    moment = read_instant("2026-10-25 02:30:00", ("%Y-%m-%d %H:%M:%S",), "Europe/Berlin")
    assert instant_text(moment) == "2026-10-25T00:30:00Z"


def test_a_day_ends_in_its_own_zone() -> None:
    assert instant_text(end_of_day(date(2026, 3, 31), "UTC")) == "2026-03-31T23:59:59Z"
    assert instant_text(end_of_day(date(2026, 3, 31), "Europe/Berlin")) == "2026-03-31T21:59:59Z"


def test_yes_and_no() -> None:
    assert read_flag("Yes", ("yes", "ja"), ("no",)) is True
    assert read_flag("NO", ("yes", "ja"), ("no",)) is False
    with pytest.raises(UnreadableCell, match="expected one of yes, ja for yes or no for no"):
        read_flag("perhaps", ("yes", "ja"), ("no",))


def test_decimals_are_written_without_exponent_and_trailing_zeros() -> None:
    texts = [decimal_text(Decimal(text)) for text in ("1E+3", "8.000000", "0.10", "0.000000")]
    assert texts == ["1000", "8", "0.1", "0"]


def test_a_wrong_format_is_known_before_any_row_is_read() -> None:
    assert format_fault("%d/%m/%Y") is None
    assert format_fault("iso") is None
    assert "bad directive" in (format_fault("%d/%Q") or "")
    assert format_fault("") == "the format is empty"
