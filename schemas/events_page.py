"""docs/events.md: every event with its fields and an example, from the schemas and `schemas/examples.jsonl`."""

from __future__ import annotations

import json
import re
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
# What the rules make of fields; tests hold it against them.
AFTER = {
    "ContractLine": (
        "Without `takes`, a line takes by its terms `time` (TimeAndMaterials, CostPlus), `time` and `expense` (FixedPrice, Milestones, "
        "Retainer), `units` (UnitPrice), `expense` (Expenses) or `fee` (Subscription, Deposit). `takes` or `tasks` must tell lines of one "
        "project apart, except where work over a cap goes on to the next line (policy `overflow`)."
    )
}
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
# Kinds that need no word: an id or name, and what lists its words.
UNSAID = ("text", "one word")
# The introduction says these once.
ONCE = {
    ", in contract currency": "",
    " in contract currency": "",
    ", in `currency`": "",
    "; null = not known, and": "; without it",
    "; null = not known": "",
    "ISO 4217 code": "Currency",
    "YYYY-PP": "2026-03",
}
# Kinds in the words of those who write producers.
SHORT = {
    "whole number": "integer",
    "true or false": "boolean",
    "money an hour or unit": "rate",
    "object of text": "map",
}
SYNONYMS = {"legal entity": "company", "line": "contract line", "requested by": "person who asked for it"}
# Versions that several events count together.
COUNTED = re.compile(r"Counted with ")
# As many stand twice sooner than a reader is sent elsewhere for them.
WORDS_SAID_AGAIN = 12
# What a field that is left out is, unless its row says otherwise.
NOTHING: tuple[object, ...] = (None, False, [], {})


def page(schemas: dict[str, Schema], examples: Path = EXAMPLES) -> str:
    """The whole page. Raises KeyError for an event without an example."""
    lines = {json.loads(line)["type"]: line for line in examples.read_text(encoding="utf-8").splitlines()}
    events = {name: schema for name, schema in schemas.items() if kind_of(name) == "events"}
    common = {name: _usual(name, events.values()) for name in COMMON}
    said: dict[str, str] = {}
    blocks = [
        INTRODUCTION.read_text(encoding="utf-8").replace("{first}", lines["TimeApproved"]),
        "## On every event\n",
        "`version` is on events whose identity names it.\n",
        "\n".join(_rows(common.values(), schemas)) + "\n",
        "## All events\n",
        "\n".join(_contents(events.values())) + "\n",
    ]
    for area, title in AREAS.items():
        blocks.append(f"## {title}\n")
        blocks += [_event(schema, common, schemas, said) for schema in events.values() if schema["area"] == area]
    blocks.append("## Records inside events\n")
    blocks += [_record(schemas[name], schemas, said) for name in _inside(events.values(), schemas)]
    return "\n".join(blocks)


def _contents(events: Iterable[Schema]) -> Iterator[str]:
    known = list(events)
    for area, title in AREAS.items():
        names = ", ".join(f"[{e['name']}](#{e['name'].lower()})" for e in known if e["area"] == area)
        yield f"- **{title}**: {names}"


def _event(schema: Schema, common: dict[str, Schema], schemas: dict[str, Schema], said: dict[str, str]) -> str:
    named = [*schema["entity"]["id"], schema["entity"]["version"]]
    own = [
        field
        for field in schema["fields"]
        if field != common.get(field["name"]) and not (field["name"] in named and _says_its_name(field))
    ]
    counted = next((field["doc"] for field in schema["fields"] if COUNTED.match(field["doc"])), "")
    return "\n".join(
        [
            f"### {schema['name']}\n",
            f"{schema['doc']} {_identity(schema, counted)}\n",
            *_rows(own, schemas, schema["name"], said),
            "",
        ]
    )


def _identity(schema: Schema, counted: str) -> str:
    """The ids by which a repeat is known; one that may be left out is not bold."""
    entity, fields = schema["entity"], {field["name"]: field for field in schema["fields"]}
    ids = ", ".join(_name(fields[name]) if name in fields else f"`{name}`" for name in entity["id"])
    version = f" and `{entity['version']}`" if entity["version"] else "; it happens once"
    together = f", {counted[0].lower()}{counted[1:].rstrip('.')}" if counted else ""
    return f"Identity: {entity['kind'].replace('_', ' ')} ({ids}){version}{together}."


def _says_its_name(field: Schema) -> bool:
    """Whether its meaning adds nothing: an id of what it is called after, or a version that is counted with another event's."""
    name = field["name"].removesuffix("_id").replace("_", " ")
    meaning = _meaning(field).rstrip(".").lower().replace("-", " ")
    return meaning in (name, SYNONYMS.get(name)) or COUNTED.match(field["doc"]) is not None


def _meaning(field: Schema) -> str:
    """Without what the introduction says of all fields."""
    found: str = field["doc"]
    for long, short in ONCE.items():
        found = found.replace(long, short)
    return found


def _record(schema: Schema, schemas: dict[str, Schema], said: dict[str, str]) -> str:
    name = schema["name"]
    fields = [ELSEWHERE[name]] if name in ELSEWHERE else _rows(schema["fields"], schemas, name, said)
    after = ["", AFTER[name]] if name in AFTER else []
    return "\n".join([f"### {schema['name']}\n", f"{schema['doc']}\n", *fields, *after, ""])


def _rows(
    fields: Iterable[Schema], schemas: dict[str, Schema], title: str = "", said: dict[str, str] | None = None
) -> Iterator[str]:
    """A line a field: its name, bold where it is required, its kind, but for text, and what it means. What another has in the same words
    is named, with where it stands; `said` are the words so far."""
    told = list(fields)
    plain = [field for field in told if _says_its_name(field) and _type(field["type"], {}) == "text"]
    if plain:
        yield f"- {', '.join(_name(field) for field in plain)}"
    words = {field["name"]: _words(field, schemas) for field in told if field not in plain}
    before: dict[str, list[Schema]] = {}
    for field in told:
        if field not in plain and (where := (said or {}).get(f"{field['name']}{words[field['name']]}")) is not None:
            before.setdefault(where, []).append(field)
    named = {
        where: same
        for where, same in before.items()
        if sum(len(words[field["name"]].split()) for field in same) > WORDS_SAID_AGAIN
    }
    elsewhere = [field for same in named.values() for field in same]
    for field in told:
        if field not in plain and field not in elsewhere:
            if said is not None:
                said.setdefault(f"{field['name']}{words[field['name']]}", title)
            yield f"- {_name(field)}{words[field['name']]}"
    for where, same in named.items():
        yield f"- {', '.join(map(_name, same))}: as in [{where}](#{where.lower()})"


def _words(field: Schema, schemas: dict[str, Schema]) -> str:
    """Its kind and its meaning."""
    kind = UNITS.get(field.get("unit", "")) or _type(field["type"], schemas)
    for long, short in SHORT.items():
        kind = kind.replace(long, short)
    meaning = f"{_meaning(field)}{_symbols(field['type'], schemas)}{_default(field)}"
    return f"{'' if kind in UNSAID else f' {kind}'}: {meaning}"


def _name(field: Schema) -> str:
    return f"`{field['name']}`" if "default" in field else f"**`{field['name']}`**"


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
