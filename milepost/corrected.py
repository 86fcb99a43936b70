"""A corrected event: what was said before with some fields set to new values, as the next version, under a new event id."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import typer

from connectors.json_records import faults_of_event
from connectors.json_values import instant_text
from domain.events.catalogue import EVENTS
from domain.happened import HAPPENED
from domain.reference.zones import universal_day
from domain.units import Instant
from milepost.days import now

_STEP: Final = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]")
HINT: Final = "--set"
SENT: Final = ("occurred_at", "recorded_at")
# How far the first zone to see a day is ahead of universal time.
FIRST_ZONE: Final = 14 * 3600 * 1_000_000


def with_fields(said: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Each setting is `field=value`, `lines[0].terms.price=120` for what lies deeper; `null` takes a value away. A record that is not there
    yet, such as the first of the `policies`, begins with it."""
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


def fields_of(settings: Iterable[str]) -> set[str]:
    """The fields that settings name, without what lies deeper."""
    return {setting.partition("=")[0].strip() for setting in settings}


def ahead_text(said: Mapping[str, Any], stated: Collection[str], latest: Instant, *, allow_future: bool) -> str | None:
    """Why it is not sent: it was sent in days to come, which would end them, or a day that the correction states has not come, which is
    most often mistyped. `latest` is the newest moment of the log."""
    at = now()
    last = date.fromordinal(universal_day(max(at, latest) + FIRST_ZONE))
    for name in (*SENT, *(name for name in HAPPENED if name in stated and not allow_future)):
        value = said.get(name)
        if isinstance(value, str) and value[:10] > last.isoformat():
            known = (
                f"the log has come to {instant_text(latest)}" if latest > at else f"today is {instant_text(at)[:10]}"
            )
            way_out = (
                "a later one would end days that have not come; correct it"
                if name in SENT
                else "correct it, or say --allow-future if it is meant"
            )
            return f"{name}: expected a day up to {last} ({known}), got {value}; {way_out}"
    return None


def _put(said: dict[str, Any], path: str, value: Any) -> None:
    steps = _steps(path)
    at: Any = said
    first = str(steps[0])
    if len(steps) > 1 and isinstance(steps[1], str) and said.get(first) is None and _has_field(said, first):
        said[first] = {}
    for step in steps[:-1]:
        at = _inside(at, step, path)
    last = steps[-1]
    if isinstance(last, int):
        _inside(at, last, path)
    elif not isinstance(at, dict):
        raise typer.BadParameter(f"{path}: there is no such place in the event", param_hint=HINT)
    at[last] = value


def _has_field(said: Mapping[str, object], name: str) -> bool:
    of = EVENTS.get(str(said.get("type")))
    return of is not None and name in of._fields


def _inside(at: Any, step: str | int, path: str) -> Any:
    if isinstance(step, int) and isinstance(at, list) and step < len(at):
        return at[step]
    if isinstance(step, str) and isinstance(at, dict) and at.get(step) is not None:
        return at[step]
    if isinstance(step, int) and isinstance(at, list):
        places = f"a place from 0 to {len(at) - 1}" if len(at) > 1 else "0" if at else "no place, as there is nothing"
        raise typer.BadParameter(f"{path}: expected {places}, got {step}", param_hint=HINT)
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
    """Whether what stands there is at fault; of each field of the event its first fault counts."""
    places = [fault.field_path for fault in faults_of_event(said)]
    return any(place == path or place.startswith((f"{path}.", f"{path}[")) for place in places)
