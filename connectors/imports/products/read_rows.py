"""The rows of an export, each taken or not taken with the reason; together they are all rows of the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from connectors.imports.csv_rows import Broken
from connectors.imports.products.choices import Choices
from connectors.imports.products.export_file import Export
from connectors.imports.products.export_row import NOT_WORK, REFUSED, ExportRow, Named, NotTaken
from connectors.imports.products.forms import Cell, Forms, is_number, read_quantity, settle_date_order, settle_decimal
from connectors.imports.products.report_rows import NotWork, ReportForm, key_of, quantities_of, read_row, report_form
from connectors.imports.products.row_cells import ReadingContext, RowCells
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import CellFault, CsvRow, RejectedRow
from connectors.imports.said import ID_LENGTH_MAX, readable
from connectors.imports.time_rows import AHEAD

EVENT = "TimeApproved"


class Apart(NamedTuple):
    """A project's code that `client` has too: its work goes to a project of its own."""

    code: str
    client: str
    project_id: str
    rows: int


class ReadRows(NamedTuple):
    """`hours` is the sum over the file, taken apart from what becomes of its rows; the two must meet.

    `amounts_from` are the columns of amounts that gave rates, `unsettled` what has to be said of dates and numbers before rows count.
    """

    forms: Forms
    taken: tuple[ExportRow, ...]
    not_taken: tuple[NotTaken, ...]
    hours: Decimal
    amounts_from: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    apart: tuple[Apart, ...] = ()


def read_rows(export: Export, choices: Choices, file: str) -> ReadRows:
    """Raises ImportRefused where an option says other than the file."""
    try:
        report = report_form(export.product, export.header)
        forms, unsettled = _settled(export, report, choices)
    except ImportRefused as fault:
        raise ImportRefused(f"{file}: {fault}") from fault
    context = ReadingContext(export.product, forms, choices, export.names, _amounts(export, report, forms))
    taken: list[ExportRow] = []
    not_taken: list[NotTaken] = []
    lines: dict[tuple[str, ...], int] = {}
    for row in export.rows:
        read = _read(row, report, context, export.written)
        if isinstance(read, ExportRow):
            same = read.key if read.has_vendor_id else tuple(read.cells.values())
            earlier = lines.setdefault(same, read.line)
            if earlier != read.line and (read.has_vendor_id or not choices.keep_duplicates):
                read = _duplicate(read, earlier)
            elif choices.today is not None and read.day > choices.today:
                read = refused(read, report.day, read.cells[report.day], AHEAD.format(today=choices.today))
        if isinstance(read, ExportRow):
            taken.append(read)
        else:
            not_taken.append(read)
    return ReadRows(forms, tuple(taken), tuple(not_taken), _hours(export, report, context), context.amounts, unsettled)


def _settled(export: Export, report: ReportForm, choices: Choices) -> tuple[Forms, tuple[str, ...]]:
    """With the reasons why dates or numbers can be read in two ways, where they can; then the form is just one of both."""
    rows = [row for row in export.rows if isinstance(row, CsvRow)]
    products = ([row.cells[column] for column in report.product_of] for row in rows if report.product_of)
    forms, unsettled = {"date_order": "dmy", "decimal": "."}, []
    for name, stated, settle in (
        ("date_order", choices.date_order, partial(settle_date_order, _cells(rows, report.dates, export.written))),
        ("decimal", choices.decimal, partial(settle_decimal, _cells(rows, report.numbers, export.written), products)),
    ):
        try:
            forms[name] = settle(stated)
        except ImportRefused as fault:
            if stated is not None:
                raise
            unsettled.append(str(fault))
    return Forms(**forms), tuple(unsettled)


def _amounts(export: Export, report: ReportForm, forms: Forms) -> tuple[str, ...]:
    """Nothing where they are zero throughout, for then the tracker has no rates and says nothing of them."""
    cells = (row.cells[column] for row in export.rows if isinstance(row, CsvRow) for column in report.amounts)
    return report.amounts if any(_is_amount(cell, forms.decimal) for cell in cells if cell) else ()


def amounts_unused(export: Export, rows: ReadRows) -> tuple[str, ...]:
    """Columns of amounts that gave no rate, where rates could follow from them."""
    columns = export.product.columns
    if columns.amount is None or columns.rate is not None:
        return ()
    start = columns.amount.partition(" ")[0]
    return tuple(column for column in export.header if column.startswith(start) and column not in rows.amounts_from)


def _is_amount(text: str, decimal: str) -> bool:
    return is_number(text, decimal) and read_quantity(text, decimal) != 0


def _cells(rows: list[CsvRow], columns: Iterable[str], written: Mapping[str, str]) -> Iterator[Cell]:
    for row in rows:
        for column in columns:
            if row.cells.get(column):
                yield Cell(row.line, written.get(column, column), row.cells[column])


def _read(
    row: CsvRow | Broken, report: ReportForm, context: ReadingContext, written: Mapping[str, str]
) -> ExportRow | NotTaken:
    if isinstance(row, Broken):
        return NotTaken(REFUSED, row.rejected(EVENT), None, None, "")
    cells = RowCells(row, context)
    try:
        return read_row(report, cells)
    except CellFault as fault:
        column = written.get(fault.column, fault.column)
        rejected = RejectedRow(row.line, EVENT, column, fault.value, fault.reason, row.cells)
        is_work = not isinstance(fault, NotWork)
        key = readable(lambda: key_of(report, cells)) if is_work else None
        return NotTaken(REFUSED if is_work else NOT_WORK, rejected, *quantities_of(report, cells), key)


def _duplicate(row: ExportRow, earlier: int) -> NotTaken:
    if row.has_vendor_id:
        column, value, reason = "id", row.key[0], f"line {earlier} has this id already; export again, once"
    else:
        column, value = "", ""
        reason = (
            f"line {earlier} is the same in every column; take one out, or say --keep-duplicates if both were worked"
        )
    return refused(row, column, value, reason)._replace(key=None)


def refused(row: ExportRow, column: str, value: str, reason: str, status: str = REFUSED) -> NotTaken:
    rejected = RejectedRow(row.line, EVENT, column, value, reason, row.cells)
    return NotTaken(status, rejected, row.hours, row.amount, row.currency, row.key if status == REFUSED else None)


def kept_apart(rows: ReadRows, clients: Mapping[str, str], projects: Collection[str]) -> ReadRows:
    """Where two clients have one project code, the second has a project of its own: `Acme: WEB` beside `WEB`.

    `clients` are those of known projects. A code is its known client's, else that of its first row, unless `projects`, the known
    ones, show that this client's was kept apart before.
    """
    owners = dict(clients)
    for row in rows.taken:
        if _own_project(row).id not in projects:
            owners.setdefault(row.project.id, row.client.id)
    taken: list[ExportRow] = []
    apart: Counter[tuple[str, str, str]] = Counter()
    for row in rows.taken:
        own = _own_project(row)
        if not row.has_vendor_id and row.client.id != owners.get(row.project.id) and len(own.id) <= ID_LENGTH_MAX:
            apart[row.project.id, row.client.id, own.id] += 1
            row = row._replace(project=own)  # noqa: PLW2901
        taken.append(row)
    return rows._replace(taken=tuple(taken), apart=tuple(Apart(*names, of) for names, of in sorted(apart.items())))


def of_one_client(rows: ReadRows, clients: Mapping[str, str]) -> ReadRows:
    """A project is billed to one client; one whose rows name two is refused, in all rows that its known client does not settle."""
    lines = _first_lines(rows.taken, lambda row: row.client.id)

    def fault(row: ExportRow) -> NotTaken | None:
        client = clients.get(row.project.id)
        if row.client.id == client or (client is None and len(lines[row.project.id]) == 1):
            return None
        named = f'the known client "{client}"' if client is not None else _both(lines[row.project.id])
        reason = f'the project "{row.project.id}" has rows of two clients, {named}; give each its own project'
        return refused(row, "Client", row.client.name, reason)

    return _without(rows, fault)


def in_one_currency(rows: ReadRows, contracted: Mapping[str, str]) -> ReadRows:
    """A project whose rows name two currencies is refused; a client is billed in its contract's, else that of its first row."""
    lines = _first_lines(rows.taken, lambda row: row.currency)
    first: dict[str, ExportRow] = {}

    def fault(row: ExportRow) -> NotTaken | None:
        shown = row.cells.get("Currency", row.currency)
        currency = contracted.get(row.client.id)
        if currency is None and len(lines[row.project.id]) > 1:
            reason = f'the project "{row.project.id}" has rows in two currencies, {_both(lines[row.project.id])}'
            return refused(row, "Currency", shown, f"{reason}; give each its own project, or correct them")
        known = first.setdefault(row.client.id, row)
        if row.currency == (currency or known.currency):
            return None
        where = "its contract" if currency is not None else f"line {known.line}"
        reason = (
            f'{where} has {currency or known.currency} for the client "{row.client.id}"; give a client one currency'
        )
        return refused(row, "Currency", shown, reason)

    return _without(rows, fault)


def in_standing_currency(rows: ReadRows, contracted: Mapping[str, str]) -> ReadRows:
    """A rate in another currency than that of the client's contract, which another source has signed, would be left out."""

    def fault(row: ExportRow) -> NotTaken | None:
        currency = contracted.get(row.client.id)
        if not currency or row.rate is None or row.currency == currency:
            return None
        reason = (
            f'the contract of the client "{row.client.id}" in the folder has {currency}, and the row {row.currency}; give a client one'
            " currency, or give another --out"
        )
        return refused(row, "Currency", row.cells.get("Currency", row.currency), reason)

    return _without(rows, fault)


def _own_project(row: ExportRow) -> Named:
    return Named(f"{row.client.id}: {row.project.id}", row.project.name)


def _first_lines(rows: Iterable[ExportRow], said: Callable[[ExportRow], str]) -> Mapping[str, Mapping[str, int]]:
    """For each project what its rows say, with the first line that does."""
    lines: dict[str, dict[str, int]] = {}
    for row in rows:
        lines.setdefault(row.project.id, {}).setdefault(said(row), row.line)
    return lines


def _both(lines: Mapping[str, int]) -> str:
    return " and ".join(f'"{said}" (line {line})' for said, line in list(lines.items())[:2])


def _without(rows: ReadRows, fault: Callable[[ExportRow], NotTaken | None]) -> ReadRows:
    faults = [(row, fault(row)) for row in rows.taken]
    taken = tuple(row for row, found in faults if found is None)
    return rows._replace(taken=taken, not_taken=(*rows.not_taken, *(found for _, found in faults if found is not None)))


def _hours(export: Export, report: ReportForm, context: ReadingContext) -> Decimal:
    rows = (RowCells(row, context) for row in export.rows if isinstance(row, CsvRow))
    return sum((quantities_of(report, row)[0] or Decimal(0) for row in rows), Decimal(0))
