"""A minimum of what a contract's other lines charge, in periods that are not closed yet: it is expected less what they charged so far.

That is where nothing else says what these lines will charge: units and expenses come as they come. Beside lines on which hours earn, or
that have a price of their own, a minimum is expected once its period is closed.

    at least 10.00 a month until March; 4.00 charged in January: 6.00, 10.00 and 10.00 are expected
"""

from collections.abc import Iterator
from datetime import date

from domain.billing import methods
from domain.billing.kind import Closed, Known
from domain.billing_periods import first_of_next_month
from domain.events.common import Subscription
from state.books import Contract
from state.draft import Draft
from state.fees_due import charged_beside
from state.terms_known import line_fees

DAY = date.resolution


def with_minimum(draft: Draft, contract: Contract, line_id: str, known: Known, as_of: date) -> Known:
    """As if the billing periods up to the contract's end were closed with what other lines have charged by now."""
    newest = known.held[-1] if known.held else None
    if newest is None or not isinstance(newest.line.terms, Subscription) or newest.line.terms.minimum is None:
        return known
    if newest.ends_on is None or not _stands_alone(contract, line_id):
        return known
    return known._replace(closed=[*known.closed, *_to_close(draft, contract, line_id, newest.ends_on, as_of)])


def _stands_alone(contract: Contract, line_id: str) -> bool:
    others = [line for line in contract.terms.lines if line.line_id != line_id]
    return not any(
        methods.earns_by_hours(line.terms)
        or methods.charges(line.terms)
        or methods.agreed_units(line.terms) is not None
        for line in others
    )


def _to_close(draft: Draft, contract: Contract, line_id: str, ends_on: date, as_of: date) -> Iterator[Closed]:
    """By month, as they are closed; nothing is charged yet for months after a day's own."""
    fees = line_fees(draft, contract, line_id)
    start = fees.closed[-1].to if fees.closed else contract.period_start or contract.terms.starts_on
    counted = fees.closed[-1].total if fees.closed else None
    before = counted if counted is not None else charged_beside(draft, contract, line_id, start)
    while start <= ends_on:
        to = min(first_of_next_month(start), ends_on + DAY)
        total = charged_beside(draft, contract, line_id, to) if start <= as_of + DAY else before
        yield Closed(start, to, {}, total - before)
        start, before = to, total
