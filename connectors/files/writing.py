"""Writing to the output folder: all of it or a clear stop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from state.guards import OUTPUT_UNWRITABLE, GuardStop


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What was committed before stays; the next run cuts off what was not."""
    try:
        yield
    except OSError as fault:
        raise unwritable(path, fault.strerror or str(fault)) from fault


def unwritable(path: Path, reason: str) -> GuardStop:
    message = (
        f"{path}: cannot be written: {reason}. Make room or give access and run again; it goes on where it stopped"
    )
    return GuardStop(OUTPUT_UNWRITABLE, message)


def write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def replace_file(path: Path, data: bytes) -> None:
    """Whole or not at all, also when the process is killed."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(data)
        part.replace(path)


def sync_folder(folder: Path) -> None:
    """Makes the names of new files last."""
    with writing(folder):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
