"""Where a project goes: burn against plan by month, what is at completion, and what moved that since a day.

All figures are those of the forecasts as they were published. Burn by month is what of a month's figures the burn so far
fills, from the first month on: months that are over are all burn, those to come have none. What came back in a month was burned before it.
Revenue that waits for its invoice is to come in a month that is over; which part of that is burned no forecast says, so the first months
are taken to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from connectors.files.cap_use import UsedUp, is_used_up
from connectors.files.forecast_history import Moving, PublishedForecast
from domain.events.delivery import ProjectActivated
from domain.figure import at_least, called, lesser
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
    now = {month.month: _measured(month, measure) for month in found.now.months}
    values = ((month, now.get(month, 0)) for month in sorted({*planned, *now}))
    parts = burned_of(values, int(getattr(found.now, f"burn_{measure}")), found.latest.as_of, measure)
    rows = [MonthShown(month, planned.get(month, 0), burned, to_come) for month, burned, to_come in parts]
    return tuple(row for row in rows if row.plan or row.burned or row.to_come)


def burned_of(
    values: Iterable[tuple[str, int]], booked: int, as_of: date, measure: str
) -> Iterator[tuple[str, int, int]]:
    """By month what of it is burned, and what is still to come."""
    values = list(values)
    back = _came_back(values, booked, as_of) if measure == "revenue" else _done(values, booked, as_of)
    left = called(booked - sum(back.values()), "burned of the other months") if back else booked
    parts = dict[str, int]()
    for month, value in values:
        burned = back.get(month)
        if burned is None:
            burned = lesser(value, left, f"of {month}, at most what is booked")
            left = called(left - burned, f"burned after {month}")
        parts[month] = burned
    if left > 0 and parts:
        # More is burned than there will be: it is given back with an invoice to come.
        month = max((month for month in parts if month <= f"{as_of:%Y-%m}"), default=min(parts))
        parts[month] = called(parts[month] + left, f"burned in {month}, also what will be given back")
    for month, value in values:
        yield month, parts[month], called(value - parts[month], f"to come in {month}")


def _done(values: Iterable[tuple[str, int]], booked: int, as_of: date) -> dict[str, int]:
    """Of hours and cost all of the months that are over, since work to come lies ahead; in the first of the others what came back."""
    first, found = f"{as_of + timedelta(days=1):%Y-%m}", dict[str, int]()
    left = booked
    for month, value in values:
        if month < first:
            found[month] = value
            left -= value
        elif left <= 0:
            found[month] = lesser(called(left, f"booked in {month}"), 0, f"came back in {month}")
            left -= found[month]
        else:
            break
    return found


def _came_back(values: Iterable[tuple[str, int]], booked: int, as_of: date) -> dict[str, int]:
    """What is burned of months below zero: all of those that are over, of the month that runs what months before it burned beyond what is
    booked."""
    over, running = f"{as_of + timedelta(days=1):%Y-%m}", f"{as_of:%Y-%m}"
    found, before = {}, 0
    for month, value in values:
        if value < 0:
            beyond = at_least(called(booked - before, "booked since"), value, f"came back in {month}")
            found[month] = value if month < over else lesser(0, beyond, f"burned of {month}") if month == running else 0
        before += value
    return found


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
