"""A product's time export as events: what is new or changed since the exports before it, and nothing twice.

Files appear whole or not at all: the setup first, for the time refers to it, then the time, then the list of what was
not imported. If it ends between them, the same command goes on: what stands in the folder is known.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from connectors.imports.checked import fault_of
from connectors.imports.events_file import numbered
from connectors.imports.products.assumed import with_assumed
from connectors.imports.products.budgets import Budgets, read_budgets
from connectors.imports.products.choices import Choices
from connectors.imports.products.entries import EVENT_ID_NAME_LENGTH_MAX, ImportedEntries, approver
from connectors.imports.products.export_file import Export, read_export
from connectors.imports.products.export_row import (
    NOT_APPROVED,
    NOT_WORK,
    REFUSED,
    ExportRow,
    NotTaken,
    by_currency,
    sums_of,
)
from connectors.imports.products.former import FormerEntry, FormerImport, read_known
from connectors.imports.products.forms import Forms
from connectors.imports.products.import_files import ImportFiles
from connectors.imports.products.matching import Matched, is_of_import, match
from connectors.imports.products.product import Product, lacks_approval, lacks_client
from connectors.imports.products.rates import given_rate
from connectors.imports.products.read_rows import (
    Apart,
    ReadRows,
    amounts_unused,
    in_one_currency,
    in_standing_currency,
    kept_apart,
    of_one_client,
    read_rows,
    refused,
)
from connectors.imports.products.setup import (
    Json,
    NotExtended,
    Unknown,
    company_of,
    lacks_company,
    not_extended,
    setup_events,
    unknown,
)
from connectors.imports.readings import decimal_text
from connectors.imports.refusals import ImportRefused
from connectors.imports.rejections import ByReason, RejectedRows, RowSums, rejected_json
from domain.counting import counted
from domain.identity import statement_id
from domain.policies import resolve
from domain.reference.exchange import BRIDGE
from domain.reference.zones import local_date
from domain.units import Instant

GONE = "gone"
# Stands in for a currency that has to be said, while rows are read to find what else has.
PLACEHOLDER = "EUR"
NOT_YET = "not approved; approve it and export again, or say --take-unapproved where the account approves nothing"
NOTHING_APPROVED = (
    "no row is approved; approve them and export again, or say --take-unapproved where the account approves nothing"
)
# Days; a contract or a company may say otherwise.
RATE_AGE_MAX = resolve().rate_staleness_days


class ImportChanges(NamedTuple):
    """What became of the imported rows, and the entries that were withdrawn because no row is them any more."""

    new: int
    changed: int
    moved: int
    unchanged: int
    withdrawn: int


class TakenAsApproved(NamedTuple):
    """Imported rows of which the export does not say that they are approved; `is_named` where a person vouches."""

    rows: int
    approved_by: str
    is_named: bool
    has_column: bool


class FeesInvoiced(NamedTuple):
    """What the tracker has invoiced of a project whose budget is of fees; no revenue here."""

    project_id: str
    currency: str
    amount: Decimal


class Rounded(NamedTuple):
    """Imported rows that the tracker bills by rounded hours."""

    rows: int
    worked: Decimal
    billed: Decimal


class ImportedExport(NamedTuple):
    """Rows read are imported, not approved, no work or refused, in rows, hours and amounts.

    What the tracker has invoiced is billed elsewhere, or here where it was imported so. `priced` is hours x rate of the imported rows and
    `billed` what of it is billed here. `differing` are those rows whose amount in the export, or to the second, is another, by `most_apart`
    at most. `amounts_unused` are columns of amounts that gave no rate. `unknown` is what entries refer to and neither the folder nor the
    setup has; `not_extended` are contracts that would have lines for projects of it, and that this import leaves as they are.
    `first_statement` is the id of the first statement that the setup's contracts give.
    """

    product: Product
    forms: Forms
    first_day: date | None
    last_day: date | None
    read: RowSums
    imported: RowSums
    not_approved: RowSums
    not_work: RowSums
    refused: RowSums
    priced: Mapping[str, Decimal]
    billed: Mapping[str, Decimal]
    invoiced_elsewhere: RowSums
    invoiced_here: RowSums
    rounded: Rounded
    apart: tuple[Apart, ...]
    amounts_unused: tuple[str, ...]
    changes: ImportChanges
    gone: tuple[FormerEntry, ...]
    unrated: int
    rated_at_zero: int
    rates_unused: int
    differing: int
    most_apart: Decimal
    taken_as_approved: TakenAsApproved
    rated_by_option: int
    rated_by_contract: int
    unknown: Unknown
    not_extended: Mapping[NotExtended, tuple[str, ...]]
    first_statement: str | None
    foreign: tuple[str, ...]
    rates_lack: tuple[tuple[str, date, date], ...]
    unbudgeted: tuple[str, ...]
    fees_invoiced: tuple[FeesInvoiced, ...]
    events: tuple[tuple[str, int], ...]
    setup_path: Path | None
    events_path: Path | None
    listed_path: Path | None
    rejected_rows: tuple[RejectedRows, ...]
    is_dry_run: bool


def import_export(
    path: Path, product: Product | None, choices: Choices, folder: Path, name: str, now: Instant
) -> ImportedExport:
    """Writes `<product>-<name>.setup.jsonl`, `.jsonl` and `.rejected.jsonl`, each where it has something to say.

    Nothing is known later than `now`. A name that is there already gets a number. Raises ImportRefused, and then nothing is
    written. Long, because it is the order of an import: all that refuses it comes before the files are written.
    """
    if choices.budgets is not None and not choices.bootstrap:
        raise ImportRefused("--budgets: budgets are written with --bootstrap; say it too")
    for each in choices.known:
        if not each.is_dir():
            raise ImportRefused(f"--known: expected a folder with .jsonl or .avro files, came {each}")
    export = read_export(path, product, choices.encoding)
    source = export.product.key
    if not export.rows:
        raise ImportRefused(
            f"{path}: no rows: the header of {export.product.title} and nothing below it, so there is nothing to import;"
            f" choose the days of the report and export again ({export.product.export})"
        )
    files = ImportFiles(folder, source, name, choices)
    known = read_known(source, (folder, *choices.known), files.written_over())
    _check_one_way(export.product, known, folder)
    company = company_of(known, choices, folder)
    lacks = list(lacks_company(company, choices.bootstrap))
    lacks += lacks_client(export.product, export.header, export.header_line, choices.client)
    lacks += lacks_approval(export.product, export.header, export.header_line, choices.take_unapproved)
    # Where something is lacking, nothing is written, and rows are read only to say what else is.
    zone, currency = company.zone or "UTC", company.currency or (PLACEHOLDER if lacks else None)
    choices = choices._replace(
        zone=zone,
        rows_currency=choices.rows_currency or currency,
        today=None if choices.allow_future else local_date(now, zone),
    )
    rows = read_rows(export, choices, str(path))
    clients = _clients_of_ours(known)
    rows = kept_apart(rows, clients, {*known.projects, *(entry.project_id for entry in known.entries.values())})
    rows = of_one_client(rows, clients)
    rows = in_one_currency(rows, _currencies_of_ours(known))
    standing = not_extended({row.client.id for row in rows.taken}, known)
    rows = in_standing_currency(rows, {client: contract.currency for client, contract in standing.items()})
    assumed = with_assumed(rows.taken, choices, known, folder)
    matching = match(source, assumed.rows, known.entries, _keys_of_refused(export.product, rows))
    matching = matching._replace(matched=tuple(map(_billed_where_it_was, matching.matched)))
    taken = [each for each in matching.matched if each.row.is_approved is not False or choices.take_unapproved]
    waiting = [each for each in matching.matched if each.row.is_approved is False and not choices.take_unapproved]
    lacks += rows.unsettled
    if choices.bootstrap:
        lacks += _lacks_rates([each.row for each in matching.matched], known)
    if lacks:
        raise ImportRefused(_lacking(path, [*lacks, *([NOTHING_APPROVED] if waiting and not taken else [])]))
    taken, invalid = ImportedEntries(source, files.name, choices, {}, now).checked(taken)
    budgets = {} if choices.budgets is None else read_budgets(choices.budgets, export.product, choices)
    rows_taken = [each.row for each in taken]
    setup = setup_events(rows_taken, company, known, now, budgets) if choices.bootstrap else []
    _check_setup(setup, path)
    for event in setup:
        known.take(event)
    rates_of_ours = known.rates_of_ours()
    rates = {} if choices.contract_rates else rates_of_ours
    writer = ImportedEntries(source, files.name, choices, rates, now)
    entries = writer.events(taken)
    not_taken = (*rows.not_taken, *(_not_approved(each) for each in waiting), *invalid)
    gone = (*_unapproved_again(waiting), *matching.gone)
    if choices.withdraw_missing:
        _check_may_withdraw(not_taken, gone, path)
        entries += [writer.withdrawn(entry) for entry in gone]
    foreign = _foreign(rows_taken, known, company.currency)
    whole = _summed(export, rows, [*rows_taken, *not_taken])
    of_setup = numbered(setup, f"{source}:{files.name[:EVENT_ID_NAME_LENGTH_MAX]}:setup")
    setup_path, events_path, listed_path = files.write(of_setup, entries, _listed(not_taken, gone))
    lacking = unknown(rows_taken, known)
    of_others = known.contracted - rates_of_ours.keys()
    rounded = [row for row in rows_taken if row.billed_hours is not None]
    return ImportedExport(
        product=export.product,
        forms=rows.forms,
        first_day=min((row.day for row in rows_taken), default=None),
        last_day=max((row.day for row in rows_taken), default=None),
        read=whole,
        imported=sums_of(rows_taken),
        not_approved=_of_status(not_taken, NOT_APPROVED),
        not_work=_of_status(not_taken, NOT_WORK),
        refused=_of_status(not_taken, REFUSED),
        priced=by_currency((row.currency, row.value) for row in rows_taken),
        billed=by_currency((row.currency, row.value if row.is_billed else Decimal(0)) for row in rows_taken),
        invoiced_elsewhere=sums_of(row for row in rows_taken if row.billed_elsewhere),
        invoiced_here=sums_of(each.row for each in taken if each.invoiced_here),
        rounded=Rounded(
            len(rounded),
            sum((row.hours for row in rounded), Decimal(0)),
            sum((row.priced_hours for row in rounded), Decimal(0)),
        ),
        apart=rows.apart,
        amounts_unused=amounts_unused(export, rows),
        changes=_changes(taken, len(gone) if choices.withdraw_missing else 0),
        gone=gone,
        unrated=sum(row.is_billed and row.rate is None for row in rows_taken),
        rated_at_zero=sum(
            row.is_billed and row.rate == 0 and row.hours > 0 and row.project.id not in of_others for row in rows_taken
        ),
        rates_unused=_rates_unused(rows_taken, of_others, known),
        differing=sum(row.amount != row.value for row in rows_taken),
        most_apart=max((abs(row.amount - row.value) for row in rows_taken), default=Decimal(0)),
        taken_as_approved=TakenAsApproved(
            rows=sum(not row.is_approved for row in rows_taken),
            approved_by=approver(export.product.key, choices, is_approved=False),
            is_named=choices.approved_by is not None,
            has_column=export.product.columns.approved in export.header,
        ),
        rated_by_option=assumed.rated_by_option,
        rated_by_contract=assumed.rated_by_contract,
        unknown=lacking,
        not_extended=_not_extended(standing, rows_taken, lacking.contracts),
        first_statement=_first_statement(setup, rows_taken),
        foreign=tuple(sorted({currency for currency, _ in foreign})),
        rates_lack=tuple(_rates_lack(foreign, known)),
        unbudgeted=() if choices.budgets is None else _unbudgeted(rows_taken, budgets),
        fees_invoiced=_fees_invoiced(rows_taken, budgets),
        events=tuple(Counter(str(event["type"]) for event in (*setup, *entries)).items()),
        setup_path=setup_path,
        events_path=events_path,
        listed_path=listed_path,
        rejected_rows=_rejected_rows(not_taken),
        is_dry_run=choices.dry_run,
    )


def _not_extended(
    standing: Mapping[str, NotExtended], rows: Iterable[ExportRow], lacking: Collection[str]
) -> dict[NotExtended, tuple[str, ...]]:
    """With the projects that lack a line in them."""
    projects: dict[str, set[str]] = {}
    for row in rows:
        if row.project.id in lacking and row.client.id in standing:
            projects.setdefault(row.client.id, set()).add(row.project.id)
    return {standing[client]: tuple(sorted(of)) for client, of in sorted(projects.items())}


def _lacking(path: Path, lacks: Sequence[str]) -> str:
    if len(lacks) == 1:
        return f"{path}: {lacks[0]}"
    return "\n".join((f"{path}: {len(lacks)} things have to be said:", *(f"- {each}" for each in lacks)))


def _billed_where_it_was(matched: Matched) -> Matched:
    """What was imported to be billed here stays so when the tracker marks it as invoiced, for that may be our own statement."""
    former = matched.former or matched.moved_from
    if former is None or not (former.is_live and former.billable and matched.row.billed_elsewhere):
        return matched
    return matched._replace(row=matched.row._replace(billed_elsewhere=False), invoiced_here=True)


def _foreign(rows: Iterable[ExportRow], known: FormerImport, currency: str) -> dict[tuple[str, str], list[date]]:
    """Days of work by its currency and another one that its company keeps its books in.

    `currency` is that of the one company of projects whose company is not known; empty where there are several.
    """
    companies = {entity: str(event["currency"]) for entity, event in known.entities.items()}
    found: defaultdict[tuple[str, str], list[date]] = defaultdict(list)
    for row in rows:
        ours = companies.get(str(known.projects.get(row.project.id, {}).get("legal_entity_id")), currency)
        if ours not in ("", row.currency):
            found[row.currency, ours].append(row.day)
    return found


def _rates_unused(rows: Iterable[ExportRow], of_others: Collection[str], known: FormerImport) -> int:
    """Rows with a rate of their own, of projects for which a contract of another source gives another."""
    rates = known.rates()
    stated = [row for row in rows if row.is_billed and row.stated_rate and row.project.id in of_others]
    return sum(given_rate(rates.get(row.project.id, ()), row) != row.stated_rate for row in stated)


def _rates_lack(
    foreign: Mapping[tuple[str, str], Sequence[date]], known: FormerImport
) -> Iterator[tuple[str, date, date]]:
    """Currencies with first and last day of their work, where a day of it has no rate that is fresh enough; the euro needs none."""
    for sides, days in sorted(foreign.items()):
        legs = [known.rate_days.get(side, ()) for side in sides if side != BRIDGE]
        if not all(_is_covered(day, leg) for day in set(days) for leg in legs):
            yield sides[0], min(days), max(days)


def _is_covered(day: date, rated: Collection[date]) -> bool:
    return any(day - timedelta(days=age) in rated for age in range(RATE_AGE_MAX + 1))


def _keys_of_refused(product: Product, rows: ReadRows) -> list[tuple[str, ...]]:
    """None where the vendor's ids tell entries apart."""
    return [] if product.columns.id else [each.key for each in rows.not_taken if each.key is not None]


def _unbudgeted(rows: Iterable[ExportRow], budgets: Budgets) -> tuple[str, ...]:
    """Projects with work of which the export of projects states no budget."""
    return tuple(sorted({row.project.id for row in rows if (row.client.name, row.project.name) not in budgets}))


def _fees_invoiced(rows: Iterable[ExportRow], budgets: Budgets) -> tuple[FeesInvoiced, ...]:
    """By project and currency, in their order."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        budget = budgets.get((row.client.name, row.project.name))
        if row.billed_elsewhere and budget is not None and budget.fees is not None:
            found[row.project.id, row.currency] += row.amount
    return tuple(FeesInvoiced(*key, amount) for key, amount in sorted(found.items()))


def _check_one_way(product: Product, known: FormerImport, folder: Path) -> None:
    """Ids of another way of importing are others, so that the same work would be there twice; solidtime's are its own."""
    if product.columns.id:
        return
    other = next((entry for entry in known.entries.values() if not is_of_import(product.key, entry)), None)
    if other is not None:
        raise ImportRefused(
            f"{folder}: holds time of {product.key} that another way has brought (entry {other.entry_id}), such as milepost"
            " import csv with a mapping, under ids of its own: the same work would be there twice; go on in that way, or"
            " give another --out"
        )


def _clients_of_ours(known: FormerImport) -> dict[str, str]:
    ours = (project for project in known.projects.values() if project.get("source") == known.source)
    return {project["project_id"]: project["customer_id"] for project in ours if project.get("customer_id")}


def _currencies_of_ours(known: FormerImport) -> dict[str, str]:
    return {contract["customer_id"]: contract["currency"] for contract in known.contracts_of_ours()}


def _lacks_rates(rows: Sequence[ExportRow], known: FormerImport) -> Iterator[str]:
    """An export that has no rates or costs at all cannot be billed, and a made-up one would be wrong money."""
    billable = [row for row in rows if row.is_billed and row.project.id not in known.contracted]
    if billable and all(row.rate is None for row in billable):
        yield "has no rates; say --rate, per hour, for --bootstrap (the file can be edited then)"
    if rows and all(row.cost_rate is None for row in rows):
        yield (
            "has no costs; say --cost-rate, what an hour costs the company, for --bootstrap (0 if it is not known; the"
            " file can be edited then)"
        )


def _check_setup(setup: Iterable[Json], path: Path) -> None:
    for event in setup:
        fault = fault_of(event)
        if fault:
            raise ImportRefused(f"{path}: no {event['type']} can be written: {fault.field_path}: {fault.reason}")


def _check_may_withdraw(not_taken: Iterable[NotTaken], gone: Sequence[FormerEntry], path: Path) -> None:
    unread = [each for each in not_taken if each.status == REFUSED]
    if unread and gone:
        count = counted(len(unread), "row was", "rows were")
        raise ImportRefused(
            f"{path}: {count} refused (the first: {unread[0].rejected.sentence()}), and one of them may be an entry that"
            " seems missing; correct them, or import without --withdraw-missing"
        )


def _unapproved_again(waiting: Iterable[Matched]) -> tuple[FormerEntry, ...]:
    former = (each.former or each.moved_from for each in waiting)
    return tuple(entry for entry in former if entry is not None and entry.is_live)


def _not_approved(matched: Matched) -> NotTaken:
    reason = NOT_YET
    if matched.former is not None and matched.former.is_live:
        reason = (
            f"not approved any more; {matched.entry_id} stays as it was imported, unless --withdraw-missing is said"
        )
    return refused(matched.row, "Approved?", matched.row.cells.get("Approved?", ""), reason, NOT_APPROVED)


def _listed(not_taken: Iterable[NotTaken], gone: Iterable[FormerEntry]) -> list[Json]:
    rows = sorted(not_taken, key=lambda each: each.rejected.line)
    return [
        *({"status": each.status, **rejected_json(each.rejected)} for each in rows),
        *(_gone(entry) for entry in gone),
    ]


def _gone(entry: FormerEntry) -> Json:
    return {
        "status": GONE,
        "entry_id": entry.entry_id,
        "project_id": entry.project_id,
        "person_id": entry.person_id,
        "worked_on": entry.day.isoformat() if entry.day else None,
        "hours": decimal_text(entry.hours),
        "reason": "was imported and is not in this export, or not approved any more; --withdraw-missing withdraws it",
    }


def _first_statement(setup: Iterable[Json], rows: Iterable[ExportRow]) -> str | None:
    contracts = {event["customer_id"]: event["contract_id"] for event in setup if event["type"] == "ContractSigned"}
    billable = [row for row in rows if row.is_billed and row.rate and row.client.id in contracts]
    first = min(billable, key=lambda row: (row.day, row.client.id), default=None)
    if first is None:
        return None
    month = first.day.replace(day=1).isoformat()
    return statement_id(first.client.id, contracts[first.client.id], first.client.id, month, 1)


def _summed(export: Export, rows: ReadRows, each: Iterable[ExportRow | NotTaken]) -> RowSums:
    """Of all rows. Raises AssertionError where the parts are not the whole, for then a row was lost."""
    whole = sums_of(each)
    if whole.rows != len(export.rows) or whole.hours != rows.hours:
        raise AssertionError(
            f"{whole.rows} rows and {whole.hours} hours are accounted for, expected {len(export.rows)} and {rows.hours}"
        )
    return whole


def _of_status(not_taken: Iterable[NotTaken], status: str) -> RowSums:
    return sums_of(each for each in not_taken if each.status == status)


def _rejected_rows(not_taken: Iterable[NotTaken]) -> tuple[RejectedRows, ...]:
    rejected_rows = ByReason()
    for each in not_taken:
        if each.status == REFUSED:
            rejected_rows.add(each.rejected, each.hours, each.amount, each.currency)
    return rejected_rows.by_reason()


def _changes(imported: Iterable[Matched], withdrawn: int) -> ImportChanges:
    counts = Counter(
        "unchanged" if each.is_unchanged else "moved" if each.moved_from else "changed" if each.former else "new"
        for each in imported
    )
    return ImportChanges(counts["new"], counts["changed"], counts["moved"], counts["unchanged"], withdrawn)
