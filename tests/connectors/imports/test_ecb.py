"""The European Central Bank's table becomes exchange rates from EUR."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.imports.ecb import ImportedRates, RatesWanted, import_rates
from connectors.imports.events_file import ImportTarget
from connectors.imports.refusals import ImportRefused
from connectors.json_records import event_from_json
from tests.connectors.imports.exporting import NOW

ALL = RatesWanted(date(1990, 1, 1), date(2100, 12, 31), ())
# As the bank gives it: newest first, N/A where not quoted, a comma at every end.
HISTORY = """Date,USD,JPY,EEK,
2011-01-03,1.3348,108.65,N/A,
2010-12-31,1.3362,108.65,15.6466,
2010-12-30,1.3280,108.40,15.6466,
"""


def imported(folder: Path, content: str | bytes, wanted: RatesWanted = ALL, name: str = "rates.csv") -> ImportedRates:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_rates(path, wanted, ImportTarget(folder / "out", "ecb", "rates", replace=True), NOW)


def rates(result: ImportedRates) -> list[tuple[str, str, str]]:
    return [(event["date"], event["to_currency"], event["rate"]) for event in events(result)]


def events(result: ImportedRates) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.events_path.read_text(encoding="utf-8").splitlines()]


def test_each_quoted_cell_is_a_rate_oldest_day_first(tmp_path: Path) -> None:
    result = imported(tmp_path, HISTORY)
    assert rates(result) == [
        ("2010-12-30", "EEK", "15.6466"),
        ("2010-12-30", "JPY", "108.40"),
        ("2010-12-30", "USD", "1.3280"),
        ("2010-12-31", "EEK", "15.6466"),
        ("2010-12-31", "JPY", "108.65"),
        ("2010-12-31", "USD", "1.3362"),
        ("2011-01-03", "JPY", "108.65"),
        ("2011-01-03", "USD", "1.3348"),
    ]
    assert (result.days, result.imported, result.not_quoted, result.rejected) == (3, 8, 1, 0)
    for event in events(result):
        event_from_json(event)
    assert events(result)[-1] == {
        "type": "ExchangeRateSet",
        "event_id": "ecb:2011-01-03:USD",
        "occurred_at": "2011-01-03T15:00:00Z",
        "source": "ecb",
        "rate_type": "spot",
        "from_currency": "EUR",
        "to_currency": "USD",
        "date": "2011-01-03",
        "rate": "1.3348",
        "version": 1,
    }


def test_the_order_of_the_days_is_nothing(tmp_path: Path) -> None:
    header, *days = HISTORY.splitlines(keepends=True)
    content = imported(tmp_path, HISTORY).events_path.read_bytes()
    assert imported(tmp_path, header + "".join(reversed(days))).events_path.read_bytes() == content


def test_days_and_currencies_can_be_chosen(tmp_path: Path) -> None:
    wanted = RatesWanted(date(2010, 12, 31), date(2010, 12, 31), ("USD", "EEK"))
    result = imported(tmp_path, HISTORY, wanted)
    assert rates(result) == [("2010-12-31", "EEK", "15.6466"), ("2010-12-31", "USD", "1.3362")]
    assert (result.first_day, result.last_day) == (date(2010, 12, 31), date(2010, 12, 31))


def test_the_zip_is_read_as_it_was_downloaded(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "eurofxref-hist.zip", "w") as archive:
        archive.writestr("eurofxref-hist.csv", HISTORY)
    content = (tmp_path / "eurofxref-hist.zip").read_bytes()
    assert imported(tmp_path, content, name="eurofxref-hist.zip").imported == 8


def test_the_file_of_the_last_day_is_read_too(tmp_path: Path) -> None:
    result = imported(tmp_path, "Date, USD, JPY, \n09 May 2025, 1.1252, 163.36, \n")
    assert rates(result) == [("2025-05-09", "JPY", "163.36"), ("2025-05-09", "USD", "1.1252")]


def test_cells_and_rows_that_cannot_be_read_are_listed(tmp_path: Path) -> None:
    content = "\ufeffdate,USD,GBP\n2025-05-07,1.1,zero\n2025-05-08,0.00,0.85\nsoon,1.1,0.85\n"
    content += "2025-05-07,1.2,0.8\n2025-05-09,1.1\n"
    result = imported(tmp_path, content.encode() + b"2025-05-12,1.1,0.8\xff\n")
    assert rates(result) == [("2025-05-07", "USD", "1.1"), ("2025-05-08", "GBP", "0.85")]
    assert result.rejected_path is not None
    assert [(each.line, each.column, each.value) for each, _ in result.rejected_rows] == [
        (2, "GBP", "zero"),
        (3, "USD", "0.00"),
        (4, "date", "soon"),
        (5, "date", "2025-05-07"),
        (6, "", ""),
        (7, "", ""),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "expected a header in line 1, came nothing"),
        ("Day,USD\n", "came Day, USD"),
        ("Date,Dollar\n", "came Dollar"),
        ("<!doctype html>\n", "is a web page"),
    ],
)
def test_what_is_not_the_table_is_refused(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        imported(tmp_path, content)


def test_a_currency_that_is_not_quoted_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match='came "USP"; the nearest is "USD"; it has USD, JPY, EEK'):
        imported(tmp_path, HISTORY, ALL._replace(currencies=("USP",)))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [("Date,USD,\n", ALL), ("Date,USD,\n2026-03-02,1.1,\n", RatesWanted(date(2026, 4, 1), date(2026, 4, 30), ()))],
    ids=["header only", "other days"],
)
def test_a_file_without_a_wanted_day_says_so(tmp_path: Path, content: str, wanted: RatesWanted) -> None:
    with pytest.raises(ImportRefused, match=f"no rates: the file has no day from {wanted.first} to {wanted.last}, so"):
        imported(tmp_path, content, wanted)
    assert not list(tmp_path.rglob("*.jsonl"))
