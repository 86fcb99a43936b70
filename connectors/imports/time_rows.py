"""A row of a time export as `TimeApproved`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import NamedTuple, cast

from connectors.decode_error import DecodeError
from connectors.imports.cells import TextCell, label_of
from connectors.imports.checked import fault_of_time
from connectors.imports.mapping import ContractsWritten, ImportMapping, TimeFields
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
from connectors.imports.rejections import CellFault, CsvRow
from connectors.imports.said import (
    content_in,
    currency_in,
    date_in,
    dimensions_in,
    flag_in,
    hours_in,
    id_in,
    instant_in,
    number_in,
    readable,
    required,
    text_in,
)
from domain.reference.zones import local_date
from domain.units import Instant

DESCRIPTION_LENGTH_MAX = 500
AHEAD = "the work is of a day after today, {today}; correct the date, or say --allow-future if it is meant"
# The fields of the event as a file has them.
_ORDER = (
    "type occurred_at source engagement_id project_id correlation_id entry_id version person_id role line_id task description"
    " worked_on started_at ended_at zone hours seconds billable billed_elsewhere billable_hours overtime rate rate_approved_by"
    " submitted_by approved_by approved_at dimensions"
).split()
# Read apart, or only beside another one.
_APART = ("entry_id", "started_at", "ended_at", "worked_on", "hours", "invoiced", "rate_approved_by")


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


def read_time(
    row: CsvRow, entry_id: str, mapped: ImportMapping, wanted: TimeWanted, billed_here: Collection[str]
) -> WorkedTime:
    """What the row says, or `CellFault` with the column that does not say it.

    `billed_here` are entries that were imported to be billed, and stay so when they are invoiced.
    """
    fields, form, zone = mapped.time, mapped.file, mapped.zone
    started, interval = _from_to(row, mapped)
    worked_on = date_in(fields.worked_on, row, form)
    hours = hours_in(fields.hours, row, form)
    if worked_on is None and interval is None:
        required(None, fields.worked_on or fields.started_at, "worked_on")
    if hours is None and interval is None:
        required(None, fields.hours or fields.ended_at, "hours")
    day = worked_on or local_date(started or 0, zone)
    today = local_date(wanted.now, zone)
    if day > today and not wanted.allow_future:
        cell = fields.worked_on or fields.started_at
        raise CellFault(label_of(cell), day.isoformat(), AHEAD.format(today=today))
    known_at = (instant_in(cell, row, form, zone) for cell in (fields.occurred_at, fields.approved_at))
    occurred_at = min(next((at for at in known_at if at is not None), end_of_day(day, zone)), wanted.now)
    said: dict[str, object] = {"type": "TimeApproved", "source": mapped.source, "entry_id": entry_id}
    said |= content_in(fields, row, mapped, but=_APART)
    said["occurred_at"] = instant_text(occurred_at)
    said["dimensions"] = dimensions_in(fields.dimensions, row)
    said["description"] = str(said.get("description") or "")[:DESCRIPTION_LENGTH_MAX] or None
    seconds = said["seconds"] = _seconds(fields, hours)
    said["worked_on"] = None if worked_on is None else worked_on.isoformat()
    said["hours"] = None if hours is None else decimal_text(hours)
    if interval is not None and started is not None:
        said |= {"started_at": instant_text(started), "ended_at": instant_text(started + interval)}
        said["zone"] = zone if "zone" in mapped.model_fields_set else None
    if said.get("rate") is not None:
        said["rate_approved_by"] = id_in(fields.rate_approved_by, row)
    is_invoiced = said.get("billable") is not False and bool(flag_in(fields.invoiced, row, form))
    elsewhere = is_invoiced and not wanted.bill_invoiced and entry_id not in billed_here
    if elsewhere:
        said |= {"billable": False, "billed_elsewhere": True}
    event = {name: said[name] for name in _ORDER if said.get(name) is not None}
    if fault := fault_of_time(event):
        raise fault_of_cell(getattr(fields, fault.field_path, None), row, fault)
    worked = hours_of(interval or 0) if hours is None else hours
    exact = Fraction(worked) if hours is not None else Fraction(interval or 0, MICROSECONDS_AN_HOUR)
    return WorkedTime(
        entry_id=entry_id,
        version=cast(int, said["version"]),
        project_id=str(said["project_id"]),
        person_id=str(said["person_id"]),
        role=cast(str | None, said.get("role")),
        day=day,
        hours=worked,
        exact_hours=exact if seconds is None else Fraction(seconds, 3600),
        occurred_at=occurred_at,
        event=event,
        billed_elsewhere=elsewhere,
    )


def fault_of_cell(cell: object, row: CsvRow, fault: DecodeError) -> CellFault:
    """By the column that the field comes from; by the field where it comes from none."""
    if not isinstance(cell, TextCell):
        return CellFault("", "", str(fault))
    return CellFault(cell.label(), readable(lambda: text_in(cell, row) or "") or "", fault.reason)


def worth(row: CsvRow, mapped: ImportMapping) -> tuple[Decimal | None, Decimal | None, str]:
    """Hours, hours x rate and currency as far as a row says them."""
    fields, form, contracts = mapped.time, mapped.file, mapped.write.contracts
    hours = readable(lambda: _hours(row, mapped))
    priced = readable(lambda: hours_in(fields.billable_hours, row, form))
    priced = hours if priced is None else priced
    rate = readable(lambda: number_in(fields.rate, row, form))
    if rate is None and contracts is not None:
        rate = _agreed(row, mapped, contracts)
        rate = readable(lambda: number_in(contracts.rate, row, form)) if rate is None else rate
    currency = readable(lambda: currency_in(contracts.currency, row)) if contracts else None
    if priced is None or rate is None:
        return hours, None, ""
    value = exact_value_of if priced is hours and _seconds(fields, hours) is not None else value_of
    return hours, value(priced, rate, currency) if currency else priced * rate, currency or ""


def _agreed(row: CsvRow, mapped: ImportMapping, contracts: ContractsWritten) -> Decimal | None:
    """That of the rates for some of the work which the contract line gives the row (R5)."""
    fields, people = mapped.time, mapped.write.people
    if not contracts.rates:
        return None
    cells = (fields.task, fields.person_id, fields.role, None if people is None else people.role)
    task, person_id, role, usual = (readable(partial(id_in, cell, row)) for cell in cells)
    return rate_for(contracts.stated_rates, LAST_DATE, task=task, person_id=person_id, role=role or usual)


def _hours(row: CsvRow, mapped: ImportMapping) -> Decimal | None:
    """As the row states them, else from start to end."""
    stated = hours_in(mapped.time.hours, row, mapped.file)
    if stated is not None:
        return stated
    _, interval = _from_to(row, mapped)
    return None if interval is None else hours_of(interval)


def _from_to(row: CsvRow, mapped: ImportMapping) -> tuple[Instant | None, Instant | None]:
    """Its start, and the time to its end where the row has both."""
    cells = mapped.time.started_at, mapped.time.ended_at
    started, ended = (instant_in(cell, row, mapped.file, mapped.zone) for cell in cells)
    if started is None or ended is None:
        return started, None
    if ended < started and cells[1] is not None:
        shown = text_in(cells[1], row) or ""
        raise CellFault(cells[1].label(), shown, "expected an end that is not before the start")
    return started, ended - started


def _seconds(fields: TimeFields, hours: Decimal | None) -> int | None:
    """Of hours that the file gives as a clock, in minutes or in seconds; what it gives in hours is taken as it is."""
    return None if hours is None or fields.hours is None or fields.hours.unit == "hours" else seconds_of(hours)
