"""What an import writes beside the time, told once and the same way by the next export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.imports.csv_time import ImportedTime, import_time
from connectors.imports.events_file import ImportTarget
from connectors.imports.mapping import read_mapping
from connectors.imports.refusals import ImportRefused
from connectors.imports.time_rows import TimeWanted
from connectors.json_records import event_from_json
from connectors.record_check import check_record
from tests.connectors.imports.exporting import FIELDS, NOW

MAPPING = (
    FIELDS
    + """
[write.entity]
legal_entity_id = "berlin"
name = "Example GmbH"
currency = "EUR"
hours_max_per_entry = 16

[write.customers]
customer_id = "Client"

[write.people]
role = "Role"

[write.cost_rates]
per = "person"
rate = "Cost"
currency = { value = "EUR" }

[write.projects]
engagement_id = "Client"
dimensions = { practice = { value = "software" } }

[write.contracts]
contract_id = "{Project}-2026"
currency = { value = "USD" }
rate = 120.5
rates = [{ role = "lead", rate = 150 }]
grace_days = 3
"""
)
HEADER = "Id,Client,Project,Person,Role,Cost,Date,Hours\n"
MARCH = (
    HEADER
    + "3,Acme,Bridge,Cai,lead,60,2026-03-05,8\n"
    + "1,Acme,Bridge,Ben,developer,40,2026-03-02,8\n"
    + "2,Bolt,Tunnel,Ben,developer,40,2026-03-04,8\n"
)
REFERENCE = [
    "LegalEntityDefined",
    "CustomerDefined",
    "PersonDefined",
    "CostRateSet",
    "ProjectActivated",
    "ContractSigned",
    "TimeApproved",
]
IDS = ["legal_entity_id", "customer_id", "person_id", "cost_rate_id", "project_id", "contract_id", "entry_id"]


def imported(folder: Path, csv: str, mapping: str = MAPPING, name: str = "march") -> ImportedTime:
    path, mapping_path = folder / f"{name}.csv", folder / "timesheets.toml"
    path.write_text(csv, encoding="utf-8")
    mapping_path.write_text(mapping, encoding="utf-8")
    return import_time(
        path, read_mapping(mapping_path), mapping_path.name, ImportTarget(folder / "out", "csv", name), TimeWanted(NOW)
    )


def told(result: ImportedTime) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.events_path.read_text(encoding="utf-8").splitlines()]


def of_kind(result: ImportedTime, kind: str) -> list[dict[str, Any]]:
    return [event for event in told(result) if event["type"] == kind]


def facts(result: ImportedTime) -> dict[tuple[str, str], dict[str, Any]]:
    """By identity, without what is only for tracing."""
    ids = dict(zip(REFERENCE, IDS, strict=True))
    return {
        (event["type"], event[ids[event["type"]]]): {key: value for key, value in event.items() if key != "event_id"}
        for event in told(result)
    }


def test_things_come_on_their_first_day_before_what_refers_to_them(tmp_path: Path) -> None:
    result = imported(tmp_path, MARCH)
    assert [(event["occurred_at"], event["type"]) for event in told(result)] == [
        ("2026-03-01T23:00:00Z", "LegalEntityDefined"),
        ("2026-03-01T23:00:00Z", "CustomerDefined"),
        ("2026-03-01T23:00:00Z", "PersonDefined"),
        ("2026-03-01T23:00:00Z", "CostRateSet"),
        ("2026-03-01T23:00:00Z", "ProjectActivated"),
        ("2026-03-01T23:00:00Z", "ContractSigned"),
        ("2026-03-02T22:59:59Z", "TimeApproved"),
        ("2026-03-03T23:00:00Z", "CustomerDefined"),
        ("2026-03-03T23:00:00Z", "ProjectActivated"),
        ("2026-03-03T23:00:00Z", "ContractSigned"),
        ("2026-03-04T22:59:59Z", "TimeApproved"),
        ("2026-03-04T23:00:00Z", "PersonDefined"),
        ("2026-03-04T23:00:00Z", "CostRateSet"),
        ("2026-03-05T22:59:59Z", "TimeApproved"),
    ]


def test_a_contract_is_time_and_materials_for_its_project(tmp_path: Path) -> None:
    contract = of_kind(imported(tmp_path, MARCH), "ContractSigned")[0]
    assert contract == {
        "type": "ContractSigned",
        "event_id": "march:3:ContractSigned",
        "occurred_at": "2026-03-01T23:00:00Z",
        "source": "timesheets",
        "version": 27333,
        "contract_id": "Bridge-2026",
        "customer_id": "Acme",
        "legal_entity_id": "berlin",
        "currency": "USD",
        "signed_on": "2026-03-02",
        "starts_on": "2026-03-02",
        "grace_days": 3,
        "lines": [
            {
                "line_id": "Bridge-2026",
                "project_id": "Bridge",
                "terms": {"type": "TimeAndMaterials", "rates": [{"rate": "150", "role": "lead"}, {"rate": "120.5"}]},
            }
        ],
    }


def test_the_other_things(tmp_path: Path) -> None:
    result = imported(tmp_path, MARCH)
    entity = of_kind(result, "LegalEntityDefined")[0]
    assert (entity["zone"], entity["currency"]) == ("Europe/Berlin", "EUR")
    assert entity["fiscal_calendar"] == {"kind": "calendar_month", "year_starts_on": "01-01", "extra_week": []}
    assert entity["policies"] == {"hours_max_per_entry": 16}
    assert [(each["person_id"], each["role"]) for each in of_kind(result, "PersonDefined")] == [
        ("Ben", "developer"),
        ("Cai", "lead"),
    ]
    assert [
        (each["cost_rate_id"], each["person_id"], each["rate"], each["effective_from"])
        for each in of_kind(result, "CostRateSet")
    ] == [("timesheets-Ben", "Ben", "40", "2026-03-02"), ("timesheets-Cai", "Cai", "60", "2026-03-05")]
    project = of_kind(result, "ProjectActivated")[0]
    assert (project["engagement_id"], project["customer_id"], project["starts_on"]) == ("Acme", "Acme", "2026-03-02")
    assert project["dimensions"] == {"practice": "software"}


def test_a_later_export_of_the_same_things_says_nothing_new(tmp_path: Path) -> None:
    """April's versions are lower than March's, and what both exports share is the same to the letter."""
    shared = HEADER + "2,Bolt,Tunnel,Ben,developer,40,2026-03-04,8\n4,Acme,Bridge,Ben,lead,45,2026-04-01,8\n"
    march, april = facts(imported(tmp_path, MARCH)), facts(imported(tmp_path, shared, name="april"))
    assert april[("TimeApproved", "2")] == march[("TimeApproved", "2")]
    assert april[("ContractSigned", "Tunnel-2026")] == march[("ContractSigned", "Tunnel-2026")]
    for key in april.keys() & march.keys():
        assert april[key]["version"] < march[key]["version"] or april[key] == march[key]


def test_the_order_of_the_rows_is_nothing(tmp_path: Path) -> None:
    rows = [
        "1,Acme,Bridge,Ben,developer,40,2026-03-02,8\n",
        "2,Acme,Bridge,Ben,lead,45,2026-03-02,8\n",
        "3,Bolt,Tunnel,Cai,lead,60,2026-03-04,8\n",
    ]
    upward = facts(imported(tmp_path, HEADER + "".join(rows)))
    assert facts(imported(tmp_path, HEADER + "".join(reversed(rows)), name="downward")) == upward


def test_with_a_day_given_everything_holds_from_it_as_version_one(tmp_path: Path) -> None:
    result = imported(tmp_path, MARCH, MAPPING + "\n[write]\nsince = 2026-01-01\n")
    written = [event for event in told(result) if event["type"] != "TimeApproved"]
    assert {event["version"] for event in written} == {1}
    assert {event["occurred_at"] for event in written} == {"2025-12-31T23:00:00Z"}
    assert {event["starts_on"] for event in written if event["type"] == "ContractSigned"} == {"2026-01-01"}


def test_a_version_may_be_given(tmp_path: Path) -> None:
    result = imported(tmp_path, MARCH, MAPPING.replace("[write.customers]", "[write.customers]\nversion = 50000"))
    assert {event["version"] for event in of_kind(result, "CustomerDefined")} == {50000}


def test_a_thing_is_told_by_its_first_row_that_can_and_holds_from_its_first_day(tmp_path: Path) -> None:
    csv = HEADER + "1,Acme,Bridge,Ben,developer,,2026-03-02,8\n2,Acme,Bridge,Ben,developer,40,2026-03-03,8\n"
    result = imported(tmp_path, csv)
    assert result.untold == 0
    assert of_kind(result, "CostRateSet")[0]["effective_from"] == "2026-03-02"


def test_a_thing_that_no_row_can_tell_is_listed_and_its_time_imported(tmp_path: Path) -> None:
    csv = HEADER + "1,Acme,Bridge,Ben,developer,dear,2026-03-02,8\n2,,Shed,Ben,developer,,2026-03-03,8\n"
    result = imported(tmp_path, csv)
    assert result.imported == 2
    assert [(each.event, each.line, each.column) for each, _ in result.unwritten] == [
        ("CostRateSet", 2, "Cost"),
        ("ContractSigned", 3, "Client"),
    ]
    assert result.untold == 2
    assert result.rejected == 0


def test_left_out_and_rejected_rows_tell_nothing(tmp_path: Path) -> None:
    result = imported(
        tmp_path,
        MARCH + "9,Core,Attic,Dov,developer,40,2026-03-01,much\n",
        MAPPING + '\n[[skip]]\ncolumn = "Client"\nequals = "Bolt"\n',
    )
    assert [each["customer_id"] for each in of_kind(result, "CustomerDefined")] == ["Acme"]
    assert of_kind(result, "LegalEntityDefined")[0]["occurred_at"] == "2026-03-01T23:00:00Z"


def test_one_contract_for_two_projects_is_refused(tmp_path: Path) -> None:
    mapping = MAPPING.replace("{Project}-2026", "everything").replace('"everything"', '{ value = "everything" }')
    with pytest.raises(ImportRefused, match="expected one contract a project"):
        imported(tmp_path, MARCH, mapping)
    assert not list((tmp_path / "out").glob("*"))


def test_cost_rates_by_role_take_the_role_of_the_row(tmp_path: Path) -> None:
    mapping = MAPPING.replace('per = "person"', 'per = "role"')
    rates = of_kind(imported(tmp_path, MARCH, mapping), "CostRateSet")
    assert [(each["role"], each["rate"]) for each in rates] == [("developer", "40"), ("lead", "60")]


def test_nothing_is_written_that_was_not_asked_for(tmp_path: Path) -> None:
    result = imported(tmp_path, MARCH, MAPPING[: MAPPING.index("[write.entity]")])
    assert {event["type"] for event in told(result)} == {"TimeApproved"}


def test_a_policy_that_is_none_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"timesheets\.toml: write\.entity\.overflow: expected one of hold"):
        imported(tmp_path, MARCH, MAPPING.replace("[write.customers]", 'overflow = "holt"\n[write.customers]'))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("stated", "wrong", "said"),
    [
        ("rate = 120.5", "rate = -120.5", r'write\.contracts\.rate: expected a rate of 0 or more, came "-120.5"'),
        ("rate = 150 }", "rate = -150 }", r"write\.contracts\.rates\.0\.rate: expected greater than or equal to 0"),
        ('rate = "Cost"', "rate = -40", r'write\.cost_rates\.rate: expected a rate of 0 or more, came "-40"'),
    ],
)
def test_a_rate_below_zero_is_refused_where_the_mapping_states_it(
    tmp_path: Path, stated: str, wrong: str, said: str
) -> None:
    with pytest.raises(ImportRefused, match=said):
        imported(tmp_path, MARCH, MAPPING.replace(stated, wrong))
    assert not (tmp_path / "out").exists()


def test_what_a_run_would_refuse_is_listed_and_not_written(tmp_path: Path) -> None:
    """A cost rate below zero, and a contract that ends before it begins on 2 March."""
    mapping = MAPPING.replace("grace_days = 3", 'ends_on = "End"')
    csv = HEADER.replace("Hours", "Hours,End") + "1,Acme,Bridge,Ben,developer,-40,2026-03-02,8,2026-02-28\n"
    result = imported(tmp_path, csv, mapping)
    found = {(each.first.column, each.first.reason) for each in result.unwritten}
    assert found == {
        ("Cost", 'no CostRateSet of "Ben" could be written, expected 0 to 1000000000, got -40'),
        (
            "End",
            'no ContractSigned of "Bridge" could be written, the contract ends on 2026-02-28, before it starts on 2026-03-02',
        ),
    }
    assert {each["type"] for each in told(result)} == {*REFERENCE} - {"CostRateSet", "ContractSigned"}


def test_a_currency_that_is_none_is_listed(tmp_path: Path) -> None:
    mapping = MAPPING.replace('rate = "Cost"\ncurrency = { value = "EUR" }', 'rate = "Cost"\ncurrency = "Role"')
    reasons = {each.first.reason for each in imported(tmp_path, MARCH, mapping).unwritten}
    assert reasons == {
        'no CostRateSet of "Cai" could be written, expected an ISO 4217 code such as EUR (extract takes it out of a longer text)'
    }


def test_intake_reads_all_that_is_written(tmp_path: Path) -> None:
    for event in told(imported(tmp_path, MARCH)):
        check_record(event_from_json(event))
