"""Whether a run has read an events file: what was read once must stay as it was, so an import never writes over it.

An import knows the folder of events and not the output folder of the runs that read it. Those lie beside it or inside it
unless they are named. Names and digests in their `rounds.jsonl` tell for certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.files.input_files import scan
from connectors.files.rounds import NAME, RoundFile, read_rounds
from connectors.imports.refusals import ImportRefused
from state.guards import GuardStop

CORRECTING: Final = (
    " (csv: corrected rows need a version above the last one too, --set time.version=2; balances count theirs)"
)


def check_unread(path: Path, runs: Path | None) -> None:
    """Raises ImportRefused where a run has read the file as it stands there now."""
    if runs is not None and not (runs / NAME).is_file():
        raise ImportRefused(f"--output {runs}: expected the output folder of `milepost run`, found no {NAME} in it")
    for folder in _run_folders(path) if runs is None else (runs,):
        number = _read_in(folder, path)
        if number is not None:
            raise ImportRefused(
                f"{path}: was read by round {number} of {folder}, and what was read must stay as it is;"
                f" give --name for a new file{CORRECTING}"
            )


def _run_folders(path: Path) -> Iterator[Path]:
    """Up to two folders up and one down again: `books/input/csv-march.jsonl` is near `books/output`."""
    near = path.resolve().parent
    for folder in (near, near.parent, near.parent.parent):
        try:
            yield from sorted(found.parent for found in (*folder.glob(NAME), *folder.glob(f"*/{NAME}")))
        except OSError:  # a folder that is not ours to look into
            continue


def _read_in(folder: Path, path: Path) -> int | None:
    """The round that read it."""
    try:
        rounds = read_rounds(folder)
    except GuardStop as fault:
        raise ImportRefused(fault.message) from fault
    whole = path.resolve().as_posix()
    size = path.stat().st_size
    for found in rounds:
        if any(whole.endswith(f"/{file.name}") and _is_start(file, path, size) for file in found.files):
            return found.number
    return None


def _is_start(file: RoundFile, path: Path, size: int) -> bool:
    """The bytes that were read are the file's first ones."""
    if file.length > size:
        return False
    return scan(path, file.length, None, thorough=True).digest.hex() == file.digest
