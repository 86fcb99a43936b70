"""Beside a run that follows, long contract groups are got ready for questions while nothing comes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataflows import stored_steps
from dataflows.stored_steps import AHEAD_FROM
from milepost import ahead
from milepost.ahead import StepsAhead
from milepost.cli import app
from milepost.operate.stopping import Stop
from milepost.operate.supervisor import PARENT, again
from milepost.rounds import run_rounds
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
    """Nor does it stand back for the tests beside it."""
    monkeypatch.setattr(ahead, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(os, "setpriority", lambda *_: None)


def test_a_run_keeps_them_at_its_end(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a first question would take longer than two seconds."""
    folder, steps = output.parent, output / "index" / "steps"
    shutil.rmtree(steps, ignore_errors=True)
    assert "long contract groups" not in run(folder).stderr
    monkeypatch.setattr(stored_steps, "KEPT_FROM", AHEAD_FROM)
    left_out = run(folder, "--no-steps")
    assert (left_out.exit_code, steps.exists(), "long contract groups" in left_out.stderr) == (0, False, False)
    ended = run(folder)
    assert ended.exit_code == 0
    assert "Getting long contract groups ready" in ended.stderr
    assert list(steps.glob("*.db"))


def test_a_run_that_is_stopped_while_it_keeps_them_is_complete(output: Path) -> None:
    steps = output / "index" / "steps"
    shutil.rmtree(steps, ignore_errors=True)
    stop = Stop()
    stop.requested = True
    with closing(StepsAhead(output)) as beside:
        beside.keep(stop)
    assert beside.process is not None
    assert beside.process.returncode is not None
    assert list(steps.glob("*")) == []


def test_at_a_terminal_ctrl_c_stops_the_keeping_without_harm(output: Path) -> None:
    """It reaches both processes at once."""
    steps = output / "index" / "steps"
    with _keeping(output) as running:
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert "Traceback" not in said
    assert list(steps.glob("unfinished-*")) == []
    assert run(output.parent, "--no-steps").exit_code == 0


def test_after_a_run_that_was_killed_the_other_process_ends_with_the_group_that_it_is_at(output: Path) -> None:
    """The outputs are complete, and nothing is left half kept."""
    steps = output / "index" / "steps"
    with _keeping(output) as running:
        running.kill()
        running.wait()
        until = time.monotonic() + 60
        while time.monotonic() < until and _is_of_group(running.pid):
            time.sleep(0.01)
        assert not _is_of_group(running.pid), "it goes on alone"
    assert (len(list(steps.glob("*.db"))), list(steps.glob("unfinished-*"))) == (1, [])
    assert "goes on from here" not in run(output.parent, "--no-steps").stderr


@contextmanager
def _keeping(output: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of its own group of processes, as a terminal has it, once something of the steps is written."""
    steps = output / "index" / "steps"
    shutil.rmtree(steps, ignore_errors=True)
    of_two_thousand = (
        "from dataflows import stored_steps; stored_steps.KEPT_FROM = stored_steps.AHEAD_FROM;"
        "from milepost.__main__ import main; main()"
    )
    folders = ("--input", str(output.parent / "in"), "--output", str(output))
    command = [sys.executable, "-c", of_two_thousand, "run", *folders]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:
        until = time.monotonic() + 60
        while time.monotonic() < until and not list(steps.glob("unfinished-*/*.db")):
            time.sleep(0.01)
        try:
            yield running
        finally:
            running.kill()


def _is_of_group(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_steps_are_kept_once_nothing_has_come(output: Path) -> None:
    beside = StepsAhead(output)
    beside.look(2_000)
    beside.look(2_000)
    assert beside.process is not None
    assert beside.process.wait() == 0
    assert [path.suffix for path in (output / "index" / "steps").rglob("*.db")] == [".db"]
    process = beside.process
    beside.look(2_000)
    beside.look(2_000)
    assert beside.process in (None, process), "it is not started again of the same log"


def test_what_the_disk_has_left_is_for_the_books(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(output / "index" / "steps", ignore_errors=True)
    monkeypatch.setattr(stored_steps, "SPARED", shutil.disk_usage(output).total)
    asked = CliRunner().invoke(app, ["explain", "--ahead", "--output", str(output)])
    assert asked.exit_code == 1
    assert "Not ready: BRIDGE: less than 2 GiB of the disk are free, which are left to the books" in asked.stderr
    assert not list((output / "index").rglob("steps/**/*.db"))
    monkeypatch.undo()
    assert CliRunner().invoke(app, ["explain", "--ahead", "--output", str(output)]).exit_code == 0
    assert list((output / "index").rglob("steps/**/*.db"))


def test_it_ends_when_something_comes(output: Path) -> None:
    beside = StepsAhead(output)
    beside.look(2_000)
    beside.look(2_000)
    process = beside.process
    assert process is not None
    beside.look(2_001)
    assert process.wait() in (0, 143, -signal.SIGTERM), "ready before it was asked, asked, or asked before it began"


def test_it_waits_until_nothing_has_come_for_a_while(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "QUIET_SECONDS", 3600.0)
    beside = StepsAhead(output)
    for _ in range(3):
        beside.look(2_000)
    assert beside.process is None


def test_a_run_that_follows_has_it_beside_itself_and_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle it leaves nothing half written."""
    write(tmp_path / "in", [*founding(), worked("T-1", 2)])
    begun: list[subprocess.Popen[bytes]] = []
    start = StepsAhead._start
    stop = Stop()

    def started(self: StepsAhead) -> None:
        start(self)
        assert self.process is not None
        begun.append(self.process)
        stop.requested = True

    monkeypatch.setattr(StepsAhead, "_start", started)
    run_rounds(tmp_path / "in", tmp_path / "out", None, stop, follow=True)
    assert [process.returncode is not None for process in begun] == [True]


def test_it_ends_with_a_run_that_was_killed(output: Path) -> None:
    """The parent that it was started by is not the one that it has."""
    shutil.rmtree(output / "index" / "steps", ignore_errors=True)
    command = again("explain", "--ahead", "--output", str(output))
    ended = subprocess.run(command, env={**os.environ, PARENT: "1"}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "Long contract groups that are ready: 0\n")


def test_sigterm_leaves_nothing_half_written(output: Path) -> None:
    steps = output / "index" / "steps"
    shutil.rmtree(steps, ignore_errors=True)
    beside = StepsAhead(output)
    beside.look(2_000)
    beside.look(2_000)
    until = time.monotonic() + 60
    while time.monotonic() < until and not list(steps.glob("unfinished-*/*.db")):
        time.sleep(0.01)
    beside.close()
    assert list(steps.glob("unfinished-*")) == []


def test_outputs_that_differ_are_not_kept_to_itself(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = StepsAhead(output)
    beside.look(2_000)
    beside.look(2_000)
    beside.close()
    beside.process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    beside.process.wait()
    beside.look(2_000)
    assert "Outputs differ from what the log makes" in capsys.readouterr().err
    assert beside.process is None
