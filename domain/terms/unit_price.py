"""Units delivered, each at a price: one price, or steps that count the units of a period.

Deliveries share the steps in consumption order; one that is issued keeps what it was issued at, and what its price would be by now is
made good by the first that is not. Where all are issued they get the steps again, as corrections (R19). Where units are agreed, more
than these are not charged, and each delivery has the price of its place, whatever is issued.

    5 sessions at 10,000.00: one delivered is 10,000.00; a sixth one would be over the five agreed
    100 at 10.00, the rest at 9.00, by volume: 60 are 600.00; with 60 more all 120 are at 9.00, so that these are 480.00
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.events.commercial import ContractSigned
from domain.events.common import PriceTier, UnitPrice
from domain.explanation import constant
from domain.figure import Recorded, as_recorded, called, lesser, node_of
from domain.money import format_decimal, round_ratio, smallest_unit
from domain.policy_faults import Fault, rate_faults
from domain.terms.kind import WITH_CHARGE, WITH_INVOICE, Kind, TermsInForce
from domain.terms.tiers import PER_AMOUNT, graduated, reached, tier_faults
from domain.units import QUANTITY_SCALE, Amount, Quantity
from domain.work.recorded import in_price_steps

VOLUME = "volume"


class Delivery(NamedTuple):
    """Units delivered, with the terms of their day and the period whose units the steps count; `kept` is the value that is issued."""

    row: str
    period: str
    units: Quantity
    terms: UnitPrice
    kept: Amount | None = None


class UnitsValue(NamedTuple):
    """`within` is what of the amount is for units agreed; None where any number is."""

    amount: Amount
    within: Amount | None


# An explanation's: what so many units of a delivery's terms come to, of so many of the period, with its node.
Worth = Callable[[Delivery, Quantity, Quantity, Amount], Amount]


def prices(terms: UnitPrice) -> Sequence[PriceTier]:
    return terms.tiers or (PriceTier(terms.unit_price or 0),)


def path_of_prices(terms: UnitPrice) -> str:
    """Within the terms; `{place}` is that of the step."""
    return ".tiers[{place}].unit_price" if terms.tiers else ".unit_price"


def is_shared(terms: UnitPrice) -> bool:
    """Whether a delivery's price depends on the others."""
    return len(terms.tiers) > 1 or terms.units is not None


def values(
    deliveries: Sequence[Delivery], step: Amount, mode: str, worth: Worth | None = None
) -> dict[str, UnitsValue]:
    """All are given in consumption order, those that are issued first; these keep their amount as long as others make good for it."""
    periods: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        periods.setdefault(delivery.period, []).append(delivery)
    spans: dict[str, tuple[Quantity, Quantity]] = {}
    taken = 0
    for delivery in deliveries:
        agreed = delivery.terms.units
        room = max(agreed - taken, 0) if agreed is not None else delivery.units
        spans[delivery.row] = (min(delivery.units, room), delivery.units)
        taken += delivery.units
    found: dict[str, UnitsValue] = {}
    for sharing in periods.values():
        found |= _of_period(sharing, spans, step, mode, worth)
    return found


def _of_period(
    sharing: Sequence[Delivery],
    spans: Mapping[str, tuple[Quantity, Quantity]],
    step: Amount,
    mode: str,
    worth: Worth | None,
) -> dict[str, UnitsValue]:
    total = sum(delivery.units for delivery in sharing)
    found = {}
    values = {}
    before = owed = 0
    for delivery in sharing:
        within, units = spans[delivery.row]
        amount = _between(delivery, before, units, total, step, mode, worth)
        part = _between(delivery, before, within, total, step, mode, worth)
        values[delivery.row] = UnitsValue(amount, part if delivery.terms.units is not None else None)
        before += units
        due = called(owed + amount, "with what was issued otherwise before")
        if delivery.kept is not None:
            part, owed, due = min(part, delivery.kept), due - delivery.kept, delivery.kept
        else:
            part, owed = part + owed, 0
        found[delivery.row] = UnitsValue(due, part if delivery.terms.units is not None else None)
    return values if owed else found


def _between(
    delivery: Delivery, before: Quantity, units: Quantity, total: Quantity, step: Amount, mode: str, worth: Worth | None
) -> Amount:
    """Of the units after the first `before`: the rounded value up to there less that up to here, so that deliveries add up (R12)."""
    terms = delivery.terms
    tiers = prices(terms)

    def value(quantity: Quantity) -> Amount:
        is_volume = terms.tier_mode == VOLUME
        exact = quantity * reached(tiers, total) if is_volume else graduated(tiers, quantity)
        amount = round_ratio(exact, PER_AMOUNT, step, mode)
        return amount if worth is None else worth(delivery, quantity, total, amount)

    return called(value(before + units) - value(before), "at its prices")


def units(terms: UnitPrice) -> UnitPrice:
    return terms


def agreed(line: TermsInForce) -> Amount | None:
    """What the units agreed come to, delivered in one period of the steps; no more than a hard cap on all of it."""
    terms = line.line.terms
    assert isinstance(terms, UnitPrice), "the kind of the terms chose this module"
    if terms.units is None:
        return None
    step, mode = smallest_unit(line.contract.currency), line.policies.money_mode
    worth = values([Delivery("", "", terms.units, terms)], step, mode)[""].amount
    cap = terms.cap
    limits = cap is not None and cap.kind == "hard" and cap.period == "whole_term" and cap.limits_revenue is not False
    worth = _recorded(worth, terms, line.contract.currency, mode)
    return lesser(worth, cap.amount, "at most") if cap is not None and limits and cap.amount is not None else worth


def _recorded(worth: Amount, terms: UnitPrice, currency: str, mode: str) -> Amount:
    """With the prices of its steps, where the terms say how their numbers came about."""
    units, tiers = terms.units, prices(terms)
    if not isinstance(units, Recorded):
        return worth
    first = units.node if terms.tier_mode == VOLUME else constant("before them", 0, "quantity")
    nodes = [node_of(tier.unit_price, "price of a unit", "rate", currency) for tier in tiers]
    return as_recorded(worth, in_price_steps(tiers, nodes, first, units.node, terms.tier_mode, currency, mode))


def faults(terms: UnitPrice, _contract: ContractSigned) -> Iterable[Fault]:
    if (terms.unit_price is None) == (not terms.tiers):
        got = "both" if terms.tiers else "neither"
        yield "unit_price", f"expected a unit_price or tiers, got {got}"
        return
    if terms.unit_price is not None:
        yield from rate_faults("unit_price", terms.unit_price)
    else:
        yield from tier_faults("tiers", terms.tiers)
    if terms.units is not None and terms.units <= 0:
        yield "units", f"expected more than 0, got {format_decimal(terms.units, QUANTITY_SCALE)}"
    if terms.cap is not None and terms.cap.hours is not None:
        yield "cap.hours", "units have no hours: a cap on them is an amount"


KIND = Kind(
    takes=("units",),
    revenue={"units": WITH_CHARGE, "right_to_invoice": WITH_CHARGE, "as_billed": WITH_INVOICE},
    faults=faults,
    units=units,
    counts=("fee",),
    agreed=agreed,
)
