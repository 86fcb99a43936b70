"""Retention: the part of each bill that the customer keeps until later (R32).

The step that holds is the last whose `at_percent` is reached, the bill being cut included: it withholds its share of that bill, before
tax. The bill that reaches a step releases the step's share of what was retained before, once. Completion is what was billed of the
lines that have a price, in per cent of their prices; a line has that of its terms, else that of a cap on all of it, else its revenue
budget. What is billed in advance, a deposit, is neither withheld from nor counted. A bill below zero takes back what is retained in
proportion to what was billed. What was retained first is released first.

    100,000.00, 10 % of each bill; from 50 % on 5 %, half of what was retained before is released; three bills of 25,000.00:
    2,500.00 withheld; 1,250.00 withheld and 1,250.00 released; 1,250.00 withheld: 3,750.00, 5 % of 75,000.00, are retained

All is released on the day that the terms name; without one when the contract is over.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, Deposit, Milestones, Retention, RetentionStep
from domain.figure import at_least, because, called, lesser, percent_taken, percentage, ratio, spread, titled
from domain.money import HALF_UP, format_decimal, smallest_unit
from domain.policy_faults import Fault
from domain.terms import methods
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount, Percent

WHOLE_TERM: Final = "whole_term"
RULE: Final = "R32"
OF_BILLED: Final = "in proportion to what was billed"
BILLED: Final = "billed before"


class Retained(NamedTuple):
    """What a statement withholds, below zero where it takes back, and what it releases of what was retained before.

    `gross` is the bill that it is withheld from, which counts among what was billed where `counts`; `reached` the completion of the last
    step that released.
    """

    retained: Amount = 0
    released: Amount = 0
    gross: Amount = 0
    reached: Percent | None = None
    counts: bool = False


NOTHING: Final = Retained()


class BillToAccount(NamedTuple):
    """Before a bill: what is retained of the bill-to, what was billed of which something is retained, and the completion reached."""

    left: Amount
    billed: Amount
    reached: Percent | None


def has_ended(agreed: Retention, last: date | None, to: date, today: date) -> bool:
    """Whether a bill of days before `to`, cut `today`, has nothing withheld any more: the day of release is over, or without one the
    contract, whose last day is `last`."""
    if agreed.release_on is not None:
        return agreed.release_on < today
    return last is not None and last < min(to, today)


def is_withheld_from(line: ContractLine) -> bool:
    return not isinstance(line.terms, Deposit)


def price_of(line: ContractLine) -> tuple[Amount, str] | None:
    """What all of the line is worth, with the field of the line that says so; None where nothing does."""
    price = methods.price(line.terms)
    if price is not None:
        return price, "terms.price"
    if isinstance(line.terms, Milestones):
        return sum(milestone.amount for milestone in line.terms.milestones), "terms.milestones"
    cap = getattr(line.terms, "cap", None)
    if cap is not None and cap.amount is not None and cap.period == WHOLE_TERM:
        return cap.amount, "terms.cap.amount"
    return (line.revenue_budget, "revenue_budget") if line.revenue_budget is not None else None


def priced_lines(terms: ContractSigned) -> list[tuple[ContractLine, Amount, str]]:
    """Lines that count for completion, with their price and its field; a cap that lines share is none of them."""
    found = [(line, price_of(line)) for line in terms.lines if is_withheld_from(line)]
    return [(line, *priced) for line, priced in found if priced is not None and priced[0] > 0]


def is_reached(at_percent: Percent, billed: Amount, price: Amount) -> bool:
    """Without a price only what holds from the beginning."""
    return not at_percent or (price > 0 and billed * HUNDRED_PERCENT >= at_percent * price)


def reached(steps: Sequence[RetentionStep], billed: Amount, price: Amount) -> tuple[RetentionStep, ...]:
    """Those whose completion is reached; the last one holds."""
    return tuple(step for step in steps if is_reached(step.at_percent, billed, price))


def withheld(step: RetentionStep, gross: Amount, currency: str, mode: str) -> Amount:
    return percent_taken(gross, step.withhold_percent, currency, mode, "retained", RULE)


def released(step: RetentionStep, before: Amount, currency: str, mode: str) -> Amount:
    return percent_taken(before, step.release_percent, currency, mode, "released", RULE)


def taken_back(gross: Amount, retained: Amount, billed: Amount, currency: str, mode: str) -> Amount:
    """Of what is retained, by a bill below zero; all of it where no more was billed than that takes back."""
    if -gross >= billed:
        return retained
    taken = called(-gross, "billed below zero")
    return lesser(retained, ratio(retained, taken, billed, smallest_unit(currency), mode, OF_BILLED), "taken back")


# A bill


def of_bill(
    steps: Sequence[RetentionStep],
    gross: Amount,
    account: BillToAccount,
    completion: tuple[Amount, Amount],
    currency: str,
    mode: str,
) -> Retained:
    """By the step that holds at a completion, billed by now and the price of that; or what a bill below zero takes back."""
    if gross < 0:
        back = taken_back(gross, account.left, account.billed, currency, mode)
        return Retained(-back, 0, gross, account.reached, counts=True)
    found = reached(steps, *completion)
    if not found:
        return Retained(gross=gross, reached=account.reached, counts=True)
    step, done = found[-1], _completion(steps, *completion)
    retained = because(withheld(step, gross, currency, mode), done)
    if account.reached is not None and step.at_percent <= account.reached:
        return Retained(retained, 0, gross, account.reached, counts=True)
    frees = because(released(step, account.left, currency, mode), done)
    return Retained(retained, frees, gross, step.at_percent, counts=True)


def _completion(steps: Sequence[RetentionStep], billed: Amount, price: Amount) -> Percent:
    """Where a step waits for one: what is billed, this bill included, in per cent of the price."""
    if not price or all(not step.at_percent for step in steps):
        return 0
    waits = ", ".join(f"{format_decimal(step.at_percent, PERCENT_SCALE)} %" for step in steps)
    return percentage(billed, price, 1, HALF_UP, f"completion, with steps at {waits}", RULE)


def leaving(goes: Amount, held: Mapping[str, Amount]) -> dict[str, Amount]:
    """What leaves of what each statement withheld and still holds: the oldest first."""
    found: dict[str, Amount] = {}
    rest = goes
    for withheld_by, left in held.items():
        if taken := lesser(left, rest, f"{withheld_by}: leaves"):
            found[withheld_by], rest = taken, called(rest - taken, "left to leave")
    return found


def kept_back(
    credited: Mapping[int, Amount], left: Amount, retained: Amount, currency: str, mode: str
) -> dict[int, Amount]:
    """What each row that a credit memo takes of an invoice has of what is still retained, in proportion to what is left of the invoice."""
    gross, step = called(sum(credited.values()), "credited"), smallest_unit(currency)
    if retained <= 0 or gross <= 0:
        return dict.fromkeys(credited, 0)
    back, title = retained, "in proportion to what is left of the invoice"
    if gross < left:
        back = titled(ratio(retained, gross, left, step, mode, title), title, RULE)
    return dict(zip(credited, spread(back, [max(one, 0) for one in credited.values()], step, mode), strict=True))


def billed_after(billed: Amount, gross: Amount) -> Amount:
    """What was billed a bill-to of which something is retained, with a bill or a credit; below zero nothing was."""
    return at_least(called(billed + gross, BILLED), 0, BILLED)


def faults(retention: Retention, terms: ContractSigned) -> Iterator[Fault]:
    """Fields that contradict."""
    before: Percent | None = None
    for place, step in enumerate(retention.steps):
        where = f"retention.steps[{place}]"
        for name in ("at_percent", "withhold_percent", "release_percent"):
            value = getattr(step, name)
            if not 0 <= value <= HUNDRED_PERCENT:
                yield f"{where}.{name}", f"expected 0 to 100, got {format_decimal(value, PERCENT_SCALE)}"
        if before is not None and step.at_percent <= before:
            said, last = format_decimal(step.at_percent, PERCENT_SCALE), format_decimal(before, PERCENT_SCALE)
            yield f"{where}.at_percent", f"steps rise: expected more than {last}, got {said}"
        if step.at_percent > 0 and not priced_lines(terms):
            yield (
                f"{where}.at_percent",
                "completion is what is billed of the price: a line needs a price, a cap on all of it or a revenue budget",
            )
        before = step.at_percent
    if retention.release_on is None:
        return
    if any(step.release_percent for step in retention.steps):
        yield "retention.release_on", "what is retained is released by steps or on a day, not both"
    if retention.release_on < terms.starts_on:
        yield (
            "retention.release_on",
            f"all is released on {retention.release_on}, before the contract starts on {terms.starts_on}",
        )
