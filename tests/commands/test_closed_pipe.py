"""Anyone who reads may stop at any time: a command then ends without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from milepost import exit_codes
from tests.finished_run import BRIDGE_JANUARY, finished_run

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    ("dump", "erp.postings"),
    ("dump", "erp.postings", "--json"),
    ("between", "2026-01-01", "2026-03-01"),
    ("explain", "BRIDGE"),
    ("explain", "BRIDGE", "--json"),
    ("forecast", "BRIDGE", "--html", "-"),
    ("forecast", "BRIDGE"),
    ("ledger", "--entity", "BERLIN", "--period", "2026-02", "--csv"),
    ("show", "BRIDGE"),
    ("statement", BRIDGE_JANUARY),
    ("exceptions", "list"),
    ("verify",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_closed_pipe_ends_a_command_quietly(command: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "milepost", *command, "--output", str(finished_run())],
            stdout=closed,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (exit_codes.READER_GONE, b"")
