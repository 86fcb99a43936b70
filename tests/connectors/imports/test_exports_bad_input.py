"""What people give an import by mistake, for all products: recognised, or refused with place, value and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connectors.imports.products.product import CLOCKIFY, HARVEST, KIMAI, SOLIDTIME, TOGGL, Product
from connectors.imports.refusals import ImportRefused
from tests.connectors.imports import made_exports
from tests.connectors.imports.exporting import entries, events, imported, listed, zipped
from tests.connectors.imports.made_exports import Locale
from tests.connectors.imports.test_exports_kimai import ROW as KIMAI_ROW
from tests.connectors.imports.test_exports_rows import CLOCKIFY_ROW, HARVEST_ROW, SOLIDTIME_ROW, TOGGL_ROW, written


class Sample(NamedTuple):
    """One row of a product's export; `hours` and `dates` are its columns of these, `note` one of free text."""

    product: Product
    row: Mapping[str, str]
    note: str
    hours: str = ""
    dates: tuple[str, ...] = ()

    def text(self, *others: dict[str, str], **first: str) -> str:
        return written({**self.row, **first}, *others)

    def written_in(self, locale: Locale) -> str:
        return made_exports.table(tuple(self.row), [tuple(self.row.values())], locale)

    def on(self, date: str) -> dict[str, str]:
        return dict.fromkeys(self.dates, date)


SAMPLES = (
    Sample(HARVEST, HARVEST_ROW, "Notes", "Hours", ("Date",)),
    Sample(TOGGL, TOGGL_ROW, "Description", "Duration", ("Start date", "End date")),
    Sample(CLOCKIFY, CLOCKIFY_ROW, "Description", "Duration (h)", ("Start Date", "End Date")),
    Sample(KIMAI, KIMAI_ROW, "Description", "Duration", ("Date",)),
    Sample(SOLIDTIME, SOLIDTIME_ROW, "description"),
)
DATED = SAMPLES[:4]
of_all = pytest.mark.parametrize("sample", SAMPLES, ids=[each.product.key for each in SAMPLES])
of_dated = pytest.mark.parametrize("sample", DATED, ids=[each.product.key for each in DATED])
RATE: dict[str, Any] = {"rate": Decimal(100)}


def refusal(folder: Path, content: str | bytes, product: Product, **said: Any) -> str:
    """Nothing is written then."""
    with pytest.raises(ImportRefused) as fault:
        imported(folder, content, product, **{**RATE, **said})
    assert not (folder / "out").exists()
    return str(fault.value)


@of_all
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"], ids=lambda name: name
)
def test_text_of_any_unicode_encoding_is_read(tmp_path: Path, sample: Sample, encoding: str) -> None:
    """With and without its byte order mark."""
    content = sample.text(**{sample.note: "Größe"}).encode(encoding)
    (entry,) = entries(imported(tmp_path, content, sample.product, **RATE))
    assert entry["description"] == "Größe"


@of_all
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_that_spreadsheets_write(tmp_path: Path, sample: Sample, delimiter: str) -> None:
    content = sample.written_in(Locale(delimiter=delimiter))
    assert imported(tmp_path, content, sample.product, **RATE).imported.rows == 1
    told = f"sep={delimiter}\n{content}"
    assert imported(tmp_path, told, sample.product, "told", **RATE).changes.unchanged == 1


@of_all
@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_of_other_systems(tmp_path: Path, sample: Sample, ending: str) -> None:
    result = imported(tmp_path, sample.text().replace("\n", ending), sample.product, **RATE)
    assert (result.imported.rows, result.refused.rows) == (1, 0)


@of_all
def test_columns_in_another_order_and_further_ones(tmp_path: Path, sample: Sample) -> None:
    turned = {"Weather": "fine", **dict(reversed(list(sample.row.items())))}
    assert imported(tmp_path, written(turned), sample.product, **RATE).imported.rows == 1


@of_all
def test_a_note_of_several_lines_is_one_row_and_later_rows_have_their_line(tmp_path: Path, sample: Sample) -> None:
    second = {sample.note: "ok", "id": "e-2"} if "id" in sample.row else {sample.note: "ok"}
    broken = {**second, "Project": "", "project_id": ""}
    fields = {key: value for key, value in broken.items() if key in sample.row}
    result = imported(tmp_path, sample.text(fields, **{sample.note: 'first, "quoted"\nsecond'}), sample.product, **RATE)
    assert entries(result)[0]["description"] == 'first, "quoted" second'
    assert [each["line"] for each in listed(result)] == [4]


@of_all
def test_the_last_line_of_a_file_that_was_cut_off_is_refused(tmp_path: Path, sample: Sample) -> None:
    whole = sample.text({sample.note: "more", **({"id": "e-2"} if "id" in sample.row else {})})
    result = imported(tmp_path, whole[: len(whole) - 40], sample.product, **RATE)
    (found,) = listed(result)
    assert (result.imported.rows, found["line"]) == (1, 3)
    assert found["reason"].endswith("correct the line, or export again if the file was cut off")


@of_all
def test_a_quote_that_never_closes_refuses_the_file(tmp_path: Path, sample: Sample) -> None:
    """The rows that it swallows would be missing from every sum."""
    told = refusal(tmp_path, sample.text() + '"never closed,\n' + "a,b\n" * 3, sample.product)
    assert "line 3: a quote begins here that is not closed as it has to be, so lines 3 to 6 are read as one row" in told


@of_all
def test_a_header_without_rows_says_so(tmp_path: Path, sample: Sample) -> None:
    told = refusal(tmp_path, sample.text().splitlines()[0] + "\n", sample.product)
    assert f"no rows: the header of {sample.product.title} and nothing below it" in told
    assert sample.product.export in told


@of_all
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "expected a header in line 1, came nothing; export again"),
        (b"\r\n\r\n", "expected a header in line 1, came nothing; export again"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "is a spreadsheet; export as CSV, or save the sheet as CSV"),
        (zipped("mimetype", "content.xml"), "is a spreadsheet; export as CSV, or save the sheet as CSV"),
        (
            zipped("xl/workbook.xml")[:30],
            "is a zip or a spreadsheet (xlsx, ods) that is cut off; make the export again",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is a spreadsheet of an old format; export as CSV"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF; make the export as CSV"),
        (b"<!DOCTYPE html>\n<html>log in</html>\n", "is a web page, perhaps one that asks to log in"),
        (b"\xef\xbb\xbf\n<!doctype html>\n", "is a web page, perhaps one that asks to log in"),
        (b'[{"id": 1}]\n', "is JSON; make the export as CSV"),
        (b'{"entries": []}\n', "is JSON; make the export as CSV"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "expected a CSV, came bytes that are no text"),
        (b"Datum;Kunde;Projekt;Stunden\n02.03.2026;a;b;1,5\n", "it has Datum, Kunde, Projekt, Stunden"),
    ],
    ids=[
        "empty",
        "blank",
        "xlsx",
        "ods",
        "cut xlsx",
        "xls",
        "pdf",
        "html",
        "html with mark",
        "json",
        "json object",
        "png",
        "german",
    ],
)
def test_a_file_that_is_no_export_is_named(tmp_path: Path, sample: Sample, content: bytes, told: str) -> None:
    assert told in refusal(tmp_path, content, sample.product)


@pytest.mark.parametrize("product", [HARVEST, TOGGL, CLOCKIFY], ids=lambda product: product.key)
def test_a_zip_is_unpacked_by_the_user(tmp_path: Path, product: Product) -> None:
    assert "is a zip with report.csv; unpack it and give the CSV" in refusal(tmp_path, zipped("report.csv"), product)
    told = refusal(tmp_path, zipped("report.csv"), SOLIDTIME)
    assert "expected time_entries.csv of solidtime in the zip, came report.csv" in told


@of_all
def test_a_row_that_stands_there_twice_is_imported_once(tmp_path: Path, sample: Sample) -> None:
    result = imported(tmp_path, sample.text({}), sample.product, **RATE)
    (found,) = listed(result)
    assert (result.imported.rows, found["line"]) == (1, 3)
    assert found["reason"].startswith("line 2 ")


@of_dated
@pytest.mark.parametrize(
    ("text", "hours"), [("1:30", "1.5"), ("01:30:00", "1.5"), ("1.5", "1.5"), ("1,5", "1.5"), (" 1:30 ", "1.5")]
)
def test_hours_in_any_form(tmp_path: Path, sample: Sample, text: str, hours: str) -> None:
    """The rest of the row has no number that would settle another sign."""
    plain = {sample.hours: text, **{column: "" for column in sample.row if "Rate" in column or "mount" in column}}
    plain |= {"Duration (decimal)": ""} if "Duration (decimal)" in sample.row else {}
    (entry,) = entries(imported(tmp_path, sample.text(**plain), sample.product, **RATE))
    assert entry["hours"] == hours


@of_dated
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1.5h", "such as 1:30 or 1"),
        ("1h 30m", "such as 1:30 or 1"),
        ("90 min", "such as 1:30 or 1"),
        ("1:75", "such as 1:30 or 1"),
        ("1e2", "such as 1:30 or 1"),
        ("NaN", "such as 1:30 or 1"),
        ("９", "such as 1:30 or 1"),
        ("-0:30", "expected hours that are not negative; correct the entry"),
        ("-2", "expected hours that are not negative; correct the entry"),
        ("24:01", "expected at most 24 hours in one entry, got 24.016667; split it by day"),
        ("240", "expected at most 24 hours in one entry, got 240; split it by day"),
        ("", "nothing is there; stop the timer if it still runs, or give the entry hours, and export again"),
    ],
)
def test_hours_that_are_none(tmp_path: Path, sample: Sample, text: str, told: str) -> None:
    result = imported(tmp_path, sample.text({sample.hours: text, sample.note: "x"}), sample.product, **RATE)
    (found,) = listed(result)
    assert (found["line"], found["column"], found.get("value", "")) == (3, sample.hours, text)
    assert told in found["reason"]
    assert result.imported.rows == 1


@of_dated
@pytest.mark.parametrize("text", ["26:30:00", "26:30"])
def test_a_total_of_more_than_a_day_is_read_and_refused(tmp_path: Path, sample: Sample, text: str) -> None:
    """26:30:00 is 26.5 hours, not 2:30 of the next day: the sums have it, and no entry does."""
    result = imported(tmp_path, sample.text({sample.hours: text, sample.note: "x"}), sample.product, **RATE)
    (found,) = listed(result)
    assert found["reason"] == "expected at most 24 hours in one entry, got 26.5; split it by day"
    assert (result.imported.rows, result.refused.hours) == (1, Decimal("26.5"))


def test_a_timer_of_solidtime_over_a_day_is_refused(tmp_path: Path) -> None:
    """From 23:30 on Monday to 2:00 on Wednesday: its archive has no durations."""
    over = {"id": "e-2", "end": "2026-03-04T02:00:00Z"}
    result = imported(tmp_path, written(SOLIDTIME_ROW, over), SOLIDTIME)
    (found,) = listed(result)
    assert found["reason"] == "expected at most 24 hours in one entry, got 26.5; split it by day"
    assert (result.imported.rows, result.refused.hours) == (1, Decimal("26.5"))


@of_dated
@pytest.mark.parametrize("text", ["03/04/2026", "3.4.2026", "04-03-2026"])
def test_a_date_that_may_be_of_two_days_is_asked_for(tmp_path: Path, sample: Sample, text: str) -> None:
    told = refusal(tmp_path, sample.text(**sample.on(text)), sample.product)
    assert f'line 2: column "{sample.dates[0]}": "{text}" may be day or month first' in told
    assert "say --date-order dmy, mdy or ymd" in told


@of_dated
@pytest.mark.parametrize(
    ("text", "order", "day"), [("03/04/2026", "dmy", "2026-04-03"), ("03/04/2026", "mdy", "2026-03-04")]
)
def test_the_order_that_is_said_holds(tmp_path: Path, sample: Sample, text: str, order: str, day: str) -> None:
    (entry,) = entries(imported(tmp_path, sample.text(**sample.on(text)), sample.product, date_order=order, **RATE))
    assert entry["worked_on"] == day


@of_dated
def test_an_order_that_the_file_contradicts_is_refused(tmp_path: Path, sample: Sample) -> None:
    """Else 3 April would become 4 March, and only the other rows would be refused."""
    content = sample.text({**sample.on("25/04/2026"), sample.note: "x"}, **sample.on("03/04/2026"))
    told = refusal(tmp_path, content, sample.product, date_order="mdy")
    assert f'--date-order mdy: line 3: column "{sample.dates[0]}": "25/04/2026" is day/month/year' in told
    assert "say --date-order dmy" in told


@of_dated
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("soon", "expected a date as year-month-day, such as 2026-03-31; correct it, or say --date-order"),
        ("3/4/26", "expected a date as year-month-day, such as 2026-03-31; correct it, or say --date-order"),
        ("46083", "expected a date as year-month-day, such as 2026-03-31; correct it, or say --date-order"),
        ("2026-03-02T00:00:00", "expected a date as year-month-day, such as 2026-03-31; correct it"),
        ("2026-02-30", "a date that is in no calendar, as year-month-day; correct it"),
        ("31/04/2026", "a date that is in no calendar, as day/month/year; correct it"),
        ("1970-01-01", "expected a date from 1990-01-01 to 2100-12-31; correct it"),
    ],
)
def test_a_date_that_is_none_says_the_form(tmp_path: Path, sample: Sample, text: str, told: str) -> None:
    result = imported(tmp_path, sample.text(**sample.on(text)), sample.product, **RATE)
    (found,) = listed(result)
    assert (found["line"], found["column"], found["value"]) == (2, sample.dates[0], text)
    assert found["reason"].startswith(told)


@pytest.mark.parametrize(("decimal", "cell"), [("point", "7,5"), ("comma", "7.5")])
def test_a_decimal_that_the_file_contradicts_is_refused(tmp_path: Path, decimal: str, cell: str) -> None:
    other = {"7,5": "comma", "7.5": "point"}[cell]
    row = {"Hours": cell, "Billable Rate": "", "Billable Amount": "", "Cost Rate": "", "Cost Amount": ""}
    told = refusal(tmp_path, written({**HARVEST_ROW, **row}), HARVEST, decimal=decimal)
    assert f'--decimal {decimal}: line 2: column "Hours": "{cell}" has a decimal {other}' in told


def test_an_unknown_currency_of_the_organisation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "organizations.csv").write_text("id,name,billable_rate,currency\no-1,Studio,,XBT\n")
    (found,) = listed(imported(tmp_path, written(SOLIDTIME_ROW), SOLIDTIME))
    assert found["reason"] == "expected a currency of ISO 4217, such as EUR; correct it"


@of_all
def test_the_same_export_with_an_option_less_changes_nothing(tmp_path: Path, sample: Sample) -> None:
    """The rate of an option is not the row's: left out the next time, it makes no new version of every entry."""
    imported(tmp_path, sample.text(), sample.product, **RATE)
    before = events(tmp_path / "out")
    again = imported(tmp_path, sample.text(), sample.product, "again", cost_rate=None)
    assert (again.changes.unchanged, again.events, again.unrated) == (1, (), 0)
    assert events(tmp_path / "out") == before


@of_dated
def test_a_corrected_row_is_a_new_version_and_the_rest_stays(tmp_path: Path, sample: Sample) -> None:
    other = {
        sample.note: "other",
        **({"Start time": "14:00:00", "End time": "15:30:00"} if sample.product is TOGGL else {}),
    }
    other |= {"Start Time": "02:00:00 PM", "End Time": "03:30:00 PM"} if sample.product is CLOCKIFY else {}
    imported(tmp_path, sample.text(other), sample.product, **RATE)
    later = {"End time": "15:45:00"} if sample.product is TOGGL else {}
    later |= {"End Time": "03:45:00 PM"} if sample.product is CLOCKIFY else {}
    corrected = imported(tmp_path, sample.text({**other, **later, sample.hours: "1:45"}), sample.product, "b", **RATE)
    assert (corrected.changes.changed, corrected.changes.unchanged, corrected.changes.new) == (1, 1, 0)
    (entry,) = entries(corrected)
    assert (entry["hours"], entry["version"]) == ("1.75", 2)
