"""The same arguments give the same bytes, whatever the process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.events.catalogue import Event
from domain.events.delivery import TimeApproved
from simulation.plan import FORMATS, SimulationPlan, plan
from simulation.write import write

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from datetime import date
from collections.abc import Sequence
from pathlib import Path
from simulation.plan import plan
from simulation.write import write

write(plan(seed=5, people=20, projects=12, months=2, start=date(2025, 11, 1)), Path(sys.argv[1]), sys.argv[2])
"""


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("form", FORMATS)
def test_two_processes_with_different_hash_seeds_write_the_same_bytes(tmp_path: Path, form: str) -> None:
    for hash_seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path / hash_seed), form],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), "TZ": f"Etc/GMT+{hash_seed}"},
            check=True,
        )
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_another_seed_writes_another_firm(tmp_path: Path, quarter_plan: SimulationPlan) -> None:
    small = plan(seed=5, people=20, projects=12, months=1, start=quarter_plan.start)
    other = plan(seed=6, people=20, projects=12, months=1, start=quarter_plan.start)
    write(small, tmp_path / "5", "jsonl")
    write(other, tmp_path / "6", "jsonl")
    assert digests(tmp_path / "5")["psa.time.jsonl"] != digests(tmp_path / "6")["psa.time.jsonl"]


def test_the_usual_quarter_is_pinned(quarter: Sequence[Event]) -> None:
    """A change here changes every figure made with the quarter, so change it knowingly; schemas may gain fields."""
    digest = hashlib.sha256()
    for event in quarter:
        digest.update(f"{event.event_id} {event.occurred_at} {event.recorded_at}".encode())
        if isinstance(event, TimeApproved):
            digest.update(f" {event.project_id} {event.person_id} {event.task} {event.hours}".encode())
    assert digest.hexdigest()[:16] == "99edad928f38fdd1"
