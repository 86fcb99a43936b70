"""Clockify's detailed report. An entry is known by its person and start; the currency stands in the column's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from connectors.imports.products.export_row import ExportRow, Named
from connectors.imports.products.reading import (
    Context,
    NotWork,
    Reader,
    amount_of,
    an_id,
    check_interval,
    client_of,
    currency_or_chosen,
    duration,
    flag,
    hours_stated,
    moment,
    needed,
    note_of,
    optional,
    project_named,
    quantity,
    rate_of,
    readable,
)
from connectors.imports.refusals import ImportRefused
from connectors.imports.said import Row
from domain.money import is_currency

_RATE = re.compile(r"Billable Rate \((.*)\)")


def read(row: Row, context: Context) -> ExportRow:
    kind = row.cells.get("Type", "")
    if kind.casefold() == "break":
        raise NotWork("Type", kind)
    code = currency_in(context.header)
    start = moment(row, "Start Date", "Start Time", context)
    hours = duration(row, "Duration (h)", context)
    check_interval(row, ("End Date", "End Time"), start, hours, context)
    person = _person(row)
    client = client_of(row, "Client", context)
    project = project_named(client, row, "Project")
    billable = flag(row, "Billable", absent=False)
    currency = currency_or_chosen(code, row, "Billable", context)
    rate = rate_of(row, f"Billable Rate ({code})", billable, context)
    task = optional(row, "Task")
    return ExportRow(
        line=row.line,
        client=client,
        project=project,
        person=person,
        role=context.choices.role,
        task=None if task is None else an_id(task, row, "Task"),
        note=note_of(row, "Description"),
        day=start.date(),
        hours=hours,
        billable=billable,
        rate=rate,
        currency=currency,
        amount=amount_of(row, f"Billable Amount ({code})", hours, rate, currency, context),
        cost_rate=context.choices.cost_rate,
        key=(person.id, start.isoformat()),
        has_vendor_id=False,
        changed_at=None,
        is_approved=True,
        cells=row.cells,
    )


def quantities(row: Row, context: Context) -> tuple[Decimal | None, Decimal | None, str]:
    code = currency_in(context.header)
    hours = readable(lambda: hours_stated(row, "Duration (h)", context))
    amount = readable(lambda: quantity(row, f"Billable Amount ({code})", context))
    return hours, amount, code or context.choices.currency or ""


def reader(header: Sequence[str]) -> Reader:
    code = currency_in(header)
    rate, amount = f"Billable Rate ({code})", f"Billable Amount ({code})"
    return Reader(
        dates=("Start Date", "End Date"),
        numbers=("Duration (h)", "Duration (decimal)", rate, amount),
        product_of=("Duration (decimal)", rate, amount),
        read=read,
        quantities=quantities,
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
