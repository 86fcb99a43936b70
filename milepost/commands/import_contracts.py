"""`milepost import contracts`: contracts with their terms, and customers, people and projects, from spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.counting import counted
from milepost.commands.import_ import (
    AS_USUAL,
    MappingFile,
    Out,
    Overrides,
    WrittenHow,
    check_imported,
    name_of,
    tell_warnings,
)
from milepost.console import say, tell, write_json
from milepost.days import day_option
from milepost.rejected_rows import tell_rejected
from milepost.words import event_name

if TYPE_CHECKING:
    from connectors.imports.contract_versions import ChangedContract
    from connectors.imports.contracts import ImportedContracts

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSVs of contracts.")]


def import_contracts(
    files: Files,
    mapping: MappingFile,
    out: Out,
    since: Annotated[
        date, day_option("--since", "Day from which this is known; of running projects that of their balances.")
    ],
    overrides: Overrides = None,
    how: WrittenHow = AS_USUAL,
) -> None:
    """Contracts, customers, people and projects from one CSV or several: all, or nothing. A second load corrects or amends."""
    from connectors.imports.contracts import import_contracts as imported_of
    from connectors.imports.contracts_mapping import ContractsMapping
    from connectors.imports.mapping import read_table_mapping

    target = how.target(out, "contracts", name_of(files[0]).removeprefix("contracts-"))
    mapped = read_table_mapping(mapping, overrides or (), ContractsMapping)
    imported = imported_of(files, mapped, str(mapping), target, since)
    tell_warnings(imported.warnings)
    tell_rejected(imported.rejected_rows, imported.rejected_path, is_dry_run=how.dry_run)
    if how.as_json:
        write_json(summary(imported, is_dry_run=how.dry_run))
    else:
        tell("\n".join(text(imported, is_dry_run=how.dry_run)))
        _tell_next(imported, out, is_dry_run=how.dry_run)
    check_imported(0 if imported.wrong else len(imported.written) + imported.unchanged, out, done="loaded")


def summary(imported: ImportedContracts, *, is_dry_run: bool) -> dict[str, object]:
    """Version 1 of the shape."""
    return {
        "version": 1,
        "files": imported.files,
        "rows": imported.rows,
        "wrong": imported.wrong,
        "filtered": dict(imported.left_out),
        "written": dict(imported.written),
        "unchanged": imported.unchanged,
        "changes": [change._asdict() for change in imported.changes],
        "events_file": str(imported.events_path) if imported.written else None,
        "rejected_file": str(imported.rejected_path) if imported.rejected_path else None,
        "warnings": imported.warnings,
        "dry_run": is_dry_run,
    }


def text(imported: ImportedContracts, *, is_dry_run: bool) -> Iterator[str]:
    yield f"{', '.join(Path(file).name for file in imported.files)}: {counted(imported.rows, 'row')}"
    yield from (f"  filtered   {count:,} where {label}" for label, count in imported.left_out)
    for type_name, count in imported.written.items():
        yield f"  {'would be ' if is_dry_run else 'written  '}  {count:,} {event_name(type_name)}"
    yield f"  as before  {imported.unchanged:,}"
    yield f"  refused    {counted(imported.wrong, 'wrong row')}"
    yield from map(_change, imported.changes)
    if imported.written:
        yield f"  events     {imported.events_path}{', not written (--dry-run)' if is_dry_run else ''}"


def _change(change: ChangedContract) -> str:
    if change.effective_on is None:
        return f"  corrected  contract {change.contract_id} from its beginning, version {change.version}"
    return f"  amended    contract {change.contract_id} from {change.effective_on} on, version {change.version}"


def _tell_next(imported: ImportedContracts, out: Path, *, is_dry_run: bool) -> None:
    if imported.written and not is_dry_run:
        from milepost.console import shell_word

        say(
            f"\nNext: milepost import balances FILE --map docs/mappings/balances.toml --out {shell_word(out)}, if projects run already: "
            "before the first run, which bills what their contracts charge by themselves since they began, and so keeps the balances out"
        )
        say("      milepost run, which takes all of it in")
