"""Budgets of projects, from the tracker's own export of projects: what a project may take, in hours or in fees, by client and project."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TypeAlias

from connectors.imports.csv_rows import Broken, read_table
from connectors.imports.products.choices import Choices
from connectors.imports.products.export_file import open_export
from connectors.imports.products.forms import Cell, read_quantity, settle_decimal
from connectors.imports.products.product import BudgetColumns, Product
from connectors.imports.readings import UnreadableCell
from connectors.imports.refusals import ImportRefused, nearest
from connectors.imports.rejections import CsvRow


class TrackedBudget(NamedTuple):
    """One of both; fees in the currency of the project's client."""

    hours: Decimal | None = None
    fees: Decimal | None = None


# By the names of client and project.
Budgets: TypeAlias = Mapping[tuple[str, str], TrackedBudget]


def read_budgets(path: Path, product: Product, choices: Choices) -> Budgets:
    """Raises ImportRefused where the file is none of the product's, or a budget cannot be read: a wrong plan is worse than none."""
    columns = product.budgets
    if columns is None:
        raise ImportRefused(f"--budgets: exports of {product.title} have no budgets; edit them in the setup file")
    rows = _rows(path, columns, choices.encoding)
    cells = [Cell(row.line, columns.budget, row.cells[columns.budget]) for row in rows if row.cells[columns.budget]]
    try:
        decimal = settle_decimal(cells, (), choices.decimal)
    except ImportRefused as fault:
        raise ImportRefused(f"{path}: {fault}") from fault
    found: dict[tuple[str, str], TrackedBudget] = {}
    for row in rows:
        budget = _budget(row, columns, decimal, path)
        key = (row.cells[columns.client] or choices.client or "", row.cells[columns.project])
        if budget is not None and found.setdefault(key, budget) != budget:
            raise ImportRefused(
                f'{path}: line {row.line}: the project "{key[1]}" of "{key[0]}" has a second budget; leave one in'
            )
    return found


def _rows(path: Path, columns: BudgetColumns, encoding: str | None) -> list[CsvRow]:
    with open_export(path, encoding) as (file, form):
        table = read_table(file, path, form)
        for column in (columns.client, columns.project, columns.by, columns.budget):
            if column not in table.header:
                raise ImportRefused(
                    f'{path}: expected the column "{column}"{nearest(column, table.header)}; it has'
                    f" {', '.join(table.header[:24])}. Make the export of projects ({columns.export})"
                )
        rows = list(table.rows)
    for row in rows:
        if isinstance(row, Broken):
            raise ImportRefused(f"{path}: line {row.line}: {row.reason}")
    return [row for row in rows if isinstance(row, CsvRow)]


def _budget(row: CsvRow, columns: BudgetColumns, decimal: str, path: Path) -> TrackedBudget | None:
    by, text = row.cells[columns.by], row.cells[columns.budget]
    # The tracker's pages and its exports write them with other capitals.
    hours, fees, none = ({one.casefold() for one in kind} for kind in (columns.hours, columns.fees, columns.none))
    if by.casefold() in none or not text:
        return None
    if by.casefold() not in hours | fees:
        raise ImportRefused(
            f'{path}: line {row.line}: column "{columns.by}": "{by}": expected one of'
            f" {', '.join((*columns.hours, *columns.fees))}, or No Budget"
        )
    try:
        value = read_quantity(text, decimal)
    except UnreadableCell as fault:
        raise ImportRefused(f'{path}: line {row.line}: column "{columns.budget}": "{text}": {fault}') from None
    if value < 0:
        raise ImportRefused(
            f'{path}: line {row.line}: column "{columns.budget}": "{text}": expected a budget that is not negative'
        )
    return TrackedBudget(hours=value) if by.casefold() in hours else TrackedBudget(fees=value)
