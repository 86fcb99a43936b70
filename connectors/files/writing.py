"""Writing to the output folder: all of it or a clear stop."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from connectors.files.input_files import whole_lines
from state.guards import OUTPUT_UNWRITABLE, GuardStop

# A file where a folder should be, or the other way round.
IN_THE_WAY: Final = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
# The disk, or what somebody may have of it, is used up, or cannot be written at all.
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
MAKE_ROOM: Final = "Make room or give access"
# Below this a message says how much is free.
SCARCE_BYTES: Final = 64 * 1024 * 1024
KIB: Final = 1_024


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What was committed before stays; the next run cuts off what was not."""
    try:
        yield
    except OSError as fault:
        raise unwritable(path, fault.strerror or str(fault), way_out(fault)) from fault


def way_out(fault: OSError) -> str:
    if fault.errno in IN_THE_WAY:
        return "A file stands where a folder should be, or a folder where a file should; name another place or move it"
    return MAKE_ROOM


def unwritable(path: Path, reason: str, way: str = MAKE_ROOM) -> GuardStop:
    message = f"{path}: cannot be written: {reason}{scarcity(path)}. {way} and run again; it goes on where it stopped"
    return GuardStop(OUTPUT_UNWRITABLE, message)


def scarcity(path: Path) -> str:
    """What is free of the disk that holds the path, where that is little."""
    folder = path.absolute()
    while not folder.is_dir():
        folder = folder.parent
    found = shutil.disk_usage(folder)
    if found.free >= SCARCE_BYTES:
        return ""
    return f"; {found.free / KIB:,.0f} of {found.total / KIB:,.0f} KiB are free on the disk of {folder}"


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


def write_synced(path: Path, data: bytes) -> None:
    """On the disk when this returns, but for its name. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def append_line(path: Path, line: bytes) -> None:
    """In the place of one that was only begun; on the disk when this returns."""
    with writing(path):
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            whole = whole_lines(path, os.fstat(file).st_size, at_least=0)
            os.ftruncate(file, whole)
            os.lseek(file, whole, os.SEEK_SET)
            write_all(file, line + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names of new files last."""
    with writing(folder):
        sync_names(folder)


def sync_names(folder: Path) -> None:
    """The same. Raises OSError."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
