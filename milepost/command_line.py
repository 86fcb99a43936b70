"""The command `milepost` with what is asked of it: a process waits for what it imports, so only the verb that is called is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from milepost.console import echo
from milepost.errors import TellingGroup
from milepost.mounting import PLAIN, mount
from milepost.verbs import GROUPS, HAS_SIMULATION, VERBS
from state.rules import RULES_VERSION

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter

FIRST: Final = (
    ("milepost simulate --out build/try/input", "milepost run --input build/try/input --output build/try/output")
    if HAS_SIMULATION
    else ("milepost settings show --origin", "milepost doctor")
)
BEGIN: Final = "\n  ".join(("\b\nTo begin:", *FIRST))
# As in pyproject.toml; it is run from its folder too, where no package of it is installed.
VERSION: Final = "0.1.0"
DEBUG: Final = "--debug"
HELP: Final = "help"
PADDING: Final = 6


def command_line(words: Sequence[str] = ()) -> typer.Typer:
    """With all verbs, unless the words that follow it begin with one: then with that one alone."""
    app = typer.Typer(
        name="milepost", cls=GroupedVerbs, epilog="`milepost help exit-codes` says what each exit code means.", **PLAIN
    )
    app.callback(help=f"Turns contracts and approved time into postings, statements and forecasts.\n\n{BEGIN}")(
        milepost
    )
    verb = next((word for word in words if word != DEBUG), HELP)
    for name in [verb] if verb in VERBS and verb != HELP else VERBS:
        mount(app, name, VERBS[name])
    return app


def milepost(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show where a fault came from.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=tell_version, is_eager=True, help="Show the version and that of the rules."),
    ] = False,
) -> None: ...


def tell_version(asked: bool) -> None:
    if asked:
        echo(f"milepost {VERSION}, rules {RULES_VERSION}")
        raise typer.Exit


class GroupedVerbs(TellingGroup):
    """The list of commands under the titles of their groups; what is a command of another says so."""

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """`milepost close check` is `milepost period check`."""
        if args[0] not in self.commands:
            groups = {
                name: one.commands for name, one in self.commands.items() if isinstance(one, typer.core.TyperGroup)
            }
            near = [
                f"'{name} {word}'" for name, own in groups.items() if args[0] in own for word in args[:2] if word in own
            ]
            if near:
                ctx.fail(f"No such command '{args[0]}'. Did you mean {' or '.join(near)}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - as typer calls it
        known = {name: command for name, command in self.commands.items() if not command.hidden}
        width = max(map(len, known))
        for title, names in GROUPS.items():
            rows = [
                (name.ljust(width), known[name].get_short_help_str(formatter.width - PADDING - width))
                for name in names
                if name in known
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
