"""The Python classes say exactly what the schemas say."""

from __future__ import annotations

import datetime as dt
import typing
from pathlib import Path
from typing import Any

import avro.schema
import fastavro
import pytest

from domain import outputs
from domain.events import catalogue, commercial, common, control, delivery, finance, reference
from schemas import generate
from schemas.files import inlined, kind_of, read_schemas, short_name

SCHEMAS = read_schemas()
EVENTS = [name for name in SCHEMAS if kind_of(name) == "events"]
OUTPUTS = [name for name in SCHEMAS if kind_of(name) == "outputs"]
RECORDS = [name for name in SCHEMAS if SCHEMAS[name]["type"] == "record"]
AREAS = {"reference": reference, "commercial": commercial, "delivery": delivery, "finance": finance, "control": control}
ROOT = Path(generate.__file__).parent.parent


def class_of(name: str) -> Any:
    if kind_of(name) == "events":
        return getattr(AREAS[SCHEMAS[name]["area"]], short_name(name))
    home = common if hasattr(common, short_name(name)) else outputs
    return getattr(home, short_name(name))


def fields_of(name: str) -> list[dict[str, Any]]:
    """An output's class leaves its position out."""
    positioned = kind_of(name) == "outputs" and short_name(name) != "DeadLetter"
    return SCHEMAS[name]["fields"][10 if positioned else 0 :]


def test_generated_files_are_those_in_the_repository() -> None:
    """Anyone who edits a schema runs `python -m schemas.generate`."""
    for path, text in generate.generated(SCHEMAS).items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path}: run `python -m schemas.generate`"


@pytest.mark.parametrize("name", RECORDS, ids=short_name)
def test_fields_and_their_order(name: str) -> None:
    assert list(class_of(name)._fields) == [field["name"] for field in fields_of(name)]


@pytest.mark.parametrize("name", RECORDS, ids=short_name)
def test_defaults(name: str) -> None:
    """What may be left out in a schema may be left out of the class, with the same meaning."""
    stated = {field["name"]: field["default"] for field in fields_of(name) if "default" in field}
    held = class_of(name)._field_defaults
    as_python = {key: 0 if value == "\u0000" else () if value == [] else value for key, value in stated.items()}
    assert held == as_python


@pytest.mark.parametrize("name", RECORDS, ids=short_name)
def test_optional_fields_may_be_none(name: str) -> None:
    hints = typing.get_type_hints(class_of(name))
    for field in fields_of(name):
        optional = isinstance(field["type"], list) and "null" in field["type"]
        assert (type(None) in typing.get_args(hints[field["name"]])) == optional, field["name"]


def test_python_types_of_the_schemas_types() -> None:
    time = typing.get_type_hints(delivery.TimeApproved)
    milestone = typing.get_type_hints(delivery.MilestoneAccepted)
    assert milestone["accepted_on"] is dt.date
    assert time["approved_at"] == int | None
    assert time["hours"] == int | None
    assert time["billable"] is bool
    assert typing.get_origin(time["dimensions"]) is typing.get_origin(typing.Mapping[str, str])
    assert typing.get_type_hints(common.Cap)["kind"] is str
    assert typing.get_type_hints(outputs.DeadLetter)["raw"] == bytes | None


def test_a_lines_terms_are_one_of_nine_kinds() -> None:
    kinds = [short_name(branch) for branch in SCHEMAS["milepost.common.ContractLine"]["fields"][2]["type"]]
    assert [member.__name__ for member in typing.get_args(common.Terms)] == kinds
    assert len(kinds) == 9


def test_position_leads_every_output_but_the_dead_letter() -> None:
    for name in OUTPUTS:
        leading = tuple(field["name"] for field in SCHEMAS[name]["fields"][:10])
        assert (leading == outputs.Position._fields) == (short_name(name) != "DeadLetter")
    assert outputs.Position._field_defaults == {}


def test_catalogue_lists_every_event_and_output() -> None:
    assert {f"milepost.events.{name}" for name in catalogue.EVENTS} == set(EVENTS)
    assert {f"milepost.outputs.{name}" for name in outputs.OUTPUTS} == set(OUTPUTS)
    assert set(catalogue.EVENTS) == set(catalogue.ENTITIES) == set(catalogue.TOPICS)
    assert set(outputs.OUTPUTS) == set(outputs.TOPICS)
    for name, event in catalogue.EVENTS.items():
        assert event.__name__ == name


def test_identity_fields_are_fields_of_the_event() -> None:
    for name, entity in catalogue.ENTITIES.items():
        named = {*entity.id_fields, *([entity.version_field] if entity.version_field else [])}
        assert named <= set(catalogue.EVENTS[name]._fields), name


def test_facts_that_continue_each_other_share_an_identity() -> None:
    """A withdrawal is a later version of the entry that it withdraws."""
    for names in (
        ("TimeApproved", "TimeWithdrawn"),
        ("ExpenseApproved", "ExpenseWithdrawn"),
        ("MilestoneAccepted", "MilestoneRevoked"),
        ("ContractSigned", "ContractAmended", "ContractTerminated"),
        ("BillingHoldPlaced", "BillingHoldReleased"),
        ("ProjectActivated", "ProjectClosed"),
        ("AccountingPeriodClosed", "AccountingPeriodReopened"),
    ):
        assert len({catalogue.ENTITIES[name] for name in names}) == 1, names
    assert catalogue.ENTITIES["TimeApproved"] == ("time_entry", ("entry_id",), "version")
    assert catalogue.ENTITIES["PaymentReceived"].version_field is None


def told(event: catalogue.Event) -> str:
    match event:
        case delivery.ExpenseWithdrawn():
            return "an expense"
        case delivery.TimeWithdrawn(entry_id=entry_id, version=version):
            return f"{entry_id} in version {version}"
        case _:
            return "something else"


def test_kinds_of_events_are_told_apart_by_type() -> None:
    head: dict[str, Any] = {"event_id": "e", "occurred_at": 0, "source": "kantata"}
    assert told(delivery.TimeWithdrawn(**head, entry_id="T-1", version=2)) == "T-1 in version 2"
    assert told(delivery.ExpenseWithdrawn(**head, expense_id="X-1", version=2)) == "an expense"


@pytest.mark.parametrize("name", [*EVENTS, *OUTPUTS], ids=short_name)
def test_two_avro_libraries_accept_the_schema_on_its_own(name: str) -> None:
    alone = inlined(name, SCHEMAS)
    fastavro.parse_schema(alone)
    assert avro.schema.make_avsc_object(alone).props["name"] == short_name(name)
