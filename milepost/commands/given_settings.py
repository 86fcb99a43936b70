"""The options by which a command finds its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from milepost.console import say

if TYPE_CHECKING:
    from milepost.settings import Loaded, Settings


def _known_file(path: Path | None) -> Path | None:
    """Raises WrongSettings, also where the command needs no setting."""
    if path is not None:
        from milepost.settings import check_names

        check_names(file=path)
    return path


def _known_options(options: list[str] | None) -> list[str] | None:
    """Raises WrongSettings, also where the command needs no setting."""
    if options:
        from milepost.settings import check_names

        check_names(options=options)
    return options


File = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        callback=_known_file,
        help="The settings file; else MILEPOST_SETTINGS, else milepost.toml where there is one.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        callback=_known_options,
        help="One setting, before all other places: section.name=value.",
        metavar="NAME=VALUE",
    ),
]


class GivenSettings(NamedTuple):
    settings_file: File = None
    set_options: Set = None

    @property
    def loaded(self) -> Loaded:
        """Raises WrongSettings. What makes a connection unsafe is said each time."""
        from milepost.settings import load

        loaded = load(self.settings_file, self.set_options or ())
        if unchecked := loaded.settings.kafka.unchecked:
            say(
                f"UNSAFE: kafka.insecure lets {' and '.join(unchecked)} stand: anybody on the way can pass for the brokers, "
                "read and change what is sent"
            )
        return loaded

    @property
    def settings(self) -> Settings:
        return self.loaded.settings


NONE_GIVEN: Final = GivenSettings()
