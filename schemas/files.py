"""The schemas as they stand in `schemas/avro`: one file a named type, references between files by full name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A schema in Avro's own JSON form; its shape is Avro's, so it is not typed further.
Schema = dict[str, Any]

AVRO = Path(__file__).parent / "avro"
HISTORY = AVRO / "history"


def read_schemas(folder: Path = AVRO) -> dict[str, Schema]:
    """Today's schemas by full name, common types first, then events, then outputs. Raises UnreadableSchema."""
    paths = [path for area in ("common", "events", "outputs") for path in sorted((folder / area).glob("*.avsc"))]
    schemas = [_read(path) for path in paths]
    return {full_name(schema): schema for schema in schemas}


class UnreadableSchema(ValueError):
    """A file that holds no named Avro schema."""


def _read(path: Path) -> Schema:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise UnreadableSchema(f"{path}: expected an Avro schema as JSON: {fault}") from fault
    if not isinstance(found, dict) or not {"namespace", "name", "type"} <= found.keys():
        raise UnreadableSchema(f"{path}: expected an Avro schema with namespace, name and type")
    return found


def frozen(name: str, folder: Path = AVRO) -> dict[int, Schema]:
    """The released versions of a schema by number; each stands alone, with every type that it names inside."""
    paths = (folder / "history" / name).glob("*.avsc")
    return {int(path.stem): json.loads(path.read_text(encoding="utf-8")) for path in paths}


def full_name(schema: Schema) -> str:
    return f"{schema['namespace']}.{schema['name']}"


def kind_of(name: str) -> str:
    """`events`, `outputs` or `common`, from a full name such as `milepost.events.TimeApproved`."""
    return name.split(".")[1]


def short_name(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def inlined(name: str, schemas: dict[str, Schema]) -> Schema:
    """One schema that stands alone: every type it names is defined where it is first used."""
    return _inline_record(name, schemas, set())


def references(node: Any) -> Iterator[str]:
    """Full names of the types that a schema refers to directly."""
    match node:
        case str():
            if "." in node:
                yield node
        case list():
            for branch in node:
                yield from references(branch)
        case {"type": "record", "fields": [*fields]}:
            for field in fields:
                yield from references(field["type"])
        case {"type": "array", "items": items}:
            yield from references(items)
        case {"type": "map", "values": values}:
            yield from references(values)


def keep_page(page: Path, text: str, differs: str, arguments: list[str]) -> int:
    """Writes a page of docs/ that is not as `text`; with --check it only says how it `differs`."""
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        print(f"docs/{page.name}: {differs}")
        return 1
    page.write_text(text, encoding="utf-8")
    print(f"docs/{page.name}: written")
    return 0


def _inline_record(name: str, schemas: dict[str, Schema], defined: set[str]) -> Schema:
    if name not in schemas:
        raise KeyError(f"type {name}: expected a file schemas/avro/{kind_of(name)}/{short_name(name)}.avsc")
    defined.add(name)
    schema = dict(schemas[name])
    if schema["type"] == "record":
        schema["fields"] = [{**field, "type": _inline(field["type"], schemas, defined)} for field in schema["fields"]]
    return schema


def _inline(node: Any, schemas: dict[str, Schema], defined: set[str]) -> Any:
    match node:
        case str() if "." in node:
            return node if node in defined else _inline_record(node, schemas, defined)
        case list():
            return [_inline(branch, schemas, defined) for branch in node]
        case {"type": "array", "items": items}:
            return {"type": "array", "items": _inline(items, schemas, defined)}
        case {"type": "map", "values": values}:
            return {"type": "map", "values": _inline(values, schemas, defined)}
    return node
