"""The command `milepost` with all its verbs."""

from typing import Final

import typer

from milepost.command_line import command_line

app: Final[typer.Typer] = command_line()
