"""What one engagement comes to does not depend on what else goes on in the firm."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given

from domain.events.reference import DayEnded
from tests.folding import Books, Logged, fold
from tests.histories.draw import histories
from tests.histories.log import History, with_days
from tests.histories.scope import Scope

# Exchange rates are everybody's, so both keep to the currency of their ledgers.
OURS = Scope(name="AX", currencies=("EUR",))
THEIRS = Scope(name="BX", currencies=("EUR",))


def without_days(history: History) -> list[Logged]:
    return [one for one in history.logged if not isinstance(one.event, DayEnded)]


def said_about(books: Books, name: str) -> list[Any]:
    named = re.compile(rf"\b{name}[-.]")
    return [record for record in books.content if named.search(repr(record))]


@given(histories(OURS), histories(THEIRS))
def test_other_engagements_do_not_matter(ours: History, theirs: History) -> None:
    """Interleaved with another engagement, one says the same as alone, but for the positions."""
    both = sorted([*without_days(ours), *without_days(theirs)], key=lambda one: one.event.recorded_at or 0)
    last = (
        max(one.event.date for one in (*ours.logged, *theirs.logged) if isinstance(one.event, DayEnded))
        if _days(ours, theirs)
        else None
    )
    alone = fold(with_days(without_days(ours), last))
    together = fold(with_days(both, last))
    assert said_about(together, OURS.name) == said_about(alone, OURS.name)
    assert len(said_about(together, OURS.name)) + len(said_about(together, THEIRS.name)) == len(together.said)


def _days(*histories: History) -> bool:
    return any(isinstance(one.event, DayEnded) for history in histories for one in history.logged)
