"""Toggl Track's detailed report. It has no ids, rates or approvals: an entry is known by its person and start."""

from __future__ import annotations

from decimal import Decimal

from connectors.imports.products.export_row import ExportRow, Named
from connectors.imports.products.reading import (
    Columns,
    Context,
    Reader,
    hours_stated,
    named,
    needed,
    readable,
    start_and_hours,
    tracked,
)
from connectors.imports.said import Row

COLUMNS = Columns(("Start date", "Start time"), ("End date", "End time"), "Duration")


def read(row: Row, context: Context) -> ExportRow:
    person = Named(
        named(needed(row, "Email", "name the person"), row, "Email").id, row.cells["User"] or row.cells["Email"]
    )
    start, hours = start_and_hours(row, COLUMNS, context)
    return tracked(row, COLUMNS, person, start, hours, None, context)


def quantities(row: Row, context: Context) -> tuple[Decimal | None, Decimal | None, str]:
    return readable(lambda: hours_stated(row, "Duration", context)), None, context.choices.rows_currency or ""


READER = Reader(
    dates=("Start date", "End date"),
    numbers=("Duration",),
    product_of=None,
    read=read,
    quantities=quantities,
)
