"""When lines with a price of their own earn and charge what is left of it.

A fee is charged on its day, one that is overdue on the next. What is left to earn lies in the months in which it is earned by day, else in
those in which fees to come are charged, in proportion; units that are agreed lie where the project's hours do.

    36,500.00 earned evenly over 2026, on 30 September: 9,200.00 left, of which 3,100.00 in October
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.forecast.completion import MONTHS_MAX, month_after
from domain.revenue.over_time import Earning, earned_by, earning
from domain.units import Amount
from state.books import LineEarning
from state.charges.terms_known import is_charged
from state.draft import Draft
from state.forecast.ahead import TermsAhead, ahead_of
from state.forecast.outlook import ONE_DAY


class ToCharge(NamedTuple):
    """A fee that is still to be charged, in contract currency."""

    name: str
    day: date
    amount: Amount


class PriceMonth(NamedTuple):
    """A month in which something of a line's price is earned, from a day on to another, both included."""

    name: str
    first: date
    last: date


def to_charge(draft: Draft, line: LineEarning, ahead: TermsAhead, as_of: date) -> list[ToCharge]:
    """By day; what the line's rows charge already is left out, what comes after four years counts at their end."""
    first = as_of + ONE_DAY
    last = date(first.year + MONTHS_MAX // 12 - 1, first.month, 1)
    found = [
        ToCharge(fee.name, max(min(fee.day, last), first), fee.amount)
        for fee in ahead.fees
        if fee.amount and not is_charged(draft, line.contract_id, line.line_id, fee.name)
    ]
    return sorted(found, key=lambda fee: (fee.day, fee.name))


def ahead_of_line(draft: Draft, line: LineEarning, as_of: date) -> TermsAhead:
    contract = draft.contract(line.contract_id)
    assert contract is not None, "the line is of a contract in the books"
    return ahead_of(draft, contract, line.line_id, as_of)


def earned_over(ahead: TermsAhead, until: date) -> Earning:
    """What of the line is earned evenly by day, as far as it begins by a day; nothing where its revenue comes otherwise."""
    return earning(ahead.known, until)


def months_ahead(ahead: TermsAhead, as_of: date) -> list[tuple[PriceMonth, Amount]]:
    """What the line earns by day in each month after a day; what comes after four years counts in the last of them."""
    if not ahead.known.held:
        return []
    until = ahead.known.held[-1].ends_on
    earns = earned_over(ahead, until) if until is not None else {}
    found: list[tuple[PriceMonth, Amount]] = []
    first = as_of + ONE_DAY
    while earns and until is not None and first <= until:
        name = first.isoformat()[:7]
        following = month_after(name)
        last = min(date(int(following[:4]), int(following[5:]), 1) - ONE_DAY, until)
        if len(found) == MONTHS_MAX - 12:
            last = until
        amount = sum(earned_by(each, last) - earned_by(each, first - ONE_DAY) for each in earns.values())
        found.append((PriceMonth(name, first, last), amount))
        first = last + ONE_DAY
    return found if any(amount > 0 for _, amount in found) else []


def weights(
    to_earn: Sequence[tuple[PriceMonth, Amount]], fees: Sequence[ToCharge], as_of: date
) -> list[tuple[str, Amount]]:
    """Months in which what is left of a price is earned, by how much of it; the next, where all is charged already."""
    if to_earn:
        return [(month.name, max(amount, 0)) for month, amount in to_earn]
    found: dict[str, Amount] = {}
    for fee in fees:
        month = fee.day.isoformat()[:7]
        found[month] = found.get(month, 0) + max(fee.amount, 0)
    return sorted(found.items()) if any(found.values()) else [((as_of + ONE_DAY).isoformat()[:7], 1)]
