"""What every schema must keep to, beyond what Avro itself asks for."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from domain.units import DECIMALS
from schemas.files import Schema, kind_of, references, short_name
from schemas.generate import AREAS, POSITION

EVENT_HEAD = ("event_id", "occurred_at", "source")
EVENT_TAIL = ("recorded_at", "engagement_id", "project_id", "correlation_id", "approved_by")
ASKED = ("requested_by", "submitted_by")
PRIMITIVES = ("null", "string", "long", "int", "boolean", "bytes")
# A NamedTuple has these already.
TAKEN = ("count", "index")
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]*")


class SchemaFault(NamedTuple):
    """A fault of a schema: where, what was expected and came, and what to do."""

    schema: str
    location: str
    what: str
    remedy: str


def lint(schemas: dict[str, Schema]) -> list[SchemaFault]:
    """Every fault of today's schemas, each taken by itself and then together."""
    alone = [finding for name in schemas for finding in _lint_schema(name, schemas)]
    return [*alone, *_lint_together(schemas)]


def _lint_schema(name: str, schemas: dict[str, Schema]) -> Iterator[SchemaFault]:
    schema = schemas[name]
    finding = _reporter(name)
    if not schema.get("doc"):
        yield finding("", "has no doc", "say in one sentence what it is")
    yield from _missing_references(name, schemas)
    if schema["type"] == "enum":
        yield from _lint_enum(name, "", schema)
    elif schema["type"] == "record":
        yield from _lint_record(name, schema)
    else:
        yield finding("", f"expected a record or an enum, got {schema['type']}", "make it a record or an enum")


def _lint_record(name: str, schema: Schema) -> Iterator[SchemaFault]:
    for field in schema["fields"]:
        yield from _lint_field(name, field)
    match kind_of(name):
        case "events":
            yield from _lint_event(name, schema)
        case "outputs":
            yield from _lint_output(name, schema)
    business = schema["fields"][len(POSITION) :] if _has_position(name) else schema["fields"]
    yield from _lint_order(name, business)


def _lint_field(name: str, field: Schema) -> Iterator[SchemaFault]:
    finding = _reporter(name)
    place = field["name"]
    if not field.get("doc"):
        yield finding(place, "has no doc", "say its meaning and, for a number, its unit")
    if not PLAIN_NAME.fullmatch(place) or keyword.iskeyword(place) or place in TAKEN:
        yield finding(place, "its name cannot be a field of a class", "choose another, with the old one as an alias")
    yield from _lint_optional(name, field)
    yield from _lint_unit(name, field)
    yield from _lint_text(name, field)
    for node in _leaves(field["type"]):
        if isinstance(node, dict) and node.get("type") == "enum":
            yield from _lint_enum(name, place, node)
        elif isinstance(node, dict) and node.get("type") in ("record", "fixed"):
            yield finding(place, f"defines {node.get('name')} inside", "give the type a file of its own in common/")
        elif _base(node) in ("float", "double"):
            yield finding(place, f"is a {_base(node)}", "use a decimal with a unit; binary fractions are never exact")
        elif isinstance(node, str) and "." not in node and node not in PRIMITIVES:
            yield finding(place, f"unknown type {node}", f"use one of {', '.join(PRIMITIVES)} or a full name")


def _lint_optional(name: str, field: Schema) -> Iterator[SchemaFault]:
    finding = _reporter(name)
    node = field["type"]
    if not isinstance(node, list):
        return
    if "null" not in node:
        if not all(isinstance(branch, str) and "." in branch for branch in node):
            yield finding(field["name"], "a union of other than records", "name each branch as a record of common/")
    elif node[0] != "null" or len(node) != 2:
        yield finding(field["name"], f"expected [null, type], got {node}", "put null first, with one type after it")
    elif field.get("default", ...) is not None:
        yield finding(field["name"], "is optional without the default null", 'add "default": null')


def _lint_unit(name: str, field: Schema) -> Iterator[SchemaFault]:
    finding = _reporter(name)
    decimals = [
        (node.get("precision"), node.get("scale"))
        for node in _leaves(field["type"])
        if isinstance(node, dict) and node.get("logicalType") == "decimal"
    ]
    unit = field.get("unit")
    if not decimals and unit is not None:
        yield finding(field["name"], f"states the unit {unit} and is no decimal", "make it a decimal or drop the unit")
    elif decimals and unit not in DECIMALS:
        yield finding(field["name"], f"a decimal with the unit {unit}", f"state one of {', '.join(DECIMALS)}")
    elif decimals and decimals != [DECIMALS[str(unit)]]:
        expected = DECIMALS[str(unit)]
        yield finding(field["name"], f"{unit} as decimal{decimals[0]}", f"use decimal{expected}, as every {unit}")


def _lint_text(name: str, field: Schema) -> Iterator[SchemaFault]:
    finding = _reporter(name)
    bases = {_base(node) for node in _leaves(field["type"])} - {"null"}
    if field["name"].endswith("_id") or field["name"] == "id":
        if bases != {"string"}:
            yield finding(field["name"], f"expected an id as string, got {', '.join(sorted(bases))}", "use string")
    elif field["name"].endswith("_at") and bases != {"timestamp-micros"}:
        yield finding(field["name"], f"expected an instant, got {', '.join(sorted(bases))}", "use timestamp-micros")


def _lint_enum(name: str, place: str, enum: Schema) -> Iterator[SchemaFault]:
    finding = _reporter(name)
    if "default" in enum:
        yield finding(place, f"enum {enum['name']} has a default symbol", "drop it: an unknown value is a dead letter")
    for symbol in enum["symbols"]:
        if not PLAIN_NAME.fullmatch(symbol):
            yield finding(place, f"enum {enum['name']} has the symbol {symbol}", "use lower case with underscores")


def _lint_event(name: str, schema: Schema) -> Iterator[SchemaFault]:
    finding = _reporter(name)
    fields = [field["name"] for field in schema["fields"]]
    if tuple(fields[:3]) != EVENT_HEAD:
        yield finding("", f"begins with {', '.join(fields[:3])}", f"begin with {', '.join(EVENT_HEAD)}")
    for missing in set(EVENT_TAIL) - set(fields):
        yield finding(missing, "every event has it, this one has not", "add it, optional unless it is essential here")
    if not set(ASKED) & set(fields):
        yield finding("requested_by", "every event says who asked, this one does not", f"add {' or '.join(ASKED)}")
    if schema.get("area") not in AREAS:
        yield finding("area", f"got {schema.get('area')}", f"state one of {', '.join(AREAS)}")
    if not schema.get("topic"):
        yield finding("topic", "names no topic", "state the topic that it travels on")
    entity = schema.get("entity", {"kind": "", "id": [], "version": None})
    named = [*entity["id"], *([entity["version"]] if entity["version"] else [])]
    if not entity["kind"] or not entity["id"]:
        yield finding("entity", "does not say what it is about", "state kind, id and version (null = happens once)")
    for unknown in [field for field in named if field not in fields]:
        yield finding("entity", f"names {unknown}, which is no field", "name fields of the event")


def _lint_output(name: str, schema: Schema) -> Iterator[SchemaFault]:
    finding = _reporter(name)
    fields = tuple(field["name"] for field in schema["fields"])
    if _has_position(name) and fields[: len(POSITION)] != POSITION:
        yield finding("", "does not begin with its position", f"begin with {', '.join(POSITION)}")
    if not schema.get("topic"):
        yield finding("topic", "names no topic", "state the topic that it travels on")


def _lint_order(name: str, fields: list[Schema]) -> Iterator[SchemaFault]:
    """Python wants fields without a default first."""
    optional = False
    for field in fields:
        if "default" in field:
            optional = True
        elif optional:
            yield _reporter(name)(field["name"], "is required and follows an optional field", "move it further up")


def _lint_together(schemas: dict[str, Schema]) -> Iterator[SchemaFault]:
    yield from _repeated_names(schemas)
    yield from _recursions(schemas)
    used = {reference for schema in schemas.values() for reference in references(schema)}
    for name in schemas:
        if kind_of(name) == "common" and name not in used:
            yield _reporter(name)("", "nothing uses it", "remove the file")


def _repeated_names(schemas: dict[str, Schema]) -> Iterator[SchemaFault]:
    inner = [
        (f"{schema['namespace']}.{node['name']}", name)
        for name, schema in schemas.items()
        for field in schema.get("fields", [])
        for node in _leaves(field["type"])
        if isinstance(node, dict) and node.get("type") == "enum"
    ]
    times = Counter([*schemas, *(full for full, _ in inner)])
    for full, holder in inner:
        if times[full] > 1:
            yield _reporter(holder)(short_name(full), "the name is defined twice", "give the enum a file in common/")


def _recursions(schemas: dict[str, Schema]) -> Iterator[SchemaFault]:
    for name, schema in schemas.items():
        seen: set[str] = set()
        ahead = set(references(schema))
        while ahead:
            seen |= ahead
            ahead = {found for used in ahead if used in schemas for found in references(schemas[used])} - seen
        if name in seen:
            yield _reporter(name)("", "holds itself", "flatten it: deep input could exhaust the reader")


def _missing_references(name: str, schemas: dict[str, Schema]) -> Iterator[SchemaFault]:
    for reference in references(schemas[name]):
        if reference not in schemas:
            yield _reporter(name)(reference, "names a type without a file", "add the file or correct the name")


def _leaves(node: Any) -> Iterator[Any]:
    """The types of a field with arrays, maps and unions taken apart."""
    match node:
        case list():
            for branch in node:
                yield from _leaves(branch)
        case {"type": "array", "items": items}:
            yield from _leaves(items)
        case {"type": "map", "values": values}:
            yield from _leaves(values)
        case _:
            yield node


def _base(node: Any) -> str:
    return str(node.get("logicalType", node["type"])) if isinstance(node, dict) else str(node)


def _has_position(name: str) -> bool:
    return kind_of(name) == "outputs" and short_name(name) != "DeadLetter"


def _reporter(name: str) -> Callable[[str, str, str], SchemaFault]:
    return lambda place, what, remedy: SchemaFault(name, place, what, remedy)


def describe(findings: Iterable[SchemaFault]) -> str:
    """One line a finding, for people."""
    return "\n".join(f"{f.schema} {f.location}: {f.what}; {f.remedy}".replace(" :", ":") for f in findings)
