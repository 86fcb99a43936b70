"""The commands on the pages about statements and forecasts run as they are printed, in their order."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from milepost.cli import app
from tests.commands.simulated_firm import SIZES

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("statements.md", "forecast.md")


def commands(page: str) -> Iterator[str]:
    for block in re.findall(r"```\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL):
        yield from block.splitlines()


@pytest.mark.parametrize("page", PAGES)
def test_commands_run_as_printed(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in commands(page):
        words, _, target = command.partition(" > ")
        name, *arguments = shlex.split(words)
        assert name == "milepost"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, f"{command}\n{result.output}"
        assert result.stdout.strip(), command
        if target:
            Path(target).write_text(result.stdout, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_and_the_tests_speak_of_one_firm(page: str) -> None:
    assert f"milepost simulate {' '.join(SIZES)} --out build/try/input" in list(commands(page))
