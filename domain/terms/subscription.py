"""A subscription: a fee for a period, whatever work is done.

Periods are of one, three or twelve calendar months, counted from the month in which the line starts; the first is broken where the line
starts within a month, the last where it ends within one. A broken period costs its share by days (`by_day`) or all of the fee (`none`).

    3,000.00 a month from 2026-01-15: 17 of 31 days, 1,645.16; then 3,000.00

In arrears a period is charged on its last day; in advance on the day before its first, so that it stands on the statement before it, and
the line's first period on the line's first day. A new fee costs its share from its first day on (`by_day`), or from the next period on
(`none`).

What is charged in advance stays charged when the contract is terminated, unless the unused days are given back
(`refund_on_termination`); a period that does not begin any more is not charged. What is kept is earned by the last day.

A minimum is what the contract's other lines have to charge for the days of a period's months; what they lack is charged when it is
closed: when that billing period is which has its last day. Work that comes later makes it less. One that changes within a period holds for
its own days (`by_day`), or from the next period on (`none`).

    10.00 a month for 25 of 28 days, 8.00 used: 8.93 - 8.00 = 0.93
    500.00 for 4 days and 600.00 for 24: 585.71
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.events.commercial import ContractSigned
from domain.events.common import ContractLine, Subscription, Terms
from domain.figure import assumed, average, called
from domain.money import format_amount
from domain.months import MONTHS_IN, months_after
from domain.policy_faults import Fault, price_faults
from domain.revenue.methods import BY_DAYS
from domain.terms import spoken
from domain.terms.kind import OVER_TIME, WITH_CHARGE, WITH_INVOICE, Fee, Kind, LineHistory, Spread, TermsInForce
from domain.units import Amount

BY_DAY = "by_day"
# How fees begin that are for a minimum.
MINIMUM = "minimum/"
DAY = timedelta(days=1)


class SubscriptionPeriod(NamedTuple):
    """Whole months from `start` on, `to` excluded, of which the line has the days from `first` to `last`."""

    start: date
    to: date
    first: date
    last: date

    def days_to(self, last: date) -> int:
        return (last - self.first).days + 1

    @property
    def days(self) -> int:
        return (self.to - self.start).days


class FeePiece(NamedTuple):
    """What one version of the terms asks for days of one period, which are earned from `first` to `last`."""

    due: date
    amount: Amount
    first: date
    last: date


def fees(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Fee]:
    terms = _terms(agreed)
    # One that is charged on the day before its first day begins a day later; none begins after the terms have ended.
    for piece in _pieces(agreed, terms, min(until, agreed.before - DAY) + DAY):
        if piece.due <= until:
            said = spoken.said("fee", first=piece.first, last=piece.last)
            yield Fee(piece.first.isoformat(), piece.due, piece.amount, said, piece.first, piece.last)
    for period, least, amount in _lacking(agreed, terms, known):
        if period.last <= until:
            days = (period.last - period.first).days + 1
            stated = format_amount(agreed.rounded(least, 1), agreed.contract.currency)
            said = spoken.said("minimum", amount=stated, days=days, of=period.days)
            yield Fee(_minimum(period), period.last, amount, said)


def spreads(agreed: TermsInForce, known: LineHistory, until: date) -> Iterator[Spread]:
    terms = _terms(agreed)
    for piece in _pieces(agreed, terms, until):
        yield Spread(piece.first.isoformat(), piece.amount, piece.first, piece.last)
    for period, _, amount in _lacking(agreed, terms, known):
        if agreed.since <= period.last < agreed.before:
            yield Spread(_minimum(period), amount, period.first, period.last)


def comes_to(held: Sequence[TermsInForce], _: LineHistory) -> Amount:
    """All fees to the contract's last day, whether it is terminated or not."""
    *before, newest = held
    last = newest.contract.ends_on or date.max
    newest = newest._replace(before=date.max, ends_on=newest.contract.ends_on)
    pieces = (piece for agreed in (*before, newest) for piece in _pieces(agreed, _terms(agreed), last))
    return sum(piece.amount for piece in pieces)


def _terms(agreed: TermsInForce) -> Subscription:
    terms = agreed.line.terms
    assert isinstance(terms, Subscription), "the kind of the terms chose this module"
    return terms


def _minimum(period: SubscriptionPeriod) -> str:
    return f"{MINIMUM}{period.first}"


def _periods(agreed: TermsInForce, per: str, until: date) -> Iterator[SubscriptionPeriod]:
    """All that begin up to a day, by what the terms say; the termination is not looked at."""
    start = agreed.starts_on.replace(day=1)
    end = agreed.contract.ends_on or date.max
    while max(start, agreed.starts_on) <= min(until, end):
        to = months_after(start, MONTHS_IN[per])
        yield SubscriptionPeriod(start, to, max(start, agreed.starts_on), min(to - DAY, end))
        start = to


def _pieces(agreed: TermsInForce, terms: Subscription, until: date) -> Iterator[FeePiece]:
    """What pays for days that begin up to a day, in this version of the terms."""
    ask = _share if terms.proration == BY_DAY else _whole
    for period in _periods(agreed, terms.per, until):
        piece = ask(agreed, terms, period)
        if piece is not None and piece.first <= until:
            yield piece


def _share(agreed: TermsInForce, terms: Subscription, period: SubscriptionPeriod) -> FeePiece | None:
    """Of a fee that changes within the period each version has its days; together they have all cents."""
    first, last = max(period.first, agreed.since), min(period.last, agreed.before - DAY)
    if first > last:
        return None
    paid_to = period.last if _is_kept(agreed, terms, period) else last
    said = "up to its last day" if paid_to == last else f"up to {paid_to}, and kept"
    upto, before = (
        agreed.part_of(terms.fee, period.days_to(day), period.days, title)
        for day, title in ((paid_to, said), (first - DAY, "up to the day before it"))
    )
    return FeePiece(_due(agreed, terms, period, first, last), upto - before, first, last)


def _whole(agreed: TermsInForce, terms: Subscription, period: SubscriptionPeriod) -> FeePiece | None:
    """The version in force on the period's first day asks for all of it; only a refund goes by days."""
    last = min(period.last, agreed.ends_on or date.max)
    if not agreed.since <= period.first < agreed.before or period.first > last:
        return None
    amount = terms.fee
    if terms.in_advance and last < period.last and not _is_kept(agreed, terms, period):
        days, of = ((day - period.first).days + 1 for day in (last, period.last))
        amount = agreed.part_of(terms.fee, days, of, "up to its last day")
    return FeePiece(_due(agreed, terms, period, period.first, last), amount, period.first, last)


def _is_kept(agreed: TermsInForce, terms: Subscription, period: SubscriptionPeriod) -> bool:
    """Whether the contract ends early within the period, and what was charged for the rest of it stays charged."""
    ends = agreed.ends_on
    within = agreed.ends_early and ends is not None and ends < agreed.before and period.first <= ends < period.last
    return within and terms.in_advance and not terms.refund_on_termination


def _due(agreed: TermsInForce, terms: Subscription, period: SubscriptionPeriod, first: date, last: date) -> date:
    if not terms.in_advance:
        return last
    return first - DAY if first == period.start and first > agreed.starts_on else first


def _lacking(
    agreed: TermsInForce, terms: Subscription, known: LineHistory
) -> Iterator[tuple[SubscriptionPeriod, Amount, Amount]]:
    """Periods in which other lines charged less than the minimum, and by how much, once the billing period is closed that has their last
    day."""
    if terms.minimum is None or not known.closed:
        return
    for period in _periods(agreed, terms.per, known.closed[-1].last):
        last = min(period.last, agreed.ends_on or date.max)
        if known.closed[-1].to <= last or last < period.first:
            continue
        used = sum(known.beside.get(month, 0) for month in months(period.start, period.to))
        days = (last - period.first).days + 1 if terms.proration == BY_DAY else period.days
        least = _least(terms, known.held, period.first, last)
        lacks = agreed.part_of(least, days, period.days, "minimum for its days") - called(
            used, "charged by other lines"
        )
        if lacks > 0:
            yield period._replace(last=last), least, lacks


def _least(terms: Subscription, held: Sequence[TermsInForce], first: date, last: date) -> Amount:
    """What is the minimum from a day to another: by days, else that of the first."""
    last = last if terms.proration == BY_DAY else first
    found = []
    for one in held:
        days, of = (min(last, one.before - DAY) - max(first, one.since)).days + 1, one.line.terms
        least = of.minimum if isinstance(of, Subscription) else None
        if days > 0:
            least = assumed(terms.minimum, 0, "no minimum") if least is None else least
            found.append((assumed(terms.minimum, days, "days", "count"), least))
    one_alone = len({least for _, least in found}) == 1
    return found[0][1] if one_alone else average(found, "minimum, by the days of each")


def months(start: date, to: date) -> Iterator[str]:
    """Calendar months from the one that begins on a day, up to the one that begins on another."""
    while start < to:
        yield start.isoformat()[:7]
        start = months_after(start, 1)


def has_minimum(terms: Terms) -> bool:
    return isinstance(terms, Subscription) and terms.minimum is not None


def is_minimum(fee: str) -> bool:
    """Whether a fee of this name is for a minimum."""
    return fee.startswith(MINIMUM)


def by_period(line: ContractLine) -> bool:
    return has_minimum(line.terms)


def faults(terms: Subscription, contract: ContractSigned) -> Iterable[Fault]:
    yield from price_faults("fee", terms.fee, contract.currency)
    if terms.minimum is not None:
        yield from price_faults("minimum", terms.minimum, contract.currency)
        if contract.billing_cycle is not None and contract.billing_cycle.kind == "on_request":
            yield "minimum", "a minimum is charged when a billing period closes; a contract billed on request has none"


KIND = Kind(
    takes=("fee",),
    revenue={**dict.fromkeys(BY_DAYS, OVER_TIME), "as_billed": WITH_INVOICE, "right_to_invoice": WITH_CHARGE},
    fees=fees,
    spreads=spreads,
    by_period=by_period,
    faults=faults,
    comes_to=comes_to,
)
