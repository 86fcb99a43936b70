"""What a run of all tests makes once: the first worker that asks for it makes it, and each has a copy of its own or reads the one there."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def read_together(name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """What `make` writes to the folder that it is given, where it was made; nobody may change it."""
    with TemporaryDirectory(prefix=f"milepost-{name}-") as own:
        made = Path(os.environ.get(FOLDER, own), name)
        with made.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            whole = made.with_suffix(".whole")
            if not whole.exists():
                if made.exists():
                    clear(made)
                made.mkdir()
                make(made)
                whole.touch()
        try:
            yield made
        finally:
            if FOLDER not in os.environ:
                clear(made)


def clear(folder: Path) -> None:
    """Also what may not be written."""
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o700)
    shutil.rmtree(folder)
