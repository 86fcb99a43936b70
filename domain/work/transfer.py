"""Transfer prices: what a company of the group charges another for an hour of its people (policy `intercompany_transfer`).

Hours are those worked, whether they are billed or not (`domain/reference/transfer_prices.py` says which price counts).

    rate              40 h at 150.00                                6,000.00
    cost_plus         40 h that cost 100.00, with 50 % on it        6,000.00
    percent_of_bill   40 h of a bill rate of 200.00, 75 % of it     6,000.00

Both companies book it, each in its own ledger, so that the group has nothing of it:

    lender   Dr 1180 6,000.00  Cr 4100 6,000.00      borrower   Dr 5050 6,000.00  Cr 2180 6,000.00
"""

from typing import Final, NamedTuple

from domain.capabilities import DUE_FROM, DUE_TO, INTERCOMPANY_COST, INTERCOMPANY_REVENUE
from domain.events.delivery import TimeApproved
from domain.events.reference import TransferPriceSet
from domain.explanation import Node, Parameter, PolicyUse, constant, evaluated, less
from domain.money import extend, extend_at
from domain.reference.exchange import Exchange
from domain.reference.transfer_prices import COST_PLUS, PERCENT_OF_BILL, STATED
from domain.units import HUNDRED_PERCENT, Amount, Hours, Rate
from domain.why import Rates, in_event, rounding

PURPOSE: Final = "intercompany"
# The rule that journals of a pair name.
RULE: Final = "intercompany"

Pairs = tuple[tuple[str, str, Amount], ...]


class HourRate(NamedTuple):
    """What the price of an hour is made of: its cost, or its bill rate, with the rate into the currency of the transfer."""

    rate: Rate
    currency: str
    exchange: Exchange


def charged(price: TransferPriceSet, way: str, hours: Hours, finer: int, hour: HourRate | None, mode: str) -> Amount:
    """What hours come to, rounded once; `finer` is what they leave out (`domain.money.extend`)."""
    if hour is None:
        return extend(hours, price.rate or 0, 0, price.currency, mode, finer)
    markup = (price.markup or 0) if way == COST_PLUS else (price.bill_percent or 0) - HUNDRED_PERCENT
    numerator, denominator = hour.exchange.numerator, hour.exchange.denominator
    return extend_at(hours, hour.rate, numerator, denominator, markup, price.currency, mode, finer)


def both_pairs(amount: Amount) -> tuple[Pairs, Pairs]:
    """Of the company that lends, and of the one that borrows."""
    lent = ((DUE_FROM, PURPOSE, amount), (INTERCOMPANY_REVENUE, PURPOSE, -amount))
    return lent, ((INTERCOMPANY_COST, PURPOSE, amount), (DUE_TO, PURPOSE, -amount))


def said(
    event: TimeApproved,
    price: TransferPriceSet,
    way: str,
    hour: tuple[Node, Rates] | None,
    mode: str,
    policies: tuple[PolicyUse, ...],
) -> Node:
    """How `charged` comes about: hours, the price, and of cost or bill rate (`hour`) where they come from."""
    operation, hours = _hours(event)
    stated = getattr(price, STATED[way])
    operands: tuple[Node, ...]
    parameters: dict[str, Parameter] = {**rounding(price.currency, mode)}
    if hour is None:
        rate = in_event("transfer price of an hour", stated, "rate", price, STATED[way], price.currency)
        operands, taken = (*hours, rate), "extend"
    else:
        of_hour, rates = hour
        percent = in_event("transfer price, per cent", stated, "percent", price, STATED[way])
        if way == PERCENT_OF_BILL:
            percent = less("per cent more or less", percent, constant("the whole", HUNDRED_PERCENT, "percent"))
        operands, taken = (*hours, of_hour, *rates.nodes, percent), "convert"
        parameters["legs"] = ("times", *rates.legs)
    if operation:
        parameters["of"] = taken
    title = f"{event.entry_id}: transferred"
    return evaluated(
        title,
        operation or taken,
        operands,
        parameters,
        "amount",
        price.currency,
        policies=policies,
        facts=(
            ("from company", price.lending_entity_id),
            ("to company", price.borrowing_entity_id),
            ("transfer price", f"{price.transfer_price_id} version {price.version}"),
            ("of role", price.role or "all"),
            ("in effect from", price.effective_from.isoformat()),
        ),
    )


def _hours(event: TimeApproved) -> tuple[str, tuple[Node, ...]]:
    """Hours as they are stated; of work by start and end, or to the second, the exact time, with the operation that takes it."""
    if event.hours is not None and event.seconds is not None:
        return "of_seconds", (in_event("seconds worked", event.seconds, "seconds", event, "seconds"),)
    if event.hours is not None:
        return "", (in_event(f"{event.entry_id}: hours worked", event.hours, "hours", event, "hours"),)
    if event.started_at is None or event.ended_at is None:
        return "", (constant(f"{event.entry_id}: no hours", 0, "hours"),)
    end = in_event("end", event.ended_at, "instant", event, "ended_at")
    return "of_time", (end, in_event("start", event.started_at, "instant", event, "started_at"))
