"""What hard caps over the whole term still allow to a project.

The room of a cap that several projects share is divided in proportion to the hours that remain in each (R12), so that
their backlogs together are what the contract has; where nothing remains anywhere, equally. A project that has ended has
none. Only lines on which hours earn count: what the others have still to earn is their terms'.

    3,000 of room, 10 h remain in one project and 30 h in the other: 750 and 2,250

A line that has an estimate or budget of its own earns no more than the caps leave that bind no other line of the project, whatever the
others earn.

    1,500 of room, 4,800 by the line's estimate: 1,500, also beside a line without a cap
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain
from typing import NamedTuple

from domain.caps.consume import BucketKey, CapRule, bucket_key
from domain.figure import allocated, assumed, at_least, called, exchanged, titled
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


class Room(NamedTuple):
    """In project currency; None: some line has no such cap, or none earns by hours. `of_lines` has what lines that count on their own may
    earn each."""

    amount: Amount | None
    of_lines: Mapping[str, Amount]


NO_CAP = Room(None, {})


class WorkAhead(NamedTuple):
    """What a project has still to do; `rate` is the average of its planned hours."""

    project_id: str
    forecast: Forecast
    progress: Mapping[str, BookedProgress]
    rate: Rate


def room_under_caps(
    draft: Draft, of: ProjectTerms, ahead: WorkAhead, policies: Resolved, currency: str, as_of: date
) -> Room | None:
    """None where an exchange rate is missing."""
    mode = policies.money_mode
    if has_ended(draft, draft.project(ahead.project_id), as_of):
        return Room(0, {})
    rooms, lines = [], of.hourly if of.goes_on else running(draft, of.hourly, as_of)
    for plan in lines:
        caps = _caps_room(draft, plan, ahead, as_of)
        if not caps and len(ahead.progress) == 1:
            return NO_CAP
        exchange = rate_to(draft, policies, plan.currency, currency, as_of) if caps else SAME_CURRENCY
        if exchange is None:
            return None
        rooms.append({cap_id: exchanged(left, exchange, currency, mode) for cap_id, left in caps.items()})
    return Room(room_of(rooms), _of_lines(draft, lines, rooms, ahead))


def _of_lines(
    draft: Draft, lines: Sequence[LinePlan], rooms: Sequence[Mapping[str, Amount]], ahead: WorkAhead
) -> dict[str, Amount]:
    """What caps of one line alone leave to lines that count on their own."""
    bound = Counter(chain.from_iterable(rooms))
    found = {}
    for plan, caps in zip(lines, rooms, strict=True):
        own = [left for cap_id, left in caps.items() if bound[cap_id] == 1]
        if own and (name := line_key(plan)) in ahead.progress and _is_valued(draft, plan):
            found[name] = min(own)
    return found


def _is_valued(draft: Draft, plan: LinePlan) -> bool:
    """Whether it is known what hours that a cap allows are worth."""
    return draft.line(plan.contract_id, plan.line.line_id).value > 0 or all(
        rule.limits[-1].hours is None for rule in plan.rules
    )


def _caps_room(draft: Draft, plan: LinePlan, ahead: WorkAhead, as_of: date) -> dict[str, Amount]:
    """Room of each cap of the line by its newest limit; hours count at the line's average rate."""
    caps: dict[str, Amount] = {}
    for rule in plan.rules:
        limit = rule.limits[-1]
        if not limit.hard or not limit.limits_revenue or rule.period != "whole_term":
            continue
        taken = cap_bucket(draft, plan, allotments(plan)[0], bucket_key(rule, as_of, "")).bucket
        rooms = []
        if limit.amount is not None:
            rooms.append(left_of(limit.amount, taken.amount))
        if limit.hours is not None:
            totals = draft.line(plan.contract_id, plan.line.line_id)
            so_far = (totals.hours, 0, totals.value)
            rooms.append(value_of(left_of(limit.hours, taken.hours), so_far, ahead.rate, plan.step))
        if rooms:
            caps[composed(plan.contract_id, rule.cap_id)] = _share(draft, plan, rule, min(rooms), ahead, as_of)
    return caps


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


def _share(draft: Draft, plan: LinePlan, rule: CapRule, room: Amount, ahead: WorkAhead, as_of: date) -> Amount:
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
    share = allocated(room, weights, plan.currency)[projects.index(ahead.project_id)]
    return titled(share, "its share of the room", "R12")


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
