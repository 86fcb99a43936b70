"""The machine a figure belongs to, and a loop to compare machines by."""

from __future__ import annotations

import os
import platform
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

from connectors.compiled import native

LIBRARIES = ("bytewax", "msgspec", "fastavro", "orjson")
LOOPS = 40_000
ROUNDS = 5
MEGABYTE = 1_000_000


class Machine(NamedTuple):
    """`calibration` is the time of the fixed loop in milliseconds, at best, on the core that was measured on."""

    system: str
    processor: str
    cores: int
    memory_gb: float
    python: str
    sqlite: str
    libraries: dict[str, str]
    calibration: float


class Spent(NamedTuple):
    """Seconds of the processor, seconds on the clock, the most memory so far in megabytes, and the calibration around it."""

    cpu: float
    wall: float
    peak_mb: float
    calibration: float


def machine() -> Machine:
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        python=platform.python_version() + ("" if native is None else " with compiled records"),
        sqlite=sqlite3.sqlite_version,
        libraries={name: version(name) for name in LIBRARIES},
        calibration=calibration(),
    )


def on_one_core() -> int | None:
    """This process and those it starts stay on the last core they may use; None where that cannot be asked for."""
    if sys.platform != "linux":
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def calibration() -> float:
    """Milliseconds of a loop of what the fold is made of: tuples, dictionaries, integers with rounding, small strings."""
    return round(1000 * min(_seconds(_loop) for _ in range(ROUNDS)), 2)


def _loop() -> int:
    sums: dict[tuple[str, int], int] = {}
    for number in range(LOOPS):
        amount, rest = divmod(number * 1_234_567, 10_000)
        key = (f"P-{number % 97:05}", number % 12)
        sums[key] = sums.get(key, 0) + amount + (2 * rest >= 10_000)
    return sum(sums.values())


def _seconds(function: Callable[[], object]) -> float:
    start = process_time()
    function()
    return process_time() - start


class Clock:
    """What a stretch of work took, once it has ended."""

    spent: Spent | None = None


@contextmanager
def clock() -> Iterator[Clock]:
    """The calibration is the mean of before and after, so that a machine that got slower meanwhile shows."""
    found = Clock()
    before = calibration()
    cpu, wall = process_time(), perf_counter()
    yield found
    cpu, wall = process_time() - cpu, perf_counter() - wall
    peak = peak_mb()
    found.spent = Spent(round(cpu, 3), round(wall, 3), peak, round((before + calibration()) / 2, 2))


def peak_mb() -> float:
    """The most memory this process has held. Linux says it of the program alone; elsewhere the unit differs."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        return round(kilobytes * 1024 / MEGABYTE, 1)
    scale = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / MEGABYTE, 1)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
