"""Harvest's detailed time report.

It has no entry id. Equal work of one person on one day is told apart by its note, and by a count where the notes are
equal too. Where the account rounds, "Hours Rounded" is what it bills, and "Hours" what was worked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from connectors.imports.products.export_row import ExportRow, Named
from connectors.imports.products.product import APPROVED, ROUNDED
from connectors.imports.products.reading import (
    Context,
    Reader,
    amount_of,
    an_id,
    client_of,
    currency_or_chosen,
    day_in,
    duration,
    flag,
    hours_stated,
    is_invoiced,
    named,
    needed,
    note_of,
    optional,
    project_named,
    quantity,
    rate_of,
    readable,
)
from connectors.imports.said import CellFault, Row

_CODE = re.compile(r"(?:^|[^A-Za-z])([A-Z]{3})$")


def read(row: Row, context: Context) -> ExportRow:
    client = client_of(row, "Client", context)
    project = _project(client, row)
    person = _person(row)
    day = day_in(row, "Date", context)
    hours = duration(row, "Hours", context)
    billed_hours = duration(row, ROUNDED, context) if row.cells.get(ROUNDED) else hours
    needed(row, "Billable?", "say Yes or No, and export again")
    billable = flag(row, "Billable?", absent=False)
    currency = _currency(row, context)
    rate = rate_of(row, "Billable Rate", billable, context)
    cost_rate = quantity(row, "Cost Rate", context)
    note = note_of(row, "Notes")
    task = optional(row, "Task")
    return ExportRow(
        line=row.line,
        client=client,
        project=project,
        person=person,
        role=_role(row, context),
        task=None if task is None else an_id(task, row, "Task"),
        note=note,
        day=day,
        hours=hours,
        billable=billable,
        rate=rate,
        stated_rate=rate,
        currency=currency,
        amount=amount_of(row, "Billable Amount", billed_hours, rate, currency, context),
        cost_rate=cost_rate,
        key=key(row, context),
        has_vendor_id=False,
        changed_at=None,
        is_approved=flag(row, APPROVED, absent=False) if APPROVED in row.cells else None,
        cells=row.cells,
        billed_hours=None if billed_hours == hours or not billable else billed_hours,
        billed_elsewhere=is_invoiced(row, "Invoiced?", billable, context),
    )


def key(row: Row, context: Context) -> tuple[str, ...]:
    """All that is known of an entry but its hours and price."""
    return (
        day_in(row, "Date", context).isoformat(),
        client_of(row, "Client", context).id,
        row.cells["Project"],
        _person(row).id,
        optional(row, "Task") or "",
        note_of(row, "Notes") or "",
    )


def quantities(row: Row, context: Context) -> tuple[Decimal | None, Decimal | None, str]:
    hours = readable(lambda: hours_stated(row, "Hours", context))
    amount = readable(lambda: quantity(row, "Billable Amount", context))
    return hours, amount, readable(lambda: _currency(row, context)) or ""


def reader(header: Sequence[str]) -> Reader:
    return Reader(
        dates=("Date",),
        numbers=("Hours", ROUNDED, "Billable Rate", "Billable Amount", "Cost Rate", "Cost Amount"),
        product_of=(ROUNDED if ROUNDED in header else "Hours", "Billable Rate", "Billable Amount"),
        read=read,
        quantities=quantities,
        key=key,
    )


def _project(client: Named, row: Row) -> Named:
    by_name = project_named(client, row, "Project")
    code = optional(row, "Project Code")
    return by_name if code is None else Named(an_id(code, row, "Project Code"), by_name.name)


def _person(row: Row) -> Named:
    name = f"{row.cells['First Name']} {row.cells['Last Name']}".strip()
    if not name:
        needed(row, "First Name", "name the person in Harvest and export again")
    return named(name, row, "First Name")


def _role(row: Row, context: Context) -> str:
    """The first of several."""
    roles = [role.strip() for role in row.cells.get("Roles", "").split(",")]
    return an_id(roles[0] or context.choices.role, row, "Roles")


def _currency(row: Row, context: Context) -> str:
    text = row.cells.get("Currency", "")
    match = _CODE.search(text)
    if text and match is None:
        raise CellFault("Currency", text, "expected a currency such as Euro - EUR; correct it at the client")
    return currency_or_chosen(match[1] if match else None, row, "Currency", context)
