from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests import in_memory


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(in_memory, "MEMORY", tmp_path)
    monkeypatch.setattr(in_memory, "ROOM_MIN", 0)
    monkeypatch.setattr(in_memory, "AVAILABLE_MIN", 0)


def test_a_run_has_a_folder_and_takes_away_those_of_runs_that_have_ended(tmp_path: Path) -> None:
    runs, ended = tmp_path / f"milepost-tests-{os.getppid()}", tmp_path / "milepost-tests-0"
    for each in (runs, ended):
        each.mkdir()
    folder = in_memory.begin()
    assert {*tmp_path.iterdir()} == {runs, folder}
    assert tempfile.gettempdir() == str(folder)


@pytest.mark.parametrize("limit", ["ROOM_MIN", "AVAILABLE_MIN"])
def test_without_room_files_are_where_the_system_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(in_memory, limit, 1 << 60)
    assert in_memory.begin() is None
    assert tempfile.gettempdir() == str(tmp_path)
