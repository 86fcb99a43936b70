"""Clockify's detailed report. An entry is known by its person and start; the currency stands in the column's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from connectors.imports.products.export_row import ExportRow, Named
from connectors.imports.products.reading import (
    Columns,
    Context,
    NotWork,
    Reader,
    an_id,
    hours_stated,
    moment,
    needed,
    optional,
    quantity,
    readable,
    start_and_hours,
    tracked,
    tracked_key,
)
from connectors.imports.refusals import ImportRefused
from connectors.imports.said import Row
from domain.money import is_currency

START = ("Start Date", "Start Time")

_RATE = re.compile(r"Billable Rate \((.*)\)")


def read(row: Row, context: Context) -> ExportRow:
    kind = row.cells.get("Type", "")
    if kind.casefold() == "break":
        raise NotWork("Type", kind)
    code = currency_in(context.header)
    columns = Columns(START, ("End Date", "End Time"), "Duration (h)", *price_columns(code), "Invoiced")
    start, hours = start_and_hours(row, columns, context)
    return tracked(row, columns, _person(row), start, hours, code, context)


def key(row: Row, context: Context) -> tuple[str, ...]:
    return tracked_key(_person(row), moment(row, *START, context))


def price_columns(code: str | None) -> tuple[str, str]:
    """Rate and amount; they name the workspace's currency."""
    return f"Billable Rate ({code})", f"Billable Amount ({code})"


def quantities(row: Row, context: Context) -> tuple[Decimal | None, Decimal | None, str]:
    code = currency_in(context.header)
    hours = readable(lambda: hours_stated(row, "Duration (h)", context))
    amount = readable(lambda: quantity(row, price_columns(code)[1], context))
    return hours, amount, code or context.choices.rows_currency or ""


def reader(header: Sequence[str]) -> Reader:
    rate, amount = price_columns(currency_in(header))
    return Reader(
        dates=("Start Date", "End Date"),
        numbers=("Duration (h)", "Duration (decimal)", rate, amount),
        product_of=("Duration (decimal)", rate, amount),
        read=read,
        quantities=quantities,
        key=key,
    )


def currency_in(header: Sequence[str]) -> str | None:
    """None where the export has no rates. Raises ImportRefused at a code that no currency has."""
    for column in header:
        match = _RATE.fullmatch(column)
        if match and not is_currency(match[1]):
            raise ImportRefused(
                f'column "{column}": expected a currency of ISO 4217 in brackets, such as Billable Rate (EUR); set the'
                " workspace's currency in Clockify and export again"
            )
        if match:
            return match[1]
    return None


def _person(row: Row) -> Named:
    name = optional(row, "Email") or needed(row, "User", "name the person")
    return Named(an_id(name, row, "Email"), row.cells["User"] or name)
