"""A table of the firm at a glance as values: columns, rows, sums, and what each figure is explained by.

One shape for all of them, so that each form (terminal, CSV, page, JSON, spreadsheet) is written once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from domain.identity import composed
from domain.units import Amount
from milepost.glance.figures import BY_CURRENCY, UNKNOWN, Figure, Part, percent_of

# How ids of sums begin, in currencies of transactions and of ledgers.
TOTAL, IN_LEDGER = "total", "in_ledger"
TOTALS: Final = (f"{TOTAL}/", f"{IN_LEDGER}/")
# Columns whose `spare` is this number or more stand in files alone.
FILES_ONLY: Final = 10
# Figures are scaled integers, as everywhere; None is not known, which is not 0.
Cell = str | int | date | None


class CellKind(StrEnum):
    """What stands in a column; amounts are in the currency of their row."""

    TEXT = "text"
    ID = "id"
    DAY = "day"
    COUNT = "count"
    AMOUNT = "amount"
    HOURS = "hours"
    PERCENT = "percent"

    @property
    def is_figure(self) -> bool:
        return self in {CellKind.COUNT, CellKind.AMOUNT, CellKind.HOURS, CellKind.PERCENT}


class GlanceColumn(NamedTuple):
    """`name` is that of JSON and CSV. A `spare` one is left out where a terminal has no room; the highest number goes first. On a page
    it stands `under` another column."""

    name: str
    title: str
    kind: CellKind = CellKind.AMOUNT
    spare: int = 0
    under: str = ""


class GlanceRow(NamedTuple):
    """`key` names it in its table, `figures` say what its cells sum. A subtotal among the rows `is_sum`."""

    cells: Mapping[str, Cell]
    figures: Mapping[str, Figure] = {}
    key: str = ""
    is_sum: bool = False

    def amount(self, column: str) -> Amount:
        found = self.cells.get(column)
        return found if isinstance(found, int) else 0


class LedgerFoot(NamedTuple):
    """What a table has in ledger currency beside what the ledger has on the accounts that it is about; both are assets above zero."""

    what: str
    legal_entity_id: str
    currency: str
    accounts: tuple[str, ...]
    in_table: Amount
    in_ledger: Amount

    @property
    def holds(self) -> bool:
        return self.in_table == self.in_ledger


class Glance(NamedTuple):
    """`totals` sum rows by currency; `feet` compare all rows with the ledger, whatever is filtered; `none_at_all` says why the
    whole firm has no row.

    `asked` are options that say what rows are of, `filters` those that choose rows: `since=2026-03-01`.
    """

    kind: str
    title: str
    as_of: str
    columns: tuple[GlanceColumn, ...]
    rows: Sequence[GlanceRow]
    totals: Sequence[GlanceRow] = ()
    feet: Sequence[LedgerFoot] = ()
    notes: Sequence[str] = ()
    none_at_all: str = ""
    asked: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()

    @property
    def empty(self) -> str:
        """Why there is no row."""
        return "nothing fits what was asked for" if self.filters else self.none_at_all

    def id_of(self, row: GlanceRow, column: str) -> str:
        """What `milepost explain` takes for a figure; empty where the row has none: `projects/BERLIN/BRIDGE#cost`."""
        figure = row.figures.get(column)
        if figure is None or (figure.value is None and figure.how != BY_CURRENCY):
            return ""
        options = (*self.asked, *self.filters) if row.key.startswith(TOTALS) else self.asked
        return f"{self.kind}{'?' if options else ''}{'&'.join(options)}/{row.key}#{column}"

    def column(self, name: str) -> GlanceColumn | None:
        return next((each for each in self.columns if each.name == name), None)


class GlanceReport(NamedTuple):
    """Tables that are shown together, each under its name, with notes of all."""

    kind: str
    title: str
    tables: tuple[tuple[str, Glance], ...]
    notes: Sequence[str]


def row_of(key: Sequence[str], texts: Mapping[str, Cell], figures: Mapping[str, Figure]) -> GlanceRow:
    """A company that is called as sums are has another first letter in the key: `%74otal/BRIDGE`."""
    named = composed(*(each or "-" for each in key))
    return keyed(f"%{ord(named[0]):X}{named[1:]}" if named.startswith(TOTALS) else named, texts, figures)


def stated(columns: Iterable[str], texts: Iterable[str]) -> dict[str, Cell]:
    """As far as there are texts; one that is empty says nothing."""
    return {column: text or None for column, text in zip(columns, texts, strict=False)}


def keyed(key: str, texts: Mapping[str, Cell], figures: Mapping[str, Figure]) -> GlanceRow:
    return GlanceRow({**{column: figure.value for column, figure in figures.items()}, **texts}, figures, key)


def summed(
    rows: Sequence[GlanceRow], columns: Sequence[str], by: Sequence[str], head: Mapping[str, Cell], named: str = TOTAL
) -> list[GlanceRow]:
    """A row of sums for each value of the columns `by`, in their order, with `head` beside; a column of which no row knows anything stays
    unknown."""
    groups: dict[tuple[str, ...], list[GlanceRow]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row.cells[name] or "") for name in by), []).append(row)
    return [
        keyed(
            composed(named, *(each or "-" for each in key)),
            {**head, **dict(zip(by, key, strict=True))},
            {name: _sum_of(groups[key], name) for name in columns},
        )
        for key in sorted(groups)
    ]


def _sum_of(rows: Sequence[GlanceRow], column: str) -> Figure:
    found = [row for row in rows if isinstance(row.cells.get(column), int)]
    if not found:
        return UNKNOWN
    return Figure(sum(row.amount(column) for row in found), lambda: in_rows(found, column))


def in_rows(rows: Sequence[GlanceRow], column: str) -> list[Part]:
    return [Part(row.amount(column), InRow(row, column)) for row in rows]


class InRow(NamedTuple):
    """A figure of another row of the table; taken off where it `is_less`."""

    row: GlanceRow
    column: str
    is_less: bool = False


def in_order(rows: Sequence[GlanceRow], column: GlanceColumn) -> list[GlanceRow]:
    """Texts and days ascending, figures with the largest first; what is not known comes last."""
    known = [row for row in rows if row.cells.get(column.name) is not None]
    unknown = [row for row in rows if row.cells.get(column.name) is None]
    if column.kind.is_figure:
        return [*sorted(known, key=lambda row: -row.amount(column.name)), *unknown]
    return [*sorted(known, key=lambda row: str(row.cells[column.name]).casefold()), *unknown]


def in_ledger_totals(rows: Sequence[GlanceRow], by: Sequence[str], head: Mapping[str, Cell]) -> list[GlanceRow]:
    """What rows come to in the ledger's currency, by company."""
    by = (*by, "ledger_currency", "company")
    return summed(rows, ("in_ledger",), by, {"client": "in ledger", **head}, IN_LEDGER)


def margin_percent(figures: Mapping[str, Figure]) -> Figure:
    return percent_of(figures, "margin", "revenue")


def totals_with_margin(rows: Sequence[GlanceRow], columns: Sequence[str], head: str) -> list[GlanceRow]:
    """By currency, with the share of revenue that their margin is; what has no currency has no amounts."""
    return [
        with_figures(row, {"margin_percent": margin_percent(row.figures)})
        for row in summed([row for row in rows if row.cells["currency"]], columns, ("currency",), {head: "total"})
    ]


def with_figures(row: GlanceRow, more: Mapping[str, Figure]) -> GlanceRow:
    cells = {**row.cells, **{column: figure.value for column, figure in more.items()}}
    return row._replace(cells=cells, figures={**row.figures, **more})
