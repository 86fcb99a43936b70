"""`milepost projects`, `clients`, `receivables`, `unbilled`, `prepaid`, `people` and `period list`: the firm at a glance, at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from milepost.as_of import AsOf, indexing, moment_of, say_beyond
from milepost.console import LOCALE, say, shell_word, tell, write_json
from milepost.days import day_option, month_option
from milepost.html_file import HtmlFile, XlsxFile, file_option, target, write_page, write_text
from milepost.options import Json, Locale, Output, Verb, one_form, sharing
from milepost.tables import show

if TYPE_CHECKING:
    from milepost.glance.firm import FirmAtMoment
    from milepost.glance.sheet import Glance, GlanceReport
    from milepost.glance.wanted import Wanted

Company = Annotated[str | None, typer.Option("--company", help="Of one legal entity.")]
Client = Annotated[str | None, typer.Option("--client", help="Of one client, by id or name.")]
Sort = Annotated[
    str | None, typer.Option("--sort", metavar="COLUMN", help="Figures with the largest first, texts from A.")
]
OnlyOpen = Annotated[bool, typer.Option("--open", help="Only what has something open.")]
CsvFile = Annotated[Path | None, file_option("--csv", target, "Write it as CSV into this file; - is standard output.")]


class Chosen(NamedTuple):
    """Of what rows are; None is of anything."""

    company: Company = None
    client: Client = None
    project: Annotated[str | None, typer.Option("--project", help="Of one project.")] = None
    manager: Annotated[str | None, typer.Option("--manager", help="Of one project manager, by id or name.")] = None
    practice: Annotated[str | None, typer.Option("--practice", help="Of one practice.")] = None

    def rows(self, *, only_open: bool = False) -> Wanted:
        from milepost.glance.wanted import Wanted

        return Wanted(*self, only_open)


ANY: Final = Chosen()


class GlanceOptions(NamedTuple):
    """What all tables take; one of the forms, or none for a table."""

    output: Output
    sort: Sort = None
    as_of: AsOf = None
    csv: CsvFile = None
    html: HtmlFile = None
    xlsx: XlsxFile = None
    json: Json = False
    locale: Locale = LOCALE


def at_a_glance(verb: Callable[..., Glance]) -> Verb:
    """The command that shows what `verb` makes of a firm and its own options, as of a moment and in any form."""
    return sharing(GlanceOptions, verb, _shown, ("FirmAtMoment", "Glance"))


def _shown(options: GlanceOptions, table: Callable[[FirmAtMoment], Glance]) -> None:
    _check(options)
    with _firm(options.output, options.as_of) as firm:
        write_glance(_sorted(table(firm), options.sort), options)


@at_a_glance
def projects(firm: FirmAtMoment, chosen: Chosen = ANY, only_open: OnlyOpen = False) -> Glance:
    """Show each project: budget and what is burned of it, margin, what is unbilled, forecast, open exceptions."""
    from milepost.glance import projects as table

    return table.projects(firm, chosen.rows(only_open=only_open))


@at_a_glance
def clients(firm: FirmAtMoment, company: Company = None, client: Client = None, only_open: OnlyOpen = False) -> Glance:
    """Show each client: revenue, margin, what is unbilled, owed, overdue and paid ahead."""
    from milepost.glance import clients as table

    return table.clients(firm, Chosen(company, client).rows(only_open=only_open))


@at_a_glance
def receivables(firm: FirmAtMoment, chosen: Chosen = ANY) -> Glance:
    """Show what customers owe by invoice, aged by due date, with cash that is on no invoice and what they retain."""
    from milepost.glance import receivables as table

    return table.receivables(firm, chosen.rows())


@at_a_glance
def unbilled(firm: FirmAtMoment, chosen: Chosen = ANY) -> Glance:
    """Show what is earned and not invoiced, by age and by the reason why."""
    from milepost.glance import unbilled as table

    return table.unbilled(firm, chosen.rows())


@at_a_glance
def prepaid(
    firm: FirmAtMoment,
    since: Annotated[
        date | None, day_option("--since", "Before this day is brought forward; without it the month's first.")
    ] = None,
    chosen: Chosen = ANY,
    only_open: OnlyOpen = False,
) -> Glance:
    """Show retainers and deposits: brought forward, granted, used, expired, given back, left."""
    from milepost.glance import prepaid as table

    if since is not None and since > firm.today:
        message = f"expected a day up to {firm.today}, of which the figures are; got {since}"
        raise typer.BadParameter(message, param_hint="--since")
    return table.prepaid(firm, chosen.rows(only_open=only_open), since or firm.today.replace(day=1))


@at_a_glance
def periods(firm: FirmAtMoment, company: Company = None) -> Glance:
    """Show which accounting periods are closed, or open again: since when, why, and by whom."""
    from milepost.glance import periods as table

    return table.periods(firm, Chosen(company).rows())


@at_a_glance
def people(
    firm: FirmAtMoment,
    first: Annotated[date | None, month_option("--from", "First month, such as 2026-01.")] = None,
    last: Annotated[date | None, month_option("--to", "Last month; without it until the moment.")] = None,
    by_project: Annotated[bool, typer.Option("--by-project", help="A row a person and project.")] = False,
    chosen: Chosen = ANY,
) -> Glance:
    """Show each person: hours, billable share, cost, and how much of the capacity is used."""
    from domain.months import month_end
    from milepost.glance import people as table

    if first is not None and last is not None and last < first:
        raise typer.BadParameter(f"expected a month from {first:%Y-%m} on, got {last:%Y-%m}", param_hint="--to")
    months = table.MonthSpan(first, month_end(last) if last is not None else None)
    return table.people(firm, chosen.rows(), months, by_project=by_project)


def _check(form: GlanceOptions) -> None:
    one_form(csv=form.csv is not None, html=form.html is not None, xlsx=form.xlsx is not None, json=form.json)


@contextmanager
def _firm(output: Path, as_of: str | None) -> Iterator[FirmAtMoment]:
    from milepost.glance.firm import FirmAtMoment

    moment = moment_of(as_of, "--as-of") if as_of is not None else None
    with indexing() as progress:
        firm = FirmAtMoment(output, moment, progress)
    with firm:
        if as_of is not None and moment is not None:
            say_beyond(f"--as-of {as_of}", moment, firm.end)
        yield firm


def _sorted(glance: Glance, sort: str | None) -> Glance:
    from milepost.glance.sheet import in_order

    if sort is None:
        return glance
    column = glance.column(sort.replace("-", "_"))
    if column is None:
        names = ", ".join(each.name for each in glance.columns)
        raise typer.BadParameter(f"expected one of {names}; got {sort}", param_hint="--sort")
    return glance._replace(rows=in_order(glance.rows, column))


def write_glance(glance: Glance | GlanceReport, form: GlanceOptions) -> None:
    from milepost.glance import forms
    from milepost.glance.sheet import GlanceReport

    if form.json:
        write_json(forms.as_json(glance))
    elif form.csv is not None:
        write_text(form.csv, forms.as_csv(glance))
    elif form.html is not None:
        from milepost.locales import writing

        write_page(form.html, forms.as_page(glance, writing(form.locale, "")))
    elif form.xlsx is not None:
        from connectors.files.writing import replace_file
        from milepost.glance.spreadsheet import spreadsheet

        replace_file(form.xlsx, spreadsheet(glance))
        say(f"Written to {form.xlsx}")
    elif isinstance(glance, GlanceReport):
        show(*(forms.as_table(table) for _, table in glance.tables))
        _say_more(glance.notes, glance.kind, form.output)
    else:
        _show(glance, form.output)


def _show(glance: Glance, output: Path) -> None:
    from milepost.glance import forms

    if not glance.rows:
        tell(f"{forms.head(glance)}: none, since {glance.empty}")
        tell("\n" + "\n".join(forms.notes_of(glance)))
        return
    show(forms.as_table(glance))
    is_explained = any(column.kind.is_figure for column in glance.columns)
    _say_more(forms.notes_of(glance), glance.kind, output, is_explained=is_explained)


def _say_more(notes: Sequence[str], kind: str, output: Path, *, is_explained: bool = True) -> None:
    tell("\n" + "\n".join(notes))
    say(f"\nNext: the same with --html {kind}.html --output {shell_word(output)}")
    if is_explained:
        say("A page, and --json, name for each figure what milepost explain takes")
