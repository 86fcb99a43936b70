"""`milepost import`: time exports and exchange rates of elsewhere as events that Milepost reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from connectors.imports.readings import FIRST_DATE, LAST_DATE, decimal_text
from domain.counting import counted, hours_text
from milepost.console import say, tell, write_json
from milepost.days import day_option, now
from milepost.exit_codes import USAGE
from milepost.folders import FolderName
from milepost.options import SummaryJson, checked_name
from milepost.rejected_rows import tally_text, tell_rejected
from milepost.words import event_name

if TYPE_CHECKING:
    from connectors.imports.csv_time import ImportedTime
    from connectors.imports.ecb import ImportedRates
    from connectors.imports.events_file import ImportTarget

WITHOUT_CONTRACTS = (
    "The mapping has written no contracts ([write.contracts]): work is billed only where the folder has one with a line"
    " for its project."
)
# With what stands before and after it, at most the 255 bytes of a file's name.
NAME_BYTES_MAX: Final = 200
RATES_ALONE = "Rates bill nothing by themselves: work that waits for them goes on."

File = Annotated[Path, typer.Argument(help="The file to import.")]
MappingFile = Annotated[Path, typer.Option("--map", help="TOML file: which column is what.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="key=value over the mapping's; may be given several times.")
]
Out = Annotated[
    Path,
    typer.Option("--out", file_okay=False, help="Folder for the events; made if it is not there."),
    FolderName.INPUT,
]


def plain_name(name: str | None) -> str | None:
    """Part of file names, so no path."""
    if name is None:
        return None
    if "/" in checked_name(name) or "\\" in name:
        raise typer.BadParameter(f'expected a name without / and \\, for --out says the folder; got "{name}"')
    if (length := len(name.encode())) > NAME_BYTES_MAX:
        raise typer.BadParameter(
            f'expected a name of at most {NAME_BYTES_MAX} bytes, got one of {length}: "{name[:40]}..."'
        )
    return name


Name = Annotated[
    str | None, typer.Option("--name", callback=plain_name, help="Name in the file names; without it the name of FILE.")
]
Replace = Annotated[bool, typer.Option("--replace", help="Write over a file of other content that no run has read.")]
Runs = Annotated[
    Path | None, typer.Option("--output", help="With --replace: output folder of the runs that read --out.")
]
AllowFuture = Annotated[bool, typer.Option("--allow-future", help="Take work of days after today.")]
BillInvoiced = Annotated[
    bool,
    typer.Option(
        "--bill-invoiced", help="Bill what the tracker says is invoiced; without it that is billed elsewhere."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be imported, and write nothing.")]


class WrittenHow(NamedTuple):
    """How what is imported is written, and reported."""

    name: Name = None
    replace: Replace = False
    runs: Runs = None
    dry_run: DryRun = False
    as_json: SummaryJson = False

    def target(self, out: Path, source: str, stem: str) -> ImportTarget:
        from connectors.imports.events_file import ImportTarget

        return ImportTarget(out, source, self.name or stem, self.replace, self.runs, self.dry_run)


AS_USUAL: Final = WrittenHow()


def import_csv(
    file: File,
    mapping: MappingFile,
    out: Out,
    overrides: Overrides = None,
    allow_future: AllowFuture = False,
    bill_invoiced: BillInvoiced = False,
    how: WrittenHow = AS_USUAL,
) -> None:
    """Time from any CSV export, read as a mapping says."""
    from connectors.imports.csv_time import import_time
    from connectors.imports.mapping import read_mapping
    from connectors.imports.time_rows import TimeWanted

    wanted = TimeWanted(now(), allow_future=allow_future, bill_invoiced=bill_invoiced)
    mapped = read_mapping(mapping, overrides or ())
    imported = import_time(file, mapped, str(mapping), how.target(out, "csv", name_of(file)), wanted)
    tell_warnings(imported.warnings)
    tell_rejected(imported.rejected_rows, imported.rejected_path, imported.unwritten, is_dry_run=how.dry_run)
    if how.as_json:
        write_json(time_summary(file, imported, is_dry_run=how.dry_run))
    else:
        tell(time_text(file, imported, is_dry_run=how.dry_run))
        has_contracts = any(event == "ContractSigned" for event, _ in imported.events)
        _tell_next(imported, out, "" if has_contracts else WITHOUT_CONTRACTS, is_dry_run=how.dry_run)
    check_imported(imported.imported, out, _filtered(imported))


def import_ecb(
    file: File,
    out: Out,
    first: Annotated[date | None, day_option("--from", "First day.")] = None,
    last: Annotated[date | None, day_option("--to", "Last day, included.")] = None,
    currencies: Annotated[str, typer.Option("--currencies", help="Such as GBP,USD; without it all of the file.")] = "",
    how: WrittenHow = AS_USUAL,
) -> None:
    """Euro reference rates of the European Central Bank, its CSV or zip."""
    from connectors.imports.ecb import RatesWanted, import_rates

    codes = tuple(code.strip().upper() for code in currencies.split(",") if code.strip())
    if first is not None and last is not None and first > last:
        raise typer.BadParameter(f"expected the first day first, got {first} and then {last}", param_hint="--from")
    wanted = RatesWanted(first or FIRST_DATE, last or LAST_DATE, codes)
    imported = import_rates(file, wanted, how.target(out, "ecb", name_of(file).removeprefix("ecb-")), now())
    tell_rejected(imported.rejected_rows, imported.rejected_path, is_dry_run=how.dry_run)
    if how.as_json:
        write_json(rates_summary(file, imported, is_dry_run=how.dry_run))
    else:
        tell(rates_text(file, imported, is_dry_run=how.dry_run))
        _tell_next(imported, out, RATES_ALONE, is_dry_run=how.dry_run)
    check_imported(imported.imported, out)


def tell_warnings(warnings: Iterable[str]) -> None:
    for warning in warnings:
        tell(f"Warning: {warning}", err=True)


def check_imported(count: int, out: Path, why: str = "", *, done: str = "imported") -> None:
    """An import of nothing is no success, whatever the reason."""
    if not count:
        tell(f"Nothing was {done}, so no events were written to {out}{why}", err=True)
        raise typer.Exit(USAGE)


def _tell_next(imported: ImportedTime | ImportedRates, out: Path, why: str, *, is_dry_run: bool) -> None:
    """Statements are cut when days end, so the run says until when; `why` nothing is billed by what was imported alone."""
    if imported.last_day is None or not imported.imported or is_dry_run:
        return
    from milepost.next_run import output_beside, run_text, until_month_of

    books = output_beside(out)
    say(f"\nNext: {run_text(out, books, until_month_of(imported.last_day, books))}")
    if why:
        say(why)


def _filtered(imported: ImportedTime) -> str:
    """The rule that left out the most, such as that of approvals in an account that does not use them."""
    label, count = max(imported.left_out, key=lambda each: each[1], default=("", 0))
    return (
        f"; a [[skip]] of the mapping left out {counted(count, 'row')} where {label}: change it if they count"
        if count
        else ""
    )


def time_summary(file: Path, imported: ImportedTime, *, is_dry_run: bool) -> dict[str, object]:
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
        "billed_elsewhere": {
            "rows": imported.elsewhere.rows,
            "hours": decimal_text(imported.elsewhere.hours),
            "amounts": {currency: decimal_text(amount) for currency, amount in imported.elsewhere.amounts.items()},
        },
        "first_date": imported.first_day,
        "last_date": imported.last_day,
        "events": dict(imported.events),
        "events_file": str(imported.events_path) if imported.imported else None,
        "rejected_file": str(imported.rejected_path) if imported.rejected_path else None,
        "warnings": imported.warnings,
        "dry_run": is_dry_run,
    }


def time_text(file: Path, imported: ImportedTime, *, is_dry_run: bool) -> str:
    lines = [
        f"{file.name}: {counted(imported.rows, 'row')}",
        f"  imported  {counted(imported.imported, 'row')}, {hours_text(imported.hours)} hours{_span(imported)}",
        f"  repeated  {imported.repeated:,}",
        f"  rejected  {imported.rejected:,}",
        *_elsewhere(imported),
        *(f"  filtered  {count:,} where {label}" for label, count in imported.left_out),
        *([f"  unwritten {counted(imported.untold, 'thing')} that no row could tell"] if imported.untold else []),
        *(
            f"  {'would be' if is_dry_run else 'written '}  {count:,} {event_name(event)}"
            for event, count in imported.events
        ),
        *_file("  events    ", imported, is_dry_run),
    ]
    return "\n".join(lines)


def _elsewhere(imported: ImportedTime) -> list[str]:
    if not imported.elsewhere.rows:
        return []
    rows = tally_text(imported.elsewhere)
    return [
        f"  invoiced  {rows}: cost and hours count, billed elsewhere and on no statement (--bill-invoiced bills them)"
    ]


def _file(label: str, imported: ImportedTime | ImportedRates, is_dry_run: bool) -> list[str]:
    if not imported.imported:
        return []
    return [f"{label}{imported.events_path}{', not written (--dry-run)' if is_dry_run else ''}"]


def rates_summary(file: Path, imported: ImportedRates, *, is_dry_run: bool) -> dict[str, object]:
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
        "events_file": str(imported.events_path) if imported.imported else None,
        "rejected_file": str(imported.rejected_path) if imported.rejected_path else None,
        "dry_run": is_dry_run,
    }


def rates_text(file: Path, imported: ImportedRates, *, is_dry_run: bool) -> str:
    currencies = counted(len(imported.currencies), "currency", "currencies")
    lines = [
        f"{file.name}: {counted(imported.days, 'day')}{_span(imported)}, {currencies}",
        f"  imported    {counted(imported.imported, 'rate')}",
        f"  not quoted  {imported.not_quoted:,}",
        f"  rejected    {imported.rejected:,}",
        *_file("  events      ", imported, is_dry_run),
    ]
    return "\n".join(lines)


def _span(imported: ImportedTime | ImportedRates) -> str:
    return f", {imported.first_day} to {imported.last_day}" if imported.first_day else ""


def name_of(file: Path) -> str:
    """Part of file names and event ids, so plain."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-.")[:NAME_BYTES_MAX] or "import"
