"""`milepost schemas`: is the public contract of data sound, and does it keep its promises to what was released?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milepost import exit_codes
from milepost.console import say, shape, write_json
from schemas.files import AVRO, UnreadableSchema, kind_of, read_schemas

if TYPE_CHECKING:
    from types import ModuleType

    from schemas.lint import Finding

Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]
Folder = Annotated[Path, typer.Option("--folder", help="Folder of the schemas.")]


def check(folder: Folder = AVRO, json: Json = False) -> None:
    """Check the schemas: their own rules, and every version that was ever released."""
    check_folder(folder)
    found: list[Finding] = history().check(folder)
    names = [name for name in read_schemas(folder) if kind_of(name) in ("events", "outputs")]
    if json:
        write_json(shape(1, schemas=len(names), findings=[finding._asdict() for finding in found]))
    elif found:
        typer.echo("\n\n".join(finding_text(finding) for finding in found))
        say(f"\n{len(found):,} findings in {len(names):,} schemas of events and outputs")
    else:
        typer.echo(f"{len(names):,} schemas of events and outputs agree with their history")
    if found:
        raise typer.Exit(exit_codes.FAILURE)


def freeze(folder: Folder = AVRO) -> None:
    """Release today's schemas: each that is new or has changed gets a version in the history."""
    check_folder(folder)
    past = history()
    try:
        written: list[Path] = past.freeze(folder)
    except past.IncompatibleChange as fault:
        say(str(fault))
        raise typer.Exit(exit_codes.FAILURE) from fault
    for path in written:
        typer.echo(str(path.relative_to(folder)))
    say(f"{len(written):,} versions released; commit them" if written else "Nothing is new; nothing was released")


def check_folder(folder: Path) -> None:
    """It holds schemas, and each can be read."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise typer.BadParameter(f"{folder}: expected a folder of schemas, found {found}", param_hint="--folder")
    try:
        names = read_schemas(folder)
    except UnreadableSchema as fault:
        raise typer.BadParameter(str(fault), param_hint="--folder") from fault
    if not any(kind_of(name) in {"events", "outputs"} for name in names):
        message = f"{folder}: expected schemas in events/*.avsc and outputs/*.avsc, found none"
        raise typer.BadParameter(message, param_hint="--folder")


def finding_text(finding: Finding) -> str:
    place = f".{finding.location}" if finding.location else ""
    return f"{finding.schema}{place}\n  {finding.what}\n  to do: {finding.remedy}"


def history() -> ModuleType:
    """Needs Apache Avro's own library, which running does not."""
    try:
        from schemas import history as loaded
    except ModuleNotFoundError as fault:
        say(f"This needs the Python package {fault.name}: pip install -r requirements-dev.txt, or make setup")
        raise typer.Exit(exit_codes.USAGE) from fault
    return loaded
