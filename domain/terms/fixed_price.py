"""A fixed price: billed on the days of its schedule, or as the work goes on.

Work on the line costs and is not charged by itself; the price is for it. Progress is what somebody reported, or, where the line has
budgets by category, what was spent of them when a billing period closed. It is billed cumulatively (R12): the price times the progress,
less what was charged before, so that the cents of many reports add up to the price, also where the price changed between them.

    100,000.00, of which 15 % are reported: 15,000.00; then 40 %: 25,000.00 more

A schedule is the newest terms' own: from their first day on it charges what it says less what is charged already. What was charged stays,
as long as it is no more than the price.

    two instalments of 1,000.00, of which the first is charged; then 2,000.00 on 03-31: 1,000.00 more on 03-31

Revenue comes with the invoices; or, whatever is billed when, evenly over the days from the line's first to the contract's last, as the work
is reported or spent, or once all of it is done.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, FixedPrice
from domain.figure import called, lesser
from domain.money import format_amount, format_decimal
from domain.policy_faults import Fault, price_faults
from domain.revenue.method import Reported
from domain.revenue.methods import OF_A_PRICE
from domain.terms import spoken
from domain.terms.kind import (
    OVER_TIME,
    WITH_INVOICE,
    Closed,
    ExpectedHistory,
    Fee,
    Kind,
    LineHistory,
    TermsInForce,
    due_of,
)
from domain.terms.work_ahead import last_day_ahead, with_work_ahead
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount

DAY = timedelta(days=1)


def fees(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Fee]:
    terms = agreed.line.terms
    assert isinstance(terms, FixedPrice), "the kind of the terms chose this module"
    if not terms.by_progress:
        yield from _scheduled(agreed, terms, until)
    elif agreed.line.budgets:
        yield from _spent(agreed, known, until)
    else:
        yield from _reported(agreed, terms, known, until)


def _scheduled(agreed: TermsInForce, terms: FixedPrice, until: date) -> Iterator[Fee]:
    """Instalments of one day are one, and so are those before the first day of the terms; on it, more than the price is given back."""
    placed = sorted(terms.schedule, key=lambda instalment: instalment.on)
    due: dict[date, tuple[Amount, str]] = {}
    if agreed.since > date.min:
        due[agreed.since] = 0, spoken.said("price_lowered")
    charged: Amount = 0
    days = sorted({instalment.on for instalment in placed})
    for instalment in placed:
        charged += instalment.amount
        place = days.index(instalment.on) + 1
        due[max(instalment.on, agreed.since)] = charged, spoken.said("instalment", place=place, number=len(days))
    for day, (amount, said) in sorted(due.items()):
        if day <= until:
            yield Fee(f"instalment/{day}", day, called(amount, said), said, cumulative=True, keeps=terms.price)


def _reported(agreed: TermsInForce, terms: FixedPrice, known: LineHistory, until: date) -> Iterator[Fee]:
    """What was reported of days before the terms, on their first. A report counts no more where a higher version is of an earlier day, and
    of one before the terms."""
    for report in known.reported:
        day, earlier = max(report.as_of, agreed.since), min(report.as_of, agreed.since)
        is_over = any(other.version > report.version and other.as_of < earlier for other in known.reported)
        if day <= until and not is_over:
            said = spoken.said("progress", percent=format_decimal(report.percent, PERCENT_SCALE))
            due = agreed.part_of(terms.price, report.percent, HUNDRED_PERCENT, said)
            yield Fee(f"progress/{report.version}", day, due, said, cumulative=True)


def _spent(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Fee]:
    """Of each category's budget as much is charged as of its cost budget is spent, never more than all."""
    for period in known.closed:
        due = 0
        for budget in agreed.line.budgets:
            used = lesser(period.cost.get(budget.category, 0), budget.cost, "spent, at most")
            due += agreed.part_of(budget.revenue, used, budget.cost, budget.category) if budget.cost else 0
        if period.last <= until:
            said = spoken.said("progress_by_cost")
            due = called(due, said)
            yield Fee(f"spent/{period.start}", period.last, due, said, cumulative=True, since=period.start)


def foresees(agreed: TermsInForce, known: LineHistory, day: date) -> ExpectedHistory:
    """All of the work is done on the line's last day; what an estimate or a budget expects is spent month by month. Of a line that ended
    early no more is done."""
    if not agreed.is_over_early(day):
        known = _done(agreed, known, last_day_ahead(agreed, day))
    return ExpectedHistory(with_work_ahead(agreed, known, day), date.max)


def _done(agreed: TermsInForce, known: LineHistory, last: date) -> LineHistory:
    """All of it is reported, or what the budgets say is spent."""
    if by_period(agreed.line):
        cost = {budget.category: budget.cost for budget in agreed.line.budgets}
        return known._replace(closed=(*known.closed, Closed(last, last + DAY, cost)))
    version = known.reported[-1].version + 1 if known.reported else 1
    return known._replace(reported=(*known.reported, Reported(version, last, HUNDRED_PERCENT)))


def comes_to(held: Sequence[TermsInForce], _: LineHistory) -> Amount:
    terms = held[-1].line.terms
    assert isinstance(terms, FixedPrice), "the kind of the terms chose this module"
    return terms.price


def charged(held: Sequence[TermsInForce], known: LineHistory) -> Amount:
    so_far: Amount = 0
    for agreed in held:
        for fee in fees(agreed, known, agreed.before - DAY):
            so_far = due_of(fee, so_far) if fee.day >= agreed.since else so_far
    return so_far


def by_period(line: ContractLine) -> bool:
    """As the budgets are spent."""
    return isinstance(line.terms, FixedPrice) and line.terms.by_progress and bool(line.budgets)


def by_reports(line: ContractLine) -> bool:
    """By the progress that somebody reports."""
    return isinstance(line.terms, FixedPrice) and line.terms.by_progress and not line.budgets


def faults(terms: FixedPrice, contract: ContractSigned) -> Iterable[Fault]:
    yield from price_faults("price", terms.price, contract.currency)
    if terms.schedule and terms.by_progress:
        yield "by_progress", "a price is billed by its schedule or by progress, not by both"
    if not terms.schedule and not terms.by_progress:
        yield "schedule", "a price needs a schedule, or by_progress"
    on_request = contract.billing_cycle is not None and contract.billing_cycle.kind == "on_request"
    if on_request and any(line.terms is terms and by_period(line) for line in contract.lines):
        yield (
            "by_progress",
            "progress by cost is charged when a billing period closes; a contract billed on request has none",
        )
    total = sum(instalment.amount for instalment in terms.schedule)
    if terms.schedule and total != terms.price:
        yield "schedule", f"instalments sum to {format_amount(total)}, the price is {format_amount(terms.price)}"
    for place, instalment in enumerate(terms.schedule):
        yield from price_faults(f"schedule[{place}].amount", instalment.amount, contract.currency)


KIND = Kind(
    takes=("time", "expense"),
    revenue={"as_billed": WITH_INVOICE, **dict.fromkeys(OF_A_PRICE, OVER_TIME)},
    fees=fees,
    by_period=by_period,
    faults=faults,
    earns_to_the_end=True,
    by_progress=lambda terms: terms.by_progress,
    price=lambda terms: terms.price,
    comes_to=comes_to,
    charged=charged,
    stays=True,
    foresees=foresees,
)
