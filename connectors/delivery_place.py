"""How far a delivery has read, by its store, also while it runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path


def read_to(path: Path) -> tuple[str, Mapping[str, str]]:
    """The generation of what it read, and what follows in each partition. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.execute("BEGIN")
        (generation,) = db.execute("SELECT generation FROM meta").fetchone() or ("",)
        return generation, dict(db.execute("SELECT name, following FROM places").fetchall())
