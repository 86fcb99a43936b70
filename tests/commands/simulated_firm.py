"""A small simulated firm and its books, as the documents' pages on statements and forecasts make it; do not write to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from typer.testing import CliRunner

from milepost.cli import app
from tests.made_once import made_once

SIZES = ("--seed", "7", "--people", "12", "--projects", "6", "--months", "3", "--deals", "time")


def simulated_run() -> Path:
    """The output folder."""
    return Path(_made().name) / "output"


@cache
def _made() -> TemporaryDirectory[str]:
    return made_once("simulated", _make)


def _make(folder: Path) -> None:
    source, output = f"{folder}/input", f"{folder}/output"
    for arguments in (["simulate", *SIZES, "--out", source], ["run", "--input", source, "--output", output]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
