"""What each step of making Milepost faster and smaller brought: `python -m benchmarks.ladder "what the step did"` adds a row.

The firm of RESULTS.md, 20,000 time entries, each measurement in a process of its own on one core; of a stage the lowest of so many rounds.
Rows of one machine and day compare; of others divide by the calibration.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.child import ROOT, measured
from benchmarks.machine import on_one_core
from benchmarks.report import STAGES

PAGE = ROOT / "benchmarks" / "LADDER.md"
ENTRIES, AFTER, WATCHED = 20_000, 15_000, 400
ROOMS = ("domain", "state", "operators", "connectors", "dataflows", "milepost", "simulation")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__)
    parser.add_argument("step", help="What the step did, in a few words.")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args(arguments)
    on_one_core()
    with tempfile.TemporaryDirectory() as folder:
        row = _row(asked.step, asked.entries, asked.rounds, Path(folder))
    lines = asked.page.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [place for place, line in enumerate(lines) if line.startswith("| 20")]
    lines.insert(rows[-1] + 1 if rows else len(lines), f"| {' | '.join(row)} |\n")
    asked.page.write_text("".join(lines), encoding="utf-8")
    print(" | ".join(row))
    return 0


def _row(step: str, entries: int, rounds: int, work: Path) -> list[str]:
    made = measured("input", entries, work / "input")
    microseconds: dict[str, float] = {}
    calibrations: list[float] = []
    for number in range(rounds):
        taken = measured("intake", work / "input", work / f"log-{number}")
        staged = measured("stages", _with_log(work, number, "stages"))["stages"]
        calibrations.append(taken["spent"]["calibration"])
        seconds = {"intake": taken["spent"]["cpu"], **{name: staged[name]["seconds"] for name in STAGES}}
        for name, spent in seconds.items():
            microseconds[name] = min(microseconds.get(name, spent * 1e6), spent / made["events"] * 1e6)
    way = measured("way", _with_log(work, 0, "way"), entries * AFTER // ENTRIES, WATCHED)
    lines = _lines()
    return [
        datetime.now(UTC).date().isoformat(),
        _commit(),
        step,
        *(f"{microseconds[name]:.1f}" for name in ("intake", *STAGES)),
        f"{sum(microseconds.values()):.0f}",
        f"{min(calibrations):.1f}",
        *(f"{way[name]}" for name in ("python_calls", "c_calls", "files")),
        *(f"{lines[room] / 1_000:.1f}" for room in ROOMS),
        f"{sum(lines.values()) / 1_000:.1f}",
    ]


def _with_log(work: Path, number: int, name: str) -> Path:
    """An output folder of its own with the log that intake made."""
    folder = work / f"{name}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "log").symlink_to(work / f"log-{number}" / "log")
    return folder


def _lines() -> Counter[str]:
    found: Counter[str] = Counter()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            found[room] += len(path.read_text(encoding="utf-8").splitlines())
    return found


def _commit() -> str:
    asked: Any = subprocess.run(
        ["git", "rev-parse", "--short=8", "HEAD"],  # noqa: S607 - as the developer has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return str(asked.stdout).strip() or "-"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
