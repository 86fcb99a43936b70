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
from typing import Final, NamedTuple

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, Deposit, Milestones, Retention, RetentionStep
from domain.explanation import Node, constant, evaluated, in_proportion, least, most, negated, total
from domain.figure import called, lesser, percent_taken, ratio, titled
from domain.money import format_decimal, smallest_unit
from domain.policy_faults import Fault
from domain.receivables.credit_memo import shares
from domain.terms import methods
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount, Percent
from domain.why import Why, in_terms, rounding

WHOLE_TERM: Final = "whole_term"
RULE: Final = "R32"
OF_BILLED: Final = "in proportion to what was billed"


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


# A bill. `of` is its statement; it records `#retained` and `#released`, from `#before`, `#billed_before` and `#gross`


def of_bill(
    terms: ContractSigned,
    gross: Amount,
    account: BillToAccount,
    completion: tuple[Amount, Amount],
    currency: str,
    mode: str,
    why: Why | None = None,
    of: str = "",
    completed: Sequence[Node] = (),
) -> Retained:
    """By the step that holds at a completion, billed by now and the price of that; or what a bill below zero takes back. `completed` are
    the recorded figures of what is billed."""
    agreed = terms.retention
    assert agreed is not None, "something is retained by these terms"
    if gross < 0:
        back = taken_back(gross, account.left, account.billed, currency, mode)
        if why is not None:
            why.record(f"{of}#retained", -back, _taken_back(why, of, gross, account.billed, mode))
        return Retained(-back, 0, gross, account.reached, counts=True)
    steps = reached(agreed.steps, *completion)
    done = _completion(why, of, terms, completed, completion) if why is not None else ()
    if not steps:
        return Retained(gross=gross, reached=account.reached, counts=True)
    step, place = steps[-1], len(steps) - 1
    retained = withheld(step, gross, currency, mode)
    if why is not None:
        percent = _percent(terms, place, "withhold_percent", step.withhold_percent)
        why.record(f"{of}#retained", retained, _share("retained", why.figure(f"{of}#gross"), percent, mode, done))
    if account.reached is not None and step.at_percent <= account.reached:
        return Retained(retained, 0, gross, account.reached, counts=True)
    frees = released(step, account.left, currency, mode)
    if why is not None:
        percent = _percent(terms, place, "release_percent", step.release_percent)
        why.record(f"{of}#released", frees, _share("released", why.figure(f"{of}#before"), percent, mode, done))
    return Retained(retained, frees, gross, step.at_percent, counts=True)


def all_of(left: Amount, gross: Amount, when: str, why: Why | None = None, of: str = "") -> Retained:
    """A statement that releases all that is retained; `when` says why it does."""
    if why is not None:
        before = why.figure(f"{of}#before")
        facts = (("all of it", when),)
        made = total("released", (before,), "amount", before.currency, rule=RULE, facts=facts)
        why.record(f"{of}#released", left, made)
    return Retained(released=left, gross=gross)


def leaving(goes: Amount, held: Mapping[str, Amount], why: Why | None = None, of: str = "") -> dict[str, Amount]:
    """What leaves of what each statement withheld and still holds: the oldest first."""
    found: dict[str, Amount] = {}
    rest = goes
    for withheld_by, left in held.items():
        if taken := min(left, rest):
            found[withheld_by] = taken
            if why is not None:
                _say_leaving(why, of, found)
        rest -= taken
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
    return dict(zip(credited, shares(back, [max(one, 0) for one in credited.values()], step, mode), strict=True))


def billed_before(why: Why, account: str, currency: str) -> Node:
    """What was recorded as billed to a bill-to of which something is retained, nothing to begin with."""
    return why.figure_at(f"{account}#billed", why.now) or constant("billed before", 0, "amount", currency)


def billed_after(
    billed: Amount, gross: Amount, why: Why | None = None, account: str = "", part: Node | None = None
) -> Amount:
    """What was billed a bill-to of which something is retained, with a bill or a credit; below zero nothing was."""
    after = max(billed + gross, 0)
    if why is not None and part is not None:
        title, currency = "billed before", part.currency
        made = total(title, (billed_before(why, account, currency), part), "amount", currency)
        if billed + gross < 0:
            made = most(title, made, constant("nothing", 0, "amount", currency))
        why.record(f"{account}#billed", after, made)
    return after


def _completion(
    why: Why, of: str, terms: ContractSigned, billed: Sequence[Node], completion: tuple[Amount, Amount]
) -> tuple[Node, ...]:
    """Where a step waits for one: what is billed, this bill included, in per cent of the price."""
    agreed = terms.retention
    if agreed is None or not completion[1] or all(not step.at_percent for step in agreed.steps):
        return ()
    of_price = [
        in_terms(f"price of line {line.line_id}", amount, "amount", terms, path, line.line_id)
        for line, price, where in priced_lines(terms)
        for amount, path in _prices(line, price, where)
    ]
    priced = why.record(f"{of}#price", completion[1], total("price", of_price, "amount", terms.currency))
    title = "billed, this bill included"
    done = why.record(f"{of}#billed", completion[0], total(title, billed, "amount", terms.currency))
    steps = ", ".join(f"{format_decimal(step.at_percent, PERCENT_SCALE)} %" for step in agreed.steps)
    parameters = {"step": "0.000001", "mode": "half_up"}
    facts = (("steps at", steps),)
    return (evaluated("completion", "percent", (done, priced), parameters, "percent", facts=facts),)


def _prices(line: ContractLine, price: Amount, path: str) -> Iterator[tuple[Amount, str]]:
    """With the fields of the line that state them."""
    several = line.terms.milestones if isinstance(line.terms, Milestones) else ()
    yield from ((one.amount, f"{path}[{at}].amount") for at, one in enumerate(several))
    if not several:
        yield price, path


def _percent(terms: ContractSigned, place: int, name: str, value: Percent) -> Node:
    return in_terms(name.replace("_", " "), value, "percent", terms, f"retention.steps[{place}].{name}")


def _share(title: str, whole: Node, percent: Node, mode: str, done: tuple[Node, ...]) -> Node:
    parameters = rounding(whole.currency, mode)
    return evaluated(title, "percent_of", (whole, percent), parameters, "amount", whole.currency, rule=RULE, why=done)


def _taken_back(why: Why, of: str, gross: Amount, billed: Amount, mode: str) -> Node:
    before = why.figure(f"{of}#before")
    if -gross >= billed:
        return negated("retained", before, rule=RULE)
    taken = negated("billed below zero", why.figure(f"{of}#gross"))
    share = in_proportion(OF_BILLED, before, taken, why.figure(f"{of}#billed_before"), mode)
    return negated("retained", least("taken back", [before, share]), rule=RULE)


def _say_leaving(why: Why, of: str, found: Mapping[str, Amount]) -> None:
    """Of the last that was found: all that is left of it, or what is left to go."""
    *before, withheld_by = found
    free, back = why.figure(f"{of}#released"), why.figure(f"{of}#retained")
    goes = [free] if free.value else []
    goes += [negated("taken back", back)] if (back.value or 0) < 0 else []
    goes += [why.figure(f"{of}#piece/{one}") for one in before]
    left = why.sum(f"{withheld_by}#still_retained", f"{withheld_by}: retained", free.currency)
    whole = total("released and taken back", goes, "amount", free.currency)
    made = negated(f"{withheld_by}: leaves", least("the lesser", [left, whole]))
    why.record(f"{of}#piece/{withheld_by}", -found[withheld_by], made)


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
