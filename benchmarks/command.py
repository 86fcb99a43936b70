"""The command `milepost` in a process of its own, and what that process took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from time import perf_counter
from typing import Any, NamedTuple

import orjson

from benchmarks.child import ROOT, Failed
from benchmarks.machine import MEGABYTE, Spent, calibration

LAST_WORDS = 2_000


class Ran(NamedTuple):
    """`said` is the summary of `--json`; `spent` includes the start of the process."""

    said: Any
    spent: Spent


def milepost(*arguments: object) -> Ran:
    command = [sys.executable, "-m", "milepost", *(str(argument) for argument in arguments), "--json"]
    before = calibration()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err)  # noqa: S603 - our own command
        _, status, used = os.wait4(process.pid, 0)
        wall = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            err.seek(0)
            last = err.read()[-LAST_WORDS:].decode(errors="replace")
            raise Failed(f"milepost {' '.join(map(str, arguments))}: ended with {process.returncode}: {last}")
        out.seek(0)
        said = orjson.loads(out.read())
    # Kilobytes on Linux, bytes on macOS.
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MEGABYTE
    cpu = used.ru_utime + used.ru_stime
    around = round((before + calibration()) / 2, 2)
    return Ran(said, Spent(round(cpu, 3), round(wall, 3), round(peak, 1), around))
