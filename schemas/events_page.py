"""docs/events.md: every event with its fields and an example, from the schemas and `schemas/examples.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from schemas.files import Schema, kind_of, references, short_name

PAGE = "docs/events.md"
EXAMPLES = Path(__file__).parent / "examples.jsonl"
INTRODUCTION = Path(__file__).parent / "events_intro.md"
AREAS = {
    "reference": "Reference data",
    "commercial": "Contracts",
    "delivery": "Work",
    "finance": "Invoices, payments and other finance",
    "control": "Decisions of people",
}
# On every event with one meaning; an event's own table shows them only where it asks for more.
COMMON = (
    *("event_id", "occurred_at", "source", "recorded_at", "engagement_id", "project_id"),
    *("version", "correlation_id", "requested_by", "approved_by"),
)
# Records with a page of their own.
ELSEWHERE = {"Policies": "Every field, its values and what it means: [Policies](policies.md)."}
PRIMITIVES = {
    "string": "text",
    "long": "whole number",
    "int": "whole number",
    "boolean": "true or false",
    "bytes": "bytes",
}
LOGICAL = {"date": "date", "timestamp-micros": "instant", "decimal": "decimal"}
UNITS = {
    "amount": "money",
    "hours": "hours",
    "rate": "money an hour or unit",
    "percent": "per cent",
    "quantity": "units",
    "exchange_rate": "`to` for one `from`",
}
# What a field that is left out is, unless its row says otherwise.
NOTHING: tuple[object, ...] = (None, False, [], {})


def page(schemas: dict[str, Schema], examples: Path = EXAMPLES) -> str:
    """The whole page. Raises KeyError for an event without an example."""
    lines = {json.loads(line)["type"]: line for line in examples.read_text(encoding="utf-8").splitlines()}
    events = {name: schema for name, schema in schemas.items() if kind_of(name) == "events"}
    common = {name: _usual(name, events.values()) for name in COMMON}
    blocks = [
        INTRODUCTION.read_text(encoding="utf-8").replace("{first}", lines["TimeApproved"]),
        "## On every event\n",
        "`version` is on events whose identity names it.\n",
        "\n".join(_table(common.values(), schemas)) + "\n",
        "## All events\n",
        "\n".join(_contents(events.values())) + "\n",
    ]
    for area, title in AREAS.items():
        blocks.append(f"## {title}\n")
        blocks += [
            _event(schema, common, schemas, lines[schema["name"]])
            for schema in events.values()
            if schema["area"] == area
        ]
    blocks.append("## Records inside events\n")
    blocks += [_record(schemas[name], schemas) for name in _inside(events.values(), schemas)]
    return "\n".join(blocks)


def _contents(events: Iterable[Schema]) -> Iterator[str]:
    known = list(events)
    for area, title in AREAS.items():
        names = ", ".join(f"[{e['name']}](#{e['name'].lower()})" for e in known if e["area"] == area)
        yield f"- **{title}**: {names}"


def _event(schema: Schema, common: dict[str, Schema], schemas: dict[str, Schema], example: str) -> str:
    own = [field for field in schema["fields"] if field != common.get(field["name"])]
    return "\n".join(
        [
            f"### {schema['name']}\n",
            f"{schema['doc']} {_identity(schema['entity'])}\n",
            *_table(own, schemas),
            "",
            "```json",
            example,
            "```",
            "",
        ]
    )


def _identity(entity: Schema) -> str:
    ids = ", ".join(f"`{name}`" for name in entity["id"])
    counted = f" and `{entity['version']}`" if entity["version"] else "; it happens once"
    return f"Identity: {entity['kind'].replace('_', ' ')} ({ids}){counted}."


def _record(schema: Schema, schemas: dict[str, Schema]) -> str:
    fields = [ELSEWHERE[schema["name"]]] if schema["name"] in ELSEWHERE else _table(schema["fields"], schemas)
    return "\n".join([f"### {schema['name']}\n", f"{schema['doc']}\n", *fields, ""])


def _table(fields: Iterable[Schema], schemas: dict[str, Schema]) -> Iterator[str]:
    yield "| field | is | meaning |"
    yield "|---|---|---|"
    for field in fields:
        meaning = f"{field['doc']}{_symbols(field['type'], schemas)}{_default(field)}".replace("|", "\\|")
        is_a = UNITS.get(field.get("unit", "")) or _type(field["type"], schemas)
        name = f"`{field['name']}`" if "default" in field else f"**`{field['name']}`**"
        yield f"| {name} | {is_a} | {meaning} |"


def _type(node: Any, schemas: dict[str, Schema]) -> str:
    match node:
        case ["null", inner]:
            return _type(inner, schemas)
        case list():
            return "one of " + ", ".join(_type(branch, schemas) for branch in node)
        case {"type": "array", "items": items}:
            return f"list of {_type(items, schemas)}"
        case {"type": "map", "values": values}:
            return f"object of {_type(values, schemas)}"
        case {"type": "enum"}:
            return "one word"
        case {"logicalType": logical}:
            return LOGICAL[str(logical)]
        case str() if "." in node:
            return (
                "one word" if schemas[node]["type"] == "enum" else f"[{short_name(node)}](#{short_name(node).lower()})"
            )
    return PRIMITIVES[str(node)]


def _symbols(node: Any, schemas: dict[str, Schema]) -> str:
    """The words of a closed set."""
    match node:
        case ["null", inner]:
            return _symbols(inner, schemas)
        case {"type": "array", "items": items}:
            return _symbols(items, schemas)
        case {"type": "enum", "symbols": symbols}:
            return f" One of {', '.join(f'`{symbol}`' for symbol in symbols)}."
        case str() if "." in node and schemas[node]["type"] == "enum":
            return _symbols(schemas[node], schemas)
    return ""


def _default(field: Schema) -> str:
    """What it is when it is left out, where that is something."""
    default = field.get("default")
    if default in NOTHING:
        return ""
    match default:
        case True:
            return " Left out: true."
        case str() if _is_decimal(field["type"]):
            number = int.from_bytes(default.encode("latin-1"), "big", signed=True)
            return f" Left out: {number}." if number else ""
    return f" Left out: `{default}`."


def _is_decimal(node: Any) -> bool:
    return isinstance(node, dict) and node.get("logicalType") == "decimal"


def _inside(events: Iterable[Schema], schemas: dict[str, Schema]) -> list[str]:
    """Records that events hold, by name."""
    found: set[str] = set()
    waiting = [name for schema in events for name in references(schema)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])
    return sorted(name for name in found if schemas[name]["type"] == "record")


def _usual(name: str, events: Iterable[Schema]) -> Schema:
    """A common field as most events have it."""
    told = [
        json.dumps(field, sort_keys=True) for schema in events for field in schema["fields"] if field["name"] == name
    ]
    usual: Schema = json.loads(max(sorted(set(told)), key=told.count))
    return usual
