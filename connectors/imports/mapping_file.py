"""Reading a mapping from its TOML file, and saying what is wrong with it: key, what was expected, the nearest known."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from connectors.imports.mapping import EntityWritten, ImportMapping, TableMapping
from connectors.imports.refusals import ImportRefused, nearest
from connectors.model_faults import in_our_words
from domain.events.common import Policies

Mapped = TypeVar("Mapped", bound=TableMapping)


def read_mapping(path: Path, overrides: Sequence[str] = ()) -> ImportMapping:
    """Of an export of time."""
    return read_table_mapping(path, overrides, ImportMapping)


def read_table_mapping(path: Path, overrides: Sequence[str], model: type[Mapped]) -> Mapped:
    """`overrides` are `key.inner=value` with a TOML value, or with text that needs no quotes."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as fault:
        raise ImportRefused(f"{path}: cannot be read: {fault.strerror}") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ImportRefused(f"{path}: expected a TOML file: {fault}") from fault
    for override in overrides:
        _set(settings, override)
    try:
        return model.model_validate(settings)
    except ValidationError as fault:
        raise ImportRefused("\n".join(f"{path}: {sentence}" for sentence in fault_sentences(fault, model))) from fault


def fault_sentences(fault: ValidationError, model: type[BaseModel] = ImportMapping) -> list[str]:
    return [
        _sentence(model, tuple(each["loc"]), each["type"], each["msg"], each["input"])
        for each in fault.errors(include_url=False)
    ]


def _sentence(of: type[BaseModel], place: tuple[int | str, ...], kind: str, message: str, given: object) -> str:
    key = ".".join(map(str, place)) or "the mapping"
    if kind == "extra_forbidden":
        known = _keys_beside(of, place)
        close = nearest(str(place[-1]), known)
        return f"{key}: not a key that is known{close or '; known are ' + ', '.join(known)}"
    if kind == "missing":
        return f"{key}: expected this key, it is missing"
    if kind == "value_error":
        told = in_our_words(message)
        came = f", came {_shown(given)}" if isinstance(given, str) and ", came " not in told else ""
        return f"{key}: {told}{came}"
    return f"{key}: {in_our_words(message)}, came {_shown(given)}"


def _keys_beside(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys of the table in which a wrong key stands; `model` is that of the whole."""
    for step in place[:-1]:
        if isinstance(step, str) and step in model.model_fields:
            model = _model_in(model.model_fields[step].annotation) or model
    policies = Policies._fields if model is EntityWritten else ()
    return [*(name for name in model.model_fields if not policies or name != "policies"), *policies]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The table that a field holds, found inside optional, repeated and named ones."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for each in get_args(annotation) if (model := _model_in(each))), None)


def _shown(given: object) -> str:
    return f'"{given}"' if isinstance(given, str) else "a table" if isinstance(given, Mapping) else str(given)


def _set(settings: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    *tables, last = key.strip().split(".")
    if not separator or not last:
        raise ImportRefused(f"--set {override}: expected key=value, such as write.entity.hours_max_per_entry=24")
    table = settings
    for name in tables:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ImportRefused(f"--set {override}: {name} is {_shown(inner)} in the mapping, expected a table")
        table = inner
    table[last] = _toml_value(text.strip())


def _toml_value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return text
