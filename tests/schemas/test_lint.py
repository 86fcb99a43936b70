"""Schemas keep to our own rules; each breach is told with its place and a way out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from schemas.files import read_schemas
from schemas.lint import describe, lint

SCHEMAS = read_schemas()
TIME = "milepost.events.TimeApproved"
LINE = "milepost.common.ContractLine"
ALERT = "milepost.outputs.Alert"


def after(name: str, edit: Callable[[dict[str, Any]], object]) -> list[tuple[str, str]]:
    """Place and fault of every finding after an edit."""
    schemas = copy.deepcopy(SCHEMAS)
    edit(schemas[name])
    return [(finding.location, finding.what) for finding in lint(schemas) if finding.schema == name]


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in schema["fields"] if field["name"] == name)


def test_todays_schemas_keep_to_the_rules() -> None:
    assert describe(lint(SCHEMAS)) == ""


@pytest.mark.parametrize(
    ("name", "edit", "location", "says"),
    [
        pytest.param(TIME, lambda s: s.update(doc=""), "", "has no doc", id="record without doc"),
        pytest.param(TIME, lambda s: field(s, "task").pop("doc"), "task", "has no doc", id="field without doc"),
        pytest.param(
            TIME, lambda s: field(s, "task").pop("default"), "task", "without the default null", id="no default"
        ),
        pytest.param(
            TIME,
            lambda s: field(s, "task").update(type=["string", "null"]),
            "task",
            "expected [null, type]",
            id="null not first",
        ),
        pytest.param(TIME, lambda s: field(s, "hours").pop("unit"), "hours", "the unit None", id="no unit"),
        pytest.param(
            TIME,
            lambda s: field(s, "hours").update(unit="amount"),
            "hours",
            "amount as decimal(18, 6)",
            id="digits of another unit",
        ),
        pytest.param(
            TIME, lambda s: field(s, "task").update(unit="hours"), "task", "is no decimal", id="unit of a text"
        ),
        pytest.param(TIME, lambda s: field(s, "version").update(type="double"), "version", "is a double", id="double"),
        pytest.param(
            TIME,
            lambda s: field(s, "dimensions").update(type={"type": "map", "values": "float"}),
            "dimensions",
            "is a float",
            id="float in a map",
        ),
        pytest.param(TIME, lambda s: field(s, "entry_id").update(type="long"), "entry_id", "id as string", id="id"),
        pytest.param(
            TIME, lambda s: field(s, "occurred_at").update(type="long"), "occurred_at", "an instant", id="instant"
        ),
        pytest.param(TIME, lambda s: field(s, "task").update(name="count"), "count", "cannot be a field", id="name"),
        pytest.param(TIME, lambda s: s.pop("topic"), "topic", "names no topic", id="topic"),
        pytest.param(TIME, lambda s: s.update(area="else"), "area", "got else", id="area"),
        pytest.param(TIME, lambda s: s["entity"].update(id=["x"]), "entity", "names x", id="identity"),
        pytest.param(
            TIME, lambda s: s["fields"].remove(field(s, "correlation_id")), "correlation_id", "has not", id="header"
        ),
        pytest.param(TIME, lambda s: s["fields"].reverse(), "", "begins with", id="order of the header"),
        pytest.param(
            LINE, lambda s: s["fields"].reverse(), "line_id", "follows an optional field", id="required comes first"
        ),
        pytest.param(
            LINE, lambda s: field(s, "policies")["type"].append("string"), "policies", "expected [null", id="union"
        ),
        pytest.param(
            LINE,
            lambda s: field(s, "tasks").update(type="milepost.common.Missing"),
            "milepost.common.Missing",
            "without a file",
            id="reference",
        ),
        pytest.param(LINE, lambda s: field(s, "tasks").update(type=LINE), "", "holds itself", id="recursion"),
        pytest.param(
            ALERT, lambda s: s["fields"].remove(field(s, "ordinal")), "", "begin with its position", id="position"
        ),
        pytest.param(
            "milepost.common.CapKind", lambda s: s.update(default="soft"), "", "has a default symbol", id="enum default"
        ),
    ],
)
def test_a_breach_is_reported(name: str, edit: Callable[[dict[str, Any]], object], location: str, says: str) -> None:
    assert any(place == location and says in what for place, what in after(name, edit)), after(name, edit)
