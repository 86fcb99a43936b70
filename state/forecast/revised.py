"""What an estimate in place of another changes: more or fewer hours, other rates, or another mix (`domain/forecast/changes.py`).

What is left of agreed prices does not follow the hours: of a fixed price nothing changes by volume or rate, whatever an estimate says.
"""

from collections.abc import Iterable
from datetime import date

from domain.figure import called
from domain.forecast.changes import Change, Left, cost_mix, revenue_mix, split_revision, with_change
from domain.forecast.completion import left_of_prices
from domain.money import smallest_unit
from state.books import Estimate
from state.draft import Draft
from state.forecast.bases import State
from state.forecast.outlook import fits, line_key, project_policies, project_terms
from state.forecast.tracks import tracks_of


def split_volume(
    draft: Draft,
    project_id: str,
    revised: Iterable[tuple[Estimate | None, Estimate]],
    before: State,
    after: State,
    as_of: date,
) -> dict[str, Change]:
    """Take from volume what estimates, each with the one before it, changed by rate and by mix."""
    changes = after[1].changes
    if not after[0].currency:
        return changes
    for old, estimate in revised:
        track = _track_of(draft, project_id, estimate, before, after)
        left, left_now = _left(draft, project_id, before, track, as_of), _left(draft, project_id, after, track, as_of)
        if left is None or left_now is None:
            continue
        was = old.event.remaining if old is not None else ()
        others = {one.event.currency for one in (old, estimate) if one is not None} - {None, after[0].currency}
        if others or (track is None and len(after[1].progress) > 1):
            was = ()
        if not fits(*(number for one in (*left, *left_now) for number in one if number is not None)):
            continue
        remains = estimate.event.remaining if was else ()
        step = smallest_unit(after[0].currency)
        cost = split_revision(left[0], left_now[0], cost_mix(was), cost_mix(remains), step)
        revenue = split_revision(left[1], left_now[1], revenue_mix(was), revenue_mix(remains), step)
        changes = with_change(changes, "volume", -cost.rate - cost.mix, -revenue.rate - revenue.mix)
        changes = with_change(changes, "rate", cost.rate, revenue.rate)
        changes = with_change(changes, "mix", cost.mix, revenue.mix)
    return changes


def _track_of(draft: Draft, project_id: str, estimate: Estimate, before: State, after: State) -> str | None:
    """The line that the estimate is of, where that was and is kept on its own and no cap limits the whole; else None."""
    if after[0].ceiling is not None:
        return None
    lines = (plan for plan in project_terms(draft, project_id).lines if plan.line.line_id == estimate.event.line_id)
    name = next((line_key(plan) for plan in lines), None)
    return name if name in before[1].progress and name in after[1].progress else None


def _left(draft: Draft, project_id: str, state: State, track: str | None, as_of: date) -> tuple[Left, Left] | None:
    """Remaining hours with their cost, and with the revenue that they earn."""
    forecast, outlook = state
    if not forecast.currency:
        return Left(0, 0), Left(0, 0)
    progress = outlook.progress if track is None else {track: outlook.progress[track]}
    of = project_terms(draft, project_id)
    policies = project_policies(draft, of.lines, forecast.legal_entity_id)
    tracks = tracks_of(draft, of.tracks, policies, forecast, progress, forecast.currency, as_of)
    if tracks is None:
        return None
    made, (hours, cost, revenue) = tracks.completion(forecast.ceiling), tracks.booked
    to_come = called(made.hours - hours, "hours to come")
    of_cost = called(made.cost - cost, "cost to come")
    by_price = sum(left_of_prices(held.track) for held in tracks.held.values())
    wanted, allowed = (
        called(called(whole - revenue, "revenue to come") - by_price, "of it what hours earn")
        for whole in (sum(held.wanted for held in tracks.held.values()), made.revenue)
    )
    return Left(to_come, of_cost), Left(to_come, wanted, allowed if allowed < wanted else None)
