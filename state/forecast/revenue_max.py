"""The most that a project may earn, as far as its terms say what the work to come will earn (R22, R44).

A forecast counts as nothing what it cannot value, and such revenue at completion is no measure of a loss. It is known of lines with a price
of their own, and of hours where they have a value: an estimate states it, they are charged at cost, an hour has earned before, or the
assignments plan at a rate. Hard caps over the whole term bound also what hours of no known value may earn.

It is not known what will be charged of units as they come, of expenses that an estimate foresees, by hours beyond those that a price or a
fee includes, by terms that go on without an end; nor of hours before somebody has said what the project will cost, while work waits for
its price, or while what is billable waits for its invoice to be revenue.

    10 h to come at an unknown rate: nothing is known; under a cap of 1,000.00 they earn no more than that
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.forecast.completion import Track, completed, is_valued
from domain.identity import composed
from domain.money import smallest_unit
from domain.terms import methods
from domain.terms.kind import WITH_INVOICE
from domain.units import Amount
from state.books import Forecast, Project
from state.draft import Draft
from state.forecast.bases import ENDED, ESTIMATE, lacks_estimate
from state.forecast.figures import remaining_work
from state.forecast.minimum import stands_alone
from state.forecast.outlook import (
    WHOLE,
    every_line,
    inclusion_on,
    known,
    line_key,
    project_lines,
    project_policies,
    running,
    tracks_in,
)
from state.terms.plan import LinePlan

# Why the price of work may wait.
WAITS_FOR_PRICE = frozenset(
    {
        "no_contract",
        "no_contract_line",
        "no_cost_rate",
        "no_exchange_rate",
        "no_rate",
        "outside_contract_dates",
        "stale_exchange_rate",
    }
)


class RevenueMax(NamedTuple):
    amount: Amount
    by_cap: bool = False


def is_measured(draft: Draft, project_id: str) -> bool:
    """Whether something says what the project will cost, or a price what it earns."""
    forecast, _ = known(draft, project_id)
    return not lacks_estimate(forecast.bases) or any(map(_has_price, every_line(draft, project_id)))


def revenue_max(draft: Draft, project_id: str, as_of: date) -> RevenueMax | None:
    """In project currency, by what the books hold of its forecast; None where nothing says it."""
    project, (forecast, outlook) = draft.project(project_id), known(draft, project_id)
    lines = every_line(draft, project_id)
    if not lines or not forecast.currency or _waits(draft, project, lines):
        return None
    if forecast.bases[WHOLE].kind == ENDED:
        return RevenueMax(outlook.eac_revenue)
    lines = running(draft, lines, as_of)
    if lacks_estimate(forecast.bases) and not _is_priced_alone(forecast, lines):
        return None
    policies = project_policies(draft, project_lines(draft, project_id), forecast.legal_entity_id)
    tracks = tracks_in(draft, project_id, policies, forecast, outlook.progress, forecast.currency, as_of)
    if tracks is None or not all(_is_agreed(draft, project, forecast, plan, tracks) for plan in lines):
        return None
    step = smallest_unit(forecast.currency)
    if all(is_valued(track, forecast.planned_rate, step) for track in tracks):
        return RevenueMax(outlook.eac_revenue)
    if forecast.ceiling is None:
        return None
    return RevenueMax(max(forecast.ceiling, outlook.eac_revenue), by_cap=True)


def _has_price(plan: LinePlan) -> bool:
    """Whether the line's terms charge by themselves, or for a number of units that is agreed."""
    terms = plan.line.terms
    charges = methods.charges(terms) and methods.account(terms) is None
    return charges or methods.agreed_units(terms) is not None


def _waits(draft: Draft, project: Project, lines: Sequence[LinePlan]) -> bool:
    """Whether work that is booked has still to earn: it waits for its price, or for its invoice."""
    charged = [plan for plan in lines if methods.earns_by_hours(plan.line.terms) or methods.charges_expenses(plan.line)]
    if charged and not WAITS_FOR_PRICE.isdisjoint(project.waiting):
        return True
    waiting = (draft.line(plan.contract_id, plan.line.line_id) for plan in charged if plan.timing == WITH_INVOICE)
    return any(totals.billable != totals.recognised for totals in waiting)


def _is_agreed(draft: Draft, project: Project, forecast: Forecast, plan: LinePlan, tracks: Sequence[Track]) -> bool:
    """Whether the line's terms say what it will charge, its hours apart."""
    terms, contract = plan.line.terms, draft.contract(plan.contract_id)
    if plan.refused is not None or contract is None:
        return False
    if methods.goes_on(terms) and contract.terms.ends_on is None and contract.terminated_on is None:
        return False
    if methods.has_minimum(terms) and not stands_alone(contract, plan.line.line_id):
        return False
    if methods.takes(plan.line, "units") and methods.units(terms) is not None and methods.agreed_units(terms) is None:
        return False
    if methods.draws_in(terms) is not None and not _knows_hours_beyond(forecast, plan, tracks):
        return False
    charges = methods.charges_expenses(plan.line) and methods.cost_markup(terms) is None
    return not (charges and _foresees_expenses(draft, project, forecast))


def _is_priced_alone(forecast: Forecast, lines: Sequence[LinePlan]) -> bool:
    """Whether what has been spent already can be measured by prices agreed, and no hour earns anything beside them."""
    if any(methods.earns_by_hours(plan.line.terms) for plan in lines):
        return False
    return any(line.total is not None for line in forecast.earning)


def _knows_hours_beyond(forecast: Forecast, plan: LinePlan, tracks: Sequence[Track]) -> bool:
    """Whether nothing is to come that the line's price may not include, or the forecast says what that is charged."""
    key, step = line_key(plan), smallest_unit(forecast.currency)
    on = key if key in forecast.bases else WHOLE
    includes = any(
        composed(line.contract_id, line.line_id) == key
        and line.currency == forecast.currency
        and inclusion_on(line, on) is not None
        for line in forecast.earning
    )
    for track in tracks:
        hours, cost, _ = completed(*track, forecast.planned_rate, step)
        if not (includes or hours == track.now[0]) or (hours == track.now[0] and cost > track.now[1]):
            return False
    return True


def _foresees_expenses(draft: Draft, project: Project, forecast: Forecast) -> bool:
    """Whether an estimate has cost to come without an hour."""
    offsets = frozenset(basis.log_offset for basis in forecast.bases.values() if basis.kind == ESTIMATE)
    work = remaining_work(draft, project, project_lines(draft, project.project_id), offsets)
    return any(not row.hours and row.cost for row in work)
