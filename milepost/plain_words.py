"""What is typed becomes a value without Pydantic, where that is plain: to load it would be a third of a command's start.

What is not plain, and what is wrong, Typer looks at itself; what is wrong is said as everywhere: what was expected, and what came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args, get_origin

from typer import BadParameter
from typer._click.exceptions import BadOptionUsage
from typer._coercion import RuntimeParam, build_runtime_param, resolve_type_descriptor
from typer._param_types import coerce_cli_path, lenient_issubclass
from typer.core import TyperCommand, TyperGroup, _TyperParameter

from connectors.files.no_outputs import NoOutputs

if TYPE_CHECKING:
    from typer._click.core import Command, Context, Parameter

# What Typer says of a value that it cannot take.
NOT_ONE_OF: Final = re.compile(r"Value error, .* is not one of (?P<names>.+)\.", re.DOTALL)
SHOULD_BE: Final = re.compile(r"Input should be (?P<what>[^,]+).*", re.DOTALL)
NAMED: Final = {"a valid integer": "a whole number", "a valid number": "a number"}
SHOW: Final = "show"
# Amounts below zero, as people type them.
BELOW_ZERO: Final = re.compile(r"-[0-9][0-9.,]*")


class _Plain:
    def get_params(self, ctx: Context) -> list[Parameter]:
        """Those of each verb, and what shows its help."""
        found: list[Parameter] = super().get_params(ctx)  # type: ignore[misc]
        for param in found:
            if isinstance(param, _TyperParameter) and param._runtime_param is None:
                kind = param.type_descriptor
                param._runtime_param = _Words(kind.parameter_info, kind.annotation)
        return found


class PlainCommand(_Plain, TyperCommand):
    """A verb. A folder that no run has written was named by its `--output`; an option without its value says what it takes."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except BadOptionUsage as fault:
            takes = next((getattr(each, "help", "") for each in self.params if fault.option_name in each.opts), "")
            raise BadOptionUsage(fault.option_name, f"{fault.message} {takes or ''}".rstrip(), ctx) from fault

    def invoke(self, ctx: Context) -> object:
        try:
            return super().invoke(ctx)
        except NoOutputs as fault:
            raise BadParameter(str(fault), ctx, param_hint="--output") from fault


class PlainGroup(_Plain, TyperGroup):
    """A verb that has verbs of its own."""


class ImportGroup(PlainGroup):
    """What has no import of its own is a CSV export with a mapping."""

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        if args[0] not in self.commands:
            ctx.fail(
                f"No such import '{args[0]}'; there are {', '.join(self.commands)}. Any other CSV export: "
                "milepost import csv FILE --map MAPPING --out FOLDER"
            )
        return super().resolve_command(ctx, args)


class ShowingGroup(PlainGroup):
    """A group of which `show` may be left out: `milepost statement ID` is `milepost statement show ID`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        is_named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_named else [SHOW, *args])


class SignedAmounts(PlainCommand):
    """An amount below zero is no option: `-300.00` needs no `--` before it."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        ctx.ignore_unknown_options = any(BELOW_ZERO.fullmatch(one) for one in args)
        return super().parse_args(ctx, args)


class _Words(RuntimeParam):
    """How words become what their parameter is annotated with."""

    @cached_property
    def _typers(self) -> RuntimeParam:
        return build_runtime_param(resolve_type_descriptor(self.annotation, self.parameter_info))

    def _coerce_value(self, value: object, param: _TyperParameter, ctx: Context) -> object:
        kind = self.annotation
        if Path in (kind, *get_args(kind)) and any(not str(one).strip() for one in _each(value)):
            # The path of no words is the folder here, where nobody meant to read or write.
            raise BadParameter("expected a path, got (nothing)", ctx, param)
        if self.parameter_info.parser is None:
            if type(value) is kind:
                return value
            if kind is Path and isinstance(value, str):
                return self._path(value, param, ctx)
            if lenient_issubclass(get_origin(kind), list) and isinstance(value, list | tuple):
                (each,) = get_args(kind)
                if all(type(one) is each for one in value):
                    return list(value)
                if each is Path:
                    return [self._path(one, param, ctx) for one in value]
        try:
            return self._typers._coerce_value(value, param, ctx)
        except BadParameter as fault:
            fault.message = _in_our_words(fault.message, value)
            raise

    def _path(self, value: str | Path, param: _TyperParameter, ctx: Context) -> object:
        return coerce_cli_path(Path(value), self.parameter_info, path_type=Path, param=param, ctx=ctx)


def _each(value: object) -> Iterable[object]:
    return value if isinstance(value, list | tuple) else () if value is None else (value,)


def _in_our_words(message: str, value: object) -> str:
    came = ", ".join(map(str, _each(value))).strip() or "(nothing)"
    if found := NOT_ONE_OF.fullmatch(message):
        names = found["names"].replace("'", "")
        return f"expected one of {names}; got {came}"
    if found := SHOULD_BE.fullmatch(message):
        what = found["what"]
        number = "a number " if what.startswith(("greater", "less")) else ""
        return f"expected {number}{NAMED.get(what, what)}, got {came}"
    return message
