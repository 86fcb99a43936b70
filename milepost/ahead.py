"""`milepost explain --ahead` beside a run that follows, while nothing comes: so that no question waits for long contract groups."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

# Nothing came for so long: between two uploads, not in the middle of one.
QUIET_SECONDS: Final = 30.0
STOP_SECONDS: Final = 5.0


class StepsAhead:
    """One process at the lowest priority, once for every state of the log; it ends when something comes."""

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._ready_to = 0
        self._seen, self._since = 0, time.monotonic()
        self.process: subprocess.Popen[bytes] | None = None

    def look(self, offset: int) -> None:
        """Before what is new in the log is folded, with its end."""
        now = time.monotonic()
        if offset != self._seen:
            self.stop()
            self._seen, self._since = offset, now
        elif offset != self._ready_to and now - self._since >= QUIET_SECONDS:
            self._ready_to = offset
            self._start()

    def _start(self) -> None:
        """Where it cannot, the first question takes longer and says what hinders it."""
        command = [sys.executable, "-m", "milepost", "explain", "--ahead", "--output", str(self._output_dir)]
        with suppress(OSError):
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            os.setpriority(os.PRIO_PROCESS, self.process.pid, 19)

    def stop(self) -> None:
        """What it has kept stays."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@contextmanager
def ahead_of_questions(output_dir: Path) -> Iterator[StepsAhead]:
    ahead = StepsAhead(output_dir)
    try:
        yield ahead
    finally:
        ahead.stop()
