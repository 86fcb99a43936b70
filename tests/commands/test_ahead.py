"""Beside a run that follows, long contract groups are got ready for questions while nothing comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataflows.stored_steps import AHEAD_FROM
from milepost import ahead
from milepost.ahead import StepsAhead
from tests.commands.test_run import run
from tests.commands.tiny_firm import founding, worked, write


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    write(
        folder / "in", [*founding(), *(worked(f"T-{number}", 2 + number % 20, "0.25") for number in range(AHEAD_FROM))]
    )
    assert run(folder).exit_code == 0
    return folder / "out"


@pytest.fixture(autouse=True)
def never_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "QUIET_SECONDS", 0.0)


def test_steps_are_kept_once_nothing_has_come(output: Path) -> None:
    beside = StepsAhead(output)
    beside.look(2_000)
    beside.look(2_000)
    assert beside.process is not None
    assert beside.process.wait(120) == 0
    assert [path.suffix for path in (output / "index" / "steps").rglob("*.db")] == [".db"]
    beside.look(2_000)
    assert beside.process.poll() == 0, "it is not started again of the same log"


def test_it_ends_when_something_comes(output: Path) -> None:
    beside = StepsAhead(output)
    beside.look(2_000)
    beside.look(2_000)
    process = beside.process
    assert process is not None
    beside.look(2_001)
    assert process.returncode is not None
    assert beside.process is None


def test_it_waits_until_nothing_has_come_for_a_while(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "QUIET_SECONDS", 3600.0)
    beside = StepsAhead(output)
    for _ in range(3):
        beside.look(2_000)
    assert beside.process is None
