"""Who gets room under caps, worked out from the beginning by the text of the rules (R15 to R18, RULES section 6).

Written apart from the fold: it sorts all entries, walks them once, and shares no code with what it checks.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple

UNITS = {"EUR": "0.01", "USD": "0.01", "GBP": "0.01", "JPY": "1", "KWD": "0.001"}


class Limit(NamedTuple):
    """A hard cap as it holds for one entry."""

    cap_id: str
    amount: Decimal | None
    hours: Decimal | None
    period: str
    reject_whole: bool


class Claimed(NamedTuple):
    """What an entry wants; `pinned` of its value is issued already."""

    entry_id: str
    person_id: str
    day: dt.date
    approved_at: int
    value: Decimal
    hours: Decimal
    limits: tuple[Limit, ...]
    pinned: Decimal = Decimal(0)


def rounded(amount: Fraction, currency: str, *, half_even: bool = False) -> Decimal:
    """To the smallest unit of the currency."""
    unit = Fraction(UNITS[currency])
    whole, rest = divmod(abs(amount), unit)
    up = rest > unit / 2 or (rest == unit / 2 and (whole % 2 == 1 if half_even else True))
    units = (whole + up) * (1 if amount >= 0 else -1)
    return Decimal(int(units)) * Decimal(UNITS[currency])


def quantized(amount: Decimal, currency: str, *, half_even: bool = False) -> Decimal:
    return amount.quantize(Decimal(UNITS[currency]), ROUND_HALF_EVEN if half_even else ROUND_HALF_UP)


def allowed(
    claims: Iterable[Claimed], currency: str, *, half_even: bool = False, by_approval: bool = False
) -> Mapping[str, Decimal]:
    """What each entry may have: the least that the caps over it leave, first come by (service date, approval, id)."""
    ordered = sorted(claims, key=lambda claim: (claim.day, claim.approved_at, claim.entry_id))
    if by_approval:
        ordered.sort(key=lambda claim: claim.approved_at)
    used: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    worked: defaultdict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    for claim in ordered:
        for limit in claim.limits:
            used[_bucket(limit, claim)] += claim.pinned
            worked[_bucket(limit, claim)] += _hours_of(claim, claim.pinned)
    given: dict[str, Decimal] = {}
    for claim in ordered:
        free = claim.value - claim.pinned
        # What has no value takes no room.
        free_hours = Fraction(claim.hours) - _hours_of(claim, claim.pinned) if claim.value else Fraction(0)
        grant, grant_hours = free, free_hours
        for limit in claim.limits:
            bucket = _bucket(limit, claim)
            amount, hours = free, free_hours
            if limit.amount is not None and used[bucket] + free > limit.amount:
                amount = Decimal(0) if limit.reject_whole else max(limit.amount - used[bucket], Decimal(0))
                hours = free_hours * Fraction(amount) / Fraction(free) if free else free_hours
            elif limit.hours is not None and free_hours and worked[bucket] + free_hours > Fraction(limit.hours):
                hours = Fraction(0) if limit.reject_whole else max(Fraction(limit.hours) - worked[bucket], Fraction(0))
                amount = rounded(Fraction(free) * hours / free_hours, currency, half_even=half_even)
            if amount < grant:
                grant, grant_hours = amount, hours
        for limit in claim.limits:
            used[_bucket(limit, claim)] += grant
            worked[_bucket(limit, claim)] += grant_hours
        given[claim.entry_id] = claim.pinned + grant
    return given


def _hours_of(claim: Claimed, amount: Decimal) -> Fraction:
    """The part of the hours that stands for a part of the value."""
    return Fraction(claim.hours) * Fraction(amount) / Fraction(claim.value) if claim.value else Fraction(0)


def _bucket(limit: Limit, claim: Claimed) -> tuple[str, ...]:
    match limit.period:
        case "month":
            return limit.cap_id, f"{claim.day:%Y-%m}"
        case "day":
            return limit.cap_id, claim.day.isoformat(), claim.person_id
        case _:
            return (limit.cap_id,)
