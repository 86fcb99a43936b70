"""`milepost period check`: what is open of an accounting period before it closes, whose matter it is, and what mends it."""

from __future__ import annotations

import typer

from milepost import exit_codes
from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.commands.glance import CsvFile
from milepost.commands.period import Company, Period, company_and_period
from milepost.console import say, shell_word, write_json
from milepost.html_file import write_text
from milepost.options import Json, Output
from milepost.shared_options import one_form


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
