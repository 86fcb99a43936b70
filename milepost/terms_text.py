"""A contract's terms as TOML that a person edits: every field with what it means and in which unit, and back again."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from textwrap import wrap
from typing import Final

import typer

from schemas.files import Schema, read_schemas

COLUMNS: Final = 100
AMENDED: Final = "milepost.events.ContractAmended"
SIGNED: Final = "milepost.events.ContractSigned"
# What an amendment says of itself, with options of its own, and what it cannot change.
ITS_OWN: Final = frozenset(
    {
        *("event_id", "occurred_at", "source", "recorded_at", "engagement_id", "project_id", "correlation_id"),
        *("requested_by", "approved_by", "contract_id", "version", "replaces_version", "effective_on", "treatment"),
        *("retroactive", "reason", "signed_on", "customer_id", "legal_entity_id", "currency"),
    }
)


_OF_SIGNING: Final = frozenset({"contract_id", "customer_id", "legal_entity_id", "currency", "signed_on"})


def amendable() -> frozenset[str]:
    """The fields of a contract that an amendment can state."""
    return frozenset(field["name"] for field in read_schemas()[AMENDED]["fields"]) - ITS_OWN


def terms_of(said: Mapping[str, object]) -> dict[str, object]:
    """What an amendment can change, of a contract as JSON has it; without what is not set."""
    fields = amendable()
    return {name: value for name, value in said.items() if name in fields and value not in (None, [], {})}


def signable() -> frozenset[str]:
    """What a person states who signs a contract."""
    return amendable() | _OF_SIGNING


def written(terms: Mapping[str, object], head: str, event: str = AMENDED) -> str:
    """The meaning of a field stands above it where it comes first."""
    lines = _Writer(signable() if event == SIGNED else amendable()).table(terms, event, "")
    return "\n".join([*(f"# {line}" for line in head.splitlines()), "", *lines]) + "\n"


def read(text: str, param: str = "--file") -> dict[str, object]:
    """Raises BadParameter where it is no TOML."""
    try:
        found = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as fault:
        raise typer.BadParameter(f"expected terms as TOML: {fault}", param_hint=param) from fault
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: object) -> object:
    """Dates as JSON has them."""
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case date():
            return value.isoformat()
        case _:
            return value


class _Writer:
    def __init__(self, statable: frozenset[str]) -> None:
        self._schemas = read_schemas()
        self._kept = ITS_OWN - statable
        self._explained: set[tuple[str, str]] = set()

    def table(self, values: Mapping[str, object], record: str, path: str) -> Iterator[str]:
        """Plain values first, as TOML asks for; then what has a head of its own."""
        fields = {field["name"]: field for field in self._schemas[record]["fields"]} if record else {}
        deeper: list[tuple[str, dict[str, object] | list[dict[str, object]]]] = []
        for name, value in values.items():
            if value in (None, [], {}):
                continue
            if isinstance(value, dict) or (isinstance(value, list) and all(isinstance(each, dict) for each in value)):
                deeper.append((name, value))
                continue
            yield from self._comment(record, name, fields)
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
        yield from self._not_set(record, values, fields)
        for name, value in deeper:
            inner = f"{path}.{name}" if path else name
            tables: list[dict[str, object]] = value if isinstance(value, list) else [value]
            for each in tables:
                yield ""
                yield from self._comment(record, name, fields)
                yield f"[[{inner}]]" if isinstance(value, list) else f"[{inner}]"
                yield from self.table(each, self._record_of(fields.get(name), each), inner)

    def _not_set(self, record: str, values: Mapping[str, object], fields: Mapping[str, Schema]) -> Iterator[str]:
        """What could be added here, said once for each kind of record."""
        names = [each for each in fields if values.get(each) in (None, [], {}) and each not in self._kept]
        if names and (record, "") not in self._explained:
            self._explained.add((record, ""))
            yield from (f"# {line}" for line in wrap(f"Not set: {', '.join(names)}", COLUMNS))

    def _comment(self, record: str, name: str, fields: Mapping[str, Schema]) -> Iterator[str]:
        if name not in fields or (record, name) in self._explained:
            return
        self._explained.add((record, name))
        unit = f" ({fields[name]['unit']})" if "unit" in fields[name] else ""
        for line in wrap(f"{fields[name].get('doc', '')}{unit}", COLUMNS):
            yield f"# {line}"

    def _record_of(self, field: Schema | None, value: Mapping[str, object]) -> str:
        """The record that a value is: the one that it names, else the only one that it can be; empty where it is a plain table."""
        named = [each for each in _types(field["type"]) if each in self._schemas] if field is not None else []
        own = value.get("type")
        return next((each for each in named if each.rpartition(".")[2] == own), named[0] if named else "")


def _types(kind: object) -> Iterator[str]:
    match kind:
        case str():
            yield kind
        case list():
            for each in kind:
                yield from _types(each)
        case dict():
            yield from _types(kind.get("items", kind.get("type")))
        case _:
            pass
