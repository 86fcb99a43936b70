"""Verbs become commands: each with an example of it, and what comes next."""

from collections.abc import Mapping
from importlib import import_module
from inspect import cleandoc
from textwrap import fill
from typing import Any, Final, NamedTuple

import typer

from milepost.console import HELP_WIDTH, fitted
from milepost.folders import said_once
from milepost.options import expanded
from milepost.plain_words import PlainCommand, PlainGroup

PLAIN: Final[dict[str, Any]] = {
    "no_args_is_help": True,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 110},
}


class Verb(NamedTuple):
    """`function` of `milepost.commands` is loaded when it is mounted. Its docstring is its purpose; `short` stands in the list of
    commands, under the group of its module.

    Without `has_folders` its options alone name folders, never the settings.
    """

    function: str
    short: str
    example: str
    then: str
    has_folders: bool = True
    of: type[PlainCommand] = PlainCommand


class VerbGroup(NamedTuple):
    """A verb that has verbs of its own."""

    purpose: str
    verbs: Mapping[str, Verb]
    of: type[PlainGroup] = PlainGroup


Verbs = Mapping[str, Verb | VerbGroup]


def mount(on: typer.Typer, name: str, verb: Verb | VerbGroup) -> None:
    if isinstance(verb, VerbGroup):
        group = typer.Typer(name=name, help=verb.purpose, cls=verb.of, **PLAIN)
        on.add_typer(group)
        for own, each in verb.verbs.items():
            mount(group, own, each)
        return
    module, function = verb.function.split(".")
    run = getattr(import_module(f"milepost.commands.{module}"), function)
    purpose = cleandoc(run.__doc__ or "")
    shown = f"{purpose}\n\n\b\nExample:\n{fitted(f'  {verb.example}', HELP_WIDTH)}\n\n\b\nNext:\n{_next(verb.then)}"
    on.command(name, cls=verb.of, help=shown, short_help=verb.short)(
        said_once(expanded(run), has_folders=verb.has_folders)
    )


def _next(then: str) -> str:
    """A command for a shell, or several things in words."""
    if ", " in then or "; " in then or " on " in then:
        return fill(then, HELP_WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return fitted(f"  {then}", HELP_WIDTH)
