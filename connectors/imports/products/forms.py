"""How one export writes dates and numbers, settled from all of its cells together or asked for, never guessed.

Products write by the settings of an account: `03/04/2026` is a day in March or in April, `1.500` is one and a half or
fifteen hundred. One cell that can be read in a single way (`25/04/2026`, `7,5`) settles it for the file; where hours,
rate and amount stand in a row, so does the one reading in which they multiply. A file without such a cell, or with
cells of both kinds, is refused with the option that decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from connectors.imports.readings import CLOCK, FIRST_DATE, LAST_DATE, UnreadableCell, read_hours, read_number
from connectors.imports.refusals import ImportRefused

DATE_ORDERS = ("dmy", "mdy", "ymd")
DECIMALS = {"point": ".", "comma": ","}

_SHOWN = {"dmy": "day/month/year", "mdy": "month/day/year", "ymd": "year-month-day"}
_EXAMPLES = {"dmy": "31/03/2026", "mdy": "03/31/2026", "ymd": "2026-03-31"}
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")
_SIGNS = "$€£¥₹"
_GROUPS = "'’ \u00a0\u202f\u2009"
_POINT = re.compile(rf"[+-]?(?:[1-9][0-9]{{0,2}}(?:[,{_GROUPS}][0-9]{{3}})+|[0-9]+)?(?:\.[0-9]+)?")
_COMMA = re.compile(rf"[+-]?(?:[1-9][0-9]{{0,2}}(?:[.{_GROUPS}][0-9]{{3}})+|[0-9]+)?(?:,[0-9]+)?")
_CLOCK_TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?(?:[ \u00a0\u202f]?([AaPp])\.?[Mm]\.?)?")
_DURATION = re.compile(r"-?[0-9]{1,6}:[0-5][0-9](?::[0-5][0-9])?")


class Cell(NamedTuple):
    line: int
    column: str
    text: str

    def shown(self) -> str:
        return f'line {self.line}: column "{self.column}": "{self.text}"'


class Forms(NamedTuple):
    """`date_order` one of dmy, mdy, ymd; `decimal` the sign before decimals."""

    date_order: str
    decimal: str


def settle_date_order(cells: Iterable[Cell], stated: str | None) -> str:
    found: dict[str, Cell] = {}
    open_cell: Cell | None = None
    is_year_last = False
    for cell in cells:
        orders = [order for order in DATE_ORDERS if _fits(cell.text, order)]
        if len(orders) == 1:
            found.setdefault(orders[0], cell)
        elif orders and read_day(cell.text, "dmy") != read_day(cell.text, "mdy"):
            open_cell = open_cell or cell
        elif orders or _YEAR_LAST.fullmatch(cell.text):
            is_year_last = True
    if stated is not None:
        first = _other(found, stated, f"--date-order {stated}")
        if first is not None:
            order, shown = first
            raise ImportRefused(
                f"{shown} is {_SHOWN[order]}, and no date of the file can only be {_SHOWN[stated]}; leave it out, or say"
                f" --date-order {order}"
            )
        return stated
    if len(found) > 1:
        told = " and ".join(f'line {cell.line} "{cell.text}" is {_SHOWN[order]}' for order, cell in found.items())
        raise ImportRefused(f"dates are written in more than one order: {told}; say which holds with --date-order")
    if open_cell is not None and not found:
        raise ImportRefused(
            f"{open_cell.shown()} may be day or month first, and no date of the file settles it; say --date-order dmy, mdy or"
            " ymd (the date format of the account)"
        )
    return next(iter(found), "dmy" if is_year_last else "ymd")


def settle_decimal(cells: Iterable[Cell], rows: Iterable[Sequence[str]], stated: str | None) -> str:
    """`rows` are hours, rate and amount of a row as texts, where the export has all three."""
    found: dict[str, Cell] = {}
    open_cell: Cell | None = None
    for cell in cells:
        names = [name for name, sign in DECIMALS.items() if is_number(cell.text, sign)]
        if len(names) == 1:
            found.setdefault(names[0], cell)
        elif names and not bare(cell.text).lstrip("+-").isdigit():
            open_cell = open_cell or cell
    if stated is not None:
        first = _other(found, stated, f"--decimal {stated}")
        if first is not None:
            name, shown = first
            raise ImportRefused(
                f"{shown} has a decimal {name}, and no number of the file has a decimal {stated}; leave it out, or say"
                f" --decimal {name}"
            )
        return DECIMALS[stated]
    if len(found) > 1:
        told = ", ".join(f'line {cell.line} "{cell.text}"' for cell in found.values())
        raise ImportRefused(
            f"numbers are written with decimal point and with decimal comma: {told}; say --decimal point or comma"
        )
    if open_cell is None or found:
        return DECIMALS[next(iter(found), "point")]
    multiplies = {sign for row in rows for sign in _multiplying(row)}
    if len(multiplies) == 1:
        return multiplies.pop()
    raise ImportRefused(
        f"{open_cell.shown()} may have decimals or thousands, and no number of the file settles it; say --decimal point or"
        " --decimal comma"
    )


def _other(found: Mapping[str, Cell], stated: str, option: str) -> tuple[str, str] | None:
    """The form of the file where it is never the one stated, with its first cell: what can be read both ways would be read wrongly."""
    if not found or stated in found:
        return None
    form, cell = next(iter(found.items()))
    return form, f"{option}: {cell.shown()}"


def read_day(text: str, order: str) -> date:
    """Raises Unreadable."""
    if order == "ymd":
        match = _YEAR_FIRST.fullmatch(text)
        parts = (match[1], match[2], match[3]) if match else None
    else:
        match = _YEAR_LAST.fullmatch(text)
        day, month = (1, 2) if order == "dmy" else (2, 1)
        parts = (match[3], match[month], match[day]) if match else None
    if parts is None:
        example = f"{_SHOWN[order]}, such as {_EXAMPLES[order]}"
        raise UnreadableCell(f"expected a date as {example}; correct it, or say --date-order")
    try:
        found = date(*map(int, parts))
    except ValueError:
        raise UnreadableCell(f"a date that is in no calendar, as {_SHOWN[order]}; correct it") from None
    if not FIRST_DATE <= found <= LAST_DATE:
        raise UnreadableCell(f"expected a date from {FIRST_DATE} to {LAST_DATE}; correct it")
    return found


def read_clock_time(text: str) -> tuple[int, int, int]:
    """Hours, minutes and seconds of a 12-hour or 24-hour clock. Raises Unreadable."""
    match = _CLOCK_TIME.fullmatch(text)
    hour = int(match[1]) if match else 99
    half = match[4] if match else None
    if match is None or (not 1 <= hour <= 12 if half else hour > 23):
        raise UnreadableCell("expected a time such as 13:05, 13:05:00 or 01:05 PM; correct it")
    if half:
        hour = hour % 12 + (12 if half in "Pp" else 0)
    return hour, int(match[2]), int(match[3] or 0)


def read_moment(day: date, time: str) -> datetime:
    """Clock of the wall, without a zone."""
    return datetime(day.year, day.month, day.day, *read_clock_time(time))  # noqa: DTZ001 - as the report shows it


def bare(text: str) -> str:
    """Without the sign of a currency, which stands in a column of its own or in the column's name."""
    return text.strip(_SIGNS).strip()


def is_number(text: str, decimal: str) -> bool:
    number = bare(text)
    return bool((_POINT if decimal == "." else _COMMA).fullmatch(number)) and number.lstrip("+-") != ""


def read_quantity(text: str, decimal: str) -> Decimal:
    """A number of any grouping, to six decimals. Raises Unreadable."""
    if not is_number(text, decimal):
        raise UnreadableCell(f'expected a number with "{decimal}" before its decimals, such as 7{decimal}5; correct it')
    thousands = "," if decimal == "." else "."
    plain = bare(text).translate(dict.fromkeys(map(ord, _GROUPS + thousands), None))
    return read_number(plain, decimal, "")


def read_duration(text: str, decimal: str) -> Decimal:
    """Hours, from h:mm:ss, h:mm or a number of hours. Raises Unreadable."""
    if _DURATION.fullmatch(text):
        return read_hours(text, CLOCK, decimal, "")
    try:
        return read_quantity(text, decimal)
    except UnreadableCell:
        raise UnreadableCell(
            f'expected hours as h:mm:ss or as a number with "{decimal}" before its decimals, such as 1:30 or 1{decimal}5;'
            " correct it"
        ) from None


def _fits(text: str, order: str) -> bool:
    try:
        read_day(text, order)
    except UnreadableCell:
        return False
    return True


def _multiplying(row: Sequence[str]) -> list[str]:
    """The one sign by which hours x rate is the amount, to half of its last place; nothing where both or none do."""
    fitting = [sign for sign in DECIMALS.values() if _multiplies(row, sign)]
    return fitting if len(fitting) == 1 else []


def _multiplies(row: Sequence[str], decimal: str) -> bool:
    try:
        hours, rate, amount = (read_quantity(text, decimal) for text in row)
    except UnreadableCell:
        return False
    return amount != 0 and abs(hours * rate - amount) <= Decimal("0.01")
