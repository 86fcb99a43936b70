"""Tables for people: drawn on a terminal, aligned plain text anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich import box
from rich.table import Table as Drawn
from rich.text import Text

from domain.outputs import ForecastFigures
from domain.units import HOURS_SCALE, RATE_SCALE
from milepost.console import aligned, amount_text, echo, fitted
from milepost.printable import printable
from milepost.printer import Printer

# Of a text that somebody wrote; the whole of it is in JSON, CSV and pages.
TEXT_SHOWN = 60
# Of a text in a table that is wider than the terminal.
TEXT_LEAST = 8
# Blanks between two columns on a terminal, and before the first.
COLUMN_APART = 3
# Columns of ids and names that are ids, which may hold blanks and stay whole.
IDS = frozenset(
    {"bill to", "cap", "contract", "customer", "entry", "id", "invoice", "order", "payment", "project", "statement"}
)

# One, or of a forecast whose currency changed both.
_CURRENCY = re.compile("[A-Z]{3}( then [A-Z]{3})?")

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
    console = Printer()
    for number, table in enumerate(tables):
        if number:
            echo()
        if console.is_terminal:
            made = drawn(table, console.width)
            console.print(
                Text(fitted(f"{table.title}{'' if table.rows else ': none'}", console.width), style="bold"),
                soft_wrap=True,
            )
            console.print(made, soft_wrap=isinstance(made, str))
        else:
            echo("\n".join(plain(table)))


def plain(table: Table) -> list[str]:
    """A title, the columns and the rows; none of the latter is said."""
    if not table.rows:
        return [f"{table.title}: none"]
    return [table.title, *aligned([table.columns, *map(_on_one_line, table.rows)], right=table.right)]


def drawn(table: Table, width: int) -> Drawn | str:
    """Texts give way between their words, then spare columns, then blanks. Where a figure, a date or an id would have to, each row is a
    list of its cells instead.
    """
    if not table.rows:
        return ""
    whole = table._replace(rows=[_on_one_line(row) for row in table.rows])
    tries = [whole]
    for column in table.spare:
        tries.append(_without(tries[-1], column))
    for tried, apart in (*((each, COLUMN_APART) for each in tries), (tries[-1], COLUMN_APART - 1)):
        least = [
            _least(column, [row[place] for row in tried.rows], place in tried.right | tried.unbroken)
            for place, column in enumerate(tried.columns)
        ]
        if sum(least) + apart * len(least) + 1 <= width:
            return _drawn(tried, least, is_close=apart < COLUMN_APART)
    return "\n".join(_listed(whole, whole.rows, width))


def _drawn(table: Table, least: Sequence[int], *, is_close: bool) -> Drawn:
    made = Drawn(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1) if is_close else (0, 1), show_edge=not is_close)
    for place, column in enumerate(table.columns):
        if place in table.right:
            made.add_column(column.replace(" ", "\n"), justify="right", no_wrap=True)
        else:
            made.add_column(column, min_width=least[place], overflow="fold")
    sums_from = len(table.rows) - table.totals
    for number, row in enumerate(table.rows):
        if table.totals and number == sums_from:
            made.add_section()
        made.add_row(*map(Text, row), style="bold" if number >= sums_from else None)
    return made


def _without(table: Table, column: str) -> Table:
    """A sum of which no figure is left is left out too."""
    at = table.columns.index(column)
    right = _shifted(table.right, at)
    rows = [(*row[:at], *row[at + 1 :]) for row in table.rows]
    sums_from = len(rows) - table.totals
    sums = [row for row in rows[sums_from:] if any(row[place] for place in right)]
    return Table(
        table.title,
        (*table.columns[:at], *table.columns[at + 1 :]),
        [*rows[:sums_from], *sums],
        right,
        len(sums),
        unbroken=_shifted(table.unbroken, at),
    )


def _shifted(places: frozenset[int], at: int) -> frozenset[int]:
    return frozenset(place - (place > at) for place in places if place != at)


def _least(column: str, cells: Sequence[str], is_whole: bool) -> int:
    """How narrow a column may be: no figure, id or word of a text is divided."""
    word = max(map(len, column.split()), default=0)
    if is_whole or column in IDS:
        return max(word, *map(len, cells))
    return max(word, TEXT_LEAST, *(len(part) for cell in cells for part in cell.split()))


def _listed(table: Table, rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Rows one below the other, a cell a line; one that is too long begins a line of its own."""
    labels = _labels(table)
    label = max(map(len, labels))
    for row in rows:
        yield ""
        for column, cell in zip(labels, row, strict=True):
            if cell and len(cell) + label + 4 <= width:
                yield f"  {column:{label}}  {cell}"
            elif cell:
                yield f"  {column}".rstrip()
                yield fitted(f"    {cell}", width) if column not in IDS else f"    {cell}"


def _labels(table: Table) -> list[str]:
    """The columns by names that say it without those beside them: `with` after `quantity without` is `quantity with`."""
    labels: list[str] = []
    for place, column in enumerate(table.columns):
        name = column
        if not column:
            name = "figure" if place == 0 else "state"
            cells = [row[place] for row in table.rows if row[place]]
            if cells and all(map(_CURRENCY.fullmatch, cells)):
                name = " of ".join(["currency", *(table.columns[place + 1 :][:1] if "currency" in labels else ())])
        elif table.columns.count(column) > 1 and labels:
            name = f"{labels[-1].removesuffix('without').rstrip(' ,')} {column}"
        labels.append(name)
    return labels


def _on_one_line(row: Sequence[str]) -> list[str]:
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
