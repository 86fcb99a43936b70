"""The rounds of an embedded run, one a line of `rounds.jsonl`: with their input files they determine the whole log.

A round is written down before it begins, so that a run that was killed is finished with the same files, and a log or
state that was lost can be made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from connectors.files.writing import append_line
from state.guards import INTAKE_STATE_LOST, GuardStop

NAME: Final = "rounds.jsonl"


class RoundFile(NamedTuple):
    """A file that is new or has grown: so many first bytes of it, with their digest in hex."""

    name: str
    length: int
    digest: str


class InputRound(NamedTuple):
    """`is_growing`: unfinished ends of files are left for a later round. `own_days` is false: of an earlier release it says that the
    input ended its days itself.

    The first one keeps the genesis of the log.
    """

    number: int
    files: tuple[RoundFile, ...]
    until: date | None
    is_growing: bool
    own_days: bool
    ownership: Mapping[str, tuple[str, ...]]
    genesis: str | None = None


def read_rounds(output_dir: Path) -> list[InputRound]:
    """A last line that was only begun does not count."""
    path = output_dir / NAME
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
        return _dense([_round(json.loads(line)) for line in lines])
    except FileNotFoundError:
        return []
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise GuardStop(
            INTAKE_STATE_LOST,
            f"{path}: cannot be read ({fault}). Put back a copy of it, or start again with an empty output folder",
        ) from fault


def _dense(found: list[InputRound]) -> list[InputRound]:
    for place, each in enumerate(found, 1):
        if each.number != place:
            raise ValueError(f"expected round {place} in line {place}, found round {each.number!r}")
    return found


def add_round(output_dir: Path, found: InputRound) -> None:
    append_line(output_dir / NAME, json.dumps(_plain(found), separators=(",", ":"), ensure_ascii=False).encode())


def _plain(found: InputRound) -> dict[str, object]:
    files = [file._asdict() for file in found.files]
    until = None if found.until is None else found.until.isoformat()
    return {**found._asdict(), "files": files, "until": until}


def _round(plain: dict[str, object]) -> InputRound:
    fields = dict(plain)
    until, files, ownership = fields.pop("until"), fields.pop("files"), fields.pop("ownership")
    if not isinstance(files, list) or not isinstance(ownership, dict):
        raise TypeError("expected a round with files and ownership")
    return InputRound(
        files=tuple(RoundFile(**file) for file in files),
        until=date.fromisoformat(until) if isinstance(until, str) else None,
        ownership={kind: tuple(sources) for kind, sources in ownership.items()},
        **fields,  # type: ignore[arg-type]
    )
