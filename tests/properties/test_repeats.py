"""Sources send things twice, and whole exports are sent again: that changes nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.events.control import IntakeNoticed
from domain.events.reference import DayEnded
from tests.folding import Books, Logged, dump, fold, fold_on, log_records
from tests.histories.draw import histories
from tests.histories.log import History
from tests.histories.scope import HOUR

# What intake and clock write themselves no source sends again.
OWN = (DayEnded, IntakeNoticed)


def state_of(books: Books) -> dict[str, list[Any]]:
    return dump(books.shard.store)


def sent_again(logged: Logged, place: int, now: int) -> Logged:
    event = logged.event._replace(event_id=f"again-{place}", recorded_at=now, correlation_id="again")
    return Logged(logged.engagement_id, event)


@given(histories(), st.data())
def test_an_export_sent_again_changes_nothing(history: History, data: st.DataObject) -> None:
    """Everything up to some place in the log comes once more, in the same order: no output, and not a row is touched."""
    books = fold(history.logged)
    before = state_of(books)
    known = data.draw(st.integers(1, len(history.logged)))
    now = max(one.event.recorded_at or 0 for one in history.logged) + HOUR
    again = [
        sent_again(one, place, now)
        for place, one in enumerate(history.logged[:known])
        if not isinstance(one.event, OWN)
    ]
    assert fold_on(books.shard, log_records([*history.logged, *again])) == []
    after = state_of(books)
    touched = {name: (before[name], after[name]) for name in after if after[name] != before[name]}
    assert not touched, touched


@given(histories(), st.data())
def test_repeats_in_between_change_nothing(history: History, data: st.DataObject) -> None:
    """Single events that come again at any later place leave the outputs as they were."""
    repeated = list(history.logged)
    for number in range(data.draw(st.integers(1, 5))):
        source = data.draw(st.integers(0, len(repeated) - 1))
        target = data.draw(st.integers(source + 1, len(repeated)))
        if not isinstance(repeated[source].event, OWN):
            now = repeated[target - 1].event.recorded_at or 0
            repeated.insert(target, sent_again(repeated[source], number, now))
    assert fold(repeated).content == fold(history.logged).content
