"""What hard caps still allow to a project.

The room of a cap that several projects share is divided in proportion to the hours that remain in each (R12), so that
their backlogs together are what the contract has; where nothing remains anywhere, equally. A project that has ended has
none. Only lines on which hours earn count: what the others have still to earn is their terms'.

    3,000 of room, 10 h remain in one project and 30 h in the other: 750 and 2,250
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.caps.consume import BucketKey, CapLimit, CapRule, bucket_key, is_limited, limit_of
from domain.caps.purchase_order import is_order
from domain.figure import allocated, assumed, at_least, called, exchanged, spread, titled
from domain.forecast.completion import room_of, value_of
from domain.identity import composed
from domain.policies import Resolved
from domain.reference.exchange import SAME_CURRENCY
from domain.units import Amount, Hours, Rate
from state.books import BookedProgress, CapBucket, Forecast
from state.caps.claims import allotments, bucket_id
from state.draft import Draft
from state.forecast.outlook import ProjectTerms, has_ended, known, line_key, project_policies, project_terms, running
from state.forecast.tracks import rate_to, tracks_of
from state.terms.plan import LinePlan, line_plan

WHOLE_TERM, MONTH = "whole_term", "month"
# Of each line of several its caps, by id, with the room that they leave.
Rooms = Sequence[Mapping[str, Amount]]


class WorkAhead(NamedTuple):
    """What a project has still to do; `rate` is the average of its planned hours."""

    project_id: str
    forecast: Forecast
    progress: Mapping[str, BookedProgress]
    rate: Rate


class Room(NamedTuple):
    """In project currency what caps over the whole term leave: in all, None where some line has no such cap or none earns by hours, and to
    each of the `lines`, unless it is known without them."""

    amount: Amount | None
    lines: Sequence[LinePlan]
    rooms: Rooms


NO_ROOM = Room(0, (), ())


def room_under_caps(
    draft: Draft, of: ProjectTerms, ahead: WorkAhead, policies: Resolved, currency: str, as_of: date
) -> Room | None:
    """None where an exchange rate is missing."""
    if has_ended(draft, draft.project(ahead.project_id), as_of):
        return NO_ROOM
    lines = of.hourly if of.goes_on else running(draft, of.hourly, as_of)
    if len(ahead.progress) == 1 and not all(limits_of(plan, as_of, WHOLE_TERM) for plan in lines):
        return Room(None, lines, ())
    rooms = rooms_of(draft, lines, ahead, policies, currency, as_of, WHOLE_TERM, as_of)
    return Room(room_of(rooms), lines, rooms) if rooms is not None else None


def rooms_of(
    draft: Draft,
    lines: Iterable[LinePlan],
    ahead: WorkAhead,
    policies: Resolved,
    currency: str,
    as_of: date,
    period: str,
    day: date,
    *,
    billing: bool = False,
) -> Rooms | None:
    """What caps leave to each line, of each month that of a day; those of `billing` limit that alone. None where an exchange rate is
    missing."""
    found = []
    for plan in lines:
        caps = _caps_room(draft, plan, ahead, as_of, period, day, billing=billing)
        exchange = rate_to(draft, policies, plan.currency, currency, as_of) if caps else SAME_CURRENCY
        if exchange is None:
            return None
        mode = policies.money_mode
        found.append({cap_id: exchanged(left, exchange, currency, mode) for cap_id, left in caps.items()})
    return found


def limits_of(plan: LinePlan, day: date, period: str, *, billing: bool = False) -> list[tuple[CapRule, CapLimit]]:
    """Of its hard caps that limit revenue, or `billing` alone, as far as they do: of one over the whole term the newest, of one by month
    that of a day's."""
    limits = (
        (rule, limit_of(rule, bucket_key(rule, day, "")))
        for rule in plan.rules
        if rule.period == period and not is_order(rule.cap_id)
    )
    return [(rule, one) for rule, one in limits if one.hard and one.limits_revenue != billing and is_limited(one)]


def _caps_room(
    draft: Draft, plan: LinePlan, ahead: WorkAhead, as_of: date, period: str, day: date, *, billing: bool
) -> dict[str, Amount]:
    """Room of each cap of the line; hours count at the line's average rate."""
    caps: dict[str, Amount] = {}
    for rule, limit in limits_of(plan, day, period, billing=billing):
        amount, hours = _left(draft, plan, rule, limit, day, billing=billing)
        rooms = [amount] if amount is not None else []
        if hours is not None:
            totals = draft.line(plan.contract_id, plan.line.line_id)
            so_far = (totals.hours, 0, totals.value)
            rooms.append(value_of(hours, so_far, ahead.rate, plan.step))
        caps[composed(plan.contract_id, rule.cap_id)] = _share(draft, plan, rule, min(rooms), ahead, as_of)
    return caps


def left_by_measure(
    draft: Draft, plan: LinePlan, cap_id: str, ahead: WorkAhead, as_of: date, period: str, day: date, *, billing: bool
) -> tuple[Amount | None, Hours | None]:
    """What one of the line's caps leaves in money, in contract currency, and in hours."""
    for rule, limit in limits_of(plan, day, period, billing=billing):
        if composed(plan.contract_id, rule.cap_id) == cap_id:
            amount, hours = _left(draft, plan, rule, limit, day, billing=billing)
            return (
                _share(draft, plan, rule, amount, ahead, as_of) if amount is not None else None,
                _share(draft, plan, rule, hours, ahead, as_of, in_hours=True) if hours is not None else None,
            )
    return None, None


def _left(
    draft: Draft, plan: LinePlan, rule: CapRule, limit: CapLimit, day: date, *, billing: bool
) -> tuple[Amount | None, Hours | None]:
    taken = cap_bucket(draft, plan, allotments(plan)[-1 if billing else 0], bucket_key(rule, day, "")).bucket
    amount = left_of(limit.amount, taken.amount) if limit.amount is not None else None
    return amount, left_of(limit.hours, taken.hours) if limit.hours is not None else None


def left_of(limit: int, taken: int) -> int:
    """A cap takes nothing back."""
    return at_least(called(limit - taken, "limit less what is taken"), 0, "room", "R18")


def cap_bucket(draft: Draft, plan: LinePlan, allotment: str, key: BucketKey) -> CapBucket:
    return draft.bucket(bucket_id(plan, allotment, key))


def lines_under(draft: Draft, plan: LinePlan, rule: CapRule) -> tuple[LinePlan, ...]:
    """Lines of the plan's terms that the cap binds."""
    key = ("lines under", plan.key, rule.cap_id)
    if key not in draft.memo.plans:
        contract = draft.contract(plan.contract_id)
        assert contract is not None, "the plan is of a contract in the books"
        plans = (line_plan(draft, contract, plan.version, line.line_id) for line in plan.terms.lines)
        draft.memo.plans[key] = tuple(
            one for one in plans if one is not None and any(each.cap_id == rule.cap_id for each in one.rules)
        )
    found: tuple[LinePlan, ...] = draft.memo.plans[key]
    return found


# A cap that several projects share


def _share(
    draft: Draft, plan: LinePlan, rule: CapRule, room: int, ahead: WorkAhead, as_of: date, *, in_hours: bool = False
) -> int:
    under = lines_under(draft, plan, rule) if len(plan.group) > 1 else ()
    projects = sorted({ahead.project_id, *(one.line.project_id for one in under)})
    if len(projects) == 1:
        return room
    weights = [
        _hours_left(draft, ahead if each == ahead.project_id else _known(draft, each), under, as_of)
        for each in projects
    ]
    if not any(weights):
        weights = [assumed(room, int(not has_ended(draft, draft.project(each), as_of)), "a part") for each in projects]
    shares = spread(room, weights, 1) if in_hours else allocated(room, weights, plan.currency)
    return titled(shares[projects.index(ahead.project_id)], "its share of the room", "R12")


def _known(draft: Draft, project_id: str) -> WorkAhead:
    forecast, outlook = known(draft, project_id)
    return WorkAhead(project_id, forecast, outlook.progress, forecast.planned_rate)


def _hours_left(draft: Draft, ahead: WorkAhead, under: Sequence[LinePlan], as_of: date) -> Hours:
    """On the cap's lines where these count on their own, else in the whole project; none of a project that has ended."""
    project, forecast = draft.project(ahead.project_id), ahead.forecast
    if not forecast.currency or has_ended(draft, project, as_of):
        return 0
    own = {line_key(plan) for plan in under if plan.line.project_id == ahead.project_id}
    progress = {name: part for name, part in ahead.progress.items() if name in own} or ahead.progress
    of = project_terms(draft, ahead.project_id)
    policies = project_policies(draft, of.lines, forecast.legal_entity_id)
    tracks = tracks_of(draft, of.tracks, policies, forecast, progress, forecast.currency, as_of)
    if tracks is None:
        return 0
    title = f"{ahead.project_id}: hours to come"
    return at_least(called(tracks.completion(None).hours - tracks.hours, "hours to come"), 0, title)
