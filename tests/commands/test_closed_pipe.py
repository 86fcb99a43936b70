"""Anyone who reads may stop at any time: a command then ends without a word."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
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
# Each command is a process of its own, which begins with what they all load: that takes longer than the command.
SCRIPT = """
import json, os, sys, tempfile
import connectors.files.engagement_log, dataflows.embedded, milepost.command_line, milepost.rounds, rich.console
from milepost.__main__ import main

ended = []
for words in json.loads(sys.argv[1]):
    reading, writing = os.pipe()
    os.close(reading)
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(writing, 1)
            os.dup2(said.fileno(), 2)
            os.close(writing)
            sys.argv[1:] = words
            main()
            sys.exit()
        os.close(writing)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        ended.append((code, said.read().decode()))
print(json.dumps(ended))
"""


@cache
def ended() -> dict[tuple[str, ...], tuple[int, str]]:
    """Exit code and standard error of each, with nobody who reads its standard output."""
    words = [(*command, "--output", str(finished_run())) for command in COMMANDS]
    command = [sys.executable, "-c", SCRIPT, json.dumps(words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return {command: (code, said) for command, (code, said) in zip(COMMANDS, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_closed_pipe_ends_a_command_quietly(command: tuple[str, ...]) -> None:
    assert ended()[command] == (exit_codes.READER_GONE, "")
