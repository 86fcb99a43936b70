"""Avro schemas: resolved across files, bound to the classes that hold their records, refused where they could hurt.

A writer's schema is input like any other: recursion, items without a size and deep nesting have crashed or stalled
readers, so they are refused here, before a byte is read with them. So is what no record of ours uses: floating
point, `fixed`, and unions other than of records or of one type with null.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

DEPTH_MAX: Final = 32
# A record within a record is four levels of JSON.
JSON_DEPTH_MAX: Final = 4 * DEPTH_MAX
SCHEMA_BYTES_MAX: Final = 256 * 1024
PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
# What two schemas must agree in to read each other's bytes. The canonical form of the Avro specification leaves
# logical types out, so it calls decimal(18,4) and decimal(18,6) the same: money would be wrong by a hundred.
WORDING: Final = frozenset({"doc", "area", "topic", "entity"})
CANONICAL_KEYS: Final = ("name", "type", "fields", "symbols", "items", "values", "logicalType", "precision", "scale")


class SchemaRefused(Exception):
    """A schema that nothing is read with, and why."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes as they are."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class WholeType:
    """A whole number of 32 or 64 bits."""

    bits: int


@dataclass(frozen=True, slots=True)
class Decimal:
    """A whole number of 10^-scale with an absolute value below 10^precision; `unit` says of what."""

    precision: int
    scale: int
    unit: str


@dataclass(frozen=True, slots=True)
class Date:
    """Days since 1970."""


@dataclass(frozen=True, slots=True)
class Instant:
    """Microseconds since 1970 in UTC."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An Avro enum."""

    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Optional:
    """A value or null; `null` is the index of null in the union."""

    value: Type
    null: int


@dataclass(frozen=True, slots=True)
class Array:
    """Held as a tuple."""

    item: Type


@dataclass(frozen=True, slots=True)
class MapType:
    """An Avro map, held as a dict."""

    value: Type


@dataclass(frozen=True, slots=True)
class Union:
    """One of several records, distinguished by their Python class, or null where a branch is None."""

    branches: tuple[RecordType | None, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field; `default` is as the class has it and counts where `optional`."""

    name: str
    type: Type
    optional: bool
    default: object


@dataclass(frozen=True, slots=True, eq=False)
class RecordType:
    """A record and the NamedTuple that holds it.

    `head` is the position in front of an output, a record of its own. What the class has and an older schema has not
    is `filled` in; what the class no longer has is read and dropped.
    """

    name: str
    fields: tuple[Field, ...]
    holder: Holder
    filled: Mapping[str, object]
    head: RecordType | None

    @property
    def title(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def names(self) -> tuple[str, ...]:
        return _names(self.holder)


Holder = type[tuple[Any, ...]]
Holders = Mapping[str, Holder]
Type = (
    Text
    | Bytes
    | Boolean
    | WholeType
    | Decimal
    | Date
    | Instant
    | Choice
    | Optional
    | Array
    | MapType
    | Union
    | RecordType
)


def parse(text: bytes) -> Any:
    """A schema as JSON; size and nesting bounded."""
    if len(text) > SCHEMA_BYTES_MAX:
        raise SchemaRefused(f"a schema of {len(text)} bytes, at most {SCHEMA_BYTES_MAX} are read")
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaRefused("the schema is not JSON, or nested too deeply") from error
    level = [schema]
    for _ in range(JSON_DEPTH_MAX):
        level = [inner for one in level for inner in _inner(one)]
    if level:
        raise SchemaRefused(f"a schema with JSON nested deeper than {JSON_DEPTH_MAX}")
    return schema


def _inner(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def definitions(schema: Any) -> dict[str, Any]:
    """The named types that stand in a schema, by full name."""
    found: dict[str, Any] = {}
    _collect(schema, "", found, 0)
    return found


def aliases(named: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Today's field names by the names they had, for each record."""
    return {
        name: {old: field["name"] for field in schema.get("fields", ()) for old in field.get("aliases", ())}
        for name, schema in named.items()
    }


def with_todays_names(schema: Any, renamed: Mapping[str, Mapping[str, str]]) -> Any:
    """An old `self_contained` schema with the field names of today; the bytes are the same."""
    match schema:
        case list():
            return [with_todays_names(branch, renamed) for branch in schema]
        case {"type": "record", "name": str() as name, "fields": list() as fields}:
            names = renamed.get(name, {})
            fields = [
                {
                    **field,
                    "name": names.get(field["name"], field["name"]),
                    "type": with_todays_names(field["type"], renamed),
                }
                for field in fields
            ]
            return {**schema, "fields": fields}
        case {"type": "array", "items": items}:
            return {**schema, "items": with_todays_names(items, renamed)}
        case {"type": "map", "values": values}:
            return {**schema, "values": with_todays_names(values, renamed)}
        case _:
            return schema


def self_contained(schema: Any, named: Mapping[str, Any], seen: set[str] | None = None) -> Any:
    """The schema with every named type written out where it is first used, full names and no docs."""
    return _written_out(schema, "", named, set() if seen is None else seen, ())


def minified(schema: Any) -> str:
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def fingerprint(schema: Any) -> str:
    """SHA-256, in hex, of what matters for reading: of a `self_contained` schema."""
    return hashlib.sha256(minified(_canonical(schema)).encode("utf-8", "surrogatepass")).hexdigest()


def bind(schema: Any, holders: Holders, bound: dict[str, Type]) -> RecordType:
    """A `self_contained` record schema with its classes; `bound` shares what several schemas name."""
    match _bind(schema, holders, bound, ""):
        case RecordType() as record:
            return record
        case _:
            raise SchemaRefused("the schema of a message is a record")


def with_head(record: RecordType, holder: Holder) -> RecordType:
    """The record with its first fields, those of `holder`, taken out as its head."""
    count = len(_names(holder))
    head = RecordType(f"{record.name}.head", record.fields[:count], holder, {}, None)
    if [field.name for field in head.fields] != list(_names(holder)):
        raise SchemaRefused(f"{record.name} does not begin with the fields of {holder.__name__}")
    return RecordType(record.name, record.fields[count:], record.holder, record.filled, head)


def _collect(schema: Any, namespace: str, found: dict[str, Any], depth: int) -> None:
    if depth > DEPTH_MAX:
        raise SchemaRefused(f"nested deeper than {DEPTH_MAX}")
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, namespace, found, depth + 1)
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if kind in ("record", "enum"):
        name = _full_name(schema, namespace)
        if name in found:
            raise SchemaRefused(f"{_shown(name)} is defined twice")
        namespace = name.rpartition(".")[0]
        found[name] = {**schema, "name": name, "namespace": namespace}
        for field in _list(schema, "fields") if kind == "record" else ():
            _collect(field.get("type") if isinstance(field, dict) else None, namespace, found, depth + 1)
    else:
        for key in ("type", "items", "values"):
            _collect(schema.get(key), namespace, found, depth + 1)


def _full_name(schema: dict[str, Any], namespace: str) -> str:
    name, own = schema.get("name"), schema.get("namespace", namespace)
    if not isinstance(name, str) or not isinstance(own, str):
        raise SchemaRefused("a named type without a name")
    return name if "." in name or not own else f"{own}.{name}"


def _list(schema: dict[str, Any], key: str) -> list[Any]:
    found = schema.get(key)
    if not isinstance(found, list) or not found:
        raise SchemaRefused(f"{_shown(schema.get('name'))}: {key} must be a list with at least one entry")
    return found


def _written_out(schema: Any, namespace: str, named: Mapping[str, Any], seen: set[str], opened: tuple[str, ...]) -> Any:
    if len(opened) > DEPTH_MAX:
        raise SchemaRefused(f"nested deeper than {DEPTH_MAX}")
    match schema:
        case str():
            return _written_name(schema, namespace, named, seen, opened)
        case list():
            return [_written_out(branch, namespace, named, seen, (*opened, "")) for branch in schema]
        case {"type": "record" | "enum"}:
            return _written_name(_full_name(schema, namespace), "", named, seen, opened)
        case {"type": "array", "items": items}:
            return {"type": "array", "items": _written_out(items, namespace, named, seen, (*opened, ""))}
        case {"type": "map", "values": values}:
            return {"type": "map", "values": _written_out(values, namespace, named, seen, (*opened, ""))}
        case {"type": str() as kind} if kind in PRIMITIVES:
            return {key: value for key, value in schema.items() if key not in WORDING} if len(schema) > 1 else kind
        case {"type": inner} if len(schema) == 1:
            return _written_out(inner, namespace, named, seen, (*opened, ""))
        case _:
            raise SchemaRefused("a type that Milepost does not use")


def _written_name(name: str, namespace: str, named: Mapping[str, Any], seen: set[str], opened: tuple[str, ...]) -> Any:
    if name in PRIMITIVES:
        return name
    full = name if "." in name or not namespace else f"{namespace}.{name}"
    if full in opened:
        raise SchemaRefused(f"{_shown(full)} contains itself; recursive schemas are refused")
    if full in seen:
        return full
    definition = named.get(full)
    if definition is None:
        raise SchemaRefused(f"{_shown(full)} is not defined")
    seen.add(full)
    own = {key: value for key, value in definition.items() if key not in WORDING | {"namespace", "fields"}}
    if definition["type"] == "record":
        own["fields"] = [
            _written_field(field, definition["namespace"], named, seen, (*opened, full))
            for field in _list(definition, "fields")
        ]
    return own


def _written_field(
    field: Any, namespace: str, named: Mapping[str, Any], seen: set[str], opened: tuple[str, ...]
) -> dict[str, Any]:
    if not isinstance(field, dict) or not isinstance(field.get("name"), str):
        raise SchemaRefused("a field without a name")
    plain = {key: value for key, value in field.items() if key not in WORDING | {"type"}}
    return {**plain, "type": _written_out(field.get("type"), namespace, named, seen, opened)}


def _shown(name: object) -> str:
    """A name of theirs, cut, so that it may be logged."""
    return ascii(str(name)[:80])[1:-1]


def _canonical(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_canonical(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _canonical(schema[key]) for key in CANONICAL_KEYS if key in schema}
    return kept["type"] if set(kept) == {"type"} else kept


def _bind(schema: Any, holders: Holders, bound: dict[str, Type], unit: str) -> Type:
    match schema:
        case str() if schema in bound:
            return bound[schema]
        case "string":
            return Text()
        case "bytes":
            return Bytes()
        case "boolean":
            return Boolean()
        case "int":
            return WholeType(32)
        case "long":
            return WholeType(64)
        case {"logicalType": "decimal", "type": "bytes", "precision": int() as precision, "scale": int() as scale}:
            return Decimal(precision, scale, unit)
        case {"logicalType": "date", "type": "int"}:
            return Date()
        case {"logicalType": "timestamp-micros", "type": "long"}:
            return Instant()
        case {"type": "string"}:
            return Text()
        case {"type": "enum", "name": str() as name, "symbols": list() as symbols}:
            return bound.setdefault(name, Choice(tuple(symbols)))
        case {"type": "array", "items": items}:
            return Array(_bind(items, holders, bound, unit))
        case {"type": "map", "values": values}:
            return MapType(_bind(values, holders, bound, unit))
        case {"type": "record", "name": str() as name, "fields": list() as fields}:
            return bound[name] if name in bound else _bind_record(name, fields, holders, bound)
        case list():
            return _bind_union(schema, holders, bound, unit)
        case _:
            raise SchemaRefused(f"a type that Milepost does not use: {minified(_canonical(schema))[:100]}")


def _bind_union(schema: list[Any], holders: Holders, bound: dict[str, Type], unit: str) -> Type:
    branches = tuple(None if branch == "null" else _bind(branch, holders, bound, unit) for branch in schema)
    if len(branches) == 2 and branches.count(None) == 1:
        value = branches[0] or branches[1]
        assert value is not None
        return Optional(value, branches.index(None))
    records = tuple(branch for branch in branches if branch is None or isinstance(branch, RecordType))
    if len(records) < len(branches) or len(set(records)) < len(records):
        raise SchemaRefused("a union is of records, or of one type with null")
    return Union(records)


def _bind_record(name: str, fields: list[Any], holders: Holders, bound: dict[str, Type]) -> RecordType:
    holder = holders.get(name)
    if holder is None:
        raise SchemaRefused(f"{name} has no class")
    typed = tuple(_bind_field(field, holders, bound) for field in fields)
    record = RecordType(name, typed, holder, _filled(name, typed, holder), None)
    bound[name] = record
    return record


def _bind_field(field: dict[str, Any], holders: Holders, bound: dict[str, Type]) -> Field:
    return Field(
        name=field["name"],
        type=_bind(field["type"], holders, bound, field.get("unit", "")),
        optional="default" in field,
        default=field.get("default"),
    )


def _filled(name: str, fields: tuple[Field, ...], holder: Holder) -> dict[str, object]:
    written = {field.name for field in fields}
    defaults: Mapping[str, object] = getattr(holder, "_field_defaults", {})
    missing = [field for field in _names(holder) if field not in written]
    if unknown := [field for field in missing if field not in defaults]:
        raise SchemaRefused(f"{name} lacks {', '.join(unknown)}, which has no default")
    return {field: defaults[field] for field in missing}


def _names(holder: Holder) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(holder, "_fields", ())
    return names
