"""Writes the Python classes of events and outputs, and docs/events.md, from the schemas: `python -m schemas.generate [--check]`.

A common record stands in `domain/events/common.py` when an event can hold it, and in `domain/outputs.py` when only
outputs do.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schemas.events_page import PAGE, page
from schemas.files import AVRO, Schema, kind_of, read_schemas, references, short_name

ROOT = Path(__file__).parent.parent
AREAS = ("reference", "commercial", "delivery", "finance", "control")
WIDTH = 120

HEAD = """# Generated from schemas/avro by `python -m schemas.generate`; edit the .avsc.
"""
ALIASES = {
    "amount": "Amount",
    "hours": "Hours",
    "rate": "Rate",
    "percent": "Percent",
    "quantity": "Quantity",
    "exchange_rate": "ExchangeRate",
}
PRIMITIVES = {"string": "str", "long": "int", "int": "int", "boolean": "bool", "bytes": "bytes"}
LOGICAL = {"date": "dt.date", "timestamp-micros": "Instant"}
POSITION = (
    "generation",
    "shard",
    "log_offset",
    "ordinal",
    "output_seq",
    "event_id",
    "occurred_at",
    "recorded_at",
    "correlation_id",
    "rules_version",
)


def main(arguments: list[str]) -> int:
    schemas = read_schemas(AVRO)
    modules = {**generated(schemas), PAGE: page(schemas)}
    stale = [path for path, text in modules.items() if not _holds(ROOT / path, text)]
    if "--check" in arguments:
        for path in stale:
            print(f"{path}: differs from schemas/avro; run `python -m schemas.generate`")
        return 1 if stale else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(modules[path], encoding="utf-8")
        print(f"{path}: written")
    return 0


def generated(schemas: dict[str, Schema]) -> dict[str, str]:
    """The text of every generated module by its path from the repository's root."""
    events = [schema for name, schema in schemas.items() if kind_of(name) == "events"]
    outputs = [schema for name, schema in schemas.items() if kind_of(name) == "outputs"]
    shared = common_types(schemas)
    only_outputs = [
        name for name in _ordered(outputs, schemas) if name not in shared and schemas[name]["type"] == "record"
    ]
    modules = {"domain/events/common.py": _common_module([schemas[name] for name in shared], schemas)}
    for area in AREAS:
        records = [schema for schema in events if schema["area"] == area]
        modules[f"domain/events/{area}.py"] = _module(records, schemas, shared)
    modules["domain/events/catalogue.py"] = _catalogue(events)
    modules["domain/outputs.py"] = _outputs_module(outputs, [schemas[name] for name in only_outputs], schemas, shared)
    return modules


def common_types(schemas: dict[str, Schema]) -> list[str]:
    """Full names of the records that events can hold, each after those that it uses."""
    events = [schema for name, schema in schemas.items() if kind_of(name) == "events"]
    return [name for name in _ordered(events, schemas) if schemas[name]["type"] == "record"]


def _ordered(roots: Iterable[Schema], schemas: dict[str, Schema]) -> list[str]:
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        for used in references(schemas[name]):
            visit(used)
        found.setdefault(name)

    for root in roots:
        for name in references(root):
            visit(name)
    return list(found)


def _common_module(records: list[Schema], schemas: dict[str, Schema]) -> str:
    """Unions of records get a name after their field: a line's `terms` are `Terms`."""
    pieces: list[str] = []
    for record in records:
        pieces.extend(_union_alias(field) for field in record["fields"] if _is_union(field["type"]))
        pieces.append(_class(record, schemas))
    return _assemble("\n\n\n".join(pieces), {})


def _module(records: list[Schema], schemas: dict[str, Schema], shared: list[str]) -> str:
    body = "\n\n\n".join(_class(record, schemas) for record in records)
    return _assemble(body, {"domain.events.common": _used(records, shared)})


def _outputs_module(outputs: list[Schema], own: list[Schema], schemas: dict[str, Schema], shared: list[str]) -> str:
    position = {
        "name": "Position",
        "doc": "Where an output stands: what it was caused by, and its place among all outputs of its shard.",
        "fields": [{**field, "default": ...} for field in outputs[-1]["fields"] if field["name"] in POSITION],
    }
    names = [schema["name"] for schema in outputs]
    pieces = [
        _class(position, schemas),
        *(_class(schema, schemas) for schema in own),
        *(_class({**schema, "fields": business_fields(schema)}, schemas) for schema in outputs),
        _alias("Output", names),
    ]
    tables = [
        _table("OUTPUTS: Mapping[str, type[Output]]", ((name, name) for name in names)),
        _table("TOPICS: Mapping[str, str]", ((schema["name"], f'"{schema["topic"]}"') for schema in outputs)),
    ]
    body = "\n\n\n".join(pieces) + "\n\n" + "\n\n".join(tables)
    return _assemble(body, {"domain.events.common": _used([*outputs, *own], shared)})


def _catalogue(events: list[Schema]) -> str:
    entity = '''class Entity(NamedTuple):
    """What a fact is about: identity is (kind, id, version); several id fields together make one id.

    Without a version field the fact happens once.
    """

    kind: str
    id_fields: tuple[str, ...]
    version_field: str | None'''
    names = [schema["name"] for schema in events]
    tables = [
        _table("EVENTS: Mapping[str, type[Event]]", ((name, name) for name in names)),
        _table("ENTITIES: Mapping[str, Entity]", ((schema["name"], _entity(schema)) for schema in events)),
        _table("TOPICS: Mapping[str, str]", ((schema["name"], f'"{schema["topic"]}"') for schema in events)),
    ]
    body = entity + "\n\n\n" + _alias("Event", names) + "\n\n" + "\n\n".join(tables)
    imports = {
        f"domain.events.{area}": sorted((schema["name"] for schema in events if schema["area"] == area), key=str.lower)
        for area in AREAS
    }
    return _assemble(body, imports)


def business_fields(output: Schema) -> list[Schema]:
    """An output's fields after its position; a dead letter has no position."""
    if output["name"] == "DeadLetter":
        return list(output["fields"])
    return list(output["fields"][len(POSITION) :])


def _class(record: Schema, schemas: dict[str, Schema]) -> str:
    lines = [f"class {record['name']}(NamedTuple):", *_docstring(record["doc"]), ""]
    for field in record["fields"]:
        annotation = python_type(field["type"], field, schemas)
        lines.append(f"    {field['name']}: {annotation}{_default(field)}")
    return "\n".join(lines)


def _docstring(doc: str) -> list[str]:
    one_line = f'    """{doc}"""'
    if len(one_line) <= WIDTH:
        return [one_line]
    summary, stop, rest = doc.partition(". ")
    if not stop or len(summary) > WIDTH - 9:
        return [*textwrap.wrap(doc, WIDTH - 4, initial_indent='    """', subsequent_indent="    "), '    """']
    wrapped = textwrap.wrap(rest, WIDTH - 4, initial_indent="    ", subsequent_indent="    ")
    return [f'    """{summary}.', "", *wrapped, '    """']


def python_type(node: Any, field: Schema, schemas: dict[str, Schema]) -> str:
    """The annotation of a field; closed sets are plain `str`, a decimal's unit picks its alias."""
    match node:
        case ["null", inner]:
            return f"{python_type(inner, field, schemas)} | None"
        case list():
            return str(field["name"]).capitalize()
        case {"type": "array", "items": items}:
            return f"tuple[{python_type(items, field, schemas)}, ...]"
        case {"type": "map", "values": values}:
            return f"Mapping[str, {python_type(values, field, schemas)}]"
        case {"type": "enum"}:
            return "str"
        case {"logicalType": "decimal"}:
            return ALIASES[str(field["unit"])]
        case {"logicalType": logical}:
            return LOGICAL[str(logical)]
        case str() if "." in node:
            return "str" if schemas[node]["type"] == "enum" else short_name(node)
    return PRIMITIVES[str(node)]


def _default(field: Schema) -> str:
    if field.get("default", ...) is ...:
        return ""
    return f" = {default_value(field)!r}".replace("'", '"')


def default_value(field: Schema) -> object:
    """A field's default as Python has it: decimals as scaled integers, arrays as tuples."""
    default = field["default"]
    match field["type"]:
        case {"logicalType": "decimal"}:
            return int.from_bytes(default.encode("latin-1"), "big", signed=True)
        case {"type": "array"}:
            return tuple(default)
    return default


def _is_union(node: Any) -> bool:
    return isinstance(node, list) and "null" not in node


def _union_alias(field: Schema) -> str:
    return _alias(field["name"].capitalize(), [short_name(branch) for branch in field["type"]])


def _alias(name: str, members: list[str]) -> str:
    flat = " | ".join(members)
    one_line = f"{name}: TypeAlias = {flat}"
    if len(one_line) <= WIDTH:
        return one_line
    inner = [flat] if len(flat) <= WIDTH - 4 else [members[0], *(f"| {member}" for member in members[1:])]
    return "\n".join([f"{name}: TypeAlias = (", *(f"    {line}" for line in inner), ")"])


def _table(head: str, rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"{head} = {{", *(f'    "{name}": {value},' for name, value in rows), "}"])


def _entity(event: Schema) -> str:
    entity = event["entity"]
    ids = ", ".join(f'"{field}"' for field in entity["id"])
    version = "None" if entity["version"] is None else f'"{entity["version"]}"'
    arguments = f'"{entity["kind"]}", ({ids}{"," if len(entity["id"]) == 1 else ""}), {version}'
    fits = len(f'    "{event["name"]}": Entity({arguments}),') <= WIDTH
    return f"Entity({arguments})" if fits else f"Entity(\n        {arguments}\n    )"


def _used(records: list[Schema], shared: list[str]) -> list[str]:
    named = {name for record in records for name in references({"type": "record", "fields": record["fields"]})}
    return sorted((short_name(name) for name in named if name in shared), key=str.lower)


def _assemble(body: str, imports: dict[str, list[str]]) -> str:
    units = sorted(name for name in (*ALIASES.values(), "Instant") if _mentions(body, name))
    typing = sorted(name for name in ("NamedTuple", "TypeAlias") if _mentions(body, name))
    standard = [
        *(["import datetime as dt"] if "dt." in body else []),
        *(["from collections.abc import Mapping"] if "Mapping[" in body else []),
        f"from typing import {', '.join(typing)}",
    ]
    first_party = sorted({**imports, "domain.units": units}.items())
    blocks = [
        HEAD,
        "from __future__ import annotations\n",
        "\n".join(standard) + "\n",
        *(["\n".join(lines) + "\n"] if (lines := [_import(*item) for item in first_party if item[1]]) else []),
    ]
    gap = "\n\n" if body.startswith("class ") else "\n"
    return "\n".join(blocks) + gap + body + "\n"


def _import(module: str, names: list[str]) -> str:
    one_line = f"from {module} import {', '.join(names)}"
    if len(one_line) <= WIDTH:
        return one_line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in names), ")"])


def _mentions(body: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", body) is not None


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
