"""One process writes a folder; readers that ask about it hinder none."""

from __future__ import annotations

from pathlib import Path
from threading import Timer

import pytest

from connectors.files import output_lock
from connectors.files.output_lock import OutputInUse, is_written, only_writer, resting


def test_a_reader_that_asks_whether_somebody_writes_does_not_stop_a_run(tmp_path: Path) -> None:
    with only_writer(tmp_path):
        assert is_written(tmp_path)
    asking = resting(tmp_path)
    asking.__enter__()
    answered = Timer(0.1, asking.__exit__, (None, None, None))
    answered.start()
    with only_writer(tmp_path):
        answered.join()
        assert is_written(tmp_path)
    assert not is_written(tmp_path)


def test_a_reader_that_stays_is_no_run_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the file is the process that wrote last, and that is gone."""
    monkeypatch.setattr(output_lock, "TRIED_SECONDS", 0.1)
    (tmp_path / output_lock.NAME).write_text(f"{2**40}\n")
    with resting(tmp_path), pytest.raises(OutputInUse, match=r"^another run is using"), only_writer(tmp_path):
        pass
