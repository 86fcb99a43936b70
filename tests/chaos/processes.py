"""Milepost's processes as a firm would run them, each started again when it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from milepost import exit_codes
from tests.forked import Forked
from tests.servers.server import leash

ROOT: Final = Path(__file__).parents[2]
START_AGAIN_SECONDS: Final = 0.3
# Longer than a supervisor waits for its process.
STOP_SECONDS: Final = 120.0
TAIL_LINES: Final = 60
NO_MORE: Final[Mapping[str, str]] = {}


class Ended(NamedTuple):
    """A process that ended, with what; `told` where it was asked to, or killed."""

    name: str
    code: int
    told: bool

    def __str__(self) -> str:
        meaning = signal.Signals(-self.code).name if self.code < 0 else exit_codes.MEANINGS.get(self.code, "unknown")
        return f"{self.name} ended with {self.code}: {meaning}"


class Worker:
    """One process, or a supervisor with the process that it keeps going; `within` is a command that runs it."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        *,
        supervised: bool = False,
        within: Sequence[str] = (),
        environment: Mapping[str, str] = NO_MORE,
    ) -> None:
        self.name = name
        self.arguments = list(arguments)
        self.supervised = supervised
        self.within = within
        self.environment = environment
        self.ended: list[Ended] = []
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: subprocess.Popen[bytes] | None = None
        self._is_retired = False
        self._told = False
        self._start_at = 0.0

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that does the work; 0 while there is none."""
        if self._process is None or self._process.poll() is not None:
            return 0
        if not self.supervised:
            return self._process.pid
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0]) if children.split() else 0

    def start(self) -> None:
        """It ends with the run at the latest, however that ends."""
        assert self._process is None, f"{self.name} runs already, or nobody has asked how it ended"
        more = [] if self.supervised else ["--alone"]
        with self.log.open("ab") as log:
            self._process = Forked(
                [*self.within, sys.executable, "-m", *self.arguments, *more],
                cwd=ROOT,
                # A process that hangs says where, when it is sent SIGABRT.
                env={**os.environ, "PYTHONFAULTHANDLER": "1", "PYTHONPATH": str(ROOT), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._leash = leash(os.getpid(), self._process.pid)
        self._told = False

    def collect(self) -> Ended | None:
        """How it ended, where it did and nobody has asked yet. It stays away until somebody keeps it going."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return None
        ended = Ended(self.name, code, self._told)
        self.ended.append(ended)
        self._process = None
        self._unleash()
        self._start_at = time.monotonic() + START_AGAIN_SECONDS
        return ended

    def keep_going(self) -> Ended | None:
        """How it ended, where it did; it is started again a moment later."""
        ended = self.collect()
        if self._process is None and not self._is_retired and time.monotonic() >= self._start_at:
            self.start()
        return ended

    def retire(self) -> None:
        """It ends in order and is not started again."""
        self._is_retired = True
        self.stop()
        self.collect()

    def send(self, number: signal.Signals) -> bool:
        """To the process that does the work; whether there is one."""
        pid = self.pid
        if pid == 0:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        self._told = self._told or (not self.supervised and number in {signal.SIGKILL, signal.SIGTERM})
        return True

    def send_whole(self, number: signal.Signals) -> None:
        """Also to the supervisor, which could start a process meanwhile."""
        if self.is_running and self._process is not None:
            os.killpg(self._process.pid, number)

    def kill_whole(self) -> None:
        """The supervisor first, whose process then ends by itself; it is waited for, as it holds the stores."""
        if self._process is None:
            return
        working = self.pid
        self._told = True
        self._process.kill()
        self._process.wait()
        if self.supervised and working:
            _await_gone(working)
        self._unleash()

    def stop(self) -> None:
        """In order, both where there are two."""
        if self._process is None or self._process.poll() is not None:
            return
        self._told = True
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_whole()

    def tail(self) -> str:
        if not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([line for line in lines if not line.startswith("%")][-TAIL_LINES:])

    def _unleash(self) -> None:
        if self._leash is not None:
            self._leash.kill()
            self._leash.wait()
            self._leash = None


def _await_gone(pid: int) -> None:
    until = time.monotonic() + STOP_SECONDS
    while time.monotonic() < until:
        if _is_gone(pid):
            return
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _is_gone(pid: int) -> bool:
    """Also where whoever inherits it does not heed that it has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state.split()[0] == "Z"
