"""How much hours to come may earn, month by month, as far as hard caps limit it.

A line that has an estimate or budget of its own earns no more than its caps leave, those of the whole term and those by month, whatever the
others earn; lines under one cap take its room in the order of the months, and in one month by what their hours are worth, of a cap in hours
by these. Hours of the whole project are of no line: caps by month limit these where every line on which hours earn has one, what caps over
the whole term leave to them says `state/forecast/room.py`. Caps of a person's day limit work once it is done: who works how long on which
day no estimate says.

Caps that limit billing alone stop in the same way what is billed of that, and nothing of what is earned; of purchase orders, which limit
what is charged by itself too, says `state/forecast/payers.py`.

    20 h of room, 30 h on one line and 10 h on another: 15 h and 5 h, each at what an hour of its line was worth so far
    1,500 of room, 4,800 by the line's estimate: 1,500, also beside a line without a cap
    1,000 a month, 1,600 planned in February and 800 in March: 1,000 and 800
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import not_
from typing import NamedTuple

from domain.caps.consume import MONTH
from domain.figure import called, exchanged, lesser, spread
from domain.forecast.completion import room_of
from domain.forecast.exhaustion import CapAhead, taken_by_month
from domain.units import Amount, Hours
from state.draft import Draft
from state.forecast.outlook import line_key, running
from state.forecast.room import CapsAsked, Room, Rooms, left_by_measure, rooms_of
from state.forecast.shapes import Shaped, shapes_of
from state.forecast.tracks import WHOLE, Tracks
from state.terms.plan import LinePlan


class Allowed(NamedTuple):
    """By track the most that its hours to come may earn; where that limits some track, what those of each earn, by month."""

    most: Mapping[str, Amount]
    by_month: Mapping[str, Mapping[str, Amount]]


UNLIMITED = Allowed({}, {})
# Room by cap and line: of each month, or under "" of the whole term.
_ByMonth = Mapping[str, Rooms]
# What hours earn, by track and month.
_OfTracks = Mapping[str, Mapping[str, Amount]]


def allowed_by_caps(draft: Draft, of: Shaped, asked: CapsAsked, room: Room, tracks: Tracks) -> Allowed | None:
    """None where an exchange rate is missing."""
    is_alone = asked.work.has_one_track
    if not _by_month(room.lines) and (is_alone or not any(room.rooms)):
        return UNLIMITED
    wants = _wanted(draft, of, asked, tracks)
    caps = _caps_ahead(draft, asked, room.lines, wants, () if is_alone else room.rooms)
    if caps is None:
        return None
    taken = taken_by_month(wants, caps, tracks.currency) if caps else {}
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


def billed_within_caps(
    draft: Draft,
    of: Shaped,
    asked: CapsAsked,
    tracks: Tracks,
    earned: Sequence[tuple[str, Amount]],
    by_month: _OfTracks,
) -> Sequence[tuple[str, Amount]] | None:
    """What is billed of what hours to come earn, by month, where caps limit billing alone; of several tracks `by_month` says what each
    earns, where caps limit that. None where an exchange rate is missing."""
    lines = running(draft, of.terms.hourly, asked.as_of)
    rooms = rooms_of(draft, asked, lines)
    wants: _OfTracks = {WHOLE: dict(earned)} if asked.work.has_one_track else by_month
    wants = wants or _wanted(draft, of, asked, tracks)
    caps = _caps_ahead(draft, asked, lines, wants, rooms) if rooms is not None else None
    if not caps:
        return earned if caps is not None else None
    taken = taken_by_month(wants, caps, tracks.currency)
    return [(month, _billed(month, amount, wants, taken)) for month, amount in earned]


def _billed(month: str, earned: Amount, wants: _OfTracks, taken: _OfTracks) -> Amount:
    """All that is earned in the month, unless caps take something of what tracks want in it."""
    wanted, most = (sum(by_month.get(month, 0) for by_month in of.values()) for of in (wants, taken))
    return earned if most == wanted else lesser(called(most, f"billed of {month}"), earned, "of what is earned")


def _caps_ahead(
    draft: Draft, asked: CapsAsked, lines: Sequence[LinePlan], wants: _OfTracks, whole: Rooms
) -> list[CapAhead] | None:
    """`whole` is the room over the whole term, that of months is asked for those with work to come. None where an exchange rate is
    missing."""
    rooms: dict[str, Rooms] = {"": whole} if whole else {}
    months = {month for by_month in wants.values() for month, wanted in by_month.items() if wanted}
    for month in sorted(months) if _by_month(lines) else ():
        of_month = rooms_of(draft, asked, lines, month)
        if of_month is None:
            return None
        rooms[month] = of_month
    return _of_all(rooms) if asked.work.has_one_track else _of_lines(draft, asked, lines, rooms)


def _by_month(lines: Iterable[LinePlan]) -> bool:
    return any(rule.period == MONTH for plan in lines for rule in plan.rules)


def _wanted(draft: Draft, of: Shaped, asked: CapsAsked, tracks: Tracks) -> _OfTracks:
    """What hours to come are worth."""
    shapes = shapes_of(draft, draft.project(asked.work.project_id), of, tracks, asked.as_of)
    found = {}
    for name, held in tracks.held.items():
        shape = shapes.tracks.get(name, shapes.whole)
        found[name] = dict(zip(shape.months, spread(held.to_come, shape.revenue, tracks.step), strict=True))
    return found


def _of_all(rooms: _ByMonth) -> list[CapAhead]:
    """As one cap over the whole term, and one of the months in which each line has one."""
    left = {month: room_of(caps) for month, caps in rooms.items()}
    by_term = (
        {month: one for month, one in left.items() if one is not None and is_of(month)} for is_of in (not_, bool)
    )
    return [CapAhead([WHOLE], of) for of in by_term if of]


def _of_lines(draft: Draft, asked: CapsAsked, lines: Sequence[LinePlan], rooms: _ByMonth) -> list[CapAhead]:
    currency, mode = asked.work.forecast.currency, asked.policies.money_mode
    found: dict[tuple[str, bool], dict[str, dict[str, Amount]]] = {}
    plans = {
        line_key(plan): plan for plan in lines if line_key(plan) in asked.work.progress and _is_valued(draft, plan)
    }
    for month, of_lines in rooms.items():
        for plan, caps in zip(lines, of_lines, strict=True):
            name = line_key(plan)
            for cap_id, left in caps.items() if name in plans else ():
                found.setdefault((cap_id, bool(month)), {}).setdefault(name, {})[month] = left
    made: list[CapAhead] = []
    for (cap_id, _), by_line in found.items():
        first, *others = by_line.values()
        if not others:
            made.append(CapAhead(list(by_line), first))
            continue
        in_money, in_hours = dict[str, Amount](), dict[str, Hours]()
        plan = plans[next(iter(by_line))]
        rate = asked.rate_of(draft, plan)
        assert rate is not None, "its room was converted"
        for month in (month for month in first if all(month in one for one in others)):
            amount, hours = left_by_measure(draft, asked, plan, cap_id, month)
            if amount is not None:
                in_money[month] = exchanged(amount, rate, currency, mode)
            if hours is not None:
                in_hours[month] = hours
        totals = {name: draft.line(plans[name].contract_id, plans[name].line.line_id) for name in by_line}
        if in_money:
            made.append(CapAhead(list(by_line), in_money))
        if in_hours and all(one.hours > 0 for one in totals.values()):
            so_far = {name: (one.hours, exchanged(one.value, rate, currency, mode)) for name, one in totals.items()}
            made.append(CapAhead(list(by_line), in_hours, so_far))
    return made


def _is_valued(draft: Draft, plan: LinePlan) -> bool:
    """Whether it is known what hours that a cap allows are worth, and the line has no other to which it passes the rest."""
    is_known = draft.line(plan.contract_id, plan.line.line_id).value > 0
    return not plan.by_day and (is_known or all(rule.limits[-1].hours is None for rule in plan.rules))
