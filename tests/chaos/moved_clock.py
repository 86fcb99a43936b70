"""The wall clock of processes, set while they run: a library that is preloaded moves it by what stands in a file."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.servers.fetched import Missing

SOURCE: Final = Path(__file__).with_suffix(".c")
# The file is mapped as a double by all who have it preloaded.
SECONDS: Final = struct.Struct("d")


class MovedClock:
    """For the processes that are started in `environment`. Raises Missing where there is no C compiler."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "moved_clock.so", folder / "clock_moved"
        _compile(library)
        self._file.write_bytes(SECONDS.pack(0.0))
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library), "MILEPOST_CLOCK_MOVED": str(self._file)}
        self.seconds = 0.0

    def move(self, seconds: float) -> None:
        """On from where it is; back where it is below zero."""
        self.seconds += seconds
        with self._file.open("r+b") as opened:
            opened.write(SECONDS.pack(self.seconds))


def _compile(library: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Missing("no cc here; a C compiler makes the library that moves the clock of a process")
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"{' '.join(command)} fails: {done.stderr.strip()}")
