"""When lines with a price of their own earn and charge what is left of it.

A fee is charged on its day, one that is overdue on the next; a minimum for its own days, once their billing period closes. What is left to
earn lies in the months in which it is earned by day, else in those in which fees are charged, also such as wait for their invoice; what a
retainer has still to let draw, in the next. Units that are agreed lie where the project's hours do.

    36,500.00 earned evenly over 2026, on 30 September: 9,200.00 left, of which 3,100.00 in October, on 10 October no less
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeVar

from domain.figure import at_least, called, exchanged, spread
from domain.forecast.completion import MONTHS_MAX
from domain.forecast.exhaustion import taken_of
from domain.money import smallest_unit
from domain.months import month_end
from domain.reference.exchange import SAME_CURRENCY, Exchange
from domain.revenue.over_time import Stretch, earned_by, earning, is_measured
from domain.sums import summed
from domain.terms.kind import Fee
from domain.terms.subscription import is_minimum
from domain.units import Amount
from domain.work.rows import fee_row
from state.books import LineEarning
from state.charges.terms_known import is_charged, line_fees
from state.draft import Draft
from state.forecast.ahead import TermsAhead
from state.forecast.outlook import ONE_DAY
from state.totals import month_of, standing_price, to_invoice

Month = TypeVar("Month")


class ToCharge(NamedTuple):
    """A fee that is still to be charged, in contract currency."""

    name: str
    day: date
    amount: Amount


def to_charge(draft: Draft, line: LineEarning, charged: Iterable[Fee], as_of: date) -> list[ToCharge]:
    """By day; what the line's rows charge already is left out, what comes after four years counts at their end. What is charged when a
    billing period closes keeps its day, which may be over by then."""
    first = as_of + ONE_DAY
    last = date(first.year + MONTHS_MAX // 12 - 1, first.month, 1)
    found = [
        ToCharge(fee.name, min(fee.day, last) if _is_of_period(fee) else max(min(fee.day, last), first), fee.amount)
        for fee in charged
        if fee.amount and not is_charged(draft, line.contract_id, line.line_id, fee.name)
    ]
    return sorted(found, key=lambda fee: (fee.day, fee.name))


def _is_of_period(fee: Fee) -> bool:
    return fee.since is not None or is_minimum(fee.name)


def months_ahead(
    ahead: TermsAhead, fees: Sequence[ToCharge], left: Amount, posted: Mapping[str, Amount], as_of: date
) -> list[tuple[str, Amount]]:
    """Months in which what is left of the line is earned over time; what comes after four years counts in the last of them.

    A month that is over has what its minimum still lacks, which is earned once its billing period closes. The month that runs has all that
    no other one earns: what its days have earned is posted at its end. What is `posted` of a later month is not to come in it.
    """
    until = ahead.known.held[-1].ends_on if ahead.known.held else None
    if not left and (until is None or until < as_of):
        return []
    earns = earning(ahead.known, until) if until is not None else {}
    if until is None or not earns:
        return []
    minimums = [earns[fee.name] for fee in fees if is_minimum(fee.name) and fee.name in earns]
    over = _months_over(minimums, until if until < as_of else as_of.replace(day=1) - ONE_DAY)
    if until < as_of:
        return over
    last = min(month_end(as_of), until)
    found = [(month_of(as_of), _earned(earns.values(), as_of, last))]
    while last < until:
        before, last = last, min(month_end(last + ONE_DAY), until) if len(found) < MONTHS_MAX - 12 else until
        month = month_of(before + ONE_DAY)
        to_come = called(_earned(earns.values(), before, last) - posted.get(month, 0), f"to come in {month}")
        found.append((month, to_come))
    is_last_day = until == as_of and not is_measured(earns, as_of)
    if not is_last_day and not any(amount for _, amount in found):
        return over
    (month, _), *later = found
    rest = called(left - sum([amount for _, amount in (*over, *later)]), f"left for {month}")
    return [*over, (month, rest), *later]


def _months_over(minimums: Sequence[Sequence[Stretch]], until: date) -> list[tuple[str, Amount]]:
    found: list[tuple[str, Amount]] = []
    first = min((stretches[0].since for stretches in minimums), default=date.max)
    while first <= until:
        last = min(month_end(first), until)
        found.append((month_of(first), _earned(minimums, first - ONE_DAY, last)))
        first = last + ONE_DAY
    return found


def _earned(by: Iterable[Sequence[Stretch]], since: date, last: date) -> Amount:
    """On days after one, up to another."""
    return sum(earned_by(each, last) - earned_by(each, since) for each in by)


def earned_in(
    draft: Draft, line: LineEarning, ahead: TermsAhead, fees: Sequence[ToCharge], left: Amount, as_of: date
) -> list[tuple[str, Amount]]:
    """Months in which what is left of a price is earned, by how much of it; the next, where nothing else says when."""
    found = months_ahead(ahead, fees, left, _posted_after(draft, line, as_of), as_of)
    if found:
        return found
    waiting = _waiting(draft, line, ahead)
    if not (left or waiting):
        return []
    by_month = summed((*((month_of(fee.day), fee.amount) for fee in fees), *waiting))
    rest = called(left - sum(by_month.values()), "charged and not earned")
    if rest and ahead.known.held[-1].allocated is None:
        # What a retainer has charged and nobody has drawn is earned next. A charge that another has replaced had its invoice already.
        more = [(month_of(as_of + ONE_DAY), rest)] if rest > 0 else _earned_ahead(by_month, -rest)
        by_month = summed((*by_month.items(), *more))
        rest = 0
    found = sorted(by_month.items())
    if rest:
        found = [(month, max(amount, 0)) for month, amount in found]
    return found if any(amount for _, amount in found) else [(month_of(as_of + ONE_DAY), 1)]


def _posted_after(draft: Draft, line: LineEarning, as_of: date) -> Mapping[str, Amount]:
    """What the line has earned over time in months after the day's own: where that is posted they begin before they do where the project
    is."""
    month, contract = month_of(as_of), draft.contract(line.contract_id)
    rows = line_fees(draft, contract, line.line_id).earned if contract is not None else ()
    entries = (draft.entry(row) for row in rows if row.rpartition("/")[2] > month)
    prices = (standing_price(entry) for entry in entries if entry is not None)
    posted = ((month_of(price.day), price.earns) for price in prices if price is not None)
    return summed((of, earned) for of, earned in posted if of > month)


def _waiting(draft: Draft, line: LineEarning, ahead: TermsAhead) -> list[tuple[str, Amount]]:
    """What was charged and waits for its invoice, which earns it, each in the month of its charge."""
    rows = ((fee, draft.entry(fee_row(line.contract_id, line.line_id, fee.name))) for fee in ahead.fees)
    of = line.contract_id, line.line_id
    found = [(month_of(fee.day), to_invoice(row, *of)) for fee, row in rows if row is not None]
    return [(month, called(amount, f"charged in {month} and not invoiced")) for month, amount in found if amount]


def _earned_ahead(to_come: Mapping[str, Amount], earned: Amount) -> list[tuple[str, Amount]]:
    """What is earned and not charged, as of periods that are charged at their end, is taken off the first charges to come."""
    months = sorted(to_come)
    charges = (at_least(to_come[month], 0, "to charge") for month in months)
    taken = taken_of(earned, charges, "earned by now", "earned of later charges")
    return [(month, -part) for month, part in zip(months, taken, strict=True)]


def in_months(
    months: Collection[tuple[Month, Amount]], left: Amount, rate: Exchange, currency: str, mode: str
) -> Iterable[tuple[Month, Amount]]:
    """All that is left, in a currency, by what each month, or day, has of it (R12). Where one takes back, they are what all up to each come
    to, less those before."""
    names, amounts = [month for month, _ in months], [amount for _, amount in months]
    if min(amounts, default=0) >= 0:
        return zip(names, spread(exchanged(left, rate, currency, mode), amounts, smallest_unit(currency)), strict=True)
    if rate is SAME_CURRENCY:
        return months
    so_far = [called(total, f"up to {month}") for month, total in zip(names, accumulate(amounts), strict=True)]
    here = [0, *(exchanged(total, rate, currency, mode) for total in so_far)]
    return [(month, after - before) for month, (before, after) in zip(names, pairwise(here), strict=True)]
