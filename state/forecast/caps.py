"""How far the caps of a project are used, and when they will be used up.

By what remains, where the cap binds the project's lines and no others; else by the pace of the last 28 days: what the
cap took of work on these days. Caps of a person's day are left out, and a month's cap is not looked ahead.

Work counts towards a cap as long as its terms have it, the contract runs and the project is open: a cap that has room then is not used up
at all. By pace no work is expected after the project's planned end either, unless that has passed; a plan may go on after it.
"""

from collections.abc import Sequence
from datetime import date
from operator import attrgetter

from domain.caps.consume import CapLimit, CapRule, bucket_key, counting, is_agreed, is_limited, limit_on
from domain.caps.purchase_order import SUBJECT_KIND, is_order
from domain.contract import BEGINNING
from domain.explanation import constant
from domain.figure import called, spread, titled
from domain.forecast.completion import NOTHING, percent
from domain.forecast.exhaustion import PACE_DAYS, Lasting, by_pace, by_plan
from domain.identity import composed
from domain.outputs import ForecastCap
from domain.tuples import new_tuple
from domain.units import HUNDRED_PERCENT, Amount, Hours, Percent
from domain.why import Why
from state.caps.claims import allotments
from state.draft import Draft
from state.forecast.bases import Weighed
from state.forecast.outlook import ONE_DAY, line_key, project_terms, sum_of
from state.forecast.room import cap_bucket, lines_under
from state.forecast.shapes import Shape
from state.terms.plan import LinePlan

_PUBLISHED_AFTER = "published_after"


def caps_of(draft: Draft, weighed: Weighed, shape: Shape, as_of: date) -> tuple[ForecastCap, ...]:
    capped = [plan for plan in weighed.terms.lines if plan.rules]
    return tuple([_cap(draft, weighed, shape, *one, as_of) for one in published_caps(capped, as_of)])


def say_when(why: Why, project_id: str, sequence: int) -> None:
    """After how many decisions over caps a forecast is published: statements of its day may decide again."""
    why.record(published_after(project_id, sequence), why.turn, constant("decisions over caps", why.turn, "count"))


def published_after(project_id: str, sequence: int) -> str:
    return composed(_PUBLISHED_AFTER, project_id, str(sequence))


def is_published_after(address: str) -> bool:
    return address.startswith(_PUBLISHED_AFTER)


def published_caps(lines: Sequence[LinePlan], as_of: date) -> list[tuple[LinePlan, CapRule]]:
    """Each cap once, by the period that it has on the day; one that no version in force has any more by the period it had first. Of
    purchase orders the one of the day."""
    found: dict[tuple[str, str], tuple[LinePlan, CapRule]] = {}
    for plan in lines:
        for rule in counting(plan.rules, as_of):
            key = (plan.contract_id, rule.cap_id)
            if key not in found or (is_agreed(rule, as_of) and not is_agreed(found[key][1], as_of)):
                found[key] = (plan, rule)
    return [one for one in found.values() if one[1].period != "day"]


def _cap(draft: Draft, weighed: Weighed, shape: Shape, plan: LinePlan, rule: CapRule, as_of: date) -> ForecastCap:
    limit, taken = limit_on(rule, as_of), taken_of(draft, plan, rule, as_of)
    used_up = lasting(draft, weighed, shape, plan, rule, taken, as_of) if rule.period == "whole_term" else None
    made = (
        rule.cap_id.partition(":")[2],
        *taken,
        used_of(limit, taken),
        limit.amount,
        limit.hours,
        used_up.day if used_up is not None else None,
        plan.contract_id,
        SUBJECT_KIND if is_order(rule.cap_id) else "hard" if limit.hard else "soft",
        rule.period,
        limit.effective_on if limit.effective_on != BEGINNING else None,
    )
    return new_tuple(ForecastCap, made)


def taken_of(draft: Draft, plan: LinePlan, rule: CapRule, as_of: date) -> tuple[Amount, Hours]:
    bucket = cap_bucket(draft, plan, allotments(plan)[-1], bucket_key(rule, as_of, "")).bucket
    return bucket.amount, bucket.hours


def used_of(limit: CapLimit, taken: tuple[Amount, Hours]) -> Percent:
    """Of the limit that is nearer; a limit of nothing is always used up."""
    shares = [
        percent(used, most) if most else HUNDRED_PERCENT
        for used, most in zip(taken, (limit.amount, limit.hours), strict=True)
        if most is not None
    ]
    return max([share for share in shares if share is not None], default=0)


def lasting(
    draft: Draft,
    weighed: Weighed,
    shape: Shape,
    plan: LinePlan,
    rule: CapRule,
    taken: tuple[Amount, Hours],
    as_of: date,
) -> Lasting | None:
    """The limit that is used up earlier, where the cap limits amount and hours; `taken` of them is what is."""
    limit = limit_on(rule, as_of)
    room = called(limit.amount - taken[0], "room") if limit.amount is not None else None
    room_hours = called(limit.hours - taken[1], "room") if limit.hours is not None else None
    members = lines_under(draft, plan, rule)
    total = sum_of(weighed.outlook.progress)
    own = {line_key(one) for one in weighed.terms.lines}
    alone = {line_key(one) for one in members} == own and plan.currency == weighed.forecast.currency
    to_earn = weighed.completion.wanted - weighed.completion.prices
    left = to_earn - total.get(plan.currency, NOTHING)[2] if len(total) <= 1 else 0
    left_hours = weighed.completion.hours - sum([tally[0] for tally in total.values()])
    found = []
    for each, to_come, weights, hours in (
        (room, left, shape.revenue, False),
        (room_hours, left_hours, shape.hours, True),
    ):
        if each is None:
            continue
        if alone and to_come > 0:
            parts = spread(called(to_come, "to come, before caps"), weights, 1)
            months = (
                (month, titled(part, f"planned in {month}")) for month, part in zip(shape.months, parts, strict=True)
            )
            found.append(by_plan(each, as_of, months, counts_until(draft, members, rule, as_of, is_planned=True)))
        else:
            last = counts_until(draft, members, rule, as_of, is_planned=False)
            pace = called(_pace(draft, plan, rule, as_of, hours=hours), f"taken in {PACE_DAYS} days")
            found.append(by_pace(each, as_of, pace, last))
    return min([one for one in found if one is not None], key=attrgetter("day"), default=None)


def counts_until(
    draft: Draft, members: Sequence[LinePlan], rule: CapRule, as_of: date, *, is_planned: bool
) -> date | None:
    """The last day on which work of the cap's lines counts towards it, that of the line that goes on longest; None: no end is known."""
    agreed = next((one.effective_on for one in rule.limits if one.effective_on > as_of and not is_limited(one)), None)
    contract, terms = draft.contract(members[0].contract_id), members[0].terms
    terminated = contract.terminated_on if contract is not None else None
    days = [terms.ends_on, *[day - ONE_DAY for day in (agreed, terminated) if day is not None]]
    ends = [_work_ends(draft, plan.line.project_id, as_of, is_planned=is_planned) for plan in members]
    days.append(max([end for end in ends if end is not None], default=None) if None not in ends else None)
    return min([day for day in days if day is not None], default=None)


def _work_ends(draft: Draft, project_id: str, as_of: date, *, is_planned: bool) -> date | None:
    project = draft.project(project_id)
    planned = project.activated.ends_on if project.activated is not None and not is_planned else None
    return project.closed_on or (planned if planned is not None and planned > as_of else None)


def _pace(draft: Draft, plan: LinePlan, rule: CapRule, as_of: date, *, hours: bool) -> int:
    """What the cap took of the last 28 days."""
    last = as_of.toordinal()
    days = cap_bucket(draft, plan, allotments(plan)[-1], bucket_key(rule, as_of, "")).days
    return sum([taken[1 if hours else 0] for day, taken in sorted(days.items()) if last - PACE_DAYS < day <= last])


def companions(draft: Draft, project_ids: set[str]) -> list[str]:
    """Projects under a shared cap of another of these: what that takes, or plans to, is room that they lose."""
    found = {
        plan.line.project_id
        for project_id in project_ids
        for line in project_terms(draft, project_id).lines
        if len(line.group) > 1
        for rule in line.rules
        for plan in lines_under(draft, line, rule)
        if plan.line.project_id != project_id
    }
    return sorted(found)
