"""`milepost period close` and `reopen`: accounting periods of a company."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from milepost.console import say
from milepost.options import Approver, Reason
from milepost.recording import Recording, records, stated_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

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
