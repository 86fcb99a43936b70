"""A time export becomes events: the rows that can be read, in order, with ids that survive the next export."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.imports.csv_rows import CUT_OFF
from connectors.imports.csv_time import ImportedTime, import_time
from connectors.imports.events_file import ImportTarget
from connectors.imports.mapping import read_mapping
from connectors.imports.readings import read_instant
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import RowSums
from connectors.imports.time_rows import TimeWanted
from tests.connectors.imports.exporting import FIELDS, NOW, zipped

WANTED = TimeWanted(NOW)
HEADER = "Id,Project,Person,Date,Hours\n"


def imported(
    folder: Path,
    csv: str | bytes,
    mapping: str = FIELDS,
    name: str = "march",
    replace: bool = False,
    wanted: TimeWanted = WANTED,
    is_dry_run: bool = False,
) -> ImportedTime:
    """The CSV and the mapping go through files, as they do for people."""
    path, mapping_path = folder / f"{name}.csv", folder / "timesheets.toml"
    path.write_bytes(csv if isinstance(csv, bytes) else csv.encode())
    mapping_path.write_text(mapping, encoding="utf-8")
    target = ImportTarget(folder / "out", "csv", name, replace, is_dry_run=is_dry_run)
    return import_time(path, read_mapping(mapping_path), mapping_path.name, target, wanted)


def events(result: ImportedTime, kind: str | None = "TimeApproved") -> list[dict[str, Any]]:
    records = [json.loads(line) for line in result.events_path.read_text(encoding="utf-8").splitlines()]
    return [record for record in records if kind is None or record["type"] == kind]


def rejected(result: ImportedTime) -> list[dict[str, Any]]:
    assert result.rejected_path is not None
    return [json.loads(line) for line in result.rejected_path.read_text(encoding="utf-8").splitlines()]


def hours(result: ImportedTime) -> list[str]:
    return [event["hours"] for event in events(result)]


def without_event_id(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key != "event_id"} for record in records]


def test_a_row_is_an_approved_entry(tmp_path: Path) -> None:
    """Known when its day is over in the zone of the file, as nothing else says when it was approved."""
    result = imported(tmp_path, HEADER + "7,Bridge,Ben,2026-03-31,7.50\n")
    assert events(result) == [
        {
            "type": "TimeApproved",
            "event_id": "march:2",
            "occurred_at": "2026-03-31T21:59:59Z",
            "source": "timesheets",
            "project_id": "Bridge",
            "entry_id": "7",
            "version": 1,
            "person_id": "Ben",
            "worked_on": "2026-03-31",
            "hours": "7.5",
            "approved_by": "ada",
        }
    ]
    assert (result.rows, result.imported, result.hours) == (1, 1, Decimal("7.5"))
    assert result.rejected_path is None


def test_time_leaves_in_the_order_of_its_days(tmp_path: Path) -> None:
    result = imported(tmp_path, HEADER + "3,P,Ben,2026-03-03,3\n1,P,Ben,2026-03-01,1\n2,P,Ben,2026-03-02,2\n")
    assert hours(result) == ["1", "2", "3"]
    assert str(result.first_day) == "2026-03-01"
    assert str(result.last_day) == "2026-03-03"


def test_rows_that_cannot_be_read_are_listed_with_their_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    result = imported(
        tmp_path,
        HEADER
        + "1,P,Ben,2026-03-01,8\n"
        + '2,P,Ben,2026-03-02,"7,5"\n'
        + "3,P,Ben,03/03/2026,8\n"
        + "4,P,,2026-03-04,8\n"
        + "5,P,Ben,2026-03-05\n"
        + '6,"P,Ben",2026-03-06,8\n'
        + "7,P,Ben,2026-03-07,8\n",
    )
    assert [event["entry_id"] for event in events(result)] == ["1", "7"]
    assert [(each["line"], each.get("column"), each.get("value")) for each in rejected(result)] == [
        (3, "Hours", "7,5"),
        (4, "Date", "03/03/2026"),
        (5, "Person", None),
        (6, None, None),
        (7, None, None),
    ]
    assert rejected(result)[0]["reason"] == 'expected a number with "." before its decimals'
    assert list(rejected(result)[0]["row"].values()) == ["2", "P", "Ben", "2026-03-02", "7,5"]
    assert rejected(result)[3]["reason"] == f"expected 5 cells as in the header, came 4; {CUT_OFF}"
    assert (result.rows, result.imported, result.rejected) == (7, 2, 5)


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    """A note over several lines and an empty line do not shift the numbers."""
    mapping = FIELDS + 'description = "Note"\n[file]\nskip_lines = 1\n'
    csv = 'Report of March\nId,Project,Person,Date,Hours,Note\n1,P,Ben,2026-03-01,8,"two\nlines"\n\n2,P,Ben,soon,8,\n'
    result = imported(tmp_path, csv, mapping)
    assert events(result)[0]["description"] == "two\nlines"
    assert [each["line"] for each in rejected(result)] == [6]


def test_a_quote_that_never_ends_loses_no_line_in_silence(tmp_path: Path) -> None:
    with pytest.raises(
        ImportRefused, match=r"march\.csv: line 3: a quote begins here .* so lines 3 to 4 are read as one row"
    ):
        imported(tmp_path, HEADER + '1,P,Ben,2026-03-01,8\n2,"P,Ben,2026-03-02,8\n3,P,Ben,2026-03-03,8\n')
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(
    ("rows", "first", "last"),
    [
        # It meets the quote of a cell below it.
        ('1,P,Ben,"2026-03-01,8\n2,P,Ben,"2026-03-02",8\n', 2, 3),
        # The row begins with a note over two lines, and signs that are written twice.
        ('1,"P\n""x"" y","Ben,2026-03-01,8\n2,P,Ben,2026-03-02,8\n', 3, 4),
        ('1,P,Ben 5" tall,2026-03-01,8\n2,P,"Ben ""B,2026-03-02,8\n3,P,Ben,2026-03-02,8\n', 3, 4),
    ],
)
def test_the_line_where_the_quote_begins_is_said(tmp_path: Path, rows: str, first: int, last: int) -> None:
    with pytest.raises(ImportRefused, match=f"line {first}: .* lines {first} to {last} are read"):
        imported(tmp_path, HEADER + rows)


def test_a_quote_at_fault_within_one_line_is_of_that_row_alone(tmp_path: Path) -> None:
    result = imported(tmp_path, HEADER + '1,P,Ben,2026-03-01,8\n2,"P"x,Ben,2026-03-02,8\n3,P,Ben,2026-03-03,8\n')
    (found,) = rejected(result)
    assert (result.imported, found["line"], found["value"]) == (2, 3, '2,"P"x,Ben,2026-03-02,8')


def test_german_numbers_with_semicolons(tmp_path: Path) -> None:
    mapping = FIELDS + '[file]\ndelimiter = ";"\ndecimal = ","\nthousands = "."\ndate_formats = "%d.%m.%Y"\n'
    csv = "Id;Project;Person;Date;Hours\n1;P;Ben;01.03.2026;7,5\n2;P;Ben;02.03.2026;2.000,25\n3;P;Ben;03.03.2026;2.5\n"
    result = imported(tmp_path, csv, mapping)
    assert hours(result) == ["7.5", "2000.25"]
    assert rejected(result)[0]["line"] == 4


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "utf-16", "cp1252"])
def test_encodings_and_the_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    mapping = FIELDS + f'[file]\nencoding = "{encoding.removesuffix("-sig")}"\n'
    csv = '"Id","Project","Person","Date","Hours"\n"1","Brücke","Zoë","2026-03-01","8"\n'
    assert events(imported(tmp_path, csv.encode(encoding), mapping))[0]["person_id"] == "Zoë"


def test_a_byte_of_another_encoding_costs_its_own_row_only(tmp_path: Path) -> None:
    csv = (HEADER + "1,P,Zoë,2026-03-01,8\n2,P,Ben,2026-03-02,8\n").encode("cp1252")
    result = imported(tmp_path, csv)
    assert [event["entry_id"] for event in events(result)] == ["2"]
    assert "byte 0xEB is not utf-8" in rejected(result)[0]["reason"]


def test_an_id_is_the_same_however_its_letters_were_composed(tmp_path: Path) -> None:
    result = imported(tmp_path, HEADER + "1,P,Zoe\u0308,2026-03-01,8\n2,P,Zo\u00eb,2026-03-01,8\n")
    assert {event["person_id"] for event in events(result)} == {"Zoë"}


def test_durations_and_a_twelve_hour_clock(tmp_path: Path) -> None:
    mapping = """
source = "tracker"
zone = "America/New_York"
[file]
instant_formats = "%m/%d/%Y %I:%M:%S %p"
[time]
entry_id = "Id"
project_id = "Project"
person_id = "Person"
started_at = "{Start Date} {Start Time}"
ended_at = "{End Date} {End Time}"
hours = { column = "Duration", unit = "clock" }
approved_by = { value = "ada" }
"""
    csv = (
        "Id,Project,Person,Start Date,Start Time,End Date,End Time,Duration\n"
        "1,P,Ben,10/15/2024,11:00:00 AM,10/15/2024,01:30:00 PM,02:30:00\n"
        "2,P,Ben,10/15/2024,11:00:00 PM,10/16/2024,12:15:00 AM,\n"
        "3,P,Ben,10/15/2024,13:00:00,10/15/2024,14:00:00,01:00:00\n"
        "4,P,Ben,10/15/2024,11:00:00 AM,10/15/2024,10:00:00 AM,01:00:00\n"
    )
    result = imported(tmp_path, csv, mapping)
    first, second = events(result)
    assert first["started_at"] == "2024-10-15T15:00:00Z"
    assert first["ended_at"] == "2024-10-15T17:30:00Z"
    assert (first["hours"], first["zone"]) == ("2.5", "America/New_York")
    assert "hours" not in second
    assert result.hours == Decimal("3.75")
    assert first["occurred_at"] == "2024-10-16T03:59:59Z"
    assert "seconds" not in first
    assert [each["line"] for each in rejected(result)] == [4, 5]
    assert rejected(result)[1]["reason"] == "expected an end that is not before the start"


def test_a_duration_that_six_decimals_cannot_write_has_its_seconds(tmp_path: Path) -> None:
    """1:07:33 is 4053 s, 1.125833 h; 1:30:00 is 1.5 h. A number of hours is what it says."""
    mapping = FIELDS.replace('hours = "Hours"', 'hours = { column = "Hours", unit = "clock" }')
    first, second = events(imported(tmp_path, HEADER + "1,P,B,2026-03-02,1:07:33\n2,P,B,2026-03-02,1:30:00\n", mapping))
    assert (first["hours"], first["seconds"]) == ("1.125833", 4053)
    assert (second["hours"], second.get("seconds")) == ("1.5", None)
    (stated,) = events(imported(tmp_path, HEADER + "1,P,B,2026-03-02,1.125833\n", name="april"))
    assert (stated["hours"], stated.get("seconds")) == ("1.125833", None)


def test_a_field_takes_the_first_of_its_columns_that_is_filled(tmp_path: Path) -> None:
    mapping = FIELDS.replace('"Date"', '["Done", "Begun", "Planned"]')
    csv = (
        "Id,Project,Person,Done,Begun,Planned,Hours\n"
        "1,P,Ben,2026-03-01,2026-02-01,2026-01-01,1\n2,P,Ben,,2026-03-02,2026-01-01,2\n3,P,Ben,,,,3\n"
    )
    result = imported(tmp_path, csv, mapping)
    assert [event["worked_on"] for event in events(result)] == ["2026-03-01", "2026-03-02"]
    assert rejected(result)[0]["column"] == "Done | Begun | Planned"


def test_values_are_mapped_extracted_and_filled_in(tmp_path: Path) -> None:
    mapping = (
        FIELDS
        + """
billable = { column = "Kind", map = { Chargeable = true, "*" = false } }
role = { column = "Role", map = { "Sr. Dev" = "senior" }, default = "consultant" }
task = { column = "Task", extract = "^([A-Z]+)-" }
description = { template = "{Task}: {Note}", allow_empty = true }
"""
    )
    csv = (
        "Id,Project,Person,Date,Hours,Kind,Role,Task,Note\n"
        "1,P,Ben,2026-03-01,8,Chargeable,Sr. Dev,DEV-1,wrote it\n"
        "2,P,Ben,2026-03-02,8,Internal,Junior,OPS-2,\n"
        "3,P,Ben,2026-03-03,8,,,OPS-3,\n"
        "4,P,Ben,2026-03-04,8,Chargeable,,meeting,\n"
    )
    result = imported(tmp_path, csv, mapping)
    said = [(each.get("billable"), each["role"], each["task"], each["description"]) for each in events(result)]
    assert said == [
        (True, "senior", "DEV", "DEV-1: wrote it"),
        (False, "Junior", "OPS", "OPS-2:"),
        (None, "consultant", "OPS", "OPS-3:"),
    ]
    assert rejected(result)[0]["column"] == "Task"


def test_a_rejected_row_is_told_in_one_plain_line(tmp_path: Path) -> None:
    result = imported(tmp_path, HEADER + '1,P,Ben,"\x1b[31msoon\nor later",8\n')
    sentence = result.rejected_rows[0].first.sentence()
    assert (
        sentence == 'line 2: column "Date": expected a date as %Y-%m-%d, such as 2026-03-31 (came "�[31msoon�or later")'
    )


def test_a_rate_of_the_row_comes_with_who_approved_it(tmp_path: Path) -> None:
    mapping = FIELDS + 'rate = { column = "Cents", divide_by = 100 }\nrate_approved_by = { value = "ada" }\n'
    result = imported(tmp_path, HEADER.strip() + ",Cents\n1,P,Ben,2026-03-01,8,12050\n2,P,Ben,2026-03-02,8,\n", mapping)
    first, second = events(result)
    assert (first["rate"], first["rate_approved_by"]) == ("120.5", "ada")
    assert "rate" not in second
    assert "rate_approved_by" not in second


def test_a_rate_below_zero_is_listed_by_its_column_before_any_run(tmp_path: Path) -> None:
    mapping = FIELDS + 'rate = "Rate"\nrate_approved_by = { value = "ada" }\n'
    csv = HEADER.strip() + ",Rate\n1,P,Ben,2026-03-01,8,-120.50\n2,P,Ben,2026-03-02,8,0\n"
    result = imported(tmp_path, csv, mapping)
    assert [each["entry_id"] for each in events(result)] == ["2"]
    [found] = rejected(result)
    assert (found["line"], found["column"], found["value"]) == (2, "Rate", "-120.50")
    assert found["reason"].startswith("expected 0 to 1000000000")


def test_approval_is_when_it_was_known(tmp_path: Path) -> None:
    mapping = FIELDS + 'approved_at = { column = "Approved", format = "%Y-%m-%d %H:%M" }\n'
    csv = HEADER.strip() + ",Approved\n1,P,Ben,2026-03-01,8,2026-03-05 09:30\n2,P,Ben,2026-03-02,8,\n"
    second, first = events(imported(tmp_path, csv, mapping))
    assert (first["occurred_at"], first["approved_at"]) == ("2026-03-05T08:30:00Z", "2026-03-05T08:30:00Z")
    assert second["occurred_at"] == "2026-03-02T22:59:59Z"


def test_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    mapping = (
        FIELDS
        + """
[[skip]]
column = "Type"
equals = ["Break", "Lunch"]
[[skip]]
column = "Approved"
not_equals = "Yes"
"""
    )
    csv = (
        "Id,Project,Person,Date,Hours,Type,Approved\n"
        "1,P,B,2026-03-01,8,Regular,Yes\n2,P,B,2026-03-01,1,Break,Yes\n3,P,B,soon,1,Work,No\n"
    )
    result = imported(tmp_path, csv, mapping)
    assert result.left_out == (("Type is Break or Lunch", 1), ("Approved is not Yes", 1))
    assert (result.rows, result.imported, result.rejected) == (3, 1, 0)


def test_the_same_row_twice_is_counted_and_another_row_under_its_id_is_refused(tmp_path: Path) -> None:
    csv = HEADER + "1,P,Ben,2026-03-01,8\n1,P,Ben,2026-03-01,8\n1,P,Ben,2026-03-02,8\n"
    result = imported(tmp_path, csv)
    assert (result.imported, result.repeated, result.rejected) == (1, 1, 1)
    assert rejected(result)[0]["reason"].startswith("line 2 has this entry_id and version with other content")


def test_versions_come_from_a_column_of_numbers_or_of_instants(tmp_path: Path) -> None:
    csv = (
        "Id,Project,Person,Date,Hours,Changed\n"
        "1,P,Ben,2026-03-01,8,2026-03-01T10:00:00Z\n1,P,Ben,2026-03-01,7,2026-03-02T10:00:00Z\n"
    )
    mapping = FIELDS + 'version = { column = "Changed", format = "iso" }\n'
    result = imported(tmp_path, csv, mapping)
    assert [(each["version"], each["hours"]) for each in events(result)] == [(1772359200000, "8"), (1772445600000, "7")]
    csv = HEADER.strip() + ",V\n1,P,Ben,2026-03-01,8,3\n2,P,Ben,2026-03-01,8,x\n"
    numbered = imported(tmp_path, csv, FIELDS + 'version = "V"\n', "numbered")
    assert [each["version"] for each in events(numbered)] == [3]
    assert rejected(numbered)[0]["column"] == "V"


DERIVED = FIELDS.replace(
    '"Id"', '{ derive = "row_content", prefix = "ts-", of = ["Project", "Person", "Date", "Hours"] }'
)


def test_a_row_without_id_gets_one_of_its_content_and_its_count(tmp_path: Path) -> None:
    csv = "Project,Person,Date,Hours,Invoiced\n" + "P,Ben,2026-03-01,4,No\n" * 2 + "P,Ben,2026-03-02,4,No\n"
    ids = [event["entry_id"] for event in events(imported(tmp_path, csv, DERIVED))]
    assert len(set(ids)) == 3
    assert [each[-2:] for each in ids] == ["-1", "-2", "-1"]
    assert ids[0][:-2] == ids[1][:-2] != ids[2][:-2]
    assert all(each.startswith("ts-") for each in ids)


@pytest.mark.parametrize(
    ("of", "fields", "warned"),
    [
        (', of = ["Project", "Person", "Date"]', "", []),
        (', of = ["Project", "Person", "Date", "Hours"]', "", ["hours"]),
        ("", "", ["hours"]),
        (', of = ["Project", "Date", "Ended", "Rate"]', 'ended_at = "Ended"\nrate = "Rate"\n', ["ended_at", "rate"]),
    ],
)
def test_an_id_made_of_what_may_be_corrected_is_warned_of(
    of: str, fields: str, warned: list[str], tmp_path: Path
) -> None:
    """A row with corrected hours would get another id and be billed beside the old one."""
    mapping = FIELDS.replace('"Id"', f'{{ derive = "row_content"{of} }}') + fields
    if fields:
        mapping += 'rate_approved_by = { value = "ada" }\n'
    csv = "Project,Person,Date,Hours,Ended,Rate\nP,Ben,2026-03-01,4,2026-03-01T12:00:00Z,100\n"
    warnings = imported(tmp_path, csv, mapping).warnings
    assert [warning.split("which gives ")[1].split(";")[0] for warning in warnings] == warned


def test_a_later_export_gives_the_rows_it_shares_the_same_ids_and_content(tmp_path: Path) -> None:
    """With columns in another order, rows in another order, a state that changed and more rows."""
    march = "Project,Person,Date,Hours,Invoiced\nP,Ben,2026-03-01,4,No\nP,Ben,2026-03-01,4,No\nP,Ben,2026-03-02,4,No\n"
    april = "Invoiced,Hours,Date,Person,Project\nNo,8,2026-04-01,Ben,P\nYes,4,2026-03-02,Ben,P\n"
    april += "Yes,4,2026-03-01,Ben,P\n" * 2
    first = without_event_id(events(imported(tmp_path, march, DERIVED)))
    second = without_event_id(events(imported(tmp_path, april, DERIVED, "april")))
    assert second[:3] == first
    assert len(second) == 4


def test_the_same_import_again_leaves_the_same_bytes(tmp_path: Path) -> None:
    csv = HEADER + "2,P,Ben,2026-03-02,8\n1,P,Ben,2026-03-01,8\nx\n"
    first = imported(tmp_path, csv)
    content = first.events_path.read_bytes()
    second = imported(tmp_path, csv)
    assert second == first
    assert second.events_path.read_bytes() == content
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["csv-march.jsonl", "march.rejected.jsonl"]


def test_a_file_that_may_have_been_read_is_not_changed_by_accident(tmp_path: Path) -> None:
    imported(tmp_path, HEADER + "1,P,Ben,2026-03-01,8\n")
    with pytest.raises(ImportRefused, match="exists with other content"):
        imported(tmp_path, HEADER + "1,P,Ben,2026-03-01,7\n")
    assert hours(imported(tmp_path, HEADER + "1,P,Ben,2026-03-01,7\n", replace=True)) == ["7"]


def test_a_list_of_an_earlier_attempt_does_not_stay(tmp_path: Path) -> None:
    assert rejected(imported(tmp_path, HEADER + "1,P,Ben,soon,8\n"))
    imported(tmp_path, HEADER + "1,P,Ben,2026-03-01,8\n", replace=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["csv-march.jsonl"]


@pytest.mark.parametrize(
    ("csv", "told"),
    [
        (
            "Id,Project,Person,Date,Hour\n",
            'time.hours: expected a column of march.csv, came "Hours"; the nearest is "Ho',
        ),
        ("Id,Project,Person,Date,Hours,Hours\n", 'time.hours: the column "Hours" stands 2 times in the header'),
        ("", "expected a header in line 1, came nothing"),
        ("Id,Project,Person,Date,H\xf6urs\n".encode("cp1252"), "is not utf-8; state the file's encoding"),
    ],
)
def test_a_file_that_does_not_fit_the_mapping_is_told(tmp_path: Path, csv: str | bytes, told: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        imported(tmp_path, csv)
    assert told in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_ids_longer_than_an_id_may_be_are_refused(tmp_path: Path) -> None:
    result = imported(tmp_path, HEADER + f"{'9' * 129},P,Ben,2026-03-01,8\n")
    assert rejected(result)[0]["reason"] == "expected an id of at most 128 characters, came 129"


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ("1,Web\u200bsite,Ben,2026-03-01,8,0,Acme,EUR\n", "Project", "Web\u200bsite"),
        ("1,Website,Ben,2026-03-01,8,0,Ac\u200bme,EUR\n", "Customer", "Ac\u200bme"),
    ],
)
def test_an_id_that_is_none_is_told_by_its_column(tmp_path: Path, row: str, column: str, value: str) -> None:
    found = rejected(imported(tmp_path, WITH_CUSTOMER + row, BILLED))[0]
    assert (found["column"], found["value"]) == (column, value)
    assert "an id with the invisible character U+200B" in found["reason"]
    assert "_id" not in found["reason"]


def test_a_long_note_is_cut_and_the_time_kept(tmp_path: Path) -> None:
    csv = HEADER.strip() + f",Note\n1,P,Ben,2026-03-01,8,{'x' * 600}\n"
    result = imported(tmp_path, csv, FIELDS + 'description = "Note"\n')
    assert len(events(result)[0]["description"]) == 500


def test_texts_that_mean_empty_are_empty(tmp_path: Path) -> None:
    result = imported(
        tmp_path,
        HEADER.strip() + ",Task\n1,P,Ben,2026-03-01,8,N/A\n",
        FIELDS + 'task = "Task"\n[file]\nempty = ["N/A", "-"]\n',
    )
    assert "task" not in events(result)[0]


def test_a_header_without_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"march\.csv: no rows: a header and nothing below it, so there is nothing"):
        imported(tmp_path, HEADER)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04\x14\x00", "that is cut off; make the export again"),
        (zipped("march.csv"), "is a zip or a spreadsheet .xlsx, ods.; unpack it, or save the sheet as CSV"),
        (b"%PDF-1.7\n", "is a PDF; make the export as CSV"),
        (b"\x00\x01\x02\x03" * 9, "expected a CSV, came bytes that are no text"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        imported(tmp_path, content)


BILLED = (
    FIELDS.replace('hours = "Hours"', 'hours = "Hours"\ninvoiced = { column = "Exported", optional = true }')
    + """
[write.entity]
legal_entity_id = "berlin"
currency = "EUR"
[write.customers]
customer_id = "Customer"
[write.projects]
[write.contracts]
currency = "Currency"
rate = 100
"""
)
WITH_CUSTOMER = "Id,Project,Person,Date,Hours,Exported,Customer,Currency\n"


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ("2,Website,Ben,2026-03-02,8,0,Bell,EUR\n", 'two customers, "Acme" (line 2) and "Bell" (line 3)'),
        ("2,Website,Ben,2026-03-02,8,0,Acme,USD\n", 'two currencies, "EUR" (line 2) and "USD" (line 3)'),
    ],
)
def test_a_project_of_two_customers_or_currencies_is_refused(tmp_path: Path, second: str, says: str) -> None:
    """A "Website" of each of two clients would be one contract, and one of both would pay for both."""
    csv = WITH_CUSTOMER + "1,Website,Ben,2026-03-02,8,0,Acme,EUR\n" + second
    with pytest.raises(ImportRefused) as refused:
        imported(tmp_path, csv, BILLED)
    assert f'the project "Website" has {says}' in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_what_is_exported_is_billed_elsewhere(tmp_path: Path) -> None:
    """As Kimai marks what it has invoiced: of 16 hours 8 are billed, 800.00 elsewhere."""
    rows = "1,Website,Ben,2026-03-02,8,0,Acme,EUR\n2,Website,Ben,2026-03-03,8,1,Acme,EUR\n"
    result = imported(tmp_path, WITH_CUSTOMER + rows, BILLED)
    assert [(each.get("billable"), each.get("billed_elsewhere")) for each in events(result)] == [
        (None, None),
        (False, True),
    ]
    assert (result.hours, result.elsewhere) == (Decimal(16), RowSums(1, Decimal(8), {"EUR": Decimal(800)}))
    both = imported(tmp_path, WITH_CUSTOMER + rows, BILLED, "both", wanted=TimeWanted(NOW, bill_invoiced=True))
    assert not any("billable" in each or "billed_elsewhere" in each for each in events(both))


@pytest.mark.parametrize(
    ("cells", "worth"), [("09:00,11:00,", "200"), ("09:00,11:00,0", "0"), ("09:00,11:00,1.5", "150")]
)
def test_what_is_billed_elsewhere_is_worth_its_billable_hours_else_those_from_start_to_end(
    tmp_path: Path, cells: str, worth: str
) -> None:
    mapping = BILLED.replace('hours = "Hours"', 'started_at = "From"\nended_at = "To"\nbillable_hours = "Billed"')
    header = WITH_CUSTOMER.replace("Hours", "From,To,Billed")
    start, end, billed = cells.split(",")
    row = f"1,Website,Ben,2026-03-02,2026-03-02 {start},2026-03-02 {end},{billed},1,Acme,EUR\n"
    result = imported(tmp_path, header + row, mapping)
    money = {} if worth == "0" else {"EUR": Decimal(worth)}
    assert result.elsewhere == RowSums(1, Decimal(2), money)


def test_what_was_imported_to_be_billed_stays_so_when_it_is_exported(tmp_path: Path) -> None:
    row = "1,Website,Ben,2026-03-02,8,0,Acme,EUR\n"
    imported(tmp_path, WITH_CUSTOMER + row, BILLED)
    later = imported(tmp_path, WITH_CUSTOMER + row.replace(",0,", ",1,"), BILLED, "later")
    assert ([each.get("billable") for each in events(later)], later.elsewhere) == ([None], RowSums())


def test_a_column_that_says_what_is_billed_and_is_not_read_is_warned_of(tmp_path: Path) -> None:
    header = "Id,Project,Person,Date,Hours,Invoiced?,Hours Rounded,Amount (EUR)\n"
    result = imported(tmp_path, header + "1,Website,Ben,2026-03-02,0.2,Yes,0.25,25.00\n")
    fields = ("time.invoiced", "time.billable_hours", "time.rate")
    assert [field in warning for field, warning in zip(fields, result.warnings, strict=True)] == [True] * 3


def test_work_after_today_is_refused_and_nothing_is_known_later_than_now(tmp_path: Path) -> None:
    now = read_instant("2026-03-02T12:00:00Z", ("iso",), "UTC")
    rows = HEADER + "1,P,Ben,2026-03-02,8\n2,P,Ben,2062-03-02,8\n"
    result = imported(tmp_path, rows, wanted=TimeWanted(now))
    assert [each["occurred_at"] for each in events(result)] == ["2026-03-02T12:00:00Z"]
    assert result.rejected_rows[0].first.reason.startswith("the work is of a day after today, 2026-03-02")
    planned = imported(tmp_path, rows, name="planned", wanted=TimeWanted(now, allow_future=True))
    assert {each["occurred_at"] for each in events(planned)} == {"2026-03-02T12:00:00Z"}


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = imported(tmp_path, HEADER + "1,P,Ben,2026-03-02,8\n2,P,Ben,soon,8\n", is_dry_run=True)
    assert (result.imported, result.rejected, dict(result.events)) == (1, 1, {"TimeApproved": 1})
    assert not (tmp_path / "out").exists()
