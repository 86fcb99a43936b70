"""How what remains of a project lies over the months.

It lies in the months of the estimate, else of the assignments' plan, else evenly up to the end of the project or contract, not before
project, contract and assignments begin: of a month of which only some days are to come by these. It begins on the day after `as_of`. What
is done since an estimate is taken off its earliest months; what is left of months that are over counts in that day's. Hours that are
charged at what they cost earn where the cost lies.

    80 h a month from January to March, 150 h done by 27 February: 10 h are left of February, 80 h of March
    50 h evenly from 17 February to 31 March: 12 of 28 days and a whole month, 15 h and 35 h
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from operator import add, attrgetter
from typing import NamedTuple

from domain.events.common import RemainingWork
from domain.events.delivery import EstimateRevised, ResourceAssigned
from domain.explanation import constant
from domain.figure import Recorded, called, exchanged, moved
from domain.forecast.completion import MONTHS_MAX
from domain.forecast.exhaustion import taken_of
from domain.months import evenly, month_end
from domain.policies import Resolved
from domain.reference.exchange import SAME_CURRENCY, Exchange
from domain.tuples import new_tuple
from state.books import Basis, Contract, Forecast, Project
from state.draft import Draft
from state.forecast.estimates import ESTIMATE, estimates_at
from state.forecast.outlook import ONE_DAY, ProjectTerms
from state.forecast.planned import PlannedWork, first_month
from state.forecast.tracks import TrackHeld, Tracks, rate_to

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


def shapes_of(draft: Draft, project: Project, of: Shaped, tracks: Tracks, as_of: date) -> Shapes:
    """As hours would earn if no cap limited them."""
    first = first_month(as_of)
    found = _estimated(draft, project, of, tracks, first, as_of)
    if found is not None:
        return found
    if (planned := as_planned(of.planned)) is not None:
        return Shapes(planned)
    return Shapes(_evenly(draft, project, of.terms.contracts, as_of))


# As estimated


# Hours, cost and revenue by month, ascending.
_Months = Mapping[str, Sequence[int]]


def _estimated(draft: Draft, project: Project, of: Shaped, tracks: Tracks, first: str, as_of: date) -> Shapes | None:
    """None where nothing has any weight."""
    own = {name: basis for name, basis in of.forecast.bases.items() if basis.kind == ESTIMATE}
    if not own:
        return None
    stated = _stated(draft, project, of, own, as_of)
    left = {name: _left(stated[name], tracks, tracks.held[name]) for name in own}
    at_cost = all(map(_is_at_cost, own.values()))
    # Once all is done, what is charged later lies in the months as they were stated.
    whole = _shape(left.values(), first, at_cost=at_cost) or _shape(stated.values(), first, at_cost=at_cost)
    if whole is None:
        return None
    # One alone is the whole.
    several = own if len(own) > 1 else ()
    shapes = {name: _shape([left[name]], first, at_cost=_is_at_cost(own[name])) for name in several}
    return Shapes(whole, {name: shape for name, shape in shapes.items() if shape is not None})


def _stated(draft: Draft, project: Project, of: Shaped, own: Mapping[str, Basis], as_of: date) -> Mapping[str, _Months]:
    """What estimates say remains, by track; in the project's currency, if a rate is known."""
    key, into = ("shape", project.project_id), of.forecast.currency
    kept: tuple[object, Rates, Mapping[str, _Months]] | None = draft.memo.lines.get(key)
    if kept is None or kept[0] != own or (kept[1] and kept[1] != _rates(draft, of, kept[1], as_of)):
        events = {
            name: estimates_at(draft, project, of.terms.lines, frozenset([basis.log_offset]))
            for name, basis in own.items()
        }
        currencies = {event.currency or into for each in events.values() for event in each} - {into}
        rates = _rates(draft, of, currencies, as_of)
        stated = {name: _by_month(_remaining(of, each, rates)) for name, each in events.items()}
        kept = draft.memo.lines[key] = own, rates, stated
    return kept[2]


def _rates(draft: Draft, of: Shaped, currencies: Iterable[str], as_of: date) -> Rates:
    """Into the project's currency."""
    into = of.forecast.currency
    found = {own: rate_to(draft, of.policies, own, into, as_of) for own in currencies}
    return {own: rate for own, rate in found.items() if rate is not None}


def _remaining(of: Shaped, events: Iterable[EstimateRevised], rates: Rates) -> list[RemainingWork]:
    into, mode = of.forecast.currency, of.policies.money_mode
    found: list[RemainingWork] = []
    for event in events:
        rate = rates.get(event.currency or into, SAME_CURRENCY)
        for work in event.remaining if rate is not SAME_CURRENCY else ():
            revenue = exchanged(work.revenue, rate, into, mode) if work.revenue is not None else None
            found.append(work._replace(cost=exchanged(work.cost, rate, into, mode), revenue=revenue))
        found += event.remaining if rate is SAME_CURRENCY else ()
    return found


def _by_month(remaining: Iterable[RemainingWork]) -> _Months:
    found: dict[str, list[int]] = {}
    for work in sorted(remaining, key=attrgetter("month")):
        held = found.setdefault(work.month, [0, 0, 0])
        for place, weight in enumerate((work.hours, work.cost, work.revenue)):
            if weight is not None and weight > 0:
                held[place] += weight
    return found


def _left(stated: _Months, tracks: Tracks, held: TrackHeld) -> _Months:
    """Less what is done since, which its earliest months take."""
    now = held.track.now
    to_come = tracks.hours_of(held) - now[0], held.cost - now[1], held.wanted - now[2]
    found: list[Sequence[int]] = []
    for place, (name, rest) in enumerate(zip(("hours", "cost", "revenue"), to_come, strict=True)):
        weights = [each[place] for each in stated.values()]
        done = sum(weights) - called(rest, f"{name} to come")
        if done > 0:
            taken = taken_of(called(done, f"{name} done since"), weights, "done of it", "done of later months")
            weights = [called(weight - less, name) for weight, less in zip(weights, taken, strict=True)]
        found.append(weights)
    return dict(zip(stated, zip(*found, strict=True), strict=True))


def _is_at_cost(basis: Basis) -> bool:
    return basis.markup is not None and not basis.revenue_stated


def _shape(parts: Iterable[_Months], first: str, *, at_cost: bool) -> Shape | None:
    """From the month `first` on. None where nothing has any weight; `at_cost` where work is charged at what it costs."""
    last = f"{int(first[:4]) + MONTHS_MAX // 12 - 1:04d}{first[4:]}"
    weights: dict[str, list[int]] = {}
    for part in parts:
        for month, more in part.items():
            counts_in = min(max(month, first), last)
            here = more if month == counts_in else [moved(weight, counts_in) for weight in more]
            held = weights.setdefault(counts_in, [0, 0, 0])
            held[:] = map(add, held, here)
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


def as_planned(planned: PlannedWork) -> Shape | None:
    """None where nothing has any weight."""
    hours = [hours for _, hours in planned.months]
    return new_tuple(Shape, ([month for month, _ in planned.months], hours, hours, hours)) if any(hours) else None


# Evenly


def _evenly(draft: Draft, project: Project, contracts: Sequence[Contract], as_of: date) -> Shape:
    """Months alike, and of one that is not whole its days."""
    begin = max(as_of + ONE_DAY, _begin(project, contracts, draft.assignments(project.project_id)))
    end = _end(project, contracts)
    parts = evenly(begin, end if end > begin else month_end(begin), MONTHS_MAX)
    months, weights = [part.last.isoformat()[:7] for part in parts], [part.weight for part in parts]
    if draft.asked is not None and len(parts) > 1 and any(part.days < part.of for part in parts):
        titles = (f"{part.days} of {part.of} days of {month}" for month, part in zip(months, parts, strict=True))
        weights = [Recorded(constant(title, weight, "count")) for title, weight in zip(titles, weights, strict=True)]
    return Shape(months, weights, weights, weights)


def _begin(project: Project, contracts: Sequence[Contract], assignments: Sequence[ResourceAssigned]) -> date:
    """The day from which on there may be work: project, contract and somebody assigned have begun, as far as these are known."""
    begins = [
        [project.activated.starts_on] if project.activated is not None else [],
        [stored.terms.starts_on for contract in contracts for stored in contract.history],
        [assignment.starts_on for assignment in assignments],
    ]
    return max([min(days) for days in begins if days], default=date.min)


def _end(project: Project, contracts: Sequence[Contract]) -> date:
    """The day on which the project is to end, else its contract."""
    if project.activated is not None and project.activated.ends_on is not None:
        return project.activated.ends_on
    ends = [contract.terms.ends_on for contract in contracts]
    return max([end for end in ends if end is not None], default=date.min)
