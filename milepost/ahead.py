"""`milepost explain --ahead` at the end of a run, or beside one that follows while nothing comes: so that no question waits for long
contract groups."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from milepost import exit_codes
from milepost.console import say, shell_word
from milepost.operate.stopping import LOOK_SECONDS, Stop
from milepost.operate.supervisor import PARENT, again

# Nothing came for so long: between two uploads, not in the middle of one.
QUIET_SECONDS: Final = 30.0
STOP_SECONDS: Final = 5.0


class StepsAhead:
    """One process, once for every state of the log; it ends when something comes, or with the run. Where nobody waits for it, its priority
    is the lowest."""

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
        elif self.process is not None and (code := self.process.poll()) is not None:
            self.process = None
            if code == exit_codes.VIOLATION:
                say(
                    "Outputs differ from what the log makes, which was found while steps were kept for explanations;"
                    f" `milepost verify --output {shell_word(self._output_dir)}` lists them"
                )
        elif self.process is None and offset != self._ready_to and now - self._since >= QUIET_SECONDS:
            self._ready_to = offset
            self._start()

    def keep(self, stop: Stop) -> int:
        """Of a run whose outputs are complete: waits until all are kept, or somebody asks to stop. How the process ended."""
        self._start(waited_for=True)
        while self.process is not None and self.process.poll() is None and not stop.within(LOOK_SECONDS):
            pass
        code = self.process.poll() if self.process is not None else None
        return code or exit_codes.DONE

    def _start(self, *, waited_for: bool = False) -> None:
        """Where it cannot, the first question takes longer and says what hinders it."""
        with suppress(OSError):
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                again("explain", "--ahead", "--output", str(self._output_dir)),
                env={**os.environ, PARENT: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if waited_for else subprocess.DEVNULL,
            )
            if not waited_for:
                os.setpriority(os.PRIO_PROCESS, self.process.pid, 19)

    def stop(self) -> None:
        """What it has kept stays; nobody waits until it has ended."""
        if self.process is not None:
            self.process.terminate()

    def close(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
