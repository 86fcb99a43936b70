"""Tables as a terminal shows them: what gives way where they are wider, and what never does. Widths are those on the screen, where a
Chinese or Japanese character takes two places."""

import re
from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table as Drawn
from rich.text import Text

from milepost.console import echo, fitted
from milepost.printer import Printer
from milepost.tables import COLUMN_APART, TEXT_LEAST, Table, on_one_line, plain

# Columns of ids and names that are ids, which may hold blanks and stay whole.
IDS = frozenset(
    {"bill to", "cap", "contract", "customer", "entry", "id", "invoice", "order", "payment", "project", "statement"}
)

# One, or of a forecast whose currency changed both.
_CURRENCY = re.compile("[A-Z]{3}( then [A-Z]{3})?")


def print_tables(tables: Sequence[Table]) -> None:
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


def drawn(table: Table, width: int) -> Drawn | str:
    """Texts give way between their words, then spare columns, then blanks. Where a figure, a date or an id would have to, each row is a
    list of its cells instead.
    """
    if not table.rows:
        return ""
    whole = table._replace(rows=[on_one_line(row) for row in table.rows])
    tries = [whole]
    for column in table.spare:
        tries.append(_without(tries[-1], column))
    for tried, apart in (*((each, COLUMN_APART) for each in tries), (tries[-1], COLUMN_APART - 1)):
        least = [
            _least(column, [row[place] for row in tried.rows], place in tried.right | tried.unbroken)
            for place, column in enumerate(tried.columns)
        ]
        room = width - apart * len(least) - 1
        if sum(least) <= room:
            return _drawn(tried, _widths(tried, least, room), is_close=apart < COLUMN_APART)
    return "\n".join(_listed(whole, whole.rows, width))


def _widths(table: Table, least: Sequence[int], room: int) -> list[int]:
    """Of the columns, as wide as they are; where that is too much the widest give way, each as far as it may."""
    cells = zip(table.columns, *table.rows, strict=True)
    widths = [
        of if place in table.right else max(of, *map(cell_len, column))
        for place, (of, column) in enumerate(zip(least, cells, strict=True))
    ]
    while sum(widths) > room:
        widest = max((place for place, of in enumerate(least) if widths[place] > of), key=widths.__getitem__)
        widths[widest] -= 1
    return widths


def _drawn(table: Table, widths: Sequence[int], *, is_close: bool) -> Drawn:
    made = Drawn(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1) if is_close else (0, 1), show_edge=not is_close)
    for place, column in enumerate(table.columns):
        if place in table.right:
            made.add_column(column.replace(" ", "\n"), justify="right", no_wrap=True)
        else:
            made.add_column(column, width=widths[place], overflow="fold")
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
    word = max(map(cell_len, column.split()), default=0)
    if is_whole or column in IDS:
        return max(word, *map(cell_len, cells))
    return max(word, TEXT_LEAST, *(cell_len(part) for cell in cells for part in cell.split()))


def _listed(table: Table, rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Rows one below the other, a cell a line; one that is too long begins a line of its own."""
    labels = _labels(table)
    label = max(map(len, labels))
    for row in rows:
        yield ""
        for column, cell in zip(labels, row, strict=True):
            if cell and cell_len(cell) + label + 4 <= width:
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
