"""The folders of a firm, said once: by MILEPOST_OUTPUT and MILEPOST_INPUT, or in `[folder]` of milepost.toml.

An option goes before the variable, that before the file. Every verb takes them the same way, and has the same short
options: `said_once` sees to both around it.
"""

from __future__ import annotations

import os
from copy import copy
from enum import StrEnum
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, get_args

import typer
from typer.models import OptionInfo

from milepost.options import Verb, parameters_of, with_parameters

if TYPE_CHECKING:
    from milepost.settings import FolderSettings


class FolderName(StrEnum):
    """Beside an option's annotation: which folder it means, where its name does not say so."""

    INPUT = "input"
    OUTPUT = "output"


VARIABLES: Final = {FolderName.INPUT: "MILEPOST_INPUT", FolderName.OUTPUT: "MILEPOST_OUTPUT"}
WHAT: Final = {FolderName.INPUT: "the folder with the events", FolderName.OUTPUT: "the output folder of a run"}
OPTIONS: Final = {"--input": FolderName.INPUT, "--output": FolderName.OUTPUT}
SHORT: Final = {"--output": "-o", "--input": "-i", "--json": "-j", "--yes": "-y", "--dry-run": "-n", "--plan": "-n"}
# Arguments that name another place to read instead of an output folder.
INSTEAD: Final = ("kafka", "origin", "shard")


def said_once(verb: Verb, *, has_folders: bool = True) -> Verb:
    """The verb with short options, and with the firm's folders where its options name none."""
    missing: dict[str, tuple[FolderName, str]] = {}
    # What may be left out: an input folder is then found by the output, see `deciding.beside`.
    maybe: list[str] = []
    parameters = []
    for parameter in parameters_of(verb):
        option, folder = _option(parameter)
        if option is None:
            parameters.append(parameter)
            continue
        kind, default = get_args(parameter.annotation)[0], parameter.default
        if has_folders and folder is not None and default is Parameter.empty:
            missing[parameter.name] = (folder, _long(option))
            kind, default = Path | None, None
        elif has_folders and folder is FolderName.OUTPUT and parameter.name == "output":
            maybe.append(parameter.name)
        parameters.append(parameter.replace(annotation=Annotated[kind, _shortened(option)], default=default))

    @wraps(verb)
    def seen(**arguments: object) -> None:
        for name, (folder, option) in missing.items():
            if arguments[name] is None:
                arguments[name] = _named(folder, option)
        if all(arguments.get(name) in (None, False) for name in INSTEAD):
            for name in maybe:
                arguments[name] = arguments[name] or firms_folder(FolderName.OUTPUT)
        verb(**arguments)

    return with_parameters(seen, parameters)


def firms_folder(name: FolderName) -> Path | None:
    """As the environment or the settings file say; None where neither does. Raises WrongSettings."""
    said = os.environ.get(VARIABLES[name])
    if said:
        return Path(said)
    folders = firms_settings()
    return folders.output if name is FolderName.OUTPUT else folders.input


def firms_settings() -> FolderSettings:
    """`[folder]` of the settings; empty where neither file nor environment says any. Raises WrongSettings."""
    from milepost.settings import FILE_NAME, FILE_VARIABLE, PREFIX, FolderSettings, load

    begins = f"{PREFIX}FOLDER__"
    is_said = FILE_VARIABLE in os.environ or any(each.startswith(begins) for each in os.environ)
    return load().settings.folder if is_said or Path(FILE_NAME).is_file() else FolderSettings()


def _named(folder: FolderName, option: str) -> Path:
    found = firms_folder(folder)
    if found is None:
        raise typer.BadParameter(
            f"expected {WHAT[folder]}. Name it here, or once for all commands: {VARIABLES[folder]}=FOLDER in the environment, "
            f'or {folder} = "FOLDER" under [folder] in milepost.toml',
            param_hint=option,
        )
    return found


def _option(parameter: Parameter) -> tuple[OptionInfo | None, FolderName | None]:
    """The option that is annotated, and the folder that it names."""
    beside = get_args(parameter.annotation)[1:]
    option = next((each for each in beside if isinstance(each, OptionInfo)), None)
    if option is None:
        return None, None
    marked = next((each for each in beside if isinstance(each, FolderName)), None)
    return option, marked or OPTIONS.get(_long(option))


def _long(option: OptionInfo) -> str:
    """As it was written: in an annotation the first name stands where a default would."""
    names = (option.default, *(option.param_decls or ()))
    return next((each for each in names if isinstance(each, str) and each.startswith("--")), "")


def _shortened(option: OptionInfo) -> OptionInfo:
    short = SHORT.get(_long(option))
    if short is None:
        return option
    made = copy(option)
    made.param_decls = (*(option.param_decls or ()), short)
    return made
