"""Anyone who reads may stop at any time: a command then ends without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from milepost import exit_codes
from tests.finished_run import BRIDGE_JANUARY, finished_run
from tests.forked import Forked

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
    words = [sys.executable, "-m", "milepost", *command, "--output", str(finished_run())]
    with Forked(words, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True) as process:
        os.close(writing)
        _, said = process.communicate()
    assert (process.returncode, said) == (exit_codes.READER_GONE, "")
