"""A corrected event: what was said before with some fields set anew, as the next version, under a new event id."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import typer

from connectors.decode_error import DecodeError
from connectors.json_records import event_from_json

_STEP: Final = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]")
HINT: Final = "--set"


def with_fields(said: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Each setting is `field=value`, `lines[0].terms.price=120` for what lies deeper; `null` takes a value away."""
    made: dict[str, Any] = json.loads(json.dumps(said))
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path:
            raise typer.BadParameter(f"expected field=value, got {setting}", param_hint=HINT)
        if value == "null":
            _put(made, path.strip(), None)
            continue
        _put(made, path.strip(), value)
        if (parsed := _parsed(value)) is not None and _fault_at(made, path.strip()):
            _put(made, path.strip(), parsed[0])
    return made


def _put(said: dict[str, Any], path: str, value: Any) -> None:
    steps = _steps(path)
    at: Any = said
    for step in steps[:-1]:
        at = _inside(at, step, path)
    last = steps[-1]
    if isinstance(last, int):
        _inside(at, last, path)
    elif not isinstance(at, dict):
        raise typer.BadParameter(f"{path}: there is no such place in the event", param_hint=HINT)
    at[last] = value


def _inside(at: Any, step: str | int, path: str) -> Any:
    if isinstance(step, int) and isinstance(at, list) and step < len(at):
        return at[step]
    if isinstance(step, str) and isinstance(at, dict) and at.get(step) is not None:
        return at[step]
    raise typer.BadParameter(f"{path}: there is no {step} in the event", param_hint=HINT)


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    end = 0
    for found in _STEP.finditer(path):
        if found.start() != end:
            break
        end = found.end()
        steps.append(found[1] if found[1] is not None else int(found[2]))
    if end != len(path) or not steps or isinstance(steps[0], int):
        raise typer.BadParameter(f"expected a field such as hours or lines[0].terms.price, got {path}", param_hint=HINT)
    return steps


def _parsed(value: str) -> tuple[Any] | None:
    """The value as JSON, where it is any; most fields take text. Numbers stay as they were written, for the reader of events to judge."""
    try:
        return (json.loads(value, parse_float=str),)
    except ValueError:
        return None


def _fault_at(said: dict[str, Any], path: str) -> bool:
    try:
        event_from_json(said)
    except DecodeError as fault:
        return fault.field_path.startswith(path)
    return False
