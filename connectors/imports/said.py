"""What the cells of a mapping say in one row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple, TypeVar

from connectors.imports.cells import (
    ANY_OTHER,
    CellPart,
    Constant,
    CurrencyCell,
    DateCell,
    FlagCell,
    HoursCell,
    IdCell,
    InstantCell,
    NumberCell,
    TextCell,
    VersionCell,
    constant_text,
    label_of,
    read_currency,
    template_parts,
)
from connectors.imports.mapping import FileForm, TableMapping
from connectors.imports.readings import (
    ISO,
    SIX_DECIMALS,
    UnreadableCell,
    decimal_text,
    instant_text,
    read_date,
    read_flag,
    read_hours,
    read_instant,
    read_number,
    read_whole,
)
from connectors.imports.rejections import CellFault, CsvRow
from domain.money import AMOUNT_DECIMALS, minor_units
from domain.units import AMOUNT_ONE, Amount, Instant

T = TypeVar("T")
C = TypeVar("C", bound=TextCell)

ID_LENGTH_MAX = 128
# 18 digits with four decimals, as the schemas have them.
_UNITS_MAX: Final = 10**14


class CellText(NamedTuple):
    """A field's text; `plain` where the mapping states it, and not the file in its own way of writing."""

    text: str
    plain: bool
    column: str
    cell_text: str

    def formats(self, of_file: tuple[str, ...]) -> tuple[str, ...]:
        return (ISO,) if self.plain else of_file


def text_in(cell: TextCell | None, row: CsvRow) -> str | None:
    return _reading(cell, row, lambda _, said: said.text)


def id_in(cell: TextCell | None, row: CsvRow) -> str | None:
    return _reading(cell, row, lambda _, said: _id(said.text))


def currency_in(cell: CurrencyCell | None, row: CsvRow) -> str | None:
    return _reading(cell, row, lambda _, said: read_currency(said.text))


def number_in(cell: NumberCell | None, row: CsvRow, form: FileForm) -> Decimal | None:
    return _reading(cell, row, lambda cell, said: _divided(read_number(said.text, *_signs(cell, said, form)), cell))


def _divided(number: Decimal, cell: NumberCell) -> Decimal:
    return number if cell.divide_by == 1 else (number / cell.divide_by).quantize(SIX_DECIMALS, ROUND_HALF_UP)


def money_in(cell: NumberCell | None, row: CsvRow, form: FileForm, currency: str | None) -> Decimal | None:
    """As a number, unless the sign before its decimals may stand between thousands: 5.500 is 5.5 to one and 5,500 to another."""

    def read(cell: NumberCell, said: CellText) -> Decimal:
        decimal, thousands = _signs(cell, said, form)
        number = read_number(said.text, decimal, thousands)
        may_be_whole = re.fullmatch(rf"[-+(]?[1-9][0-9]{{0,2}}{re.escape(decimal)}[0-9]{{2}}0\)?", said.text)
        if may_be_whole and (currency is None or minor_units(currency) < 3):
            raise UnreadableCell(
                f'expected two decimals or none: after "{decimal}" three digits may be thousands; say what stands between'
                " thousands and before decimals under [file], or write the amount otherwise"
            )
        return _divided(number, cell)

    return _reading(cell, row, read)


def hours_in(cell: HoursCell | None, row: CsvRow, form: FileForm) -> Decimal | None:
    return _reading(cell, row, lambda cell, said: read_hours(said.text, cell.unit, *_signs(cell, said, form)))


def date_in(cell: DateCell | None, row: CsvRow, form: FileForm) -> date | None:
    return _reading(cell, row, lambda cell, said: read_date(said.text, said.formats(cell.format or form.date_formats)))


def instant_in(cell: InstantCell | None, row: CsvRow, form: FileForm, zone: str) -> Instant | None:
    def read(cell: InstantCell, said: CellText) -> Instant:
        return read_instant(said.text, said.formats(cell.format or form.instant_formats), zone)

    return _reading(cell, row, read)


def version_in(cell: VersionCell | None, row: CsvRow, zone: str) -> int | None:
    return _reading(cell, row, lambda cell, said: _version(said, cell.format, zone))


def flag_in(cell: FlagCell | None, row: CsvRow, form: FileForm) -> bool | None:
    def read(cell: FlagCell, said: CellText) -> bool:
        return (
            said.text == "true"
            if said.plain
            else read_flag(said.text, cell.true or form.true, cell.false or form.false)
        )

    return _reading(cell, row, read)


def value_in(cell: TextCell, row: CsvRow, mapped: TableMapping) -> str | int | bool | None:
    """As the JSON of an event has it; None where nothing is there."""
    form, zone = mapped.file, mapped.zone
    match cell:
        case IdCell():
            return id_in(cell, row)
        case CurrencyCell():
            return currency_in(cell, row)
        case NumberCell():
            return _text_of(number_in(cell, row, form), decimal_text)
        case HoursCell():
            return _text_of(hours_in(cell, row, form), decimal_text)
        case DateCell():
            return _text_of(date_in(cell, row, form), date.isoformat)
        case InstantCell():
            return _text_of(instant_in(cell, row, form, zone), instant_text)
        case FlagCell():
            return flag_in(cell, row, form)
        case VersionCell():
            return version_in(cell, row, zone)
        case _:
            return text_in(cell, row)


def content_in(part: CellPart, row: CsvRow, mapped: TableMapping, but: Collection[str] = ()) -> dict[str, object]:
    """What the cells of a section say in a row, by field as JSON has it, None where nothing is there; what it cannot do without is a fault.
    `but` are fields that are not asked."""
    content: dict[str, object] = {}
    for name, cell, is_needed in part.cells:
        if name not in but:
            value = value_in(cell, row, mapped)
            content[name] = required(value, cell, name) if is_needed else value
    return content


def dimensions_in(cells: Mapping[str, TextCell], row: CsvRow) -> dict[str, str] | None:
    return {name: text for name, cell in cells.items() if (text := text_in(cell, row)) is not None} or None


def plain(value: object) -> object:
    """Decimals as text, dates as ISO text."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, CellPart):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _text_of(value: T | None, text: Callable[[T], str]) -> str | None:
    return None if value is None else text(value)


def readable(read: Callable[[], T]) -> T | None:
    """None where it cannot be read."""
    try:
        return read()
    except CellFault:
        return None


def required(value: T | None, cell: TextCell | None, field: str) -> T:
    if value is None:
        raise CellFault(label_of(cell), "", f"{field} is needed and nothing is there")
    return value


def normal_text(text: str) -> str:
    """Trimmed, and one letter has one form: ids are compared by code point."""
    trimmed = text.strip()
    return trimmed if trimmed.isascii() else unicodedata.normalize("NFC", trimmed)


def _reading(cell: C | None, row: CsvRow, read: Callable[[C, CellText], T]) -> T | None:
    said = None if cell is None else _said(cell, row)
    if cell is None or said is None:
        return None
    try:
        return read(cell, said)
    except UnreadableCell as fault:
        raise CellFault(said.column, said.cell_text, str(fault)) from None


def _said(cell: TextCell, row: CsvRow) -> CellText | None:
    if cell.value is not None:
        return _stated(cell.value, cell, "")
    column, text = _found(cell, row)
    if cell.extract is not None and text:
        match = re.search(cell.extract, text)
        if match is None:
            raise CellFault(column, text, f"expected text in which {cell.extract} is found")
        said = CellText((match[1] or "").strip(), False, column, text)
    else:
        said = CellText(text, False, column, text)
    mapped = cell.map.get(said.text, cell.map.get(ANY_OTHER)) if cell.map and text else None
    if mapped is not None and mapped != "":
        return _stated(mapped, cell, text)
    if mapped is None and said.text:
        return said
    return None if cell.default is None else _stated(cell.default, cell, text)


def _stated(value: Constant, cell: TextCell, cell_text: str) -> CellText:
    text = constant_text(value)
    return CellText(text, True, cell.label(), cell_text or text)


def _found(cell: TextCell, row: CsvRow) -> tuple[str, str]:
    """(column, text) of the place that the cell reads in this row; no text where it is empty."""
    if cell.template is not None:
        is_lacking = cell.optional and not row.cells.keys() >= set(cell.reads())
        return cell.template, "" if is_lacking else _filled(cell.template, row, cell.allow_empty)
    for column in cell.reads():
        text = row.cells.get(column) if cell.optional else row.cells[column]
        if text:
            return column, text
    return cell.label(), ""


def _filled(template: str, row: CsvRow, allow_empty: bool) -> str:
    texts = [row.cells[text] if is_column else text for text, is_column in template_parts(template)]
    if not allow_empty and any(is_column and not row.cells[text] for text, is_column in template_parts(template)):
        return ""
    return "".join(texts).strip()


def _id(text: str) -> str:
    if len(text) > ID_LENGTH_MAX:
        raise UnreadableCell(f"expected an id of at most {ID_LENGTH_MAX} characters, came {len(text)}")
    return text


def _signs(cell: NumberCell | HoursCell, said: CellText, form: FileForm) -> tuple[str, str]:
    """(decimal, thousands)"""
    if said.plain:
        return ".", ""
    decimal = form.decimal if cell.decimal is None else cell.decimal
    thousands = form.thousands if cell.thousands is None else cell.thousands
    return decimal, thousands


def _version(said: CellText, formats: tuple[str, ...], zone: str) -> int:
    if formats and not said.plain:
        return read_instant(said.text, formats, zone) // 1000
    return read_whole(said.text)


def amount_of(number: Decimal, cell: NumberCell | None, currency: str | None) -> Amount:
    """Amounts of a file as amounts of the books: no finer than their currency is paid in.

    In 10^-4 of the unit; without a currency to four decimals. Raises CellFault.
    """
    decimals = AMOUNT_DECIMALS if currency is None else minor_units(currency)
    if number != round(number, decimals):
        whose = "" if currency is None else f" for {currency}"
        reason = f"expected at most {decimals} decimals{whose}; round it at its source"
        raise CellFault(label_of(cell), decimal_text(number), reason)
    if abs(number) >= _UNITS_MAX:
        raise CellFault(label_of(cell), decimal_text(number), "expected an amount below 100,000,000,000,000")
    return int(number * AMOUNT_ONE)
