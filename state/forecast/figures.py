"""What a forecast update says: figures in project, ledger and group currency, months, billings and cash.

What remains lies in the months of the estimate, else of the assignments' plan, else evenly up to the end of the
project or contract, not before project, contract and assignments begin. It begins on the day after `as_of`: what an
estimate has in months that are over counts in that day's. Hours that are charged at what they cost earn where the cost lies, and each of
several lines in the months of its own estimate; where caps limit what hours earn, the earlier months take their room. When it is billed
and paid says `state/forecast/expected.py`.

Booked amounts are converted from their own currency into the project's and the group's, remaining revenue, backlog and
expected billings from the project's, all at the rate of `as_of`. In the ledger's currency burn is what was posted there;
only what remains is converted. Months sum to the whole: the cents that converting them one by one leaves are the last
booked month's. What is left of lines' own prices has months of its own (`state/forecast/prices.py`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import NamedTuple

from domain.events.common import RemainingWork
from domain.events.delivery import EstimateRevised, ResourceAssigned
from domain.figure import at_least, called, exchanged, moved, spread
from domain.forecast.completion import (
    BILLINGS,
    CASH,
    MONTHS_MAX,
    CompletionBasis,
    MonthSums,
    Tally,
    add_tallies,
    added,
    backlog_of,
    figures,
    months_from,
    percent,
    settle_rest,
    total_of,
    unbilled,
)
from domain.forecast.exhaustion import taken_of
from domain.money import smallest_unit
from domain.outputs import ForecastFigures
from domain.policies import Resolved
from domain.reference.exchange import SAME_CURRENCY, Exchange
from domain.tuples import new_tuple
from domain.units import Amount, Percent
from state.books import Basis, Contract, Forecast, Project
from state.charges import rebates
from state.draft import Draft
from state.forecast.accrued import accrued_on
from state.forecast.ahead import rebates_counted
from state.forecast.bases import ESTIMATE, Weighed, estimate_of
from state.forecast.expected import ExpectedBill, expected_fees, expected_work
from state.forecast.funded import by_payer
from state.forecast.kept_back import deposits_to_come, is_deposit, kept_back
from state.forecast.outlook import ProjectTerms, is_closed, keeps_back, ledger_currency
from state.forecast.owed_alone import owed_alone
from state.forecast.planned import PlannedWork, first_month
from state.forecast.prices import ahead_of_line, earned_in, in_months, to_charge
from state.forecast.tracks import TrackHeld, Tracks, left_to_earn, rate_to, tracks_of
from state.terms.plan import LinePlan
from state.totals import in_project


class Shape(NamedTuple):
    """How what remains lies over the months: weights of hours, cost and revenue."""

    months: Sequence[str]
    hours: Sequence[int]
    cost: Sequence[int]
    revenue: Sequence[int]


class Commercial(NamedTuple):
    """The contract's side, in project currency. Of the revenue to come `by_hours` is what hours will earn, by month of the shape as the
    `weights` say, and `prices` what is left of lines' own prices, by month. `expected` has the months in which bills to come are billed
    and paid, `beside` by month what is paid beside what is billed: less what is withheld and deposits pay, more what is released."""

    left_revenue: Amount
    by_hours: Sequence[Amount]
    weights: Sequence[int]
    prices: list[tuple[str, Amount]]
    backlog: Amount
    billed: Amount
    expected: list[tuple[str, str, Amount]]
    budget_used: Percent | None
    beside: list[tuple[str, Amount]]


class Figures(NamedTuple):
    """One object where currencies are the same."""

    project: ForecastFigures
    ledger: ForecastFigures | None
    group: ForecastFigures | None


def figures_of(draft: Draft, project: Project, weighed: Weighed, shape: Shape, as_of: date) -> Figures | None:
    """None where an exchange rate into the project's currency is missing."""
    forecast = weighed.forecast
    currency = forecast.currency
    commercial = _commercial(draft, project, weighed, shape, as_of)
    if commercial is None:
        return None
    made = _figures(draft, project, weighed, shape, commercial, currency, as_of)
    if made is None:
        return None
    ledger = ledger_currency(draft, forecast.legal_entity_id) or currency
    group = weighed.policies.group_currency or ledger
    in_books = f"|{ledger}"
    posted = any(key.endswith(in_books) for key in project.posted)
    in_ledger: ForecastFigures | None = made
    if ledger != currency or posted:
        in_ledger = _figures(draft, project, weighed, shape, commercial, ledger, as_of, posted=posted)
    if group == ledger:
        return new_tuple(Figures, (made, in_ledger, in_ledger))
    in_group = made if group == currency else _figures(draft, project, weighed, shape, commercial, group, as_of)
    return new_tuple(Figures, (made, in_ledger, in_group))


def _figures(
    draft: Draft,
    project: Project,
    weighed: Weighed,
    shape: Shape,
    commercial: Commercial,
    currency: str,
    as_of: date,
    *,
    posted: bool = False,
) -> ForecastFigures | None:
    """With `posted` burn is what was posted in the ledger, else it is converted; None where a rate is missing."""
    forecast, policies, tracks = weighed.forecast, weighed.policies, weighed.tracks
    if currency != forecast.currency:
        converted = _converted(draft, policies, commercial, forecast.currency, currency, as_of)
        found = tracks_of(draft, weighed.terms.tracks, policies, forecast, weighed.outlook.progress, currency, as_of)
        if converted is None or found is None:
            return None
        commercial, tracks = converted, found
    months = _booked_months(draft, project, tracks, posted=posted)
    if months is None:
        return None
    now = tracks.booked
    hours, cost = weighed.completion.hours - now[0], tracks.cost - now[1]
    remaining = called(hours, "hours to come"), called(cost, "cost to come"), commercial.left_revenue
    unbilled_backlog = unbilled(now[2], commercial.backlog, commercial.billed)
    if posted:
        now = total_of(months)
    else:
        settle_rest(months, now)
    if not _add_statements(draft, months, forecast, policies, currency, as_of):
        return None
    for month, paid, amount in commercial.expected:
        months[month][BILLINGS] += amount
        months[paid][CASH] += amount
    for paid, amount in commercial.beside:
        months[paid][CASH] += amount
    if any(remaining):
        add_tallies(months, remaining_months(shape, remaining, commercial, currency))
    if posted or currency != forecast.currency:
        whole = added(now, remaining)
    else:
        whole = weighed.completion.hours, weighed.completion.cost, weighed.completion.revenue
    standing = (now, remaining, whole, commercial.backlog, unbilled_backlog, commercial.budget_used)
    return figures(currency, new_tuple(CompletionBasis, standing), months)


def _converted(
    draft: Draft, policies: Resolved, commercial: Commercial, own: str, currency: str, as_of: date
) -> Commercial | None:
    rate = rate_to(draft, policies, own, currency, as_of)
    if rate is None:
        return None
    left, _, weights, prices, backlog, billed, expected, used, beside = commercial

    def here(amount: Amount) -> Amount:
        return exchanged(amount, rate, currency, policies.money_mode)

    left, prices = here(left), [(month, here(amount)) for month, amount in prices]
    return Commercial(
        left,
        _by_hours(left, prices, weights, currency),
        weights,
        prices,
        here(backlog),
        here(billed),
        [(billed, paid, here(amount)) for billed, paid, amount in expected],
        used,
        [(month, here(amount)) for month, amount in beside],
    )


def _by_hours(
    left: Amount, prices: Sequence[tuple[str, Amount]], weights: Sequence[int], currency: str
) -> Sequence[Amount]:
    """What hours will earn of the revenue to come, by month of the shape."""
    by_hours = called(left - sum([amount for _, amount in prices]), "what hours will earn")
    return spread(by_hours, weights, smallest_unit(currency))


def _weights(weighed: Weighed, shape: Shape) -> Sequence[int]:
    """Of months, for what hours will earn; where caps limit it work takes their room in the order of its months."""
    made, earned = weighed.completion, weighed.tracks.booked[2]
    if made.wanted <= made.revenue:
        return shape.revenue
    wanted = called(made.wanted - made.prices - earned, "to come, before caps")
    room = called(made.revenue - made.prices - earned, "room of the caps")
    by_month = taken_of(room, spread(wanted, shape.revenue, smallest_unit(weighed.forecast.currency)))
    return by_month if any(by_month) else shape.revenue


def _booked_months(draft: Draft, project: Project, tracks: Tracks, *, posted: bool) -> MonthSums | None:
    """What is worked; None where a rate is missing."""
    currency, months = tracks.currency, MonthSums()
    for key, tally in project.months.items():
        hours, cost, revenue = tally
        if (own := key[8:]) != currency:
            if posted:
                had, _, earned, _ = project.posted.get(f"{key}|{currency}", (0, 0, 0, 0))
                cost, revenue = cost - had, revenue - earned
            converted = tracks.converted(draft, {own: (hours, cost, revenue)})
            if converted is None:
                return None
            hours, cost, revenue = converted
        held = months[key[:7]]
        held[0] += hours
        held[1] += cost
        held[2] += revenue
    for key, (_, cost_ledger, _, revenue_ledger) in project.posted.items() if posted else ():
        if key.endswith(f"|{currency}"):
            held = months[key[:7]]
            held[1] += cost_ledger
            held[2] += revenue_ledger
    return months


def _add_statements(
    draft: Draft, months: MonthSums, forecast: Forecast, policies: Resolved, currency: str, as_of: date
) -> bool:
    """What statements billed, and when that is due; False where a rate is missing."""
    for place, issued in ((BILLINGS, forecast.billed), (CASH, forecast.due)):
        for key, amount in issued.items():
            money, own = amount, key[8:]
            if own != currency:
                rate = rate_to(draft, policies, own, currency, as_of)
                if rate is None:
                    return False
                money = exchanged(amount, rate, currency, policies.money_mode)
            months[key[:7]][place] += money
    return True


def remaining_months(
    shape: Shape, remaining: Tally, commercial: Commercial, currency: str
) -> Iterable[tuple[str, Tally]]:
    """What is left of prices in its own months, the rest where the hours are."""
    hours = spread(remaining[0], shape.hours, 1)
    cost = spread(remaining[1], shape.cost, smallest_unit(currency))
    found = zip(shape.months, zip(hours, cost, commercial.by_hours, strict=True), strict=True)
    return chain(found, [(month, (0, 0, amount)) for month, amount in commercial.prices])


# Where what remains lies


def estimated_at(forecast: Forecast) -> frozenset[int]:
    """Places in the log of the estimates that its figures rest on."""
    return frozenset([basis.log_offset for basis in forecast.bases.values() if basis.kind == ESTIMATE])


def shape_of(draft: Draft, project: Project, weighed: Weighed, as_of: date) -> Shape:
    first, of = first_month(as_of), weighed.terms
    found = _as_lines_have_it(weighed, _estimated(draft, project, weighed, first, as_of))
    if found is not None:
        return found
    if (found := as_planned(weighed.planned)) is not None:
        return found
    begins = _begin(project, of.contracts, draft.assignments(project.project_id))
    months = months_from(max(first, begins), _end(project, of.contracts))
    even = [1] * len(months)
    return Shape(months, even, even, even)


Rates = Mapping[str, Exchange]


class EstimatedShapes(NamedTuple):
    """How what estimates say lies over the months, in all and, where there are several, by the track of each."""

    whole: Shape
    tracks: Mapping[str, Shape]


def _estimated(draft: Draft, project: Project, weighed: Weighed, first: str, as_of: date) -> EstimatedShapes | None:
    """None where nothing has any weight."""
    own = {name: basis for name, basis in weighed.forecast.bases.items() if basis.kind == ESTIMATE}
    if not own:
        return None
    key = ("shape", project.project_id)
    kept: tuple[object, Rates, EstimatedShapes | None] | None = draft.memo.plans.get(key)
    if kept is None or kept[0] != (first, own) or (kept[1] and kept[1] != _rates(draft, weighed, kept[1], as_of)):
        events = estimates_at(draft, project, weighed.terms.lines, estimated_at(weighed.forecast))
        currencies = {event.currency or weighed.forecast.currency for event in events}
        rates = _rates(draft, weighed, currencies, as_of) if len(currencies) > 1 else {}
        found = {}
        # One alone is the whole.
        for name, basis in own.items() if len(own) > 1 else ():
            of = estimates_at(draft, project, weighed.terms.lines, frozenset([basis.log_offset]))
            of_track = as_estimated(_remaining(weighed, of, {}), first, at_cost=_is_at_cost(basis))
            if of_track is not None:
                found[name] = of_track
        at_cost = all(map(_is_at_cost, own.values()))
        whole = as_estimated(_remaining(weighed, events, rates), first, at_cost=at_cost)
        kept = draft.memo.plans[key] = (first, own), rates, EstimatedShapes(whole, found) if whole is not None else None
    return kept[2]


def _rates(draft: Draft, weighed: Weighed, currencies: Iterable[str], as_of: date) -> Rates:
    """Into the project's currency."""
    into = weighed.forecast.currency
    found = {own: rate_to(draft, weighed.policies, own, into, as_of) for own in currencies}
    return {own: rate for own, rate in found.items() if rate is not None}


def _remaining(weighed: Weighed, events: Iterable[EstimateRevised], rates: Rates) -> list[RemainingWork]:
    """What they say remains; what is in several currencies weighs by what it is worth in the project's."""
    into, mode = weighed.forecast.currency, weighed.policies.money_mode
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


def _as_lines_have_it(weighed: Weighed, estimated: EstimatedShapes | None) -> Shape | None:
    """Of several estimates each has the months of what its own line will earn; where caps of the line limit that, the earlier ones."""
    if estimated is None:
        return None
    whole, weights = estimated.whole, Counter[str]()
    tracks = estimated.tracks if len(estimated.tracks) > 1 else _limited_alone(weighed, whole)
    for name, own in tracks.items():
        held = weighed.tracks.held[name]
        wanted, to_come = _to_come(held, held.wanted), _to_come(held, held.revenue)
        parts = spread(wanted, own.revenue, 1)
        for month, part in zip(own.months, taken_of(to_come, parts) if to_come < wanted else parts, strict=True):
            weights[month] += part
    revenue = [called(weights[month], f"of {month}") for month in whole.months]
    return whole._replace(revenue=revenue) if any(revenue) else whole


def _limited_alone(weighed: Weighed, whole: Shape) -> dict[str, Shape]:
    """The only track with anything to earn, where caps of its line limit that."""
    found = {name: held for name, held in weighed.tracks.held.items() if _to_come(held, held.wanted)}
    return {name: whole for name, held in found.items() if len(found) == 1 and held.revenue < held.wanted}


def _to_come(held: TrackHeld, revenue: Amount) -> Amount:
    """Of its revenue at completion what is neither earned nor left of prices."""
    left = held.track.earning.left if held.track.earning is not None else 0
    return at_least(called(revenue - held.track.now[2] - left, "revenue to come"), 0, "revenue to come")


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


def remaining_work(
    draft: Draft, project: Project, lines: Sequence[LinePlan], offsets: frozenset[int]
) -> list[RemainingWork]:
    """What the estimates say that the figures rest on."""
    return [work for event in estimates_at(draft, project, lines, offsets) for work in event.remaining]


def estimates_at(
    draft: Draft, project: Project, lines: Sequence[LinePlan], offsets: frozenset[int]
) -> list[EstimateRevised]:
    """Those with a place in the log among these."""
    found = [estimate_of(draft, project.project_id, plan) for plan in (None, *lines)]
    return [one.event for one in found if one is not None and one.log_offset in offsets]


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


# The contract's side


def _commercial(draft: Draft, project: Project, weighed: Weighed, shape: Shape, as_of: date) -> Commercial | None:
    """None where an exchange rate is missing."""
    forecast, policies, completion = weighed.forecast, weighed.policies, weighed.completion
    currency = forecast.currency
    lines = _line_sums(draft, project.project_id, weighed.terms, policies, currency, as_of)
    if lines is None:
        return None
    now = weighed.tracks.booked
    billed, accrued = lines
    left = called(completion.revenue - now[2], "revenue to come")
    backlog = backlog_of(left, forecast.ceiling, now[2])
    ahead = _prices_ahead(draft, project, weighed, shape, as_of)
    if ahead is None:
        return None
    weights = _weights(weighed, shape)
    by_hours = _by_hours(left, ahead.earned, weights, currency)
    expected = ahead.expected
    contracts = weighed.terms.contracts
    alone = owed_alone(draft, project.project_id, contracts, policies, currency, as_of)
    expected += alone
    for contract in contracts:
        to_come = zip(shape.months, by_hours, strict=True) if contract is contracts[0] else ()
        due = accrued.get(contract.contract_id, {})
        for bill in (bill for bill in alone if bill.contract_id == contract.contract_id):
            due[bill.billed] = called(due.get(bill.billed, 0) - bill.amount, "accrued of all payers")
        expected += expected_work(draft, contract, currency, due, to_come, as_of)
    if weighed.terms.is_funded:
        expected = by_payer(draft, weighed.terms.contracts, expected)
    beside = _beside(draft, project, weighed, expected, as_of) if weighed.terms.keeps_back else []
    if beside is None:
        return None
    used = _budget_used(draft, project, weighed, now[1], as_of)
    bills = [(bill.month, bill.paid, bill.amount) for bill in expected]
    return new_tuple(Commercial, (left, by_hours, weights, ahead.earned, backlog, billed, bills, used, beside))


def _beside(
    draft: Draft, project: Project, weighed: Weighed, expected: list[ExpectedBill], as_of: date
) -> list[tuple[str, Amount]] | None:
    """Deposits to come join what is expected; None where an exchange rate is missing."""
    found: list[tuple[str, Amount]] = []
    currency = weighed.forecast.currency
    for contract in weighed.terms.contracts:
        if not keeps_back(contract):
            continue
        rate = rate_to(draft, weighed.policies, contract.terms.currency, currency, as_of)
        if rate is None:
            return None
        expected += deposits_to_come(draft, project, contract, rate, currency, as_of)
        own = [bill for bill in expected if bill.contract_id == contract.contract_id]
        kept = kept_back(draft, project, contract, own, rate, currency, as_of)
        found += [(one.paid, one.cash) for one in kept if one.cash]
    return found


class _Ahead(NamedTuple):
    """What is left of lines' own prices, as far as its days are known: when it is earned, and when it is billed and paid."""

    earned: list[tuple[str, Amount]]
    expected: list[ExpectedBill]


def _prices_ahead(draft: Draft, project: Project, weighed: Weighed, shape: Shape, as_of: date) -> _Ahead | None:
    """None where an exchange rate is missing."""
    found = new_tuple(_Ahead, ([], []))
    if not weighed.forecast.earning:
        return found
    currency, policies = weighed.forecast.currency, weighed.policies
    by_shape = list(zip(shape.months, shape.revenue, strict=True))
    for line in weighed.forecast.earning:
        contract = draft.contract(line.contract_id)
        if line.total is None or contract is None:
            continue
        ahead = ahead_of_line(draft, line, as_of)
        fees = to_charge(draft, line, ahead, as_of) if not is_closed(project, as_of) else []
        rate = rate_to(draft, policies, line.currency, currency, as_of)
        billed = expected_fees(draft, contract, line.line_id, fees, policies, currency, as_of)
        if rate is None or billed is None:
            return None
        totals, step = draft.line(line.contract_id, line.line_id), smallest_unit(currency)
        left = left_to_earn(draft, line, line.total, totals.by_terms)
        months = earned_in(draft, line, ahead, fees, left, as_of) if ahead.fees else by_shape if left else []
        parts = in_months(months, left, rate, currency, policies.money_mode)
        found.earned.extend((month, part) for month, part in parts if part)
        found.expected.extend(billed)
        if not ahead.fees:
            agreed = at_least(called(line.total - totals.billable, "agreed and not delivered"), 0, "to deliver")
            rows = exchanged(agreed, rate, currency, policies.money_mode)
            lies = zip(shape.months, spread(rows, shape.revenue, step), strict=True)
            found.expected.extend(expected_work(draft, contract, currency, {}, lies, as_of))
    return found


def _line_sums(
    draft: Draft, project_id: str, of: ProjectTerms, policies: Resolved, currency: str, as_of: date
) -> tuple[Amount, dict[str, dict[date, Amount]]] | None:
    """What is issued of the project less what was conceded of it and rebates that memos gave, and by contract what is billable and not
    issued, by the days on which it is billed, deposits left out."""
    mode, billed, accrued = policies.money_mode, 0, dict[str, dict[date, Amount]]()
    has_rebates = draft.has(rebates.KIND)
    for contract_id, line_id, own in of.ever:
        line = draft.line(contract_id, line_id)
        totals = in_project(line, project_id)
        rate = SAME_CURRENCY if own == currency else rate_to(draft, policies, own, currency, as_of)
        if rate is None:
            return None
        due = called(totals.billable - totals.issued, "accrued")
        is_given = has_rebates and line.project_id == project_id
        given = rebates_counted(draft, contract_id, line_id, as_of) if is_given else 0
        if stays := totals.issued - totals.conceded - given:
            billed += exchanged(called(stays, "billed"), rate, currency, mode)
        if due and not (of.keeps_back and is_deposit(draft, contract_id, line_id)):
            contract = draft.contract(contract_id)
            assert contract is not None, "the line is of a contract in the books"
            of_contract = accrued.setdefault(contract_id, {})
            by_day = accrued_on(draft, contract, line_id, project_id, due, as_of).items()
            for day, amount in in_months(by_day, due, rate, currency, mode) if rate is not SAME_CURRENCY else by_day:
                of_contract[day] = of_contract.get(day, 0) + amount
    return billed, accrued


def _budget_used(draft: Draft, project: Project, weighed: Weighed, cost: Amount, as_of: date) -> Percent | None:
    """Cost so far in per cent of the project's cost budget, else of its lines' budgets."""
    currency, policies = weighed.forecast.currency, weighed.policies
    budget = project.activated.budget if project.activated is not None else None
    if budget is not None and budget.cost is not None:
        ledger = ledger_currency(draft, weighed.forecast.legal_entity_id)
        stated = [(budget.cost, budget.currency or ledger or currency)]
    else:
        lines = weighed.terms.lines
        stated = [(plan.line.cost_budget, plan.currency) for plan in lines if plan.line.cost_budget is not None]
    total = 0
    for amount, own in stated:
        rate = rate_to(draft, policies, own, currency, as_of)
        if rate is None:
            return None
        total += exchanged(amount, rate, currency, policies.money_mode)
    return percent(cost, called(total, "budget of cost"))
