"""The euro reference rates of the European Central Bank, as `ExchangeRateSet` from EUR.

Read as the bank gives them, as CSV or inside its zip: the date first, then one column a currency with its units for one
euro; newest or oldest first; empty or `N/A` where it was not quoted. There are no rates on weekends and holidays, and
none are made up here.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, TextIO

from connectors.imports.csv_rows import Broken, CsvTable, open_text, read_table, text_of
from connectors.imports.events_file import ImportTarget
from connectors.imports.mapping import FileForm
from connectors.imports.readings import UnreadableCell, instant_text, read_date
from connectors.imports.refusals import ImportRefused, nearest, readable_file
from connectors.imports.rejections import ByReason, CellFault, CsvRow, RejectedRow, RejectedRows, rejected_json
from domain.reference.zones import universal_day, universal_midnight
from domain.units import MICROSECONDS_A_SECOND, Instant

SOURCE = "ecb"
BASE_CURRENCY = "EUR"
RATE_TYPE = "spot"
FILE_BYTES_MAX = 64 * 1024 * 1024

# The history has ISO dates, the file of the last day has `09 May 2025`.
_DATE_FORMATS = ("%Y-%m-%d", "%d %B %Y")
# Published at about 16:00 in Frankfurt, so known at 15:00 UTC on a winter's day.
_KNOWN_AT = 15 * 3600 * MICROSECONDS_A_SECOND
_FORM = FileForm(empty=("N/A", "-"))
_RATE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_RATE_EVENT = "ExchangeRateSet"


class RatesWanted(NamedTuple):
    """Both days included; no currencies named are all of the table."""

    first: date
    last: date
    currencies: tuple[str, ...]


class ImportedRates(NamedTuple):
    """Every quoted cell of a wanted day and currency is imported or rejected. Nothing is written where nothing is imported."""

    days: int
    imported: int
    not_quoted: int
    rejected: int
    currencies: tuple[str, ...]
    first_day: date | None
    last_day: date | None
    events_path: Path
    rejected_path: Path | None
    rejected_rows: tuple[RejectedRows, ...]


def import_rates(path: Path, wanted: RatesWanted, target: ImportTarget, now: Instant) -> ImportedRates:
    """Writes `ecb-<name>.jsonl`, oldest day first, and `<name>.rejected.jsonl` where something could not be read.

    Nothing is known later than `now`, and a rate of a day after it is refused.
    """
    rejected: list[RejectedRow] = []
    with _opened(path) as file:
        table = read_table(file, path, _FORM)
        _check_header(table.header, path)
        currencies = _chosen(wanted.currencies, table.header, path)
        days = _days(table, wanted, rejected, date.fromordinal(universal_day(now)))
    if not days and not rejected:
        raise ImportRefused(
            f"{path}: no rates: the file has no day from {wanted.first} to {wanted.last}, so there is nothing to import;"
            " take the bank's file of all days (eurofxref-hist.zip), or say other days with --from and --to"
        )
    events = list(_events(days, currencies, rejected, now))
    rejected.sort(key=lambda each: each.line)
    if events:
        target.write(events)
    return ImportedRates(
        days=len(days),
        imported=len(events),
        not_quoted=sum(not row.cells[currency] for row in days.values() for currency in currencies),
        rejected=len(rejected),
        currencies=currencies,
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        events_path=target.events_path,
        rejected_path=target.write_rejected(map(rejected_json, rejected)),
        rejected_rows=ByReason(rejected).by_reason(),
    )


def _opened(path: Path) -> TextIO:
    """The CSV, or the one CSV in the zip."""
    with readable_file(path):
        if not zipfile.is_zipfile(path):
            return open_text(path, _FORM.encoding)
        with zipfile.ZipFile(path) as archive:
            tables = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".csv")]
            if len(tables) != 1:
                raise ImportRefused(f"{path}: expected one CSV file in the zip, came {len(tables)}")
            if tables[0].file_size > FILE_BYTES_MAX:
                raise ImportRefused(
                    f"{path}: expected at most {FILE_BYTES_MAX // 1024 // 1024} MiB, which is more than all rates"
                )
            return text_of(archive.read(tables[0]), _FORM.encoding)


def _check_header(header: Sequence[str], path: Path) -> None:
    """The date's column first; the bank ends its lines with a comma, which gives an empty last one."""
    strange = [name for name in header[1:] if name and not _CURRENCY.fullmatch(name)]
    if header[0].casefold() != "date" or strange:
        came = ", ".join(strange[:5] or header[:5])
        raise ImportRefused(f"{path}: expected a header of Date and currency codes (Date,USD,JPY,...), came {came}")


def _chosen(wanted: Sequence[str], header: Sequence[str], path: Path) -> tuple[str, ...]:
    quoted = [name for name in header[1:] if name]
    for currency in wanted:
        if currency not in quoted:
            raise ImportRefused(
                f'--currencies: expected currencies of {path.name}, came "{currency}"{nearest(currency, quoted)};'
                f" it has {', '.join(quoted)}"
            )
    return tuple(sorted(set(wanted or quoted)))


def _days(table: CsvTable, wanted: RatesWanted, rejected: list[RejectedRow], today: date) -> dict[date, CsvRow]:
    """The wanted days, oldest first."""
    days: dict[date, CsvRow] = {}
    column = table.header[0]
    for row in table.rows:
        if isinstance(row, Broken):
            rejected.append(row.rejected(_RATE_EVENT))
            continue
        text, reason = row.cells[column], ""
        try:
            day = read_date(text, _DATE_FORMATS)
        except UnreadableCell as fault:
            reason = str(fault)
        else:
            if not wanted.first <= day <= wanted.last:
                continue
            if day in days:
                reason = f"line {days[day].line} has this date already"
            elif day > today:
                reason = f"a rate of a day after today, {today}; correct the date"
            else:
                days[day] = row
        if reason:
            rejected.append(CellFault(column, text, reason).rejected(row, _RATE_EVENT))
    return dict(sorted(days.items()))


def _events(
    days: Mapping[date, CsvRow], currencies: Sequence[str], rejected: list[RejectedRow], now: Instant
) -> Iterator[dict[str, object]]:
    for day, row in days.items():
        known_at = min(universal_midnight(day) + _KNOWN_AT, now)
        for currency in currencies:
            text = row.cells[currency]
            if not text:
                continue
            if not _RATE.fullmatch(text) or not text.strip("0."):
                reason = "expected units of the currency for one euro, above zero, with at most 12 decimals, or N/A"
                rejected.append(CellFault(currency, text, reason).rejected(row, _RATE_EVENT))
                continue
            yield {
                "type": _RATE_EVENT,
                "event_id": f"{SOURCE}:{day}:{currency}",
                "occurred_at": instant_text(known_at),
                "source": SOURCE,
                "rate_type": RATE_TYPE,
                "from_currency": BASE_CURRENCY,
                "to_currency": currency,
                "date": day.isoformat(),
                "rate": text,
                "version": 1,
            }
