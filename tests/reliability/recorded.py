"""The recorded log: a firm's month as `milepost simulate --seed 5 --people 12 --projects 8 --months 1 --deals time` wrote it once."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests" / "data" / "recorded"
UNTIL = "2026-02-28"


def command(output: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "milepost", "run", "--input", str(RECORDED), "--output", str(output)),
        *("--until", UNTIL),
    ]


def run(output: Path, environment: Mapping[str, str] | None = None) -> None:
    made = subprocess.run(
        command(output),
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def digest(output: Path) -> str:
    """Of the log and of every output file, by name."""
    total = hashlib.sha256()
    for path in sorted((*(output / "outputs").rglob("*.avro"), *(output / "log").rglob("*.avro"))):
        total.update(path.relative_to(output).as_posix().encode() + path.read_bytes())
    return total.hexdigest()
