"""Every version of a schema that was ever released, and whether today's still agrees with all of them.

Events are BACKWARD_TRANSITIVE: today's schema reads every event ever kept. Outputs are FULL_TRANSITIVE: besides, every
reader ever built reads today's outputs. A frozen version stands alone in `history/<full name>/<n>.avsc`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType, lookup_writer_field

from schemas.files import AVRO, Schema, frozen, inlined, kind_of, read_schemas
from schemas.lint import SchemaFault, describe, lint

# What may change without a new version: it says nothing about the bytes.
WORDING = ("doc", "area", "topic", "entity")


class IncompatibleChange(Exception):
    """Today's schemas contradict what was released, so nothing was frozen."""


def check(folder: Path = AVRO) -> list[SchemaFault]:
    """What is wrong with the schemas themselves, and where they break with what was released."""
    schemas = read_schemas(folder)
    faults = lint(schemas)
    return [*faults, *incompatibilities(folder, schemas), *_not_frozen(folder, schemas)]


def freeze(folder: Path = AVRO) -> list[Path]:
    """Add a version for each event and output that is new or has changed; what is frozen is never rewritten."""
    schemas = read_schemas(folder)
    broken = [*lint(schemas), *incompatibilities(folder, schemas)]
    if broken:
        raise IncompatibleChange(f"nothing was frozen:\n{describe(broken)}")
    written = []
    for name in _released(schemas):
        versions = frozen(name, folder)
        today = inlined(name, schemas)
        if not versions or meaning(versions[max(versions)]) != meaning(today):
            path = folder / "history" / name / f"{max(versions, default=0) + 1}.avsc"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(today, indent=2) + "\n", encoding="utf-8")
            written.append(path)
    return written


def incompatibilities(folder: Path, schemas: dict[str, Schema]) -> list[SchemaFault]:
    """Where today's schemas break with a released version."""
    findings = []
    for name in sorted(path.name for path in (folder / "history").glob("*")):
        for number, old in sorted(frozen(name, folder).items()):
            if name not in schemas:
                findings.append(
                    SchemaFault(name, "", f"version {number} was released and is gone", "put the file back")
                )
            else:
                findings.extend(_broken(name, number, old, inlined(name, schemas)))
    return list(dict.fromkeys(findings))


def meaning(schema: Schema) -> str:
    """A schema without its wording, to compare."""
    return json.dumps(_without_wording(schema), sort_keys=True)


def _not_frozen(folder: Path, schemas: dict[str, Schema]) -> Iterator[SchemaFault]:
    for name in _released(schemas):
        versions = frozen(name, folder)
        remedy = "run `milepost schemas freeze` and commit the file"
        if not versions:
            yield SchemaFault(name, "", "has no released version", remedy)
        elif meaning(versions[max(versions)]) != meaning(inlined(name, schemas)):
            yield SchemaFault(name, "", f"has changed since version {max(versions)}", remedy)


def _released(schemas: dict[str, Schema]) -> list[str]:
    return [name for name in schemas if kind_of(name) in ("events", "outputs")]


def _broken(name: str, number: int, old: Schema, today: Schema) -> Iterator[SchemaFault]:
    parsed_old, parsed_today = avro.schema.parse(json.dumps(old)), avro.schema.parse(json.dumps(today))
    for place, what in _unreadable(parsed_today, parsed_old):
        remedy = (
            "give a new field a default, an old one its type and symbols back; a rename needs the old name as alias"
        )
        yield SchemaFault(name, place, f"today's schema cannot read version {number}: {what}", remedy)
    if kind_of(name) == "outputs":
        for place, what in _unreadable(parsed_old, parsed_today):
            remedy = "keep what version readers need: fields without default, types and symbols"
            yield SchemaFault(name, place, f"a reader of version {number} cannot read today's: {what}", remedy)
    then, now = _shape(old), _shape(today)
    for place, form in then.items():
        if place not in now:
            remedy = "keep it, or name it as an alias of the field that takes its place"
            lost = "kept facts would be lost" if kind_of(name) == "events" else "old logs could not give the same bytes"
            yield SchemaFault(name, place, f"stands in version {number} and is gone, so {lost}", remedy)
        elif place in now and now[place] != form:
            remedy = "add a field with the new meaning beside it"
            yield SchemaFault(name, place, f"was {form} in version {number} and is {now[place]}", remedy)


def _unreadable(reader: Any, writer: Any) -> Iterator[tuple[str, str]]:
    """Place and reason, field by field, of what a reader cannot make of a writer's record."""
    for index, field in enumerate(reader.fields):
        written = lookup_writer_field(writer, field)
        if written is None:
            if not field.has_default:
                yield field.name, "the field has no default and was not written"
            continue
        checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
        result = checker.get_compatibility(field.type, written.type, "type", ["", "fields", str(index)])
        if result.compatibility is SchemaCompatibilityType.incompatible:
            places = {_field_path(reader, location) for location in result.locations} - {""}
            yield ", ".join(sorted(places)) or field.name, "; ".join(sorted(result.messages))


def _field_path(reader: Any, location: str) -> str:
    """`lines[].amount` for Avro's `/fields/3/type/items/fields/1/type`."""
    node, path = reader, ""
    steps = iter(location.strip("/").split("/"))
    for step in steps:
        match step:
            case "fields":
                node = node.fields[int(next(steps))]
                path = f"{path}.{node.name}" if path else node.name
            case "type":
                node = node.type
            case "items":
                path, node = f"{path}[]", node.items
            case "values":
                path, node = f"{path}{{}}", node.values
    return path


def _shape(schema: Schema) -> dict[str, str]:
    """Every field's path with the logical form that Avro's own rules do not compare: scale, precision, unit."""
    found: dict[str, str] = {}
    _walk(schema, "", {}, "", found)
    return found


def _walk(node: Any, path: str, defined: dict[str, Schema], unit: str, found: dict[str, str]) -> None:
    match node:
        case [*branches]:
            for branch in branches:
                _walk(branch, path, defined, unit, found)
        case {"type": "record", "name": name, "fields": [*fields]}:
            defined[f"{node['namespace']}.{name}"] = node
            inside = f"{path}.{name}" if path.endswith("terms") else path
            for field in fields:
                for called in (field["name"], *field.get("aliases", [])):
                    place = f"{inside}.{called}" if inside else called
                    found.setdefault(place, "plain")
                    _walk(field["type"], place, defined, field.get("unit", ""), found)
        case {"type": "array", "items": items}:
            _walk(items, f"{path}[]", defined, unit, found)
        case {"type": "map", "values": values}:
            _walk(values, f"{path}{{}}", defined, unit, found)
        case {"logicalType": "decimal", "precision": precision, "scale": scale}:
            found[path] = f"decimal({precision},{scale}) {unit}"
        case {"logicalType": logical}:
            found[path] = str(logical)
        case str() if node in defined:
            _walk(defined[node], path, defined, unit, found)


def _without_wording(node: Any) -> Any:
    match node:
        case dict():
            return {key: _without_wording(value) for key, value in node.items() if key not in WORDING}
        case list():
            return [_without_wording(item) for item in node]
    return node
