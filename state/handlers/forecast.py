"""Forecasts: published at once where an event moves the figures at completion by more than policy says, else at the day's
end.

What remains of a project lies ahead of the day, so it is published again when a month or a billing period ends, and when the project does.
Exchange rates alone publish nothing before a month ends, as they revalue nothing before (RULES section 4). What changes
nothing publishes nothing. Every update compares with the one before it and splits the change by cause
(`domain/forecast/changes.py`). Who shares a cap with a project that is published is looked at too, because it has less room.
The first update has no baseline, and one in another currency than the update before begins again.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from domain.billing.statement import ISSUED, SUPERSEDED
from domain.events.delivery import EstimateRevised
from domain.exceptions import NO_ESTIMATE, OUT_OF_RANGE
from domain.forecast.changes import deltas, work_cause
from domain.forecast.completion import percent
from domain.identity import escape
from domain.money import format_amount
from domain.months import month_end
from domain.outputs import (
    BillingStatement,
    ForecastCap,
    ForecastDemand,
    ForecastFigures,
    ForecastUpdate,
    JournalEntry,
    PreviousFigures,
)
from domain.reference.exchange import NO_RATE, MissingRate
from domain.reference.zones import midnight
from domain.tuples import new_tuple
from domain.units import Percent
from domain.waiting import WaitKey, waits_for_rates_of
from domain.work.rows import ADJUSTMENT, FEE, SCHEDULED_REVENUE, named
from state import views
from state.billing import reissue
from state.books import (
    Adjustment,
    Assignments,
    Contract,
    Estimate,
    Forecast,
    LineTotals,
    OpenException,
    Project,
    PublishedFigures,
    StatementState,
)
from state.charges.estimates import keep_estimate
from state.draft import AMOUNT_MAX, Draft
from state.facts import is_late, is_new
from state.forecast import loss
from state.forecast.ahead import deposits_kept_on
from state.forecast.bases import ENDED, Weighed, lacks_estimate, limits_by, weigh
from state.forecast.caps import caps_of, companions, say_when
from state.forecast.estimates import estimate_key
from state.forecast.expected import IssuedMonths, add_to_months, billed_on, statement_months
from state.forecast.figures import Figures, figures_of, shape_of
from state.forecast.outlook import (
    ONE_DAY,
    SPLITS,
    Ended,
    day_or_today,
    fits,
    is_material,
    known,
    last_day,
    ledger_currency,
    lines_of,
    project_contracts,
    project_lines,
    project_policies,
    project_zone,
    register,
    register_for,
    say_changes,
    take_in,
    today,
    update_forecast_state,
)
from state.forecast.revised import split_volume
from state.forecast.tracks import WHOLE
from state.forecast.unestimated import unestimated
from state.terms.known import exchange_on
from state.totals import has_bills_left, in_project, standing_price
from state.work.exchange_waits import forecast_waits
from state.work.placing import taken_projects

WORK = "time_entry"
# Work that is given up takes back what it was worth; so it is no less work.
GIVEN_UP, CORRECTION = "write_off", "correction"
# Rows that are no work.
OF_TERMS = (FEE, SCHEDULED_REVENUE, ADJUSTMENT)


def on_estimate_revised(draft: Draft, event: EstimateRevised) -> None:
    """The newest version counts; one of an older day than the estimate in force changes nothing. What a line earns by what is spent goes by
    each for its day."""
    key = estimate_key(event.project_id, event.line_id)
    is_newest = is_new(draft, "estimate", key, event.version, event)
    if event.line_id is not None and (is_newest or is_late(draft, "estimate", key, event.version)):
        keep_estimate(draft, key, event)
    if not is_newest:
        return
    kept: Estimate | None = draft.part("estimate", key)
    if kept is None or event.as_of >= kept.event.as_of:
        draft.put("estimate", key, Estimate(event, draft.cause.log_offset))


# After every event


def after_event(draft: Draft) -> None:
    """Take in what the event moved, and tell what is worth an update of its own; a day's end has done so itself."""
    if draft.cause.kind == WORK:
        if draft.moves:
            cause = _work_cause(draft)
            for project_id in update_forecast_state(draft, cause):
                _follow(draft, project_id, cause)
        elif draft.parts:
            for project_id in sorted(_touched(draft)):
                register(draft, project_id)
    elif draft.cause.kind != "day":
        for project_id in _reconsider(draft):
            _follow(draft, project_id, "volume")
    _say_losses(draft)


def _work_cause(draft: Draft) -> str:
    cause = draft.cause
    corrects = False
    for _, _, _, _, hours, cost, revenue in draft.moves:
        if hours < 0 or cost < 0 or revenue < 0:
            corrects = _reverses(draft.outputs, cause.id)
            break
    return work_cause(cause.occurred_at, cause.recorded_at, corrects=corrects)


def _reverses(outputs: Iterable[object], entry_id: str) -> bool:
    """Whether the entry itself was posted before; that others lose room under a cap is no correction."""
    return any(
        isinstance(output, JournalEntry)
        and output.reverses is not None
        and entry_id in {output.affected_id, escape(output.affected_id)}
        for output in outputs
    )


def _follow(draft: Draft, project_id: str, cause: str) -> None:
    """Tell at once what is worth it, the rest at the day's end."""
    forecast, outlook = known(draft, project_id)
    if not forecast.currency:
        weigh(draft, project_id, today(draft, project_zone(draft, draft.project(project_id))), cause)
        forecast, outlook = known(draft, project_id)
    if forecast.currency and is_material(forecast, outlook) and _measured(forecast):
        send(draft, project_id, today(draft, forecast.zone))
        _, outlook = known(draft, project_id)
    register(draft, project_id, outlook)


def _say_losses(draft: Draft, visited: Iterable[str] = (), ended: Ended | None = None) -> None:
    """Of contracts of which the event moved a project, or a project is visited. Forecasts that do not show it yet go out first."""
    for contract_id in loss.take_in(draft, visited, ended):
        if not loss.is_to_say(draft, contract_id, day_ends=ended is not None):
            continue
        for project_id in loss.projects_of(draft, contract_id):
            forecast, outlook = known(draft, project_id)
            if outlook.stale:
                send(draft, project_id, day_or_today(draft, forecast.zone, ended))
                loss.take_in_project(draft, project_id, ended)
        if loss.is_to_say(draft, contract_id, day_ends=ended is not None):
            loss.say(draft, contract_id)


def _measured(forecast: Forecast) -> bool:
    """Where nothing is planned every hour moves the figures at completion: after the first update these wait for the day's end."""
    if forecast.published is None:
        return True
    return forecast.bases[WHOLE].kind != ENDED and not lacks_estimate(forecast.bases)


def _reconsider(draft: Draft) -> list[str]:
    """Events other than work: some change what figures rest on, many what a view shows. Returns the projects concerned."""
    rebased = _rebased(draft)
    usual = CORRECTION if draft.cause.kind == GIVEN_UP else "volume"
    moved = update_forecast_state(draft, _moved_by(draft) if rebased else usual)
    _take_statements(draft)
    charged = _charged(draft)
    concerned = sorted(_touched(draft).union(rebased, moved))
    for project_id in concerned:
        project = draft.project(project_id)
        if not project.changed:
            draft.put_project(replace(project, changed=True))
        if project_id in rebased:
            if project_id not in moved:
                take_in(draft, project_id, (), "scope")
            _rest_again(draft, project)
        elif project_id in charged:
            draft.put("outlook", project_id, replace(known(draft, project_id)[1], stale=True))
    return concerned


def _moved_by(draft: Draft) -> str:
    """Work that a contract or an assignment rates again; what these price for the first time is scope, as is what terms charge or earn by
    themselves."""
    takes_back = any(move.revenue < 0 for move in draft.moves)
    return "rate" if takes_back and any(_is_rated_again(draft, row) for row in draft.rows) else "scope"


def _is_rated_again(draft: Draft, row: str) -> bool:
    before = draft.entries.get(row)
    price = standing_price(before) if before is not None and named(row)[0] not in OF_TERMS else None
    now = standing_price(draft.rows[row])
    return price is not None and price.earns != (now.earns if now is not None else 0)


def _rebased(draft: Draft) -> set[str]:
    """Known projects of which the event changed contracts, budget, assignments or estimates."""
    found: set[str] = set()
    for (kind, part_id), after in draft.parts.items():
        before = draft.before.get((kind, part_id))
        match after:
            case Contract() if before is None or not _same_terms(before, after):
                found.update(draft.projects_of(part_id))
            case Project() if not _same_plan(before or Project(part_id), after):
                found.add(part_id)
            case Assignments():
                found.add(part_id)
            case Estimate():
                found.add(after.event.project_id)
            case Adjustment():
                found.update(draft.projects_of(after.event.contract_id))
            case _:
                pass
    return {project_id for project_id in found if draft.part("project", project_id) is not None}


def _same_terms(one: Contract, other: Contract) -> bool:
    ends = one.terminated_on == other.terminated_on and one.invalid == other.invalid
    return ends and one.history is other.history


def _same_plan(one: Project, other: Project) -> bool:
    ends = one.closed_on == other.closed_on
    return ends and one.activated is other.activated


def _touched(draft: Draft) -> set[str]:
    """Known projects of which a figure or something open changed."""
    found: set[str] = set()
    for key, after in draft.parts.items():
        part = after if after is not None else draft.before.get(key)
        match part:
            case Project() if part.changed:
                found.add(part.project_id)
            case LineTotals():
                found.update((part.project_id, *part.elsewhere))
            case StatementState():
                found.update(draft.projects_of(part.contract_id))
            case OpenException():
                found.update((part.project_id,) if part.project_id is not None else draft.projects_of(part.contract_id))
            case _:
                pass
    return {project_id for project_id in found if draft.part("project", project_id) is not None}


def _charged(draft: Draft) -> set[str]:
    """Projects of which something is charged, or not any more: that moves bills to come, whatever the whole comes to."""
    found: set[str] = set()
    for key, after in draft.parts.items():
        before = draft.before.get(key)
        if isinstance(after, LineTotals) and (before is None or before.billable != after.billable):
            found.update((after.project_id, *after.elsewhere))
    return found


def _rest_again(draft: Draft, project: Project) -> None:
    """A new estimate is more or fewer hours, other rates or another mix; everything else is scope."""
    project_id = project.project_id
    as_of = today(draft, project_zone(draft, project))
    before = known(draft, project_id)
    estimated = draft.cause.kind == "estimate"
    weigh(draft, project_id, as_of, "volume" if estimated else "scope")
    forecast, outlook = known(draft, project_id)
    if estimated:
        say_changes(draft, project_id, SPLITS, None, as_of.isoformat())
        parts = ((draft.before.get(key), part) for key, part in draft.parts.items() if key[0] == "estimate")
        outlook = replace(outlook, changes=split_volume(draft, project_id, parts, before, (forecast, outlook), as_of))
    draft.put("outlook", project_id, replace(outlook, stale=True))


# Statements


def _take_statements(draft: Draft) -> None:
    """Months that statements of this event are billed and due in; what is counted already is not counted again."""
    for project_id, found in _issued(draft).items():
        forecast, _ = known(draft, project_id)
        lines = (draft.line(contract_id, line_id) for contract_id, line_id, _ in lines_of(draft, project_id))
        issued = sum(in_project(line, project_id).issued for line in lines)
        if issued == sum(forecast.billed.values()) and all(one.amount == one.due for one in found):
            continue
        for one in found:
            add_to_months(draft, project_id, {one.bills: one.amount}, {one.pays: one.due})


def _issued(draft: Draft) -> dict[str, list[IssuedMonths]]:
    found: dict[str, list[IssuedMonths]] = {}
    first = 1
    for output in draft.outputs:
        if not isinstance(output, BillingStatement) or not (output.status == ISSUED or _was_issued(draft, output)):
            continue
        sign = 1 if output.status == ISSUED else -1
        first = 1 if output.part == 1 else first
        for project_id, one in statement_months(draft, output, first).items():
            found.setdefault(project_id, []).append(one._replace(amount=sign * one.amount, due=sign * one.due))
        first += len(output.lines)
    return found


def _was_issued(draft: Draft, statement: BillingStatement) -> bool:
    """Whether it is a revision that a new one of an issued statement supersedes; a draft was not counted."""
    return statement.status == SUPERSEDED and (reissue.ISSUED_STATEMENT, statement.statement_id) in draft.before


# The day's end


def on_day_ended(draft: Draft, zone: str, day: date) -> None:
    """Tell what changed of every project in the zone; comes after the day's other work, such as statements."""
    concerned = _reconsider(draft)
    ended = midnight(day + ONE_DAY, zone)
    due = (project_id for project_id in draft.ids("outlook") if _is_due(draft, project_id, zone, ended))
    visited = {*due, *(project_id for project_id in concerned if _zone(draft, project_id) == zone)}
    others = [project_id for project_id in companions(draft, visited) if known(draft, project_id)[0].sequence]
    all_published = {}
    for project_id in sorted(visited.union(others)):
        _, outlook = known(draft, project_id)
        all_published[project_id] = (
            send(draft, project_id, day)
            if outlook.stale or project_id in others or _turns(draft, project_id, day)
            else True
        )
    _say_losses(draft, all_published, (zone, day))
    for project_id, published in all_published.items():
        if _zone(draft, project_id) != zone:
            register(draft, project_id)
            continue
        if draft.project(project_id).changed:
            views.flush(draft, project_id)
        if published:
            forecast_waits(draft, project_id, ())
        again = _turning_day(draft, project_id, day + ONE_DAY) if published else day + ONE_DAY
        if again is not None:
            register_for(draft, project_id, zone, again)
            continue
        _, outlook = known(draft, project_id)
        draft.put("outlook", project_id, replace(outlook, until=0))
    for project_id in concerned:
        if project_id not in visited:
            register(draft, project_id)


def _turns(draft: Draft, project_id: str, day: date) -> bool:
    """Of a project of which nothing is to come currencies without a fresh rate are no news."""
    forecast, _ = known(draft, project_id)
    if forecast.published is None or _turning_day(draft, project_id, day) != day:
        return False
    return forecast.published.has_work_left or not any(
        _missing(draft, project_id, _own_currencies(draft, project_id), day)
    )


def _turning_day(draft: Draft, project_id: str, since: date) -> date | None:
    """The first day from `since` on whose end moves what is to come: the last of its month, of a billing period, of the project, or of a
    contract that keeps a deposit then. Where nothing is, but something is to be billed, the last of its month or of a billing period, and
    of a project that goes on with several currencies the last of its month. None: there is none."""
    published = known(draft, project_id)[0].published
    if published is None:
        return None
    months_last, last = month_end(since), last_day(draft, draft.project(project_id))
    days: list[date | None] = [*deposits_kept_on(draft, project_id)]
    if published.has_work_left or _has_bills_left(draft, project_id):
        days += (months_last, *(billed_on(draft, each, since) for each in project_contracts(draft, project_id)))
        days += (last,) if published.has_work_left else ()
    elif (last is None or last >= months_last) and len(_own_currencies(draft, project_id)) > 1:
        days.append(months_last)
    return min((day for day in days if day is not None and day >= since), default=None)


def _has_bills_left(draft: Draft, project_id: str) -> bool:
    """Whether something of it may be billed and is on no issued statement, such as what is on hold or on a draft: its bill moves on."""
    lines = (draft.line(contract_id, line_id) for contract_id, line_id, _ in lines_of(draft, project_id))
    return any(has_bills_left(line, project_id) for line in lines)


def _own_currencies(draft: Draft, project_id: str) -> set[str]:
    """Of all that a forecast says. Where there are several, rates move it, which is looked at when a month ends (RULES section 4)."""
    forecast, _ = known(draft, project_id)
    ledger = ledger_currency(draft, forecast.legal_entity_id) or forecast.currency
    policies = project_policies(draft, project_lines(draft, project_id), forecast.legal_entity_id)
    return {*_currencies(draft, project_id), ledger, policies.group_currency or ledger}


def _zone(draft: Draft, project_id: str) -> str:
    return known(draft, project_id)[0].zone or project_zone(draft, draft.project(project_id))


def _is_due(draft: Draft, project_id: str, zone: str, ended: int) -> bool:
    forecast, outlook = known(draft, project_id)
    return 0 < outlook.until <= ended and forecast.zone == zone


# Telling


def send(draft: Draft, project_id: str, as_of: date) -> bool:
    """Publish the forecast if it differs from the last one; False where it has to wait for an exchange rate."""
    weighed = weigh(draft, project_id, as_of)
    if weighed is None:
        return _wait_for_rate(draft, project_id, as_of)
    project = draft.project(project_id)
    shape = shape_of(draft, project, weighed, as_of)
    made = figures_of(draft, project, weighed, shape, as_of)
    if made is None:
        return _wait_for_rate(draft, project_id, as_of)
    if not fits(*_numbers(made, weighed.planned.demand)):
        return _out_of_range(draft, project_id, weighed)
    caps = caps_of(draft, weighed, shape, as_of)
    digest = _digest(made, caps, weighed, as_of)
    lacks = lacks_estimate(weighed.forecast.bases)
    forecast = _noted(draft, project_id, weighed, as_of)
    if digest != forecast.digest:
        unmeasured = lacks and not weighed.planned.months
        complete = None if unmeasured else percent(made.project.burn_cost, made.project.eac_cost)
        _emit(draft, project_id, forecast, weighed, made, caps, as_of, complete, digest)
    else:
        draft.put("forecast", project_id, forecast)
        draft.put("outlook", project_id, replace(weighed.outlook, stale=False))
    return True


def _digest(made: Figures, caps: tuple[ForecastCap, ...], weighed: Weighed, as_of: date) -> str:
    """Of a cap without room the forecast's own day is no news."""
    others = [figures for figures in made[1:] if figures is not made.project]
    known = [cap._replace(exhausts_on=None) if cap.exhausts_on == as_of else cap for cap in caps]
    content = (made.project, others, known, weighed.planned.demand)
    return blake2b(msgspec.msgpack.encode(content), digest_size=12).hexdigest()


def _emit(
    draft: Draft,
    project_id: str,
    forecast: Forecast,
    weighed: Weighed,
    made: Figures,
    caps: tuple[ForecastCap, ...],
    as_of: date,
    complete: Percent | None,
    digest: str,
) -> None:
    outlook, figures = weighed.outlook, made.project
    before = forecast.published
    sequence = forecast.sequence + 1
    if draft.why is not None:
        say_when(draft.why, project_id, sequence)
    update = (
        project_id,
        sequence,
        as_of,
        figures,
        draft.cause.kind,
        draft.cause.id,
        draft.cause.version,
        made.ledger,
        made.group,
        taken_projects(draft).get(project_id, ()),
        before.sequence if before is not None else None,
        weighed.planned.demand,
        complete,
        caps,
        _previous(before),
        deltas(outlook.changes) if before is not None else (),
    )
    draft.emit(new_tuple(ForecastUpdate, update))
    published = _published(sequence, figures, complete)
    cost, revenue = limits_by(weighed.policies, published)
    forecast = replace(
        forecast,
        sequence=sequence,
        published=published,
        digest=digest,
        set_aside={},
        limit_cost=cost,
        limit_revenue=revenue,
    )
    draft.put("forecast", project_id, forecast)
    draft.put("outlook", project_id, replace(outlook, changes={}, stale=False))
    project = draft.project(project_id)
    if not project.changed:
        draft.put_project(replace(project, changed=True))


def _published(sequence: int, figures: ForecastFigures, complete: Percent | None) -> PublishedFigures:
    return PublishedFigures(
        sequence,
        figures.eac_cost,
        figures.eac_revenue,
        figures.margin,
        figures.burn_cost,
        figures.burn_revenue,
        figures.backlog,
        complete,
        has_work_left=any((figures.etc_hours, figures.etc_cost, figures.etc_revenue)),
    )


def _previous(before: PublishedFigures | None) -> PreviousFigures | None:
    if before is None:
        return None
    figures = (
        before.sequence,
        before.eac_cost,
        before.eac_revenue,
        before.margin,
        before.burn_cost,
        before.burn_revenue,
        before.backlog,
    )
    return new_tuple(PreviousFigures, figures)


# What is missing


def retry(draft: Draft, project_id: str) -> None:
    """A rate has come that the forecast waits for, or a nearer one: tell it now, and at the day's end with the nearest there is."""
    forecast, _ = known(draft, project_id)
    send(draft, project_id, today(draft, forecast.zone))
    _, outlook = known(draft, project_id)
    draft.put("outlook", project_id, replace(outlook, stale=True))
    register(draft, project_id)
    _say_losses(draft)


def _rates_lacking(draft: Draft, project_id: str, as_of: date) -> tuple[WaitKey, ...]:
    """Rates of all the project's currencies that are fresh enough on the day, or of the day after, when rates may come."""
    policies = project_policies(draft, project_lines(draft, project_id), known(draft, project_id)[0].legal_entity_id)
    days = tuple(as_of - timedelta(days=age) for age in range(-1, policies.rate_staleness_days + 1))
    return waits_for_rates_of(_currencies(draft, project_id), days)


def _currencies(draft: Draft, project_id: str) -> tuple[str, ...]:
    """The forecast's first, those of its work and contracts."""
    forecast, outlook = known(draft, project_id)
    of_work = (own for part in outlook.progress.values() for own in (*part.now, *part.floor))
    of_contracts = (one.terms.currency for one in project_contracts(draft, project_id))
    return forecast.currency, *of_work, *of_contracts


def _missing(draft: Draft, project_id: str, of: Iterable[str], as_of: date) -> Iterator[MissingRate]:
    """Rates of currencies into the forecast's that nobody has published."""
    forecast, _ = known(draft, project_id)
    policies = project_policies(draft, project_lines(draft, project_id), forecast.legal_entity_id)
    for name in sorted({*of} - {forecast.currency}):
        found = exchange_on(draft, policies, name, forecast.currency, as_of, as_of)
        if isinstance(found, MissingRate):
            yield found


def _wait_for_rate(draft: Draft, project_id: str, as_of: date) -> bool:
    """Nothing is guessed: the forecast waits for the rate, which is said once until another is missing; a project of which not even a
    currency is known has none."""
    forecast, _ = known(draft, project_id)
    if not forecast.currency:
        return True
    forecast_waits(draft, project_id, _rates_lacking(draft, project_id, as_of))
    lacking = _missing(draft, project_id, _currencies(draft, project_id), as_of)
    missing = "".join(f"; {each.lasting}" for each in lacking)
    draft.raise_exception(
        NO_RATE,
        "project",
        project_id,
        f"the forecast of project {project_id} in {forecast.currency} waits for an exchange rate{missing}",
        project_id=project_id,
        revises=True,
    )
    draft.put("forecast", project_id, replace(forecast, noted=tuple(sorted({*forecast.noted, NO_RATE}))))
    return False


def _numbers(made: Figures, demand: Iterable[ForecastDemand]) -> list[int]:
    """Every number that is published; those of the ledger's and the group's currency mostly are the ones before."""
    found = [one.hours for one in demand]
    last = None
    for figures in made:
        if figures is None or figures is last:
            continue
        last = figures
        *numbers, margin_percent, budget_used, months = figures[1:]
        found += numbers
        found += [one for one in (margin_percent, budget_used) if one is not None]
        for month in months:
            found += filter(None, month[1:])
    return found


def _out_of_range(draft: Draft, project_id: str, weighed: Weighed) -> bool:
    """What was published last stands until somebody says less."""
    forecast = weighed.forecast
    draft.raise_exception(
        OUT_OF_RANGE,
        "project",
        project_id,
        f"the forecast of project {project_id} is not published: expected figures of at most "
        f"{format_amount(AMOUNT_MAX, forecast.currency)} {forecast.currency}, got "
        f"{format_amount(weighed.completion.cost, forecast.currency)} of cost and "
        f"{format_amount(weighed.completion.revenue, forecast.currency)} of revenue at completion",
        project_id=project_id,
        field="remaining",
    )
    draft.put("forecast", project_id, replace(forecast, noted=tuple(sorted({*forecast.noted, OUT_OF_RANGE}))))
    draft.put("outlook", project_id, replace(weighed.outlook, stale=False))
    return True


def _noted(draft: Draft, project_id: str, weighed: Weighed, as_of: date) -> Forecast:
    """Raise and settle what the forecast lacks, once."""
    forecast = weighed.forecast
    lines = unestimated(draft, project_id, weighed.terms, forecast, as_of)
    lacking = (NO_ESTIMATE,) if lines else ()
    for category in forecast.noted:
        if category not in lacking:
            draft.resolve_exception(category, "project", project_id)
    if lines:
        named = ", ".join(f"line {one.line.line_id} of contract {one.contract_id}" for one in lines)
        draft.raise_exception(
            NO_ESTIMATE,
            "project",
            project_id,
            f"{named}: expected what the work of project {project_id} will cost, as it earns no more than was agreed, got neither an "
            "estimate nor a cost budget",
            project_id=project_id,
            revises=True,
        )
    return forecast if lacking == forecast.noted else replace(forecast, noted=lacking)
