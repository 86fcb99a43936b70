"""Tables for people: drawn on a terminal, aligned plain text anywhere else; and rows as CSV, in one form whatever is written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from domain.units import HOURS_SCALE, RATE_SCALE
from milepost.console import aligned, amount_text, printable

if TYPE_CHECKING:
    from domain.outputs import ForecastFigures


# Of a text that somebody wrote; the whole of it is in JSON, CSV and pages.
TEXT_SHOWN = 60
# Of a text in a table that is wider than the terminal.
TEXT_LEAST = 8
# Blanks between two columns on a terminal, and before the first.
COLUMN_APART = 3

# What begins a line or a paragraph, and tabs.
_BREAKS = re.compile("[\t-\r\x1c-\x1e\x85\u2028\u2029]+")


class Table(NamedTuple):
    """`right` are the columns of figures, `unbroken` others whose cells are not broken either; the last `totals` rows are sums. `spare`
    columns are left out where a terminal has no room.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    totals: int = 0
    spare: tuple[str, ...] = ()
    unbroken: frozenset[int] = frozenset()


def show(*tables: Table) -> None:
    # Rich takes as long to load as a short command runs.
    from milepost.drawn_tables import print_tables

    print_tables(tables)


def plain(table: Table) -> list[str]:
    """A title, the columns and the rows; none of the latter is said."""
    if not table.rows:
        return [f"{table.title}: none"]
    return [table.title, *aligned([table.columns, *map(on_one_line, table.rows)], right=table.right)]


def on_one_line(row: Sequence[str]) -> list[str]:
    """What people wrote may hold line breaks, which would tear the table, and characters that are not seen."""
    return [printable(_BREAKS.sub(" ", cell)) for cell in row]


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


def completion_table(title: str, now: ForecastFigures, posted: ForecastFigures | None = None) -> Table:
    """With the ledger's figures at completion, where these differ."""
    rows = [
        ("hours", *map(hours_text, (now.burn_hours, now.etc_hours, now.eac_hours))),
        ("cost", *map(amount_text, (now.burn_cost, now.etc_cost, now.eac_cost))),
        ("revenue", *map(amount_text, (now.burn_revenue, now.etc_revenue, now.eac_revenue))),
        ("margin", amount_text(now.burn_revenue - now.burn_cost), "", amount_text(now.margin)),
    ]
    columns = ("", "so far", "to complete", "at completion")
    if posted is None:
        return Table(title, columns, rows, frozenset({1, 2, 3}))
    beside = ("", *map(amount_text, (posted.eac_cost, posted.eac_revenue, posted.margin)))
    rows_of_both = [(*row, of_ledger) for row, of_ledger in zip(rows, beside, strict=True)]
    return Table(title, (*columns, "at rates as posted"), rows_of_both, frozenset({1, 2, 3, 4}))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
