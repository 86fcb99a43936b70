"""How an export writes dates and numbers: settled from the file or asked for, never guessed."""

from __future__ import annotations

import pytest

from connectors.imports.products.forms import Cell, read_clock_time, read_quantity, settle_date_order, settle_decimal
from connectors.imports.readings import UnreadableCell
from connectors.imports.refusals import ImportRefused


def cells(*texts: str) -> list[Cell]:
    return [Cell(line, "Date", text) for line, text in enumerate(texts, start=2)]


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (("03/04/2026", "25/04/2026"), "dmy"),
        (("03/04/2026", "04/25/2026"), "mdy"),
        (("2026-03-04",), "ymd"),
        (("3.4.2026", "13.4.2026"), "dmy"),
        (("03/03/2026",), "dmy"),
        (("03/04/2026", "soon", "25/04/2026", "99/99/2026"), "dmy"),
        ((), "ymd"),
    ],
)
def test_one_day_after_the_twelfth_settles_the_order(texts: tuple[str, ...], order: str) -> None:
    assert settle_date_order(cells(*texts), None) == order


def test_two_orders_in_one_file_are_refused() -> None:
    with pytest.raises(ImportRefused, match='line 2 "25/04/2026" is day/month/year and line 3 "04/25/2026" is month'):
        settle_date_order(cells("25/04/2026", "04/25/2026"), None)


@pytest.mark.parametrize(
    ("texts", "sign"),
    [
        (("20,0",), ","),
        (("2.000,0",), ","),
        (("1.500", "20,0"), ","),
        (("1,500", "20.25"), "."),
        (("1,500,000",), "."),
        (("8", "7"), "."),
        (("8", "-", "n/a", "7,5"), ","),
        (("2’000.5",), "."),
        (("2\u202f000,5",), ","),
    ],
)
def test_one_number_that_reads_one_way_settles_the_decimals(texts: tuple[str, ...], sign: str) -> None:
    assert settle_decimal(cells(*texts), (), None) == sign


def test_hours_times_rate_settles_what_no_number_does() -> None:
    row = ("1.250", "1.000", "1.250")
    assert settle_decimal(cells(*row), [row], None) == "."
    assert settle_decimal(cells("1.000"), [("2", "1.000", "2.000")], "comma") == ","
    with pytest.raises(ImportRefused, match=r'"1\.000" may have decimals or thousands.*--decimal point'):
        settle_decimal(cells("2", "1.000", "2.000"), [("2", "1.000", "2.000")], None)


def test_decimal_point_and_comma_in_one_file_are_refused() -> None:
    with pytest.raises(ImportRefused, match=r'line 2 "7,5", line 3 "7\.5"'):
        settle_decimal(cells("7,5", "7.5"), (), None)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("09:05", (9, 5, 0)),
        ("9:05:30", (9, 5, 30)),
        ("11:00:00 AM", (11, 0, 0)),
        ("12:30 AM", (0, 30, 0)),
        ("12:30:00 PM", (12, 30, 0)),
        ("01:05 p.m.", (13, 5, 0)),
        ("23:59:59", (23, 59, 59)),
    ],
)
def test_clocks_of_twelve_and_twenty_four_hours(text: str, clock: tuple[int, int, int]) -> None:
    assert read_clock_time(text) == clock


@pytest.mark.parametrize("text", ["24:00", "13:00 PM", "0:30 AM", "9", "9:60", "noon", ""])
def test_what_is_no_clock_time_is_refused(text: str) -> None:
    with pytest.raises(UnreadableCell):
        read_clock_time(text)


@pytest.mark.parametrize(
    ("text", "decimal"), [("7,5", "."), ("7.5", ","), ("1.00.0", ","), ("", "."), (".", "."), ("8h", "."), ("+", ".")]
)
def test_a_number_of_another_form_is_refused(text: str, decimal: str) -> None:
    with pytest.raises(UnreadableCell):
        read_quantity(text, decimal)
