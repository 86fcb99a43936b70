"""solidtime's archive of an organisation: time entries with ids, names and rates in the files beside them.

An entry without a rate of its own has that of its project's member, project, member or organisation, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from connectors.imports.priced import exact_value_of
from connectors.imports.products.export_row import ExportRow, Named
from connectors.imports.products.reading import (
    STOP,
    NotWork,
    Reader,
    ReadingContext,
    currency_or_chosen,
    flag,
    hours_in_range,
    named,
    needed,
    note_of,
    optional,
    said,
)
from connectors.imports.readings import ISO, UnreadableCell, hours_of, read_instant, read_whole
from connectors.imports.said import CellFault, CsvRow, readable
from domain.reference.zones import local_date
from domain.units import Instant

SIBLINGS = ("clients", "projects", "project_members", "members", "tasks", "organizations")

_ORGANISATION = "organization_id"


def read(row: CsvRow, context: ReadingContext) -> ExportRow:
    kind = row.cells.get("type", "")
    if kind.casefold() == "break":
        raise NotWork("type", kind)
    entry_id = named(needed(row, "id", "an entry without id cannot be told from others; export again"), row, "id").id
    start = _instant(row, "start", "give the entry its start")
    hours = hours_in_range(_hours(row, start), row, "end")
    client, project = _client(row, context), _project(row, context)
    member = _named(row, "member_id", "members", context)
    billable = flag(row, "billable")
    currency = _currency(row, context)
    rate = _rate(row, context) if billable else None
    task = optional(row, "task_id")
    changed_at = row.cells["updated_at"]
    return ExportRow(
        line=row.line,
        client=client,
        project=project,
        person=member,
        role=context.choices.role,
        task=None if task is None else _name("tasks", task, context),
        note=note_of(row, "description"),
        day=local_date(start, context.choices.zone),
        hours=hours,
        billable=billable,
        rate=rate,
        stated_rate=rate,
        currency=currency,
        amount=exact_value_of(hours, rate, currency),
        cost_rate=None,
        key=(entry_id,),
        has_vendor_id=True,
        changed_at=_instant(row, "updated_at", "export again") // 1000 if changed_at else None,
        is_approved=None,
        cells=row.cells,
    )


def key(row: CsvRow, _context: ReadingContext) -> tuple[str, ...]:
    return (needed(row, "id", "export again"),)


def quantities(row: CsvRow, context: ReadingContext) -> tuple[Decimal | None, Decimal | None, str]:
    hours = readable(lambda: _hours(row, _instant(row, "start", "give the entry its start")))
    return hours, None, readable(lambda: _currency(row, context)) or ""


READER = Reader(dates=(), numbers=(), product_of=(), read=read, quantities=quantities, key=key)


def _instant(row: CsvRow, column: str, to_do: str) -> Instant:
    needed(row, column, to_do)
    return said(row, column, _utc)


def _utc(text: str) -> Instant:
    """In UTC, as the archive writes it; without an offset it would be nobody's time."""
    try:
        if datetime.fromisoformat(text).tzinfo is None:
            raise UnreadableCell("expected an instant with its offset, such as 2026-03-02T08:00:00Z; export again")
    except ValueError as fault:
        if isinstance(fault, UnreadableCell):
            raise
        raise UnreadableCell("expected an instant such as 2026-03-02T08:00:00Z") from None
    return read_instant(text, (ISO,), "UTC")


def _hours(row: CsvRow, start: Instant) -> Decimal:
    return hours_of(_instant(row, "end", STOP) - start)


def _rate(row: CsvRow, context: ReadingContext) -> Decimal | None:
    own = _cents(row.cells["billable_rate"])
    if own is not None:
        return own
    project, member = row.cells["project_id"], row.cells["member_id"]
    members = context.names.get("project_members", {}).values()
    places: list[Mapping[str, str]] = [
        *(each for each in members if (each.get("project_id"), each.get("member_id")) == (project, member)),
        context.names.get("projects", {}).get(project, {}),
        context.names.get("members", {}).get(member, {}),
        _organisation(row, context),
    ]
    rates = (_cents(place.get("billable_rate", "")) for place in places)
    return next((rate for rate in rates if rate is not None), None)


def _cents(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        return Decimal(read_whole(text)) / 100
    except UnreadableCell:
        raise CellFault(
            "billable_rate", text, "expected a rate in cents, a whole number; correct it in solidtime"
        ) from None


def _currency(row: CsvRow, context: ReadingContext) -> str:
    return currency_or_chosen(_organisation(row, context).get("currency") or None, row, _ORGANISATION, context)


def _organisation(row: CsvRow, context: ReadingContext) -> Mapping[str, str]:
    """The row's own; nothing where the archive's file is not there."""
    organisations = context.names.get("organizations", {})
    organisation_id = row.cells.get(_ORGANISATION, "")
    if not organisations:
        return {}
    if not organisation_id and len(organisations) == 1:
        return next(iter(organisations.values()))
    if organisation_id not in organisations:
        raise CellFault(
            _ORGANISATION,
            organisation_id,
            "expected an organisation of organizations.csv, which has its currency and rate; export both again together",
        )
    return organisations[organisation_id]


def _client(row: CsvRow, context: ReadingContext) -> Named:
    """By the project, for entries made before it had a client carry none."""
    project = context.names.get("projects", {}).get(row.cells["project_id"], {})
    client_id = row.cells["client_id"] or project.get("client_id", "")
    if client_id:
        return Named(client_id, _name("clients", client_id, context))
    if context.choices.client:
        return Named(context.choices.client, context.choices.client)
    raise CellFault("client_id", "", "nothing is there; give the project a client, or say --client for such rows")


def _project(row: CsvRow, context: ReadingContext) -> Named:
    return _named(row, "project_id", "projects", context, "give the entry a project and export again")


def _named(row: CsvRow, column: str, file: str, context: ReadingContext, to_do: str = "export again") -> Named:
    entity_id = needed(row, column, to_do)
    return Named(named(entity_id, row, column).id, _name(file, entity_id, context))


def _name(file: str, entity_id: str, context: ReadingContext) -> str:
    """The id itself where the archive's file is not there."""
    return context.names.get(file, {}).get(entity_id, {}).get("name") or entity_id
