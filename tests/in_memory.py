"""Where a run of tests keeps its files: in memory where there is room, else where the system keeps temporary files.

Stores, logs and outputs are written so that they outlive a loss of power, for which a short run waits for the disk a hundred times. No
test cuts the power; a process that is killed leaves in memory what it leaves on a disk.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
PREFIX: Final = "milepost-tests-"
GIB: Final = 1 << 30
ROOM_MIN: Final = 4 * GIB
# Processes of five workers and of their servers have the other half.
AVAILABLE_MIN: Final = 8 * GIB


def begin() -> Path | None:
    """All temporary files of this process and of those that it starts are in the folder from now on, if one is returned."""
    if not has_room():
        return None
    for left in MEMORY.glob(f"{PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(PREFIX)).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = MEMORY / f"{PREFIX}{os.getpid()}"
    folder.mkdir(mode=0o700)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None
    return folder


def has_room() -> bool:
    if not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    available = next(int(line.split()[1]) * 1_024 for line in lines if line.startswith("MemAvailable:"))
    return available >= AVAILABLE_MIN and shutil.disk_usage(MEMORY).free >= ROOM_MIN
