"""What a C compiler makes is used where one is, and nothing needs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from connectors.compiled import INTERPRETED, native

WHICH = "import sys; from connectors.avro_codec import EVENT_CODECS; print(type(EVENT_CODECS['TimeApproved'].decode).__name__)"


def decoder(**environment: str) -> str:
    left = {name: value for name, value in os.environ.items() if name != INTERPRETED}
    asked = [sys.executable, "-c", WHICH]
    return subprocess.run(asked, env={**left, **environment}, capture_output=True, text=True, check=True).stdout.strip()


def test_the_environment_has_what_is_compiled() -> None:
    if shutil.which("cc") is None or not Path(sysconfig.get_path("include"), "Python.h").exists():
        pytest.skip("no cc here, or no headers of this Python")
    assert native is not None, "make it with: make setup"
    assert decoder() == "Reader"


def test_it_can_be_left_out() -> None:
    assert decoder(**{INTERPRETED: "1"}) == "function"
