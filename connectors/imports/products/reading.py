"""What the readers of the products share: cells that must be there, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from connectors.imports.products.choices import Choices
from connectors.imports.products.export_row import HOURS_MAX, ExportRow, Named, value_of
from connectors.imports.products.forms import Forms, read_day, read_duration, read_moment, read_quantity
from connectors.imports.readings import Unreadable, read_flag
from connectors.imports.said import ID_LENGTH_MAX, CellFault, Row
from connectors.imports.time_rows import DESCRIPTION_LENGTH_MAX
from domain.money import is_currency

T = TypeVar("T")

YES = ("yes", "y", "true", "1")
NO = ("no", "n", "false", "0")
_STOP = "stop the timer that still runs and export again"
# To what reports may round durations, in minutes; a rounded one is a multiple, and less than that from the interval.
_ROUNDING_MINUTES = (1, 5, 6, 10, 12, 15, 30, 60, 240)
# What times without seconds and hours of two decimals leave out.
_WRITTEN_SECONDS = 78


class NotWork(Exception):
    """A row that records no work, such as a break."""

    def __init__(self, column: str, value: str) -> None:
        super().__init__(column, value)
        self.column = column
        self.value = value


class Context(NamedTuple):
    """`names` are of the archive's sibling files, by file and id."""

    header: tuple[str, ...]
    forms: Forms
    choices: Choices
    names: Mapping[str, Mapping[str, Mapping[str, str]]]


class Reader(NamedTuple):
    """How one product's rows are read. `dates` and `numbers` settle the forms, and `product_of` where columns multiply.

    `quantities` gives hours and amount for the sums of rows that cannot be taken; None what cannot be read.
    """

    dates: tuple[str, ...]
    numbers: tuple[str, ...]
    product_of: tuple[str, str, str] | None
    read: Callable[[Row, Context], ExportRow]
    quantities: Callable[[Row, Context], tuple[Decimal | None, Decimal | None, str]]


def needed(row: Row, column: str, to_do: str) -> str:
    text = row.cells.get(column, "")
    if not text:
        raise CellFault(column, "", f"nothing is there; {to_do}")
    return text


def optional(row: Row, column: str) -> str | None:
    return row.cells.get(column) or None


def said(row: Row, column: str, read: Callable[[str], T]) -> T:
    text = row.cells.get(column, "")
    try:
        return read(text)
    except Unreadable as fault:
        raise CellFault(column, text, str(fault)) from None


def an_id(text: str, row: Row, column: str) -> str:
    if len(text) > ID_LENGTH_MAX:
        raise CellFault(column, row.cells.get(column, ""), f"expected at most {ID_LENGTH_MAX} characters in all")
    return text


def named(text: str, row: Row, column: str) -> Named:
    return Named(an_id(text, row, column), text)


def flag(row: Row, column: str, absent: bool) -> bool:
    if not row.cells.get(column):
        return absent
    try:
        return said(row, column, lambda text: read_flag(text, YES, NO))
    except CellFault as fault:
        raise CellFault(column, fault.value, f"{fault.reason}; correct it, or export again in English") from None


def duration(row: Row, column: str, context: Context) -> Decimal:
    return hours_in_range(hours_stated(row, column, context), row, column)


def hours_stated(row: Row, column: str, context: Context) -> Decimal:
    """In no range yet."""
    needed(row, column, "stop the timer if it still runs, or give the entry hours, and export again")
    return said(row, column, lambda text: read_duration(text, context.forms.decimal))


def hours_in_range(hours: Decimal, row: Row, column: str) -> Decimal:
    if hours < 0:
        raise CellFault(column, row.cells[column], "expected hours that are not negative; correct the entry")
    if hours > HOURS_MAX:
        raise CellFault(column, row.cells[column], f"expected at most {HOURS_MAX} hours in one entry; split it")
    return hours


def quantity(row: Row, column: str | None, context: Context) -> Decimal | None:
    """None where the column or the cell is not there."""
    if column is None or not row.cells.get(column):
        return None
    return said(row, column, lambda text: read_quantity(text, context.forms.decimal))


def rate_of(row: Row, column: str | None, billable: bool, context: Context) -> Decimal | None:
    """A rate not below zero; none for work that is not billable."""
    rate = quantity(row, column, context)
    if column is not None and rate is not None and rate < 0:
        raise CellFault(column, row.cells[column], "expected a rate that is not negative; correct it")
    return rate if billable else None


def amount_of(
    row: Row, column: str | None, hours: Decimal, rate: Decimal | None, currency: str, context: Context
) -> Decimal:
    stated = quantity(row, column, context)
    return value_of(hours, rate, currency) if stated is None else stated


def currency_or_chosen(code: str | None, row: Row, column: str, context: Context) -> str:
    if code is None:
        code = context.choices.rows_currency
        if code is None:
            raise CellFault(column, "", "no currency is known; say it with --currency")
    if not is_currency(code):
        raise CellFault(column, row.cells.get(column, code), "expected a currency of ISO 4217, such as EUR; correct it")
    return code


def client_of(row: Row, column: str, context: Context) -> Named:
    text = row.cells.get(column) or context.choices.client
    if not text:
        raise CellFault(column, "", "nothing is there; give the project a client, or say --client for such rows")
    return named(text, row, column)


def project_named(client: Named, row: Row, column: str) -> Named:
    """Two clients may have a project of one name, so its id has both."""
    name = needed(row, column, "give the entry a project and export again")
    return Named(an_id(f"{client.id}: {name}", row, column), name)


def note_of(row: Row, column: str) -> str | None:
    """On one line, for it is printed on one of a statement."""
    text = " ".join(row.cells.get(column, "").split())
    return text[:DESCRIPTION_LENGTH_MAX] or None


class Columns(NamedTuple):
    """Of an export that knows an entry by its person and start; `rate` and `amount` where it has them."""

    start: tuple[str, str]
    end: tuple[str, str]
    hours: str
    rate: str | None = None
    amount: str | None = None


def start_and_hours(row: Row, columns: Columns, context: Context) -> tuple[datetime, Decimal]:
    start = moment(row, *columns.start, context)
    hours = duration(row, columns.hours, context)
    check_interval(row, columns.end, start, hours, context)
    return start, hours


def tracked(
    row: Row, columns: Columns, person: Named, start: datetime, hours: Decimal, code: str | None, context: Context
) -> ExportRow:
    """`code` is the currency that the export names."""
    client = client_of(row, "Client", context)
    project = project_named(client, row, "Project")
    billable = flag(row, "Billable", absent=False)
    currency = currency_or_chosen(code, row, "Billable", context)
    rate = rate_of(row, columns.rate, billable, context)
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
        stated_rate=rate,
        currency=currency,
        amount=amount_of(row, columns.amount, hours, rate, currency, context),
        cost_rate=None,
        key=(person.id, start.isoformat()),
        has_vendor_id=False,
        changed_at=None,
        is_approved=None,
        cells=row.cells,
    )


def check_interval(row: Row, ends: tuple[str, str], start: datetime, hours: Decimal, context: Context) -> None:
    """An end before the start, or a duration that is of another entry, is nothing that can be billed."""
    date_column, time_column = ends
    if time_column not in row.cells or date_column not in row.cells:
        return
    needed(row, time_column, _STOP)
    needed(row, date_column, _STOP)
    end = moment(row, date_column, time_column, context)
    seconds = int((end - start).total_seconds())
    shown = f"{row.cells[date_column]} {row.cells[time_column]}"
    if seconds < 0:
        raise CellFault(time_column, shown, "expected an end that is not before the start; correct the entry")
    if not _is_rounded(Decimal(seconds), hours * 3600):
        reason = f"start and end are {seconds // 60} minutes apart, and its hours are others; correct the entry"
        raise CellFault(time_column, shown, reason)


def _is_rounded(interval: Decimal, duration: Decimal) -> bool:
    """Seconds. Whether the duration is the interval's, exactly or rounded."""
    apart = abs(interval - duration)
    return apart <= _WRITTEN_SECONDS or any(
        apart < step and _from_multiple(duration, step) <= _WRITTEN_SECONDS
        for step in (60 * minutes for minutes in _ROUNDING_MINUTES)
    )


def _from_multiple(duration: Decimal, step: int) -> Decimal:
    over = duration % step
    return min(over, step - over)


def day_in(row: Row, column: str, context: Context) -> date:
    needed(row, column, "give the entry a date and export again")
    return said(row, column, lambda text: read_day(text, context.forms.date_order))


def moment(row: Row, date_column: str, time_column: str, context: Context) -> datetime:
    day = day_in(row, date_column, context)
    needed(row, time_column, "give the entry its time and export again")
    return said(row, time_column, lambda text: read_moment(day, text))


def readable(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except CellFault:
        return None
