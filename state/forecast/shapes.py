"""How what remains of a project lies over the months.

It lies in the months of the estimate, else of the assignments' plan, else evenly up to the end of the project or contract, not before
project, contract and assignments begin. It begins on the day after `as_of`: what an estimate has in months that are over counts in that
day's. Hours that are charged at what they cost earn where the cost lies.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.events.common import RemainingWork
from domain.events.delivery import EstimateRevised, ResourceAssigned
from domain.figure import called, exchanged, moved
from domain.forecast.completion import MONTHS_MAX, months_from
from domain.policies import Resolved
from domain.reference.exchange import SAME_CURRENCY, Exchange
from domain.tuples import new_tuple
from state.books import Basis, Contract, Forecast, Project
from state.draft import Draft
from state.forecast.estimates import ESTIMATE, estimated_at, estimates_at
from state.forecast.outlook import ProjectTerms
from state.forecast.planned import PlannedWork, first_month
from state.forecast.tracks import rate_to

Rates = Mapping[str, Exchange]
NO_SHAPES: Mapping[str, "Shape"] = {}


class Shape(NamedTuple):
    """How what remains lies over the months: weights of hours, cost and revenue."""

    months: Sequence[str]
    hours: Sequence[int]
    cost: Sequence[int]
    revenue: Sequence[int]


class Shapes(NamedTuple):
    """In all and, of several estimates, by the track of each."""

    whole: Shape
    tracks: Mapping[str, Shape] = NO_SHAPES


class Shaped(NamedTuple):
    """What the months of a project rest on."""

    forecast: Forecast
    terms: ProjectTerms
    policies: Resolved
    planned: PlannedWork


def shapes_of(draft: Draft, project: Project, of: Shaped, as_of: date) -> Shapes:
    """As hours would earn if no cap limited them."""
    first = first_month(as_of)
    found = _estimated(draft, project, of, first, as_of)
    if found is not None:
        return found
    if (planned := as_planned(of.planned)) is not None:
        return Shapes(planned)
    begins = _begin(project, of.terms.contracts, draft.assignments(project.project_id))
    months = months_from(max(first, begins), _end(project, of.terms.contracts))
    even = [1] * len(months)
    return Shapes(Shape(months, even, even, even))


def _estimated(draft: Draft, project: Project, of: Shaped, first: str, as_of: date) -> Shapes | None:
    """None where nothing has any weight."""
    forecast, lines = of.forecast, of.terms.lines
    own = {name: basis for name, basis in forecast.bases.items() if basis.kind == ESTIMATE}
    if not own:
        return None
    key = ("shape", project.project_id)
    kept: tuple[object, Rates, Shapes | None] | None = draft.memo.plans.get(key)
    if kept is None or kept[0] != (first, own) or (kept[1] and kept[1] != _rates(draft, of, kept[1], as_of)):
        events = estimates_at(draft, project, lines, estimated_at(forecast))
        currencies = {event.currency or forecast.currency for event in events}
        rates = _rates(draft, of, currencies, as_of) if len(currencies) > 1 else {}
        found = {}
        # One alone is the whole.
        for name, basis in own.items() if len(own) > 1 else ():
            events_of = estimates_at(draft, project, lines, frozenset([basis.log_offset]))
            of_track = as_estimated(_remaining(of, events_of, {}), first, at_cost=_is_at_cost(basis))
            if of_track is not None:
                found[name] = of_track
        at_cost = all(map(_is_at_cost, own.values()))
        whole = as_estimated(_remaining(of, events, rates), first, at_cost=at_cost)
        kept = draft.memo.plans[key] = (first, own), rates, Shapes(whole, found) if whole is not None else None
    return kept[2]


def _rates(draft: Draft, of: Shaped, currencies: Iterable[str], as_of: date) -> Rates:
    """Into the project's currency."""
    into = of.forecast.currency
    found = {own: rate_to(draft, of.policies, own, into, as_of) for own in currencies}
    return {own: rate for own, rate in found.items() if rate is not None}


def _remaining(of: Shaped, events: Iterable[EstimateRevised], rates: Rates) -> list[RemainingWork]:
    """What they say remains; what is in several currencies weighs by what it is worth in the project's."""
    into, mode = of.forecast.currency, of.policies.money_mode
    found: list[RemainingWork] = []
    for event in events:
        rate = rates.get(event.currency or into, SAME_CURRENCY)
        for work in event.remaining if rate is not SAME_CURRENCY else ():
            revenue = exchanged(work.revenue, rate, into, mode) if work.revenue is not None else None
            found.append(work._replace(cost=exchanged(work.cost, rate, into, mode), revenue=revenue))
        found += event.remaining if rate is SAME_CURRENCY else ()
    return found


def _is_at_cost(basis: Basis) -> bool:
    return basis.markup is not None and not basis.revenue_stated


def as_planned(planned: PlannedWork) -> Shape | None:
    """None where nothing has any weight."""
    hours = [hours for _, hours in planned.months]
    return new_tuple(Shape, ([month for month, _ in planned.months], hours, hours, hours)) if any(hours) else None


def as_estimated(to_come: Iterable[RemainingWork], first: str, *, at_cost: bool = False) -> Shape | None:
    """None where nothing has any weight; `at_cost` where work is charged at what it costs."""
    last = f"{int(first[:4]) + MONTHS_MAX // 12 - 1:04d}{first[4:]}"
    weights: dict[str, list[int]] = {}
    for work in to_come:
        month = min(max(work.month, first), last)
        held = weights.setdefault(month, [0, 0, 0])
        for place, weight in enumerate((work.hours, work.cost, work.revenue)):
            if weight is not None and weight > 0:
                held[place] += weight if month == work.month else moved(weight, month)
    months = sorted(weights)
    by_hours, by_cost, by_revenue = (
        [called(weights[month][place], f"of {month}") for month in months] for place in range(3)
    )
    base = next((each for each in (by_hours, by_cost, by_revenue) if any(each)), None)
    if base is None:
        return None
    by_cost = by_cost if any(by_cost) else base
    if at_cost:
        return Shape(months, base, by_cost, by_cost)
    return Shape(months, base, by_cost, by_revenue if any(by_revenue) else base)


def _begin(project: Project, contracts: Sequence[Contract], assignments: Sequence[ResourceAssigned]) -> str:
    """The month from which on there may be work: project, contract and somebody assigned have begun, as far as these are known."""
    begins = [
        [project.activated.starts_on] if project.activated is not None else [],
        [stored.terms.starts_on for contract in contracts for stored in contract.history],
        [assignment.starts_on for assignment in assignments],
    ]
    known = [min(days) for days in begins if days]
    return max(known).isoformat()[:7] if known else ""


def _end(project: Project, contracts: Sequence[Contract]) -> str:
    """The month in which the project is to end, else its contract."""
    if project.activated is not None and project.activated.ends_on is not None:
        return project.activated.ends_on.isoformat()[:7]
    ends = [contract.terms.ends_on for contract in contracts]
    return max((end.isoformat()[:7] for end in ends if end is not None), default="")
