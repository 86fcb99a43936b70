"""Periods of the terms' own, such as a retainer's months: which of them are over.

A period is over when its last day and the contract's days of grace have ended; only then something of it goes over to the next, and
expires. Work that comes later still draws on what the period had, and what it left follows (`domain/terms/consumption.py`).
"""

from collections.abc import Iterator
from datetime import date, timedelta

from domain.terms import methods
from domain.terms.kind import LineHistory
from state.books import Contract
from state.charges.terms_known import agreed_versions, known_of
from state.draft import Draft
from state.terms.periods import today
from state.terms.plan import contract_policies, grace_days, terms_on

DAY = timedelta(days=1)


def over(
    draft: Draft, contract: Contract, known: LineHistory, ended: date | None = None
) -> frozenset[tuple[date, date]]:
    """Those that are over with the end of a day, and those whose end is recorded already, also where the line turns out to end them on
    another day that is over; `to` excluded."""
    recorded = {one.start: one.to for one in known.ended}
    last = ended or today(draft, contract) - DAY
    found = _periods(known, max([ended or date.min, *recorded]))
    return frozenset(
        (start, to)
        for start, to in found
        if to <= recorded.get(start, date.min)
        or ((ended is not None or start in recorded) and _over_on(draft, contract, start, to) <= last)
    )


def begun(known: LineHistory, day: date) -> date:
    """First day of the period that a day is in; else the day."""
    return max((start for start, to in _periods(known, day) if start <= day < to), default=day)


def begins(known: LineHistory, first: date, last: date) -> bool:
    """Whether a period begins on one of the days."""
    return any(first <= start <= last for start, _ in _periods(known, last))


def is_below_top_up(draft: Draft, contract: Contract, line_id: str, day: date) -> bool:
    if not any(methods.fills_up(agreed.line.terms) for agreed in agreed_versions(draft, contract, line_id)):
        return False
    known = known_of(draft, contract, line_id)
    return any(methods.is_below_top_up(agreed.line.terms, known, day) for agreed in known.held)


def upcoming(draft: Draft, contract: Contract, known: LineHistory, day: date, until: date) -> Iterator[date]:
    """Days at whose end a period is over or begins, or other terms begin; what is over already is so with the next day's end."""
    recorded = {(one.start, one.to) for one in known.ended}
    for start, to in sorted(_periods(known, until) - recorded):
        yield max(_over_on(draft, contract, start, to), day)
        if start > day:
            yield start


def _periods(known: LineHistory, until: date) -> set[tuple[date, date]]:
    """Those that begin up to a day."""
    return {each for agreed in known.held for each in methods.periods(agreed.line.terms, known, until)}


def _over_on(draft: Draft, contract: Contract, start: date, to: date) -> date:
    grace = grace_days(terms_on(contract, start), contract_policies(draft, contract, start))
    return to + timedelta(days=grace - 1)
