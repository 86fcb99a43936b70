"""What was released stays readable; a change that breaks it is reported with its place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import history
from schemas.files import AVRO
from schemas.lint import SchemaFault

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A copy of today's schemas, all of them frozen as version 1."""
    folder = tmp_path / "avro"
    shutil.copytree(AVRO, folder, ignore=shutil.ignore_patterns("history"))
    history.freeze(folder)
    return folder


def edited(folder: Path, file: str, edit: Edit) -> list[SchemaFault]:
    """The incompatibilities after one edit of one file."""
    path = folder / f"{file}.avsc"
    schema = json.loads(path.read_text(encoding="utf-8"))
    edit(schema)
    path.write_text(json.dumps(schema), encoding="utf-8")
    return [finding for finding in history.check(folder) if "has changed since" not in finding.what]


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in schema["fields"] if field["name"] == name)


def without(name: str) -> Edit:
    def edit(schema: dict[str, Any]) -> None:
        schema["fields"].remove(field(schema, name))

    return edit


def with_field(**added: Any) -> Edit:
    return lambda schema: schema["fields"].append(added)


def changing(field_name: str, **changes: Any) -> Edit:
    return lambda schema: field(schema, field_name).update(changes)


def test_the_repository_agrees_with_its_history() -> None:
    assert history.check() == []


def test_a_fresh_release_has_nothing_to_report(released: Path) -> None:
    assert history.check(released) == []
    assert history.freeze(released) == []


def test_a_schema_without_history_is_reported(released: Path) -> None:
    shutil.rmtree(released / "history" / "milepost.events.TimeApproved")
    (finding,) = history.check(released)
    assert finding.schema == "milepost.events.TimeApproved"
    assert finding.what == "has no released version"
    assert "milepost schemas freeze" in finding.remedy


def test_a_change_wants_a_new_version(released: Path) -> None:
    note = {"name": "note", "doc": "A note.", "type": ["null", "string"], "default": None}
    assert edited(released, "events/DayEnded", with_field(**note)) == []
    (finding,) = history.check(released)
    assert finding.what == "has changed since version 1"
    (path,) = history.freeze(released)
    assert path == released / "history" / "milepost.events.DayEnded" / "2.avsc"
    assert history.check(released) == []


def test_wording_needs_no_new_version(released: Path) -> None:
    edited(released, "events/DayEnded", changing("zone", doc="Zone, by its IANA name."))
    assert history.check(released) == []


def test_what_broke_with_version_one_stays_broken_under_version_two(released: Path) -> None:
    """Transitive: a released version is never forgotten."""
    note = {"name": "note", "doc": "A note.", "type": ["null", "string"], "default": None}
    edited(released, "events/DayEnded", with_field(**note))
    history.freeze(released)
    (finding,) = edited(released, "events/DayEnded", changing("zone", type="long"))[:1]
    assert (finding.location, "version 1" in finding.what) == ("zone", True)


@pytest.mark.parametrize(
    ("file", "edit", "schema", "location", "says"),
    [
        pytest.param(
            "events/TimeApproved",
            without("person_id"),
            "milepost.events.TimeApproved",
            "person_id",
            "kept facts would be lost",
            id="an event loses a field",
        ),
        pytest.param(
            "outputs/JournalEntry",
            without("replaces"),
            "milepost.outputs.JournalEntry",
            "replaces",
            "old logs could not give the same bytes",
            id="an output loses a field with a default",
        ),
        pytest.param(
            "events/TimeApproved",
            changing("person_id", name="worker_id"),
            "milepost.events.TimeApproved",
            "worker_id",
            "cannot read version 1",
            id="an event's field is renamed without an alias",
        ),
        pytest.param(
            "events/TimeApproved",
            changing("version", type="int"),
            "milepost.events.TimeApproved",
            "version",
            "reader type: int not compatible with writer type: long",
            id="a type becomes narrower",
        ),
        pytest.param(
            "common/LineRate",
            changing("rate", type={"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}),
            "milepost.events.ContractSigned",
            "lines[].terms.TimeAndMaterials.rates[].rate",
            "was decimal(18,6) rate in version 1 and is decimal(18,4) rate",
            id="a decimal deep inside loses digits",
        ),
        pytest.param(
            "common/BillTo",
            with_field(name="language", doc="Language.", type="string"),
            "milepost.events.ContractSigned",
            "bill_to[].language",
            "cannot read version 1",
            id="a nested record wants what was never written",
        ),
        pytest.param(
            "common/HoldKind",
            lambda schema: schema["symbols"].remove("entry"),
            "milepost.events.BillingHoldPlaced",
            "scope.kind",
            "entry",
            id="a closed set loses a value",
        ),
        pytest.param(
            "outputs/Alert",
            lambda schema: schema["fields"].insert(11, {"name": "severity", "doc": "How bad it is.", "type": "string"}),
            "milepost.outputs.Alert",
            "severity",
            "cannot read version 1: the field has no default",
            id="an output gains a field without default",
        ),
        pytest.param(
            "outputs/Alert",
            without("subject_id"),
            "milepost.outputs.Alert",
            "subject_id",
            "a reader of version 1 cannot read today's",
            id="an output loses what its readers need",
        ),
        pytest.param(
            "common/OwnerRole",
            lambda schema: schema["symbols"].append("legal"),
            "milepost.outputs.ExceptionRaised",
            "owner_role",
            "a reader of version 1 cannot read today's",
            id="an output's closed set grows",
        ),
    ],
)
def test_an_incompatible_change_is_reported_with_its_place(
    released: Path, file: str, edit: Edit, schema: str, location: str, says: str
) -> None:
    findings = edited(released, file, edit)
    told = [f for f in findings if f.schema == schema and f.location == location and says in f.what]
    assert told, findings
    assert all(finding.remedy for finding in findings)
    with pytest.raises(history.IncompatibleChange, match=location.replace("[]", r"\[\]")):
        history.freeze(released)


def test_a_rename_with_an_alias_keeps_old_facts(released: Path) -> None:
    assert edited(released, "events/DayEnded", changing("zone", name="zone_name", aliases=["zone"])) == [
        SchemaFault("milepost.events.DayEnded", "entity", "names zone, which is no field", "name fields of the event")
    ]


def test_a_record_that_vanished_is_reported(released: Path) -> None:
    (released / "outputs" / "Alert.avsc").unlink()
    (finding,) = history.check(released)
    assert finding.what == "version 1 was released and is gone"
