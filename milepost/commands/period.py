"""`milepost period`: accounting periods of a company are closed and opened again; what is open before, and what a close certified."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from milepost import exit_codes
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.commands.glance import CsvFile
from milepost.console import echo, say, shell_word, write_json
from milepost.html_file import HtmlFile, file_option, named_file, write_page, write_text
from milepost.options import Approver, Json, Output, Reason, one_form
from milepost.recording import Recording, records, stated_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflows.certificates import OfLog
    from domain.events.reference import LegalEntityDefined
    from domain.reference.book import PeriodChange, ReferenceBook
    from domain.reference.fiscal import AccountingPeriod
    from state.books import OpenException
    from state.store.reader import StoreReader


Company = Annotated[str, typer.Argument(metavar="COMPANY", help="Id of a legal entity.")]
Period = Annotated[str, typer.Argument(metavar="PERIOD", help="Its accounting period, such as 2026-05.")]
CLOSED, REOPENED = "AccountingPeriodClosed", "AccountingPeriodReopened"


class KnownPeriod(NamedTuple):
    """`last` is what was said last of it, taken in or on its way; `version` the highest that was sent, refused or not."""

    entity: LegalEntityDefined
    period: AccountingPeriod
    last: PeriodChange | None
    version: int


@records
def close(
    recording: Recording,
    entity: Company,
    period: Period,
    reason: Reason,
    approved_by: Approver,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept",
            metavar="CHECK=REASON",
            help="Close though this check finds something open; the reason is recorded. May be repeated.",
        ),
    ] = None,
) -> None:
    """Close an accounting period: work of it that comes later is posted on the next open day.

    First everything is checked that `milepost period check` lists. What is open, and forbids the close, ends it with 3.
    """
    _say(recording, CLOSED, (entity, period), reason, approved_by, accept or ())


@records
def reopen(recording: Recording, entity: Company, period: Period, reason: Reason, approved_by: Approver) -> None:
    """Open a closed accounting period again: what comes later may take its days; nothing that is posted moves."""
    _say(recording, REOPENED, (entity, period), reason, approved_by)


def _say(
    recording: Recording, type_name: str, of: tuple[str, str], reason: str, approved_by: str, accept: Sequence[str] = ()
) -> None:
    from milepost.deciding import other_person

    entity, name = of
    other_person(approved_by, recording.who)
    why = stated_reason(reason)
    with recording.books() as books:
        known = _known(recording, books, entity, name)
    last = known.last
    if last is not None and type(last).__name__ == type_name:
        who = f"asked for by {last.requested_by}, approved by {last.approved_by}"
        raise recording.done_before(f"Period {name} of {entity} is {_words(type_name)} already, {who}")
    if last is None and type_name == REOPENED:
        raise typer.BadParameter(
            f"expected a closed period of {entity}, got {name}, which is open; `milepost period list` shows what is closed",
            param_hint="PERIOD",
        )
    last_day, today = known.period.to - timedelta(days=1), recording.day(None, "--at")
    if type_name == CLOSED and last_day.isoformat() > today:
        raise typer.BadParameter(
            f"expected a period of {entity} that ends by {today}, got {name}, which ends on {last_day}; "
            "its work would be posted after it",
            param_hint="PERIOD",
        )
    if type_name == CLOSED:
        from milepost.closing.before_close import checked_reason

        why = checked_reason(recording, known.entity, known.period, why, accept)
    event = recording.event(
        type_name, legal_entity_id=entity, period=name, version=known.version + 1, approved_by=approved_by, reason=why
    )
    recording.send([event], "legal_entity_id")
    say(f"Period {name} of {entity} is {known.period.start} to {last_day}")


def later_than(recording: Recording, books: StoreReader, entity_id: str, day: date) -> str:
    """A sentence on a day of a closed period: when what is of it is posted; empty of a day that is open."""
    from domain.reference.fiscal import first_open_day, period_of
    from milepost.closing.before_close import with_recorded

    book = with_recorded(recording, book_of(books))
    entity = book.entity(entity_id)
    if entity is None:
        return ""
    open_day = first_open_day(entity.fiscal_calendar, book.closed_periods(entity_id), day)
    name = period_of(entity.fiscal_calendar, day).name
    return f"Period {name} of {entity_id} is closed: its journal is of {open_day}" if open_day != day else ""


def _words(type_name: str) -> str:
    return "closed" if type_name == CLOSED else "open again"


def _known(recording: Recording, books: StoreReader, entity_id: str, name: str) -> KnownPeriod:
    """Raises BadParameter where there is no such company, or it has no such period."""
    from domain.events.reference import AccountingPeriodClosed, AccountingPeriodReopened
    from domain.identity import composed

    book = book_of(books)
    entity, period = company_and_period(book, entity_id, name)
    found = [book.periods.get(entity_id, {}).get(name)]
    found += [
        each
        for each in recording.recorded
        if isinstance(each, AccountingPeriodClosed | AccountingPeriodReopened)
        and (each.legal_entity_id, each.period) == (entity_id, name)
    ]
    said = [each for each in found if each is not None]
    last = max(said, key=lambda each: each.version, default=None)
    subject = "accounting_period", composed(entity_id, name)
    noted: tuple[OpenException, ...] = books.parts("", "exception")
    refused = [each.version for each in noted if (each.subject_kind, each.subject_id) == subject]
    return KnownPeriod(entity, period, last, max((0, *refused, *(each.version for each in said))))


def company_and_period(book: ReferenceBook, entity_id: str, name: str) -> tuple[LegalEntityDefined, AccountingPeriod]:
    """Raises BadParameter where there is no such company, or it has no such period."""
    from connectors.files.lookup import hint
    from domain.reference.fiscal import FIRST_YEAR, LAST_YEAR, period_named

    entity = book.entity(entity_id)
    if entity is None:
        raise typer.BadParameter(
            f"expected a company of the folder, got {entity_id or '(nothing)'}{hint(entity_id, frozenset(book.entities))}",
            param_hint="COMPANY",
        )
    period = period_named(entity.fiscal_calendar, name)
    if period is None:
        raise typer.BadParameter(
            f"expected an accounting period as YYYY-PP, years from {FIRST_YEAR} to {LAST_YEAR} and periods from 01 to 12, "
            f"such as 2026-05, got {name or '(nothing)'}",
            param_hint="PERIOD",
        )
    return entity, period


def book_of(books: StoreReader) -> ReferenceBook:
    """Of companies and their periods."""
    from dataflows.books_read import reference_book

    return reference_book(books, "LegalEntityDefined", CLOSED, REOPENED)


def check(
    entity: Company,
    period: Period,
    output: Output,
    csv: CsvFile = None,
    json: Json = False,
    given: GivenSettings = NONE_GIVEN,
) -> None:
    """List what is open of an accounting period: how many, the money, whose matter it is, and the command that mends it.

    Ends with 3 where something forbids the close, by [close] forbids of the settings.
    """
    from dataflows.books_read import reading_books
    from milepost.closing.checks import checked
    from milepost.closing.items import closing_book, open_closing
    from milepost.closing.shown import results_csv, results_json, show_results

    one_form(csv=csv is not None, json=json)
    forbids = given.settings.close.forbids
    with reading_books(output) as books:
        if not books.is_there:
            raise typer.BadParameter(
                f"{output}: the books are not there, so nobody can say what is open; `milepost run` makes them again",
                param_hint="--output",
            )
        book = closing_book(books)
    company, of = company_and_period(book, entity, period)
    is_closed = of.name in book.closed_periods(company.legal_entity_id)
    with open_closing(output, company, of, book) as closing:
        results = checked(closing, forbids, {})
    if json:
        write_json(results_json(entity, of, results))
    elif csv is not None:
        write_text(csv, results_csv(results))
    else:
        show_results(entity, of, results, is_closed=is_closed)
    stopping = [each for each in results if each.stops]
    if stopping:
        names = ", ".join(each.check for each in stopping)
        forbid = "would forbid closing it again" if is_closed else f"forbid{'s' * (len(stopping) == 1)} the close"
        say(f"\n{names} {forbid}")
        raise typer.Exit(exit_codes.VIOLATION)
    if not json and csv is None:
        verb = "certificate" if is_closed else "close"
        say(f"\nNext: milepost period {verb} {shell_word(entity)} {period} --output {shell_word(output)}")


def certificate(
    entity: Company,
    period: Period,
    output: Output,
    out: Annotated[Path | None, file_option("--out", named_file, "Write it as JSON into this file.")] = None,
    number: Annotated[
        int | None, typer.Option("--number", help="Of an earlier certificate of the period; without it the last.")
    ] = None,
    html: HtmlFile = None,
    json: Annotated[bool, typer.Option("--json", help="As the file has it, on standard output.")] = False,
) -> None:
    """Show what a close certified: journals, the trial balance and a digest of both, which `milepost verify --certificate` recomputes."""
    from dataflows.certificates import WrongPostings, journals_of, written_certificates
    from milepost.certificates.file import file_bytes, sealed
    from milepost.certificates.shown import page, show_certificate

    every = written_certificates(output, output, entity)
    of = _wanted(every, output, entity, period, number)
    shapes = sealed(every)
    shape = shapes[every.index(of)]
    try:
        journals = journals_of(output, of.whole)
    except WrongPostings as fault:
        raise typer.BadParameter(str(fault), param_hint="--output") from fault
    if out is not None:
        _write(out, file_bytes(shape, journals))
    if html is not None:
        write_page(html, page(shape, shapes))
    if json:
        write_json({**shape, "journals": [list(each) for each in journals]})
    elif out is None and html is None:
        show_certificate(shape, shapes)
    if out is not None:
        say(
            f"\nNext: milepost verify --certificate {shell_word(out)} --output FOLDER, on a machine with a copy of the log"
        )


def _write(out: Path, content: bytes) -> None:
    from hashlib import sha256

    from connectors.files.writing import replace_file

    replace_file(out, content)
    echo(f"sha256 {sha256(content).hexdigest()}  {out}")


def _wanted(every: Sequence[OfLog], output: Path, entity: str, period: str, number: int | None) -> OfLog:
    """Raises BadParameter where there is none."""
    of_period = [each for each in every if each.whole.period == period]
    if not of_period:
        raise typer.BadParameter(_none(every, output, entity, period), param_hint="PERIOD")
    if number is None:
        return of_period[-1]
    for each in of_period:
        if each.whole.number == number:
            return each
    there = ", ".join(f"{each.whole.number}" for each in of_period)
    raise typer.BadParameter(
        f"expected the number of a certificate of {period} of {entity}, which are {there}; got {number}",
        param_hint="--number",
    )


def _none(every: Sequence[OfLog], output: Path, entity: str, period: str) -> str:
    from connectors.files.lookup import hint
    from dataflows.books_read import reading_books

    with reading_books(output) as books:
        book = book_of(books)
    if books.is_there and entity not in book.entities:
        return f"expected a company of the folder, got {entity}{hint(entity, frozenset(book.entities))}"
    names = sorted({each.whole.period for each in every})
    have = f"those with one are {', '.join(names)}" if names else "none of its periods has one"
    said = "open" if period not in book.closed_periods(entity) else "closed, but not by every shard yet"
    return (
        f"expected a period of {entity} with a certificate, got {period}, which is {said}; {have}. "
        "`milepost period close` closes one, and the next run gives its certificate"
    )
