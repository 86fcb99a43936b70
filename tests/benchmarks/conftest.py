from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import forked


@pytest.fixture(autouse=True)
def cores_as_before() -> Iterator[None]:
    """A benchmark that is called in this process keeps it on one core, and a worker has thousands of tests after it."""
    before = os.sched_getaffinity(0) if sys.platform == "linux" else None
    yield
    if before is not None:
        os.sched_setaffinity(0, before)


@pytest.fixture
def commands_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a benchmark starts are processes as ever, which need not import all of `milepost` each for itself."""

    def run(
        command: list[str], *, cwd: os.PathLike[str], env: dict[str, str], capture_output: bool, check: bool
    ) -> subprocess.CompletedProcess[bytes]:
        assert capture_output
        done = forked.run(command, cwd=cwd, env=env)
        if check:
            done.check_returncode()
        return done

    monkeypatch.setattr(subprocess, "run", run)
