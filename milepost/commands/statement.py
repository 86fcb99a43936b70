"""`milepost statement`: a statement to send or to load elsewhere, and what changed between two."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milepost.as_of import looking_back
from milepost.console import LOCALE, echo, say, shell_word, tell, write_json
from milepost.html_file import HtmlFile, write_page
from milepost.options import Json, Output, known_locale
from milepost.tables import show

if TYPE_CHECKING:
    from connectors.files.lookup import FoundStatement
    from milepost.statements.sheet import StatementSheet

PREVIOUS = "previous"


class GroupName(StrEnum):
    PROJECT = "project"
    PERSON = "person"
    TASK = "task"
    WEEK = "week"


@looking_back
def statement(
    output: Output,
    id_: Annotated[
        str | None, typer.Argument(metavar="ID", help="Id or number of a statement; without it all are listed.")
    ] = None,
    html: HtmlFile = None,
    pdf: Annotated[
        Path | None,
        typer.Option(
            "--pdf",
            metavar="FILE",
            help="Write it as a PDF into this file; with --period one file a statement into this folder.",
        ),
    ] = None,
    invoice: Annotated[
        Path | None,
        typer.Option(
            "--e-invoice",
            metavar="FILE",
            help="Write it as an e-invoice (Peppol, EN 16931) into this file; with --period into this folder.",
        ),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option("--period", metavar="MONTH", help="All statements of billing periods that end in this month."),
    ] = None,
    entity: Annotated[
        str | None, typer.Option("--entity", metavar="ID", help="With --period: those of this legal entity.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, one row a line.")] = False,
    json: Json = False,
    group_by: Annotated[
        GroupName, typer.Option("--group-by", help="What lines stand together by.")
    ] = GroupName.PROJECT,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Name people, or give only their roles.")] = True,
    locale: Annotated[
        str, typer.Option("--locale", callback=known_locale, help="Language and country of the reader, such as de_DE.")
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
    from milepost.statements.named import named_statement, of_revision
    from milepost.statements.sheets import SheetForm, sheets

    if sum((html is not None, as_csv, json)) > 1:
        raise typer.BadParameter("expected one of --html, --csv and --json", param_hint="--html")
    others = {"--html": html, "--csv": as_csv or None, "--json": json or None, "--revision": revision, "--diff": diff}
    _check_period(id_, period, entity, (pdf, invoice), [name for name, value in others.items() if value is not None])
    form = SheetForm(group_by.value, locale, names, invoice is not None)
    if period is not None:
        from milepost.statements.files import SentAs, WantedPeriod, send_period

        send_period(output, WantedPeriod(period, entity), SentAs(pdf, invoice), partial(sheets, output, form=form))
        return
    if id_ is None:
        _list(output, json=json, page=any((html, as_csv, diff, revision, pdf, invoice)))
        return
    issued = of_revision(output, named_statement(output, id_), revision)
    if diff is not None:
        if html is not None or as_csv or pdf is not None or invoice is not None:
            raise typer.BadParameter("a difference is shown as text or --json", param_hint="--diff")
        _tell_difference(_other(output, issued, diff), issued, names=names, json=json)
        return
    [sheet] = sheets(output, [issued], form)
    if pdf is not None or invoice is not None:
        from milepost.statements.files import SentAs, send_one

        send_one(sheet, SentAs(pdf, invoice))
        if not (html or as_csv or json):
            return
    _tell(sheet, output, html=html, as_csv=as_csv, json=json)


def _check_period(
    id_: str | None,
    period: str | None,
    entity: str | None,
    folders: tuple[Path | None, Path | None],
    others: Sequence[str],
) -> None:
    """`folders` are those of --pdf and --e-invoice; `others` the options given that show one statement alone."""
    if period is None:
        if entity is not None:
            raise typer.BadParameter("expected --period with it", param_hint="--entity")
        return
    if id_ is not None:
        raise typer.BadParameter("expected an id or --period, got both", param_hint="--period")
    if folders == (None, None):
        raise typer.BadParameter("expected --pdf FOLDER, --e-invoice FOLDER or both with it", param_hint="--period")
    for other in others:
        raise typer.BadParameter("expected one statement's id with it, not --period", param_hint=other)
    for option, folder, suffix in zip(("--pdf", "--e-invoice"), folders, (".pdf", ".xml"), strict=True):
        if folder is not None and (folder.suffix.lower() == suffix or folder.is_file()):
            raise typer.BadParameter(f"expected a folder beside --period, got the file {folder}", param_hint=option)


def _tell(sheet: StatementSheet, output: Path, *, html: Path | None, as_csv: bool, json: bool) -> None:
    from milepost.statements.data import statement_csv, statement_json
    from milepost.statements.page import statement_page
    from milepost.statements.text import head, lines_table

    if html is not None:
        write_page(html, statement_page(sheet))
    elif as_csv:
        echo(statement_csv(sheet), nl=False)
    elif json:
        write_json(statement_json(sheet))
    else:
        tell("\n".join(head(sheet)) + "\n")
        show(lines_table(sheet))
        say(
            f"\nNext: milepost statement {shell_word(sheet.statement.statement_id)} --html statement.html --output {shell_word(output)}"
        )


def _list(output: Path, *, json: bool, page: bool) -> None:
    """Each in its newest revision, in the order in which they were issued; `page` says that one was meant."""
    from connectors.files.lookup import newest_statements
    from connectors.files.statement_background import returned_by
    from milepost.statements.text import statements_json, statements_table

    if page:
        message = "expected the id of a statement; without one and without these options all are listed"
        raise typer.BadParameter(message, param_hint="ID")
    newest = list(newest_statements(output))
    found = [issued.statement for issued in newest]
    if json:
        write_json(statements_json(found))
        return
    returned = frozenset(each.statement.statement_id for each in newest if returned_by(output, each) is not None)
    show(statements_table(found, returned))
    if found:
        say(f"\nNext: milepost statement {shell_word(found[-1].statement_id)} --output {shell_word(output)}")


def _other(output: Path, issued: FoundStatement, wanted: str) -> FoundStatement:
    """The revision or statement to compare with: `previous`, the number of a revision, or another statement's id or number."""
    from milepost.statements.named import before, named_statement, of_revision

    own = issued.statement
    if wanted == PREVIOUS:
        return before(output, issued)
    if wanted.isdigit():
        return of_revision(output, issued, int(wanted), "--diff")
    found = named_statement(output, wanted, "--diff")
    if found.statement.contract_id != own.contract_id:
        message = f"expected another statement of contract {own.contract_id}; {wanted} is one of {found.statement.contract_id}"
        raise typer.BadParameter(message, param_hint="--diff")
    return found


def _tell_difference(one: FoundStatement, other: FoundStatement, *, names: bool, json: bool) -> None:
    """The later of the two stands last, whichever was named first."""
    from milepost.statements.diff import difference, difference_head, difference_json, difference_tables

    if one == other:
        raise typer.BadParameter("expected another revision or statement, got the same", param_hint="--diff")
    before, after = sorted((one, other), key=lambda issued: issued.position.output_seq)
    found = difference(before.statement, after.statement)
    if json:
        write_json(difference_json(found, names=names))
        return
    tell("\n".join(difference_head(found)) + "\n")
    show(*difference_tables(found, names=names))
