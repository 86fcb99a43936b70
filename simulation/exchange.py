"""Exchange rates of the euro, published every weekday at four: a walk that leans back to where it began."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

from domain.events.reference import ExchangeRateSet
from domain.units import EXCHANGE_RATE_ONE
from simulation.calendar import HOUR, SATURDAY, instant
from simulation.chance import between
from simulation.entities import BERLIN
from simulation.sources import ERP, stamped

# Units for one euro times 10,000, as central banks print them, and the largest step of a day.
FIRST_FIXING = {"USD": (10_850, 62), "GBP": (8_640, 34)}
FIXING = EXCHANGE_RATE_ONE // 10_000
# The part of the distance to the start that is taken back each day.
LEAN = 40


@dataclass(slots=True)
class Fixings:
    rates: dict[str, int]


def opening_fixings() -> Fixings:
    return Fixings({currency: rate for currency, (rate, _) in FIRST_FIXING.items()})


def publish(day: date, fixings: Fixings, random: Random) -> Iterator[ExchangeRateSet]:
    """The rates of a weekday; nothing on other days."""
    if day.weekday() >= SATURDAY:
        return
    at = instant(day, 16 * HOUR, BERLIN.zone)
    for currency, (first, step) in FIRST_FIXING.items():
        before = fixings.rates[currency]
        fixings.rates[currency] = before + between(random, -step, step) + (first - before) // LEAN
        yield ExchangeRateSet(
            **stamped(ERP, f"EUR-{currency}-{day}-1", at),
            rate_type="spot",
            from_currency="EUR",
            to_currency=currency,
            date=day,
            rate=fixings.rates[currency] * FIXING,
            version=1,
        )
