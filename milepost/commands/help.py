"""`milepost help`."""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Final

import typer

from milepost import exit_codes
from milepost.console import echo, say

if TYPE_CHECKING:
    from typer._click.core import Command, Context

EXIT_CODES: Final = "exit-codes"


def help_(
    ctx: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="COMMAND", help=f"A command, or {EXIT_CODES}.")] = None,
) -> None:
    """Show what a command does, or what the exit codes say."""
    if words == [EXIT_CODES]:
        echo(f"Exit codes:\n{exit_codes.table()}")
        say("\ndocs/operations.md says what to do about each")
        return
    at: Context = ctx.find_root()
    command: Command = at.command
    for word in words or ():
        verbs = dict(command.commands) if isinstance(command, typer.core.TyperGroup) else {}
        if word not in verbs:
            raise typer.BadParameter(
                _unknown(word, [*verbs, *([] if at.parent else [EXIT_CODES])]), param_hint="COMMAND"
            )
        command = verbs[word]
        at = typer.Context(command, parent=at, info_name=word)
    echo(command.get_help(at))


def _unknown(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=3)
    if not known:
        return f"expected no further word, got {word}"
    return f"expected a command, got {word}; {'the nearest are' if near else 'there are'} {', '.join(near or known)}"
