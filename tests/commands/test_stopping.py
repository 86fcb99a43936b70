"""What SIGTERM does to a process while it starts, and afterwards."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from milepost.commands.verify import of_topics
from milepost.operate import serving
from milepost.operate.following import Auditors
from milepost.operate.stopping import stopping
from milepost.settings import Settings

# What nobody ends: a log of many hours.
LONG_SECONDS = 60.0


def told() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_start_ends_where_it_is_and_clears_up() -> None:
    cleared_up: list[str] = []
    began = time.monotonic()
    with stopping() as stop:
        stop.starts()
        try:
            told()
            time.sleep(LONG_SECONDS)
        finally:
            cleared_up.append("its folder")
    assert time.monotonic() - began < LONG_SECONDS / 2
    assert (stop.requested, stop.name, cleared_up) == (True, "SIGTERM", ["its folder"])


def test_who_is_told_before_it_starts_does_not() -> None:
    with stopping() as stop:
        told()
        stop.starts()
        pytest.fail("it started")


def test_what_was_begun_is_finished() -> None:
    done: list[str] = []
    with stopping() as stop:
        stop.starts()
        stop.started()
        told()
        done.append("the batch in flight")
    assert (stop.requested, done) == (True, ["the batch in flight"])


def test_intake_that_makes_its_file_again_ends_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a directory topic that holds years."""

    @contextmanager
    def opened(*_: Any) -> Iterator[None]:
        told()
        time.sleep(LONG_SECONDS)
        yield

    monkeypatch.setattr(serving, "measured_intake", opened)
    began = time.monotonic()
    serving.take_in(Settings())
    assert time.monotonic() - began < LONG_SECONDS / 2
    assert "SIGTERM: ends in order" in capsys.readouterr().err


def test_an_audit_of_the_topics_that_is_ended_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a scheduler ends it; a day's log may be in it."""
    seen: list[Path] = []

    def catch_up(*_: Any) -> None:
        seen.extend(tmp_path.iterdir())
        told()
        time.sleep(LONG_SECONDS)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Auditors, "catch_up", catch_up)
    with pytest.raises(SystemExit) as ended:
        of_topics(Settings(), None, None, follow=False)
    assert (ended.value.code, len(seen), list(tmp_path.iterdir())) == (128 + signal.SIGTERM, 1, [])
