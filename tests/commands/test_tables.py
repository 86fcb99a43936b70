"""Tables and numbers as people read them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from milepost.drawn_tables import drawn
from milepost.tables import Table, hours_text, percent_text, plain, rate_text

TABLE = Table(
    "Sums", ("what", "amount"), [("one", "1.00"), ("a thousand", "1,000.00"), ("all", "1,001.00")], frozenset({1}), 1
)


def test_plain_text_is_aligned() -> None:
    assert plain(TABLE) == [
        "Sums",
        "  what          amount",
        "  one             1.00",
        "  a thousand  1,000.00",
        "  all         1,001.00",
    ]


def test_a_table_without_rows_says_so() -> None:
    assert plain(TABLE._replace(rows=[])) == ["Sums: none"]


def test_on_a_terminal_it_is_drawn() -> None:
    console = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(drawn(TABLE, 40))
    lines = [line.rstrip() for line in captured.get().splitlines() if line.strip()]
    assert lines[0].split() == ["what", "amount"]
    assert lines[-1].split() == ["all", "1,001.00"]


def on_a_terminal(table: Table, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(drawn(table, width))
    return captured.get()


WIDE = Table(
    "Lines",
    ("description", "quantity without", "amount without"),
    [("bridges and what leads to them", "1,234.567891", "1,234,567.89")],
    frozenset({1, 2}),
)


@pytest.mark.parametrize("width", [46, 60, 100])
def test_a_text_gives_way_before_a_figure(width: int) -> None:
    shown = on_a_terminal(WIDE, width)
    assert all(whole in shown for whole in ("1,234.567891", "1,234,567.89", "quantity", "without"))


def test_where_figures_do_not_fit_each_row_is_a_list_of_its_cells() -> None:
    assert str(drawn(WIDE, 24)).splitlines() == [
        "",
        "  description",
        "    bridges and what",
        "      leads to them",
        "  quantity without",
        "    1,234.567891",
        "  amount without",
        "    1,234,567.89",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (hours_text(1_234_500_000), "1,234.5"),
        (hours_text(-250_000), "-0.25"),
        (rate_text(100_000_000), "100.00"),
        (rate_text(87_125_000), "87.125"),
        (percent_text(59_160_000), "59.2 %"),
        (percent_text(None), ""),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert text == expected


def test_each_value_of_a_list_has_its_label() -> None:
    columns = ("", "project", "", "quantity without", "with", "used up on, without", "with", "", "ledger amount", "")
    row = ("hours", "P-1", "EUR", "1 hour", "2 hours", "2026-03-02", "2026-03-04", "USD", "7.00", "sent again")
    lines = [line.split("  ", 2) for line in on_a_terminal(Table("Lines", columns, [row]), 40).splitlines() if line]
    assert {label: value.strip() for _, label, value in lines} == {
        "figure": "hours",
        "project": "P-1",
        "currency": "EUR",
        "quantity without": "1 hour",
        "quantity with": "2 hours",
        "used up on, without": "2026-03-02",
        "used up on with": "2026-03-04",
        "currency of ledger amount": "USD",
        "ledger amount": "7.00",
        "state": "sent again",
    }


def test_a_sum_of_a_column_that_has_no_room_is_left_out() -> None:
    """The sum in ledger currency goes with its column; that of what is open stays."""
    rows = [["INV-1", "900.00", "1,000.00"], ["total", "900.00", ""], ["in ledger", "", "1,000.00"]]
    table = Table("Owed", ("invoice", "open", "in ledger"), rows, frozenset({1, 2}), 2, ("in ledger",))
    shown = {}
    for width in (60, 26):
        console = Console(file=io.StringIO(), width=width)
        console.print(drawn(table, width))
        assert isinstance(console.file, io.StringIO)
        shown[width] = console.file.getvalue()
    assert "in ledger" in shown[60]
    assert ("total" in shown[26], "in ledger" in shown[26]) == (True, False)


def test_a_cell_stays_on_its_line() -> None:
    """Descriptions hold line breaks; an escape sequence is shown, and reaches no terminal."""
    torn = TABLE._replace(rows=[("one\r\ntwo\u2028three\x1b[2J", "1.00")], totals=0)
    assert plain(torn) == ["Sums", "  what                    amount", "  one two three\\u001b[2J    1.00"]


def test_wide_characters_take_two_places() -> None:
    """Four characters are eight places, and a table of ids of four and seven such characters needs more than 26."""
    table = Table("People", ("person", "office"), [("田中太郎", "東京本社営業部")])
    line = next(each for each in on_a_terminal(table, 40).splitlines() if "田" in each)
    assert line.split() == ["田中太郎", "東京本社営業部"]
    assert "東京本社営業部" in on_a_terminal(Table("", ("a", "office"), [("x" * 30, "東京本社営業部")]), 46)
    assert str(drawn(table._replace(columns=("id", "office")), 26)).splitlines() == [
        "",
        "  id      田中太郎",
        "  office  東京本社営業部",
    ]
