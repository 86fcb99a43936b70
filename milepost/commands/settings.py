"""`milepost settings`: which settings hold, and where each comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import aligned, echo, shape, write_json
from milepost.options import Json

if TYPE_CHECKING:
    from milepost.settings import Loaded


def show(
    given: GivenSettings = NONE_GIVEN,
    origin: Annotated[bool, typer.Option("--origin", help="Say of each where it comes from.")] = False,
    json: Json = False,
) -> None:
    """Show the settings that hold: what an option says, else the environment, else the file, else what is built in.

    Secrets are never among them; where one is needed, a setting names a file, and only that is shown.
    """
    from milepost.settings import BUILT_IN, values

    loaded = given.loaded
    if json:
        write_json(shape(1, file=loaded.file and str(loaded.file), settings=_plain(loaded, origin=origin)))
        return
    rows = [
        (name, _text(value), *([loaded.origins.get(name, BUILT_IN)] if origin else []))
        for name, value in values(loaded.settings).items()
    ]
    echo("\n".join(aligned(rows, indent="")))


def schema() -> None:
    """Print the JSON Schema of the settings file, for editors."""
    from milepost.settings import Settings

    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}
    echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


def _plain(loaded: Loaded, *, origin: bool) -> dict[str, Any]:
    from milepost.settings import BUILT_IN, values

    plain = {name: _json_value(value) for name, value in values(loaded.settings).items()}
    if not origin:
        return plain
    return {name: {"value": value, "origin": loaded.origins.get(name, BUILT_IN)} for name, value in plain.items()}


def _json_value(value: object) -> object:
    match value:
        case Path():
            return str(value)
        case dict():
            return {name: _json_value(each) for name, each in value.items()}
    return value


def _text(value: object) -> str:
    return orjson.dumps(_json_value(value)).decode() if value is not None else "-"
