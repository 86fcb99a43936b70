"""What a project's figures at completion rest on: estimates, budgets, assignments and caps (RULES section 6,
Contracts).

An estimate of the whole project holds for all its lines, unless every line has a budget or an estimate of its own and
one of these is newer; then, and while the project has none, each line counts by its own. Without any estimate the
lines' cost budgets count where every line has one, else the project's budget, else the budgets there are; else what
is booked and what the assignments plan.

Once the last day is over of a project that was closed, or whose every contract was terminated, nothing remains; nor do
the lines of a contract that was terminated. Work that still comes counts as it comes.

The project's budget counts where some line has none of its own, and then for all of it; nothing is added to it. Beside
lines that have theirs it does not count: 6,000 for the project, 2,000 and 3,000 for its lines are 5,000. Beside a line
with an estimate, a line without a budget counts as its work comes.

Work of no line (not billable, or waiting for its contract) counts against a project's only line. Beside several lines
that count on their own nothing is planned for it, and it counts as it comes. So it is where a project's only line of hours
has one for expenses beside it: an estimate or budget of a line is of that line alone, and these come on top.

    2 h for 200, 17 h for 1,700 remain on the line; 200 of travel on another line: 2,100. By an estimate of the project: 1,900
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from operator import is_
from typing import NamedTuple

from msgspec.structs import replace

from domain.events.common import ProjectBudget
from domain.events.delivery import EstimateRevised
from domain.figure import titled
from domain.forecast.changes import with_change
from domain.forecast.completion import NOTHING, Completion, Tally, added, allowed, named, threshold
from domain.policies import Resolved
from domain.terms import methods
from domain.tuples import new_tuple
from domain.units import Amount, Percent, Rate
from state.books import Basis, BookedProgress, Estimate, Forecast, ForecastState, Project, PublishedFigures
from state.draft import Draft
from state.forecast.ahead import earning_of, earns_otherwise
from state.forecast.capped import allowed_by_caps
from state.forecast.estimates import ESTIMATE, estimate_key, estimate_of
from state.forecast.lacking_rates import HeadingBasis, change_without_rates
from state.forecast.outlook import (
    ONE_DAY,
    WEIGHS,
    ProjectTerms,
    fits,
    has_ended,
    known,
    ledger_currency,
    line_key,
    moves_in,
    project_entity_id,
    project_policies,
    project_terms,
    project_zone,
    running,
    say_changes,
    sum_of,
)
from state.forecast.planned import (
    Assigned,
    PlannedWork,
    assigned_from,
    first_month,
    is_at_cost,
    planned_cost,
    planned_from,
    planned_in,
    planned_line,
    planned_rate,
)
from state.forecast.room import CapsAsked, WorkAhead, room_under_caps
from state.forecast.shapes import Shaped
from state.forecast.tracks import BUDGET, WHOLE, Tracks, tracks_of
from state.terms.plan import LinePlan

PLAN, NONE, ENDED = "plan", "none", "ended"

UNPLANNED = Basis(PLAN)
# Places in a tally.
COST_AT, REVENUE_AT = 1, 2

State = tuple[Forecast, ForecastState]

# What remains (of an estimate), or the whole (of a budget), by track and currency.
Stated = dict[str, dict[str, Tally]]


class Weighed(NamedTuple):
    """What a project's figures rest on and where it is heading now; `by_month` is what hours to come earn, by track, where caps of the
    tracks limit it."""

    forecast: Forecast
    outlook: ForecastState
    completion: Completion
    terms: ProjectTerms
    policies: Resolved
    planned: PlannedWork
    tracks: Tracks
    by_month: Mapping[str, Mapping[str, Amount]]


class Rests:
    """What the figures of a project rest on beside its hours: its terms, estimates, budget and assignments. Kept of a project that goes on,
    on whose lines hours alone earn, as long as all of it is as it was; other assignments and the next month change what is planned alone.

    `floors_move` where hours move a floor in another way than by their service date.
    """

    __slots__ = (
        "activated",
        "assigned",
        "assignments",
        "bases",
        "currency",
        "estimates",
        "floors_move",
        "legal_entity_id",
        "month",
        "of",
        "own_zone",
        "stated",
        "zone",
    )

    def __init__(
        self,
        draft: Draft,
        project: Project,
        of: ProjectTerms,
        forecast: Forecast,
        stated: Stated,
        assigned: Assigned,
        month: str,
    ) -> None:
        self.of, self.activated, self.assignments, self.own_zone = (
            of,
            project.activated,
            draft.assignments(project.project_id),
            project.zone,
        )
        self.currency, self.zone, self.legal_entity_id = forecast.currency, forecast.zone, forecast.legal_entity_id
        self.bases, self.stated, self.assigned, self.month = forecast.bases, stated, assigned, month
        lines = (None, *(plan.line.line_id for plan in of.lines))
        keys = [("estimate", estimate_key(project.project_id, line_id)) for line_id in lines]
        self.estimates = {key: draft.part(*key) for key in keys}
        whole = forecast.bases[WHOLE]
        # What assignments plan is counted on a project's only track.
        self.floors_move = whole.kind == PLAN or (whole.kind == BUDGET and not whole.hours_stated)

    def holds(self, draft: Draft, project: Project, of: ProjectTerms, forecast: Forecast, month: str) -> bool:
        if (
            self.of is not of
            or self.activated is not project.activated
            or project.closed_on is not None
            or self.own_zone != project.zone
            or self.bases is not forecast.bases
            or forecast.earning
            or self.currency != forecast.currency
            or self.zone != forecast.zone
            or self.legal_entity_id != forecast.legal_entity_id
            or earns_otherwise(draft, of)
        ):
            return False
        stated = draft.assignments(project.project_id)
        if self.assignments is not stated or self.month != month:
            if self.bases[WHOLE].kind == PLAN:
                return False
            self.assignments, self.assigned, self.month = stated, assigned_from(draft, project, month), month
        if "estimate" in draft.kinds:
            return all(draft.part(*key) is one for key, one in self.estimates.items())
        return all(map(is_, map(draft.before.get, self.estimates), self.estimates.values()))


def weigh(draft: Draft, project_id: str, as_of: date, cause: str | None = None) -> Weighed | None:
    """Bring up to date what the figures rest on; what that changes has the cause given, else currencies or time did it.

    None, and the figures stay as they are, where an exchange rate is missing or no currency is known yet.
    """
    say_changes(draft, project_id, WEIGHS, cause, as_of.isoformat())
    project, of = draft.project(project_id), project_terms(draft, project_id)
    key, month = ("rests", project_id), first_month(as_of)
    rests: Rests | None = draft.memo.lines.get(key)
    forecast, outlook = known(draft, project_id)
    if rests is not None and rests.holds(draft, project, of, forecast, month):
        planned = planned_in(rests.assigned, project, month)
        if rests.floors_move:
            progress = _progress(draft, project, forecast, outlook, rests.bases, rests.stated, planned, as_of)
            forecast, outlook = _unless_equal(forecast, outlook, rests.bases, progress)
        return _weighed(draft, project, of, forecast, outlook, planned, as_of, cause, rests)
    lines = of.lines
    forecast, outlook = _placed(draft, project, lines)
    if not forecast.currency:
        _keep(draft, project_id, forecast, outlook)
        return None
    planned = planned_from(draft, project, as_of)
    earning = earning_of(draft, project, as_of)
    if earning != forecast.earning:
        forecast = replace(forecast, earning=earning)
    bases, stated = _bases_held(draft, project, lines, forecast, planned, as_of)
    progress = _progress(draft, project, forecast, outlook, bases, stated, planned, as_of)
    if cause is None and forecast.published is not None and _ends(forecast.bases, bases):
        cause = "scope"
    forecast, outlook = _unless_equal(forecast, outlook, bases, progress)
    if of.goes_on and project.closed_on is None and (of.contracts or project.activated is not None) and not earning:
        assigned = assigned_from(draft, project, month)
        rests = draft.memo.lines[key] = Rests(draft, project, of, forecast, stated, assigned, month)
    else:
        rests = None
    return _weighed(draft, project, of, forecast, outlook, planned, as_of, cause, rests)


def rest_on_books(draft: Draft, project_id: str, as_of: date) -> None:
    """Have what is kept of a forecast rest on sums of its project that are made again, by the bases that it has."""
    project, of = draft.project(project_id), project_terms(draft, project_id)
    forecast, outlook = known(draft, project_id)
    planned, held = planned_from(draft, project, as_of), forecast.bases
    earning = earning_of(draft, project, as_of)
    bases, stated = _bases_held(draft, project, of.lines, forecast, planned, as_of)
    if bases == held and earning == forecast.earning:
        unmade = replace(forecast, bases={}, earning=earning)
        progress = _progress(draft, project, unmade, outlook, bases, stated, planned, as_of)
        _keep(draft, project_id, replace(unmade, bases=bases), replace(outlook, progress=progress))


def _ends(before: Mapping[str, Basis], bases: Mapping[str, Basis]) -> bool:
    """Whether the last day of the project, or of one of its contracts, is over."""
    project_ends = bases[WHOLE].kind == ENDED and before[WHOLE].kind != ENDED
    return project_ends or not before.keys() <= bases.keys()


def _unless_equal(
    forecast: Forecast, outlook: ForecastState, bases: Mapping[str, Basis], progress: Mapping[str, BookedProgress]
) -> State:
    """What is as it was stays the same value, so that sums made of it are found again."""
    held, parts = forecast.bases, outlook.progress
    if bases != held:
        bases = {name: held[name] if held.get(name) == basis else basis for name, basis in bases.items()}
        forecast = replace(forecast, bases=bases)
    if progress != parts:
        progress = {name: parts[name] if parts.get(name) == part else part for name, part in progress.items()}
        outlook = replace(outlook, progress=progress)
    return forecast, outlook


def _weighed(
    draft: Draft,
    project: Project,
    of: ProjectTerms,
    forecast: Forecast,
    outlook: ForecastState,
    planned: PlannedWork,
    as_of: date,
    cause: str | None,
    rests: Rests | None,
) -> Weighed | None:
    lines, currency, progress = of.lines, forecast.currency, outlook.progress
    policies = project_policies(draft, lines, forecast.legal_entity_id)
    rate = _rate(draft, project, lines, as_of, rests) if _unpriced(forecast, progress) else 0
    placed, forecast = forecast, forecast if rate == forecast.planned_rate else replace(forecast, planned_rate=rate)
    ahead = new_tuple(WorkAhead, (project.project_id, forecast, progress, rate))
    asked = CapsAsked(ahead, policies, as_of)
    room = room_under_caps(draft, of, asked)
    tracks = tracks_of(draft, of.tracks, policies, forecast, progress, currency, as_of)
    caps = None
    if tracks is not None and room is not None:
        shaped = new_tuple(Shaped, (forecast, of, policies, planned))
        caps = allowed_by_caps(draft, shaped, asked, room, tracks)
    if tracks is None or room is None or caps is None:
        if cause is not None:
            outlook = _with_known_change(draft, project.project_id, policies, (forecast, outlook), as_of, cause)
        _keep(draft, project.project_id, placed, replace(outlook, stale=True))
        return None
    ceiling = None
    if room.amount is not None:
        has_no_room = not room.amount and has_ended(draft, project, as_of)
        title = "all that is earned, for the project has ended" if has_no_room else "the most that caps allow"
        ceiling = titled(allowed(room.amount, tracks.tracks, rate, tracks.step), title)
    ceilings = {
        name: titled(
            allowed(left, [tracks.held[name].track], rate, tracks.step), "the most that caps of the line allow"
        )
        for name, left in caps.most.items()
    }
    if ceiling != forecast.ceiling or ceilings != forecast.ceilings:
        forecast = replace(forecast, ceiling=ceiling, ceilings=ceilings)
    tracks.limit(ceilings)
    made = tracks.completion(ceiling)
    cost, revenue = made.cost - outlook.eac_cost, made.revenue - outlook.eac_revenue
    if (cost or revenue) and fits(made.cost, made.revenue):
        by_cost, by_revenue = (cause or _by_itself(progress, currency, figure) for figure in (COST_AT, REVENUE_AT))
        changes = with_change(outlook.changes, by_cost, cost, 0) if cost else outlook.changes
        changes = with_change(changes, by_revenue, 0, revenue) if revenue else changes
        outlook = replace(outlook, eac_cost=made.cost, eac_revenue=made.revenue, changes=changes)
    _keep(draft, project.project_id, forecast, outlook)
    return new_tuple(Weighed, (forecast, outlook, made, of, policies, planned, tracks, caps.by_month))


def _with_known_change(
    draft: Draft, project_id: str, policies: Resolved, after: State, as_of: date, cause: str
) -> ForecastState:
    """A rate is missing: what is known without it has its cause."""
    (had, before), (forecast, outlook) = known(draft, project_id), after
    if had.currency != forecast.currency:
        return outlook
    was, now = HeadingBasis(had, before.progress), HeadingBasis(forecast, outlook.progress)
    cost, revenue = change_without_rates(draft, policies, was, now, as_of)
    made = outlook.eac_cost + cost, outlook.eac_revenue + revenue
    if not (cost or revenue) or not fits(*made):
        return outlook
    changes = with_change(outlook.changes, cause, cost, revenue)
    return replace(outlook, eac_cost=made[0], eac_revenue=made[1], changes=changes)


def _rate(draft: Draft, project: Project, lines: Sequence[LinePlan], as_of: date, rests: Rests | None) -> Rate:
    """The average of the planned hours; where these are charged at cost exchange rates move it."""
    plan = planned_line(lines)
    if rests is None or (plan is not None and is_at_cost(draft, plan)):
        return planned_rate(draft, project, lines, as_of)
    key = ("average rate", project.project_id)
    kept: tuple[Rests, Assigned, Rate] | None = draft.memo.people.get(key)
    if kept is None or kept[0] is not rests or kept[1] is not rests.assigned:
        kept = draft.memo.people[key] = rests, rests.assigned, planned_rate(draft, project, lines, as_of)
    return kept[2]


def _keep(draft: Draft, project_id: str, forecast: Forecast, outlook: ForecastState) -> None:
    draft.put("forecast", project_id, forecast)
    draft.put("outlook", project_id, outlook)


def _placed(draft: Draft, project: Project, lines: Sequence[LinePlan]) -> State:
    """Company, currency, zone and limits; another zone starts the waiting again, another currency the comparison, unless the last
    forecast was in it."""
    forecast, outlook = known(draft, project.project_id)
    legal_entity_id = project_entity_id(draft, project)
    contracts = project_terms(draft, project.project_id).contracts
    ledger = ledger_currency(draft, legal_entity_id)
    currency = contracts[0].terms.currency if contracts else ledger or forecast.currency
    zone = project_zone(draft, project)
    if currency != forecast.currency:
        last = {forecast.currency: forecast.published} if forecast.published is not None else forecast.set_aside
        published = last.get(currency)
        forecast = replace(forecast, bases={}, published=published, set_aside=last if published is None else {})
        cost, revenue = (published.eac_cost, published.eac_revenue) if published is not None else (0, 0)
        outlook = replace(outlook, eac_cost=cost, eac_revenue=revenue, changes={})
    if zone != forecast.zone:
        outlook = replace(outlook, until=0)
    if zone != forecast.zone or currency != forecast.currency or legal_entity_id != forecast.legal_entity_id:
        forecast = replace(forecast, currency=currency, zone=zone, legal_entity_id=legal_entity_id)
    cost, revenue = limits_by(project_policies(draft, lines, legal_entity_id), forecast.published)
    if cost != forecast.limit_cost or revenue != forecast.limit_revenue:
        forecast = replace(forecast, limit_cost=cost, limit_revenue=revenue)
    return forecast, outlook


def limits_by(policies: Resolved, published: PublishedFigures | None) -> tuple[Amount, Amount]:
    """The largest changes of cost and revenue that are not published at once: policy `forecast_threshold`, measured from what was
    published last."""
    stated = policies.forecast_threshold
    amount, share = (stated.amount, stated.percent) if stated is not None else (None, None)
    cost, revenue = (published.eac_cost, published.eac_revenue) if published is not None else (0, 0)
    return threshold(cost, amount, share), threshold(revenue, amount, share)


def _by_itself(progress: Mapping[str, BookedProgress], currency: str, figure: int) -> str:
    """What changes a figure without an event of the project: currencies, where some of it is in another one than the project's,
    else time and others' use of shared caps."""
    foreign = any(
        own != currency and tally[figure]
        for part in progress.values()
        for tallies in (part.now, part.floor)
        for own, tally in tallies.items()
    )
    return "exchange_rate" if foreign else "volume"


def _unpriced(forecast: Forecast, progress: Mapping[str, BookedProgress]) -> bool:
    """Whether some track has no revenue yet to take an average from; where lines earn otherwise it may be theirs."""
    if forecast.earning:
        return True
    for name, basis in forecast.bases.items():
        if not basis.revenue_stated:
            for tally in progress[name].now.values():
                if tally[2] > 0:
                    break
            else:
                return True
    return False


# Bases


def _bases_held(
    draft: Draft, project: Project, lines: tuple[LinePlan, ...], forecast: Forecast, planned: PlannedWork, as_of: date
) -> tuple[dict[str, Basis], Stated]:
    """Found again as long as terms, estimates, budget and plan are as they were."""
    going, project_id = running(draft, lines, as_of), project.project_id
    estimates = [draft.part("estimate", estimate_key(project_id, plan.line.line_id)) for plan in lines]
    rests_on = (
        has_ended(draft, project, as_of),
        lines,
        project_terms(draft, project_id).with_expenses,
        going,
        draft.part("estimate", estimate_key(project_id, None)),
        estimates,
        project.activated,
        _of_plan(planned, as_of),
        forecast.currency,
        forecast.legal_entity_id,
    )
    key = ("bases", project_id)
    kept: tuple[object, dict[str, Basis], Stated] | None = draft.memo.lines.get(key)
    if kept is None or kept[0] != rests_on:
        bases, stated = _bases(draft, project, lines, forecast, planned, as_of)
        kept = draft.memo.lines[key] = (rests_on, _with_markups(bases, going), stated)
    return kept[1], kept[2]


def _bases(
    draft: Draft, project: Project, lines: Sequence[LinePlan], forecast: Forecast, planned: PlannedWork, as_of: date
) -> tuple[dict[str, Basis], Stated]:
    if has_ended(draft, project, as_of):
        return {WHOLE: Basis(ENDED)}, {}
    alone = len(lines) == 1 and not _has_other_cost(draft, project, lines[0])
    lines = running(draft, lines, as_of)
    whole = estimate_of(draft, project.project_id, None)
    of_lines = [(plan, estimate_of(draft, project.project_id, plan)) for plan in lines]
    newest = max((found.event.as_of for _, found in of_lines if found is not None), default=None)
    complete = bool(lines) and all(found is not None or plan.line.cost_budget is not None for plan, found in of_lines)
    budget = project.activated.budget if project.activated is not None else None
    if whole is not None and not (complete and newest is not None and newest > whole.event.as_of):
        return {WHOLE: _of_estimate(whole)}, {WHOLE: remaining(whole.event, forecast.currency)}
    if newest is None and not complete:
        if budget is not None and budget.cost is not None:
            return _of_project_budget(draft, forecast, budget, budget.cost)
        if all(plan.line.cost_budget is None for plan in lines):
            return {WHOLE: _of_plan(planned, as_of)}, {}
    return _of_lines(of_lines, forecast.currency, alone=alone)


def _has_other_cost(draft: Draft, project: Project, only: LinePlan) -> bool:
    """Whether another line of the project takes expenses: these are none of what an estimate or budget of the line says."""
    return any(line_key(plan) != line_key(only) for plan in project_terms(draft, project.project_id).with_expenses)


def _of_project_budget(
    draft: Draft, forecast: Forecast, budget: ProjectBudget, cost: Amount
) -> tuple[dict[str, Basis], Stated]:
    currency = budget.currency or ledger_currency(draft, forecast.legal_entity_id) or forecast.currency
    basis = Basis(BUDGET, hours_stated=budget.hours is not None, revenue_stated=budget.revenue is not None)
    return {WHOLE: basis}, {WHOLE: {currency: (budget.hours or 0, cost, budget.revenue or 0)}}


def _of_lines(
    of_lines: Sequence[tuple[LinePlan, Estimate | None]], currency: str, *, alone: bool
) -> tuple[dict[str, Basis], Stated]:
    """A project's only line stands for the project, so that work without a line counts against it too."""
    bases: dict[str, Basis] = {}
    stated: Stated = {}
    for plan, estimate in of_lines:
        name = WHOLE if alone else line_key(plan)
        line = plan.line
        if estimate is not None:
            bases[name], stated[name] = _of_estimate(estimate), remaining(estimate.event, currency)
        elif line.cost_budget is not None:
            bases[name] = Basis(BUDGET, hours_stated=False, revenue_stated=line.revenue_budget is not None)
            stated[name] = {plan.currency: (0, line.cost_budget, line.revenue_budget or 0)}
        else:
            bases[name] = Basis(NONE)
    bases.setdefault(WHOLE, Basis(NONE))
    return bases, stated


def _with_markups(bases: dict[str, Basis], lines: Sequence[LinePlan]) -> dict[str, Basis]:
    """Where all hours to come of a track are charged at what they cost, with the same on top."""
    found = {}
    for name, basis in bases.items():
        own = [plan for plan in lines if line_key(plan) == name] or lines
        markups = {methods.cost_markup(plan.line.terms) for plan in own}
        markup: Percent | None = markups.pop() if len(markups) == 1 and basis.kind != NONE else None
        found[name] = basis if markup is None else replace(basis, markup=markup)
    return found


def _of_plan(planned: PlannedWork, as_of: date) -> Basis:
    """Work before the month that runs is not planned any more, so it adds to the plan."""
    return Basis(PLAN, (as_of + ONE_DAY).replace(day=1) - ONE_DAY) if planned.months else UNPLANNED


def _of_estimate(estimate: Estimate) -> Basis:
    """Where nothing remains no day is needed: what is done is all, also once a credit lowers it."""
    event = estimate.event
    stated = all(work.revenue is not None for work in event.remaining)
    as_of = event.as_of if any(work.hours or work.cost or work.revenue for work in event.remaining) else None
    return Basis(ESTIMATE, as_of, estimate.log_offset, hours_stated=True, revenue_stated=stated)


def remaining(event: EstimateRevised, currency: str) -> dict[str, Tally]:
    total = NOTHING
    for work in event.remaining:
        total = added(total, (work.hours, work.cost, work.revenue or 0))
    return {event.currency or currency: named(total, "by the estimate")}


def lacks_estimate(bases: Mapping[str, Basis]) -> bool:
    """Whether nothing says what the project, or one of its lines, will cost."""
    return any(basis.kind == PLAN or (basis.kind == NONE and name != WHOLE) for name, basis in bases.items())


# Floors


def _progress(
    draft: Draft,
    project: Project,
    forecast: Forecast,
    outlook: ForecastState,
    bases: Mapping[str, Basis],
    stated: Stated,
    planned: PlannedWork,
    as_of: date,
) -> dict[str, BookedProgress]:
    held = outlook.progress if set(outlook.progress) == set(bases) else _rearranged(draft, project, outlook, bases)
    costs = partial(planned_cost, draft, project, planned, as_of)
    ahead = new_tuple(PlanAhead, (planned, costs, forecast.currency, len(bases) == 1))
    found = {}
    for name, basis in bases.items():
        now, floor = held[name].now, held[name].floor
        if basis.kind != ESTIMATE or basis != forecast.bases.get(name) or held is not outlook.progress:
            done = _done(draft, project, outlook, bases, name, now, basis.as_of) if basis.kind == ESTIMATE else {}
            own = stated[name] if basis.kind in (ESTIMATE, BUDGET) else {}
            floor = floor_of(basis, now, done, own, ahead)
        missing = [currency for currency in now if currency not in floor]
        found[name] = BookedProgress(now, {**floor, **dict.fromkeys(missing, NOTHING)} if missing else floor)
    return found


class PlanAhead(NamedTuple):
    """What assignments plan, and by what is booked what it costs; whether that is of the project's only track."""

    planned: PlannedWork
    costs: Callable[[Mapping[str, Tally]], Mapping[str, Tally]]
    currency: str
    is_alone: bool

    @property
    def hours(self) -> dict[str, Tally]:
        return {self.currency: (self.planned.hours, 0, 0)}


def floor_of(
    basis: Basis, now: Mapping[str, Tally], done: Mapping[str, Tally], stated: dict[str, Tally], ahead: PlanAhead
) -> dict[str, Tally]:
    """What was done by an estimate's day and remained; what a budget states; or what is booked and planned."""
    if basis.kind == BUDGET and ahead.is_alone and not basis.hours_stated and not _begun(now):
        return _together(stated, ahead.hours)
    if basis.kind == PLAN:
        return _together(_together(now, ahead.costs(now)), ahead.hours) if ahead.planned.months else {}
    return _together(done, stated) if done else stated


def _begun(now: Mapping[str, Tally]) -> bool:
    """Whether there is an average cost of an hour; before, hours that a budget does not state are the planned ones."""
    return any(cost > 0 for _, cost, _ in now.values())


def _together(one: Mapping[str, Tally], other: Mapping[str, Tally]) -> dict[str, Tally]:
    return {own: added(one.get(own, NOTHING), other.get(own, NOTHING)) for own in {**one, **other}}


def _rearranged(
    draft: Draft, project: Project, outlook: ForecastState, bases: Mapping[str, Basis]
) -> dict[str, BookedProgress]:
    """Lines count on their own from now on, or no more; only the former has to look at the entries."""
    total = sum_of(outlook.progress)
    if len(bases) == 1:
        return {WHOLE: BookedProgress(total)}
    sums = _walk(draft, project.project_id, bases, None) if total else {}
    return {name: BookedProgress(sums.get(name, {})) for name in bases}


def _done(
    draft: Draft,
    project: Project,
    outlook: ForecastState,
    bases: Mapping[str, Basis],
    name: str,
    now: Mapping[str, Tally],
    as_of: date | None,
) -> dict[str, Tally]:
    """What of a track has a service date up to `as_of`: by the days kept, by whole months, else by the entries. Without one nothing is
    asked."""
    if as_of is None:
        return {}
    if len(bases) == 1 and as_of.toordinal() >= outlook.since - 1:
        return _before(now, outlook, as_of)
    if len(bases) == 1 and (as_of + ONE_DAY).day == 1:
        months = _months_until(project, as_of.isoformat()[:7])
        return {of: named(tally, f"booked up to {as_of}") for of, tally in months.items()}
    return _walk(draft, project.project_id, bases, as_of).get(name, {})


def _before(now: Mapping[str, Tally], outlook: ForecastState, as_of: date) -> dict[str, Tally]:
    done = dict(now)
    for currency, held in outlook.days.items():
        for day, (hours, cost, revenue) in held.items():
            if day > as_of.toordinal():
                done[currency] = added(done[currency], (-hours, -cost, -revenue))
    return done


def _months_until(project: Project, last: str) -> dict[str, Tally]:
    done: dict[str, Tally] = {}
    for key, tally in project.months.items():
        month, _, currency = key.partition("|")
        if month <= last:
            done[currency] = added(done.get(currency, NOTHING), tally)
    return done


def _walk(draft: Draft, project_id: str, bases: Mapping[str, Basis], as_of: date | None) -> dict[str, dict[str, Tally]]:
    """Sums of the project's entries by track, service dates up to `as_of`."""
    sums: dict[str, dict[str, Tally]] = {}
    for entry in draft.added():
        for _, line, day, currency, hours, cost, revenue in moves_in(draft, entry, project_id):
            done = sums.setdefault(line if line in bases else WHOLE, {})
            if as_of is None or day <= as_of:
                done[currency] = added(done.get(currency, NOTHING), (hours, cost, revenue))
    when = f"booked up to {as_of}" if as_of is not None else "booked"
    return {line: {of: named(tally, when) for of, tally in done.items()} for line, done in sums.items()}
