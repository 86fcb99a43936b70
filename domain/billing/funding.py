"""Who pays of a contract that sources fund: rules by priority, within a rule by percent, up to what each source has left (R33).

An amount is drawn from the rules in turn. A rule takes all that is left if every source has its percent of it. Else it takes as much as
its scarcest source lasts for, rounded down: that source pays all it has left, the others share the rest by their percents, and what is
over goes to the next rule. What no rule is left for nobody pays yet. The next amount begins with the first rule again.

    GRANT up to 10,000.00, OWN without limit; rule 1: GRANT 60 %, OWN 40 %; rule 2: OWN 100 %
    10,000.00  rule 1  GRANT 6,000.00  OWN 4,000.00
    10,000.00  rule 1  GRANT 4,000.00  OWN 2,666.66   4,000.00 are 60 % of 6,666.66, rounded down
               rule 2                  OWN 3,333.34
     1,000.00  rule 2                  OWN 1,000.00   rule 1 stops at once

Shares have the exact sum; cents that are left over go to the largest remainders, among equals to the source that the rule names first
(R12). No source pays more than its limit: rounded down, the scarcest source's percent is within what it has left, and so are the others'.

What was drawn stays as it was drawn, in portions, each what one rule gave (`Portion`). An amount that becomes less gives back of its
last portion first, of one portion in proportion to what each source paid; one that becomes more draws the difference. Where the sign
turns all is given back, and a negative amount goes to the first rule by its percents, whatever is left.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.events.common import Funding, FundingRule
from domain.money import allocate, format_amount, format_decimal, is_currency, smallest_unit
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount

FIELD = "funding"


class Paid(NamedTuple):
    """What a source pays of an amount, and who is billed for it."""

    source_id: str
    customer_id: str
    amount: Amount


# What one rule gave of an amount, or several portions of the same sources together.
Portion = tuple[Paid, ...]


class FundsDrawn(NamedTuple):
    """`rest` is what no rule was left for."""

    portions: tuple[Portion, ...]
    rest: Amount


def rules_of(funding: Funding) -> list[FundingRule]:
    return sorted(funding.rules, key=lambda rule: rule.priority)


def left_of(funding: Funding, used: Mapping[str, Amount]) -> dict[str, Amount]:
    """What each source with a limit has left; a limit below what is used leaves nothing."""
    return {
        source.source_id: max(source.limit - used.get(source.source_id, 0), 0)
        for source in funding.sources
        if source.limit is not None
    }


def draw(amount: Amount, funding: Funding, used: Mapping[str, Amount], currency: str) -> FundsDrawn:
    """Of an amount that nobody pays yet."""
    customers = {source.source_id: source.bill_to for source in funding.sources}
    if amount < 0:
        return FundsDrawn((_portion(rules_of(funding)[0], _by_percent(amount, funding, currency), customers),), 0)
    left = left_of(funding, used)
    portions = []
    for rule in rules_of(funding):
        paid = _taken(amount, rule, left, currency)
        if sum(paid):
            portions.append(_portion(rule, paid, customers))
            amount -= sum(paid)
            left |= {one.source_id: left[one.source_id] - one.amount for one in portions[-1] if one.source_id in left}
    return FundsDrawn(tuple(portions), amount)


def _by_percent(amount: Amount, funding: Funding, currency: str) -> tuple[Amount, ...]:
    return allocate(amount, [share.percent for share in rules_of(funding)[0].shares], currency)


def _portion(rule: FundingRule, paid: Sequence[Amount], customers: Mapping[str, str]) -> Portion:
    each = zip(rule.shares, paid, strict=True)
    return tuple(Paid(share.source_id, customers[share.source_id], amount) for share, amount in each if amount)


def _taken(amount: Amount, rule: FundingRule, left: Mapping[str, Amount], currency: str) -> tuple[Amount, ...]:
    """In the order of the rule's shares."""
    percents = [share.percent for share in rule.shares]
    scarce, lasts = scarcest(rule, left, smallest_unit(currency))
    if scarce is None or lasts >= amount:
        return allocate(amount, percents, currency)
    room = left[rule.shares[scarce].source_id]
    others = [0 if place == scarce else percent for place, percent in enumerate(percents)]
    shared = allocate(lasts - room, others, currency) if any(others) else [0] * len(others)
    return tuple(room if place == scarce else shared[place] for place in range(len(percents)))


def scarcest(rule: FundingRule, left: Mapping[str, Amount], step: Amount) -> tuple[int | None, Amount]:
    """Place of the source that ends the rule first, and the amount of the rule that it lasts for."""
    found: tuple[int | None, Amount] = None, 0
    for place, share in enumerate(rule.shares):
        if share.source_id in left:
            lasts = left[share.source_id] * HUNDRED_PERCENT // share.percent // step * step
            if found[0] is None or lasts < found[1]:
                found = place, lasts
    return found


# What was drawn before


def sum_of(portions: Iterable[Portion]) -> Amount:
    return sum(paid.amount for portion in portions for paid in portion)


def by_source(portions: Iterable[Portion], customer_id: str | None = None) -> dict[str, Amount]:
    """Of one customer or of all; of nothing there is nothing."""
    found: dict[str, Amount] = {}
    for paid in (paid for portion in portions for paid in portion):
        if customer_id in (None, paid.customer_id):
            found[paid.source_id] = found.get(paid.source_id, 0) + paid.amount
    return {source: amount for source, amount in found.items() if amount}


def kept(portions: Sequence[Portion], total: Amount, currency: str) -> tuple[Portion, ...]:
    """What stays drawn of an amount that is `total` now: all of it, unless it became less or its sign has turned."""
    drawn = sum_of(portions)
    if drawn * total <= 0:
        return ()
    excess = abs(drawn) - abs(total)
    found = list(portions)
    while excess > 0:
        last = found.pop()
        whole = abs(sum_of((last,)))
        if whole > excess:
            found.append(_less(last, excess, currency))
        excess -= whole
    return tuple(found)


def _less(portion: Portion, excess: Amount, currency: str) -> Portion:
    """In proportion to what each source paid, so that none gives back more than it did."""
    back = allocate(excess, [abs(paid.amount) for paid in portion], currency)
    sign = 1 if sum_of((portion,)) > 0 else -1
    each = (paid._replace(amount=paid.amount - sign * one) for paid, one in zip(portion, back, strict=True))
    return tuple(paid for paid in each if paid.amount)


def joined(portions: Sequence[Portion], more: Sequence[Portion]) -> tuple[Portion, ...]:
    """Portions of the same sources that follow each other are one."""
    found = list(portions)
    for portion in more:
        if found and _payers(found[-1]) == _payers(portion):
            pairs = zip(found.pop(), portion, strict=True)
            found.append(tuple(had._replace(amount=had.amount + has.amount) for had, has in pairs))
        else:
            found.append(portion)
    return tuple(found)


def _payers(portion: Portion) -> list[tuple[str, str]]:
    return [(paid.source_id, paid.customer_id) for paid in portion]


# Terms that contradict


def funding_faults(funding: Funding | None, *, shared: bool, currency: str) -> list[tuple[str, str]]:
    """`shared` where the terms state shares of bill-tos besides."""
    if funding is None:
        return []
    faults = [(FIELD, "funding stands instead of shares: state either funding or bill_to")] if shared else []
    return [*faults, *_source_faults(funding, currency), *_rule_faults(funding)]


def _source_faults(funding: Funding, currency: str) -> list[tuple[str, str]]:
    faults = []
    known: set[str] = set()
    for place, source in enumerate(funding.sources):
        where = f"{FIELD}.sources[{place}]"
        if source.source_id in known:
            faults.append((f"{where}.source_id", f"source {source.source_id} stands twice"))
        known.add(source.source_id)
        if source.limit is not None and source.limit < 0:
            faults.append((f"{where}.limit", f"expected no less than zero, got {format_amount(source.limit)}"))
        elif source.limit is not None and is_currency(currency) and source.limit % smallest_unit(currency):
            told = format_amount(source.limit)
            faults.append((f"{where}.limit", f"a limit of {told} is finer than {currency} can be paid"))
    return faults


def _rule_faults(funding: Funding) -> list[tuple[str, str]]:
    if not funding.rules:
        return [(f"{FIELD}.rules", "expected at least one rule, got none")]
    faults = []
    known = {source.source_id for source in funding.sources}
    priorities: set[int] = set()
    for place, rule in enumerate(funding.rules):
        where = f"{FIELD}.rules[{place}]"
        named = [share.source_id for share in rule.shares]
        percents = [share.percent for share in rule.shares]
        if rule.priority in priorities:
            faults.append((f"{where}.priority", f"priority {rule.priority} stands twice"))
        priorities.add(rule.priority)
        if unknown := sorted({*named} - known):
            faults.append((f"{where}.shares", f"source {', '.join(unknown)} is not among the sources"))
        if len({*named}) < len(named):
            faults.append((f"{where}.shares", "a source stands twice in one rule"))
        if min(percents, default=0) <= 0 or sum(percents) != HUNDRED_PERCENT:
            got = ", ".join(format_decimal(percent, PERCENT_SCALE) for percent in percents) or "none"
            faults.append((f"{where}.shares", f"expected percents above zero that sum to 100, got {got}"))
    return faults
