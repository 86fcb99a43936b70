"""A database of SQLite that is read and never written, also while another process writes it."""

import sqlite3
from pathlib import Path


def read_only(path: Path, *, is_final: bool = False) -> sqlite3.Connection:
    """One that `is_final` nobody writes any more: nothing is locked, and any thread may read it. Raises sqlite3.Error."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    return sqlite3.connect(uri + "&immutable=1" if is_final else uri, uri=True, check_same_thread=not is_final)
