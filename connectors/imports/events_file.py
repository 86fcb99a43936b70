"""JSON-lines files that an import leaves behind: whole or not at all, never other content under a name already read."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from connectors.imports.read_before import CORRECTING, check_unread
from connectors.imports.refusals import ImportRefused

# No run reads a file of this ending.
REPLACED: Final = ".replaced"


def write_lines(
    path: Path,
    records: Iterable[dict[str, object]],
    replace: bool,
    runs: Path | None = None,
    *,
    is_dry_run: bool = False,
) -> None:
    """One record a line; the same content again leaves the file as it is.

    A file that a run has read is never replaced: `runs` is the output folder of runs, None for those near the file. One
    that is replaced stays beside the new one, because a run elsewhere may have read it.
    """
    with _written(path, records, is_dry_run=is_dry_run) as part:
        if not path.exists() or filecmp.cmp(part, path, shallow=False):
            return
        if not replace:
            raise ImportRefused(
                f"{path}: exists with other content, and a file that was read once must not change;"
                f" give --name for a new file{CORRECTING}, or --replace if it was never read"
            )
        check_unread(path, runs)
        if path.stat().st_size and not is_dry_run:
            path.replace(path.with_name(path.name + REPLACED))


@contextmanager
def _written(path: Path, records: Iterable[dict[str, object]], *, is_dry_run: bool = False) -> Iterator[Path]:
    """The lines in a file beside it, which takes its place unless something is raised; of a dry run elsewhere, for a look."""
    if is_dry_run:
        with TemporaryDirectory() as folder:
            yield _put(Path(folder) / path.name, records)
        return
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield _put(part, records)
        part.replace(path)
    except OSError as fault:
        raise ImportRefused(f"{path}: cannot be written: {fault.strerror}") from fault
    finally:
        part.unlink(missing_ok=True)


def _put(path: Path, records: Iterable[dict[str, object]]) -> Path:
    with path.open("wb") as file:
        file.writelines(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
    return path


def rejected_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.rejected.jsonl"


def write_rejected(
    folder: Path, name: str, rejected: Iterable[dict[str, object]], *, is_dry_run: bool = False
) -> Path | None:
    """`<name>.rejected.jsonl`; None where there is nothing to list, and then no file of an earlier attempt either."""
    path = rejected_path(folder, name)
    first = next(records := iter(rejected), None)
    if first is None:
        if not is_dry_run:
            path.unlink(missing_ok=True)
        return None
    if is_dry_run:
        return path
    with _written(path, chain([first], records)):
        return path
