"""Where projects are heading: what every piece of work does to the figures at completion, without walking over
entries.

`update_forecast_state` takes in what an event moved: sums by currency, the service days of the last weeks, and the change at
completion by cause. What the figures rest on is worked out in `state/forecast/bases.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from operator import itemgetter

from msgspec.structs import replace

from domain.caps.consume import DAY, MONTH, WHOLE_TERM, stops
from domain.events.common import Deposit
from domain.explanation import Node
from domain.forecast.changes import Change, with_change
from domain.forecast.completion import NOTHING, Tally, added, named
from domain.forecast.exhaustion import DAYS_KEPT, DAYS_MAX
from domain.identity import composed
from domain.policies import Resolved
from domain.reference.zones import local_date, midnight, universal_day
from domain.terms import methods
from domain.units import MICROSECONDS_A_DAY, Amount
from state.billing.funding import is_ever_funded
from state.books import (
    Basis,
    BookedProgress,
    Contract,
    Entry,
    Forecast,
    ForecastState,
    LineEarning,
    LineTotals,
    Project,
)
from state.draft import AMOUNT_MAX, Draft, Move, moves_of
from state.forecast.lacking_rates import HeadingBasis, change_without_rates
from state.forecast.tracks import WHOLE, Tracks, tracks_of, with_event
from state.rerating.rerate import line_ids
from state.terms.known import entity_policies
from state.terms.plan import LinePlan, line_plan, newest_plan
from state.totals import in_project
from state.work.placing import taken_projects

ONE_DAY = timedelta(days=1)
# Rules that a recorder names in order, since a forecast was published.
CHANGES, MOVES, WEIGHS, SPLITS = "forecast_changes", "moves", "weighs", "splits"
UNKNOWN = Forecast("", "", bases={WHOLE: Basis("plan")}), ForecastState({WHOLE: BookedProgress()})
_PROJECT = itemgetter(0)
_SHORTEST_DAY = 23 * MICROSECONDS_A_DAY // 24

# The zone of which a day ends, and the day.
Ended = tuple[str, date]


# What a project belongs to


class ProjectTerms:
    """What the contracts in force say of a project, ids ascending: the lines of their newest terms that are the project's, whatever they
    take, those that take its time, those that take expenses, and contract, line and currency of every line that any version has or had
    on it.

    Of the lines that take time hours earn on `hourly`, and on `before_caps` as those so far did before caps; `whole_before_caps` where
    those of the whole project do. `currency` is that of the first contract, empty without one; `goes_on` where none of them is terminated,
    `is_funded` where sources fund one by some version, `keeps_back` where one has retention or a deposit, `limits_billing` where a purchase
    order or a hard cap limits that alone. `sums` are the ids of the sums of all these, and whether their hours so far count before
    caps. `tracks` are kept beside them, by currency.
    """

    __slots__ = (
        "agreed",
        "before_caps",
        "contracts",
        "currency",
        "ever",
        "every_line",
        "goes_on",
        "hourly",
        "is_funded",
        "keeps_back",
        "limits_billing",
        "lines",
        "sums",
        "tracks",
        "whole_before_caps",
        "with_expenses",
    )

    def __init__(self, draft: Draft, project_id: str, contracts: tuple[Contract, ...]) -> None:
        self.contracts = contracts
        self.currency = contracts[0].terms.currency if contracts else ""
        self.goes_on = all(one.terminated_on is None for one in contracts)
        self.is_funded = any(map(is_ever_funded, contracts))
        self.keeps_back = any(map(keeps_back, contracts))
        self.every_line = _newest_lines(draft, project_id, contracts)
        self.lines = tuple(plan for plan in self.every_line if methods.takes(plan.line, "time"))
        self.with_expenses = tuple(plan for plan in self.every_line if methods.takes(plan.line, "expense"))
        self.hourly = tuple(plan for plan in self.lines if methods.earns_by_hours(plan.line.terms))
        self.before_caps = tuple(filter(_worth_before_caps, self.hourly))
        self.whole_before_caps = _whole_before_caps(self.hourly)
        every_limit = (limit for plan in self.every_line for rule in plan.every_rule for limit in rule.limits)
        self.limits_billing = any(limit.hard and not limit.limits_revenue for limit in every_limit)
        self.ever = _lines_ever(project_id, contracts)
        before_caps = {(plan.contract_id, plan.line.line_id) for plan in self.before_caps}
        self.sums = [(composed(of, line_id), (of, line_id) in before_caps) for of, line_id, _ in self.ever]
        self.tracks: dict[str, Tracks] = {}
        self.agreed = draft.agreed

    def says(self, contracts: tuple[Contract, ...]) -> bool:
        """Whether these contracts say the same; their periods and statements go on."""
        return len(contracts) == len(self.contracts) and all(map(_says_the_same, self.contracts, contracts))


def keeps_back(contract: Contract) -> bool:
    """Whether any version of the terms has retention or a deposit."""
    return any(
        stored.terms.retention is not None or any(isinstance(line.terms, Deposit) for line in stored.terms.lines)
        for stored in (*contract.former, *contract.history)
    )


def _says_the_same(one: Contract, other: Contract) -> bool:
    return one is other or (
        one.history == other.history
        and one.former == other.former
        and one.terminated_on == other.terminated_on
        and one.version == other.version
        and one.contract_id == other.contract_id
    )


def project_terms(draft: Draft, project_id: str) -> ProjectTerms:
    """Found again as long as the contracts say the same."""
    key = ("project terms", project_id)
    kept: ProjectTerms | None = draft.memo.lines.get(key)
    if kept is not None and kept.agreed is draft.agreed:
        return kept
    contracts = _contracts_in_force(draft, project_id)
    if kept is None or not kept.says(contracts):
        kept = draft.memo.lines[key] = ProjectTerms(draft, project_id, contracts)
    kept.contracts, kept.agreed = contracts, draft.agreed
    return kept


def _contracts_in_force(draft: Draft, project_id: str) -> tuple[Contract, ...]:
    named = [draft.contract(contract_id) for contract_id in taken_projects(draft).get(project_id, ())]
    return tuple([one for one in named if one is not None and one.history and one.invalid is None])


def sums_on(draft: Draft, project_id: str, contract_id: str) -> list[tuple[str, LineTotals]]:
    """What lines of the contract have come to in the project."""
    lines = (line_id for of, line_id, _ in project_terms(draft, project_id).ever if of == contract_id)
    return [(line_id, in_project(draft.line(contract_id, line_id), project_id)) for line_id in lines]


def _newest_lines(draft: Draft, project_id: str, contracts: Iterable[Contract]) -> tuple[LinePlan, ...]:
    return tuple(
        plan
        for contract in contracts
        for line in contract.terms.lines
        if line.project_id == project_id
        for plan in (line_plan(draft, contract, contract.history[-1].version, line.line_id),)
        if plan is not None
    )


def _lines_ever(project_id: str, contracts: Iterable[Contract]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (contract.contract_id, line_id, contract.terms.currency)
        for contract in contracts
        for line_id in line_ids(contract)
        if any(
            line.line_id == line_id and line.project_id == project_id
            for stored in (*contract.former, *contract.history)
            for line in stored.terms.lines
        )
    )


def newest_of_each_line(draft: Draft, project_id: str) -> tuple[LinePlan, ...]:
    """By its newest terms, of every line that any version of a contract has or had, as far as that is the project's by them."""
    by_id = {contract.contract_id: contract for contract in project_terms(draft, project_id).contracts}
    found = (newest_plan(draft, by_id[of], line_id) for of, line_id, _ in project_terms(draft, project_id).ever)
    return tuple(
        [one for one in found if one is not None and one.refused is None and one.line.project_id == project_id]
    )


def earns_less_than_worth(draft: Draft, of: ProjectTerms) -> bool:
    """Whether hours to come are worth more than those so far have earned: some of that was conceded, or given up before it was billed, or
    is over caps."""
    for part_id, before_caps in of.sums:
        line: LineTotals | None = draft.part("line", part_id)
        if line is not None and (line.conceded or line.written_off or (before_caps and line.over > 0)):
            return True
    return False


def worth_of_hours(of: ProjectTerms, plan: LinePlan) -> tuple[bool, bool]:
    """Whether hours to come on the line are worth what those so far were before caps, as its own and as those of the whole project."""
    is_own = plan in of.before_caps
    return is_own, is_own and of.whole_before_caps


def line_key(plan: LinePlan) -> str:
    return composed(plan.contract_id, plan.line.line_id)


def last_day(draft: Draft, project: Project) -> date | None:
    """The last day on which work may come: the project is closed, or every contract of it terminated; None: it goes on."""
    of = project_terms(draft, project.project_id)
    if of.goes_on:
        return project.closed_on
    ends = [contract.terminated_on for contract in of.contracts if contract.terminated_on is not None]
    if len(ends) < len(of.contracts):
        return project.closed_on
    last = max(ends) - ONE_DAY
    return last if project.closed_on is None else min(last, project.closed_on)


def is_closed(project: Project, as_of: date) -> bool:
    return project.closed_on is not None and project.closed_on <= as_of


def has_ended(draft: Draft, project: Project, as_of: date) -> bool:
    """Whether nothing is to come after `as_of`."""
    if project.closed_on is None and project_terms(draft, project.project_id).goes_on:
        return False
    last = last_day(draft, project)
    return last is not None and last <= as_of


def running(draft: Draft, lines: Sequence[LinePlan], as_of: date) -> tuple[LinePlan, ...]:
    """Lines whose contract goes on after `as_of`."""
    return tuple(
        plan
        for plan in lines
        if (contract := draft.contract(plan.contract_id)) is None
        or contract.terminated_on is None
        or contract.terminated_on > as_of + ONE_DAY
    )


def project_entity_id(draft: Draft, project: Project) -> str | None:
    """The company that runs it, else that of its contract, else that of the person whose cost came first."""
    if project.activated is not None:
        return project.activated.legal_entity_id
    for contract in project_terms(draft, project.project_id).contracts:
        return contract.terms.legal_entity_id
    forecast, _ = known(draft, project.project_id)
    if forecast.legal_entity_id is not None:
        return forecast.legal_entity_id
    for entry in draft.rows.values():
        work = entry.standing
        if work is not None and work.cost is not None and work.project_id == project.project_id:
            return work.cost.legal_entity_id
    return None


def project_zone(draft: Draft, project: Project) -> str:
    """The zone at whose day's end the project is visited."""
    if project.zone is not None:
        return project.zone
    entity_id = project_entity_id(draft, project)
    entity = draft.reference.entity(entity_id) if entity_id is not None else None
    if entity is not None:
        return entity.zone
    zones = (contract.terms.billing_zone for contract in project_terms(draft, project.project_id).contracts)
    return next((zone for zone in zones if zone is not None), "UTC")


def project_policies(draft: Draft, lines: Sequence[LinePlan], legal_entity_id: str | None) -> Resolved:
    if lines:
        return lines[0].policies
    return entity_policies(draft, draft.reference.entity(legal_entity_id) if legal_entity_id is not None else None)


def ledger_currency(draft: Draft, legal_entity_id: str | None) -> str | None:
    entity = draft.reference.entity(legal_entity_id) if legal_entity_id is not None else None
    return entity.currency if entity is not None else None


def known(draft: Draft, project_id: str) -> tuple[Forecast, ForecastState]:
    """What is kept of the project's forecast; for a project of which nothing is, the beginning."""
    key = ("forecast", project_id)
    forecast: Forecast | None = draft.parts.get(key) or draft.before.get(key)
    key = ("outlook", project_id)
    outlook: ForecastState | None = draft.parts.get(key) or draft.before.get(key)
    return forecast or UNKNOWN[0], outlook or UNKNOWN[1]


def today(draft: Draft, zone: str) -> date:
    """The local day on which the event was recorded."""
    return local_date(draft.cause.recorded_at, zone)


def day_or_today(draft: Draft, zone: str, ended: Ended | None) -> date:
    """The day that ends in the zone, else the one on which the event was recorded."""
    return ended[1] if ended is not None and ended[0] == zone else today(draft, zone)


# What is booked


def sum_of(progress: Mapping[str, BookedProgress]) -> dict[str, Tally]:
    """What is booked, by currency."""
    total: dict[str, Tally] = {}
    for part in progress.values():
        for currency, tally in part.now.items():
            total[currency] = added(total.get(currency, NOTHING), tally)
    return total


# Work that comes


def update_forecast_state(draft: Draft, cause: str) -> list[str]:
    """Take in what the event moved and return the projects it moved; a second call within the event finds nothing."""
    moves, draft.moves = draft.moves, []
    projects = set(map(_PROJECT, moves))
    if len(projects) == 1:
        [project_id] = projects
        take_in(draft, project_id, moves, cause)
        return [project_id]
    for project_id in sorted(projects):
        take_in(draft, project_id, [move for move in moves if move.project_id == project_id], cause)
    return sorted(projects)


def say_changes(draft: Draft, project_id: str, rule: str, cause: str | None, as_of: str = "") -> None:
    """Which rule is asked what the project comes to, for an explanation that asks it again."""
    if draft.why is not None:
        now, turn, sequence = str(draft.why.now), str(draft.why.turn), known(draft, project_id)[0].sequence
        facts = ("cause", cause or ""), ("as of", as_of), ("step", now), ("turn", turn)
        draft.why.add(composed(CHANGES, project_id, str(sequence)), Node(rule, facts=facts))


def take_in(draft: Draft, project_id: str, moves: Sequence[Move], cause: str) -> None:
    say_changes(draft, project_id, MOVES, cause)
    forecast, outlook = known(draft, project_id)
    of = project_terms(draft, project_id)
    if not forecast.earning:
        forecast = _with_worth(draft, project_id, of, forecast, moves)
    progress = dict(outlook.progress)
    for line, on_line in _by_line(moves).items() if len(progress) > 1 else ((WHOLE, moves),):
        name = line if line in progress else WHOLE
        progress[name] = _moved(progress[name], on_line, forecast.bases[name].as_of)
    cost, revenue, drift = _heading(draft, of, forecast, outlook, progress)
    by_cost, by_revenue = cost - outlook.eac_cost, revenue - outlook.eac_revenue
    if (by_cost or by_revenue or drift is not None) and not fits(cost, revenue, *(drift or ())):
        cost, revenue, drift = _unchanged(outlook)
        by_cost = by_revenue = 0
    changes = outlook.changes
    if drift is not None:
        changes = with_change(changes, "exchange_rate", *drift)
        by_cost, by_revenue = by_cost - drift[0], by_revenue - drift[1]
    if by_cost or by_revenue:
        changes = with_change(changes, cause, by_cost, by_revenue)
    since, days = _with_days(draft, outlook, moves)
    if draft.before.get(("forecast", project_id)) is not forecast:
        draft.put("forecast", project_id, forecast)
    state = ForecastState(progress, cost, revenue, changes, days, since, outlook.until, True)
    draft.put("outlook", project_id, state)


def _with_worth(draft: Draft, project_id: str, of: ProjectTerms, forecast: Forecast, moves: Sequence[Move]) -> Forecast:
    """What hours are worth is another sum than the revenue from the event on by which some of it is given up, conceded, or over caps."""
    may_be_less = of.before_caps or min([move.revenue for move in moves], default=0) < 0
    if not forecast.currency or not may_be_less or not earns_less_than_worth(draft, of):
        return forecast
    plans = newest_of_each_line(draft, project_id)
    earning = [
        LineEarning(plan.contract_id, plan.line.line_id, plan.currency, None, True, None, *worth_of_hours(of, plan))
        for plan in plans
    ]
    return replace(forecast, earning=tuple(earning))


def fits(*figures: int) -> bool:
    """Whether a record holds them; what is more is reported by name and not counted (`amount_out_of_range`)."""
    return max(figures) <= AMOUNT_MAX and min(figures) >= -AMOUNT_MAX


# Cost and revenue at completion after the event, and what currencies alone did since the event before.
Heading = tuple[Amount, Amount, Change | None]


def _unchanged(outlook: ForecastState) -> Heading:
    return outlook.eac_cost, outlook.eac_revenue, None


def _heading(
    draft: Draft, of: ProjectTerms, forecast: Forecast, outlook: ForecastState, progress: Mapping[str, BookedProgress]
) -> Heading:
    """First what currencies did since the event before, then the event; where rates are too old or missing the event alone, as far as it is
    known."""
    if not forecast.currency:
        return _unchanged(outlook)
    before = outlook.progress
    tracks = of.tracks.get(forecast.currency)
    if tracks is None or not tracks.are_of(draft, forecast, before):
        tracks = _tracks_before(draft, of, forecast, before)
    if tracks is not None:
        cost, revenue = tracks.heading(forecast.ceiling)
        if with_event(draft, forecast, tracks, progress):
            drift = cost - outlook.eac_cost, revenue - outlook.eac_revenue
            return *tracks.heading(forecast.ceiling), drift if tracks.quotes is not None and any(drift) else None
    policies = project_policies(draft, of.lines, forecast.legal_entity_id)
    was, now_is = HeadingBasis(forecast, before, before=True), HeadingBasis(forecast, progress)
    cost, revenue = change_without_rates(draft, policies, was, now_is, today(draft, forecast.zone))
    return outlook.eac_cost + cost, outlook.eac_revenue + revenue, None


def _tracks_before(
    draft: Draft, of: ProjectTerms, forecast: Forecast, before: Mapping[str, BookedProgress]
) -> Tracks | None:
    """As of before the event, at today's rates; None where one is missing."""
    policies = project_policies(draft, of.lines, forecast.legal_entity_id)
    as_of = today(draft, forecast.zone)
    return tracks_of(draft, of.tracks, policies, forecast, before, forecast.currency, as_of, before=True)


def _moved(part: BookedProgress, moves: Iterable[Move], as_of: date | None) -> BookedProgress:
    """Work dated up to `as_of` lifts the floor too."""
    now, floor = dict(part.now), part.floor
    for _, _, day, currency, hours, cost, revenue in moves:
        had = now.get(currency, NOTHING)
        now[currency] = had[0] + hours, had[1] + cost, had[2] + revenue
        if as_of is not None and day <= as_of:
            floor = {**floor, currency: added(floor.get(currency, NOTHING), (hours, cost, revenue))}
        elif currency not in floor:
            floor = {**floor, currency: NOTHING}
    return BookedProgress(now, floor)


def booked_again(outlook: ForecastState, moves: Sequence[Move]) -> ForecastState:
    """With the sums of all moves of the project, by day and in all, whenever they were."""
    days: dict[str, dict[int, Tally]] = {}
    for _, _, day, currency, *more in moves:
        hours, cost, revenue = days.setdefault(currency, {}).get(day.toordinal(), NOTHING)
        days[currency][day.toordinal()] = hours + more[0], cost + more[1], revenue + more[2]
    now = _moved(BookedProgress(), moves, None).now
    now = {of: named(tally, f"booked in {of}") for of, tally in now.items()}
    return replace(outlook, progress={WHOLE: BookedProgress(now)}, days=days, since=date.max.toordinal())


def _by_line(moves: Iterable[Move]) -> dict[str, list[Move]]:
    found: dict[str, list[Move]] = {}
    for move in moves:
        found.setdefault(move.line, []).append(move)
    return found


def moves_in(draft: Draft, entry: Entry, project_id: str) -> list[Move]:
    """All that the entry gives to the project; what its invoices earned is on the lines that they bill."""
    work = entry.standing
    found = moves_of(work, 1) if work is not None else []
    found += [earned for issued in entry.issued if (earned := draft.earned_move(issued, 1)) is not None]
    return [move for move in found if move.project_id == project_id]


def _with_days(draft: Draft, outlook: ForecastState, moves: Iterable[Move]) -> tuple[int, dict[str, dict[int, Tally]]]:
    """Service days of the last weeks by the log's own time, changed in place; older ones are dropped now and then."""
    days, since = outlook.days, outlook.since
    newest = universal_day(draft.cause.recorded_at)
    if is_long := newest - since > DAYS_MAX:
        since = newest - DAYS_KEPT
    if is_long or draft.copied is not None:
        days = {own: {day: tally for day, tally in held.items() if day >= since} for own, held in days.items()}
    for _, _, day, currency, hours, cost, revenue in moves:
        ordinal = day.toordinal()
        if ordinal >= since:
            held = days.get(currency)
            if held is None:
                held = days[currency] = {}
            had = held.get(ordinal, NOTHING)
            held[ordinal] = had[0] + hours, had[1] + cost, had[2] + revenue
    return since, days


# When to tell


def is_material(forecast: Forecast, outlook: ForecastState) -> bool:
    """Whether cost or revenue at completion changed by more than policy `forecast_threshold` since the last update."""
    published = forecast.published
    cost, revenue = (published.eac_cost, published.eac_revenue) if published is not None else (0, 0)
    return (
        abs(outlook.eac_cost - cost) > forecast.limit_cost
        or abs(outlook.eac_revenue - revenue) > forecast.limit_revenue
    )


def register(draft: Draft, project_id: str, outlook: ForecastState | None = None) -> None:
    """Have the project visited when the local day ends on which the event was recorded, if not before."""
    if outlook is None:
        _, outlook = known(draft, project_id)
    if outlook.until and outlook.until - draft.cause.recorded_at < _SHORTEST_DAY:
        return
    forecast, outlook = known(draft, project_id)
    zone = forecast.zone or project_zone(draft, draft.project(project_id))
    day = today(draft, zone)
    if not outlook.until or outlook.until > midnight(day + ONE_DAY, zone):
        register_for(draft, project_id, zone, day)


def register_for(draft: Draft, project_id: str, zone: str, day: date) -> None:
    forecast, outlook = known(draft, project_id)
    draft.due.add((zone, day.isoformat()))
    draft.put("forecast", project_id, forecast if forecast.zone == zone else replace(forecast, zone=zone))
    draft.put("outlook", project_id, replace(outlook, until=midnight(day + ONE_DAY, zone)))


def _worth_before_caps(plan: LinePlan) -> bool:
    """Whether hours to come on a line are worth what those so far were before caps.

    Caps by month limit hours to come in their own months, and those over the whole term by the room that is left, so what they refused of
    hours so far says nothing of what an hour is worth. Where a cap limits work only once it is done, it does: hours to come will meet it,
    too.

        8 h at 200.00 under 1,000.00 a month: an hour of the next month is worth 200.00, up to 1,000.00
        8 h of a person's day at 100.00, of which 4 h may be charged: an hour to come is worth 50.00

    Of hours that are the line's own: all its caps limit these themselves.
    """
    return not plan.by_day and methods.earns_by_hours_alone(plan.line) and DAY not in _periods(plan)


def _whole_before_caps(hourly: Sequence[LinePlan]) -> bool:
    """Of hours of the whole project, which caps limit where every line on which hours earn has one, by month or over the whole term."""
    if not all(map(_worth_before_caps, hourly)):
        return False
    return len(hourly) == 1 or any(all(period in _periods(plan) for plan in hourly) for period in (MONTH, WHOLE_TERM))


def _periods(plan: LinePlan) -> set[str]:
    return {rule.period for rule in plan.rules if stops(rule.limits[-1])}
