"""Hypothesis strategies for what a firm's systems say about an engagement, in the order in which it is recorded.

Days end in the log as the clock ends them. The systems are only human: references come late, versions come twice or in the wrong
order, work is withdrawn and approved again, periods close too early.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from domain.events.delivery import BillingHoldPlaced, BillingHoldReleased, StatementRequested
from domain.events.reference import DayEnded, ExchangeRateSet
from domain.units import Instant
from tests.folding import Logged
from tests.histories.answers import with_answers
from tests.histories.foundation import foundations
from tests.histories.invoices import with_all_invoices, with_invoices
from tests.histories.log import History, with_days
from tests.histories.rarities import RARE
from tests.histories.scope import EVERYTHING, HOUR, Scope, seldom
from tests.histories.steps import STEPS, Play, Step


@st.composite
def histories(draw: st.DrawFn, scope: Scope = EVERYTHING) -> History:
    foundation = draw(foundations(scope))
    play = Play(scope, foundation, draw)
    steps = draw(
        st.lists(
            st.sampled_from([step for step, weight in _steps(scope) for _ in range(weight)]),
            min_size=scope.steps // 3,
            max_size=scope.steps,
        )
    )
    late: dict[int, list[tuple[Callable[..., Any], dict[str, Any]]]] = {}
    for kind, fields in foundation.sayings:
        comes = (
            draw(seldom(seldom(st.integers(0, len(steps)))))
            if scope.late_references and kind is not ExchangeRateSet
            else None
        )
        if comes is None:
            play.story.say(kind, **fields)
        else:
            late.setdefault(comes, []).append((kind, fields))
    for number, step in enumerate(steps):
        for kind, fields in late.pop(number, ()):
            play.story.say(kind, **fields)
        step(play)
    for sayings in late.values():
        for kind, fields in sayings:
            play.story.say(kind, **fields)
    cycle = foundation.contract.billing_cycle
    on_request = cycle is not None and cycle.kind == "on_request"
    logged = with_days(play.story.logged, play.story.day + dt.timedelta(days=draw(st.sampled_from([0, 10, 45]))))
    if scope.invoices:
        logged = draw(with_invoices(logged, scope.name))
    if scope.answers and draw(st.booleans()):
        logged = draw(with_answers(logged, scope.name))
    return History(logged, scope.name, on_request)


def _steps(scope: Scope) -> Sequence[tuple[Step, int]]:
    return (*STEPS, *RARE) if scope.rare else STEPS


def settled(history: History) -> History:
    """The history, and on until every period is closed and every statement invoiced."""
    logged = list(history.logged)
    now = max(one.event.recorded_at or one.event.occurred_at for one in logged) + HOUR
    for one in logged[:]:
        if isinstance(one.event, BillingHoldPlaced):
            header = {"event_id": "release", "occurred_at": now, "source": "firm", "recorded_at": now}
            logged.append(Logged(history.name, BillingHoldReleased(hold_id=one.event.hold_id, version=1_000, **header)))
    if history.on_request:
        logged.append(Logged(history.name, _last_request(history.name, now)))
    # Each request may have closed a month early, so that as many more have to pass until the next one closes.
    requests = sum(isinstance(one.event, StatementRequested) for one in logged)
    last = dt.datetime.fromtimestamp(now / 1_000_000, dt.UTC).date() + dt.timedelta(days=80 + 31 * requests)
    days = [one for one in logged if isinstance(one.event, DayEnded)]
    closed = with_days([one for one in logged if not isinstance(one.event, DayEnded)], last)
    ended = [one for one in closed if isinstance(one.event, DayEnded)]
    logged += ended[len(days) :]
    return History(with_all_invoices(tuple(logged), history.name), history.name, history.on_request)


def _last_request(name: str, now: Instant) -> StatementRequested:
    return StatementRequested(
        event_id="last",
        occurred_at=now,
        source="firm",
        request_id=f"{name}-last",
        contract_id=f"{name}-K",
        recorded_at=now,
        to=dt.date(2027, 1, 1),
    )
