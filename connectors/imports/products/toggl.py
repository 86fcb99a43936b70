"""Toggl Track's detailed report. It has no ids, rates or approvals: an entry is known by its person and start."""

from __future__ import annotations

from decimal import Decimal

from connectors.imports.products.export_row import ExportRow, Named, value_of
from connectors.imports.products.reading import (
    Context,
    Reader,
    an_id,
    check_interval,
    client_of,
    currency_or_chosen,
    duration,
    flag,
    hours_stated,
    moment,
    named,
    needed,
    note_of,
    optional,
    project_named,
    readable,
)
from connectors.imports.said import Row


def read(row: Row, context: Context) -> ExportRow:
    person = Named(
        named(needed(row, "Email", "name the person"), row, "Email").id, row.cells["User"] or row.cells["Email"]
    )
    start = moment(row, "Start date", "Start time", context)
    hours = duration(row, "Duration", context)
    check_interval(row, ("End date", "End time"), start, hours, context)
    client = client_of(row, "Client", context)
    project = project_named(client, row, "Project")
    billable = flag(row, "Billable", absent=False)
    currency = currency_or_chosen(None, row, "Billable", context)
    rate = context.choices.rate if billable else None
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
        amount=value_of(hours, rate, currency),
        cost_rate=context.choices.cost_rate,
        key=(person.id, start.isoformat()),
        has_vendor_id=False,
        changed_at=None,
        is_approved=True,
        cells=row.cells,
    )


def quantities(row: Row, context: Context) -> tuple[Decimal | None, Decimal | None, str]:
    return readable(lambda: hours_stated(row, "Duration", context)), None, context.choices.currency or ""


READER = Reader(
    dates=("Start date", "End date"),
    numbers=("Duration",),
    product_of=None,
    read=read,
    quantities=quantities,
)
