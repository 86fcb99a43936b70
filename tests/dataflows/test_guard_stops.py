"""What ended a process is written down for the next: guards by name, crashes as `fault`; another process at work is neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.files.output_lock import OutputInUse, only_writer
from connectors.metrics import guard_stops
from connectors.metrics.registry import Metrics
from dataflows.measured import ACCOUNTING, guard_stops_counted
from state.guards import POISON, GuardStop


def counted(folder: Path) -> dict[str, int]:
    return {guard: each.number for guard, each in guard_stops.read(folder, ACCOUNTING).items()}


def test_guards_and_crashes_are_counted(tmp_path: Path) -> None:
    for fault in (GuardStop(POISON, "record 7"), ValueError("unexpected"), GuardStop(POISON, "record 7")):
        with pytest.raises(type(fault)), guard_stops_counted(Metrics("1", "1"), tmp_path, ACCOUNTING):
            raise fault
    assert counted(tmp_path) == {"poison": 2, "fault": 1}


def test_a_folder_that_another_process_still_has_is_no_crash(tmp_path: Path) -> None:
    """As after SIGKILL of a supervisor, whose process finishes its batch meanwhile."""
    shard = tmp_path / "shards"
    with (
        only_writer(shard),
        pytest.raises(OutputInUse),
        guard_stops_counted(Metrics("1", "1"), tmp_path, ACCOUNTING),
        only_writer(shard),
    ):
        pass
    assert counted(tmp_path) == {}
