"""Toggl Track's detailed report. It has no ids, rates or approvals: an entry is known by its person and start.

Where the workspace has billable rates, `Amount (EUR)` says what a row is worth, and its rate follows from that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from connectors.imports.products.export_row import ExportRow, Named
from connectors.imports.products.reading import (
    Columns,
    Context,
    Reader,
    hours_stated,
    moment,
    named,
    needed,
    quantity,
    readable,
    start_and_hours,
    tracked,
    tracked_key,
)
from connectors.imports.said import CellFault, Row
from domain.money import is_currency

COLUMNS = Columns(("Start date", "Start time"), ("End date", "End time"), "Duration")

_AMOUNT = re.compile(r"Amount \((.*)\)")


def read(row: Row, context: Context) -> ExportRow:
    person = _person(row)
    start, hours = start_and_hours(row, COLUMNS, context)
    column = _amount_column(row, context)
    return tracked(row, COLUMNS._replace(amount=column), person, start, hours, _currency_of(column), context)


def key(row: Row, context: Context) -> tuple[str, ...]:
    return tracked_key(_person(row), moment(row, *COLUMNS.start, context))


def quantities(row: Row, context: Context) -> tuple[Decimal | None, Decimal | None, str]:
    column = readable(lambda: _amount_column(row, context))
    amount = readable(lambda: quantity(row, column, context))
    hours = readable(lambda: hours_stated(row, "Duration", context))
    return hours, amount, _currency_of(column) or context.choices.rows_currency or ""


def reader(header: Sequence[str]) -> Reader:
    amounts = tuple(column for column in header if is_currency(_currency_of(column) or ""))
    return Reader(
        dates=("Start date", "End date"),
        numbers=("Duration", *amounts),
        product_of=None,
        read=read,
        quantities=quantities,
        key=key,
        amounts=amounts,
    )


def _amount_column(row: Row, context: Context) -> str | None:
    """The one that is filled; of several empty ones the first."""
    filled = [column for column in context.amounts if quantity(row, column, context)]
    if len(filled) > 1:
        raise CellFault(filled[1], row.cells[filled[1]], f'"{filled[0]}" has an amount too; leave one in')
    return next(iter((*filled, *context.amounts)), None)


def _currency_of(column: str | None) -> str | None:
    match = _AMOUNT.fullmatch(column or "")
    return match[1] if match else None


def _person(row: Row) -> Named:
    name = named(needed(row, "Email", "name the person"), row, "Email").id
    return Named(name, row.cells["User"] or row.cells["Email"])
