"""The files of one import: setup, entries and what was not imported, in this order, each whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.imports.events_file import write_files, write_rejected
from connectors.imports.products.choices import Choices
from connectors.imports.products.setup import Json


class ImportFiles:
    """The names of one import: `march`, and `march-2` for the next export of this name."""

    def __init__(self, folder: Path, source: str, name: str, choices: Choices) -> None:
        self._folder, self._source, self._choices = folder, source, choices
        plain_name = name.removeprefix(f"{source}-")
        self.name, number = plain_name, 1
        while not choices.replace and any(path.exists() for path in self._paths()):
            number += 1
            self.name = f"{plain_name}-{number}"

    def written_over(self) -> tuple[Path, ...]:
        """Without --bootstrap the setup stays, with what somebody edited in it."""
        setup_path, events_path = self._paths()
        replaced = (setup_path, events_path) if self._choices.bootstrap else (events_path,)
        return replaced if self._choices.replace else ()

    def write(
        self, setup: Sequence[Json], entries: Sequence[Json], listed: Sequence[Json]
    ) -> tuple[Path | None, Path | None, Path | None]:
        """The files that have something in them; a dry run only names them."""
        (setup_path, events_path), is_dry_run = self._paths(), self._choices.dry_run
        in_order = sorted(entries, key=lambda event: (event["occurred_at"], event["entry_id"], event["version"]))
        replaced = [path for path in self.written_over() if path.exists()]
        files = ((setup_path, setup), (events_path, in_order))
        written = [(path, events) for path, events in files if events or path in replaced]
        write_files(written, self._choices.replace, is_dry_run=is_dry_run)
        return (
            setup_path if setup else None,
            events_path if entries else None,
            write_rejected(self._folder, f"{self._source}-{self.name}", listed, is_dry_run=is_dry_run),
        )

    def _paths(self) -> tuple[Path, Path]:
        stem = f"{self._source}-{self.name}"
        return self._folder / f"{stem}.setup.jsonl", self._folder / f"{stem}.jsonl"
