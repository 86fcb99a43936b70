"""Verbs become commands: each with an example of it, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill
from typing import Any, Final

import typer

from milepost.console import HELP_WIDTH, fitted
from milepost.folders import said_once
from milepost.plain_words import PlainCommand, PlainGroup

PLAIN: Final[dict[str, Any]] = {
    "no_args_is_help": True,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 110},
}


def group_of(on: typer.Typer, name: str, purpose: str, of: type[PlainGroup] = PlainGroup) -> typer.Typer:
    """A verb that has verbs of its own."""
    group = typer.Typer(name=name, help=purpose, cls=of, **PLAIN)
    on.add_typer(group)
    return group


def mount(
    on: typer.Typer,
    name: str,
    verb: Callable[..., None],
    short: str,
    example: str,
    then: str,
    *,
    has_folders: bool = True,
    of: type[PlainCommand] = PlainCommand,
) -> None:
    """Its docstring is its purpose; `short` stands in the list of commands, under the group of `verb_groups`.

    Without `has_folders` its options alone name folders, never the settings.
    """
    purpose = (verb.__doc__ or "").strip()
    shown = f"{purpose}\n\n\b\nExample:\n{fitted(f'  {example}', HELP_WIDTH)}\n\n\b\nNext:\n{_next(then)}"
    on.command(name, cls=of, help=shown, short_help=short)(said_once(verb, has_folders=has_folders))


def _next(then: str) -> str:
    """A command for a shell, or several things in words."""
    if ", " in then or "; " in then or " on " in then:
        return fill(then, HELP_WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return fitted(f"  {then}", HELP_WIDTH)
