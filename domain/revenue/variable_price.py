"""Variable parts of a price (IFRS 15.50-59, 87-90, R42): a bonus, a penalty, a rebate as it is expected, until it is settled.

The estimate is an amount; or, of several outcomes, the most likely (of equally likely ones the lowest), or the expected value. As much of
it counts as is included in the price, since it will highly probably not be taken back: all of it, or nothing.

    a bonus of 10,000.00 with 60 %, nothing with 40 %: most likely 10,000.00, expected value 6,000.00

The terms state it, and a revision holds from its day on, until the next or until the terms state it otherwise. What is satisfied by then
is caught up (88).

    100,000.00 and 6,000.00 expected, half of the work is done: 53,000.00; then 10,000.00 are expected: 55,000.00, 2,000.00 at once

A revision that settles it says what is due: that is part of the price for good, and charged on its day, or given back where it is below
zero. Of a contract that was terminated only what is settled counts.

A rebate is given one way: of what is due a statement credits what credit memos have not given of it. Memos name no part: they give the
part that is settled first, and of each what no statement has credited.

    12,000.00 of a rebate were given by a memo; it is settled at 20,000.00: 8,000.00 are credited

What they gave beyond all that is due is asked back by the next statement, once no part is left that may still take it.

    12,000.00 were given by a memo; it is settled at 5,000.00: 7,000.00 are charged
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from domain.events.commercial import VariableConsiderationRevised
from domain.events.common import ConsiderationOutcome, VariableConsideration
from domain.figure import called, expected_value, lesser, titled
from domain.money import format_amount, format_decimal, smallest_unit
from domain.policy_faults import ENTRY_MOST, Fault
from domain.revenue.allocation import PricedItem, Revision
from domain.terms import spoken
from domain.terms.kind import ExpectedHistory, Fee, LineHistory, TermsInForce, on_day
from domain.units import HUNDRED_PERCENT, PERCENT_SCALE, Amount

DAY = timedelta(days=1)
MOST_LIKELY = "most_likely"
# The version of a revision that nobody has sent.
FORESEEN = 0

# By item, in the order of versions.
Revisions = Mapping[str, Sequence[Revision]]


def estimate(item: VariableConsideration, said: VariableConsideration | Revision, currency: str, mode: str) -> Amount:
    name = item.item_id
    if not said.included:
        return 0
    if not said.outcomes:
        return titled(said.amount if said.amount is not None else 0, f"{name}: estimated")
    if item.method == MOST_LIKELY:
        return titled(most_likely(said.outcomes).amount, f"{name}: most likely")
    weighted = [(outcome.probability, outcome.amount) for outcome in said.outcomes]
    return expected_value(weighted, smallest_unit(currency), mode, f"{name}: expected value", "R42")


def most_likely(outcomes: Sequence[ConsiderationOutcome]) -> ConsiderationOutcome:
    return min(outcomes, key=lambda outcome: (-outcome.probability, outcome.amount))


def items_on(held: Sequence[TermsInForce], revisions: Revisions, day: date) -> Iterator[PricedItem]:
    """The line's items by the terms of a day, as they count then; what is settled stays, whatever later terms say."""
    terms = [agreed for agreed in held if agreed.since <= day]
    if not terms:
        return
    newest = terms[-1]
    currency, mode = newest.contract.currency, newest.policies.money_mode
    stated = {item.item_id: item for item in newest.line.variable_consideration}
    before = {item.item_id: item for agreed in terms for item in agreed.line.variable_consideration}
    for item in (before | stated).values():
        said = next((each for each in reversed(revisions.get(item.item_id, ())) if each.as_of <= day), None)
        if said is not None and not said.settled and said.as_of < _stated_on(terms, item):
            said = None
        if item.item_id in stated or (said is not None and said.settled and has_item(terms, item.item_id, said.as_of)):
            amount = estimate(item, said or item, currency, mode)
            version = said.version if said is not None else 0
            yield PricedItem(item.item_id, amount, version, item.of_line_alone)


def _stated_on(terms: Sequence[TermsInForce], item: VariableConsideration) -> date:
    """The day from which on the terms state the item as they do."""
    since = date.max
    for agreed in reversed(terms):
        if item not in agreed.line.variable_consideration:
            break
        since = agreed.since
    return since


def has_item(held: Sequence[TermsInForce], item_id: str, day: date) -> bool:
    """Whether the terms of a day state the item."""
    on = (agreed.line.variable_consideration for agreed in held if agreed.since <= day < agreed.before)
    return any(item.item_id == item_id for items in on for item in items)


def days_of(revisions: Revisions) -> set[date]:
    """Days on which an estimate may become another."""
    return {each.as_of for said in revisions.values() for each in said}


# Settled


def settled(revisions: Revisions) -> dict[str, Revision]:
    """By item, what is due of it, as the newest revision has it."""
    return {item_id: said[-1] for item_id, said in revisions.items() if said and said[-1].settled}


def fees(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Fee]:
    """What is due is charged on the day that settles it, also after the contract was terminated: it is for the days before."""
    due, given = settled(known.revised), given_by_memos(known)
    for item in agreed.line.variable_consideration:
        said = due.get(item.item_id)
        if said is not None and said.as_of <= until and _holds(agreed, known.held, said.as_of):
            words, first = spoken.said("variable", item=item.item_id), max(agreed.since, agreed.starts_on)
            title = f"{item.item_id}: settled, and not given by credit memos"
            amount = called((said.amount or 0) + given[item.item_id], title, "R42")
            yield Fee(fee_name(item.item_id), said.as_of, amount, words, first, said.as_of)


def _holds(agreed: TermsInForce, held: Sequence[TermsInForce], day: date) -> bool:
    """Of a line that has ended by the day the last terms that held, whatever was agreed for days after its end."""
    if not held:
        return False
    on = on_day(held, day)
    return agreed.since <= on.since < agreed.before and (day < on.before or on.ends_early)


def given_by_memos(known: LineHistory) -> dict[str, Amount]:
    """By item that is settled, the first first, what credit memos gave of it; what they gave beyond all is asked back with the last
    that is no bonus, else with the first bonus."""
    left, found, last = known.rebates.by_memos, {}, ""
    for item_id, said in sorted(settled(known.revised).items(), key=lambda one: (one[1].as_of, one[0])):
        open_still = called(-(said.amount or 0), f"{item_id}: goes back") - known.rebates.by_statements.get(item_id, 0)
        open_still = called(open_still, f"{item_id}: not on a statement")
        found[item_id] = lesser(left, max(open_still, 0), f"{item_id}: given by credit memos")
        left = called(left - found[item_id], "given by credit memos of other parts")
        if (said.amount or 0) <= 0 or not last:
            last = item_id
    if left and last and not _may_go_back(known):
        found[last] += left
    return found


def _may_go_back(known: LineHistory) -> bool:
    """Whether a part that is not settled may take from the price."""
    due = settled(known.revised)
    items = {item.item_id: item for agreed in known.held for item in agreed.line.variable_consideration}
    open_still = (
        known.revised[name][-1] if known.revised.get(name) else items[name] for name in items if name not in due
    )
    return any(amount < 0 for said in open_still for _, amount in amounts(said))


def fee_name(item_id: str) -> str:
    return f"variable/{item_id}"


def foreseen(agreed: TermsInForce, expected: ExpectedHistory, day: date) -> ExpectedHistory:
    """What is estimated by now for the line's last day, or for the next, is settled then."""
    known, last = expected.known, max(agreed.ends_on or day + DAY, day + DAY)
    revised = dict(known.revised)
    for item in items_on(known.held, known.revised, last):
        said = known.revised.get(item.item_id, ())
        if item.amount and not (said and said[-1].settled):
            revised[item.item_id] = (*said, Revision(FORESEEN, last, included=True, amount=item.amount, settled=True))
    if revised == known.revised:
        return expected
    return ExpectedHistory(known._replace(revised=revised), max(expected.until, last))


# What contradicts


def item_faults(item: VariableConsideration, currency: str) -> Iterator[Fault]:
    """Fields of an item of the terms."""
    yield from _faults(item, item.included)
    for field, amount in amounts(item):
        if amount % smallest_unit(currency):
            yield field, f"{format_amount(amount)} is finer than {currency} can be paid"


def revision_faults(event: VariableConsiderationRevised) -> Iterator[Fault]:
    """Fields of a revision, whatever contract it is of."""
    yield from _faults(event, event.included)
    if event.settled and event.amount is None:
        yield "amount", "expected the amount that is due, got none; state it, or leave settled out"
    if event.settled and not event.included:
        yield "included", "expected true, for what is settled is due, got false"


def _faults(said: VariableConsideration | VariableConsiderationRevised, is_included: bool) -> Iterator[Fault]:
    """It is one amount, or of several outcomes one comes true."""
    found = [outcome.probability for outcome in said.outcomes]
    if said.amount is not None and found:
        yield "amount", f"expected an amount or outcomes, got {format_amount(said.amount)} and {len(found)} outcomes"
    if is_included and (said.amount, said.expected_unit_price) == (None, None) and not found:
        yield "amount", "expected an amount or outcomes of what is included, got neither"
    if found and (min(found) < 0 or sum(found) != HUNDRED_PERCENT):
        got = ", ".join(format_decimal(probability, PERCENT_SCALE) for probability in found)
        yield "outcomes", f"expected probabilities that sum to 100, got {got}"
    for field, amount in amounts(said):
        if abs(amount) > ENTRY_MOST:
            yield field, f"expected at most {format_amount(ENTRY_MOST)}, got {format_amount(amount)}"


def amounts(said: VariableConsideration | VariableConsiderationRevised | Revision) -> Iterator[tuple[str, Amount]]:
    """All that it states, by field."""
    if said.amount is not None:
        yield "amount", said.amount
    for place, outcome in enumerate(said.outcomes):
        yield f"outcomes[{place}].amount", outcome.amount


def is_payable(said: Revision, currency: str) -> bool:
    return all(amount % smallest_unit(currency) == 0 for _, amount in amounts(said))
