"""Puts a log, dead letters and intake state that were made again in the place of those that were lost."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from typing import Final

from connectors.files import dead_letters
from connectors.files.dead_letters import dead_letter_path
from connectors.files.intake_store import StoredProgress
from connectors.files.log_format import FOLDER, log_path, read_end
from connectors.files.rounds import NAME
from connectors.files.writing import writing
from state.guards import INTAKE_STATE_LOST, GuardStop

STORE: Final = "intake.db"
PIECE_BYTES: Final = 1024 * 1024


def is_lost(output_dir: Path, progress: StoredProgress | None, *, has_rounds: bool) -> bool:
    """Whether state, log or dead letters lack what was committed; stops where they cannot be made again."""
    end = read_end(log_path(output_dir))
    if not has_rounds:
        if progress is not None or (end is not None and end.offset > 0):
            raise GuardStop(
                INTAKE_STATE_LOST,
                f"{output_dir / NAME}: is missing, and with it what was read so far. Put back a copy of it, or start "
                "again with an empty output folder",
            )
        return False
    if progress is None:
        return end is not None and end.offset > 0
    log = log_path(output_dir)
    has_log = log.is_file() and log.stat().st_size >= progress.log.length
    return not has_log or not dead_letters.is_whole(output_dir, progress.dead_letters)


def begin(output_dir: Path, folder: Path) -> None:
    """An empty folder with the same rounds."""
    with writing(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copyfile(output_dir / NAME, folder / NAME)


def put_in_place(output_dir: Path, folder: Path) -> None:
    """What is left of the old log must be the beginning of the new one. State last: without it all begins again."""
    _compare(log_path(output_dir), log_path(folder))
    with writing(output_dir):
        for old in output_dir.glob(f"{STORE}*"):
            old.unlink()
        (output_dir / FOLDER).mkdir(exist_ok=True)
        for part in sorted((folder / FOLDER).iterdir()):
            part.replace(output_dir / FOLDER / part.name)
        letters = dead_letter_path(output_dir)
        letters.unlink(missing_ok=True)
        if dead_letter_path(folder).exists():
            letters.parent.mkdir(parents=True, exist_ok=True)
            dead_letter_path(folder).replace(letters)
        (folder / STORE).replace(output_dir / STORE)
        shutil.rmtree(folder)


def _compare(old: Path, new: Path) -> None:
    if not old.is_file():
        return
    end = read_end(old)
    left = old.stat().st_size if end is None else min(end.length, old.stat().st_size)
    with old.open("rb") as before, new.open("rb") as after:
        for at in count(0, PIECE_BYTES):
            size = min(PIECE_BYTES, left - at)
            if size <= 0:
                return
            if before.read(size) != after.read(size):
                raise GuardStop(
                    INTAKE_STATE_LOST,
                    f"{old}: made again from rounds and input files, the log comes out differently from about byte {at}: "
                    "they, or the release that reads them, are others now. Put back a copy of intake.db",
                )
