"""What hard caps still allow to a project.

The room of a cap that several projects share is divided in proportion to the hours that remain in each (R12), so that
their backlogs together are what the contract has; where nothing remains anywhere, equally. A project that has ended has
none. Only lines on which hours earn count: what the others have still to earn is their terms'.

    3,000 of room, 10 h remain in one project and 30 h in the other: 750 and 2,250
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.caps.consume import MONTH, WHOLE_TERM, BucketKey, CapLimit, CapRule, bucket_key, limit_of, stops
from domain.caps.purchase_order import is_order
from domain.figure import allocated, assumed, at_least, called, exchanged, spread, titled
from domain.forecast.completion import Tally, room_of, value_of
from domain.identity import composed
from domain.policies import Resolved
from domain.reference.exchange import SAME_CURRENCY, Exchange
from domain.units import Amount, Hours, Rate
from state.books import BookedProgress, CapBucket, Forecast
from state.caps.claims import allotments, bucket_id
from state.draft import Draft
from state.forecast.outlook import ProjectTerms, has_ended, known, line_key, project_policies, project_terms, running
from state.forecast.tracks import rate_to, tracks_of
from state.terms.plan import LinePlan, line_plan

# Of each line of several its caps, by id, with the room that they leave.
Rooms = Sequence[Mapping[str, Amount]]


class WorkAhead(NamedTuple):
    """What a project has still to do; `rate` is the average of its planned hours."""

    project_id: str
    forecast: Forecast
    progress: Mapping[str, BookedProgress]
    rate: Rate

    @property
    def has_one_track(self) -> bool:
        return len(self.progress) == 1


class CapsAsked(NamedTuple):
    """What caps leave to work, as of a day and in currency of its project; of `billing` those are asked that limit it alone."""

    work: WorkAhead
    policies: Resolved
    as_of: date
    billing: bool = False

    def rate_of(self, draft: Draft, plan: LinePlan) -> Exchange | None:
        return rate_to(draft, self.policies, plan.currency, self.work.forecast.currency, self.as_of)


class Room(NamedTuple):
    """In project currency what caps over the whole term leave: in all, None where some line has no such cap or none earns by hours, and to
    each of the `lines`, unless it is known without them."""

    amount: Amount | None
    lines: Sequence[LinePlan]
    rooms: Rooms


NO_ROOM = Room(0, (), ())


class _Limiting(NamedTuple):
    """A cap as far as it limits, and its bucket."""

    rule: CapRule
    limit: CapLimit
    key: BucketKey


def room_under_caps(draft: Draft, of: ProjectTerms, asked: CapsAsked) -> Room | None:
    """None where an exchange rate is missing."""
    if has_ended(draft, draft.project(asked.work.project_id), asked.as_of):
        return NO_ROOM
    lines = of.hourly if of.goes_on else running(draft, of.hourly, asked.as_of)
    if asked.work.has_one_track and not all(_limiting(asked, plan) for plan in lines):
        return Room(None, lines, ())
    rooms = rooms_of(draft, asked, lines)
    return Room(room_of(rooms), lines, rooms) if rooms is not None else None


def rooms_of(draft: Draft, asked: CapsAsked, lines: Iterable[LinePlan], month: str = "") -> Rooms | None:
    """What caps leave to each line: those over the whole term, or in a month. None where an exchange rate is missing."""
    found = []
    for plan in lines:
        caps = _caps_room(draft, asked, plan, month)
        exchange = asked.rate_of(draft, plan) if caps else SAME_CURRENCY
        if exchange is None:
            return None
        currency, mode = asked.work.forecast.currency, asked.policies.money_mode
        found.append({cap_id: exchanged(left, exchange, currency, mode) for cap_id, left in caps.items()})
    return found


def _limiting(asked: CapsAsked, plan: LinePlan, month: str = "") -> list[_Limiting]:
    """Of hard caps over the whole term the newest limit, of one by month that of the month."""
    period, day = (MONTH, date.fromisoformat(f"{month}-01")) if month else (WHOLE_TERM, asked.as_of)
    keys = (
        (rule, bucket_key(rule, day, "")) for rule in plan.rules if rule.period == period and not is_order(rule.cap_id)
    )
    found = [_Limiting(rule, limit_of(rule, key), key) for rule, key in keys]
    return [each for each in found if stops(each.limit, billing_alone=asked.billing)]


def _caps_room(draft: Draft, asked: CapsAsked, plan: LinePlan, month: str) -> dict[str, Amount]:
    """Room of each cap of the line; hours count at the line's average rate, those of the whole project at that of the cap's lines."""
    caps: dict[str, Amount] = {}
    for each in _limiting(asked, plan, month):
        amount, hours = _left(draft, asked, plan, each)
        rooms = [amount] if amount is not None else []
        if hours is not None:
            rooms.append(value_of(hours, _so_far(draft, asked, plan, each.rule), asked.work.rate, plan.step))
        caps[composed(plan.contract_id, each.rule.cap_id)] = _share(draft, asked, plan, each.rule, min(rooms))
    return caps


def _so_far(draft: Draft, asked: CapsAsked, plan: LinePlan, rule: CapRule) -> Tally:
    ahead = asked.work
    under = lines_under(draft, plan, rule) if ahead.has_one_track and len(plan.group) > 1 else ()
    own = [one for one in under if one.line.project_id == ahead.project_id] or [plan]
    totals = [draft.line(one.contract_id, one.line.line_id) for one in own]
    if len(totals) == 1:
        return totals[0].hours, 0, totals[0].value
    hours, value = sum(one.hours for one in totals), sum(one.value for one in totals)
    return called(hours, "hours of the cap's lines"), 0, called(value, "value of the cap's lines")


def left_by_measure(
    draft: Draft, asked: CapsAsked, plan: LinePlan, cap_id: str, month: str
) -> tuple[Amount | None, Hours | None]:
    """What one of the line's caps leaves in money, in contract currency, and in hours."""
    for each in _limiting(asked, plan, month):
        if composed(plan.contract_id, each.rule.cap_id) == cap_id:
            amount, hours = _left(draft, asked, plan, each)
            return (
                _share(draft, asked, plan, each.rule, amount) if amount is not None else None,
                _share(draft, asked, plan, each.rule, hours, in_hours=True) if hours is not None else None,
            )
    return None, None


def _left(draft: Draft, asked: CapsAsked, plan: LinePlan, of: _Limiting) -> tuple[Amount | None, Hours | None]:
    taken = cap_bucket(draft, plan, allotments(plan)[-1 if asked.billing else 0], of.key).bucket
    amount = left_of(of.limit.amount, taken.amount) if of.limit.amount is not None else None
    return amount, left_of(of.limit.hours, taken.hours) if of.limit.hours is not None else None


def left_of(limit: int, taken: int) -> int:
    """A cap takes nothing back."""
    return at_least(called(limit - taken, "limit less what is taken"), 0, "room", "R18")


def cap_bucket(draft: Draft, plan: LinePlan, allotment: str, key: BucketKey) -> CapBucket:
    return draft.bucket(bucket_id(plan, allotment, key))


def lines_under(draft: Draft, plan: LinePlan, rule: CapRule) -> tuple[LinePlan, ...]:
    """Lines of the plan's terms that the cap binds."""
    key = ("lines under", plan.key, rule.cap_id)
    if key not in draft.memo.lines:
        contract = draft.contract_in_books(plan.contract_id)
        plans = (line_plan(draft, contract, plan.version, line.line_id) for line in plan.terms.lines)
        draft.memo.lines[key] = tuple(
            one for one in plans if one is not None and any(each.cap_id == rule.cap_id for each in one.rules)
        )
    found: tuple[LinePlan, ...] = draft.memo.lines[key]
    return found


# A cap that several projects share


def _share(draft: Draft, asked: CapsAsked, plan: LinePlan, rule: CapRule, room: int, *, in_hours: bool = False) -> int:
    work, as_of = asked.work, asked.as_of
    under = lines_under(draft, plan, rule) if len(plan.group) > 1 else ()
    projects = sorted({work.project_id, *(one.line.project_id for one in under)})
    if len(projects) == 1:
        return room
    weights = [
        _hours_left(draft, work if each == work.project_id else _known(draft, each), under, as_of) for each in projects
    ]
    if not any(weights):
        weights = [assumed(room, int(not has_ended(draft, draft.project(each), as_of)), "a part") for each in projects]
    shares = spread(room, weights, 1) if in_hours else allocated(room, weights, plan.currency)
    return titled(shares[projects.index(work.project_id)], "its share of the room", "R12")


def _known(draft: Draft, project_id: str) -> WorkAhead:
    forecast, outlook = known(draft, project_id)
    return WorkAhead(project_id, forecast, outlook.progress, forecast.planned_rate)


def _hours_left(draft: Draft, ahead: WorkAhead, under: Sequence[LinePlan], as_of: date) -> Hours:
    """On the cap's lines where these count on their own, else in the whole project; none of a project that has ended."""
    project, forecast = draft.project(ahead.project_id), ahead.forecast
    if not forecast.currency or has_ended(draft, project, as_of):
        return 0
    own = {line_key(plan) for plan in under if plan.line.project_id == ahead.project_id}
    of_lines = {name: part for name, part in ahead.progress.items() if name in own}
    of = project_terms(draft, ahead.project_id)
    policies = project_policies(draft, of.lines, forecast.legal_entity_id)
    # Those that the project keeps have all its tracks, and its figures are of them.
    kept_in, progress = ({}, of_lines) if of_lines else (of.tracks, ahead.progress)
    tracks = tracks_of(draft, kept_in, policies, forecast, progress, forecast.currency, as_of)
    if tracks is None:
        return 0
    title = f"{ahead.project_id}: hours to come"
    return at_least(called(tracks.completion(None).hours - tracks.booked[0], "hours to come"), 0, title)
