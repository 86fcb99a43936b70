"""The files of one import: setup, entries and what was not imported, in this order, each whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.imports.events_file import rejected_path, write_lines, write_rejected
from connectors.imports.products.setup import Json


class ImportFiles:
    """The names of one import: `march`, and `march-2` for the next export of this name."""

    def __init__(self, folder: Path, source: str, name: str, replace: bool) -> None:
        self._folder = folder
        self._source = source
        self._replace = replace
        plain_name = name.removeprefix(f"{source}-")
        self.name, number = plain_name, 1
        while not replace and any(path.exists() for path in self._paths()):
            number += 1
            self.name = f"{plain_name}-{number}"

    def written_over(self) -> tuple[Path, ...]:
        return self._paths() if self._replace else ()

    def write(
        self, setup: Sequence[Json], entries: Sequence[Json], listed: Sequence[Json], *, is_dry_run: bool
    ) -> tuple[Path | None, Path | None, Path | None]:
        """The files that have something in them; a dry run only names them."""
        setup_path, events_path = self._paths()
        if is_dry_run:
            listed_path = rejected_path(self._folder, f"{self._source}-{self.name}")
            return setup_path if setup else None, events_path if entries else None, listed_path if listed else None
        in_order = sorted(entries, key=lambda event: (event["occurred_at"], event["entry_id"], event["version"]))
        return (
            self._write(setup_path, setup),
            self._write(events_path, in_order),
            write_rejected(self._folder, f"{self._source}-{self.name}", listed),
        )

    def _write(self, path: Path, events: Sequence[Json]) -> Path | None:
        if not events:
            if self._replace:
                path.unlink(missing_ok=True)
            return None
        write_lines(path, events, self._replace)
        return path

    def _paths(self) -> tuple[Path, Path]:
        stem = f"{self._source}-{self.name}"
        return self._folder / f"{stem}.setup.jsonl", self._folder / f"{stem}.jsonl"
