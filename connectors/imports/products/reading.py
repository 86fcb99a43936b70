"""What the readers of the products share: cells that must be there, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from connectors.imports.priced import exact_value_of
from connectors.imports.products.choices import Choices
from connectors.imports.products.export_row import HOURS_MAX, ExportRow, Named
from connectors.imports.products.forms import Forms, read_day, read_duration, read_moment, read_quantity
from connectors.imports.readings import UnreadableCell, decimal_text, read_flag, zone_rules
from connectors.imports.said import ID_LENGTH_MAX, CellFault, CsvRow
from connectors.imports.time_rows import DESCRIPTION_LENGTH_MAX
from domain.money import is_currency

T = TypeVar("T")

RATE_DECIMALS = 6
# Of trackers in other languages too.
YES = ("yes", "y", "true", "1", "ja", "oui", "sí", "si", "sì", "sim", "tak", "ano", "はい")
NO = ("no", "n", "false", "0", "nein", "non", "não", "nee", "nej", "nie", "ne", "いいえ")
STOP = "stop the timer that still runs and export again"
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


class ReadingContext(NamedTuple):
    """`names` are of the archive's sibling files, by file and id; `amounts` are the columns that say what rows are worth."""

    header: tuple[str, ...]
    forms: Forms
    choices: Choices
    names: Mapping[str, Mapping[str, Mapping[str, str]]]
    amounts: tuple[str, ...] = ()


class Reader(NamedTuple):
    """How one product's rows are read. `dates` and `numbers` settle the forms.

    `product_of` are hours, rate and amount, where the export has all three. `amounts` are columns of amounts from which
    rates follow, used where any row has one.

    `quantities` gives hours and amount for the sums of rows that cannot be taken; None what cannot be read. `key` is
    what `read` takes for the row's key; it raises CellFault where that cannot be read.
    """

    dates: tuple[str, ...]
    numbers: tuple[str, ...]
    product_of: tuple[str, ...]
    read: Callable[[CsvRow, ReadingContext], ExportRow]
    quantities: Callable[[CsvRow, ReadingContext], tuple[Decimal | None, Decimal | None, str]]
    key: Callable[[CsvRow, ReadingContext], tuple[str, ...]]
    amounts: tuple[str, ...] = ()


def needed(row: CsvRow, column: str, to_do: str) -> str:
    text = row.cells.get(column, "")
    if not text:
        raise CellFault(column, "", f"nothing is there; {to_do}")
    return text


def optional(row: CsvRow, column: str | None) -> str | None:
    return None if column is None else row.cells.get(column) or None


def said(row: CsvRow, column: str, read: Callable[[str], T]) -> T:
    text = row.cells.get(column, "")
    try:
        return read(text)
    except UnreadableCell as fault:
        raise CellFault(column, text, str(fault)) from None


def an_id(text: str, row: CsvRow, column: str) -> str:
    if len(text) > ID_LENGTH_MAX:
        raise CellFault(column, row.cells.get(column, ""), f"expected at most {ID_LENGTH_MAX} characters in all")
    return text


def named(text: str, row: CsvRow, column: str) -> Named:
    return Named(an_id(text, row, column), text)


def flag(row: CsvRow, column: str | None) -> bool:
    """No where nothing is there."""
    if column is None or not row.cells.get(column):
        return False
    try:
        return said(row, column, lambda text: read_flag(text, YES, NO))
    except CellFault as fault:
        reason = "expected Yes or No; correct it, or export again in English"
        raise CellFault(column, fault.value, reason) from None


def duration(row: CsvRow, column: str, context: ReadingContext) -> Decimal:
    return hours_in_range(hours_stated(row, column, context), row, column)


def hours_stated(row: CsvRow, column: str, context: ReadingContext) -> Decimal:
    """In no range yet."""
    needed(row, column, "stop the timer if it still runs, or give the entry hours, and export again")
    return said(row, column, lambda text: read_duration(text, context.forms.decimal))


def hours_in_range(hours: Decimal, row: CsvRow, column: str) -> Decimal:
    if hours < 0:
        raise CellFault(column, row.cells[column], "expected hours that are not negative; correct the entry")
    if hours > HOURS_MAX:
        raise CellFault(
            column,
            row.cells[column],
            f"expected at most {HOURS_MAX} hours in one entry, got {decimal_text(hours)}; split it by day",
        )
    return hours


def quantity(row: CsvRow, column: str | None, context: ReadingContext) -> Decimal | None:
    """None where the column or the cell is not there."""
    if column is None or not row.cells.get(column):
        return None
    return said(row, column, lambda text: read_quantity(text, context.forms.decimal))


def rate_giving(amount: Decimal, hours: Decimal, currency: str) -> Decimal | None:
    """The plainest rate an hour that gives the amount: of 118.75 in 1:15 it is 95. None where there are no hours."""
    if not hours:
        return None
    seconds = (hours * 3600).quantize(Decimal(1), ROUND_HALF_UP)
    exact = amount * 3600 / seconds if seconds else amount / hours
    rates = (exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) for decimals in range(RATE_DECIMALS))
    finest = exact.quantize(Decimal(1).scaleb(-RATE_DECIMALS), ROUND_HALF_UP)
    return next((rate for rate in rates if exact_value_of(hours, rate, currency) == amount), finest)


def currency_or_chosen(code: str | None, row: CsvRow, column: str, context: ReadingContext) -> str:
    if code is None:
        code = context.choices.rows_currency
        if code is None:
            raise CellFault(
                column, row.cells.get(column, ""), "its amount has no currency in the file; say it with --currency"
            )
    if not is_currency(code):
        raise CellFault(column, row.cells.get(column, code), "expected a currency of ISO 4217, such as EUR; correct it")
    return code


def note_of(row: CsvRow, column: str) -> str | None:
    """On one line, for it is printed on one of a statement."""
    text = " ".join(row.cells.get(column, "").split())
    return text[:DESCRIPTION_LENGTH_MAX] or None


def check_interval(row: CsvRow, ends: Sequence[str], start: datetime, hours: Decimal, context: ReadingContext) -> None:
    """An end before the start, or a duration that is of another entry, is nothing that can be billed.

    Of a night in which clocks change the time that passed counts, or that of the clocks: a tracker may show either.
    """
    date_column, time_column = ends
    if time_column not in row.cells or date_column not in row.cells:
        return
    needed(row, time_column, STOP)
    needed(row, date_column, STOP)
    end = moment(row, ends, context)
    apart = [seconds for seconds in _seconds_apart(start, end, zone_rules(context.choices.zone)) if seconds >= 0]
    shown = f"{row.cells[date_column]} {row.cells[time_column]}"
    if not apart:
        raise CellFault(time_column, shown, "expected an end that is not before the start; correct the entry")
    if not any(_is_rounded(Decimal(seconds), hours * 3600) for seconds in apart):
        reason = f"start and end are {apart[0] // 60} minutes apart, and its hours are others; correct the entry"
        raise CellFault(time_column, shown, reason)


def _seconds_apart(start: datetime, end: datetime, zone: ZoneInfo) -> list[int]:
    """As the clocks on the wall have it, then as time passes in the zone; an hour that these clocks show twice is either."""
    passed = (
        end.replace(tzinfo=zone, fold=second).astimezone(UTC) - start.replace(tzinfo=zone, fold=first).astimezone(UTC)
        for first in (0, 1)
        for second in (0, 1)
    )
    return list(dict.fromkeys(int(each.total_seconds()) for each in (end - start, *passed)))


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


def day_in(row: CsvRow, column: str, context: ReadingContext) -> date:
    needed(row, column, "give the entry a date and export again")
    return said(row, column, lambda text: read_day(text, context.forms.date_order))


def moment(row: CsvRow, columns: Sequence[str], context: ReadingContext) -> datetime:
    date_column, time_column = columns
    day = day_in(row, date_column, context)
    needed(row, time_column, "give the entry its time and export again")
    return said(row, time_column, lambda text: read_moment(day, text))
