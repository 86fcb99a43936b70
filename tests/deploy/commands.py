"""Whether words are a command of Milepost."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from milepost.cli import app


def assert_is_a_command(words: Sequence[str]) -> None:
    """With options that it has. Fails with what is wrong."""
    command, at = typer.main.get_command(app), 0
    while hasattr(command, "commands"):
        assert words[at] in command.commands, f"{words[at]} of {' '.join(words)} is no verb"
        command = command.commands[words[at]]
        at += 1
    with command.make_context(words[at - 1], list(words[at:])) as context:
        assert not context.args
