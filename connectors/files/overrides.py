"""Records that an operator passes over, beside the log that they stand in: a line each, `[shard, what]`.

An export of the log (`milepost log export`) keeps them in the same form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson

from connectors.files.writing import append_line
from state.guards import LOG_DAMAGED, GuardStop
from state.overrides import Override, Overrides, by_place

NAME: Final = "overrides.jsonl"


def read(folder: Path, shard: int = 0) -> Overrides:
    """Raises GuardStop where the file holds something else. A last line that was only begun does not count."""
    path = folder / NAME
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
        said: list[Any] = [orjson.loads(line) for line in lines]
        return by_place(Override(**found) for number, found in said if number == shard)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as fault:
        raise GuardStop(
            LOG_DAMAGED,
            f"{path}: expected lines of [shard, object with {', '.join(Override._fields)}]: {fault}. Only `milepost skip` may write "
            "it; put back a copy",
        ) from fault


def add(folder: Path, shard: int, override: Override) -> None:
    """On the disk when this returns."""
    append_line(folder / NAME, orjson.dumps([shard, override._asdict()], option=orjson.OPT_SORT_KEYS))
