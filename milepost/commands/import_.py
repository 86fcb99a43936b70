"""`milepost import`: time exports and exchange rates of elsewhere as events that Milepost reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from connectors.imports.counting import counted, hours_text
from connectors.imports.readings import FIRST_DATE, LAST_DATE, decimal_text
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import Rejected
from milepost.days import day

if TYPE_CHECKING:
    from connectors.imports.csv_time import ImportedTime
    from connectors.imports.ecb import ImportedRates

WRONG_USAGE = 2

import_app = typer.Typer(name="import", no_args_is_help=True, help="Turn files of other systems into events.")

File = Annotated[Path, typer.Argument(help="The file to import.", show_default=False)]
Out = Annotated[
    Path,
    typer.Option("--out", file_okay=False, help="Folder for the events; made if it is not there.", show_default=False),
]
Name = Annotated[str | None, typer.Option("--name", help="Name in the file names; without it the name of FILE.")]
Replace = Annotated[bool, typer.Option("--replace", help="Write over a file of other content that no run has read.")]
Runs = Annotated[
    Path | None, typer.Option("--output", help="With --replace: output folder of the runs that read --out.")
]
Json = Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")]


@import_app.command("csv")
def import_csv(
    file: File,
    mapping: Annotated[Path, typer.Option("--map", help="TOML file: which column is what.", show_default=False)],
    out: Out,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="key=value over the mapping's; may be given several times.")
    ] = None,
    name: Name = None,
    replace: Replace = False,
    runs: Runs = None,
    as_json: Json = False,
) -> None:
    """Time from any CSV export, read as a mapping says."""
    from connectors.imports.csv_time import import_time
    from connectors.imports.mapping_file import read_mapping

    try:
        mapped = read_mapping(mapping, overrides or ())
        imported = import_time(file, mapped, str(mapping), out, name or _name_of(file), replace, runs)
    except ImportRefused as fault:
        raise _refused(fault) from fault
    for warning in imported.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    _tell_rejected(imported.rejected_first, imported.rejected + imported.untold, imported.rejected_path)
    typer.echo(orjson.dumps(time_summary(file, imported)).decode() if as_json else time_text(file, imported))


@import_app.command("ecb")
def import_ecb(
    file: File,
    out: Out,
    first: Annotated[datetime | None, typer.Option("--from", parser=day, metavar="DAY", help="First day.")] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", parser=day, metavar="DAY", help="Last day, included.")
    ] = None,
    currencies: Annotated[str, typer.Option("--currencies", help="Such as GBP,USD; without it all of the file.")] = "",
    name: Name = None,
    replace: Replace = False,
    runs: Runs = None,
    as_json: Json = False,
) -> None:
    """Euro reference rates of the European Central Bank, its CSV or zip."""
    from connectors.imports.ecb import RatesWanted, import_rates

    codes = tuple(code.strip().upper() for code in currencies.split(",") if code.strip())
    if first is not None and last is not None and first > last:
        raise typer.BadParameter(
            f"expected the first day first, got {first.date()} and then {last.date()}", param_hint="--from"
        )
    wanted = RatesWanted(first.date() if first else FIRST_DATE, last.date() if last else LAST_DATE, codes)
    try:
        imported = import_rates(file, wanted, out, name or _name_of(file).removeprefix("ecb-"), replace, runs)
    except ImportRefused as fault:
        raise _refused(fault) from fault
    _tell_rejected(imported.rejected_first, imported.rejected, imported.rejected_path)
    typer.echo(orjson.dumps(rates_summary(file, imported)).decode() if as_json else rates_text(file, imported))


def time_summary(file: Path, imported: ImportedTime) -> dict[str, object]:
    """Version 1 of the shape."""
    return {
        "version": 1,
        "file": str(file),
        "rows": imported.rows,
        "imported": imported.imported,
        "repeated": imported.repeated,
        "rejected": imported.rejected,
        "filtered": dict(imported.left_out),
        "not_written": imported.untold,
        "hours": decimal_text(imported.hours),
        "first_date": imported.first_day,
        "last_date": imported.last_day,
        "events": dict(imported.events),
        "events_file": str(imported.events_path),
        "rejected_file": str(imported.rejected_path) if imported.rejected_path else None,
        "warnings": imported.warnings,
    }


def time_text(file: Path, imported: ImportedTime) -> str:
    lines = [
        f"{file.name}: {counted(imported.rows, 'row')}",
        f"  imported  {counted(imported.imported, 'row')}, {hours_text(imported.hours)} hours{_span(imported)}",
        f"  repeated  {imported.repeated:,}",
        f"  rejected  {imported.rejected:,}",
        *(f"  filtered  {count:,} where {label}" for label, count in imported.left_out),
        *([f"  unwritten {counted(imported.untold, 'thing')} that no row could tell"] if imported.untold else []),
        *(f"  written   {count:,} {event}" for event, count in imported.events),
        f"  events    {imported.events_path}",
    ]
    return "\n".join(lines)


def rates_summary(file: Path, imported: ImportedRates) -> dict[str, object]:
    """Version 1 of the shape."""
    return {
        "version": 1,
        "file": str(file),
        "days": imported.days,
        "imported": imported.imported,
        "not_quoted": imported.not_quoted,
        "rejected": imported.rejected,
        "currencies": imported.currencies,
        "first_date": imported.first_day,
        "last_date": imported.last_day,
        "events_file": str(imported.events_path),
        "rejected_file": str(imported.rejected_path) if imported.rejected_path else None,
    }


def rates_text(file: Path, imported: ImportedRates) -> str:
    currencies = counted(len(imported.currencies), "currency", "currencies")
    lines = [
        f"{file.name}: {counted(imported.days, 'day')}{_span(imported)}, {currencies}",
        f"  imported    {counted(imported.imported, 'rate')}",
        f"  not quoted  {imported.not_quoted:,}",
        f"  rejected    {imported.rejected:,}",
        f"  events      {imported.events_path}",
    ]
    return "\n".join(lines)


def _span(imported: ImportedTime | ImportedRates) -> str:
    return f", {imported.first_day} to {imported.last_day}" if imported.first_day else ""


def _tell_rejected(first: Sequence[Rejected], count: int, path: Path | None) -> None:
    for rejected in first:
        typer.echo(rejected.sentence(), err=True)
    if path is not None:
        more = f"and {count - len(first):,} more; " if count > len(first) else ""
        typer.echo(f"{more}all in {path}", err=True)


def _refused(fault: ImportRefused) -> typer.Exit:
    typer.echo(str(fault), err=True)
    return typer.Exit(WRONG_USAGE)


def _name_of(file: Path) -> str:
    """Part of file names and event ids, so plain."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-.") or "import"
