"""Rows of units that share steps of a price with those to come."""

from bisect import bisect_left
from typing import NamedTuple

from domain.contract import agreed_units
from domain.events.commercial import BalancesBroughtForward
from domain.events.common import BalanceForward
from domain.figure import assumed
from domain.terms import methods
from domain.terms.unit_price import Delivery, is_shared, values
from domain.units import QUANTITY_ONE, Amount, Quantity
from domain.work.rows import UNITS
from state.books import Contract, OpeningWork
from state.opening.loading import UNBILLED_REST, LineLoad, Worked
from state.opening.record import recorded_units
from state.opening.take_rows import UNBILLED_ENDED, take_row
from state.terms.plan import LinePlan, versions


class Units(NamedTuple):
    """What all come to, what of it is unbilled of an ended period, and what is unbilled at all."""

    value: Amount
    ended: Amount
    rest: Amount


def bring_units(at: LineLoad, worked: Worked, before: Worked, units: Units) -> None:
    parts = [(UNITS, worked, units.value)]
    if units.ended:
        parts = [
            (UNITS, before, units.value - units.rest),
            (f"{UNITS}/{UNBILLED_ENDED}", before, units.ended),
            (f"{UNITS}/{UNBILLED_REST}", worked, units.rest - units.ended),
        ]
    delivered, until = 0, 0
    for name, on, amount in parts:
        if amount:
            until += amount
            worth = units_worth(at.loading.contract, worked.plan, at.stated.balance, at.loading.event, until)
            take_row(at, on, name, amount, OpeningWork(), quantity=worth - delivered)
            delivered = worth


def units_value(
    contract: Contract, plan: LinePlan, balance: BalanceForward, event: BalancesBroughtForward, units: Quantity | None
) -> Amount:
    """What the units come to that share steps with those to come."""
    terms = methods.units(plan.line.terms)
    if terms is None or units is None or not is_shared(terms):
        return 0
    agreed = terms._replace(units=agreed_units(versions(contract), balance.line_id, event.as_of))
    whole = values([Delivery(UNITS, "", units, agreed)], plan.step, plan.policies.money_mode)
    return recorded_units(plan, terms, whole[UNITS].amount, units)


def units_worth(
    contract: Contract, plan: LinePlan, balance: BalanceForward, event: BalancesBroughtForward, amount: Amount
) -> Quantity:
    """How many of the units come to the amount, by the fewest digits: 800.00 at 10.00 are 80, though 79.9999 are 800.00 too."""
    units = balance.units or 0
    if units_value(contract, plan, balance, event, units) == amount:
        return units

    def fewest(least: Amount) -> Quantity:
        def value(quantity: Quantity) -> Amount:
            return units_value(contract, plan, balance, event, quantity)

        return bisect_left(range(units), least, key=value)

    first, last = fewest(amount), fewest(amount + 1) - 1
    unit: Quantity = QUANTITY_ONE
    while unit > 1 and last - last % unit < first:
        unit //= 10
    return assumed(balance.units, last - last % unit, "units that come to it, by the fewest digits")
