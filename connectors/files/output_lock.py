"""Only one process at a time writes an output folder."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from connectors.files.progress import Place, places
from connectors.files.writing import writing
from state.guards import GuardStop

NAME: Final = "run.lock"
PID_BYTES_MAX: Final = 20
# A reader that asks whether somebody writes has the lock for a moment.
TRIED_SECONDS: Final = 1.0
TRIED_AGAIN_SECONDS: Final = 0.02


class OutputInUse(Exception):
    """Another process writes the folder; it can be tried again when that has ended."""


@contextmanager
def only_writer(output_dir: Path) -> Iterator[None]:
    """Makes the folder if it is not there. The lock goes with the process, however it ends."""
    path = output_dir / NAME
    with writing(output_dir):
        output_dir.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _lock(file, output_dir)
        note_beginning(output_dir)
        yield
    finally:
        os.close(file)


def note_beginning(output_dir: Path) -> None:
    """By its writer: who it is, and where the outputs stood when it began, which books that it makes again have to reach first."""
    reached: dict[int, Place] = {}
    # What cannot be read stops the writer where it reads it.
    with suppress(GuardStop):
        reached = places(output_dir)
    path = output_dir / NAME
    with writing(path):
        path.write_text(f"{os.getpid()}\n{json.dumps(reached)}\n", encoding="utf-8")


def beginning(output_dir: Path) -> dict[int, Place] | None:
    """Where the outputs of each shard stood when the writer of now began; None while it is being written down."""
    with suppress(OSError, ValueError):
        said: dict[str, tuple[int, str]] = json.loads(
            (output_dir / NAME).read_text(encoding="utf-8").partition("\n")[2]
        )
        return {int(shard): (offset, engagement) for shard, (offset, engagement) in said.items()}
    return None


@contextmanager
def resting(output_dir: Path) -> Iterator[None]:
    """While nobody writes the folder, and nobody can begin to. Raises OutputInUse."""
    try:
        file = os.open(output_dir / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise _in_use(file, output_dir) from fault
        yield
    finally:
        os.close(file)


def is_written(output_dir: Path) -> bool:
    """Whether a process writes the folder now."""
    try:
        with resting(output_dir):
            return False
    except OutputInUse:
        return True


def _lock(file: int, output_dir: Path) -> None:
    try:
        lock_within(file, TRIED_SECONDS)
    except BlockingIOError as fault:
        raise _in_use(file, output_dir) from fault


def lock_within(file: int, seconds: float) -> None:
    """Raises BlockingIOError where somebody else has held it for so long."""
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(TRIED_AGAIN_SECONDS)
        else:
            return


def _in_use(file: int, output_dir: Path) -> OutputInUse:
    """Named is the process that wrote last, as long as it runs."""
    holder = os.pread(file, PID_BYTES_MAX, 0).decode(errors="replace").partition("\n")[0]
    who = f"another run (process {holder})" if _runs(holder) else "another run"
    return OutputInUse(f"{who} is using {output_dir}; try again when it has ended")


def _runs(process: str) -> bool:
    if not process.isdecimal():
        return False
    with suppress(PermissionError):
        try:
            os.kill(int(process), 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
