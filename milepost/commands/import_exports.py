"""`milepost import harvest`, `toggl`, `clockify`, `solidtime` and `auto`: time exports of known products."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from connectors.imports.products.choices import ROLE, Choices
from connectors.imports.products.product import CLOCKIFY, HARVEST, KIMAI, SOLIDTIME, TOGGL, Product
from connectors.imports.readings import SIX_DECIMALS, decimal_text
from connectors.imports.refusals import nearest
from domain.counting import counted, hours_text, named
from domain.money import is_currency
from domain.reference.zones import is_zone, zone_names
from milepost.commands.import_ import AllowFuture, BillInvoiced, DryRun, name_of, plain_name
from milepost.console import say, shell_word, tell, write_json
from milepost.days import now
from milepost.exit_codes import USAGE
from milepost.folders import FolderName
from milepost.options import SummaryJson, checked_name
from milepost.rejected_rows import amounts_text, tally_text, tell_rejected
from milepost.words import event_name

if TYPE_CHECKING:
    from connectors.imports.products.import_export import ImportChanges, ImportedExport
    from connectors.imports.products.setup import NotExtended
    from connectors.imports.rejections import RowSums

NAMES_SHOWN = 8
_UNREAD = "refused rows have no readable hours and are"


def stated_name(name: str | None) -> str | None:
    """Which events will have."""
    return None if name is None else checked_name(name)


def known_zone(zone: str) -> str:
    if zone and not is_zone(zone):
        raise typer.BadParameter(f'expected an IANA zone, came "{zone}"{nearest(zone, zone_names())}')
    return zone


def known_currency(currency: str | None) -> str | None:
    if currency is not None and not is_currency(currency):
        raise typer.BadParameter(f'expected a code such as EUR, came "{currency}"')
    return currency


def amount_an_hour(given: str) -> Decimal:
    try:
        amount = Decimal(given)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise typer.BadParameter(f'expected an amount per hour such as 95.50, came "{given}"')
    return amount.quantize(SIX_DECIMALS)


class DateOrder(StrEnum):
    dmy = "dmy"
    mdy = "mdy"
    ymd = "ymd"


class DecimalSign(StrEnum):
    point = "point"
    comma = "comma"


File = Annotated[Path, typer.Argument(help="The export.")]
Out = Annotated[
    Path,
    typer.Option("--out", file_okay=False, help="Folder for the events; what it holds already is known."),
    FolderName.INPUT,
]
Name = Annotated[
    str | None, typer.Option("--name", callback=plain_name, help="Name in the file names; without it that of FILE.")
]


class ExportOptions(NamedTuple):
    """Choices, by their names."""

    bootstrap: Annotated[
        bool, typer.Option("--bootstrap", help="Write company, customers, people and contracts too.")
    ] = False
    entity: Annotated[str | None, typer.Option("--entity", help="Id of the company that bills.")] = None
    entity_name: Annotated[
        str | None, typer.Option("--entity-name", callback=stated_name, help="Its name; without it the id.")
    ] = None
    currency: Annotated[
        str | None,
        typer.Option("--currency", callback=known_currency, help="Of the company, and of rows that name none."),
    ] = None
    rows_currency: Annotated[
        str | None,
        typer.Option("--rows-currency", callback=known_currency, help="Of rows that name none, if it is another."),
    ] = None
    zone: Annotated[
        str, typer.Option("--zone", callback=known_zone, help="Where the days end, such as Europe/Berlin.")
    ] = ""
    rate: Annotated[
        Decimal | None,
        typer.Option(
            "--rate", parser=amount_an_hour, metavar="<amount>", help="Per hour, for billable rows without a rate."
        ),
    ] = None
    cost_rate: Annotated[
        Decimal | None,
        typer.Option(
            "--cost-rate",
            parser=amount_an_hour,
            metavar="<amount>",
            help="What an hour costs where the export does not say.",
        ),
    ] = None
    role: Annotated[str, typer.Option("--role", callback=stated_name, help="Of people without one.")] = ROLE
    client: Annotated[str | None, typer.Option("--client", callback=stated_name, help="For rows without a client.")] = (
        None
    )
    approved_by: Annotated[
        str | None,
        typer.Option("--approved-by", callback=stated_name, help="Who approved; without it the product's name."),
    ] = None
    take_unapproved: Annotated[
        bool, typer.Option("--take-unapproved", help="Import rows not approved, or not said to be.")
    ] = False
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="Import rows that are the same in every column.")
    ] = False
    contract_rates: Annotated[
        bool, typer.Option("--contract-rates", help="The rates of contracts hold, not the rows'.")
    ] = False
    withdraw_missing: Annotated[
        bool, typer.Option("--withdraw-missing", help="Withdraw entries that the export has no more.")
    ] = False
    known: Annotated[list[Path] | None, typer.Option("--known", help="Another folder of events; may be repeated.")] = (
        None
    )
    budgets: Annotated[
        Path | None,
        typer.Option("--budgets", help="Harvest's export of projects, for their budgets; with --bootstrap."),
    ] = None
    date_order: Annotated[DateOrder | None, typer.Option("--date-order", help="Where the file does not settle it.")] = (
        None
    )
    decimal: Annotated[DecimalSign | None, typer.Option("--decimal", help="Where the file does not settle it.")] = None
    encoding: Annotated[str | None, typer.Option("--encoding", help="Such as cp1252; without it UTF-8 or UTF-16.")] = (
        None
    )
    allow_future: AllowFuture = False
    bill_invoiced: BillInvoiced = False
    replace: Annotated[bool, typer.Option("--replace", help="Import again over files that no run has read.")] = False
    dry_run: DryRun = False


AS_EXPORTED: Final = ExportOptions()


def verb(product: Product | None) -> Callable[..., None]:
    """The command of one product; None recognises it by the header."""

    def import_product(
        file: File, out: Out, options: ExportOptions = AS_EXPORTED, name: Name = None, as_json: SummaryJson = False
    ) -> None:
        from connectors.imports.products.import_export import import_export

        choices = Choices(**{**options._asdict(), "known": tuple(options.known or ())})
        imported = import_export(file, product, choices, out, name or name_of(file), now())
        tell_rejected(imported.rejected_rows, imported.listed_path, is_dry_run=options.dry_run)
        if as_json:
            write_json(summary(file, imported))
        else:
            tell(text(file, imported, out))
            _tell_next(imported, out)
        if not imported.imported.rows and not imported.events:
            tell(_why_nothing(imported), err=True)
            raise typer.Exit(USAGE)

    title = product.title if product else "a time tracker that its header names"
    import_product.__doc__ = f"Time from the detailed export of {title}, with all that it needs to be billed."
    return import_product


harvest = verb(HARVEST)
toggl = verb(TOGGL)
clockify = verb(CLOCKIFY)
solidtime = verb(SOLIDTIME)
kimai = verb(KIMAI)
auto = verb(None)


def _why_nothing(imported: ImportedExport) -> str:
    """An import of nothing is no success, whatever the reason."""
    said = "Nothing was imported, and no events were written"
    if not imported.not_approved.rows:
        return said
    return (
        f"{said}: none of {counted(imported.not_approved.rows, 'row')} is approved. Approve them in"
        f" {imported.product.title} and export again, or say --take-unapproved if the account does not use approvals"
    )


def summary(file: Path, imported: ImportedExport) -> dict[str, object]:
    """Version 1 of the shape; `read` is the sum of imported, not_approved, not_work and refused."""
    return {
        "version": 1,
        "file": str(file),
        "product": imported.product.key,
        "date_order": imported.forms.date_order,
        "decimal": imported.forms.decimal,
        "first_date": imported.first_day,
        "last_date": imported.last_day,
        "read": _sums_json(imported.read),
        "imported": _sums_json(imported.imported),
        "not_approved": _sums_json(imported.not_approved),
        "not_work": _sums_json(imported.not_work),
        "refused": _sums_json(imported.refused),
        "billed": _amounts_json(imported.billed),
        "billed_elsewhere": _sums_json(imported.invoiced_elsewhere),
        "invoiced_and_billed_here": _sums_json(imported.invoiced_here),
        "rounded": {
            "rows": imported.rounded.rows,
            "hours": decimal_text(imported.rounded.worked),
            "billed_hours": decimal_text(imported.rounded.billed),
        },
        "projects_apart": [each._asdict() for each in imported.apart],
        "amounts_unused": imported.amounts_unused,
        "differing_amounts": imported.differing,
        "differing_by_at_most": decimal_text(imported.most_apart),
        "changes": imported.changes._asdict(),
        "gone": len(imported.gone),
        "taken_as_approved": imported.taken_as_approved.rows,
        "warnings": warnings_of(imported),
        "without_rate": imported.unrated,
        "rated_at_zero": imported.rated_at_zero,
        "rates_unused": imported.rates_unused,
        "unknown": imported.unknown._asdict(),
        "not_extended": {contract.contract_id: projects for contract, projects in imported.not_extended.items()},
        "without_budget": imported.unbudgeted,
        "fees_invoiced": [each._asdict() | {"amount": decimal_text(each.amount)} for each in imported.fees_invoiced],
        "foreign_currencies": imported.foreign,
        "events": dict(imported.events),
        "setup_file": _path(imported.setup_path),
        "events_file": _path(imported.events_path),
        "rejected_file": _path(imported.listed_path),
        "dry_run": imported.is_dry_run,
    }


def text(file: Path, imported: ImportedExport, out: Path) -> str:
    changes = imported.changes
    wrote = "would write" if imported.is_dry_run else "wrote"
    span = f", {imported.first_day} to {imported.last_day}" if imported.first_day else ""
    lines = [
        f"{file.name}: {imported.product.title}, {counted(imported.read.rows, 'row')}{span}",
        f"  {'':14}{'rows':>8}{'hours':>14}  amount",
        *(
            f"  {label:14}{sums.rows:>8,}{hours_text(sums.hours):>14}  {amounts_text(sums.amounts)}".rstrip()
            for label, sums in (
                ("imported", imported.imported),
                ("not approved", imported.not_approved),
                ("no work", imported.not_work),
                ("refused", imported.refused),
                ("read, the sum", imported.read),
            )
            if sums.rows or label != "no work"
        ),
        _changes_line(changes),
        *(f"  WARNING  {warning}" for warning in warnings_of(imported)),
        *_notes(imported),
        *(f"  {wrote} {count:,} {event_name(event)}" for event, count in imported.events),
        *(f"  file  {path}" for path in (imported.setup_path, imported.events_path) if path),
        *(["  nothing was written (--dry-run)"] if imported.is_dry_run else []),
        *([] if imported.events else ["  nothing is new, so no file was written"]),
    ]
    return "\n".join([*lines, *_what_is_missing(imported, out)])


def warnings_of(imported: ImportedExport) -> list[str]:
    """What counts as approved though the export does not say so, projects without the budgets that were asked for, and budgets of fees of
    which some are earned elsewhere."""
    lacking, title = imported.unbudgeted, imported.product.title
    fees = [
        f"{title} has invoiced {amounts_text({each.currency: each.amount})} of {each.project_id}, whose budget is of fees. It is no revenue"
        " here, so the used % of milepost projects leaves it out: take it off the budget in the export of projects, or say"
        " --bill-invoiced"
        for each in imported.fees_invoiced
    ]
    return [
        *_approved_unsaid(imported),
        *([f"no budget is stated for {named(lacking, NAMES_SHOWN)}"] if lacking else []),
        *fees,
    ]


def _approved_unsaid(imported: ImportedExport) -> list[str]:
    taken, product = imported.taken_as_approved, imported.product
    if not taken.rows:
        return []
    rows = f"{counted(taken.rows, 'row')} taken as approved"
    if product.columns.approved is None:
        said = f"the export of {product.title} does not say what is approved: {rows}"
    elif taken.has_column:
        said = f"nobody approved them in {product.title}: {rows}, as --take-unapproved says"
    else:
        said = f'without the column "{product.columns.approved}": {rows}, as --take-unapproved says'
    further = "" if taken.is_named else "; --approved-by NAME says who did"
    return [f"{said} (approved_by {taken.approved_by}{further})"]


def _changes_line(changes: ImportChanges) -> str:
    return (
        f"  of the imported: new {changes.new:,}, changed {changes.changed:,}, of another project now {changes.moved:,},"
        f" as before {changes.unchanged:,}; withdrawn: {changes.withdrawn:,}"
    )


def _notes(imported: ImportedExport) -> list[str]:
    notes = [*_billing_notes(imported)]
    if imported.differing:
        billed, stated = amounts_text(imported.priced), amounts_text(imported.imported.amounts)
        sums = f"{billed} instead of {stated}" if billed != stated else f"in sum the same, {billed}"
        notes.append(
            f"  note  {counted(imported.differing, 'row has', 'rows have')} another amount than hours x rate, which is billed"
            f"{' of rows with a rate' if imported.unrated else ''}: {sums}; a row differs by {decimal_text(imported.most_apart)} at most"
        )
    if imported.read.unread:
        notes.append(
            f"  note  {counted(imported.read.unread, 'refused row has no readable hours and is', _UNREAD)} in no sum of hours"
        )
    if imported.unrated:
        notes.append(
            f"  note  {counted(imported.unrated, 'billable row has', 'billable rows have')} no rate; say --rate, or their"
            " contract gives one"
        )
    if imported.rated_at_zero:
        notes.append(
            f"  note  {counted(imported.rated_at_zero, 'billable row has', 'billable rows have')} a rate of 0 and"
            f" {'earns' if imported.rated_at_zero == 1 else 'earn'} nothing; set rates in {imported.product.title}, or in the"
            " setup file"
        )
    if imported.rates_unused:
        notes.append(
            f"  note  {counted(imported.rates_unused, 'billable row has', 'billable rows have')} a rate that is not used: another"
            " source signed the contract, which decides"
        )
    if imported.rated_by_option and imported.rated_by_contract:
        notes.append(
            f"  note  --rate is for {counted(imported.rated_by_option, 'row')} of projects without a rate; the contracts in"
            f" the folder rate {imported.rated_by_contract:,} more"
        )
    if imported.gone and not imported.changes.withdrawn:
        notes.append(
            f"  note  {counted(len(imported.gone), 'entry was', 'entries were')} imported before and not found in this export"
            f" (or not approved any more): {named([entry.entry_id for entry in imported.gone], NAMES_SHOWN)}; withdrawn only with"
            " --withdraw-missing"
        )
    for currency, first, last in imported.rates_lack:
        notes.append(
            f"  note  {currency} is not the currency of its company's books, and the folder lacks exchange rates for its work of"
            f" {first} to {last}: import them first"
        )
    return notes


def _billing_notes(imported: ImportedExport) -> Iterator[str]:
    """What is billed otherwise than an hour for an hour, and by whom."""
    title, rounded = imported.product.title, imported.rounded
    elsewhere, here = imported.invoiced_elsewhere, imported.invoiced_here
    if elsewhere.rows:
        yield (
            f"  note  {tally_text(elsewhere)} invoiced in {title}: cost and hours count, and the value is billed"
            " elsewhere, on no statement here; --bill-invoiced bills it here"
        )
    if here.rows:
        yield (f"  note  {tally_text(here)} invoiced in {title} now and imported before to be billed here: billed here")
    if rounded.rows:
        yield (
            f'  note  {counted(rounded.rows, "row")} billed by the column "{imported.product.columns.rounded}" of {title}:'
            f" {hours_text(rounded.billed)} hours for {hours_text(rounded.worked)} worked"
        )
    for each in imported.apart:
        yield (
            f'  note  the project code "{each.code}" is of another client too: {counted(each.rows, "row")} of'
            f' "{each.client}" went to a project of its own, "{each.project_id}"'
        )
    for column in imported.amounts_unused:
        yield f'  note  the column "{column}" is not used for rates: it names no currency, or is zero in all rows'


def _what_is_missing(imported: ImportedExport, out: Path) -> list[str]:
    unknown = imported.unknown
    not_extended = imported.not_extended
    of_others = {project for projects in not_extended.values() for project in projects}
    found = [
        f"  {label}: {named(names, NAMES_SHOWN)}"
        for label, names in (
            ("clients (CustomerDefined)", unknown.customers),
            ("people (PersonDefined)", unknown.people),
            ("costs of people (CostRateSet)", unknown.costs),
            ("projects (ProjectActivated)", unknown.projects),
            (
                "contract lines of projects (ContractSigned)",
                [project for project in unknown.contracts if project not in of_others],
            ),
        )
        if names
    ]
    apart = [_not_extended(contract, projects, imported, out) for contract, projects in not_extended.items()]
    if not found:
        return apart
    advice = (
        f"Not known in {out}, so the work of these waits. Where the folder has them under other ids, say so with an"
        " IdentityLinked each (docs/import-trackers.md); else import again with --bootstrap to have them written, put"
        " their events into the folder, or name the folder that has them with --known:"
    )
    return [advice, *found, *apart]


def _not_extended(contract: NotExtended, projects: tuple[str, ...], imported: ImportedExport, out: Path) -> str:
    title = imported.product.title
    whose = "was amended" if contract.source == imported.product.key else f"was signed by {contract.source or 'others'}"
    return (
        f"The contract {contract.contract_id} {whose}, so the import of {title} gives it no lines, with --bootstrap or without, and the"
        f" work of these projects waits: {named(projects, NAMES_SHOWN)}. Put a ContractSigned of version {contract.version + 1} into {out},"
        " with the lines that it has and one for each of them; or give another --out, whose books stand by themselves"
    )


def _amounts_json(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: decimal_text(amount) for currency, amount in amounts.items()}


def _sums_json(sums: RowSums) -> dict[str, Any]:
    return {
        "rows": sums.rows,
        "without_hours": sums.unread,
        "hours": decimal_text(sums.hours),
        "amounts": _amounts_json(sums.amounts),
    }


def _tell_next(imported: ImportedExport, out: Path) -> None:
    if imported.last_day is None or not imported.events or imported.is_dry_run:
        return
    from milepost.next_run import output_beside, run_text, until_month_of

    books = output_beside(out)
    until = until_month_of(imported.last_day, books)
    run, output = run_text(out, books, until), shell_word(str(books))
    if imported.rates_lack:
        from connectors.imports.products.import_export import RATE_AGE_MAX

        first = min(since for _, since, _ in imported.rates_lack) - timedelta(days=RATE_AGE_MAX)
        say(f"\nNext: milepost import ecb eurofxref-hist.zip --from {first} --to {until} --out {shell_word(str(out))}")
        say(f"      {run}")
    else:
        say(f"\nNext: {run}")
    if imported.first_statement is not None:
        say(f"      milepost show {shell_word(imported.first_statement)} --output {output}")


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)
