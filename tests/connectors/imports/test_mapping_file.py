"""A wrong mapping is told by key, with what was expected and the nearest that is known."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.imports.cells import template_parts
from connectors.imports.mapping import ImportMapping, read_mapping
from connectors.imports.refusals import ImportRefused

MINIMAL = """
source = "timesheets"

[time]
entry_id = "Id"
project_id = "Project"
person_id = "Person"
worked_on = "Date"
hours = "Hours"
approved_by = { value = "ada" }
"""


def read(folder: Path, text: str, *overrides: str) -> ImportMapping:
    path = folder / "timesheets.toml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path, overrides)


def refusal(folder: Path, text: str, *overrides: str) -> str:
    with pytest.raises(ImportRefused) as refused:
        read(folder, text, *overrides)
    return str(refused.value).replace(str(folder) + "/", "")


def test_a_column_a_list_a_template_and_a_constant_may_be_written_short(tmp_path: Path) -> None:
    mapped = read(
        tmp_path,
        MINIMAL.replace('"Date"', '["Done", "Begun"]').replace('"Id"', '"ts-{Id}"')
        + '\nbillable = true\ntask = { column = "Task", default = "other" }\n',
    )
    time = mapped.time
    assert time.worked_on is not None
    assert time.worked_on.reads() == ("Done", "Begun")
    assert time.entry_id.reads() == ("Id",)
    assert time.billable is not None
    assert time.billable.value is True
    assert time.task is not None
    assert time.task.default == "other"


def test_every_column_is_known_with_the_key_that_reads_it(tmp_path: Path) -> None:
    skip = '[[skip]]\ncolumn = "Type"\nequals = "Break"\n'
    mapped = read(tmp_path, MINIMAL + skip + '[write.customers]\ncustomer_id = "{Client}-{Branch}"\n')
    assert set(mapped.columns()) == {
        ("skip.0.column", "Type"),
        ("time.entry_id", "Id"),
        ("time.project_id", "Project"),
        ("time.person_id", "Person"),
        ("time.worked_on", "Date"),
        ("time.hours", "Hours"),
        ("write.customers.customer_id", "Client"),
        ("write.customers.customer_id", "Branch"),
    }


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('wurked_on = "Date"', 'time.wurked_on: not a key that is known; the nearest is "worked_on"'),
        ('hours = { column = "Hours", unit = "days" }', "time.hours.unit: expected 'hours', 'minutes', 'seconds' or"),
        (
            'hours = { column = "Hours", units = "clock" }',
            'time.hours.units: not a key that is known; the nearest is "un',
        ),
        ('hours = { column = "Hours", value = 8 }', "time.hours: expected exactly one of column, columns, template"),
        ("hours = { unit = 'clock' }", "came none"),
        ('worked_on = { column = "Date", format = "%d.%Q" }', 'time.worked_on.format: expected "iso" or a format'),
        ('worked_on = { value = "soon" }', 'time.worked_on: expected a date as iso, such as 2026-03-31, came "soon"'),
        (
            'hours = { column = "Hours", default = "none" }',
            'time.hours: expected a number with "." before its decimals',
        ),
        ('billable = { column = "B", map = { Y = "Yes" } }', "time.billable: expected one of true for yes or false"),
        ("version = -1", 'time.version: expected a whole number, came "-1"'),
        ('task = { value = "" }', "time.task: expected a text in value and default, came an empty one"),
        ('task = { column = "Task", extract = "[" }', "time.task.extract: expected a regular expression"),
        ('task = { column = "Task", extract = "a" }', "with one group in brackets"),
        ('task = "{Task"', "time.task.template: expected text with columns in braces"),
        ('rate = "Rate"', "time: rate: expected rate_approved_by beside it"),
        ('entry_id = { derive = "row_number" }', "time.entry_id.derive: expected 'row_content'"),
    ],
)
def test_a_wrong_key_of_time_is_told(tmp_path: Path, wrong: str, told: str) -> None:
    key, _, _ = wrong.partition(" = ")
    kept = [line for line in MINIMAL.splitlines() if not line.startswith(key + " ")]
    assert told in refusal(tmp_path, "\n".join([*kept, wrong]))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('[file]\ndecimal = ";"', "file.decimal: expected '.' or ',', came \";\""),
        ('[file]\ndecimal = ","\nthousands = ","', "expected two different signs"),
        ('[file]\nencoding = "utf-9"', 'file.encoding: expected an encoding such as "utf-8" or "cp1252", came "utf-9"'),
        ('[file]\ndelimiter = ";;"', 'file.delimiter: expected a text with at most 1 character, came ";;"'),
        ('[file]\nskip_lines = "two"', "file.skip_lines: expected a valid integer"),
        ("[write]\nsince = 'soon'", 'write.since: expected "first_date" or a date such as 2026-01-01, came "soon"'),
        ('[[skip]]\ncolumn = "Type"', "skip.0: expected exactly one of equals, not_equals, empty"),
        ('[write.entity]\nlegal_entity_id = "b"', "write.entity.currency: expected this key, it is missing"),
        (
            '[write.entity]\nlegal_entity_id = "b"\ncurrency = "EUR"\nhours_max = 9',
            'write.entity.hours_max: not a key that is known; the nearest is "hours_max_per_entry"',
        ),
        (
            'zone = "Europe/Berln"',
            'zone: expected an IANA zone such as "Europe/Berlin", came "Europe/Berln"; the nearest is',
        ),
        (
            '[write.entity]\nlegal_entity_id = "b"\ncurrency = "Euro"',
            "write.entity.currency: expected an ISO 4217 code",
        ),
        ('[write.people]\nrole = "Role"', "write: people: expected legal_entity_id, or a section write.entity"),
        (
            '[write.cost_rates]\nrate = 40\ncurrency = "C"',
            "write.cost_rates: expected roles in time.role or write.people",
        ),
        ("[rows]\nx = 1", "rows: not a key that is known"),
    ],
)
def test_a_wrong_section_is_told(tmp_path: Path, wrong: str, told: str) -> None:
    mapping = wrong + MINIMAL if wrong.startswith("zone") else MINIMAL + wrong
    assert told in refusal(tmp_path, mapping)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    wrong = MINIMAL.replace('hours = "Hours"', 'huors = "Hours"') + "[file]\nquoting = 1"
    lines = refusal(tmp_path, wrong).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["timesheets.toml", "file.quoting"],
        ["timesheets.toml", "time.huors"],
    ]


def test_what_is_no_toml_or_not_there_is_told(tmp_path: Path) -> None:
    assert "expected a TOML file" in refusal(tmp_path, "source = ")
    with pytest.raises(ImportRefused, match="cannot be read: No such file"):
        read_mapping(tmp_path / "nowhere.toml")


def test_when_and_how_long_are_needed(tmp_path: Path) -> None:
    undated, unmeasured = MINIMAL.replace('worked_on = "Date"', ""), MINIMAL.replace('hours = "Hours"', "")
    assert "expected worked_on, or started_at and ended_at" in refusal(tmp_path, undated)
    assert "expected hours, or started_at and ended_at" in refusal(tmp_path, unmeasured)


def test_values_can_be_set_from_outside_the_file(tmp_path: Path) -> None:
    entity = '[write.entity]\nlegal_entity_id = "berlin"\ncurrency = "EUR"\nhours_max_per_entry = 2500\n'
    mapped = read(
        tmp_path,
        MINIMAL + entity,
        "write.entity.hours_max_per_entry=24",
        "write.entity.rounding_limit=0.10",
        "time.hours=Booked",
        'time.approved_by.value="grace"',
    )
    assert mapped.write.entity is not None
    assert mapped.write.entity.policies == {"hours_max_per_entry": 24, "rounding_limit": Decimal("0.10")}
    assert mapped.time.hours is not None
    assert mapped.time.hours.column == "Booked"
    assert mapped.time.approved_by.value == "grace"


def test_a_value_that_cannot_be_set_is_told(tmp_path: Path) -> None:
    assert "expected key=value" in refusal(tmp_path, MINIMAL, "hours")
    assert 'hours is "Hours" in the mapping, expected a table' in refusal(tmp_path, MINIMAL, "time.hours.unit=clock")
    assert 'time.hors: not a key that is known; the nearest is "hours"' in refusal(tmp_path, MINIMAL, "time.hors=Hours")


def test_a_template_is_text_and_columns() -> None:
    assert template_parts("sip-{task}-{Billable Rate (EUR)}") == (
        ("sip-", False),
        ("task", True),
        ("-", False),
        ("Billable Rate (EUR)", True),
    )
    assert template_parts("{{{task}}}") == (("{", False), ("task", True), ("}", False))
