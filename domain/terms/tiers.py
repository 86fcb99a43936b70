"""Prices by quantity: one price, or steps of rising quantity.

Graduated: each unit at the price of its own step. Volume: all units at the price of the step that their sum reaches. Values here are
exact, in 10^-12 of the currency unit; the booking rounds.

    1,000 at 0.45, the rest at 0.25; 1,500 are 575.00 graduated, 375.00 by volume
"""

from collections.abc import Iterator, Sequence

from domain.events.common import PriceTier
from domain.money import format_decimal
from domain.policy_faults import Fault, rate_faults
from domain.units import AMOUNT_SCALE, QUANTITY_SCALE, RATE_SCALE, Quantity, Rate

# An exact value over this is an amount.
PER_AMOUNT = 10 ** (QUANTITY_SCALE + RATE_SCALE - AMOUNT_SCALE)


def graduated(tiers: Sequence[PriceTier], quantity: Quantity) -> int:
    """What comes back is priced like what was delivered."""
    if quantity < 0:
        return -graduated(tiers, -quantity)
    value, below = 0, 0
    for tier in tiers:
        until = quantity if tier.up_to is None else min(tier.up_to, quantity)
        if until > below:
            value += (until - below) * tier.unit_price
            below = until
    return value


def reached(tiers: Sequence[PriceTier], quantity: Quantity) -> Rate:
    """The price of the step that holds the quantity."""
    return next(tier.unit_price for tier in tiers if tier.up_to is None or quantity <= tier.up_to)


def tier_faults(path: str, tiers: Sequence[PriceTier]) -> Iterator[Fault]:
    """Steps rise, and the last one is open, so that every quantity has a price."""
    if not tiers:
        yield path, "expected at least one price"
        return
    below = 0
    for place, tier in enumerate(tiers):
        where = f"{path}[{place}]"
        yield from rate_faults(f"{where}.unit_price", tier.unit_price)
        is_last = place == len(tiers) - 1
        if is_last and tier.up_to is not None:
            yield f"{where}.up_to", "the last step is for all the rest: leave up_to out"
        if not is_last and (tier.up_to is None or tier.up_to <= below):
            got = "nothing" if tier.up_to is None else format_decimal(tier.up_to, QUANTITY_SCALE)
            yield f"{where}.up_to", f"expected more than {format_decimal(below, QUANTITY_SCALE)}, got {got}"
        below = tier.up_to or below
