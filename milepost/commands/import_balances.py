"""`milepost import balances`: where running projects stand, from CSVs of the system that Milepost replaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.files.no_outputs import NoOutputs
from connectors.files.written import records_of
from connectors.imports.balances_known import read_firm
from connectors.imports.readings import decimal_text
from domain.billing.statement import ISSUED
from domain.counting import counted, named
from domain.outputs import BillingStatement
from domain.units import Amount
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
from milepost.console import aligned, amount_text, say, shell_word, tell, write_json
from milepost.rejected_rows import amounts_text, tell_rejected

if TYPE_CHECKING:
    from connectors.imports.balances import ImportedBalances


LEDGER_CURRENCY = "ledger currency"
NAMED = 8
MEND = (
    "; finance corrects figures in the file, commercial has contracts signed or amended that lack what a row names "
    "(milepost import contracts); then load all of it again"
)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSVs of balances.")]


def import_balances(
    files: Files, mapping: MappingFile, out: Out, overrides: Overrides = None, how: WrittenHow = AS_USUAL
) -> None:
    """Where running projects stand on the day the books begin, from CSVs: all, or nothing. A second load corrects the first."""
    from connectors.imports.balances import import_balances as imported_of
    from connectors.imports.balances_mapping import WHOLE_MAPPING
    from connectors.imports.mapping import read_table_mapping

    target = how.target(out, "balances", name_of(files[0]).removeprefix("balances-"))
    mapped = read_table_mapping(mapping, overrides or (), WHOLE_MAPPING)
    imported = imported_of(files, mapped, str(mapping), target)
    tell_warnings(imported.warnings)
    tell_rejected(imported.rejected_rows, imported.rejected_path, is_dry_run=how.dry_run)
    if how.as_json:
        write_json(summary(imported, is_dry_run=how.dry_run))
    else:
        tell(text(imported, is_dry_run=how.dry_run))
        _tell_next(imported, out, is_dry_run=how.dry_run)
    check_imported(len(imported.projects) + len(imported.unchanged), out, MEND if imported.wrong else "", done="loaded")


def summary(imported: ImportedBalances, *, is_dry_run: bool) -> dict[str, object]:
    """Version 1 of the shape; `rows` is the sum of loaded, unchanged, wrong, held back and filtered."""
    return {
        "version": 1,
        "files": imported.files,
        "rows": imported.rows,
        "loaded": imported.loaded_rows,
        "unchanged": imported.unchanged_rows,
        "wrong": imported.wrong,
        "held_back": imported.held_back,
        "filtered": dict(imported.left_out),
        "projects": imported.projects,
        "projects_unchanged": imported.unchanged,
        "projects_corrected": imported.corrected,
        "projects_refused": imported.refused,
        "as_of": imported.as_of,
        "sums": {
            field: {currency or LEDGER_CURRENCY: decimal_text(amount) for currency, amount in sums.items()}
            for field, sums in imported.sums.items()
        },
        "events_file": str(imported.events_path) if imported.projects else None,
        "rejected_file": str(imported.rejected_path) if imported.rejected_path else None,
        "warnings": imported.warnings,
        "dry_run": is_dry_run,
    }


def text(imported: ImportedBalances, *, is_dry_run: bool) -> str:
    names = ", ".join(Path(file).name for file in imported.files)
    day = f", as of {imported.as_of}" if imported.as_of else ""
    rows = [
        ("loaded", counted(len(imported.projects), "project"), counted(imported.loaded_rows, "row")),
        ("as before", counted(len(imported.unchanged), "project"), counted(imported.unchanged_rows, "row")),
        ("refused", counted(len(imported.refused), "project"), _refused(imported)),
    ]
    lines = [f"{names}: {counted(imported.rows, 'row')}{day}", *aligned(rows)]
    lines += [f"  filtered   {count:,} where {label}" for label, count in imported.left_out]
    lines += _sums(imported)
    if imported.corrected:
        lines.append(f"  corrects   {named(imported.corrected, NAMED)}, stated before")
    if imported.refused:
        lines.append(f"  not loaded {named(imported.refused, NAMED)}")
    if imported.projects:
        lines.append(f"  events     {imported.events_path}{', not written (--dry-run)' if is_dry_run else ''}")
    return "\n".join(lines)


def _refused(imported: ImportedBalances) -> str:
    held = f", {imported.held_back:,} held back with them" if imported.held_back else ""
    return f"{counted(imported.wrong, 'wrong row')}{held}"


def _sums(imported: ImportedBalances) -> Iterator[str]:
    """What the old ledger's accounts can be compared with at a glance."""
    for field, sums in imported.sums.items():
        shown = [
            amounts_text({currency: amount}) if currency else f"{amount:,.2f} in {LEDGER_CURRENCY}"
            for currency, amount in sorted(sums.items())
        ]
        yield f"  {field:<9}  {', '.join(shown)}"


def _tell_next(imported: ImportedBalances, out: Path, *, is_dry_run: bool) -> None:
    """No run where one bills, or has billed, what balances that are not loaded have: it would keep them out."""
    if not imported.projects or imported.as_of is None or is_dry_run:
        return
    from milepost.next_run import output_beside, run_text

    books = output_beside(out)
    if billed := [*billed_before(out, books, imported.projects, imported.as_of)]:
        say("\n".join(["", *(f"Warning: {one}" for one in billed)]))
        say(
            f"\nNext: these balances wait as in_balances, for {shell_word(str(books))} has billed their time. Begin again in new folders: "
            "milepost import contracts, milepost import balances, then the first milepost run"
        )
        return
    say(f"\nNext: {run_text(out, books, imported.as_of)}")
    say(
        f"      milepost ledger --against OLD.csv --map docs/mappings/trial-balance.toml --on {imported.as_of}"
        f" --output {shell_word(str(books))}"
    )


def billed_before(input_dir: Path, output: Path, projects: Collection[str], as_of: date) -> Iterator[str]:
    """Statements that a run has issued of days which the balances include: it came before them. By project and contract, in words."""
    of = {
        (contract.contract_id, project_id)
        for contract in read_firm(input_dir, ()).contracts.values()
        for project_id in contract.project_of.values()
        if project_id in projects
    }
    counts, sums = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in _issued(output):
        if (one.to - as_of).days <= 0:
            counts[one.contract_id, one.currency] += 1
            sums[one.contract_id, one.currency] += one.total
    for contract_id, project_id in sorted(of):
        for (billed, currency), count in sorted(counts.items()):
            if billed == contract_id:
                amount: Amount = sums[billed, currency]
                what = counted(count, "statement")
                yield (
                    f"project {project_id}: a run has issued {what} of contract {contract_id} over {amount_text(amount)} {currency} for "
                    f"days up to {as_of}, which the balances include"
                )


def _issued(output: Path) -> Iterator[BillingStatement]:
    """As last revised."""
    newest: dict[str, BillingStatement] = {}
    try:
        for one in records_of(output, BillingStatement):
            if one.part == 1 and one.status == ISSUED:
                newest[one.statement_id] = one
    except (NoOutputs, OSError):
        return
    yield from newest.values()
