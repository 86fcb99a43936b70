"""An update of a project's forecast.

What changes nothing publishes nothing. Every update compares with the one before it and splits the change by cause
(`domain/forecast/changes.py`); the first has no baseline, and one in another currency than the update before begins again.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from domain.exceptions import NO_ESTIMATE, OUT_OF_RANGE, ways_out
from domain.forecast.changes import deltas
from domain.forecast.completion import percent
from domain.identity import composed
from domain.money import format_amount
from domain.outputs import ForecastCap, ForecastDemand, ForecastFigures, ForecastUpdate, PreviousFigures
from domain.reference.exchange import NO_RATE, MissingRate
from domain.terms import methods
from domain.tuples import new_tuple
from domain.units import Percent
from domain.waiting import WaitKey, waits_for_rates_of
from state.books import Forecast, PublishedFigures
from state.draft import AMOUNT_MAX, Draft
from state.forecast.bases import NONE, PLAN, Weighed, lacks_estimate, limits_by, weigh
from state.forecast.caps import caps_of, say_when
from state.forecast.figures import Figures, figures_of, shape_of
from state.forecast.outlook import ProjectTerms, fits, known, line_key, project_policies, project_terms, running
from state.forecast.tracks import WHOLE
from state.terms.known import exchange_on
from state.terms.plan import LinePlan
from state.work.exchange_waits import forecast_waits
from state.work.placing import taken_projects

# What else asks for an estimate, of a line itself, once work on it has begun.
OF_LINES = tuple(kind for category, kind, _ in ways_out() if category == NO_ESTIMATE and kind)


def publish(draft: Draft, project_id: str, as_of: date) -> bool:
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
    lines = _unestimated(draft, project_id, weighed.terms, forecast, as_of)
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


def _unestimated(draft: Draft, project_id: str, of: ProjectTerms, forecast: Forecast, as_of: date) -> list[LinePlan]:
    """Lines of which somebody has to say what their work will cost: they have an agreed price, or a hard cap limits what the project's
    hours earn, so that more cost is a loss. Nothing else rests on an estimate: what is charged as it comes, for as long as it comes, has
    none to fall short of, nor has work that nobody pays for or that another system bills.

        a price of 10,000.00 on A, hours at 150.00 on B: the estimate of A is asked for

    Lines of the project with neither an estimate nor a budget that need one, but those with an exception of their own.
    """
    if not lacks_estimate(forecast.bases) or draft.project(project_id).burn.elsewhere:
        return []
    is_whole = forecast.bases[WHOLE].kind == PLAN
    lacking = (
        plan
        for plan in running(draft, of.lines, as_of)
        if is_whole or ((basis := forecast.bases.get(line_key(plan))) is not None and basis.kind == NONE)
    )
    return [plan for plan in lacking if _is_limited(draft, plan, forecast) and not _says_so(draft, plan)]


def _is_limited(draft: Draft, plan: LinePlan, forecast: Forecast) -> bool:
    """Whether more work on the line earns no more."""
    terms, contract = plan.line.terms, draft.contract(plan.contract_id)
    if contract is None or contract.divided or (methods.goes_on(terms) and contract.terms.ends_on is None):
        return False
    if forecast.ceiling is not None and methods.earns_by_hours(terms):
        return True
    key = line_key(plan)
    return any(one.total is not None and composed(one.contract_id, one.line_id) == key for one in forecast.earning)


def _says_so(draft: Draft, plan: LinePlan) -> bool:
    return any(draft.open_exception(NO_ESTIMATE, kind, line_key(plan)) is not None for kind in OF_LINES)


def _wait_for_rate(draft: Draft, project_id: str, as_of: date) -> bool:
    """A forecast without an exchange rate waits for it: nothing is guessed.

    Which is said once until another rate is missing; a project of which not even a currency is known has no forecast.
    """
    forecast, _ = known(draft, project_id)
    if not forecast.currency:
        return True
    forecast_waits(draft, project_id, _rates_lacking(draft, project_id, as_of))
    lacking = missing_rates(draft, project_id, currencies_of(draft, project_id), as_of)
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


def _rates_lacking(draft: Draft, project_id: str, as_of: date) -> tuple[WaitKey, ...]:
    """Rates of all the project's currencies that are fresh enough on the day, or of the day after, when rates may come."""
    policies = project_policies(
        draft, project_terms(draft, project_id).lines, known(draft, project_id)[0].legal_entity_id
    )
    days = tuple(as_of - timedelta(days=age) for age in range(-1, policies.rate_staleness_days + 1))
    return waits_for_rates_of(currencies_of(draft, project_id), days)


def currencies_of(draft: Draft, project_id: str) -> tuple[str, ...]:
    """The forecast's first, those of its work and contracts."""
    forecast, outlook = known(draft, project_id)
    of_work = (own for part in outlook.progress.values() for own in (*part.now, *part.floor))
    of_contracts = (one.terms.currency for one in project_terms(draft, project_id).contracts)
    return forecast.currency, *of_work, *of_contracts


def missing_rates(draft: Draft, project_id: str, of: Iterable[str], as_of: date) -> Iterator[MissingRate]:
    """Rates of currencies into the forecast's that nobody has published."""
    forecast, _ = known(draft, project_id)
    policies = project_policies(draft, project_terms(draft, project_id).lines, forecast.legal_entity_id)
    for name in sorted({*of} - {forecast.currency}):
        found = exchange_on(draft, policies, name, forecast.currency, as_of, as_of)
        if isinstance(found, MissingRate):
            yield found
