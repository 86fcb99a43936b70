"""A row of a time export as `TimeApproved`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeVar

from connectors.decode_error import DecodeError
from connectors.imports.cells import TextCell
from connectors.imports.checked import fault_of
from connectors.imports.mapping import ImportMapping, MappedRate, TimeFields
from connectors.imports.priced import exact_value_of, seconds_of, value_of
from connectors.imports.products.rates import rate_for
from connectors.imports.readings import (
    LAST_DATE,
    MICROSECONDS_AN_HOUR,
    decimal_text,
    end_of_day,
    hours_of,
    instant_text,
)
from connectors.imports.said import (
    CellFault,
    CsvRow,
    currency_in,
    date_in,
    flag_in,
    hours_in,
    id_in,
    instant_in,
    number_in,
    readable,
    required,
    text_in,
    version_in,
)
from domain.reference.zones import local_date
from domain.units import Instant

T = TypeVar("T")

DESCRIPTION_LENGTH_MAX = 500


class WorkedTime(NamedTuple):
    """One entry; `event` is its JSON form, still without `event_id`. `exact_hours` are 1:10 where `hours` are 1.166667."""

    entry_id: str
    version: int
    project_id: str
    person_id: str
    role: str | None
    day: date
    hours: Decimal
    exact_hours: Fraction
    occurred_at: Instant
    event: dict[str, object]
    billed_elsewhere: bool


class TimeWanted(NamedTuple):
    """How to import. Nothing is known later than `now`; work after its day is refused, unless `allow_future`."""

    now: Instant
    allow_future: bool = False
    bill_invoiced: bool = False
    is_dry_run: bool = False


def read_time(
    row: CsvRow, entry_id: str, mapped: ImportMapping, wanted: TimeWanted, billed_here: Collection[str]
) -> WorkedTime:
    """`billed_here` are entries that were imported to be billed, and stay so when they are invoiced.

    What the row says, or `CellFault` with the column that does not say it; long, because it names every field of the event.
    """
    fields, form, zone = mapped.time, mapped.file, mapped.zone
    started = instant_in(fields.started_at, row, form, zone)
    ended = instant_in(fields.ended_at, row, form, zone)
    worked_on = date_in(fields.worked_on, row, form)
    hours = hours_in(fields.hours, row, form)
    interval = _interval(started, ended, fields, row)
    if worked_on is None and interval is None:
        required(None, fields.worked_on or fields.started_at, "worked_on")
    if hours is None and interval is None:
        required(None, fields.hours or fields.ended_at, "hours")
    day = worked_on or local_date(started or 0, zone)
    today = local_date(wanted.now, zone)
    if day > today and not wanted.allow_future:
        cell = fields.worked_on or fields.started_at
        reason = f"the work is of a day after today, {today}; correct the date, or say --allow-future if it is meant"
        raise CellFault(cell.label() if cell else "", day.isoformat(), reason)
    approved_at = instant_in(fields.approved_at, row, form, zone)
    occurred_at = instant_in(fields.occurred_at, row, form, zone)
    if occurred_at is None:
        occurred_at = end_of_day(day, zone) if approved_at is None else approved_at
    occurred_at = min(occurred_at, wanted.now)
    billable = flag_in(fields.billable, row, form)
    is_invoiced = billable is not False and bool(flag_in(fields.invoiced, row, form))
    elsewhere = is_invoiced and not wanted.bill_invoiced and entry_id not in billed_here
    version = required(version_in(fields.version, row, zone), fields.version, "version")
    project_id = required(id_in(fields.project_id, row), fields.project_id, "project_id")
    person_id = required(id_in(fields.person_id, row), fields.person_id, "person_id")
    role = id_in(fields.role, row)
    rate = number_in(fields.rate, row, form)
    event: dict[str, object | None] = {
        "type": "TimeApproved",
        "occurred_at": instant_text(occurred_at),
        "source": mapped.source,
        "engagement_id": id_in(fields.engagement_id, row),
        "project_id": project_id,
        "correlation_id": id_in(fields.correlation_id, row),
        "entry_id": entry_id,
        "version": version,
        "person_id": person_id,
        "role": role,
        "line_id": id_in(fields.line_id, row),
        "task": id_in(fields.task, row),
        "description": _description(text_in(fields.description, row)),
        "worked_on": worked_on.isoformat() if worked_on else None,
        "started_at": instant_text(started) if interval is not None and started is not None else None,
        "ended_at": instant_text(ended) if interval is not None and ended is not None else None,
        "zone": zone if interval is not None and "zone" in mapped.model_fields_set else None,
        "hours": None if hours is None else decimal_text(hours),
        "seconds": _seconds(fields, hours),
        "billable": False if elsewhere else billable,
        "billed_elsewhere": elsewhere or None,
        "billable_hours": _optional_decimal(hours_in(fields.billable_hours, row, form)),
        "overtime": flag_in(fields.overtime, row, form),
        "rate": _optional_decimal(rate),
        "rate_approved_by": None if rate is None else id_in(fields.rate_approved_by, row),
        "submitted_by": id_in(fields.submitted_by, row),
        "approved_by": required(id_in(fields.approved_by, row), fields.approved_by, "approved_by"),
        "approved_at": None if approved_at is None else instant_text(approved_at),
        "dimensions": dimensions_in(fields.dimensions, row),
    }
    stated = {name: value for name, value in event.items() if value is not None}
    fault = fault_of(stated)
    if fault:
        raise fault_of_cell(getattr(fields, fault.field_path, None), row, fault)
    worked = _counted(hours, interval)
    exact = _exact(worked, hours, interval, _seconds(fields, hours))
    return WorkedTime(
        entry_id, version, project_id, person_id, role, day, worked, exact, occurred_at, stated, elsewhere
    )


def fault_of_cell(cell: object, row: CsvRow, fault: DecodeError) -> CellFault:
    """By the column that the field comes from; by the field where it comes from none."""
    if not isinstance(cell, TextCell):
        return CellFault("", "", str(fault))
    return CellFault(cell.label(), readable(lambda: text_in(cell, row) or "") or "", fault.reason)


def worth(row: CsvRow, mapped: ImportMapping) -> tuple[Decimal | None, Decimal | None, str]:
    """Hours, hours x rate and currency as far as a row says them."""
    fields, form = mapped.time, mapped.file
    hours = readable(lambda: _hours(row, mapped))
    priced = readable(lambda: hours_in(fields.billable_hours, row, form))
    priced = hours if priced is None else priced
    contracts = mapped.write.contracts
    rate = readable(lambda: number_in(fields.rate, row, form))
    if rate is None and contracts is not None:
        rate = _agreed(row, mapped, contracts.rates)
        rate = readable(lambda: number_in(contracts.rate, row, form)) if rate is None else rate
    currency = readable(lambda: currency_in(contracts.currency, row)) if contracts else None
    if priced is None or rate is None:
        return hours, None, ""
    exact = priced is hours and _seconds(fields, hours) is not None
    value = exact_value_of if exact else value_of
    return hours, value(priced, rate, currency) if currency else priced * rate, currency or ""


def _agreed(row: CsvRow, mapped: ImportMapping, rates: Sequence[MappedRate]) -> Decimal | None:
    """That of the rates for some of the work which the contract line gives the row (R5)."""
    fields, people = mapped.time, mapped.write.people
    task = readable(lambda: id_in(fields.task, row))
    person_id = readable(lambda: id_in(fields.person_id, row))
    role = readable(lambda: id_in(fields.role, row))
    if role is None and people is not None:
        role = readable(lambda: id_in(people.role, row))
    return rate_for((each.model_dump() for each in rates), LAST_DATE, task=task, person_id=person_id, role=role)


def _hours(row: CsvRow, mapped: ImportMapping) -> Decimal | None:
    """As the row states them, else from start to end."""
    fields, form = mapped.time, mapped.file
    stated = hours_in(fields.hours, row, form)
    if stated is not None:
        return stated
    started, ended = (instant_in(cell, row, form, mapped.zone) for cell in (fields.started_at, fields.ended_at))
    interval = _interval(started, ended, fields, row)
    return None if interval is None else _counted(None, interval)


def dimensions_in(cells: Mapping[str, TextCell], row: CsvRow) -> dict[str, str] | None:
    stated = {name: text for name, cell in cells.items() if (text := text_in(cell, row)) is not None}
    return stated or None


def _interval(started: Instant | None, ended: Instant | None, fields: TimeFields, row: CsvRow) -> Instant | None:
    """Its length; None where the row has no start or no end."""
    if started is None or ended is None:
        return None
    if ended < started and fields.ended_at is not None:
        raise CellFault(
            fields.ended_at.label(), text_in(fields.ended_at, row) or "", "expected an end that is not before the start"
        )
    return ended - started


def _counted(hours: Decimal | None, interval: Instant | None) -> Decimal:
    if hours is not None:
        return hours
    return hours_of(interval or 0)


def _exact(worked: Decimal, hours: Decimal | None, interval: Instant | None, seconds: int | None) -> Fraction:
    if seconds is not None:
        return Fraction(seconds, 3600)
    return Fraction(worked) if hours is not None else Fraction(interval or 0, MICROSECONDS_AN_HOUR)


def _seconds(fields: TimeFields, hours: Decimal | None) -> int | None:
    """Of hours that the file gives as a clock, in minutes or in seconds; what it gives in hours is taken as it is."""
    return None if hours is None or fields.hours is None or fields.hours.unit == "hours" else seconds_of(hours)


def _optional_decimal(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


def _description(text: str | None) -> str | None:
    """Longer ones are cut; a long note is no reason to lose the time."""
    return text[:DESCRIPTION_LENGTH_MAX] if text else None
