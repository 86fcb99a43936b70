"""How far the outputs of each shard of a folder are good: what the last commit said, in a file a shard."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from state.guards import LOG_DAMAGED, GuardStop

FIELDS: Final[Mapping[str, type]] = {
    "generation": str,
    "shard": int,
    "offset": int,
    "engagement": str,
    "next_output_seq": int,
    "topics": dict,
    "input_chain": str,
    "output_chain": str,
    "lengths": dict,
}
_EXPECTED: Final[Mapping[type, str]] = {
    str: "a text as Milepost writes it",
    int: "a whole number",
    dict: "whole numbers by name",
}
# Empty before the first record or output.
_CHAIN: Final = re.compile(r"([0-9a-f]{32})?")
# A record of the log, and what of it is done.
Place = tuple[int, str]
NOWHERE: Place = (0, "")


def progress_path(folder: Path, shard: int) -> Path:
    return folder / "progress" / f"{shard}.json"


def shards_in(folder: Path) -> tuple[int, ...]:
    return tuple(sorted(int(path.stem) for path in (folder / "progress").glob("*.json") if path.stem.isdigit()))


def read_progress(folder: Path, shard: int) -> dict[str, Any] | None:
    """None before the first commit. Raises GuardStop where it says nothing that can be used."""
    path = progress_path(folder, shard)
    if not path.exists():
        return None
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))
    except PermissionError:
        raise
    except (OSError, ValueError) as fault:
        raise _no_progress(folder, path, str(fault)) from fault
    if not isinstance(found, dict) or not found.keys() >= FIELDS.keys():
        raise _no_progress(folder, path, f"expected an object with {', '.join(sorted(FIELDS))}")
    if wrong := [name for name in FIELDS if not _can_be(name, found[name])]:
        raise _no_progress(
            folder, path, f"{wrong[0]}: expected {_EXPECTED[FIELDS[wrong[0]]]}, found {str(found[wrong[0]])[:80]!r}"
        )
    return found


def _can_be(name: str, value: object) -> bool:
    if isinstance(value, dict):
        return FIELDS[name] is dict and all(type(each) is int for each in value.values())
    if isinstance(value, str) and name.endswith("_chain"):
        return _CHAIN.fullmatch(value) is not None
    return type(value) is FIELDS[name]


def places(folder: Path) -> dict[int, Place]:
    """Where the outputs of each shard stand in its log. Raises GuardStop."""
    found = {shard: read_progress(folder, shard) for shard in shards_in(folder)}
    return {shard: (said["offset"], said["engagement"]) for shard, said in found.items() if said is not None}


def _no_progress(folder: Path, path: Path, reason: str) -> GuardStop:
    return GuardStop(
        LOG_DAMAGED,
        f"{path}: cannot be read: {reason}. Delete the folders {folder / 'outputs'}, {folder / 'progress'} and "
        f"{folder / 'store'}, and the next run makes them again from the log",
    )
