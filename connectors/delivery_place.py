"""How far a delivery has read, by its store, also while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connectors.delivery_store import reading


def read_to(path: Path) -> tuple[str, Mapping[str, str]]:
    """The generation of what it read, and what follows in each partition. Raises sqlite3.Error."""
    with reading(path) as db:
        (generation,) = db.execute("SELECT generation FROM meta").fetchone() or ("",)
        return generation, dict(db.execute("SELECT name, following FROM places").fetchall())
