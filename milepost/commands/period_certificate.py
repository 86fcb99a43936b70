"""`milepost period certificate`: what a close certified, as a file that anybody can recompute, and as a page for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from milepost.commands.period import Company, Period
from milepost.console import echo, say, shell_word, write_json
from milepost.html_file import HtmlFile, file_option, named_file, write_page
from milepost.options import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflows.certificates import OfLog


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
    from milepost.commands.period import book_of

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
