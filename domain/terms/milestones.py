"""Milestones: each has a price that is due once, when the customer accepts it (R27).

Work on the line costs and is not charged by itself. One that was accepted before terms have it is charged on their first day.

A milestone that is revoked is found no more, so that what was billed of it is
credited in full. Where milestones include hours, those beyond the sum of all are charged at the overage rate as they come, in consumption
order, whichever milestone they were for (R28).

    50,000.00 in three milestones; before the first is accepted nothing is due, then 10,000.00
    150 h are included, 140 h are used; of the next 20 h 10 h are charged
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from domain.events.commercial import ContractSigned
from domain.events.common import Milestone, Milestones
from domain.money import format_decimal
from domain.policy_faults import Fault, price_faults, rate_faults
from domain.revenue.method import Output
from domain.revenue.methods import OF_A_PRICE
from domain.terms.kind import (
    IN_HOURS,
    OVER_TIME,
    WITH_CHARGE,
    WITH_INVOICE,
    Drawing,
    ExpectedHistory,
    Fee,
    Kind,
    LineHistory,
    PrepaidBalance,
    TermsInForce,
    on_day,
    up_to,
)
from domain.terms.work_ahead import with_work_ahead
from domain.units import HOURS_ONE, HOURS_SCALE, Amount, Hours

HOURS_MOST: Hours = 100_000_000 * HOURS_ONE
INCLUDED_HOURS = "included"


def fees(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Fee]:
    terms = agreed.line.terms
    assert isinstance(terms, Milestones), "the kind of the terms chose this module"
    for milestone in terms.milestones:
        accepted_on = known.accepted.get(milestone.milestone_id)
        day = charged_on(agreed, accepted_on) if accepted_on is not None else None
        if day is not None and day <= until:
            yield Fee(f"milestone/{milestone.milestone_id}", day, milestone.amount, milestone.name)


def foresees(agreed: TermsInForce, known: LineHistory, day: date) -> ExpectedHistory:
    """Each is accepted on the day on which it is due, one that is overdue on the next; work is done as an estimate or a budget expects."""
    terms = agreed.line.terms
    assert isinstance(terms, Milestones), "the kind of the terms chose this module"
    first = day + timedelta(days=1)
    due = {milestone.milestone_id: max(milestone.due_on, first) for milestone in terms.milestones}
    known = known._replace(accepted={**due, **known.accepted})
    return ExpectedHistory(with_work_ahead(agreed, known, day), date.max)


def charged_on(agreed: TermsInForce, accepted_on: date) -> date | None:
    """The day itself, or the first on which the terms hold; None where they hold no more."""
    day = max(accepted_on, agreed.since)
    return day if day < agreed.before else None


def comes_to(held: Sequence[TermsInForce], known: LineHistory) -> Amount:
    return sum(_prices(held, known).values())


def charged(held: Sequence[TermsInForce], known: LineHistory) -> Amount:
    return sum(_charged(held, known).values())


def outputs(agreed: TermsInForce, known: LineHistory) -> tuple[Sequence[Output], int]:
    """What the milestones are worth that are accepted by each day, of all of them."""
    prices = _prices(up_to(agreed, known), known)
    accepted = sorted((known.accepted[name], amount) for name, amount in prices.items() if name in known.accepted)
    found: list[Output] = []
    for day, amount in accepted:
        found.append(Output(day, amount + (found[-1].done if found else 0)))
    return found, sum(prices.values())


def _prices(held: Sequence[TermsInForce], known: LineHistory) -> dict[str, Amount]:
    """As they are charged, also where the last terms no longer have them; else as these have them."""
    return {one.milestone_id: one.amount for one in _listed(held[-1])} | _charged(held, known)


def _charged(held: Sequence[TermsInForce], known: LineHistory) -> dict[str, Amount]:
    """By milestone, what the first terms charge that hold once it is accepted."""
    found: dict[str, Amount] = {}
    for agreed in held:
        for one in _listed(agreed):
            accepted_on = known.accepted.get(one.milestone_id)
            if accepted_on is not None and charged_on(agreed, accepted_on) is not None:
                found.setdefault(one.milestone_id, one.amount)
    return found


def listed(agreed: TermsInForce) -> Sequence[str]:
    """Ids of the milestones that the terms have, of terms of any kind."""
    return [milestone.milestone_id for milestone in _listed(agreed)]


def _listed(agreed: TermsInForce) -> Sequence[Milestone]:
    terms = agreed.line.terms
    return terms.milestones if isinstance(terms, Milestones) else ()


def draws_in(terms: Milestones) -> str | None:
    return IN_HOURS if any(milestone.included_hours is not None for milestone in terms.milestones) else None


def stores(known: LineHistory, day: date) -> Sequence[PrepaidBalance]:
    """The hours that the milestones of the day's terms include, whatever part of them was used under others."""
    terms = on_day(known.held, day).line.terms
    assert isinstance(terms, Milestones), "the kind of the terms chose this module"
    return (PrepaidBalance(INCLUDED_HOURS, sum(milestone.included_hours or 0 for milestone in terms.milestones)),)


def faults(terms: Milestones, contract: ContractSigned) -> Iterable[Fault]:
    yield from rate_faults("overage_rate", terms.overage_rate)
    if draws_in(terms) is not None and terms.overage_rate is None:
        yield "overage_rate", "milestones include hours, hours beyond them need a rate"
    if draws_in(terms) is None and terms.overage_rate is not None:
        yield "overage_rate", "a rate of hours beyond those included needs included_hours"
    if not terms.milestones:
        yield "milestones", "expected at least one milestone"
    seen: set[str] = set()
    for place, milestone in enumerate(terms.milestones):
        where = f"milestones[{place}]"
        if milestone.milestone_id in seen:
            yield f"{where}.milestone_id", f"milestone {milestone.milestone_id} stands twice"
        seen.add(milestone.milestone_id)
        yield from price_faults(f"{where}.amount", milestone.amount, contract.currency)
        if milestone.included_hours is not None and not 0 <= milestone.included_hours <= HOURS_MOST:
            most, got = format_decimal(HOURS_MOST, HOURS_SCALE), format_decimal(milestone.included_hours, HOURS_SCALE)
            yield f"{where}.included_hours", f"expected 0 to {most}, got {got}"


KIND = Kind(
    takes=("time", "expense"),
    revenue={"milestone": WITH_CHARGE, "as_billed": WITH_INVOICE, **dict.fromkeys(OF_A_PRICE, OVER_TIME)},
    fees=fees,
    faults=faults,
    drawing=Drawing(draws_in, stores),
    stays=True,
    foresees=foresees,
    earns_to_the_end=True,
    is_accepted=True,
    comes_to=comes_to,
    charged=charged,
    outputs=outputs,
)
