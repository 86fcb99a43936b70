"""Forecasts: published at once where an event moves the figures at completion by more than policy says, else at the day's end.

What remains of a project lies ahead of the day, so it is published again when a month or a billing period ends, and when the project does.
Exchange rates alone publish nothing before a month ends, as they revalue nothing before (RULES section 4). Who shares a cap with a project
that is published is looked at too, because it has less room.
"""

from collections.abc import Iterable
from datetime import date

from msgspec.structs import replace

from domain.events.delivery import EstimateRevised
from domain.forecast.changes import work_cause
from domain.identity import escape
from domain.outputs import JournalEntry
from domain.reference.zones import midnight
from state import views
from state.books import Estimate, Forecast, Project
from state.charges.estimates import keep_estimate
from state.draft import Draft
from state.facts import is_late, is_new
from state.forecast import loss
from state.forecast.bases import ENDED, lacks_estimate, weigh
from state.forecast.caps import companions
from state.forecast.concerned import (
    charged_projects,
    moved_by,
    rebased_projects,
    take_statements,
    touched_projects,
    turning_day,
    turns,
)
from state.forecast.estimates import estimate_key
from state.forecast.outlook import (
    ONE_DAY,
    SPLITS,
    Ended,
    day_or_today,
    is_material,
    known,
    project_zone,
    register,
    register_for,
    say_changes,
    take_in,
    today,
    update_forecast_state,
)
from state.forecast.publish import publish
from state.forecast.revised import split_volume
from state.forecast.tracks import WHOLE
from state.work.exchange_waits import forecast_waits

WORK = "time_entry"
# What is corrected by a higher version, and may come late.
OTHER_WORK = ("expense", "delivery")
# Work that is given up takes back what it was worth; so it is no less work.
GIVEN_UP, CORRECTION = "write_off", "correction"


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
            for project_id in sorted(touched_projects(draft)):
                register(draft, project_id)
    elif draft.cause.kind != "day":
        for project_id in _reconsider(draft):
            _follow(draft, project_id, "volume")
    _say_losses(draft)


def _usual_cause(draft: Draft) -> str:
    if draft.cause.kind in OTHER_WORK:
        return _work_cause(draft)
    return CORRECTION if draft.cause.kind == GIVEN_UP else "volume"


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
        publish(draft, project_id, today(draft, forecast.zone))
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
                publish(draft, project_id, day_or_today(draft, forecast.zone, ended))
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
    rebased = rebased_projects(draft)
    moved = update_forecast_state(draft, moved_by(draft) if rebased else _usual_cause(draft))
    take_statements(draft)
    charged = charged_projects(draft)
    concerned = sorted(touched_projects(draft).union(rebased, moved))
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
            publish(draft, project_id, day)
            if outlook.stale or project_id in others or turns(draft, project_id, day)
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
        again = turning_day(draft, project_id, day + ONE_DAY) if published else day + ONE_DAY
        if again is not None:
            register_for(draft, project_id, zone, again)
            continue
        _, outlook = known(draft, project_id)
        draft.put("outlook", project_id, replace(outlook, until=0))
    for project_id in concerned:
        if project_id not in visited:
            register(draft, project_id)


def _zone(draft: Draft, project_id: str) -> str:
    return known(draft, project_id)[0].zone or project_zone(draft, draft.project(project_id))


def _is_due(draft: Draft, project_id: str, zone: str, ended: int) -> bool:
    forecast, outlook = known(draft, project_id)
    return 0 < outlook.until <= ended and forecast.zone == zone


def retry(draft: Draft, project_id: str) -> None:
    """A rate has come that the forecast waits for, or a nearer one: tell it now, and at the day's end with the nearest there is."""
    forecast, _ = known(draft, project_id)
    publish(draft, project_id, today(draft, forecast.zone))
    _, outlook = known(draft, project_id)
    draft.put("outlook", project_id, replace(outlook, stale=True))
    register(draft, project_id)
    _say_losses(draft)
