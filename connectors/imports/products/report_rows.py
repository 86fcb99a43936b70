"""A row of a tracker's report, read as the columns in the TOML file of its product say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import NamedTuple

from connectors.imports.priced import exact_value_of
from connectors.imports.products.export_row import ExportRow, Named
from connectors.imports.products.forms import read_moment
from connectors.imports.products.product import Columns, Product
from connectors.imports.products.reading import (
    NotWork,
    Reader,
    ReadingContext,
    an_id,
    check_interval,
    currency_or_chosen,
    day_in,
    duration,
    flag,
    hours_in_range,
    hours_stated,
    moment,
    named,
    needed,
    note_of,
    optional,
    quantity,
    rate_giving,
    said,
)
from connectors.imports.readings import SIX_DECIMALS
from connectors.imports.refusals import ImportRefused
from connectors.imports.said import CellFault, CsvRow, readable
from domain.money import is_currency

_CODE = re.compile(r"(?:^|[^A-Za-z])([A-Z]{3})$")
_IN_NAME = "{currency}"
DAY_SECONDS = 86_400
# What hours of two decimals leave out.
COARSE_SECONDS = 18


class ReportForm(NamedTuple):
    """The columns of one export; `codes` are the currencies that stand in the names of its columns of amounts."""

    title: str
    columns: Columns
    rate: str | None
    amount: str | None
    codes: Mapping[str, str]


def report_reader(product: Product, columns: Columns, header: Sequence[str]) -> Reader:
    """Raises ImportRefused at a rate in a code that no currency has."""
    report = _report(product, columns, header)
    hours = (columns.hours, columns.rounded, *columns.multiplied)
    numbers = (*hours, report.rate, report.amount, *report.codes, columns.cost_rate, *columns.more_numbers)
    multiplied = next((column for column in columns.multiplied if column in header), None)
    triple = (multiplied, report.rate, report.amount)
    return Reader(
        dates=tuple(column for column in (columns.day, *columns.start[:1], *columns.end[:1]) if column is not None),
        numbers=tuple(column for column in numbers if column is not None),
        product_of=tuple(column for column in triple if column is not None and column in header),
        read=partial(_read, report),
        quantities=partial(_quantities, report),
        key=partial(_key, report),
        amounts=() if columns.rate is not None else tuple(report.codes),
    )


def _report(product: Product, columns: Columns, header: Sequence[str]) -> ReportForm:
    if columns.amount is None or _IN_NAME not in columns.amount:
        return ReportForm(product.title, columns, columns.rate, columns.amount, {})
    if columns.rate is None:
        codes = {column: code for column, code in _in_names(columns.amount, header).items() if is_currency(code)}
        return ReportForm(product.title, columns, None, None, codes)
    for column, code in _in_names(columns.rate, header).items():
        if not is_currency(code):
            raise ImportRefused(
                f'column "{column}": expected a currency of ISO 4217 in brackets, such as'
                f" {columns.rate.replace(_IN_NAME, 'EUR')}; set the workspace's currency in {product.title} and export again"
            )
        amount = columns.amount.replace(_IN_NAME, code)
        return ReportForm(product.title, columns, column, amount, {amount: code})
    return ReportForm(product.title, columns, None, None, {})


def _in_names(pattern: str, header: Sequence[str]) -> dict[str, str]:
    """Columns that are named so, with the text in the place of the currency."""
    before, _, after = pattern.partition(_IN_NAME)
    found = ((column, column.removeprefix(before).removesuffix(after)) for column in header)
    return {column: code for column, code in found if f"{before}{code}{after}" == column}


# Long, because it names every field of the row.
def _read(report: ReportForm, row: CsvRow, context: ReadingContext) -> ExportRow:
    columns = report.columns
    kind = optional(row, columns.kind) or ""
    if columns.kind is not None and kind.casefold() == "break":
        raise NotWork(columns.kind, kind)
    person = _person(report, row)
    start = moment(row, columns.start, context) if columns.start else None
    day = start.date() if start is not None else day_in(row, columns.day or "", context)
    hours = hours_in_range(_worked(report, row, context), row, columns.hours)
    if start is not None and columns.end:
        check_interval(row, columns.end, start, hours, context)
    priced = (
        hours
        if columns.rounded is None or not row.cells.get(columns.rounded)
        else duration(row, columns.rounded, context)
    )
    client = _client(columns, row, context)
    by_name = _project(columns, client, row)
    if columns.must_say_billable:
        needed(row, columns.billable, "say Yes or No, and export again")
    billable = flag(row, columns.billable)
    amount_column = _amount_column(report, row, context)
    currency = _currency(report, amount_column, row, context)
    amount = quantity(row, amount_column, context)
    rate = _rate(report, row, priced, amount_column, currency, context) if billable else None
    code = optional(row, columns.project_code)
    task = optional(row, columns.task)
    return ExportRow(
        line=row.line,
        client=client,
        project=by_name if code is None else Named(an_id(code, row, columns.project_code or ""), by_name.name),
        person=person,
        role=_role(columns, row, context),
        task=None if task is None else an_id(task, row, columns.task),
        note=note_of(row, columns.note),
        day=day,
        hours=hours,
        billable=billable,
        rate=rate,
        stated_rate=rate,
        currency=currency,
        amount=exact_value_of(priced, rate, currency) if amount is None else amount,
        cost_rate=quantity(row, columns.cost_rate, context),
        key=_key(report, row, context),
        has_vendor_id=False,
        changed_at=None,
        is_approved=flag(row, columns.approved) if columns.approved in row.cells else None,
        cells=row.cells,
        billed_hours=None if priced == hours or not billable else priced,
        billed_elsewhere=billable and flag(row, columns.invoiced) and not context.choices.bill_invoiced,
    )


def _worked(report: ReportForm, row: CsvRow, context: ReadingContext) -> Decimal:
    """Hours as stated; where they are written coarsely, to the second, as far as clock or amount say it."""
    columns, stated = report.columns, hours_stated(row, report.columns.hours, context)
    if columns.until is None:
        return stated
    interval = readable(lambda: _interval(row, columns, moment(row, columns.start, context)))
    amount = readable(lambda: quantity(row, report.amount, context))
    return _to_the_second(stated, interval, amount, readable(lambda: quantity(row, report.rate, context)))


def _interval(row: CsvRow, columns: Columns, start: datetime | None) -> Decimal | None:
    """Hours by the clock, over midnight too; None where the row says no end."""
    until = optional(row, columns.until)
    if until is None or start is None:
        return None
    end = said(row, columns.until or "", lambda text: read_moment(start.date(), text))
    return Decimal(int((end - start).total_seconds()) % DAY_SECONDS) / 3600


def _to_the_second(hours: Decimal, interval: Decimal | None, amount: Decimal | None, rate: Decimal | None) -> Decimal:
    """Of 1.33 h from 9:00 to 10:20 it is 1:20; and where the clock has no seconds, what 120.75 is at 90.00: 1:20:30."""
    worth = amount * 3600 / rate if amount and rate else None
    for seconds in (None if interval is None else interval * 3600, worth):
        if (
            seconds is not None
            and abs(seconds - hours * 3600) <= COARSE_SECONDS
            and (worth is None or abs(worth - seconds) < 1)
        ):
            return (seconds.quantize(Decimal(1), ROUND_HALF_UP) / 3600).quantize(SIX_DECIMALS, ROUND_HALF_UP)
    return hours


def _rate(
    report: ReportForm, row: CsvRow, hours: Decimal, amount_column: str | None, currency: str, context: ReadingContext
) -> Decimal | None:
    """As stated, else what gives the amount; of a fixed price always that. None where the row has neither."""
    amount, rate = quantity(row, amount_column, context), quantity(row, report.rate, context)
    column, what = report.rate, "a rate"
    if quantity(row, report.columns.fixed, context):
        column, what, rate = amount_column, "an amount", _fixed_rate(report.columns, row, amount, hours, currency)
    elif rate is None and amount_column is not None and (amount or report.columns.rate is None):
        column, what, rate = amount_column, "an amount", rate_giving(amount or Decimal(0), hours, currency)
    if column is not None and rate is not None and rate < 0:
        raise CellFault(column, row.cells[column], f"expected {what} that is not negative; correct it")
    return rate


def _fixed_rate(columns: Columns, row: CsvRow, amount: Decimal | None, hours: Decimal, currency: str) -> Decimal:
    """That which gives the price of the whole entry."""
    rate = rate_giving(amount or Decimal(0), hours, currency)
    if rate is None:
        column = columns.fixed or ""
        raise CellFault(
            column, row.cells[column], "a fixed price without hours has no rate; bill it as a fee, or give it hours"
        )
    return rate


def _key(report: ReportForm, row: CsvRow, context: ReadingContext) -> tuple[str, ...]:
    """Person and start, else all that is known of an entry but its hours and price."""
    columns, person = report.columns, _person(report, row)
    if columns.start:
        return person.id, moment(row, columns.start, context).isoformat()
    return (
        day_in(row, columns.day or "", context).isoformat(),
        _client(columns, row, context).id,
        row.cells[columns.project],
        person.id,
        optional(row, columns.task) or "",
        note_of(row, columns.note) or "",
    )


def _quantities(report: ReportForm, row: CsvRow, context: ReadingContext) -> tuple[Decimal | None, Decimal | None, str]:
    hours = readable(lambda: _worked(report, row, context))
    column = readable(lambda: _amount_column(report, row, context))
    amount = readable(lambda: quantity(row, column, context))
    return hours, amount, readable(lambda: _currency(report, column, row, context)) or ""


def _person(report: ReportForm, row: CsvRow) -> Named:
    for place in report.columns.person:
        if text := " ".join(row.cells.get(column, "") for column in place).strip():
            return Named(an_id(text, row, place[0]), optional(row, report.columns.person_name) or text)
    raise CellFault(place[0], "", f"nothing is there; name the person in {report.title} and export again")


def _client(columns: Columns, row: CsvRow, context: ReadingContext) -> Named:
    text = row.cells.get(columns.client) or context.choices.client
    if not text:
        raise CellFault(
            columns.client, "", "nothing is there; give the project a client, or say --client for such rows"
        )
    return named(text, row, columns.client)


def _project(columns: Columns, client: Named, row: CsvRow) -> Named:
    """Two clients may have a project of one name, so its id has both."""
    name = needed(row, columns.project, "give the entry a project and export again")
    return Named(an_id(f"{client.id}: {name}", row, columns.project), name)


def _role(columns: Columns, row: CsvRow, context: ReadingContext) -> str:
    """The first of several."""
    if columns.roles is None:
        return context.choices.role
    roles = [role.strip() for role in row.cells.get(columns.roles, "").split(",")]
    return an_id(roles[0] or context.choices.role, row, columns.roles)


def _amount_column(report: ReportForm, row: CsvRow, context: ReadingContext) -> str | None:
    """Of several the one that is filled; of empty ones the first."""
    if report.amount is not None:
        return report.amount
    filled = [column for column in context.amounts if quantity(row, column, context)]
    if len(filled) > 1:
        raise CellFault(filled[1], row.cells[filled[1]], f'"{filled[0]}" has an amount too; leave one in')
    return next(iter((*filled, *context.amounts)), None)


def _currency(report: ReportForm, amount: str | None, row: CsvRow, context: ReadingContext) -> str:
    column = report.columns.currency
    if column is None:
        return currency_or_chosen(report.codes.get(amount or ""), row, report.columns.billable, context)
    text = row.cells.get(column, "")
    match = _CODE.search(text)
    if text and match is None:
        raise CellFault(column, text, "expected a currency such as Euro - EUR; correct it at the client")
    return currency_or_chosen(match[1] if match else None, row, column, context)
