"""The ERP's answers to the journals of a history, and what a comparison of its ledger found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from domain.events.common import LedgerDifference
from domain.events.finance import LedgerReconciled, PostingAccepted, PostingRejected
from domain.identity import engagement_of
from domain.outputs import JournalEntry
from tests.folding import Logged, Said, fold
from tests.histories.log import woven
from tests.histories.scope import seldom

TAKEN = ("posted", "accepted")
REFUSED = ("data", "account")
CAUSES = ("missing", "amount", "by_hand")


class Placed(NamedTuple):
    """An answer, and the record of the log before which it comes."""

    at: int
    answer: Logged


@st.composite
def with_answers(draw: st.DrawFn, logged: tuple[Logged, ...], name: str) -> tuple[Logged, ...]:
    """A while after the journals, seldom before them; closed periods too."""
    return woven(logged, [(one.at, [one.answer]) for one in draw(answers(logged, name, (*TAKEN, *REFUSED, "period")))])


@st.composite
def answers(draw: st.DrawFn, logged: tuple[Logged, ...], name: str, outcomes: Sequence[str]) -> list[Placed]:
    """To some journals, one or several at once, more than once, also such as contradict each other."""
    made = [one for one in fold(logged).said if _is_sent(one, name)]
    if not made:
        return []
    found = []
    for number in range(draw(st.integers(0, 8))):
        first = draw(st.integers(0, len(made) - 1))
        batch = made[first : first + draw(seldom(st.integers(2, 4), 1))]
        offset = batch[-1].position.log_offset + draw(seldom(st.integers(-10, 0), 1)) + draw(st.integers(0, 10))
        journals = tuple(one.record.journal_id for one in batch)
        answer = draw(_answer(f"{name}-answer-{number}", journals, outcomes))
        found.append(Placed(min(max(offset, 0), len(logged)), Logged(name, answer)))
    for version in range(1, draw(st.integers(0, 3)) + 1):
        compared = draw(_comparison(f"{name}-compared-{version}", version, made[0].record, len(made)))
        found.append(Placed(draw(st.integers(0, len(logged))), Logged("", compared)))
    return found


def _is_sent(said: Said, name: str) -> bool:
    record = said.record
    return isinstance(record, JournalEntry) and record.deliver and engagement_of(record.journal_id) == name


@st.composite
def _answer(
    draw: st.DrawFn, event_id: str, journals: tuple[str, ...], outcomes: Sequence[str]
) -> PostingAccepted | PostingRejected:
    head: dict[str, Any] = {
        "event_id": event_id,
        "occurred_at": 0,
        "source": "erp",
        "erp": "erp",
        "attempt": draw(st.integers(1, 3)),
        "journal_id": journals[0] if len(journals) == 1 else None,
        "journals": journals,
    }
    outcome, number = draw(st.sampled_from(outcomes)), draw(st.integers(1, 2))
    if outcome in TAKEN:
        day = dt.date(2026, 4, number)
        return PostingAccepted(**head, state=outcome, erp_reference=f"JE-{number}", posted_on=day)
    return PostingRejected(**head, because=outcome, code=f"E{number}", message="no such segment", field="5000")


@st.composite
def _comparison(draw: st.DrawFn, event_id: str, version: int, journal: JournalEntry, count: int) -> LedgerReconciled:
    keys = draw(st.lists(st.sampled_from(("MP1", "MP2", "MP3")), unique=True))
    differences = tuple(
        LedgerDifference(key, draw(st.sampled_from(CAUSES)), f"{key} differs", 100 * version * count, journal.currency)
        for key in keys
    )
    return LedgerReconciled(
        event_id, 0, "milepost", journal.legal_entity_id, journal.period, version, "erp", (), differences
    )
