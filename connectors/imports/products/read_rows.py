"""The rows of an export, each taken or not taken with the reason; together they are all rows of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from connectors.imports.csv_rows import Broken
from connectors.imports.products import clockify, harvest, solidtime, toggl
from connectors.imports.products.choices import Choices
from connectors.imports.products.export_file import Export
from connectors.imports.products.export_row import NOT_WORK, REFUSED, ExportRow, NotTaken
from connectors.imports.products.forms import Cell, Forms, settle_date_order, settle_decimal
from connectors.imports.products.product import CLOCKIFY, HARVEST, TOGGL
from connectors.imports.products.reading import Context, NotWork, Reader, readable
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import Rejected
from connectors.imports.said import CellFault, Row

EVENT = "TimeApproved"


class Rows(NamedTuple):
    """`hours` is the sum over the file, taken apart from what becomes of its rows; the two must meet."""

    forms: Forms
    taken: tuple[ExportRow, ...]
    not_taken: tuple[NotTaken, ...]
    hours: Decimal


def read_rows(export: Export, choices: Choices, file: str, keep_duplicates: bool) -> Rows:
    """Raises ImportRefused where dates or numbers can be read in two ways and nothing settles which."""
    reader = _reader(export)
    try:
        forms = _settled(export, reader, choices)
    except ImportRefused as fault:
        raise ImportRefused(f"{file}: {fault}") from fault
    context = Context(export.header, forms, choices, export.names)
    taken: list[ExportRow] = []
    not_taken: list[NotTaken] = []
    lines: dict[tuple[str, ...], int] = {}
    for row in export.rows:
        read = _read(row, reader, context)
        if isinstance(read, ExportRow):
            same = read.key if read.has_vendor_id else tuple(read.cells.values())
            earlier = lines.setdefault(same, read.line)
            if earlier != read.line and (read.has_vendor_id or not keep_duplicates):
                read = _duplicate(read, earlier)
        if isinstance(read, ExportRow):
            taken.append(read)
        else:
            not_taken.append(read)
    return Rows(forms, tuple(taken), tuple(not_taken), _hours(export, reader, context))


def _reader(export: Export) -> Reader:
    if export.product is HARVEST:
        return harvest.READER
    if export.product is TOGGL:
        return toggl.READER
    if export.product is CLOCKIFY:
        return clockify.reader(export.header)
    return solidtime.READER


def _settled(export: Export, reader: Reader, choices: Choices) -> Forms:
    rows = [row for row in export.rows if isinstance(row, Row)]
    header = frozenset(export.header)
    triple = reader.product_of if reader.product_of and header.issuperset(reader.product_of) else None
    products = ([row.cells[column] for column in triple] for row in rows) if triple else ()
    return Forms(
        settle_date_order(_cells(rows, reader.dates), choices.date_order),
        settle_decimal(_cells(rows, reader.numbers), products, choices.decimal),
    )


def _cells(rows: list[Row], columns: tuple[str, ...]) -> Iterator[Cell]:
    for row in rows:
        for column in columns:
            if row.cells.get(column):
                yield Cell(row.line, column, row.cells[column])


def _read(row: Row | Broken, reader: Reader, context: Context) -> ExportRow | NotTaken:
    if isinstance(row, Broken):
        return NotTaken(REFUSED, Rejected(row.line, EVENT, "", row.value, row.reason, None), None, None, "")
    try:
        return reader.read(row, context)
    except NotWork as found:
        rejected = Rejected(row.line, EVENT, found.column, found.value, "no work, so not imported", row.cells)
        status, key = NOT_WORK, None
    except CellFault as fault:
        rejected = Rejected(row.line, EVENT, fault.column, fault.value, fault.reason, row.cells)
        status, key = REFUSED, readable(lambda: reader.key(row, context))
    hours, amount, currency = reader.quantities(row, context)
    return NotTaken(status, rejected, hours, amount, currency, key)


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
    rejected = Rejected(row.line, EVENT, column, value, reason, row.cells)
    return NotTaken(status, rejected, row.hours, row.amount, row.currency, row.key if status == REFUSED else None)


def of_one_client(rows: Rows, clients: Mapping[str, str]) -> Rows:
    """A project is billed to its client; rows that have its code under another client are refused."""
    first: dict[str, ExportRow] = {}
    taken: list[ExportRow] = []
    others: list[NotTaken] = []
    for row in rows.taken:
        known = first.setdefault(row.project.id, row)
        client = clients.get(row.project.id, known.client.id)
        if row.client.id == client:
            taken.append(row)
        else:
            where = "known" if row.project.id in clients else f"of line {known.line}"
            reason = f'the project {row.project.id} that is {where} is of client "{client}"; give it a code of its own'
            others.append(refused(row, "Client", row.client.name, reason))
    return rows._replace(taken=tuple(taken), not_taken=(*rows.not_taken, *others))


def in_one_currency(rows: Rows, contracted: Mapping[str, str]) -> Rows:
    """A client is billed in the currency of its contract, else of its first row; rows in another are refused."""
    first: dict[str, ExportRow] = {}
    taken: list[ExportRow] = []
    others: list[NotTaken] = []
    for row in rows.taken:
        known = first.setdefault(row.client.id, row)
        currency = contracted.get(row.client.id, known.currency)
        if row.currency == currency:
            taken.append(row)
        else:
            where = "its contract" if row.client.id in contracted else f"line {known.line}"
            reason = f"{where} has {currency} for this client; give a client one currency"
            others.append(refused(row, "Currency", row.cells.get("Currency", row.currency), reason))
    return rows._replace(taken=tuple(taken), not_taken=(*rows.not_taken, *others))


def _hours(export: Export, reader: Reader, context: Context) -> Decimal:
    rows = (row for row in export.rows if isinstance(row, Row))
    return sum((reader.quantities(row, context)[0] or Decimal(0) for row in rows), Decimal(0))
