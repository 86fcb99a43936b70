"""What keeps the ledger of a period from being whole: days that have not ended, exceptions, rates, the ERP, earlier periods."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from connectors.files.found_exceptions import KnownException
from connectors.files.written import records_of
from domain.capabilities import CHECKS
from domain.counting import counted
from domain.exceptions import CATALOGUE
from domain.identity import composed
from domain.outputs import ExceptionRaised, LedgerComparison
from domain.reference.exchange import MISSING_RATE
from milepost.closing.items import Closing, OpenPoint, tallied
from milepost.console import shell_word
from milepost.days import instant_day
from milepost.exceptions.words import titled
from state.batch import REFERENCE
from state.handlers.reconciliations import ACCEPTED, DIFFERS, by_subject, is_accepted
from state.ledger.standings import REFUSED, REJECTED, TO_SEND, TWICE, UNMAPPED

FINANCE, PLATFORM = CATALOGUE[DIFFERS].owner_role, CATALOGUE["unrouted"].owner_role
# What an exception of a forecast is about.
OF_FORECAST = "project"
# What the checks of the ERP say by themselves.
OF_ERP = frozenset({DIFFERS, TWICE, REFUSED, UNMAPPED})
INFO = "info"
# Categories, and what exceptions are about, that the check of a capability lists.
LISTED = frozenset(kind for check in CHECKS for kind in check.says)


def days_ended(closing: Closing) -> Iterator[OpenPoint]:
    """Revenue over time, fees, accruals and revaluation are posted as days end."""
    ended = closing.books.ended_to(closing.entity.zone)
    last = date.fromisoformat(ended) if ended else closing.first - timedelta(days=1)
    if last < closing.last:
        first = max(last + timedelta(days=1), closing.first)
        what = f"{first} to {closing.last} have not ended: what accrues on these days is not posted"
        command = closing.command(f"run --until {closing.last}")
        yield OpenPoint(what, (closing.last - first).days + 1, None, "", PLATFORM, command)


def earlier_periods(closing: Closing) -> Iterator[OpenPoint]:
    """Periods with journals before this one that are open: what is posted in them changes its opening balances."""
    closed = closing.book.closed_periods(closing.whose)
    for name, journals in sorted(closing.books.period_journals(closing.whose).items()):
        if name < closing.period.name and journals and name not in closed:
            command = closing.command(f"period close {shell_word(closing.whose)} {name}")
            yield OpenPoint(f"period {name} is open", journals, None, "", FINANCE, command)
    for name, certified, journals in closing.books.changed_periods(closing.whose):
        if name < closing.period.name and name in closed:
            command = closing.command(f"period reopen {shell_word(closing.whose)} {name}")
            what = f"period {name} is not as certified: {counted(certified, 'journal')} then, {journals:,} now; open and close it again"
            yield OpenPoint(what, abs(journals - certified), None, "", FINANCE, command)


def exceptions(closing: Closing) -> Iterator[OpenPoint]:
    """By category, without those that have checks of their own: rates, the ERP's, those of capabilities; and without mere information."""
    others = OF_ERP | LISTED
    return _by_category(
        closing, lambda each: each.category not in others and not _keeps_a_posting(each) and each.severity != INFO
    )


def exchange_rates(closing: Closing) -> Iterator[OpenPoint]:
    return _by_category(closing, _keeps_a_posting)


def _keeps_a_posting(each: ExceptionRaised) -> bool:
    """A rate is missing, and not of a forecast alone, which is no part of the ledger."""
    return each.category in MISSING_RATE and each.subject_kind != OF_FORECAST


def _by_category(closing: Closing, wanted: Callable[[ExceptionRaised], bool]) -> Iterator[OpenPoint]:
    raised = (each.raised for each in exceptions_in(closing))
    found = (
        ((each.category, each.blocks_currency or "", each.owner_role), abs(each.blocks_amount))
        for each in raised
        if wanted(each)
    )
    for (category, currency, owner), count, amount in tallied(found):
        command = closing.command(f"exceptions list --kind {category}")
        yield OpenPoint(titled(category), count, amount if currency else None, currency, owner, command)


def exceptions_in(closing: Closing) -> list[KnownException]:
    """Open ones whose work, or else whose beginning, is in the period; of the company or of its people, or of none that is known."""
    return [each for each in closing.open_exceptions if _is_in(closing, each)]


def _is_in(closing: Closing, each: KnownException) -> bool:
    owner, worker = closing.companies_of(each)
    if each.raised.subject_kind in LISTED or (owner and closing.whose not in (owner, worker)):
        return False
    work = [closing.days[row].day for row in each.raised.entries if row in closing.days] or [instant_day(each.since)]
    return any(closing.first <= day <= closing.last for day in work)


# The ERP


def not_accepted(closing: Closing) -> Iterator[OpenPoint]:
    """Journals of the period that the ERP has not taken; nothing where no journal of the folder ever went to one."""
    place = closing.whose, closing.period.name
    found = (
        ((each.standing, each.currency), each.amount)
        for each in (closing.standings if closing.has_an_erp else ())
        if each.record is not None and (each.record.legal_entity_id, each.record.period) == place
        if each.standing in {TO_SEND, REJECTED}
    )
    for (standing, currency), count, amount in tallied(found):
        is_rejected = standing == REJECTED
        what = "journals that the ERP rejected" if is_rejected else "journals that the ERP does not have"
        command = closing.command(f"exceptions list --kind {REFUSED}" if is_rejected else "deliver")
        yield OpenPoint(what, count, amount, currency, FINANCE, command)


def compared(closing: Closing) -> LedgerComparison | None:
    """The last comparison of both ledgers, if anybody made one."""
    newest: LedgerComparison | None = None
    for one in records_of(closing.output, LedgerComparison):
        if (one.legal_entity_id, one.period) == (closing.whose, closing.period.name):
            newest = one
    return newest


def differences(closing: Closing) -> Iterator[OpenPoint]:
    """Between both ledgers, as compared last; that nobody has compared them is one too."""
    newest = compared(closing)
    command = closing.command(f"reconcile --entity {shell_word(closing.whose)} --period {closing.period.name}")
    if newest is None:
        has_journals = closing.books.period_journals(closing.whose).get(closing.period.name)
        if has_journals and closing.has_an_erp:
            yield OpenPoint("nobody has compared both ledgers", 1, None, "", FINANCE, command)
        return
    scope = composed(closing.whose, closing.period.name)
    found = (
        ((each.cause, each.currency), abs(each.amount))
        for subject, each in by_subject(scope, newest.differences).items()
        if not is_accepted(closing.books.part(REFERENCE, "fact", f"{ACCEPTED}/{subject}"), each)
    )
    for (cause, currency), count, amount in tallied(found):
        yield OpenPoint(f"differs from the ERP: {cause.replace('_', ' ')}", count, amount, currency, FINANCE, command)
