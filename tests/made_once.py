"""Firms that a run of all tests makes once: the first worker that asks for one makes it, and each has a copy of its own."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

# Where all workers of a run find what is made.
FOLDER = "TESTS_MADE_ONCE"


def made_once(name: str, make: Callable[[Path], None]) -> TemporaryDirectory[str]:
    """What `make` writes to the folder that it is given; nothing in it may depend on where it lies."""
    own = TemporaryDirectory(prefix=f"milepost-{name}-")
    shared = os.environ.get(FOLDER)
    if shared is None:
        make(Path(own.name))
        return own
    made = Path(shared, name)
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(Path(own.name))
            shutil.copytree(own.name, made)
            return own
    shutil.copytree(made, own.name, dirs_exist_ok=True)
    return own
