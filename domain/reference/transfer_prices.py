"""Transfer prices: which of them counts for work of one company of the group for another, and what makes one unusable.

Of the prices that state what policy `intercompany_transfer` asks for, the one of the role comes before the one of all, then the later
`effective_from`, then the higher id.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from operator import attrgetter
from typing import Final

from domain.events.reference import TransferPriceSet
from domain.identity import composed
from domain.policy_faults import Fault, currency_faults, markup_faults, rate_faults

RATE: Final = "rate"
COST_PLUS: Final = "cost_plus"
PERCENT_OF_BILL: Final = "percent_of_bill"
# What a transfer price has to state for each way.
STATED: Final[Mapping[str, str]] = {RATE: "rate", COST_PLUS: "markup", PERCENT_OF_BILL: "bill_percent"}


def faults(price: TransferPriceSet) -> Iterator[Fault]:
    yield from currency_faults("currency", price.currency)
    if price.lending_entity_id == price.borrowing_entity_id:
        yield "borrowing_entity_id", f"expected another company, got {price.lending_entity_id} itself"
    if price.rate is None and price.markup is None and price.bill_percent is None:
        yield "rate", "expected a rate, a markup or a per cent of the bill rate, got none"
    yield from rate_faults("rate", price.rate)
    yield from markup_faults("markup", price.markup)
    yield from markup_faults("bill_percent", price.bill_percent)


def wakes(price: TransferPriceSet) -> tuple[tuple[str, str], ...]:
    return (_wait_key(price.lending_entity_id, price.borrowing_entity_id),)


def waits_for_price(lender: str, borrower: str, person_id: str) -> tuple[tuple[str, str], ...]:
    """A transfer price between the companies, another role of the person, or another policy of the borrower (`domain.waiting`)."""
    return _wait_key(lender, borrower), ("person", person_id), ("entity", borrower)


def _wait_key(lender: str, borrower: str) -> tuple[str, str]:
    return "transfer", composed(lender, borrower)


def between(prices: Iterable[TransferPriceSet], lender: str, borrower: str, day: date) -> list[TransferPriceSet]:
    """Those in effect on the day between two companies, the one that counts most first."""
    fitting = [
        price
        for price in prices
        if (price.lending_entity_id, price.borrowing_entity_id) == (lender, borrower) and price.effective_from <= day
    ]
    return sorted(fitting, key=attrgetter("effective_from", "transfer_price_id"), reverse=True)


def price_for(prices: Iterable[TransferPriceSet], way: str, role: str | None) -> TransferPriceSet | None:
    """`prices` are those between two companies on a day (`between`)."""
    stating = [price for price in prices if getattr(price, STATED[way]) is not None]
    for of in (role, None):
        found = next((price for price in stating if price.role == of), None)
        if found is not None:
            return found
    return None
