"""What a forecast update says: figures in project, ledger and group currency, months, billings and cash.

In which months what remains lies says `state/forecast/shapes.py`; where caps limit what hours earn, the earlier months take their room.
When it is billed and paid says `state/forecast/expected.py`.

Booked amounts are converted from their own currency into the project's and the group's, remaining revenue, backlog and
expected billings from the project's, all at the rate of `as_of`. In the ledger's currency burn is what was posted there;
only what remains is converted. Months sum to the whole: the cents that converting them one by one leaves are the last
booked month's. What is left of lines' own prices has months of its own (`state/forecast/prices.py`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain
from typing import NamedTuple

from domain.figure import at_least, called, exchanged, spread
from domain.forecast.completion import (
    BILLINGS,
    CASH,
    CompletionBasis,
    MonthSums,
    Tally,
    add_tallies,
    added,
    backlog_of,
    figures,
    percent,
    settle_rest,
    total_of,
    unbilled,
)
from domain.forecast.exhaustion import taken_of
from domain.money import smallest_unit
from domain.outputs import ForecastFigures
from domain.policies import Resolved
from domain.reference.exchange import SAME_CURRENCY
from domain.tuples import new_tuple
from domain.units import Amount, Percent
from state.billing.deposits import left_of_deposit
from state.books import Forecast, Project
from state.charges import rebates
from state.charges.terms_known import last_day
from state.draft import Draft
from state.forecast.accrued import accrued_on, uninvoiced
from state.forecast.ahead import ahead_of, rebates_counted, spent_by_now
from state.forecast.bases import Weighed
from state.forecast.capped import billed_within_caps
from state.forecast.expected import BillDays, ExpectedBill, expected_fees, expected_work
from state.forecast.kept_back import deposits_to_come, is_deposit, kept_back
from state.forecast.outlook import ProjectTerms, is_closed, keeps_back, ledger_currency
from state.forecast.payers import by_payer, owed_alone, within_orders
from state.forecast.prices import earned_in, in_months, to_charge
from state.forecast.room import CapsAsked, WorkAhead
from state.forecast.shapes import Shape, Shaped, shapes_of
from state.forecast.tracks import Tracks, left_to_earn, rate_to, tracks_of
from state.totals import in_project, month_of


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
    posted = any(any(had) for key, had in project.posted.items() if key.endswith(in_books))
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
    hours, cost = weighed.completion.hours - now[0], tracks.heading(None)[0] - now[1]
    remaining = called(hours, "hours to come"), called(cost, "cost to come"), commercial.left_revenue
    unbilled_backlog = unbilled(now[2], commercial.backlog, commercial.billed)
    if posted:
        now = total_of(months)
    else:
        settle_rest(months, now)
    months.all_done()
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


def shape_of(draft: Draft, project: Project, weighed: Weighed, as_of: date) -> Shape:
    """Of several estimates each has the months of what its own line will earn; where caps limit that, of what they allow."""
    of = Shaped(weighed.forecast, weighed.terms, weighed.policies, weighed.planned)
    shapes, weights = shapes_of(draft, project, of, weighed.tracks, as_of), Counter[str]()
    whole = shapes.whole
    if weighed.by_month:
        for by_month in weighed.by_month.values():
            weights.update(by_month)
    elif len(shapes.tracks) > 1:
        for name, own in shapes.tracks.items():
            parts = spread(weighed.tracks.held[name].to_come, own.revenue, 1)
            weights.update(dict(zip(own.months, parts, strict=True)))
    else:
        return whole
    revenue = [called(weights[month], f"of {month}") for month in whole.months]
    return whole._replace(revenue=revenue) if any(revenue) else whole


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
    billed_of_hours = _billed_of_hours(draft, project, weighed, list(zip(shape.months, by_hours, strict=True)), as_of)
    if billed_of_hours is None:
        return None
    alone = owed_alone(draft, project.project_id, contracts, policies, currency, as_of)
    expected += alone
    for contract in contracts:
        to_come = billed_of_hours if contract is contracts[0] else ()
        due = accrued.get(contract.contract_id, {})
        for bill in (bill for bill in alone if bill.contract_id == contract.contract_id):
            days = bill.billed, bill.day
            due[days] = called(due.get(days, 0) - bill.amount, "accrued of all payers")
        expected += expected_work(draft, contract, currency, due, to_come, as_of)
    if weighed.terms.limits_billing:
        expected = within_orders(draft, weighed.terms, policies, expected, currency, as_of)
    if weighed.terms.is_funded:
        expected = by_payer(draft, weighed.terms.contracts, expected)
    beside = _beside(draft, project, weighed, expected, as_of) if weighed.terms.keeps_back else []
    if beside is None:
        return None
    used = _budget_used(draft, project, weighed, now[1], as_of)
    bills = [(bill.month, bill.paid, bill.amount) for bill in expected]
    return new_tuple(Commercial, (left, by_hours, weights, ahead.earned, backlog, billed, bills, used, beside))


def _billed_of_hours(
    draft: Draft, project: Project, weighed: Weighed, earned: Sequence[tuple[str, Amount]], as_of: date
) -> Sequence[tuple[str, Amount]] | None:
    """None where an exchange rate is missing."""
    if not weighed.terms.limits_billing:
        return earned
    forecast = weighed.forecast
    of = Shaped(forecast, weighed.terms, weighed.policies, weighed.planned)
    ahead = WorkAhead(project.project_id, forecast, weighed.outlook.progress, forecast.planned_rate)
    asked = CapsAsked(ahead, weighed.policies, as_of, billing=True)
    return billed_within_caps(draft, of, asked, weighed.tracks, earned, weighed.by_month)


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
        if contract is None:
            continue
        rate = rate_to(draft, policies, line.currency, currency, as_of)
        if rate is None:
            return None
        left, waiting = uninvoiced(draft, line)
        found.earned.extend(in_months(waiting, left, rate, currency, policies.money_mode))
        if line.total is None:
            continue
        ahead = ahead_of(draft, contract, line.line_id, as_of)
        charged = spent_by_now(ahead.fees, as_of) if is_closed(project, as_of) else ahead.fees
        fees = to_charge(draft, line, charged, as_of)
        billed = expected_fees(draft, contract, line.line_id, fees, policies, currency, as_of)
        if billed is None:
            return None
        totals, step = draft.line(line.contract_id, line.line_id), smallest_unit(currency)
        left = left_to_earn(draft, line, line.total, totals.by_terms)
        if is_deposit(draft, line.contract_id, line.line_id):
            months = [(month_of(last_day(contract) or as_of), left)] if left else []
        else:
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
) -> tuple[Amount, dict[str, dict[BillDays, Amount]]] | None:
    """What is issued of the project less what was conceded of it, rebates that memos gave, and what deposits paid, and by contract what is
    billable and not issued, by the days of its bills, deposits left out."""
    mode, billed, accrued = policies.money_mode, 0, dict[str, dict[BillDays, Amount]]()
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
        contract = draft.contract_in_books(contract_id)
        of_deposit = of.keeps_back and is_deposit(draft, contract_id, line_id)
        on_bills = left_of_deposit(draft, contract, line_id) if of_deposit and not line.elsewhere else totals.issued
        if stays := on_bills - totals.conceded - given:
            billed += exchanged(called(stays, "billed"), rate, currency, mode)
        if due and not of_deposit:
            of_contract = accrued.setdefault(contract_id, {})
            by_day = accrued_on(draft, contract, line_id, project_id, due, as_of).items()
            for days, amount in in_months(by_day, due, rate, currency, mode) if rate is not SAME_CURRENCY else by_day:
                of_contract[days] = of_contract.get(days, 0) + amount
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
