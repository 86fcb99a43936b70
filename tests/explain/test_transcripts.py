"""Transcripts in the documents are what the commands say; `python -m tests.explain.test_transcripts` writes them again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.finished_run import finished_run

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("explain.md", "as-of.md")
BLOCK = re.compile(r"```console\n\$ (?P<command>milepost [^\n]*)\n(?P<said>.*?)```", re.DOTALL)


def said(command: str) -> str:
    words = [str(finished_run()) if word == "books/output" else word for word in shlex.split(command)[1:]]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return "".join(f"{line.rstrip()}\n" for line in result.stdout.splitlines())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_the_commands_say(page: str) -> None:
    blocks = list(BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")))
    assert len(blocks) >= 3
    for block in blocks:
        assert block["said"] == said(block["command"]), block["command"]


def write() -> None:
    for page in PAGES:
        path = DOCS / page
        text = path.read_text(encoding="utf-8")
        path.write_text(
            BLOCK.sub(lambda block: f"```console\n$ {block['command']}\n{said(block['command'])}```", text),
            encoding="utf-8",
        )


if __name__ == "__main__":
    write()
