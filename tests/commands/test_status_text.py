"""What `milepost status` prints holds nothing that acts on a terminal."""

from __future__ import annotations

import pytest

from milepost.operate import status_shown
from milepost.operate.status_shown import Look
from milepost.settings import Settings


def test_what_brokers_and_files_say_is_printable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reason from a broker that clears the screen, and in brackets a word that rich would take for a style."""
    fault = "[bold]no \x1b[2J answer \u202e"
    monkeypatch.setattr(status_shown, "_look", lambda _: Look(0.0, [], [], fault))
    status_shown.tell_once(Settings(), 0.0, json=False)
    said = capsys.readouterr().out
    assert "no answer from brokers: [bold]no \\u001b[2J answer \\u202e" in said
