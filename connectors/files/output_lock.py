"""Only one process at a time writes an output folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from connectors.files.writing import writing

NAME: Final = "run.lock"
PID_BYTES_MAX: Final = 20


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
        with writing(path):
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def _lock(file: int, output_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        holder = os.pread(file, PID_BYTES_MAX, 0).decode(errors="replace").strip()
        who = f"another run (process {holder})" if holder else "another run"
        raise OutputInUse(f"{who} is using {output_dir}; try again when it has ended") from fault


def is_written(output_dir: Path) -> bool:
    """Whether a process writes the folder now."""
    with suppress(FileNotFoundError), (output_dir / NAME).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
