"""Keeps a process going: it is started again after a crash, but not where a person has to look first."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from milepost import exit_codes
from milepost.console import say
from milepost.operate.stopping import LOOK_SECONDS, Stop, stopping
from state import guards

BACK_OFF_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# Anyone who has run for so long has not crashed at its start.
WELL_SECONDS: Final = 60.0
# Brokers also fence a process that stood still, or could not reach them, in the middle of a transaction. Two processes that take a
# shard from each other are fenced again and again.
FENCED_IN_A_ROW_MAX: Final = 3
# What a batch in flight may take to commit, and brokers to answer at a start; below what Kubernetes gives the process.
END_SECONDS: Final = 100.0
# What passes by itself: brokers or the registry come back, intake begins its log, somebody makes room on the disk, clocks are set, who
# had the store ends.
PASSING: Final = frozenset(
    {
        guards.BROKER_UNREACHABLE,
        guards.REGISTRY_UNREACHABLE,
        guards.LOG_MISSING,
        guards.OUTPUT_UNWRITABLE,
        guards.CLOCKS_APART,
        exit_codes.TRY_AGAIN,
    }
)
# It was asked to end before it listened, so it had begun nothing.
ASKED_EARLY: Final = frozenset({-signal.SIGTERM, -signal.SIGINT, exit_codes.INTERRUPTED})
FOR_A_PERSON: Final = (
    frozenset(code for name, code in vars(guards).items() if name.isupper() and isinstance(code, int)) - PASSING
) | {exit_codes.USAGE, exit_codes.VIOLATION}
PARENT: Final = "MILEPOST_SUPERVISOR"


def supervise(command: Sequence[str], back_off: Sequence[float] = BACK_OFF_SECONDS) -> int:
    """The exit code: 0 after SIGTERM or Ctrl-C, also where it waited for something that passes; else that of a stop that needs a person."""
    crashes = fenced = 0
    with stopping() as stop:
        while True:
            started = time.monotonic()
            code = _run(command, stop)
            went_well = time.monotonic() - started > WELL_SECONDS
            crashes = 0 if went_well else crashes + 1
            fenced = 0 if code != guards.FENCED else 1 if went_well else fenced + 1
            is_passing = code in PASSING or 0 < fenced < FENCED_IN_A_ROW_MAX
            if stop.requested and (is_passing or code in ASKED_EARLY):
                return exit_codes.DONE
            if stop.requested or code == exit_codes.DONE or (code in FOR_A_PERSON and not is_passing):
                return code
            seconds = back_off[min(crashes, len(back_off) - 1)]
            say(f"ended with {code} ({_meaning(code)}); starts again in {seconds:g} seconds")
            if stop.within(seconds):
                return exit_codes.DONE


def _run(command: Sequence[str], stop: Stop) -> int:
    """The child is asked to end in order when we are, and waited for; one that does not end is killed, which loses nothing."""
    child = subprocess.Popen(command, env={**os.environ, PARENT: str(os.getpid())})  # noqa: S603 - our own command
    told_at: float | None = None
    while (code := child.poll()) is None:
        if stop.requested and told_at is None:
            say(f"{stop.name}: it is asked to end, and has {END_SECONDS:g} seconds to finish what is in flight")
            child.send_signal(signal.SIGTERM)
            told_at = time.monotonic()
        elif told_at is not None and time.monotonic() - told_at > END_SECONDS:
            say(f"it did not end within {END_SECONDS:g} seconds and is killed; what it had committed stays")
            child.kill()
            child.wait()
            return exit_codes.FAILURE
        time.sleep(LOOK_SECONDS)
    return code


def _meaning(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name
    return exit_codes.MEANINGS.get(code, "unknown")


def until_told(stop: Stop) -> Callable[[], bool]:
    """Whether to end: somebody asks, or the supervisor of this process is gone."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return lambda: stop.requested
    number = int(parent)
    return lambda: stop.requested or os.getppid() != number


def again(*arguments: str) -> list[str]:
    """The command of this installation, whatever the current folder holds."""
    return [sys.executable, "-P", "-m", "milepost", *arguments]
