"""What of the work of a period is not in the books yet, or on no statement: hours, drafts, billing periods that are over."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from connectors.files.found_exceptions import KnownException
from connectors.files.glance_rows import CAPACITY, PERSON
from connectors.files.waiting_events import UnroutedEntry
from domain.billing.statement import OPEN
from domain.exceptions import CATALOGUE
from domain.identity import parts_of
from domain.money import HALF_UP, extend
from domain.months import month_end
from domain.units import Amount, Hours
from milepost.closing.items import Closing, OpenPoint, tallied
from milepost.console import shell_word
from milepost.glance.firm import DayOfWork, FirmAtMoment, on_day, text, whole
from milepost.glance.pieces import Reason, pieces
from milepost.tables import hours_text

DELIVERY, COMMERCIAL = CATALOGUE["no_contract"].owner_role, CATALOGUE["no_rate"].owner_role


def time_missing(closing: Closing) -> Iterator[OpenPoint]:
    """People with a capacity in a month that ends in the period, and fewer hours approved: at what an hour of theirs costs."""
    for last, people in groupby(capacities(closing), lambda each: each.last):
        worked, month = _worked(closing.firm, last.replace(day=1), last), f"{last:%Y-%m}"
        for person_id, _, capacity in people:
            if (missing := capacity - worked[person_id]) > 0:
                amount, currency = _cost(closing, person_id, last, missing)
                what = f"{person_id}: {hours_text(missing)} h missing of {hours_text(capacity)} h in {month}"
                command = closing.command(f"people --from {month} --to {month} --company {shell_word(closing.whose)}")
                yield OpenPoint(what, 1, amount, currency, DELIVERY, command)


class MonthOfPerson(NamedTuple):
    """Up to its last day."""

    person_id: str
    last: date
    capacity: Hours


def capacities(closing: Closing) -> Iterator[MonthOfPerson]:
    """Of people of the company, in months that end in the period."""
    firm = closing.firm
    for last in _month_ends(closing):
        for id_, noted in sorted(firm.named(CAPACITY).items()):
            person_id, month = parts_of(id_)
            versions = firm.versions(PERSON).get(person_id)
            if month == f"{last:%Y-%m}" and versions and text(on_day(versions, last), "company") == closing.whose:
                yield MonthOfPerson(person_id, last, (whole(noted, "hours") or 0) - (whole(noted, "time_off") or 0))


def _month_ends(closing: Closing) -> Iterator[date]:
    last = month_end(closing.first)
    while last <= closing.last:
        yield last
        last = month_end(last + timedelta(days=1))


def _worked(firm: FirmAtMoment, first: date, last: date) -> Counter[str]:
    """By person, also on projects that are not known yet."""
    found = Counter[str]()
    for each in firm.hours(first, last):
        found[each.person_id] += each.hours
    for entry in firm.unrouted:
        if first <= entry.day <= last:
            found[entry.person_id] += entry.hours
    return found


def _cost(closing: Closing, person_id: str, day: date, hours: Hours) -> tuple[Amount | None, str]:
    person = closing.book.person_on(person_id, day)
    rate = closing.book.cost_rate(person_id, person.role if person is not None else None, closing.whose, day)
    if rate is None:
        return None, ""
    return extend(hours, rate.rate, 0, rate.currency, HALF_UP), rate.currency


def parked_work(closing: Closing) -> Iterator[OpenPoint]:
    """Hours of the period's days that are approved and wait for a cost rate, a price or a project, with what their exceptions block.

    Those of the company's projects, and of its people on projects of another company: their cost is posted here. Entries below zero are
    taken off, from hours and money alike.
    """
    firm, exceptions = closing.firm, closing.open_exceptions
    own = {row for each in exceptions if closing.whose in closing.companies_of(each) for row in each.raised.entries}
    blocked = _blocked(exceptions)
    waiting: list[tuple[str, DayOfWork | UnroutedEntry]] = [("", each) for each in firm.unrouted]
    waiting += firm.days_of(closing.books.parked()).items()
    found = [
        ((each.project_id, blocked.get(row, ("", 0))[0]), each.hours, blocked.get(row, ("", 0))[1])
        for row, each in waiting
        if closing.first <= each.day <= closing.last
        if row in own or firm.company_of("", each.project_id) in {closing.whose, ""}
    ]
    amounts = {of: amount for of, _, amount in tallied((of, amount) for of, _, amount in found)}
    below_zero = {of for of, hours, amount in found if hours < 0 or amount < 0}
    for (project_id, currency), count, hours in tallied((of, hours) for of, hours, _ in found):
        less = ", less those below zero" if (project_id, currency) in below_zero else ""
        what = f"{project_id}: {hours_text(hours)} h are approved and wait{less}"
        command = closing.command(f"exceptions list --project {shell_word(project_id)}")
        amount = amounts[project_id, currency] if currency else None
        yield OpenPoint(what, count, amount, currency, DELIVERY, command)


def _blocked(exceptions: Iterable[KnownException]) -> dict[str, tuple[str, Amount]]:
    """By entry the money that an exception of its own blocks, with its sign: its value, else what it costs."""
    return {
        row: (each.raised.blocks_currency, each.raised.blocks_amount)
        for each in exceptions
        if each.raised.blocks_currency and each.raised.blocks_amount and len(each.raised.entries) == 1
        for row in each.raised.entries
    }


def drafts(closing: Closing) -> Iterator[OpenPoint]:
    """Statements of billing periods that begin by the period's last day, and that nobody has approved."""
    for statement_id, each in sorted(closing.firm.statements.items()):
        if each.status == OPEN and each.entity_id == closing.whose and _begins(statement_id) <= closing.last:
            command = closing.command(f"statement approve {shell_word(statement_id)}")
            yield OpenPoint(f"draft {statement_id}", 1, each.total, each.currency, COMMERCIAL, command)


def _begins(statement_id: str) -> date:
    return date.fromisoformat(parts_of(statement_id)[-2])


def unbilled(closing: Closing) -> Iterator[OpenPoint]:
    """Work of billing periods that are closed and that no statement has, by contract, reason and currency."""
    starts = {each.contract_id: each.period_start for each in closing.books.parts(None, "contract")}
    found: list[tuple[tuple[str, str, str], Amount]] = []
    for each in pieces(closing.firm):
        if each.entity_id != closing.whose or each.reason not in {Reason.NOT_CUT, Reason.HELD}:
            continue
        day, start = date.fromordinal(each.day), starts.get(each.contract_id)
        if day <= closing.last and start is not None and day < start:
            found.append(((each.contract_id, str(each.reason), each.currency), each.amount))
    for (contract_id, reason, currency), count, amount in tallied(found):
        what = f"contract {contract_id}: {reason}"
        command = closing.command(f"unbilled --company {shell_word(closing.whose)}")
        yield OpenPoint(what, count, amount, currency, COMMERCIAL, command)
