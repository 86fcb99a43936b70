"""`milepost statement`: a statement to send or to load elsewhere, and what changed between two."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.money import format_amount
from milepost.console import LOCALE, amount_text, echo, no_formula, say, shape, shell_word, tell, write_json
from milepost.exit_codes import FAILURE
from milepost.html_file import HtmlFile, write_page

if TYPE_CHECKING:
    from connectors.files.lookup import FoundStatement
    from domain.outputs import StatementLine
    from milepost.statement_diff import LineChange, RevisionDifference
    from milepost.statement_groups import StatementGroup
    from milepost.statement_sheet import StatementSheet
    from milepost.tables import Table

PREVIOUS = "previous"
CSV_COLUMNS = (
    *("statement_id", "revision", "status", "group", "line", "project_id", "line_id", "person_id", "person", "role"),
    *("task", "description", "service_from", "service_to", "quantity", "unit", "rate", "markup_percent", "amount"),
    *("currency", "flags", "entries"),
)


class GroupName(StrEnum):
    PROJECT = "project"
    PERSON = "person"
    TASK = "task"
    WEEK = "week"


def statement(
    output: Annotated[Path, typer.Option("--output", help="Output folder of a run.", show_default=False)],
    id_: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Id of a statement; without it all are listed.", show_default=False),
    ] = None,
    html: HtmlFile = None,
    pdf: Annotated[
        Path | None,
        typer.Option(
            "--pdf",
            metavar="FILE",
            help="Write it as a PDF into this file; with --period one file a statement into this folder.",
            show_default=False,
        ),
    ] = None,
    invoice: Annotated[
        Path | None,
        typer.Option(
            "--e-invoice",
            metavar="FILE",
            help="Write it as an e-invoice (Peppol, EN 16931) into this file; with --period into this folder.",
            show_default=False,
        ),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            "--period",
            metavar="MONTH",
            help="All statements of billing periods that end in this month.",
            show_default=False,
        ),
    ] = None,
    entity: Annotated[
        str | None,
        typer.Option("--entity", metavar="ID", help="With --period: those of this legal entity.", show_default=False),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, one row a line.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    group_by: Annotated[
        GroupName, typer.Option("--group-by", help="What lines stand together by.")
    ] = GroupName.PROJECT,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Name people, or give only their roles.")] = True,
    locale: Annotated[
        str, typer.Option("--locale", help="Language and country of the reader, such as de_DE.")
    ] = LOCALE,
    revision: Annotated[int | None, typer.Option("--revision", min=1, help="Without it the newest.")] = None,
    diff: Annotated[
        str | None,
        typer.Option(
            "--diff", metavar="WITH", help=f"What changed since: a revision, another statement, or {PREVIOUS}."
        ),
    ] = None,
) -> None:
    """Show a statement as the customer gets it: lines in groups that foot, what is unusual marked."""
    from connectors.files.no_outputs import NoOutputs
    from milepost.locales import UnknownLocale

    if sum((html is not None, as_csv, json)) > 1:
        raise typer.BadParameter("expected one of --html, --csv and --json", param_hint="--html")
    _check_period(id_, period, entity, pdf, invoice)
    try:
        if period is not None:
            _tell_period(output, period, entity, pdf, invoice, group_by, locale, names=names)
            return
        if id_ is None:
            _list(output, json=json, page=any((html, as_csv, diff, revision, pdf, invoice)))
            return
        issued = _issued(output, id_, revision)
        if diff is not None:
            if html is not None or as_csv or pdf is not None or invoice is not None:
                raise typer.BadParameter("a difference is shown as text or --json", param_hint="--diff")
            _tell_difference(_other(output, issued, diff), issued, names=names, json=json)
            return
        sheet = _sheet(output, issued, group_by, locale, names=names)
    except NoOutputs as fault:
        raise typer.BadParameter(str(fault), param_hint="--output") from fault
    except UnknownLocale as fault:
        raise typer.BadParameter(str(fault), param_hint="--locale") from fault
    if pdf is not None or invoice is not None:
        _write(sheet, pdf, invoice)
        if not (html or as_csv or json):
            return
    _tell(sheet, output, html=html, as_csv=as_csv, json=json)


# Files to send


def _check_period(
    id_: str | None, period: str | None, entity: str | None, pdf: Path | None, invoice: Path | None
) -> None:
    if period is None and entity is not None:
        raise typer.BadParameter("expected --period with it", param_hint="--entity")
    if period is not None and id_ is not None:
        raise typer.BadParameter("expected an id or --period, got both", param_hint="--period")
    if period is not None and pdf is None and invoice is None:
        raise typer.BadParameter("expected --pdf FOLDER, --e-invoice FOLDER or both with it", param_hint="--period")


def _write(sheet: StatementSheet, pdf: Path | None, invoice: Path | None) -> None:
    """The PDF first: what is missing for an e-invoice does not hold it up."""
    from connectors.files.writing import replace_file
    from milepost.e_invoice import NoEInvoice, e_invoice
    from milepost.statement_pdf import statement_pdf

    if pdf is not None:
        replace_file(pdf, statement_pdf(sheet))
        say(f"Written to {pdf}")
    if invoice is not None:
        try:
            replace_file(invoice, e_invoice(sheet))
        except NoEInvoice as fault:
            say(str(fault))
            raise typer.Exit(FAILURE) from fault
        say(f"Written to {invoice}")


def _tell_period(
    output: Path,
    period: str,
    entity: str | None,
    pdf: Path | None,
    invoice: Path | None,
    group_by: GroupName,
    locale: str,
    *,
    names: bool,
) -> None:
    from connectors.files.lookup import newest_statements
    from milepost.statement_files import of_period, write_files

    try:
        found = of_period(newest_statements(output), period, entity)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--period") from fault
    if not found:
        whose = f" of {entity}" if entity is not None else ""
        message = (
            f"no statement{whose} is issued for a billing period that ends in {period}; milepost statement lists all"
        )
        raise typer.BadParameter(message, param_hint="--period")
    made = write_files(_sheets(output, found, group_by, locale, names=names), pdf, invoice)
    for lack in made.lacking:
        say(lack)
    told = [f"{made.pdfs} PDFs in {pdf}"] if pdf is not None else []
    told += [f"{made.e_invoices} e-invoices in {invoice}"] if invoice is not None else []
    say(f"{len(found)} statements: {', '.join(told)}")
    if made.lacking:
        raise typer.Exit(FAILURE)


def _tell(sheet: StatementSheet, output: Path, *, html: Path | None, as_csv: bool, json: bool) -> None:
    from milepost.statement_page import statement_page
    from milepost.tables import show

    if html is not None:
        write_page(html, statement_page(sheet))
    elif as_csv:
        _write_csv(sheet)
    elif json:
        write_json(as_json(sheet))
    else:
        tell("\n".join(head(sheet)) + "\n")
        show(lines_table(sheet))
        say(
            f"\nNext: milepost statement {shell_word(sheet.statement.statement_id)} --html statement.html --output {shell_word(output)}"
        )


# All of them


def _list(output: Path, *, json: bool, page: bool) -> None:
    """Each in its newest revision, in the order in which they were issued; `page` says that one was meant."""
    from connectors.files.lookup import newest_statements
    from milepost.days import last_day
    from milepost.statement_sheet import status_word
    from milepost.tables import Table, show

    if page:
        message = "expected the id of a statement; without one and without these options all are listed"
        raise typer.BadParameter(message, param_hint="ID")
    found = [issued.statement for issued in newest_statements(output)]
    if json:
        from connectors.json_records import record_to_json

        listed = [{name: value for name, value in record_to_json(one).items() if name != "lines"} for one in found]
        write_json(shape(1, statements=listed))
        return
    rows = [
        (
            one.statement_id,
            f"{one.revision}",
            status_word(one),
            f"{one.period}",
            f"{last_day(one.to)}",
            amount_text(one.amount_due),
            one.currency,
            one.number or "",
            f"{one.due_on or ''}",
        )
        for one in found
    ]
    columns = ("statement", "revision", "status", "from", "to", "amount due", "currency", "number", "due on")
    kept = len(columns) if any(one.number for one in found) else 7
    show(Table("Statements", columns[:kept], [row[:kept] for row in rows], frozenset({1, 5})))
    if found:
        say(f"\nNext: milepost statement {shell_word(found[-1].statement_id)} --output {shell_word(output)}")


# What is asked for


def _issued(output: Path, wanted: str, revision: int | None, param_hint: str = "--revision") -> FoundStatement:
    from connectors.files.lookup import statement_ids, statement_revisions
    from milepost.unknown_id import unknown_id

    found = statement_revisions(output, wanted)
    if not found:
        raise unknown_id(output, wanted, "a statement", statement_ids(output), "milepost dump billing.statements")
    if revision is None:
        return found[-1]
    for issued in found:
        if issued.statement.revision == revision:
            return issued
    known = ", ".join(str(issued.statement.revision) for issued in found)
    raise typer.BadParameter(f"expected one of its revisions, {known}; got {revision}", param_hint=param_hint)


def _other(output: Path, issued: FoundStatement, wanted: str) -> FoundStatement:
    """The revision or statement to compare with."""
    own = issued.statement
    if wanted == PREVIOUS:
        return _previous(output, issued)
    if wanted.isdigit():
        return _issued(output, own.statement_id, int(wanted), "--diff")
    found = _issued(output, wanted, None)
    if found.statement.contract_id != own.contract_id:
        message = f"expected another statement of contract {own.contract_id}; {wanted} is one of {found.statement.contract_id}"
        raise typer.BadParameter(message, param_hint="--diff")
    return found


def _previous(output: Path, issued: FoundStatement) -> FoundStatement:
    """The revision before, else the contract's statement before."""
    from connectors.files.lookup import statement_revisions, statements_of

    own = issued.statement
    earlier = [each for each in statement_revisions(output, own.statement_id) if each.statement.revision < own.revision]
    if not earlier:
        before = (
            each
            for each in statements_of(output, own.contract_id)
            if each.position.output_seq < issued.position.output_seq
        )
        earlier = [each for each in before if each.statement.statement_id != own.statement_id]
    if not earlier:
        message = f"{own.statement_id} is the first statement of contract {own.contract_id}, and has one revision"
        raise typer.BadParameter(message, param_hint="--diff")
    return earlier[-1]


def _sheet(output: Path, issued: FoundStatement, group_by: GroupName, locale: str, *, names: bool) -> StatementSheet:
    return _sheets(output, [issued], group_by, locale, names=names)[0]


def _sheets(
    output: Path, several: Sequence[FoundStatement], group_by: GroupName, locale: str, *, names: bool
) -> list[StatementSheet]:
    """Together, so that the log is read once for all."""
    from connectors.files.statement_background import backgrounds
    from milepost.locales import writing
    from milepost.statement_files import logo_of
    from milepost.statement_sheet import StatementSheet

    if not names and group_by is GroupName.PERSON:
        raise typer.BadParameter("expected --names with --group-by person", param_hint="--no-names")
    logos = {entity_id: logo_of(entity_id) for entity_id in {one.statement.legal_entity_id for one in several}}
    return [
        StatementSheet(
            issued,
            background,
            group_by.value,
            _groups(output, issued, group_by),
            writing(locale, issued.statement.currency),
            names,
            logos[issued.statement.legal_entity_id],
        )
        for issued, background in zip(several, backgrounds(output, several), strict=True)
    ]


def _groups(output: Path, issued: FoundStatement, group_by: GroupName) -> tuple[StatementGroup, ...]:
    from connectors.files.statement_background import accrued_by_entry
    from milepost.statement_groups import EntryShare, grouped_lines

    shares = {}
    if group_by is GroupName.WEEK:
        accrued = accrued_by_entry(output, issued)
        shares = {entry_id: EntryShare(each.amount, each.day) for entry_id, each in accrued.items()}
    return grouped_lines(issued.statement, group_by.value, shares)


# For people


def head(sheet: StatementSheet) -> list[str]:
    from milepost.days import last_day
    from milepost.statement_sheet import DATED, company_name, customer_name, is_draft, issued_on, status_word

    one = sheet.statement
    said = DATED.get(one.status, "issued").partition("_")[0]
    order = f", order {sheet.background.purchase_order}" if sheet.background.purchase_order else ""
    return [
        f"Statement {one.statement_id}, revision {one.revision}, {status_word(one)}"
        + (f", number {one.number}" if one.number is not None else ""),
        f"to {customer_name(sheet)} from {company_name(sheet)}, contract {one.contract_id}{order}",
        f"period {sheet.writing.span(one.period, last_day(one.to))}, {said} on {sheet.writing.short_day(issued_on(sheet))}",
        *([sheet.words[one.status]] if is_draft(one) else []),
    ]


def lines_table(sheet: StatementSheet) -> Table:
    """With the title of each group above it and, where there are several, its subtotal below."""
    from milepost.statement_sheet import group_title, hour_places, hours_of, person_column, sums, tax_sums, title
    from milepost.tables import Table

    rows: list[tuple[str, ...]] = []
    for group in sheet.groups:
        rows.append(("", group_title(sheet, group), "", "", "", ""))
        rows += [_row(sheet, line) for line in group.lines_only]
        if len(sheet.groups) > 1:
            quantity = sheet.writing.quantity(hours_of(sheet, group), hour_places(sheet))
            amount = sheet.writing.amount(group.amount)
            rows.append(("", sheet.words["subtotal"], "", quantity, "", amount))
    totals = [("", name, "", "", "", sheet.writing.money(amount)) for name, amount in sums(sheet)]
    totals += [("", name, "", "", "", text) for name, text in tax_sums(sheet)]
    words = sheet.words
    columns = tuple(words[name] for name in ("date", "description", person_column(sheet), "hours", "rate", "amount"))
    return Table(
        f"{title(sheet)}, {sheet.statement.currency}", columns, [*rows, *totals], frozenset({3, 4, 5}), len(totals)
    )


def _row(sheet: StatementSheet, line: StatementLine) -> tuple[str, ...]:
    from milepost.statement_lines import added_to_rate
    from milepost.statement_sheet import marks, person_or_role, quantity_text, task_beside
    from milepost.tables import short_text

    told = [sheet.words[flag] for flag in marks(line)]
    if task := task_beside(sheet, line):
        told.insert(0, task)
    if sheet.by != "project" and len({each.project_id for each in sheet.statement.lines}) > 1:
        told.insert(0, sheet.background.projects.get(line.project_id, line.project_id))
    if line.markup_percent:
        told.append(
            sheet.words[added_to_rate(line, sheet.background.entries)].format(
                percent=sheet.writing.percent(line.markup_percent)
            )
        )
    return (
        f"{sheet.writing.span(line.service_from, line.service_to)}",
        short_text(line.description) + (f" ({', '.join(told)})" if told else ""),
        person_or_role(sheet, line),
        quantity_text(sheet, line),
        sheet.writing.rate(line.rate),
        sheet.writing.amount(line.amount),
    )


# For machines


def _write_csv(sheet: StatementSheet) -> None:
    text = io.StringIO()
    written = csv.writer(text, lineterminator="\n")
    written.writerow(CSV_COLUMNS)
    written.writerows(_csv_rows(sheet))
    echo(text.getvalue(), nl=False)


def _csv_rows(sheet: StatementSheet) -> Iterator[Sequence[object]]:
    """Numbers plain and exact; lists with blanks between. What somebody typed never begins a formula in a spreadsheet."""
    one = sheet.statement
    for group in sheet.groups:
        for number, line in group.lines:
            row = _line_json(line)
            yield (
                *(no_formula(one.statement_id), one.revision, one.status, no_formula(group.key), number),
                *(no_formula(line.project_id), no_formula(line.line_id)),
                *(no_formula(line.person_id) if sheet.names else "", no_formula(_person(sheet, line))),
                *(
                    no_formula(line.role),
                    no_formula(line.task),
                    no_formula(line.description),
                    line.service_from,
                    line.service_to,
                ),
                *(row["quantity"], line.unit, row["rate"], row["markup_percent"], row["amount"]),
                *(one.currency, " ".join(line.flags), no_formula(" ".join(line.entries))),
            )


def _person(sheet: StatementSheet, line: StatementLine) -> str:
    if not sheet.names or line.person_id is None:
        return ""
    return sheet.background.people.get(line.person_id, "")


def as_json(sheet: StatementSheet) -> dict[str, Any]:
    """Version 1 of the shape; numbers are decimals as text."""
    from milepost.statement_sheet import company_name, customer_name, issued_on

    return shape(
        1,
        kind="statement",
        company=company_name(sheet),
        customer=customer_name(sheet),
        purchase_order=sheet.background.purchase_order,
        issued_on=issued_on(sheet).isoformat(),
        grouped_by=sheet.by,
        groups=[_group_json(sheet, group) for group in sheet.groups],
        statement=_statement_json(sheet),
    )


def _statement_json(sheet: StatementSheet) -> dict[str, Any]:
    from connectors.json_records import record_to_json

    found = record_to_json(sheet.statement, sheet.issued.position)
    if not sheet.names:
        found["lines"] = [{**line, "person_id": None} for line in found["lines"]]
    return found


def _group_json(sheet: StatementSheet, group: StatementGroup) -> dict[str, Any]:
    from milepost.statement_sheet import group_title

    return {
        "key": group.key,
        "title": group_title(sheet, group),
        "quantity": _plain_quantity(group.quantity),
        "amount": format_amount(group.amount),
        "lines": [
            {
                "number": number,
                "person": _person(sheet, line) or None,
                **_line_json(line),
                "entries": list(line.entries),
            }
            for number, line in group.lines
        ],
    }


def _line_json(line: StatementLine) -> dict[str, Any]:
    from connectors.json_values import decimal_text
    from domain.units import PERCENT_SCALE, RATE_SCALE

    return {
        "service_from": line.service_from.isoformat(),
        "service_to": line.service_to.isoformat(),
        "quantity": _plain_quantity(line.quantity),
        "rate": decimal_text(RATE_SCALE, 0, line.rate),
        "markup_percent": decimal_text(PERCENT_SCALE, 0, line.markup_percent),
        "amount": format_amount(line.amount),
    }


def _plain_quantity(quantity: int) -> str:
    from connectors.json_values import decimal_text
    from domain.units import HOURS_SCALE

    return decimal_text(HOURS_SCALE, 0, quantity)


# Differences


def _tell_difference(one: FoundStatement, other: FoundStatement, *, names: bool, json: bool) -> None:
    """The later of the two stands last, whichever was named first."""
    from milepost.statement_diff import difference
    from milepost.tables import show

    if one == other:
        raise typer.BadParameter("expected another revision or statement, got the same", param_hint="--diff")
    before, after = sorted((one, other), key=lambda issued: issued.position.output_seq)
    found = difference(before.statement, after.statement)
    if json:
        write_json(difference_json(found, names=names))
        return
    tell("\n".join(difference_head(found)) + "\n")
    show(*difference_tables(found, names=names))


def difference_head(found: RevisionDifference) -> list[str]:
    before, after = found.before, found.after
    if found.is_of_revisions:
        return [f"Statement {after.statement_id}, from revision {before.revision} to {after.revision}"]
    sums = {
        kind: amount_text(sum(change.amount for change in found.changes if change.kind == kind))
        for kind in ("corrected", "corrects another", "new")
        if any(change.kind == kind for change in found.changes)
    }
    told = ", ".join(f"{kind} {amount}" for kind, amount in sums.items())
    return [f"From statement {before.statement_id} to {after.statement_id}", f"in {after.currency}: {told}"]


def difference_tables(found: RevisionDifference, *, names: bool = True) -> list[Table]:
    from milepost.tables import Table

    rows = [_change_row(change, names=names) for change in found.changes]
    totals = (amount_text(found.before.total), "", amount_text(found.after.total))
    sums = ("", "", "total", "", totals[0], "", totals[2], amount_text(found.amount))
    columns = (
        "change",
        "who",
        "what",
        "hours before",
        "before",
        "hours after",
        "after",
        f"adds {found.after.currency}",
    )
    tables = [Table("Changes", columns, [*rows, sums] if rows else [], frozenset(range(3, 8)), 1)]
    if found.fields:
        tables.insert(0, Table("Head", ("field", "before", "after"), found.fields))
    return tables


def _change_row(change: LineChange, *, names: bool) -> tuple[str, ...]:
    from milepost.tables import hours_text, short_text

    line = change.line
    cells = [
        text
        for lines in (change.before, change.after)
        for text in (
            (hours_text(sum(one.quantity for one in lines)), amount_text(sum(one.amount for one in lines)))
            if lines
            else ("", "")
        )
    ]
    person = line.person_id or "" if names else ""
    who = f"{person} ({line.role})" if person and line.role else line.role or person
    return (change.kind, who, f"{line.line_id}, {short_text(line.description)}", *cells, amount_text(change.amount))


def difference_json(found: RevisionDifference, *, names: bool = True) -> dict[str, Any]:
    """Version 1 of the shape."""
    from connectors.json_records import record_to_json

    def told(lines: Sequence[StatementLine]) -> list[dict[str, Any]]:
        return [
            {
                "line_id": line.line_id,
                "person_id": line.person_id if names else None,
                **_line_json(line),
                "flags": list(line.flags),
                "entries": list(line.entries),
            }
            for line in lines
        ]

    heads = {
        name: {key: value for key, value in record_to_json(one).items() if key != "lines"}
        for name, one in (("before", found.before), ("after", found.after))
    }
    return shape(
        1,
        kind="statement_difference",
        **heads,
        fields=[{"field": name, "before": before, "after": after} for name, before, after in found.fields],
        changes=[
            {
                "kind": change.kind,
                "quantity": _plain_quantity(change.quantity),
                "amount": format_amount(change.amount),
                "before": told(change.before),
                "after": told(change.after),
            }
            for change in found.changes
        ],
        amount=format_amount(found.amount),
    )
