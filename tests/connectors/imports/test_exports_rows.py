"""What becomes of single rows: taken, not approved, no work, or refused with the place and what to do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.imports.products.product import CLOCKIFY, HARVEST, SOLIDTIME, TOGGL, Product
from connectors.imports.refusals import ImportRefused
from tests.connectors.imports import made_exports
from tests.connectors.imports.exporting import entries, import_file, imported, listed
from tests.connectors.imports.made_exports import made_work

HARVEST_ROW = {
    "Date": "2026-03-02", "Client": "Nordwind", "Project": "Website", "Project Code": "", "Task": "Design",
    "Notes": "", "Hours": "7,5", "Billable?": "Yes", "Invoiced?": "No", "Approved?": "Yes", "First Name": "Ada",
    "Last Name": "Brandt", "Roles": "", "Employee?": "Yes", "Billable Rate": "100,0", "Billable Amount": "750,0",
    "Cost Rate": "45,0", "Cost Amount": "337,5", "Currency": "Euro - EUR", "External Reference URL": "",
}  # fmt: skip
TOGGL_ROW = {
    "User": "Ada Brandt", "Email": "ada@studio.example", "Client": "Nordwind", "Project": "Website", "Task": "",
    "Description": "plan", "Billable": "Yes", "Start date": "2026-03-02", "Start time": "09:00:00",
    "End date": "2026-03-02", "End time": "10:30:00", "Duration": "01:30:00", "Tags": "",
}  # fmt: skip
CLOCKIFY_ROW = {
    "Project": "Website", "Client": "Nordwind", "Description": "plan", "Task": "Design", "User": "Ada Brandt",
    "Group": "", "Email": "ada@studio.example", "Tags": "", "Type": "Regular", "Billable": "Yes", "Invoiced": "No",
    "Invoice ID": "", "Start Date": "10/15/2026", "Start Time": "11:00:00 AM", "End Date": "10/15/2026",
    "End Time": "12:30:00 PM", "Duration (h)": "01:30:00", "Duration (decimal)": "1.50",
    "Billable Rate (EUR)": "120.00", "Billable Amount (EUR)": "180.00", "Date of creation": "10/15/2026",
}  # fmt: skip
SOLIDTIME_ROW = {
    "id": "e-1", "description": "plan", "start": "2026-03-02T23:30:00Z", "end": "2026-03-03T01:00:00Z",
    "billable_rate": "12050", "billable": "true", "type": "work", "member_id": "m-1", "user_id": "u-1",
    "organization_id": "o-1", "client_id": "c-1", "project_id": "p-1", "task_id": "", "tags": "[]",
    "is_imported": "false", "still_active_email_sent_at": "", "created_at": "2026-03-02T23:30:00Z",
    "updated_at": "2026-03-03T01:00:00Z",
}  # fmt: skip


def written(row: dict[str, str], *others: dict[str, str]) -> str:
    """Each other row says what differs from the first."""
    rows = [row, *({**row, **other} for other in others)]
    return made_exports.table(tuple(row), (tuple(each.values()) for each in rows), made_exports.Locale())


@pytest.mark.parametrize(
    ("fault", "column", "reason"),
    [
        ({"Hours": "many"}, "Hours", 'expected hours as h:mm:ss or as a number with "," before its decimals'),
        ({"Date": ""}, "Date", "nothing is there; give the entry a date and export again"),
        ({"Client": ""}, "Client", "nothing is there; give the project a client, or say --client for such rows"),
        ({"Project": ""}, "Project", "nothing is there; give the entry a project and export again"),
        ({"First Name": "", "Last Name": ""}, "First Name", "nothing is there; name the person in Harvest"),
        ({"Billable?": "maybe"}, "Billable?", "expected Yes or No"),
        ({"Billable Rate": "-5,0"}, "Billable Rate", "expected a rate that is not negative; correct it"),
        ({"Currency": "Euros"}, "Currency", "expected a currency such as Euro - EUR; correct it at the client"),
        ({"Currency": "Gold - XAU"}, "Currency", "expected a currency of ISO 4217, such as EUR; correct it"),
        (
            {"Currency": "Dollar - USD", "Project": "App"},
            "Currency",
            'line 2 has EUR for the client "Nordwind"; give a client one currency',
        ),
        ({"Project": "W" * 130}, "Project", "expected at most 128 characters in all"),
        ({}, None, "line 2 is the same in every column; take one out, or say --keep-duplicates if both were worked"),
    ],
)
def test_a_row_is_refused_with_its_place_and_the_rest_goes_on(
    tmp_path: Path, fault: dict[str, str], column: str | None, reason: str
) -> None:
    result = imported(tmp_path, written(HARVEST_ROW, fault, {"Notes": "more"}), HARVEST)
    assert (result.read.rows, result.imported.rows, result.refused.rows) == (3, 2, 1)
    (found,) = listed(result)
    assert (found["status"], found["line"], found.get("column")) == ("refused", 3, column)
    assert found["reason"].startswith(reason)
    assert found.get("value", "") == (fault.get(column, "") if column else "")
    assert (column or "same in every column") in result.rejected_rows[0].first.sentence()


def test_what_is_not_approved_is_listed_and_no_error(tmp_path: Path) -> None:
    content = written(HARVEST_ROW, {"Approved?": "No", "Hours": "2,0", "Billable Amount": "200,0"})
    result = imported(tmp_path, content, HARVEST)
    assert (result.imported.rows, result.not_approved.rows, result.refused.rows) == (1, 1, 0)
    assert result.rejected_rows == ()
    assert [(each["status"], each["line"], each["value"]) for each in listed(result)] == [("not_approved", 3, "No")]
    taken = imported(tmp_path, content, HARVEST, "again", take_unapproved=True)
    assert (taken.imported.rows, taken.changes.new, taken.changes.unchanged) == (2, 1, 1)


def test_the_parts_are_the_whole(tmp_path: Path) -> None:
    """Rows, hours and amounts; hours of rows whose hours cannot be read are in no sum, and the rows are counted."""
    content = written(
        HARVEST_ROW,
        {"Approved?": "No", "Hours": "2,0", "Billable Amount": "200,0"},
        {"Hours": "30,0", "Billable Amount": "3.000,0"},
        {"Hours": "many", "Billable Amount": "10,0"},
    )
    result = imported(tmp_path, content, HARVEST)
    parts = (result.imported, result.not_approved, result.not_work, result.refused)
    assert [part.rows for part in parts] == [1, 1, 0, 2]
    assert sum(part.hours for part in parts) == result.read.hours == Decimal("39.5")
    assert sum(part.amounts.get("EUR", 0) for part in parts) == result.read.amounts["EUR"] == Decimal(3960)
    assert (result.read.unread, result.refused.unread) == (1, 1)


def test_rows_that_are_the_same_may_both_have_been_worked(tmp_path: Path) -> None:
    result = imported(tmp_path, written(HARVEST_ROW, {}), HARVEST, keep_duplicates=True)
    first, second = entries(result)
    assert first["entry_id"].removesuffix("-1") == second["entry_id"].removesuffix("-2")
    assert result.imported.hours == 15


def test_hours_that_were_rounded_are_billed_as_they_stand_and_the_difference_is_told(tmp_path: Path) -> None:
    content = written(HARVEST_ROW, {"Notes": "x", "Hours": "0,33", "Billable Amount": "33,33"})
    result = imported(tmp_path, content, HARVEST)
    assert (result.differing, result.imported.amounts, result.billed) == (
        1,
        {"EUR": Decimal("783.33")},
        {"EUR": Decimal("783.00")},
    )


def test_a_duration_is_priced_to_the_second(tmp_path: Path) -> None:
    """1:07:33 at 90.00 is 101.325, half a cent, so 101.33; 1.125833 h at 90.00 would be 101.32497, 101.32."""
    row = {**TOGGL_ROW, "Start time": "09:00:00", "End time": "10:07:33", "Duration": "01:07:33"}
    result = imported(tmp_path, written(row), TOGGL, rate=Decimal(90))
    assert (result.imported.amounts, result.billed) == ({"EUR": Decimal("101.33")}, {"EUR": Decimal("101.33")})
    assert (result.differing, entries(result)[0]["hours"], entries(result)[0]["seconds"]) == (0, "1.125833", 4053)


def test_an_entry_of_toggl(tmp_path: Path) -> None:
    """Seconds count; the day is that of the start, as the report shows it."""
    late = {"Start time": "23:30:00", "End date": "2026-03-03", "End time": "00:15:04", "Duration": "00:45:04"}
    content = "\ufeff" + written(
        TOGGL_ROW, late, {"Start time": "11:00:00", "End time": "11:00:04", "Duration": "0:00:04"}
    )
    result = imported(tmp_path, content, TOGGL, rate=Decimal(100))
    assert {each["hours"] for each in entries(result)} == {"1.5", "0.751111", "0.001111"}
    assert {each["person_id"] for each in entries(result)} == {"ada@studio.example"}
    assert {each["worked_on"] for each in entries(result)} == {"2026-03-02"}
    assert {each["project_id"] for each in entries(result)} == {"Nordwind: Website"}


@pytest.mark.parametrize(
    ("day", "start", "end", "duration", "hours"),
    [
        ("2026-03-29", "01:55:00", "03:05:00", "00:10:00", "0.166667"),
        ("2025-10-26", "01:30:00", "03:30:00", "03:00:00", "3"),
        ("2025-10-26", "02:50:00", "02:10:00", "00:20:00", "0.333333"),
        ("2025-10-26", "01:30:00", "03:30:00", "02:00:00", "2"),
    ],
)
def test_a_night_in_which_clocks_change(
    tmp_path: Path, day: str, start: str, end: str, duration: str, hours: str
) -> None:
    """In Berlin: 01:55 to 03:05 are 10 minutes in March; in October 01:30 to 03:30 are 3 hours, and 02:50 to 02:10 are 20 minutes."""
    row = {**TOGGL_ROW, "Start date": day, "End date": day, "Start time": start, "End time": end, "Duration": duration}
    result = imported(tmp_path, written(row), TOGGL, rate=Decimal(90), zone="Europe/Berlin")
    assert [entry["hours"] for entry in entries(result)] == [hours]


def test_the_same_night_without_the_zone(tmp_path: Path) -> None:
    day = "2025-10-26"
    row = {**TOGGL_ROW, "Start date": day, "End date": day, "Start time": "02:50:00", "End time": "02:10:00"}
    result = imported(
        tmp_path, written({**row, "Duration": "00:20:00"}), TOGGL, rate=Decimal(90), zone="America/New_York"
    )
    (found,) = listed(result)
    assert found["reason"].startswith("expected an end that is not before the start")


@pytest.mark.parametrize(
    ("fault", "column", "reason"),
    [
        (
            {"End date": "", "End time": ""},
            "End time",
            "nothing is there; stop the timer that still runs and export again",
        ),
        ({"End time": "08:00:00"}, "End time", "expected an end that is not before the start"),
        ({"Duration": "07:30:00"}, "End time", "start and end are 90 minutes apart, and its hours are others"),
        ({"Start time": "25:00"}, "Start time", "expected a time such as 13:05"),
        ({"Email": ""}, "Email", "nothing is there; name the person"),
        ({"Project": ""}, "Project", "nothing is there; give the entry a project"),
    ],
)
def test_rows_of_toggl_that_are_refused(tmp_path: Path, fault: dict[str, str], column: str, reason: str) -> None:
    result = imported(tmp_path, written(TOGGL_ROW, fault), TOGGL, rate=Decimal(100))
    (found,) = listed(result)
    assert (found["line"], found["column"]) == (3, column)
    assert found["reason"].startswith(reason)
    assert result.imported.rows == 1


def test_an_entry_of_clockify(tmp_path: Path) -> None:
    """The twelve-hour clock and the currency in the column's name; a break is no work."""
    noon = {"Start Time": "12:15:00 PM", "End Time": "01:00:00 PM", "Duration (h)": "00:45:00", "Type": "Break"}
    result = imported(tmp_path, written(CLOCKIFY_ROW, noon), CLOCKIFY)
    (entry,) = entries(result)
    assert (entry["worked_on"], entry["hours"]) == ("2026-10-15", "1.5")
    assert result.billed == {"EUR": Decimal("180.00")}
    assert (result.not_work.rows, result.not_work.hours) == (1, Decimal("0.75"))
    assert [(each["status"], each["value"]) for each in listed(result)] == [("not_work", "Break")]


def test_an_unknown_currency_in_a_column_is_refused(tmp_path: Path) -> None:
    content = written(CLOCKIFY_ROW).replace("(EUR)", "(Points)")
    with pytest.raises(ImportRefused, match=r'column "Billable Rate \(Points\)": expected a currency of ISO 4217'):
        imported(tmp_path, content, CLOCKIFY)


def test_an_entry_of_solidtime(tmp_path: Path) -> None:
    """Its day is the local one, its id is kept, its rate is in cents."""
    result = imported(tmp_path, written(SOLIDTIME_ROW), SOLIDTIME)
    (entry,) = entries(result)
    assert (entry["entry_id"], entry["worked_on"], entry["hours"]) == ("e-1", "2026-03-03", "1.5")
    assert entry["version"] == 1772499600000
    assert result.billed == {"EUR": Decimal("180.75")}


@pytest.mark.parametrize(
    ("fault", "column", "reason"),
    [
        ({"id": "e-2", "end": ""}, "end", "nothing is there; stop the timer that still runs and export again"),
        ({"id": "e-2", "end": "2026-03-02T22:00:00Z"}, "end", "expected hours that are not negative"),
        ({"id": "e-2", "start": "2026-03-02 23:30:00"}, "start", "expected an instant with its offset"),
        ({"id": "e-2", "billable_rate": "120.5"}, "billable_rate", "expected a rate in cents"),
        ({"id": "e-2", "project_id": ""}, "project_id", "nothing is there; give the entry a project"),
        ({"id": "e-2", "member_id": ""}, "member_id", "nothing is there; name the person in solidtime and export"),
        ({"id": "e-2", "client_id": "c" * 129}, "client_id", "expected at most 128 characters in all"),
        ({}, "id", "line 2 has this id already"),
        ({"description": "other"}, "id", "line 2 has this id already"),
    ],
)
def test_rows_of_solidtime_that_are_refused(tmp_path: Path, fault: dict[str, str], column: str, reason: str) -> None:
    result = imported(tmp_path, written(SOLIDTIME_ROW, fault), SOLIDTIME)
    (found,) = listed(result)
    assert (found["line"], found["column"]) == (3, column)
    assert found["reason"].startswith(reason)


def test_a_rate_that_an_entry_lacks_is_that_of_its_member_project_or_organisation(tmp_path: Path) -> None:
    (tmp_path / "project_members.csv").write_text("id,billable_rate,project_id,user_id,member_id\nx,9000,p-1,u-1,m-1\n")
    (tmp_path / "projects.csv").write_text("id,name,billable_rate,client_id\np-1,Site,8000,c-9\np-2,App,,c-1\n")
    (tmp_path / "members.csv").write_text(
        "id,user_id,name,email,billable_rate\nm-1,u-1,Ada,a@x,\nm-2,u-2,Bo,b@x,7000\n"
    )
    (tmp_path / "organizations.csv").write_text("id,name,billable_rate,currency\no-1,Studio,6000,CHF\n")
    none = {**SOLIDTIME_ROW, "billable_rate": ""}
    others = [
        {"id": "e-2", "member_id": "m-2"},
        {"id": "e-3", "member_id": "m-2", "project_id": "p-2"},
        {"id": "e-4", "project_id": "p-2", "client_id": ""},
    ]
    (tmp_path / "time_entries.csv").write_text(written(none, *others))
    result = import_file(tmp_path / "time_entries.csv", tmp_path / "out", SOLIDTIME)
    assert result.billed == {"CHF": Decimal("1.5") * (90 + 80 + 70 + 60)}
    assert result.foreign == ("CHF",)


def test_currency_and_rate_are_those_of_the_rows_own_organisation(tmp_path: Path) -> None:
    """Of two in the archive: 1.5 h at 50 EUR, and nothing at the other's 999 USD; one that is not there is refused."""
    (tmp_path / "organizations.csv").write_text(
        "id,name,billable_rate,currency\no-0,Other,99900,USD\no-1,Studio,5000,EUR\n"
    )
    none = {**SOLIDTIME_ROW, "billable_rate": ""}
    rows = written(none, {"id": "e-2", "organization_id": "o-9"}, {"id": "e-3", "organization_id": ""})
    (tmp_path / "time_entries.csv").write_text(rows)
    result = import_file(tmp_path / "time_entries.csv", tmp_path / "out", SOLIDTIME)
    assert result.billed == {"EUR": Decimal(75)}
    assert [(each["line"], each["column"], each.get("value", "")) for each in listed(result)] == [
        (3, "organization_id", "o-9"),
        (4, "organization_id", ""),
    ]
    assert [each.tally.rows for each in result.rejected_rows] == [2]
    assert result.rejected_rows[0].first.reason.startswith("expected an organisation of organizations.csv")


@pytest.mark.parametrize(
    ("named", "row", "found"),
    [
        (HARVEST, TOGGL_ROW, TOGGL),
        (TOGGL, CLOCKIFY_ROW, CLOCKIFY),
        (CLOCKIFY, SOLIDTIME_ROW, SOLIDTIME),
        (SOLIDTIME, HARVEST_ROW, HARVEST),
    ],
)
def test_the_export_of_another_product_is_named(
    tmp_path: Path, named: Product, row: dict[str, str], found: Product
) -> None:
    with pytest.raises(ImportRefused, match=f"a {found.title} detailed export.*use milepost import {found.key}"):
        imported(tmp_path, written(row), named)
    assert not (tmp_path / "out").exists()


def test_a_summary_is_refused_with_the_columns_it_lacks_and_the_export_to_make(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused) as fault:
        imported(tmp_path, "Client,Project,Total Hours,Billable Hours\nNordwind,Website,40,40\n", HARVEST)
    assert 'without the columns "Date", "Task", "Hours", "Billable?", "First Name", "Last Name"' in str(fault.value)
    assert "Reports, Detailed time, Export, CSV" in str(fault.value)


def test_a_header_that_is_nobodys_is_told_which_comes_nearest(tmp_path: Path) -> None:
    header = written(TOGGL_ROW).replace("Start time", "Begun")
    with pytest.raises(ImportRefused, match=r'nearest to Toggl, without the column "Start time"'):
        imported(tmp_path, header, None)
    with pytest.raises(ImportRefused, match="milepost import csv and a mapping"):
        imported(tmp_path, "a,b\n1,2\n", None)


def test_a_product_is_recognised_by_its_header(tmp_path: Path) -> None:
    work = made_work(3, 30)
    contents = (made_exports.harvest(work), made_exports.toggl(work), made_exports.clockify(work))
    found = [imported(tmp_path, content, None, str(at), rate=Decimal(1)) for at, content in enumerate(contents)]
    assert [each.product for each in found] == [HARVEST, TOGGL, CLOCKIFY]


def test_an_encoding_that_is_said_holds(tmp_path: Path) -> None:
    content = written({**HARVEST_ROW, "First Name": "Chloé"}).encode("cp1252")
    assert entries(imported(tmp_path, content, HARVEST, encoding="cp1252"))[0]["person_id"] == "Chloé Brandt"


def test_a_file_of_another_encoding_is_refused_once_with_how_it_would_be_read(tmp_path: Path) -> None:
    content = written({**HARVEST_ROW, "First Name": "Chloé"}, {"First Name": "Zoë"}, {"First Name": "Ben"})
    with pytest.raises(ImportRefused) as refused:
        imported(tmp_path, content.encode("cp1252"), HARVEST)
    assert str(refused.value).endswith(
        "march.csv: is not utf-8: none of the 2 rows with letters beyond a to z can be read; say --encoding cp1252 if line 2"
        ' is to be "Chloé", else the encoding in which it was saved'
    )
    assert not (tmp_path / "out").exists()


def test_a_torn_letter_among_others_costs_its_own_row_only(tmp_path: Path) -> None:
    content = written({**HARVEST_ROW, "First Name": "Chloé"}, {"First Name": "Z\udceb", "Notes": "x"})
    result = imported(tmp_path, content.encode(errors="surrogateescape"), HARVEST)
    assert (result.imported.rows, result.refused.rows) == (1, 1)
    assert "byte 0xEB is not utf-8; " in listed(result)[0]["reason"]
