"""What work on a line is expected to have spent, month by month, where the line earns by it."""

from datetime import date, timedelta

from domain.revenue import spent
from domain.terms.kind import LineHistory, TermsInForce

DAY = timedelta(days=1)


def last_day_ahead(agreed: TermsInForce, day: date) -> date:
    """On which all work that is expected after a day is done: the line's last, or the next."""
    return max(agreed.ends_on or day + DAY, day + DAY)


def begins_on(known: LineHistory) -> date:
    """The line's first day by its newest terms."""
    return known.held[-1].starts_on if known.held else date.min


def with_work_ahead(agreed: TermsInForce, known: LineHistory, day: date) -> LineHistory:
    """Of the line and of those that are one piece of work with it; without an estimate and a budget as it is."""
    last = last_day_ahead(agreed, day)
    together = {name: _with_spent(other, day, last) for name, other in known.together.items()}
    return _with_spent(known, day, last)._replace(together=together)


def _with_spent(known: LineHistory, day: date, last: date) -> LineHistory:
    if not known.estimates:
        return known
    return known._replace(spent=spent.foreseen(known.spent, known.estimates, begins_on(known), day, last))
