"""What the cells of one row of an export say, or `CellFault` with what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from connectors.imports.products.choices import Choices
from connectors.imports.products.export_row import HOURS_MAX, Named
from connectors.imports.products.forms import Forms, read_day, read_duration, read_moment, read_quantity
from connectors.imports.products.product import Product
from connectors.imports.products.solidtime import Beside
from connectors.imports.readings import (
    ISO,
    UnreadableCell,
    decimal_text,
    read_flag,
    read_instant,
    read_whole,
    zone_rules,
)
from connectors.imports.rejections import CellFault, CsvRow
from connectors.imports.said import ID_LENGTH_MAX
from connectors.imports.time_rows import DESCRIPTION_LENGTH_MAX
from domain.money import is_currency
from domain.units import Instant

T = TypeVar("T")

# Of trackers in other languages too.
YES = ("yes", "y", "true", "1", "ja", "oui", "sí", "si", "sì", "sim", "tak", "ano", "はい")
NO = ("no", "n", "false", "0", "nein", "non", "não", "nee", "nej", "nie", "ne", "いいえ")
STOP = "stop the timer that still runs and export again"
# To what reports may round durations, in minutes; a rounded one is a multiple, and less than that from the interval.
_ROUNDING_MINUTES = (1, 5, 6, 10, 12, 15, 30, 60, 240)
# What times without seconds and hours of two decimals leave out.
_WRITTEN_SECONDS = 78


class ReadingContext(NamedTuple):
    """`beside` are the rows of the archive's sibling files, by file and id; `amounts` are the columns that say what rows are worth."""

    product: Product
    forms: Forms
    choices: Choices
    beside: Beside
    amounts: tuple[str, ...] = ()


class RowCells:
    """Of one row, by column; what a product has in a file beside it counts as the column's text."""

    __slots__ = ("context", "row")

    def __init__(self, row: CsvRow, context: ReadingContext) -> None:
        self.row = row
        self.context = context

    def text(self, column: str | None) -> str:
        """Nothing where the column or the cell is not there."""
        if column is None:
            return ""
        beside = self.context.product.beside.get(column)
        return self.row.cells.get(column, "") if beside is None else beside(self.row.cells, self.context.beside)

    def fault(self, column: str, reason: str) -> CellFault:
        return CellFault(column, self.row.cells.get(column, ""), reason)

    def needed(self, column: str, to_do: str) -> str:
        if text := self.text(column):
            return text
        raise CellFault(column, "", f"nothing is there; {to_do}")

    def said(self, column: str, read: Callable[[str], T]) -> T:
        text = self.text(column)
        try:
            return read(text)
        except UnreadableCell as fault:
            raise CellFault(column, text, str(fault)) from None

    def an_id(self, text: str, column: str) -> str:
        if len(text) > ID_LENGTH_MAX:
            raise self.fault(column, f"expected at most {ID_LENGTH_MAX} characters in all")
        return text

    def named(self, text: str, column: str) -> Named:
        """By the name in the file beside, where the text is an id of it."""
        return Named(self.an_id(text, column), self.name(text, column))

    def name(self, text: str, column: str) -> str:
        file = self.context.product.names.get(column, "")
        return self.context.beside.get(file, {}).get(text, {}).get("name") or text

    def flag(self, column: str | None) -> bool:
        """No where nothing is there."""
        if column is None or not self.text(column):
            return False
        try:
            return read_flag(self.text(column), YES, NO)
        except UnreadableCell:
            raise self.fault(column, "expected Yes or No; correct it, or export again in English") from None

    def quantity(self, column: str | None) -> Decimal | None:
        """None where the column or the cell is not there."""
        if column is None or not self.text(column):
            return None
        return self.said(column, lambda text: read_quantity(text, self.context.forms.decimal))

    def cents(self, column: str) -> Decimal | None:
        if not (text := self.text(column)):
            return None
        try:
            return Decimal(read_whole(text)) / 100
        except UnreadableCell:
            title = self.context.product.title
            reason = f"expected a rate in cents, a whole number; correct it in {title}"
            raise CellFault(column, text, reason) from None

    def hours(self, column: str) -> Decimal:
        """As stated, in no range yet."""
        self.needed(column, "stop the timer if it still runs, or give the entry hours, and export again")
        return self.said(column, lambda text: read_duration(text, self.context.forms.decimal))

    def in_range(self, hours: Decimal, column: str) -> Decimal:
        if hours < 0:
            raise self.fault(column, "expected hours that are not negative; correct the entry")
        if hours > HOURS_MAX:
            got = f"expected at most {HOURS_MAX} hours in one entry, got {decimal_text(hours)}"
            raise self.fault(column, f"{got}; split it by day")
        return hours

    def currency(self, code: str | None, column: str) -> str:
        """Where the row says none, that of the choices."""
        code = code or self.context.choices.rows_currency
        if not code:
            raise self.fault(column, "its amount has no currency in the file; say it with --currency")
        if not is_currency(code):
            shown = self.row.cells.get(column, code)
            raise CellFault(column, shown, "expected a currency of ISO 4217, such as EUR; correct it")
        return code

    def note(self, column: str) -> str | None:
        """On one line, for it is printed on one of a statement."""
        return " ".join(self.text(column).split())[:DESCRIPTION_LENGTH_MAX] or None

    def day(self, column: str) -> date:
        self.needed(column, "give the entry a date and export again")
        return self.said(column, lambda text: read_day(text, self.context.forms.date_order))

    def moment(self, columns: Sequence[str]) -> datetime:
        """By the clock on the wall, of a date and a time."""
        day = self.day(columns[0])
        self.needed(columns[1], "give the entry its time and export again")
        return self.said(columns[1], lambda text: read_moment(day, text))

    def instant(self, column: str, to_do: str) -> Instant:
        self.needed(column, to_do)
        return self.said(column, _with_offset)

    def check_interval(self, ends: Sequence[str], start: datetime, hours: Decimal) -> None:
        """An end before the start, or a duration that is of another entry, is nothing that can be billed.

        Of a night in which clocks change the time that passed counts, or that of the clocks: a tracker may show either.
        """
        if not self.row.cells.keys() >= {*ends}:
            return
        for column in reversed(ends):
            self.needed(column, STOP)
        apart = [seconds for seconds in self._seconds_apart(start, self.moment(ends)) if seconds >= 0]
        shown = " ".join(map(self.text, ends))
        if not apart:
            raise CellFault(ends[1], shown, "expected an end that is not before the start; correct the entry")
        if not any(_is_rounded(Decimal(seconds), hours * 3600) for seconds in apart):
            reason = f"start and end are {apart[0] // 60} minutes apart, and its hours are others; correct the entry"
            raise CellFault(ends[1], shown, reason)

    def _seconds_apart(self, start: datetime, end: datetime) -> list[int]:
        """As the clocks on the wall have it, then as time passes in the zone; an hour that these clocks show twice is either."""
        zone = zone_rules(self.context.choices.zone)
        starts, ends = (
            [each.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)] for each in (start, end)
        )
        passed = (last - first for first in starts for last in ends)
        return list(dict.fromkeys(int(each.total_seconds()) for each in (end - start, *passed)))


def _with_offset(text: str) -> Instant:
    """Without one it would be nobody's time."""
    try:
        is_nobodys = datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        raise UnreadableCell("expected an instant such as 2026-03-02T08:00:00Z") from None
    if is_nobodys:
        raise UnreadableCell("expected an instant with its offset, such as 2026-03-02T08:00:00Z; export again")
    return read_instant(text, (ISO,), "UTC")


def _is_rounded(interval: Decimal, duration: Decimal) -> bool:
    """Seconds. Whether the duration is the interval's, exactly or rounded."""
    apart = abs(interval - duration)
    steps = (60 * minutes for minutes in _ROUNDING_MINUTES)
    return apart <= _WRITTEN_SECONDS or any(
        apart < step and min(duration % step, step - duration % step) <= _WRITTEN_SECONDS for step in steps
    )
