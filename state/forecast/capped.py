"""How much hours to come may earn, month by month, as far as hard caps limit it.

A line that has an estimate or budget of its own earns no more than its caps leave, those of the whole term and those by month, whatever the
others earn; lines under one cap take its room in the order of the months, and in one month by what their hours are worth. Hours of the
whole project are of no line: caps by month limit these where every line on which hours earn has one, what caps over the whole term leave to
them says `state/forecast/room.py`. Caps of a person's day limit work once it is done; so do those in hours over several lines that count on
their own.

    1,500 of room, 4,800 by the line's estimate: 1,500, also beside a line without a cap
    1,000 a month, 1,600 planned in February and 800 in March: 1,000 and 800
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.figure import called, spread
from domain.forecast.completion import room_of
from domain.forecast.exhaustion import CapAhead, taken_by_month
from domain.units import Amount
from state.books import Project
from state.draft import Draft
from state.forecast.outlook import line_key
from state.forecast.room import MONTH, Room, Rooms, WorkAhead, rooms_of
from state.forecast.shapes import Shaped, Shapes, shapes_of
from state.forecast.tracks import WHOLE, TrackHeld, Tracks
from state.terms.plan import LinePlan


class Allowed(NamedTuple):
    """By track the most that its hours to come may earn; where that limits some track, what those of each earn, by month."""

    most: Mapping[str, Amount]
    by_month: Mapping[str, Mapping[str, Amount]]


UNLIMITED = Allowed({}, {})
# Room by cap and line: of each month, or under "" of the whole term.
_ByMonth = Mapping[str, Rooms]


def allowed_by_caps(
    draft: Draft, project: Project, of: Shaped, ahead: WorkAhead, room: Room, tracks: Tracks, as_of: date
) -> Allowed | None:
    """None where an exchange rate is missing."""
    is_alone, lines = len(ahead.progress) == 1, room.lines
    is_monthly = any(rule.period == MONTH for plan in lines for rule in plan.rules)
    if not is_monthly and (is_alone or not any(room.rooms)):
        return UNLIMITED
    shapes, currency = shapes_of(draft, project, of, as_of), tracks.currency
    wants = {name: _wanted(held, shapes, name, tracks.step) for name, held in tracks.held.items()}
    rooms: dict[str, Rooms] = {} if is_alone else {"": room.rooms}
    for month in shapes.whole.months if is_monthly else ():
        if not any(by_month.get(month) for by_month in wants.values()):
            continue
        day = date.fromisoformat(f"{month}-01")
        of_month = rooms_of(draft, lines, ahead, of.policies, currency, as_of, MONTH, day)
        if of_month is None:
            return None
        rooms[month] = of_month
    caps = _of_all(rooms) if is_alone else _of_lines(draft, lines, rooms, ahead)
    taken = taken_by_month(wants, caps, currency) if caps else {}
    most, is_limited = {}, False
    for name, by_month in taken.items():
        limits = [cap.rooms[""] for cap in caps if "" in cap.rooms and cap.tracks == [name]]
        earns = called(sum(by_month.values()), "as far as caps allow")
        if earns < tracks.held[name].to_come:
            limits.append(earns)
            is_limited = True
        if limits:
            most[name] = min(limits)
    return Allowed(most, taken if is_limited else {})


def _wanted(held: TrackHeld, shapes: Shapes, name: str, step: Amount) -> Mapping[str, Amount]:
    shape = shapes.tracks.get(name, shapes.whole)
    return dict(zip(shape.months, spread(held.to_come, shape.revenue, step), strict=True))


def _of_all(rooms: _ByMonth) -> list[CapAhead]:
    """As one cap, of the months in which each line has one."""
    of_months = {month: left for month, caps in rooms.items() if (left := room_of(caps)) is not None}
    return [CapAhead([WHOLE], of_months)] if of_months else []


def _of_lines(draft: Draft, lines: Sequence[LinePlan], rooms: _ByMonth, ahead: WorkAhead) -> list[CapAhead]:
    found: dict[tuple[str, bool], dict[str, dict[str, Amount]]] = {}
    for month, of_lines in rooms.items():
        for plan, caps in zip(lines, of_lines, strict=True):
            name = line_key(plan)
            for cap_id, left in caps.items() if name in ahead.progress and _is_valued(draft, plan) else ():
                found.setdefault((cap_id, bool(month)), {}).setdefault(name, {})[month] = left
    return [CapAhead(list(by_line), _common(list(by_line.values()))) for by_line in found.values()]


def _common(rooms: Sequence[Mapping[str, Amount]]) -> dict[str, Amount]:
    """What is left to each of several lines: of hours, which are worth more on one than on another, nothing is known in common."""
    first, *others = rooms
    return {month: left for month, left in first.items() if all(one.get(month) == left for one in others)}


def _is_valued(draft: Draft, plan: LinePlan) -> bool:
    """Whether it is known what hours that a cap allows are worth, and the line has no other to which it passes the rest."""
    is_known = draft.line(plan.contract_id, plan.line.line_id).value > 0
    return not plan.by_day and (is_known or all(rule.limits[-1].hours is None for rule in plan.rules))
