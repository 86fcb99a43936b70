"""The most that a project may earn, as far as its terms say what the work to come will earn (R22, R44).

A forecast counts as nothing what it cannot value, and such revenue at completion is no measure of a loss. It is known of lines with a price
of their own, and of hours where they have a value: an estimate states it, they are charged at cost, an hour has earned before, or the
assignments plan at a rate. Hard caps over the whole term bound also what hours of no known value may earn.

It is not known what will be charged of units as they come, of expenses that an estimate foresees, by hours beyond those that a price or a
fee includes, by terms that go on without an end; nor of hours before somebody has said what the project will cost, or while work waits for
its price. What is billable and waits for its invoice to be revenue is to come, and known; but where hours and expenses of one line wait
together, not what an hour is worth.

    10 h to come at an unknown rate: nothing is known; under a cap of 1,000.00 they earn no more than that
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.forecast.completion import Track, completed
from domain.identity import composed
from domain.money import smallest_unit
from domain.terms import methods
from domain.terms.kind import WITH_INVOICE
from domain.tuples import new_tuple
from domain.units import Amount
from state.books import Estimate, Forecast, ForecastState, Project
from state.draft import Draft
from state.forecast.ahead import stands_alone
from state.forecast.bases import ENDED, lacks_estimate
from state.forecast.estimates import ESTIMATE, estimate_key, estimates_at
from state.forecast.outlook import Ended, ProjectTerms, day_or_today, line_key, project_policies, project_terms, running
from state.forecast.tracks import WHOLE, inclusion_on, tracks_of
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


class RevenueTerms:
    """What the terms of a project's lines say of what they will charge, its hours apart; found again as long as all is as it was.

    `is_measured` where something says what the project will cost, or a price what it earns. `is_known` where nothing is open but hours to
    come on lines that include some (`drawing`). Where it `charges` for work or expenses these may wait for their price, on lines of
    `mixed` for their invoice, hours and expenses together.
    """

    __slots__ = (
        "as_of",
        "bases",
        "charges",
        "drawing",
        "earning",
        "estimates",
        "has_lines",
        "is_known",
        "is_measured",
        "mixed",
        "of",
    )

    def __init__(self, draft: Draft, project: Project, of: ProjectTerms, forecast: Forecast, as_of: date) -> None:
        self.of, self.bases, self.earning = of, forecast.bases, forecast.earning
        # Days make a difference only where a contract ends.
        self.as_of = as_of if any(one.terminated_on is not None for one in of.contracts) else None
        self.is_measured = not lacks_estimate(forecast.bases) or any(map(_has_price, of.every_line))
        self.has_lines = bool(of.every_line)
        waiting = [
            plan
            for plan in of.every_line
            if methods.earns_by_hours(plan.line.terms) or methods.charges_expenses(plan.line)
        ]
        self.charges = bool(waiting)
        self.mixed = tuple((one.contract_id, one.line.line_id) for one in waiting if _waits_together(one))
        lines = running(draft, of.every_line, as_of)
        self.drawing = tuple(plan for plan in lines if methods.draws_in(plan.line.terms) is not None)
        expensed = any(
            methods.charges_expenses(one.line) and methods.cost_markup(one.line.terms) is None for one in lines
        )
        self.estimates = _estimates(draft, project.project_id, of, forecast) if expensed else ()
        self.is_known = (
            (not lacks_estimate(forecast.bases) or _is_priced_alone(forecast, lines))
            and all(_is_agreed(draft, plan) for plan in lines)
            and not (expensed and _foresees_expenses(draft, project, forecast))
        )

    def holds(self, draft: Draft, of: ProjectTerms, forecast: Forecast, ended: Ended | None) -> bool:
        return (
            self.of is of
            and self.bases is forecast.bases
            and self.earning is forecast.earning
            and (self.as_of is None or self.as_of == day_or_today(draft, forecast.zone or "UTC", ended))
            and not (self.estimates and any(draft.part("estimate", key) is not one for key, one in self.estimates))
        )


def revenue_terms(
    draft: Draft, project: Project, of: ProjectTerms, forecast: Forecast, ended: Ended | None
) -> RevenueTerms:
    key = ("revenue terms", project.project_id)
    kept: RevenueTerms | None = draft.memo.lines.get(key)
    if kept is None or not kept.holds(draft, of, forecast, ended):
        as_of = day_or_today(draft, forecast.zone or "UTC", ended)
        kept = draft.memo.lines[key] = RevenueTerms(draft, project, of, forecast, as_of)
    return kept


def revenue_max(
    draft: Draft, project: Project, terms: RevenueTerms, forecast: Forecast, outlook: ForecastState, ended: Ended | None
) -> RevenueMax | None:
    """In project currency, by what the books hold of its forecast; None where nothing says it."""
    if not terms.has_lines or not forecast.currency:
        return None
    if (terms.mixed or (terms.charges and project.waiting)) and _waits(draft, project, terms):
        return None
    if forecast.bases[WHOLE].kind == ENDED:
        return new_tuple(RevenueMax, (outlook.eac_revenue, False))
    if not terms.is_known:
        return None
    found = terms.of.tracks.get(forecast.currency)
    if found is None or not found.are_of(draft, forecast, outlook.progress):
        policies = project_policies(draft, terms.of.lines, forecast.legal_entity_id)
        as_of = day_or_today(draft, forecast.zone or "UTC", ended)
        found = tracks_of(draft, terms.of.tracks, policies, forecast, outlook.progress, forecast.currency, as_of)
    if found is None or (
        terms.drawing and not all(_knows_hours_beyond(forecast, plan, found.tracks) for plan in terms.drawing)
    ):
        return None
    if found.is_valued:
        return new_tuple(RevenueMax, (outlook.eac_revenue, False))
    if forecast.ceiling is None:
        return None
    return RevenueMax(max(forecast.ceiling, outlook.eac_revenue), by_cap=True)


def _has_price(plan: LinePlan) -> bool:
    """Whether the line's terms charge by themselves, or for a number of units that is agreed."""
    terms = plan.line.terms
    charges = methods.charges(terms) and methods.account(terms) is None
    return charges or methods.agreed_units(terms) is not None


def _waits(draft: Draft, project: Project, terms: RevenueTerms) -> bool:
    """Whether it is not known what booked work earns: it waits for its price, or beside expenses of its line for its invoice."""
    if terms.charges and project.waiting and not WAITS_FOR_PRICE.isdisjoint(project.waiting):
        return True
    for contract_id, line_id in terms.mixed:
        totals = draft.line(contract_id, line_id)
        if totals.billable != totals.recognised + totals.conceded:
            return True
    return False


def _waits_together(plan: LinePlan) -> bool:
    by_hours = methods.earns_by_hours(plan.line.terms) and not methods.earns_by_hours_alone(plan.line)
    return by_hours and plan.timing == WITH_INVOICE


def _is_agreed(draft: Draft, plan: LinePlan) -> bool:
    """Whether the line's terms say what it will charge, hours and expenses apart."""
    terms, contract = plan.line.terms, draft.contract(plan.contract_id)
    if plan.refused is not None or contract is None:
        return False
    if methods.goes_on(terms) and contract.terms.ends_on is None and contract.terminated_on is None:
        return False
    if methods.has_minimum(terms) and not stands_alone(contract, plan.line.line_id):
        return False
    return (
        not methods.takes(plan.line, "units") or methods.units(terms) is None or methods.agreed_units(terms) is not None
    )


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


def _estimates(
    draft: Draft, project_id: str, of: ProjectTerms, forecast: Forecast
) -> tuple[tuple[str, Estimate | None], ...]:
    """Those that the figures may rest on, by key."""
    if all(basis.kind != ESTIMATE for basis in forecast.bases.values()):
        return ()
    keys = [estimate_key(project_id, line_id) for line_id in (None, *(plan.line.line_id for plan in of.lines))]
    return tuple((key, draft.part("estimate", key)) for key in keys)


def _foresees_expenses(draft: Draft, project: Project, forecast: Forecast) -> bool:
    """Whether an estimate has cost to come without an hour."""
    offsets = frozenset(basis.log_offset for basis in forecast.bases.values() if basis.kind == ESTIMATE)
    estimates = estimates_at(draft, project, project_terms(draft, project.project_id).lines, offsets)
    return any(not work.hours and work.cost for event in estimates for work in event.remaining)
