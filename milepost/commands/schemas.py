"""`milepost schemas`: is the public contract of data sound, and does it keep its promises to what was released?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.counting import counted
from milepost import exit_codes
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import aligned, echo, say, shape, write_json
from milepost.options import Json
from schemas.files import AVRO, UnreadableSchema, kind_of, read_schemas

if TYPE_CHECKING:
    from types import ModuleType

    from schemas.lint import SchemaFault

Folder = Annotated[Path, typer.Option("--folder", help="Folder of the schemas.")]


def check(folder: Folder = AVRO, json: Json = False) -> None:
    """Check the schemas: their own rules, and every version that was ever released."""
    check_folder(folder)
    found: list[SchemaFault] = history().check(folder)
    names = [name for name in read_schemas(folder) if kind_of(name) in ("events", "outputs")]
    if json:
        write_json(shape(1, schemas=len(names), findings=[finding._asdict() for finding in found]))
    elif found:
        echo("\n\n".join(finding_text(finding) for finding in found))
        say(f"\n{len(found):,} findings in {len(names):,} schemas of events and outputs")
    else:
        echo(f"{len(names):,} schemas of events and outputs agree with their history")
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
        echo(str(path.relative_to(folder)))
    say(
        f"{counted(len(written), 'version')} released; commit {'it' if len(written) == 1 else 'them'}"
        if written
        else "Nothing is new; nothing was released"
    )


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


def finding_text(finding: SchemaFault) -> str:
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


def register(
    given: GivenSettings = NONE_GIVEN,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json: Json = False,
) -> None:
    """Register every released schema under its subject, and set how the subject may change. What is there stays."""
    settings = given.settings
    if not settings.registry.url:
        raise typer.BadParameter("registry.url is not set, so there is nowhere to register", param_hint="--settings")
    from connectors.kafka.registry import register_schemas
    from connectors.kafka.registry_client import RegistryClient, RegistryRefused, RegistryUnreachable

    try:
        with RegistryClient(settings.registry) as client:
            steps = list(register_schemas(client, settings.kafka.prefix, dry_run=dry_run))
    except (RegistryUnreachable, RegistryRefused) as fault:
        say(f"{fault}\nWhat was registered before stays; run it again when that is mended")
        raise typer.Exit(exit_codes.FAILURE) from fault
    broken = [step for step in steps if step.disagreements]
    if json:
        write_json(shape(1, dry_run=dry_run, steps=[step._asdict() for step in steps]))
    else:
        for step in steps:
            if step.did != "there":
                echo(f"{'would be ' if dry_run else ''}{step.did}: {step.subject} {step.what}")
            for said in step.disagreements:
                echo(f"  disagrees with what is registered: {said}")
        there = sum(step.did == "there" for step in steps)
        say(f"{len(steps) - there} {'would be done' if dry_run else 'done'}, {there} were there already")
    if broken:
        raise typer.Exit(exit_codes.FAILURE)


def ids(given: GivenSettings = NONE_GIVEN, json: Json = False) -> None:
    """Show the id of each schema, as it stands in the frame before a body on a topic."""
    settings = given.settings
    from connectors.kafka.registry import schema_ids

    rows = schema_ids(settings.registry, settings.kafka.prefix, settings.registry_cache, say).rows()
    if json:
        found = [
            {"subject": place.subject, "version": pinned.number, "id": number, "current": pinned.is_current}
            for place, pinned, number in rows
        ]
        write_json(shape(1, schemas=found))
        return
    head = ("subject", "version", "id", "")
    told = [
        (
            place.subject,
            str(pinned.number),
            "-" if number is None else str(number),
            "" if pinned.is_current else "earlier",
        )
        for place, pinned, number in rows
    ]
    echo("\n".join(aligned([head, *told], right=(1, 2), indent="")))
    if missing := sum(number is None for _, _, number in rows):
        say(f"{missing} are not registered; `milepost schemas register` registers them")
