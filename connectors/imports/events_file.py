"""JSON-lines files that an import leaves behind: whole or not at all, never other content under a name already read."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import orjson

from connectors.imports.read_before import CORRECTING, check_unread
from connectors.imports.refusals import ImportRefused


def write_lines(path: Path, records: Iterable[dict[str, object]], replace: bool, runs: Path | None = None) -> None:
    """One record a line; the same content again leaves the file as it is.

    A file that a run has read is never replaced: `runs` is the output folder of runs, None for those near the file.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.writelines(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
        if path.exists() and not filecmp.cmp(part, path, shallow=False):
            if not replace:
                raise ImportRefused(
                    f"{path}: exists with other content, and a file that was read once must not change;"
                    f" give --name for a new file{CORRECTING}, or --replace if it was never read"
                )
            check_unread(path, runs)
        part.replace(path)
    except OSError as fault:
        raise ImportRefused(f"{path}: cannot be written: {fault.strerror}") from fault
    finally:
        part.unlink(missing_ok=True)


def write_rejected(folder: Path, name: str, rejected: Iterable[dict[str, object]]) -> Path | None:
    """`<name>.rejected.jsonl`; None where there is nothing to list, and then no file of an earlier attempt either."""
    path = folder / f"{name}.rejected.jsonl"
    first = next(records := iter(rejected), None)
    if first is None:
        path.unlink(missing_ok=True)
        return None
    write_lines(path, chain([first], records), replace=True)
    return path
