"""What a forecast update says: figures in project, ledger and group currency, months, billings and cash.

What remains lies in the months of the estimate, else of the assignments' plan, else evenly up to the end of the
project or contract, not before project, contract and assignments begin. It begins on the day after `as_of`: what an
estimate has in months that are over counts in that day's. A month's work is billed at the end of the
billing period that holds its 15th, on request at its own end, and paid so many days later as the customer's terms
say. A statement is billed when its period ends.

Booked amounts are converted from their own currency into the project's and the group's, remaining revenue, backlog and
expected billings from the project's, all at the rate of `as_of`. In the ledger's currency burn is what was posted there;
only what remains is converted. Months sum to the whole: the cents that converting them one by one leaves are the last
booked month's.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.billing_periods import period_of
from domain.events.common import RemainingWork
from domain.forecast import (
    MONTHS_MAX,
    NOTHING,
    MonthSums,
    Standing,
    Tally,
    add_money,
    add_tally,
    added,
    expected_billings,
    figures,
    months_from,
    percent,
    settle_rest,
    spread,
    total_of,
)
from domain.money import convert, smallest_unit
from domain.outputs import BillingStatement, ForecastFigures
from domain.policies import Resolved
from domain.units import Amount, Percent
from state.books import Contract, Forecast, Project
from state.draft import Draft
from state.forecast.bases import ESTIMATE, Weighed, estimate_of
from state.forecast.outlook import ONE_DAY, in_currency, ledger_currency, project_contracts, rate_to, sum_of, tracks_in
from state.periods import open_period
from state.plan import LinePlan, bill_to_of, billing_cycle, contract_policies, terms_on
from state.rerate import line_ids

PAYMENT_TERMS_DAYS = 30
MID_MONTH = 15


class Shape(NamedTuple):
    """How what remains lies over the months: weights of hours, cost and revenue."""

    months: Sequence[str]
    hours: Sequence[int]
    cost: Sequence[int]
    revenue: Sequence[int]


# Month billed, month paid, amount in project currency.
Expected = tuple[str, str, Amount]


class Commercial(NamedTuple):
    """The contract's side, in project currency."""

    left_revenue: Amount
    backlog: Amount
    billed: Amount
    expected: list[Expected]
    budget_used: Percent | None


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
    posted = any(key.endswith(f"|{ledger}") for key in project.posted)
    in_ledger: ForecastFigures | None = made
    if ledger != currency or posted:
        in_ledger = _figures(draft, project, weighed, shape, commercial, ledger, as_of, posted=posted)
    if group == ledger:
        return Figures(made, in_ledger, in_ledger)
    in_group = made if group == currency else _figures(draft, project, weighed, shape, commercial, group, as_of)
    return Figures(made, in_ledger, in_group)


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
    forecast, progress, policies = weighed.forecast, weighed.outlook.progress, weighed.policies
    if currency != forecast.currency:
        converted = _converted(draft, policies, commercial, forecast.currency, currency, as_of)
        if converted is None:
            return None
        commercial = converted
    tracks = tracks_in(draft, project.project_id, policies, forecast.bases, progress, currency, as_of)
    months = _booked_months(draft, project, policies, currency, as_of, posted=posted)
    if tracks is None or months is None:
        return None
    now = NOTHING
    left_cost = 0
    for track in tracks:
        now = added(now, track.now)
        left_cost += max(track.floor[1] - track.now[1], 0)
    remaining = (weighed.completion.hours - now[0], left_cost, commercial.left_revenue)
    unbilled_backlog = now[2] + commercial.backlog - commercial.billed
    if posted:
        now = total_of(months)
    else:
        settle_rest(months, now)
    if not _add_statements(draft, months, forecast, policies, currency, as_of):
        return None
    for bills, pays, amount in commercial.expected:
        add_money(months, bills, amount, 0)
        add_money(months, pays, 0, amount)
    for month, tally in _remaining_months(shape, remaining, currency):
        add_tally(months, month, tally)
    standing = Standing(now, remaining, commercial.backlog, unbilled_backlog, commercial.budget_used)
    return figures(currency, standing, months)


def _converted(
    draft: Draft, policies: Resolved, commercial: Commercial, own: str, currency: str, as_of: date
) -> Commercial | None:
    rate = rate_to(draft, policies, own, currency, as_of)
    if rate is None:
        return None
    mode = policies.money_mode
    above, below = rate.numerator, rate.denominator
    left, backlog, billed, expected, used = commercial
    return Commercial(
        convert(left, above, below, currency, mode),
        convert(backlog, above, below, currency, mode),
        convert(billed, above, below, currency, mode),
        [(bills, pays, convert(amount, above, below, currency, mode)) for bills, pays, amount in expected],
        used,
    )


def _booked_months(
    draft: Draft, project: Project, policies: Resolved, currency: str, as_of: date, *, posted: bool
) -> MonthSums | None:
    """What is worked; None where a rate is missing."""
    months: MonthSums = {}
    for key, tally in project.months.items():
        month, own = key[:7], key[8:]
        known_ledger = NOTHING
        rest = tally
        if posted and own != currency:
            cost, cost_ledger, revenue, revenue_ledger = project.posted.get(f"{key}|{currency}", (0, 0, 0, 0))
            known_ledger = (0, cost_ledger, revenue_ledger)
            rest = (tally[0], tally[1] - cost, tally[2] - revenue)
        converted = rest if own == currency else in_currency(draft, policies, {own: rest}, currency, as_of)
        if converted is None:
            return None
        add_tally(months, month, added(converted, known_ledger))
    return months


def _add_statements(
    draft: Draft, months: MonthSums, forecast: Forecast, policies: Resolved, currency: str, as_of: date
) -> bool:
    """What statements billed, and when that is due; False where a rate is missing."""
    mode = policies.money_mode
    for place, issued in enumerate((forecast.billed, forecast.due)):
        for key, amount in issued.items():
            month, own = key[:7], key[8:]
            rate = rate_to(draft, policies, own, currency, as_of)
            if rate is None:
                return False
            money = amount if own == currency else convert(amount, rate.numerator, rate.denominator, currency, mode)
            add_money(months, month, 0 if place else money, money if place else 0)
    return True


def _remaining_months(shape: Shape, remaining: Tally, currency: str) -> Iterable[tuple[str, Tally]]:
    if not any(remaining):
        return ()
    step = smallest_unit(currency)
    hours = spread(remaining[0], shape.hours, 1)
    cost = spread(remaining[1], shape.cost, step)
    revenue = spread(remaining[2], shape.revenue, step)
    return zip(shape.months, zip(hours, cost, revenue, strict=True), strict=True)


# Where what remains lies


def shape_of(draft: Draft, project: Project, weighed: Weighed, as_of: date) -> Shape:
    first = (as_of + ONE_DAY).isoformat()[:7]
    offsets = frozenset(basis.log_offset for basis in weighed.forecast.bases.values() if basis.kind == ESTIMATE)
    if offsets:
        key = ("shape", project.project_id, first, offsets)
        if key not in draft.plans:
            draft.plans[key] = _shape(_to_come(draft, project, weighed.lines, offsets), first)
        found: Shape | None = draft.plans[key]
        if found is not None:
            return found
    planned = weighed.planned.months
    if planned and any(hours for _, hours in planned):
        hours = [hours for _, hours in planned]
        return Shape([month for month, _ in planned], hours, hours, hours)
    months = months_from(max(first, _begin(project, weighed.contracts)), _end(project, weighed.contracts))
    even = [1] * len(months)
    return Shape(months, even, even, even)


def _shape(to_come: Iterable[RemainingWork], first: str) -> Shape | None:
    """None where nothing has any weight."""
    last = f"{int(first[:4]) + MONTHS_MAX // 12 - 1:04d}{first[4:]}"
    weights: dict[str, list[int]] = {}
    for work in to_come:
        held = weights.setdefault(min(max(work.month, first), last), [0, 0, 0])
        held[0] += max(work.hours, 0)
        held[1] += max(work.cost, 0)
        held[2] += max(work.revenue or 0, 0)
    months = sorted(weights)
    by_hours, by_cost, by_revenue = ([weights[month][place] for month in months] for place in range(3))
    base = next((each for each in (by_hours, by_cost, by_revenue) if any(each)), None)
    if base is None:
        return None
    return Shape(months, base, by_cost if any(by_cost) else base, by_revenue if any(by_revenue) else base)


def _to_come(draft: Draft, project: Project, lines: Sequence[LinePlan], offsets: frozenset[int]) -> list[RemainingWork]:
    """What the estimates say that the figures rest on."""
    estimates = [estimate_of(draft, project.project_id, plan) for plan in (None, *lines)]
    return [
        work
        for estimate in estimates
        if estimate is not None and estimate.log_offset in offsets
        for work in estimate.event.remaining
    ]


def _begin(project: Project, contracts: Sequence[Contract]) -> str:
    """The month from which on there may be work: project, contract and somebody assigned have begun, as far as these are known."""
    begins = [
        [project.activated.starts_on] if project.activated is not None else [],
        [stored.terms.starts_on for contract in contracts for stored in contract.history],
        [assignment.starts_on for assignment in project.assignments],
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
    now = in_currency(draft, policies, sum_of(weighed.outlook.progress), currency, as_of)
    lines = _line_sums(draft, project.project_id, policies, currency, as_of)
    if now is None or lines is None:
        return None
    billed, accrued = lines
    left = completion.revenue - now[2]
    backlog = left if forecast.ceiling is None else max(forecast.ceiling - now[2], 0)
    expected = _expected(draft, project, weighed.contracts, shape, currency, accrued, left, as_of)
    return Commercial(left, backlog, billed, expected, _budget_used(draft, project, weighed, now[1], as_of))


def _line_sums(
    draft: Draft, project_id: str, policies: Resolved, currency: str, as_of: date
) -> tuple[Amount, Amount] | None:
    """What is issued of the project, and what is billable and not issued."""
    mode = policies.money_mode
    billed = accrued = 0
    for contract_id, line_id, own in lines_of(draft, project_id):
        totals = draft.line(contract_id, line_id)
        rate = rate_to(draft, policies, own, currency, as_of)
        if rate is None:
            return None
        billed += convert(totals.issued, rate.numerator, rate.denominator, currency, mode)
        accrued += convert(totals.billable - totals.issued, rate.numerator, rate.denominator, currency, mode)
    return billed, accrued


def lines_of(draft: Draft, project_id: str) -> tuple[tuple[str, str, str], ...]:
    """Contract, line and currency of every line that any version of a contract has on the project."""
    contracts = project_contracts(draft, project_id)
    key = ("lines of", project_id, *((one.contract_id, one.version, len(one.history)) for one in contracts))
    if key not in draft.plans:
        draft.plans[key] = tuple(
            (contract.contract_id, line_id, contract.terms.currency)
            for contract in contracts
            for line_id in line_ids(contract)
            if any(
                line.line_id == line_id and line.project_id == project_id
                for stored in contract.history
                for line in stored.terms.lines
            )
        )
    found: tuple[tuple[str, str, str], ...] = draft.plans[key]
    return found


def _expected(
    draft: Draft,
    project: Project,
    contracts: Sequence[Contract],
    shape: Shape,
    currency: str,
    accrued: Amount,
    left: Amount,
    as_of: date,
) -> list[Expected]:
    """Billings to come and their cash, by the calendar of the project's first contract."""
    if not contracts or not (accrued or left):
        return []
    contract = contracts[0]
    to_come: list[tuple[str, Amount]] = []
    if accrued:
        earned = [(key[:7], tally[2]) for key, tally in project.months.items() if tally[2] and key[8:] == currency]
        to_come = expected_billings(accrued, earned, oldest_open(draft, contract, as_of))
    if left:
        to_come += zip(shape.months, spread(left, shape.revenue, smallest_unit(currency)), strict=True)
    calendar = _calendar(draft, contract)
    found: list[Expected] = []
    for month, amount in to_come:
        known_months = calendar.get(month)
        if known_months is None:
            known_months = calendar[month] = billing_months(draft, contract, month)
        found.append((*known_months, amount))
    return found


def _calendar(draft: Draft, contract: Contract) -> dict[str, tuple[str, str]]:
    """What is worked out already of the months in which a service month's work is billed and paid."""
    key = ("billing months", contract.contract_id, contract.version, len(contract.history))
    found: dict[str, tuple[str, str]] = draft.plans.setdefault(key, {})
    return found


def oldest_open(draft: Draft, contract: Contract, as_of: date) -> str:
    """The month in which the oldest open billing period ends."""
    key = ("oldest open", contract.contract_id, contract.version, len(contract.history), contract.period_start)
    if key not in draft.plans:
        draft.plans[key] = open_period(draft, contract)
    period = draft.plans[key]
    last: date = period.to - ONE_DAY if period is not None else as_of
    return last.isoformat()[:7]


def billing_months(draft: Draft, contract: Contract, month: str) -> tuple[str, str]:
    billed = _billed_on(draft, contract, int(month[:4]), int(month[5:7]))
    return billed.isoformat()[:7], paid_on(draft, contract, billed).isoformat()[:7]


def _billed_on(draft: Draft, contract: Contract, year: int, month: int) -> date:
    day = date(year, month, MID_MONTH)
    terms = terms_on(contract, day)
    entity = draft.reference.entity(terms.legal_entity_id)
    if entity is not None:
        cycle = billing_cycle(terms, contract_policies(draft, contract, day))
        period = period_of(cycle, day, terms.starts_on, entity.fiscal_calendar)
        if period is not None:
            return period.to - ONE_DAY
    return date(year, month, monthrange(year, month)[1])


def paid_on(draft: Draft, contract: Contract, billed: date) -> date:
    customer = draft.reference.customer(bill_to_of(terms_on(contract, billed)))
    days = customer.payment_terms_days if customer is not None else None
    return billed + timedelta(days=PAYMENT_TERMS_DAYS if days is None else days)


def _budget_used(draft: Draft, project: Project, weighed: Weighed, cost: Amount, as_of: date) -> Percent | None:
    """Cost so far in per cent of the project's cost budget, else of its lines' budgets."""
    currency, policies = weighed.forecast.currency, weighed.policies
    budget = project.activated.budget if project.activated is not None else None
    if budget is not None and budget.cost is not None:
        ledger = ledger_currency(draft, weighed.forecast.legal_entity_id)
        stated = [(budget.cost, budget.currency or ledger or currency)]
    else:
        lines = weighed.lines
        stated = [(plan.line.cost_budget, plan.currency) for plan in lines if plan.line.cost_budget is not None]
    total = 0
    for amount, own in stated:
        rate = rate_to(draft, policies, own, currency, as_of)
        if rate is None:
            return None
        total += convert(amount, rate.numerator, rate.denominator, currency, policies.money_mode)
    return percent(cost, total)


# Statements


def months_of(draft: Draft, contract: Contract | None, to: date, currency: str) -> tuple[str, str]:
    """Keys of the months in which a statement of a period, `to` excluded, is billed and due."""
    billed = to - ONE_DAY
    paid = paid_on(draft, contract, billed) if contract is not None and contract.history else billed
    return f"{billed.isoformat()[:7]}|{currency}", f"{paid.isoformat()[:7]}|{currency}"


def statement_months(draft: Draft, statement: BillingStatement) -> dict[str, tuple[str, str, Amount]]:
    """For each project on a statement: keys of the months in which it is billed and due, and the amount."""
    bills, pays = months_of(draft, draft.contract(statement.contract_id), statement.to, statement.currency)
    found: dict[str, tuple[str, str, Amount]] = {}
    for line in statement.lines:
        _, _, had = found.get(line.project_id, (bills, pays, 0))
        found[line.project_id] = bills, pays, had + line.amount
    return found
