"""What was spent of a line's budgets in periods that are not closed yet, once its contract was terminated or its project closed: it is
charged when they close, and no more comes.

    4,000 of a cost budget of 5,000 are spent by the last day: four fifths of the price, also in days of grace
"""

from collections.abc import Iterable
from datetime import date

from domain.terms import methods
from domain.terms.kind import Closed, Fee, LineHistory, TermsInForce
from state.books import Contract
from state.charges.budgets_spent import by_category, spent_of_budgets
from state.draft import Draft
from state.terms.periods import open_period, period_on


def with_open_budgets(draft: Draft, contract: Contract, line_id: str, known: LineHistory, as_of: date) -> LineHistory:
    """As if these were closed, up to the one that holds the last day."""
    last = _last_day(draft, known.held[-1], as_of) if known.held else None
    if last is None:
        return known
    period, closed = open_period(draft, contract), list(known.closed)
    if period is None or period.start > last:
        return known
    spent, _ = spent_of_budgets(draft, contract, line_id, last + date.resolution)
    while period is not None and period.start <= last:
        closed.append(Closed(period.start, period.to, by_category(spent, period.to)))
        period = period_on(draft, contract, period.to)
    return known._replace(closed=closed)


def spent_by_now(fees: Iterable[Fee], as_of: date) -> tuple[Fee, ...]:
    """Those for what was spent in periods that have begun."""
    return tuple(fee for fee in fees if fee.since is not None and fee.since <= as_of)


def _last_day(draft: Draft, newest: TermsInForce, as_of: date) -> date | None:
    """None of a line that goes on, or is not billed as its budgets are spent."""
    if not methods.by_budgets(newest.line):
        return None
    ends = newest.ends_on if newest.is_over_early(as_of) else None, draft.project(newest.line.project_id).closed_on
    return min((day for day in ends if day is not None and day <= as_of), default=None)
