"""Where a project goes: burn against plan by month, what is at completion, and what moved that since a day.

All figures are those of the forecasts as they were published.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

from connectors.files.forecast_history import Moving, PublishedForecast, UsedUp, is_used_up
from domain.events.delivery import ProjectActivated
from domain.forecast.changes import CAUSES
from domain.outputs import ForecastCap, ForecastDelta, ForecastFigures, ForecastMonth, ForecastUpdate
from domain.units import Amount

Measure = Literal["cost", "revenue", "hours"]
MEASURES: Final[tuple[Measure, ...]] = ("cost", "revenue", "hours")


class MonthShown(NamedTuple):
    """Of one measure: as planned at first, burned so far, and still to come."""

    month: str
    plan: int
    burned: int
    to_come: int

    @property
    def now(self) -> int:
        return self.burned + self.to_come


class MoveShown(NamedTuple):
    """What one forecast changed, and the events that came since the one before and can have done it."""

    update: ForecastUpdate
    events: tuple[Moving, ...]

    @property
    def margin(self) -> Amount:
        return sum(delta.margin for delta in self.update.deltas)

    def events_of(self, cause: str) -> tuple[Moving, ...]:
        return tuple(each for each in self.events if cause in each.causes)


class ForecastShown(NamedTuple):
    """`plan` is the first forecast in today's currency; `since` is what `moves` are measured from."""

    latest: ForecastUpdate
    plan: ForecastUpdate
    since: ForecastUpdate
    moves: tuple[MoveShown, ...]
    history: tuple[ForecastUpdate, ...]
    activated: ProjectActivated | None
    used_up: tuple[UsedUp, ...] = ()

    @property
    def now(self) -> ForecastFigures:
        return self.latest.project

    @property
    def name(self) -> str:
        return self.activated.name if self.activated is not None else self.latest.project_id

    @property
    def exhausts(self) -> tuple[ForecastCap, ...]:
        """Caps that have room and will be used up, the first one first."""
        known = [cap for cap in self.latest.caps if cap.exhausts_on is not None and not is_used_up(cap)]
        return tuple(sorted(known, key=lambda cap: (cap.exhausts_on or date.max, cap.cap_id)))


def forecast_shown(
    history: Sequence[PublishedForecast],
    events: Sequence[Moving],
    activated: ProjectActivated | None,
    since: date | None,
    used_up: tuple[UsedUp, ...] = (),
) -> ForecastShown:
    """Of a history that is not empty. Without `since` from the first comparable forecast on."""
    comparable = _comparable(history)
    before = [told for told in comparable if since is not None and told.update.as_of <= since]
    base = before[-1] if before else comparable[0]
    moves = tuple(_moves(comparable, base, events))
    latest = comparable[-1].update
    found = ForecastShown(
        latest, comparable[0].update, base.update, moves, tuple(told.update for told in comparable), activated, used_up
    )
    _check(found)
    return found


def months(found: ForecastShown, measure: Measure) -> tuple[MonthShown, ...]:
    """All months of the plan and of the latest forecast."""
    planned = {month.month: _measured(month, measure) for month in found.plan.project.months}
    now = {month.month: month for month in found.now.months}
    rows = (_shown(name, planned.get(name, 0), now.get(name), measure) for name in sorted({*planned, *now}))
    return tuple(row for row in rows if row.plan or row.burned or row.to_come)


def _shown(name: str, plan: int, month: ForecastMonth | None, measure: Measure) -> MonthShown:
    burned = getattr(month, f"burn_{measure}", None) or 0
    return MonthShown(name, plan, burned, _measured(month, measure) - burned if month is not None else 0)


def by_cause(found: ForecastShown) -> tuple[ForecastDelta, ...]:
    """The sums of what moved the forecast, in the order of the causes."""
    sums = {cause: [0, 0, 0] for cause in CAUSES}
    for move in found.moves:
        for delta in move.update.deltas:
            for place, amount in enumerate((delta.cost, delta.revenue, delta.margin)):
                sums[delta.cause][place] += amount
    return tuple(ForecastDelta(cause, *amounts) for cause, amounts in sums.items() if any(amounts))


class Largest(NamedTuple):
    """Some of the moves that changed anything, in the order of time, and how many there are."""

    moves: tuple[MoveShown, ...]
    of: int


def largest(found: ForecastShown, count: int) -> Largest:
    """Those that changed cost or revenue most."""
    size = {
        move.update.sequence: max(
            abs(sum(delta.cost for delta in move.update.deltas)),
            abs(sum(delta.revenue for delta in move.update.deltas)),
        )
        for move in found.moves
        if move.update.deltas
    }
    kept = sorted(size, key=lambda sequence: (-size[sequence], sequence))[:count]
    return Largest(tuple(move for move in found.moves if move.update.sequence in kept), len(size))


def _measured(month: ForecastMonth, measure: Measure) -> int:
    return int(getattr(month, measure))


def _comparable(history: Sequence[PublishedForecast]) -> list[PublishedForecast]:
    """From the last one on that was compared with none before: another currency begins the comparison again."""
    begin = max(place for place, told in enumerate(history) if told.update.previous is None or place == 0)
    return list(history[begin:])


def _moves(
    comparable: Sequence[PublishedForecast], base: PublishedForecast, events: Sequence[Moving]
) -> Iterator[MoveShown]:
    for place, told in enumerate(comparable):
        if told.update.sequence > base.update.sequence:
            begin, end = comparable[place - 1].position.log_offset, told.position.log_offset
            between = tuple(each for each in events if begin < each.log_offset <= end)
            causes = {delta.cause for delta in told.update.deltas}
            yield MoveShown(told.update, tuple(each for each in between if each.causes & causes))


def _check(found: ForecastShown) -> None:
    """What moved it sums to the change; else our own figures do not agree."""
    explained = [sum(getattr(delta, name) for delta in by_cause(found)) for name in ("cost", "revenue", "margin")]
    now, before = found.now, found.since.project
    changed = [now.eac_cost - before.eac_cost, now.eac_revenue - before.eac_revenue, now.margin - before.margin]
    assert explained == changed, f"project {found.latest.project_id}: changes {changed}, explained {explained}"
