"""Tables for people: drawn on a terminal, aligned plain text anywhere else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import typer
from rich import box
from rich.table import Table as Drawn
from rich.text import Text

from domain.outputs import ForecastFigures
from domain.units import HOURS_SCALE, RATE_SCALE
from milepost.console import Printer, aligned, amount_text

# Of a text that somebody wrote; the whole of it is in JSON, CSV and pages.
TEXT_SHOWN = 60
# Of a text in a table that is wider than the terminal.
TEXT_LEAST = 8
# Blanks between two columns on a terminal.
COLUMN_APART = 3

# Unicode's control characters, and its separators of lines and paragraphs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Table(NamedTuple):
    """`right` are the columns of figures; the last `totals` rows are sums."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    totals: int = 0


def show(*tables: Table) -> None:
    console = Printer(highlight=False)
    for number, table in enumerate(tables):
        if number:
            typer.echo()
        if console.is_terminal:
            console.print(drawn(table, console.width))
        else:
            typer.echo("\n".join(plain(table)))


def plain(table: Table) -> list[str]:
    """A title, the columns and the rows; none of the latter is said."""
    if not table.rows:
        return [f"{table.title}: none"]
    return [table.title, *aligned([table.columns, *map(_on_one_line, table.rows)], right=table.right)]


def drawn(table: Table, width: int) -> Drawn | Text:
    """Where texts can give way, figures stay whole: a figure is not read right over two rows."""
    if not table.rows:
        return Text(f"{table.title}: none")
    made = Drawn(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    whole = _room_beside_figures(table, width) >= 0
    for place, column in enumerate(table.columns):
        if place in table.right:
            header = column.replace(" ", "\n") if whole else column
            made.add_column(header, justify="right", overflow="fold", no_wrap=whole)
        else:
            made.add_column(column, overflow="fold")
    sums_from = len(table.rows) - table.totals
    for number, row in enumerate(table.rows):
        if table.totals and number == sums_from:
            made.add_section()
        made.add_row(*map(Text, _on_one_line(row)), style="bold" if number >= sums_from else None)
    return made


def _room_beside_figures(table: Table, width: int) -> int:
    """What is left of the width where figures stand whole, each text has `TEXT_LEAST`, and no word of a column's name is divided."""
    needed = 1
    for place, column in enumerate(table.columns):
        cell = max((len(row[place]) for row in table.rows), default=0)
        word = max(map(len, column.split()), default=0)
        needed += COLUMN_APART + max(word, cell if place in table.right else min(cell, TEXT_LEAST))
    return width - needed


def _on_one_line(row: Sequence[str]) -> list[str]:
    """What people wrote may hold line breaks and other control characters, which would tear the table."""
    return [_CONTROL.sub(" ", cell) for cell in row]


def short_text(text: str) -> str:
    """At most `TEXT_SHOWN` characters, so that the row stays one that can be read."""
    return text if len(text) <= TEXT_SHOWN else f"{text[: TEXT_SHOWN - 3].rstrip()}..."


def scaled_text(value: int, scale: int) -> str:
    """With thousands separated and without zeros at its end: `1,234.5`."""
    whole, rest = divmod(abs(value), 10**scale)
    decimals = f"{rest:0{scale}d}".rstrip("0")
    return f"{'-' if value < 0 else ''}{whole:,}{'.' if decimals else ''}{decimals}"


def hours_text(hours: int) -> str:
    return scaled_text(hours, HOURS_SCALE)


def rate_text(rate: int) -> str:
    """At least two decimals, as money has."""
    text = scaled_text(rate, RATE_SCALE)
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def percent_text(percent: int | None) -> str:
    return "" if percent is None else f"{percent / 10**6:.1f} %"


def completion_table(title: str, now: ForecastFigures) -> Table:
    rows = [
        ("hours", *map(hours_text, (now.burn_hours, now.etc_hours, now.eac_hours))),
        ("cost", *map(amount_text, (now.burn_cost, now.etc_cost, now.eac_cost))),
        ("revenue", *map(amount_text, (now.burn_revenue, now.etc_revenue, now.eac_revenue))),
        ("margin", amount_text(now.burn_revenue - now.burn_cost), "", amount_text(now.margin)),
    ]
    return Table(title, ("", "so far", "to complete", "at completion"), rows, frozenset({1, 2, 3}))
