"""Exchange rates: the last one on or before a date, by the first path that is fresh enough (R53).

Paths, in this order: direct, inverse (divide by the quoted rate), across EUR. Every leg must be quoted on or before the
date and at most `staleness_days` before it. The result is an exact fraction; the rate in 10^-12 is for showing and is
never computed with.

    EUR to USD quoted 1.25 and EUR to GBP 0.75:  USD to GBP is 0.75 / 1.25 = 3/5;  USD to EUR is 1 / 1.25 = 4/5
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from datetime import date
from math import gcd
from typing import Final, Literal, NamedTuple, TypeAlias

from domain.events.reference import ExchangeRateSet
from domain.money import HALF_UP, round_ratio
from domain.units import EXCHANGE_RATE_ONE, Amount, ExchangeRate

BRIDGE = "EUR"
# Days after which a rate is too old: never.
NEVER_STALE = 1_000_000

# rate type, from, to
Pair = tuple[str, str, str]


class Quotes(NamedTuple):
    """One pair in one calendar year, days ascending; small enough to be copied when a rate is set."""

    days: tuple[date, ...] = ()
    rates: tuple[ExchangeRate, ...] = ()
    versions: tuple[int, ...] = ()


ExchangeRates = Mapping[Pair, Mapping[int, Quotes]]


class ExchangeLeg(NamedTuple):
    """One quoted rate on the way; an inverted one is quoted as units of `from_currency` for one `to_currency`."""

    from_currency: str
    to_currency: str
    date: date
    rate: ExchangeRate
    version: int
    inverted: bool


class Exchange(NamedTuple):
    """Multiply by `numerator / denominator`; `rate` is that in 10^-12, for showing. One currency needs no path.

    `rate_type` and `day` are what the path was looked up for; a rate without one is of a journal, or something states it.
    """

    numerator: int
    denominator: int
    rate: ExchangeRate
    path: tuple[ExchangeLeg, ...]
    rate_type: str = ""
    day: date = date.min
    journal_id: str = ""


# Categories of exceptions of a missing rate: there is none at all, or only rates that are too old.
NO_RATE: Final = "no_exchange_rate"
STALE_RATE: Final = "stale_exchange_rate"
MissingRateCategory: TypeAlias = Literal["no_exchange_rate", "stale_exchange_rate"]
MISSING_RATE: Final[tuple[MissingRateCategory, ...]] = (NO_RATE, STALE_RATE)


class MissingRate(NamedTuple):
    category: MissingRateCategory
    rate_type: str
    from_currency: str
    to_currency: str
    date: date

    @property
    def message(self) -> str:
        """What is missing, in a sentence."""
        return self._said(f" for {self.date}", " of that day or before")

    @property
    def lasting(self) -> str:
        """The same of whatever day, for what waits until there is a rate of its newest day."""
        return self._said("", "")

    def _said(self, day: str, before: str) -> str:
        asked = f"an exchange rate from {self.from_currency} to {self.to_currency}{day} (type {self.rate_type})"
        if self.category == STALE_RATE:
            return f"expected {asked}, found older ones than policy rate_staleness_days allows; publish a newer one"
        return f"expected {asked}, found none{before}; publish one"


def day_asked(message: str) -> date | None:
    """The day that the message of a missing rate names; None where another rule words it."""
    found = _ASKED.search(message)
    return date.fromisoformat(found[1]) if found is not None else None


_ASKED = re.compile(r"an exchange rate from \S+ to \S+ for (\d{4}-\d\d-\d\d) \(type ")
SAME_CURRENCY = Exchange(1, 1, EXCHANGE_RATE_ONE, ())


def at_rate(rate: ExchangeRate, journal_id: str = "") -> Exchange:
    """At a rate that is stated, or that a journal carries: no path leads to it."""
    return Exchange(rate, EXCHANGE_RATE_ONE, rate, (), journal_id=journal_id)


def carried_at(amount: Amount, ledger: Amount) -> Exchange:
    """That makes of an amount, other than zero, the ledger amount at which it is carried; `rate` has no sign, also where one is a debit and
    the other a credit, as of invoices of several payers that nearly cancel each other."""
    signed = ledger if amount > 0 else -ledger
    return Exchange(signed, abs(amount), abs(ledger) * EXCHANGE_RATE_ONE // abs(amount), ())


def exchange(
    rates: ExchangeRates, rate_type: str, from_currency: str, to_currency: str, day: date, staleness_days: int
) -> Exchange | MissingRate:
    if from_currency == to_currency:
        return SAME_CURRENCY
    only_stale = False
    for path in _paths(from_currency, to_currency):
        legs = [_leg(rates, rate_type, step, day) for step in path]
        found = [leg for leg in legs if leg is not None]
        if len(found) < len(legs):
            continue
        if all((day - leg.date).days <= staleness_days for leg in found):
            return _along(tuple(found), rate_type, day)
        only_stale = True
    return MissingRate(STALE_RATE if only_stale else NO_RATE, rate_type, from_currency, to_currency, day)


def quoted(rates: ExchangeRates, event: ExchangeRateSet) -> tuple[int, ExchangeRate] | None:
    """Version and rate that are kept for the event's type, pair and date."""
    quotes = rates.get(_pair(event), {}).get(event.date.year, Quotes())
    place = bisect_left(quotes.days, event.date)
    if place == len(quotes.days) or quotes.days[place] != event.date:
        return None
    return quotes.versions[place], quotes.rates[place]


def with_rate(rates: ExchangeRates, event: ExchangeRateSet) -> ExchangeRates:
    """The rates with this one; the same object for a version that is not higher or a rate that is not above zero."""
    kept = quoted(rates, event)
    if event.rate <= 0 or (kept is not None and kept[0] >= event.version):
        return rates
    years = rates.get(_pair(event), {})
    quotes = years.get(event.date.year, Quotes())
    place = bisect_left(quotes.days, event.date)
    after = place + 1 if kept is not None else place
    changed = Quotes(
        (*quotes.days[:place], event.date, *quotes.days[after:]),
        (*quotes.rates[:place], event.rate, *quotes.rates[after:]),
        (*quotes.versions[:place], event.version, *quotes.versions[after:]),
    )
    return {**rates, _pair(event): {**years, event.date.year: changed}}


def _pair(event: ExchangeRateSet) -> Pair:
    return event.rate_type, event.from_currency, event.to_currency


class _Step(NamedTuple):
    from_currency: str
    to_currency: str
    inverted: bool


def _paths(from_currency: str, to_currency: str) -> Iterator[tuple[_Step, ...]]:
    yield (_Step(from_currency, to_currency, False),)
    yield (_Step(from_currency, to_currency, True),)
    if BRIDGE not in (from_currency, to_currency):
        for first_inverted in (False, True):
            for second_inverted in (False, True):
                yield (_Step(from_currency, BRIDGE, first_inverted), _Step(BRIDGE, to_currency, second_inverted))


def _leg(rates: ExchangeRates, rate_type: str, step: _Step, day: date) -> ExchangeLeg | None:
    from_currency, to_currency, inverted = step
    pair = (rate_type, to_currency, from_currency) if inverted else (rate_type, from_currency, to_currency)
    years = rates.get(pair)
    if years is None:
        return None
    quotes = years.get(day.year, Quotes())
    place = bisect_right(quotes.days, day) - 1
    if place < 0:
        earlier = max((year for year in years if year < day.year), default=None)
        if earlier is None:
            return None
        quotes = years[earlier]
        place = len(quotes.days) - 1
    return ExchangeLeg(
        from_currency, to_currency, quotes.days[place], quotes.rates[place], quotes.versions[place], inverted
    )


def _along(path: tuple[ExchangeLeg, ...], rate_type: str, day: date) -> Exchange:
    numerator = denominator = 1
    for leg in path:
        above, below = (EXCHANGE_RATE_ONE, leg.rate) if leg.inverted else (leg.rate, EXCHANGE_RATE_ONE)
        numerator *= above
        denominator *= below
    common = gcd(numerator, denominator)
    numerator, denominator = numerator // common, denominator // common
    rate = round_ratio(numerator * EXCHANGE_RATE_ONE, denominator, 1, HALF_UP)
    return Exchange(numerator, denominator, rate, path, rate_type, day)
