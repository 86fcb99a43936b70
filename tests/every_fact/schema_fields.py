"""Every field of every record that an event is or holds, and every value of its enumerations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from domain.events.catalogue import EVENTS
from schemas.files import Schema, read_schemas, short_name

SCHEMAS = read_schemas()
BY_NAME = {short_name(name): schema for name, schema in SCHEMAS.items()}


@cache
def records() -> dict[str, Schema]:
    """By name, events and what they hold."""
    found: dict[str, Schema] = {}
    for name in EVENTS:
        _take(name, found)
    return found


def _take(name: str, found: dict[str, Schema]) -> None:
    schema = BY_NAME[name]
    if schema["type"] == "record" and name not in found:
        found[name] = schema
        for field in schema["fields"]:
            for inner in named(field["type"]):
                _take(inner, found)


def fields() -> dict[str, dict[str, Any]]:
    """By `Record.field`, and by `Record.field=value` for each value of an enumeration."""
    found: dict[str, dict[str, Any]] = {}
    for name, schema in records().items():
        for field in schema["fields"]:
            key = f"{name}.{field['name']}"
            found[key] = field
            found |= {f"{key}={value}": field for value in enumeration(field["type"])}
    return found


def named(node: Any) -> Iterator[str]:
    """Names of the types that a field's type holds."""
    match node:
        case str() if "." in node:
            yield short_name(node)
        case list():
            for branch in node:
                yield from named(branch)
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            yield from named(inner)


def enumeration(node: Any) -> tuple[str, ...]:
    """Values of the enumeration that a field holds, alone or in a list."""
    match node:
        case {"type": "enum", "symbols": found}:
            return tuple(found)
        case str() if "." in node:
            return tuple(SCHEMAS[node].get("symbols", ()))
        case list():
            return next((found for branch in node if (found := enumeration(branch))), ())
        case {"type": "array", "items": inner}:
            return enumeration(inner)
    return ()
