"""A minimum of what a contract's other lines charge, in periods that are not closed yet: it is expected less what they charged so far.

That is where nothing else says what these lines will charge: units and expenses come as they come. Beside lines on which hours earn, or
that have a price of their own, a minimum is expected once its period is closed.

    at least 10.00 a month until March; 4.00 charged in January: 6.00, 10.00 and 10.00 are expected
"""

from datetime import date

from domain.terms import methods
from domain.terms.kind import Closed, LineHistory
from state.books import Contract
from state.charges.terms_known import lines_beside
from state.totals import month_of

DAY = date.resolution


def with_minimum(contract: Contract, line_id: str, known: LineHistory, as_of: date) -> LineHistory:
    """As if all were closed up to the contract's end with what other lines have charged by now for months up to the day's own."""
    newest = known.held[-1] if known.held else None
    if newest is None or not methods.has_minimum(newest.line.terms):
        return known
    if newest.ends_on is None or not stands_alone(contract, line_id):
        return known
    start = known.closed[-1].to if known.closed else contract.period_start or contract.terms.starts_on
    if start > newest.ends_on:
        return known
    beside = {month: amount for month, amount in known.beside.items() if month <= month_of(as_of + DAY)}
    return known._replace(closed=[*known.closed, Closed(start, newest.ends_on + DAY)], beside=beside)


def stands_alone(contract: Contract, line_id: str) -> bool:
    """Whether units and expenses alone count for the minimum."""
    beside = lines_beside(contract, line_id)
    others = [line for line in contract.terms.lines if line.line_id in beside]
    return not any(
        methods.earns_by_hours(line.terms)
        or methods.charges(line.terms)
        or methods.agreed_units(line.terms) is not None
        for line in others
    )
