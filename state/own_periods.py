"""Periods of the terms' own, such as a retainer's months: what could be drawn for good is kept as a fact when one ends, and so is the day
on which a line filled up what it includes. Neither is found anew from what comes later.

A period ends when its last day and the contract's days of grace are over, so that late work finds what it was bought for.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from msgspec.structs import replace

from domain.billing import methods
from domain.billing.kind import Known
from domain.events.common import Terms
from domain.identity import composed
from state import drawing
from state.books import Contract, EndedPeriod
from state.draft import Draft
from state.periods import zone_of
from state.plan import contract_policies, grace_days, terms_on
from state.terms_known import known_of, line_fees

DAY = timedelta(days=1)


def end(draft: Draft, contract: Contract, line_id: str, day: date) -> None:
    """A day has ended: periods that are over by now end in their order, then the line fills up where too little is left."""
    part_id = composed(contract.contract_id, line_id)
    known = known_of(draft, contract, line_id)
    for start, to in _open(known, day):
        if _over_on(draft, contract, start, to) <= day:
            known = known_of(draft, contract, line_id)
            left = methods.ends(_having(known, start, to), known, start, to)
            ended = EndedPeriod(start, to, dict(left.limits), tuple(left.over))
            fees = line_fees(draft, contract, line_id)
            draft.put("fees", part_id, replace(fees, ended=(*fees.ended, ended)))
            drawing.settle(draft, contract, line_id)
    fees = line_fees(draft, contract, line_id)
    if day not in fees.topped_up and falls_short(draft, contract, line_id, day):
        draft.put("fees", part_id, replace(fees, topped_up=(*fees.topped_up, day)))
        drawing.settle(draft, contract, line_id)
        if falls_short(draft, contract, line_id, day):
            draft.due.add((zone_of(draft, contract), ""))


def falls_short(draft: Draft, contract: Contract, line_id: str, day: date) -> bool:
    known = known_of(draft, contract, line_id)
    return any(methods.falls_short(agreed.line.terms, known, day) for agreed in known.held)


def upcoming(draft: Draft, contract: Contract, known: Known, day: date, until: date) -> Iterator[date]:
    """Days at whose end a period is over or begins; what is over already ends with the next day."""
    for start, to in _open(known, until):
        yield max(_over_on(draft, contract, start, to), day)
        if start > day:
            yield start


def _open(known: Known, until: date) -> list[tuple[date, date]]:
    """Periods that begin up to a day and have not ended."""
    told = {(ended.start, ended.to) for ended in known.ended}
    found = {each for agreed in known.held for each in methods.periods(agreed.line.terms, known, until)}
    return sorted(found - told)


def _having(known: Known, start: date, to: date) -> Terms:
    """Terms of the kind that has the period."""
    terms = (agreed.line.terms for agreed in known.held)
    return next(one for one in terms if (start, to) in methods.periods(one, known, start))


def _over_on(draft: Draft, contract: Contract, start: date, to: date) -> date:
    grace = grace_days(terms_on(contract, start), contract_policies(draft, contract, start))
    return to + timedelta(days=grace - 1)
