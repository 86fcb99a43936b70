"""A table of the firm at a glance as values: columns, rows, sums, and what each figure is explained by.

One shape for all of them, so that each form (terminal, CSV, page, JSON, spreadsheet) is written once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from domain.units import Amount

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
    """`explain` are, by column, the ids that `milepost explain` takes; several sum to the figure. A subtotal among the rows `is_sum`."""

    cells: Mapping[str, Cell]
    explain: Mapping[str, tuple[str, ...]] = {}
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
    """`totals` sum rows by currency; `feet` compare all rows with the ledger, whatever is filtered; `empty` says why there is no row."""

    kind: str
    title: str
    as_of: str
    columns: tuple[GlanceColumn, ...]
    rows: Sequence[GlanceRow]
    totals: Sequence[GlanceRow] = ()
    feet: Sequence[LedgerFoot] = ()
    notes: Sequence[str] = ()
    empty: str = ""

    def column(self, name: str) -> GlanceColumn | None:
        return next((each for each in self.columns if each.name == name), None)


def summed(
    rows: Sequence[GlanceRow],
    columns: Sequence[str],
    by: Sequence[str],
    head: Mapping[str, Cell],
) -> list[GlanceRow]:
    """A row of sums for each value of the columns `by`, in their order, with `head` beside; a column of which no row knows anything stays
    unknown."""
    groups: dict[tuple[str, ...], list[GlanceRow]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row.cells[name] or "") for name in by), []).append(row)
    return [
        GlanceRow({**head, **dict(zip(by, key, strict=True)), **{name: _sum_of(groups[key], name) for name in columns}})
        for key in sorted(groups)
    ]


def _sum_of(rows: Sequence[GlanceRow], column: str) -> int | None:
    found = [value for row in rows if isinstance(value := row.cells.get(column), int)]
    return sum(found) if found else None


def in_order(rows: Sequence[GlanceRow], column: GlanceColumn) -> list[GlanceRow]:
    """Texts and days ascending, figures with the largest first; what is not known comes last."""
    known = [row for row in rows if row.cells.get(column.name) is not None]
    unknown = [row for row in rows if row.cells.get(column.name) is None]
    if column.kind.is_figure:
        return [*sorted(known, key=lambda row: -row.amount(column.name)), *unknown]
    return [*sorted(known, key=lambda row: str(row.cells[column.name]).casefold()), *unknown]


def in_ledger_totals(rows: Sequence[GlanceRow], by: Sequence[str], head: Mapping[str, Cell]) -> list[GlanceRow]:
    """What rows come to in the ledger's currency, by company."""
    return summed(rows, ("in_ledger",), (*by, "ledger_currency", "company"), {"client": "in ledger", **head})


def margin_percent(margin: Amount, revenue: Amount) -> int | None:
    """Of revenue; None where there is none."""
    return percent_of(margin, revenue) if revenue > 0 else None


def totals_with_margin(rows: Sequence[GlanceRow], columns: Sequence[str], head: str) -> list[GlanceRow]:
    """By currency, with the share of revenue that their margin is; what has no currency has no amounts."""
    return [
        row._replace(cells={**row.cells, "margin_percent": margin_percent(row.amount("margin"), row.amount("revenue"))})
        for row in summed([row for row in rows if row.cells["currency"]], columns, ("currency",), {head: "total"})
    ]


def percent_of(part: int, whole: int) -> int | None:
    """Millionths of a percent, half up; None where there is nothing to be a part of."""
    from domain.forecast.completion import percent

    return percent(part, whole) if whole else None
