"""What is rested on of other packages that they do not promise: each has its reason, and a new release that lacks it fails here by name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
IMPORTED: Final = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)


class RestedOn(NamedTuple):
    """Names of a module, of methods and functions with their parameters; `since` there is no public way to it."""

    names: dict[str, tuple[str, ...] | None]
    since: str


_TYPES: Final = "Typer gives its own copy of Click's types under no public name; only the type checker reads them"
RESTED: Final = {
    ("milepost/plain_words.py", "typer._coercion"): RestedOn(
        {
            "RuntimeParam._coerce_value": ("self", "value", "param", "ctx"),
            "build_runtime_param": None,
            "resolve_type_descriptor": None,
        },
        "Typer lets nobody say how words become values but here, and its own way loads Pydantic: a third of a command's start",
    ),
    ("milepost/plain_words.py", "typer._param_types"): RestedOn(
        {"coerce_cli_path": None, "lenient_issubclass": None}, "a path is looked at as Typer does, in its words"
    ),
    ("milepost/plain_words.py", "typer.core"): RestedOn({"_TyperParameter": None}, "its coercion stands there"),
    ("milepost/plain_words.py", "typer._click.core"): RestedOn({"Context": None, "Parameter": None}, _TYPES),
    ("milepost/plain_words.py", "typer._click.exceptions"): RestedOn(
        {"BadOptionUsage": None}, "what Typer raises of an option without its value has no public name"
    ),
    ("milepost/command_line.py", "typer._click.core"): RestedOn({"Command": None, "Context": None}, _TYPES),
    ("milepost/command_line.py", "typer._click.formatting"): RestedOn({"HelpFormatter": None}, _TYPES),
    ("milepost/commands/help.py", "typer._click.core"): RestedOn({"Command": None, "Context": None}, _TYPES),
    ("connectors/imports/csv_rows.py", "_csv"): RestedOn({"reader": None}, "a type that csv does not name"),
    ("tests/compiling.py", "_pytest.assertion"): RestedOn(
        {
            "rewrite._rewrite_test": ("fn", "config"),
            "rewrite._write_pyc": ("state", "co", "source_hash", "pyc"),
            "rewrite.assertstate_key": None,
            "rewrite.get_cache_dir": None,
            "rewrite.try_makedirs": None,
            "rewrite.PYC_TAIL": None,
        },
        "pytest compiles a test only as it imports it, which each worker would do again",
    ),
    ("tests/compiling.py", "hypothesis.internal.constants_ast"): RestedOn(
        {"constants_from_module": None},
        "Hypothesis reads the constants of our code in each worker, and keeps them only then",
    ),
}


@pytest.mark.parametrize("place", RESTED, ids=":".join)
def test_what_is_rested_on_is_there(place: tuple[str, str]) -> None:
    (file, module), rested = place, RESTED[place]
    for name, parameters in rested.names.items():
        found: object = import_module(module)
        for part in name.split("."):
            found = getattr(found, part, None)
            assert found is not None, f"{module} has no {name} any more, which {file} rests on: {rested.since}"
        if parameters is not None:
            assert callable(found)
            assert tuple(inspect.signature(found).parameters) == parameters, f"{module}.{name}, for {file}"


def test_nothing_else_is() -> None:
    private = {(str(path.relative_to(ROOT)), module) for path in _ours() for module in _private(path)}
    assert private == {place for place in RESTED if place[1] != "typer.core"}


def _ours() -> Iterator[Path]:
    folders = (each for each in ROOT.iterdir() if (each / "__init__.py").exists() or each.name == "tests")
    return (path for folder in folders for path in folder.rglob("*.py"))


def _private(path: Path) -> Iterator[str]:
    for name in IMPORTED.findall(path.read_text(encoding="utf-8")):
        first, *_ = parts = name.split(".")
        is_ours = first == "__future__" or (ROOT / first).is_dir()
        if not is_ours and any(part == "internal" or part.startswith("_") for part in parts):
            yield name
