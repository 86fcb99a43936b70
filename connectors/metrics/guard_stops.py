"""How often guards have ended processes on a store folder: the process that counts is the one that ends."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from connectors.files.writing import replace_file
from connectors.metrics.catalogue import FAULT, GUARDS
from state.guards import GuardStop

FILE_NAME: Final = "guard-stops-{}.json"


class Stops(NamedTuple):
    """`last_at` is in seconds since 1970; `last_message` is what the last one said."""

    number: int
    last_at: float
    last_message: str


def read(folder: Path, dataflow: str) -> dict[str, Stops]:
    """By guard. A file that cannot be read is as good as none: it only counts."""
    try:
        found: Any = orjson.loads((folder / FILE_NAME.format(dataflow)).read_bytes())
        return {guard: Stops(**stops) for guard, stops in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def last(stops: Mapping[str, Stops]) -> tuple[str, Stops] | None:
    return max(stops.items(), key=lambda each: each[1].last_at, default=None)


def add(folder: Path, dataflow: str, code: int | None, message: str, at: float | None = None) -> None:
    """`code` is a guard's, None for a fault that no guard names. Never raises: the process has something better to say."""
    stops = read(folder, dataflow)
    guard = GUARDS.get(code, FAULT) if code is not None else FAULT
    before = stops.get(guard)
    stops[guard] = Stops(1 if before is None else before.number + 1, time.time() if at is None else at, message[:2_000])
    try:
        told = {name: each._asdict() for name, each in stops.items()}
        replace_file(folder / FILE_NAME.format(dataflow), orjson.dumps(told))
    except GuardStop:
        return
