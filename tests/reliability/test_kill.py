"""`kill -9` at any moment, with any batch size, and stores deleted or replaced by older copies: the same bytes in the end."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.files.engagement_log import EngagementLog
from dataflows.embedded import close, open_accounting, run_plain, store_path
from dataflows.embedded_intake import EmbeddedIntake, EmbeddedSettings
from milepost.cli import app
from milepost.rounds import genesis
from state.store.store import FILES, Store
from tests.forked import Forked
from tests.reliability.run_in_batches import AHEAD, COMMITTED, standing_after
from tests.thoroughness import THOROUGH

COPIED = tuple(suffix for suffix in FILES if suffix != "-shm")
ROOT = Path(__file__).parents[2]
UNTIL = "2026-04-30"
# With AHEAD commits each they end before the log does, however late the kills are.
KILLS = 15 if THOROUGH else 5
SIZES = (3, 8, 25, 60)
# Records until the next kill, on average: so that intake and fold are cut all along the log.
STRETCH = 1_400 // KILLS
# One after the other, once there is a store.
DISTURBED = ("copied", "older copy", "deleted", "kept")
# A process that has not ended by then hangs; how fast the machine is does not matter.
PATIENCE = 600


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("firm") / "input"
    made = CliRunner().invoke(
        app, ["simulate", "--seed", "11", "--people", "20", "--projects", "14", "--months", "3", "--out", str(folder)]
    )
    assert made.exit_code == 0, made.output
    return folder


@pytest.mark.timeout(1_800)
def test_killed_at_any_moment_the_outputs_are_those_of_a_plain_run(firm: Path, tmp_path: Path) -> None:
    """Killed in intake, in the fold and between the commits, again and again, a run ends with the bytes of one that was left alone."""
    chance = random.Random(7)
    killed, plain = tmp_path / "killed", tmp_path / "plain"
    copy = tmp_path / "copy.db"
    in_fold = 0
    for kill in range(KILLS):
        size = chance.choice(SIZES)
        commits = 1 + chance.randrange(2 * STRETCH) // size
        with start(firm, killed, size, standing_after(commits + AHEAD)) as process:
            kill_after(process, commits, chance.random() * 0.03)
            assert process.returncode == -signal.SIGKILL, f"the run was over before kill {kill + 1}: {errors(process)}"
        assert not is_finished(killed), f"the end of the log was folded before kill {kill + 1}"
        if (killed / "progress" / "0.json").exists():
            disturb_store(killed, DISTURBED[in_fold % len(DISTURBED)], copy)
            in_fold += 1
    assert in_fold < KILLS, "it was never killed in intake"
    assert in_fold >= DISTURBED.index("deleted") + 1, "no store was lost or replaced"
    with start(firm, killed, 150) as last:
        last.communicate(timeout=PATIENCE)
    assert last.returncode == 0
    as_one_plain_run(firm, plain)
    assert written(killed) == written(plain)


def start(firm: Path, output: Path, size: int, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.reliability.run_in_batches", str(firm), str(output), UNTIL, str(size)]
    pipe = subprocess.PIPE
    return Forked(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)


def kill_after(process: subprocess.Popen[bytes], commits: int, then: float) -> None:
    """Kill the process a moment after it told so many commits."""
    assert process.stdout is not None
    for _ in range(commits):
        if process.stdout.read(1) != COMMITTED:
            break
    time.sleep(then)
    process.kill()
    process.wait(PATIENCE)


def is_finished(output: Path) -> bool:
    progress, end = output / "progress" / "0.json", output / "log" / "0.end"
    if not (progress.exists() and end.exists()):
        return False
    return bool(json.loads(progress.read_text())["offset"] == json.loads(end.read_text())["offset"])


def errors(process: subprocess.Popen[bytes]) -> str:
    return process.stderr.read().decode() if process.stderr is not None else ""


def disturb_store(output: Path, how: str, copy: Path) -> None:
    store = store_path(output, 0)
    if how == "deleted":
        Store.delete(store)
    elif how == "copied":
        for suffix in COPIED:
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
            if Path(f"{store}{suffix}").exists():
                shutil.copy(f"{store}{suffix}", f"{copy}{suffix}")
    elif how == "older copy":
        Store.delete(store)
        for suffix in COPIED:
            if Path(f"{copy}{suffix}").exists():
                shutil.copy(f"{copy}{suffix}", f"{store}{suffix}")


def as_one_plain_run(firm: Path, output: Path) -> None:
    """The same input in one round, folded by the plain loop, without an engine."""
    with EmbeddedIntake(firm, output, EmbeddedSettings(genesis())) as intake:
        intake.run_round(date.fromisoformat(UNTIL))
    with closing(EngagementLog.open(output)) as log:
        accounting = open_accounting(output, log.genesis)
        run_plain(accounting, log)
        close(accounting)


def written(output: Path) -> dict[str, bytes]:
    """Log, outputs and progress."""
    return {
        str(path.relative_to(output)): path.read_bytes()
        for name in ("log", "outputs", "progress")
        for path in sorted((output / name).rglob("*"))
        if path.is_file() and path.suffix in (".avro", ".json")
    }
