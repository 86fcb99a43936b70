"""`kill -9` at any moment, with stores that vanish or are old: in the end the same bytes as a run that nobody disturbed."""

import random
import shutil
import signal
import subprocess
from pathlib import Path

from tests.reliability import recorded

KILLS = 12


def test_killed_again_and_again_the_outputs_are_the_same(tmp_path: Path) -> None:
    undisturbed, killed, copy = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "copy"
    recorded.run(undisturbed)
    chance = random.Random(7)
    finished = 0
    for round_ in range(KILLS):
        process = subprocess.Popen(
            recorded.command(killed), cwd=recorded.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=chance.uniform(0.2, 2.5))
            finished += 1
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        store = killed / "store"
        if store.exists() and round_ % 4 == 1:
            shutil.rmtree(store)
        elif store.exists() and round_ % 4 == 2:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(store, copy)
        elif copy.exists() and round_ % 4 == 3:
            shutil.rmtree(store, ignore_errors=True)
            shutil.copytree(copy, store)
    assert finished < KILLS, "at least one run was killed before its end"
    recorded.run(killed)
    assert recorded.digest(killed) == recorded.digest(undisturbed)
