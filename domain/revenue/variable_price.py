"""Variable parts of a price (IFRS 15.50-59, 87-90, R42): a bonus, a penalty, a rebate as it is expected.

The estimate is an amount; or, of several outcomes, the most likely (of equally likely ones the lowest), or the expected value. As much of
it counts as is included in the price, since it will highly probably not be taken back: all of it, or nothing.

    a bonus of 10,000.00 with 60 %, nothing with 40 %: most likely 10,000.00, expected value 6,000.00

The terms state it, and a revision holds from its day on, until the next or until the terms state it otherwise. What is satisfied by then
is caught up (88).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from domain.events.common import ConsiderationOutcome, VariableConsideration
from domain.money import round_ratio, smallest_unit
from domain.revenue.allocation import PricedItem
from domain.terms.kind import TermsInForce
from domain.units import HUNDRED_PERCENT, Amount

MOST_LIKELY = "most_likely"


class Revision(NamedTuple):
    """What a revision says of an item as of a day; of several of days until then the highest version holds."""

    version: int
    as_of: date
    included: bool
    amount: Amount | None
    outcomes: tuple[ConsiderationOutcome, ...]


# By item, in the order of versions.
Revisions = Mapping[str, Sequence[Revision]]


def estimate(
    method: str,
    said: VariableConsideration | Revision,
    currency: str,
    mode: str,
) -> Amount:
    if not said.included:
        return 0
    if not said.outcomes:
        return said.amount or 0
    if method == MOST_LIKELY:
        return most_likely(said.outcomes).amount
    exact = sum(outcome.amount * outcome.probability for outcome in said.outcomes)
    return round_ratio(exact, HUNDRED_PERCENT, smallest_unit(currency), mode)


def most_likely(outcomes: Sequence[ConsiderationOutcome]) -> ConsiderationOutcome:
    return min(outcomes, key=lambda outcome: (-outcome.probability, outcome.amount))


def items_on(held: Sequence[TermsInForce], revisions: Revisions, day: date) -> Iterator[PricedItem]:
    """The line's items by the terms of a day, as they count then."""
    terms = [agreed for agreed in held if agreed.since <= day]
    if not terms:
        return
    newest = terms[-1]
    for item in newest.line.variable_consideration:
        said = revision_on(revisions.get(item.item_id, ()), day)
        if said is not None and said.as_of < _stated_on(terms, item):
            said = None
        currency, mode = newest.contract.currency, newest.policies.money_mode
        amount = estimate(item.method, said or item, currency, mode)
        yield PricedItem(item.item_id, amount, said.version if said is not None else 0)


def revision_on(revisions: Sequence[Revision], day: date) -> Revision | None:
    return next((each for each in reversed(revisions) if each.as_of <= day), None)


def _stated_on(terms: Sequence[TermsInForce], item: VariableConsideration) -> date:
    """The day from which on the terms state the item as they do."""
    since = date.max
    for agreed in reversed(terms):
        if item not in agreed.line.variable_consideration:
            break
        since = agreed.since
    return since


def days_of(revisions: Revisions) -> set[date]:
    """Days on which an estimate may become another."""
    return {each.as_of for said in revisions.values() for each in said}
