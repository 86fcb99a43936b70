"""A table at a glance as a spreadsheet: figures are numbers, and a second sheet says what it is and what it foots to."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import xlsxwriter

from domain.units import AMOUNT_SCALE, HOURS_SCALE, PERCENT_SCALE
from milepost.glance.forms import cell_text, head, notes_of
from milepost.glance.sheet import Cell, CellKind, Glance, GlanceColumn, GlanceReport, GlanceRow

# The day before the first of a spreadsheet's calendar.
DAY_ZERO: Final = date(1899, 12, 30)
ABOUT_WIDTH: Final = 110
WIDEST, NARROWEST = 34, 9
_FORMATS: Final[Mapping[CellKind, str]] = {
    CellKind.TEXT: "@",
    CellKind.ID: "@",
    CellKind.DAY: "yyyy-mm-dd",
    CellKind.COUNT: "#,##0",
    CellKind.AMOUNT: "#,##0.00",
    CellKind.HOURS: "#,##0.00",
    CellKind.PERCENT: "0.0%",
}
# A percent in a spreadsheet is a share of one.
_SCALES: Final[Mapping[CellKind, int]] = {
    CellKind.AMOUNT: AMOUNT_SCALE,
    CellKind.HOURS: HOURS_SCALE,
    CellKind.PERCENT: PERCENT_SCALE + 2,
}


def spreadsheet(glance: Glance | GlanceReport) -> bytes:
    """Of a report with a sheet for each table."""
    if isinstance(glance, GlanceReport):
        return _book(glance.tables, [glance.title, *glance.notes])
    said = [head(glance), *notes_of(glance), *([] if glance.rows else [glance.empty])]
    return _book([(glance.kind, glance)], said)


def _book(tables: Sequence[tuple[str, Glance]], said: Sequence[str]) -> bytes:
    """Sums in bold below a frozen header with a filter; what somebody typed is never calculated."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    plain = {kind: book.add_format({"num_format": form}) for kind, form in _FORMATS.items()}
    strong = {kind: book.add_format({"num_format": form, "bold": True, "top": 1}) for kind, form in _FORMATS.items()}
    heading = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    for name, glance in tables:
        _write_table(book.add_worksheet(name), glance, heading, plain, strong)
    about = book.add_worksheet("about")
    about.set_column(0, 0, ABOUT_WIDTH)
    for line, text in enumerate(said):
        about.write_string(line, 0, text)
    book.close()
    return file.getvalue()


_Formats = Mapping[CellKind, xlsxwriter.format.Format]


def _write_table(
    sheet: xlsxwriter.worksheet.Worksheet,
    glance: Glance,
    heading: xlsxwriter.format.Format,
    plain: _Formats,
    strong: _Formats,
) -> None:
    for place, column in enumerate(glance.columns):
        sheet.write_string(0, place, column.title, heading)
    every = [
        *((row, strong if row.is_sum else plain) for row in glance.rows),
        *((row, strong) for row in glance.totals),
    ]
    for line, (row, formats) in enumerate(every, 1):
        for place, column in enumerate(glance.columns):
            _write_cell(sheet, line, place, row.cells.get(column.name), column, formats[column.kind])
    for place, column in enumerate(glance.columns):
        sheet.set_column(place, place, _width(column, [row for row, _ in every]))
    sheet.freeze_panes(1, 1)
    if glance.rows:
        sheet.autofilter(0, 0, len(glance.rows), len(glance.columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _write_cell(
    sheet: xlsxwriter.worksheet.Worksheet,
    line: int,
    place: int,
    cell: Cell,
    column: GlanceColumn,
    form: xlsxwriter.format.Format,
) -> None:
    match cell:
        case None:
            sheet.write_blank(line, place, None, form)
        case date():
            sheet.write_number(line, place, (cell - DAY_ZERO).days, form)
        case int():
            sheet.write_number(line, place, cell / 10 ** _SCALES.get(column.kind, 0), form)
        case _:
            sheet.write_string(line, place, cell, form)


def _width(column: GlanceColumn, rows: Iterable[GlanceRow]) -> int:
    longest = max((len(cell_text(row.cells.get(column.name), column)) for row in rows), default=0)
    return min(max(longest, len(column.title) // 2, NARROWEST) + 1, WIDEST)
