"""A clock that is set back while a dataflow is idle holds up nothing: sources wait by the monotonic clock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.moved_clock import MovedClock
from tests.dataflows.sources_with_moved_clock import SOURCES
from tests.servers.fetched import Missing

ROOT = Path(__file__).parents[2]
SET_BACK_SECONDS = -3_600.0
# Far below what the clock was set back by, and far above what a loaded machine takes.
HUNG_SECONDS = 300


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_is_asked_on_when_the_clock_is_set_back(tmp_path: Path, kind: str) -> None:
    try:
        clock = MovedClock(tmp_path)
    except Missing as missing:
        pytest.skip(str(missing))
    file = clock.environment["MILEPOST_CLOCK_MOVED"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.dataflows.sources_with_moved_clock", kind, file, str(SET_BACK_SECONDS)],
        cwd=ROOT,
        env={**os.environ, **clock.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=HUNG_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the clock moved by -3600 s\n"
