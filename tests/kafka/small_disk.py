"""A disk that is full when a test wants it to be: a file system of its own, which goes with the process that holds it.

It is mounted in a namespace, so that no rights on the machine are needed and nothing can be left behind; what runs within is
started by `inside`, and the test sees its files under `seen`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pytest

# .ci/run allows a skip for this reason only where it is so.
NO_DISK: Final = "NO DISK OF A GIVEN SIZE"
MOUNT: Final = 'mount -t tmpfs -o size="$1"k tmpfs "$0" && echo mounted && read -r _'
BALLAST: Final = "ballast"
KIB: Final = 1_024


class SmallDisk:
    """`folder` is where it is for who runs inside."""

    def __init__(self, folder: Path, kib: int) -> None:
        self.folder = folder.absolute()
        self._kib = kib
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        if shutil.which("unshare") is None or shutil.which("nsenter") is None:
            pytest.skip(f"no unshare and nsenter here: {NO_DISK}")
        held = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, str(self.folder), str(self._kib)]
        self._holder = subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"mounted\n":
            self.close()
            pytest.skip(f"nobody may mount one here: {NO_DISK}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._holder is not None:
            self._holder.kill()
            self._holder.communicate()
            self._holder = None

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command, for which the disk is there."""
        return ["nsenter", "--target", str(self._pid), "--user", "--mount", "--preserve-credentials", "--", *command]

    @property
    def seen(self) -> Path:
        """The folder, as this process sees it."""
        return Path(f"/proc/{self._pid}/root{self.folder}")

    @property
    def free_kib(self) -> int:
        return shutil.disk_usage(self.seen).free // KIB

    def fill(self, but_kib: int = 0) -> None:
        """All but so much, any other that writes meanwhile."""
        with (self.seen / BALLAST).open("ab") as file:
            while (more := self.free_kib - but_kib) > 0:
                try:
                    os.write(file.fileno(), bytes(min(more, 4 * KIB) * KIB))
                except OSError:
                    return

    def make_room(self) -> None:
        (self.seen / BALLAST).unlink()

    @property
    def _pid(self) -> int:
        assert self._holder is not None, "the disk is there"
        return self._holder.pid
