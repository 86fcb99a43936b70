"""A row of a tracker's report, read as the columns in the TOML file of its product say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from connectors.imports.priced import exact_value_of
from connectors.imports.products.export_row import ExportRow, Named
from connectors.imports.products.forms import read_moment
from connectors.imports.products.product import CURRENCY, Columns, Product
from connectors.imports.products.row_cells import STOP, RowCells
from connectors.imports.readings import SIX_DECIMALS, hours_of
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import CellFault
from connectors.imports.said import readable
from domain.money import is_currency
from domain.reference.zones import local_date

_CODE = re.compile(r"(?:^|[^A-Za-z])([A-Z]{3})$")
DAY_SECONDS = 86_400
RATE_DECIMALS = 6
# What hours of two decimals leave out.
COARSE_SECONDS = 18


class NotWork(CellFault):
    """A row that records no work, such as a break."""

    def __init__(self, column: str, value: str) -> None:
        super().__init__(column, value, "no work, so not imported")


class ReportForm(NamedTuple):
    """The columns of one export; `codes` are the currencies that stand in the names of its columns of amounts."""

    product: Product
    columns: Columns
    header: Sequence[str]
    rate: str | None
    amount: str | None
    codes: Mapping[str, str]

    @property
    def dates(self) -> list[str]:
        """They settle the order of day and month."""
        columns = self.columns
        if columns.has_instants:
            return []
        return [column for column in (columns.day, *columns.start[:1], *columns.end[:1]) if column is not None]

    @property
    def day(self) -> str:
        return self.columns.day or self.columns.start[0]

    @property
    def numbers(self) -> list[str]:
        """They settle the sign before decimals."""
        columns = self.columns
        hours = (columns.hours, columns.rounded, *columns.multiplied)
        rate = None if columns.in_cents else self.rate
        numbers = (*hours, rate, self.amount, *self.codes, columns.cost_rate, *columns.more_numbers)
        return [column for column in numbers if column]

    @property
    def product_of(self) -> list[str]:
        """Hours, rate and amount, where the export has all three."""
        multiplied = next((column for column in self.columns.multiplied if column in self.header), None)
        triple = [column for column in (multiplied, self.rate, self.amount) if column and column in self.header]
        return triple if len(triple) == 3 else []

    @property
    def amounts(self) -> tuple[str, ...]:
        """Columns of amounts from which rates follow, used where any row has one."""
        return () if self.columns.rate is not None else tuple(self.codes)


def report_form(product: Product, header: Sequence[str]) -> ReportForm:
    """Raises ImportRefused at a rate in a code that no currency has."""
    columns = product.columns
    if columns.amount is None or CURRENCY not in columns.amount:
        return ReportForm(product, columns, header, columns.rate, columns.amount, {})
    if columns.rate is None:
        codes = {column: code for column, code in _in_names(columns.amount, header).items() if is_currency(code)}
        return ReportForm(product, columns, header, None, None, codes)
    for column, code in _in_names(columns.rate, header).items():
        if not is_currency(code):
            raise ImportRefused(
                f'column "{column}": expected a currency of ISO 4217 in brackets, such as'
                f" {columns.rate.replace(CURRENCY, 'EUR')}; set the workspace's currency in {product.title} and export again"
            )
        amount = columns.amount.replace(CURRENCY, code)
        return ReportForm(product, columns, header, column, amount, {amount: code})
    return ReportForm(product, columns, header, None, None, {})


def _in_names(pattern: str, header: Sequence[str]) -> dict[str, str]:
    """Columns that are named so, with the text in the place of the currency."""
    before, _, after = pattern.partition(CURRENCY)
    found = ((column, column.removeprefix(before).removesuffix(after)) for column in header)
    return {column: code for column, code in found if f"{before}{code}{after}" == column}


# Long, because it names every field of the row.
def read_row(report: ReportForm, cells: RowCells) -> ExportRow:
    columns = report.columns
    kind = cells.text(columns.kind)
    if columns.kind is not None and kind.casefold() == "break":
        raise NotWork(columns.kind, kind)
    if columns.id is not None:
        cells.an_id(
            cells.needed(columns.id, "an entry without id cannot be told from others; export again"), columns.id
        )
    person = _person(report, cells)
    day, hours = _worked(report, cells)
    rounded = columns.rounded
    priced = cells.in_range(cells.hours(rounded), rounded) if rounded and cells.text(rounded) else hours
    client = _client(columns, cells)
    project = _project(columns, client, cells)
    if columns.must_say_billable:
        cells.needed(columns.billable, "say Yes or No, and export again")
    billable = cells.flag(columns.billable)
    amount_column = _amount_column(report, cells)
    currency = _currency(report, amount_column, cells)
    amount = cells.quantity(amount_column)
    rate = _rate(report, cells, priced, amount_column, currency) if billable else None
    code, task, changed = (cells.text(column) for column in (columns.project_code, columns.task, columns.changed))
    return ExportRow(
        line=cells.row.line,
        client=client,
        project=Named(cells.an_id(code, columns.project_code or ""), project.name) if code else project,
        person=person,
        role=_role(columns, cells),
        task=cells.an_id(cells.name(task, columns.task), columns.task) if task else None,
        note=cells.note(columns.note),
        day=day,
        hours=hours,
        billable=billable,
        rate=rate,
        stated_rate=rate,
        currency=currency,
        amount=exact_value_of(priced, rate, currency) if amount is None else amount,
        cost_rate=cells.quantity(columns.cost_rate),
        key=key_of(report, cells),
        has_vendor_id=columns.id is not None,
        changed_at=cells.instant(columns.changed or "", "export again") // 1000 if changed else None,
        is_approved=cells.flag(columns.approved) if columns.approved in cells.row.cells else None,
        cells=cells.row.cells,
        billed_hours=None if priced == hours or not billable else priced,
        billed_elsewhere=billable and cells.flag(columns.invoiced) and not cells.context.choices.bill_invoiced,
    )


def key_of(report: ReportForm, cells: RowCells) -> tuple[str, ...]:
    """The vendor's id, else person and start, else all that is known of an entry but its hours and price. Raises CellFault."""
    columns = report.columns
    if columns.id is not None:
        return (cells.needed(columns.id, "export again"),)
    person = _person(report, cells)
    if columns.start:
        return person.id, cells.moment(columns.start).isoformat()
    return (
        cells.day(report.day).isoformat(),
        _client(columns, cells).id,
        cells.text(columns.project),
        person.id,
        cells.text(columns.task),
        cells.note(columns.note) or "",
    )


def quantities_of(report: ReportForm, cells: RowCells) -> tuple[Decimal | None, Decimal | None, str]:
    """Hours, amount and currency, as far as they can be read, for the sums of rows that cannot be taken."""
    hours = readable(lambda: _hours(report, cells))
    column = readable(lambda: _amount_column(report, cells))
    amount = readable(lambda: cells.quantity(column))
    return hours, amount, readable(lambda: _currency(report, column, cells)) or ""


def _worked(report: ReportForm, cells: RowCells) -> tuple[date, Decimal]:
    """Its day and hours."""
    columns = report.columns
    if columns.has_instants:
        begun = cells.instant(columns.start[0], "give the entry its start")
        return local_date(begun, cells.context.choices.zone), cells.in_range(_hours(report, cells), columns.end[0])
    start = cells.moment(columns.start) if columns.start else None
    day = cells.day(report.day) if start is None else start.date()
    hours = cells.in_range(_hours(report, cells), columns.hours)
    if start is not None and columns.end:
        cells.check_interval(columns.end, start, hours)
    return day, hours


def _hours(report: ReportForm, cells: RowCells) -> Decimal:
    """As stated, or from start to end; where they are written coarsely, to the second, as far as clock or amount say it."""
    columns = report.columns
    if columns.has_instants:
        start = cells.instant(columns.start[0], "give the entry its start")
        return hours_of(cells.instant(columns.end[0], STOP) - start)
    stated = cells.hours(columns.hours)
    if columns.until is None:
        return stated
    interval = readable(lambda: _interval(columns, cells))
    amount = readable(lambda: cells.quantity(report.amount))
    return _to_the_second(stated, interval, amount, readable(lambda: cells.quantity(report.rate)))


def _interval(columns: Columns, cells: RowCells) -> Decimal | None:
    """Seconds by the clock, over midnight too; None where the row says no end."""
    until, start = columns.until or "", cells.moment(columns.start)
    if not cells.text(until):
        return None
    end = cells.said(until, lambda text: read_moment(start.date(), text))
    return Decimal(int((end - start).total_seconds()) % DAY_SECONDS)


def _to_the_second(hours: Decimal, interval: Decimal | None, amount: Decimal | None, rate: Decimal | None) -> Decimal:
    """Of 1.33 h from 9:00 to 10:20 it is 1:20; and where the clock has no seconds, what 120.75 is at 90.00: 1:20:30."""
    worth = amount * 3600 / rate if amount and rate else None
    for seconds in (interval, worth):
        if (
            seconds is not None
            and abs(seconds - hours * 3600) <= COARSE_SECONDS
            and (worth is None or abs(worth - seconds) < 1)
        ):
            return (seconds.quantize(Decimal(1), ROUND_HALF_UP) / 3600).quantize(SIX_DECIMALS, ROUND_HALF_UP)
    return hours


def _rate(
    report: ReportForm, cells: RowCells, hours: Decimal, amount_column: str | None, currency: str
) -> Decimal | None:
    """As stated, else what gives the amount; of a fixed price always that. None where the row has neither."""
    columns, column, what = report.columns, report.rate, "a rate"
    if columns.in_cents:
        return cells.cents(column or "")
    amount, rate = cells.quantity(amount_column), cells.quantity(column)
    is_fixed = bool(cells.quantity(columns.fixed))
    if is_fixed or (rate is None and amount_column is not None and (amount or columns.rate is None)):
        column, what, rate = amount_column, "an amount", rate_giving(amount or Decimal(0), hours, currency)
    if is_fixed and rate is None:
        reason = "a fixed price without hours has no rate; bill it as a fee, or give it hours"
        raise cells.fault(columns.fixed or "", reason)
    if column is not None and rate is not None and rate < 0:
        raise cells.fault(column, f"expected {what} that is not negative; correct it")
    return rate


def rate_giving(amount: Decimal, hours: Decimal, currency: str) -> Decimal | None:
    """The plainest rate an hour that gives the amount: of 118.75 in 1:15 it is 95. None where there are no hours."""
    if not hours:
        return None
    seconds = (hours * 3600).quantize(Decimal(1), ROUND_HALF_UP)
    exact = amount * 3600 / seconds if seconds else amount / hours
    *rates, finest = (exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) for places in range(RATE_DECIMALS + 1))
    return next((rate for rate in rates if exact_value_of(hours, rate, currency) == amount), finest)


def _person(report: ReportForm, cells: RowCells) -> Named:
    columns = report.columns
    for place in columns.person:
        if text := " ".join(map(cells.text, place)).strip():
            by_id = cells.named(text, place[0])
            return Named(by_id.id, cells.text(columns.person_name) or by_id.name)
    raise CellFault(place[0], "", f"nothing is there; name the person in {report.product.title} and export again")


def _client(columns: Columns, cells: RowCells) -> Named:
    text = cells.text(columns.client) or cells.context.choices.client
    if not text:
        reason = "nothing is there; give the project a client, or say --client for such rows"
        raise CellFault(columns.client, "", reason)
    return cells.named(text, columns.client)


def _project(columns: Columns, client: Named, cells: RowCells) -> Named:
    """Two clients may have a project of one name, so its id has both, where it has no id of its own."""
    text = cells.needed(columns.project, "give the entry a project and export again")
    if columns.id is not None:
        return cells.named(text, columns.project)
    return Named(cells.an_id(f"{client.id}: {text}", columns.project), text)


def _role(columns: Columns, cells: RowCells) -> str:
    """The first of several."""
    first = cells.text(columns.roles).partition(",")[0].strip()
    return cells.an_id(first, columns.roles or "") if first else cells.context.choices.role


def _amount_column(report: ReportForm, cells: RowCells) -> str | None:
    """Of several the one that is filled; of empty ones the first."""
    if report.amount is not None:
        return report.amount
    amounts = cells.context.amounts
    filled = [column for column in amounts if cells.quantity(column)]
    if len(filled) > 1:
        raise cells.fault(filled[1], f'"{filled[0]}" has an amount too; leave one in')
    return next(iter((*filled, *amounts)), None)


def _currency(report: ReportForm, amount: str | None, cells: RowCells) -> str:
    column = report.columns.currency
    if column is None:
        return cells.currency(report.codes.get(amount or ""), report.columns.billable)
    text = cells.text(column)
    match = _CODE.search(text)
    if text and match is None and column not in report.product.beside:
        raise CellFault(column, text, "expected a currency such as Euro - EUR; correct it at the client")
    return cells.currency(match[1] if match else text, column)
