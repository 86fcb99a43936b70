"""Since when the caps of a forecast are used up, by which event, and what waits over them: as alerts and exceptions stated it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from connectors.files.engagement_log import event_of
from connectors.files.forecast_history import PublishedForecast, label_of
from connectors.files.found_exceptions import exceptions_of
from connectors.files.written import placed_of
from domain.caps.purchase_order import ORDER, OVER_CAP, OVER_ORDER, SUBJECT_KIND
from domain.events.catalogue import Event
from domain.identity import composed
from domain.outputs import Alert, ExceptionRaised, ForecastCap, ForecastUpdate, Position
from domain.units import HUNDRED_PERCENT, Instant

KINDS = ("line", "shared", ORDER)


class UsedUp(NamedTuple):
    """A cap without room. `since` is when the event that took the last of it entered the log; `waiting` is what is over it."""

    cap: ForecastCap
    since: Instant
    log_offset: int
    event: Event | None = None
    waiting: ExceptionRaised | None = None

    @property
    def label(self) -> str:
        """Of the event that used it up; empty where only a later forecast says that it is."""
        return label_of(self.event) if self.event is not None else ""


def is_used_up(cap: ForecastCap) -> bool:
    """The nearer of its limits is reached."""
    limits = ((cap.used_amount, cap.limit_amount), (cap.used_hours, cap.limit_hours))
    return any(limit is not None and used >= limit for used, limit in limits)


def used_up(output: Path, history: Sequence[PublishedForecast]) -> tuple[UsedUp, ...]:
    """The caps of the last forecast that have no room, in its order. Raises NoOutputs and ContainerDamaged."""
    caps = [cap for cap in history[-1].update.caps if is_used_up(cap)]
    if not caps:
        return ()
    alerts = [placed for placed in placed_of(output, Alert) if placed[1].kind in ("cap", SUBJECT_KIND)]
    over = {
        known.raised.subject_id: known.raised
        for known in exceptions_of(output).values()
        if known.is_open and known.raised.category in (OVER_CAP, OVER_ORDER)
    }
    found = []
    for cap in caps:
        one = _since(output, history, cap, alerts)
        found.append(one._replace(waiting=next((over[name] for name in _subjects(cap) if name in over), None)))
    return tuple(found)


def _since(
    output: Path, history: Sequence[PublishedForecast], cap: ForecastCap, alerts: Sequence[tuple[Position, Alert]]
) -> UsedUp:
    """The crossing lies between the last forecast with room and the first without; there an alert knows it exactly."""
    latest = history[-1].update
    run = list(takewhile(lambda told: _is_used_up_in(told.update, cap, latest), reversed(history)))
    first = run[-1].position
    before = history[-len(run) - 1].position.log_offset if len(run) < len(history) else -1
    crossings = [
        (position, alert)
        for position, alert in alerts
        if before < position.log_offset <= first.log_offset and _tells_of(alert, cap)
    ]
    # One beyond the whole of the cap was crossed later, if that is not the only one that is watched.
    exact = [each for each in crossings if (each[1].threshold or 0) <= HUNDRED_PERCENT] or crossings
    if not exact:
        return UsedUp(cap, first.recorded_at, first.log_offset)
    position = exact[-1][0]
    return UsedUp(cap, position.recorded_at, position.log_offset, event_of(output, position))


def _tells_of(alert: Alert, cap: ForecastCap) -> bool:
    """That nothing is left of the cap, or of one of its months."""
    names = tuple(_subjects(cap))
    limits = ((alert.used_amount, alert.limit_amount), (alert.used_hours, alert.limit_hours))
    return any(used is not None and limit is not None and used >= limit for used, limit in limits) and any(
        alert.subject_id == name or alert.subject_id.startswith(f"{name}/") for name in names
    )


def _is_used_up_in(update: ForecastUpdate, cap: ForecastCap, latest: ForecastUpdate) -> bool:
    """A month's cap begins again with the month."""
    same_month = cap.period != "month" or (update.as_of.year, update.as_of.month) == (
        latest.as_of.year,
        latest.as_of.month,
    )
    return same_month and any(
        is_used_up(one) and (one.cap_id, one.contract_id, one.period) == (cap.cap_id, cap.contract_id, cap.period)
        for one in update.caps
    )


def _subjects(cap: ForecastCap) -> Iterator[str]:
    """By which alerts and exceptions name it."""
    if cap.contract_id is not None:
        yield from (composed(cap.contract_id, f"{kind}:{cap.cap_id}") for kind in KINDS)
