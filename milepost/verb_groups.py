"""The verbs as `milepost --help` lists them: under the titles of their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from milepost.errors import TellingGroup
from milepost.plain_words import PlainGroup

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter

SHOW: Final = "show"
PADDING: Final = 6


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
        from milepost.command_line import GROUPS

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


class ShowingGroup(PlainGroup):
    """A group of which `show` may be left out: `milepost statement ID` is `milepost statement show ID`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        is_named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_named else [SHOW, *args])
