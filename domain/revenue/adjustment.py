"""Revenue adjusted by hand: what one adjustment may ask for (RULES section 4, revenue adjustment).

It adds to what a contract line has earned, or takes away, on its day; billing, caps and prices know nothing of it. Against it stands the
position of the contract: what was billed ahead (2300) up to its balance, else the contract asset (1160); the other way round of revenue
that is taken away. On `reverse_on` it reverses itself, to the cent and at its rate.

    1,000.00 on 31 March, with 400.00 on 2300: Dr 2300 400.00, Dr 1160 600.00, Cr 4000 1,000.00
    back on 1 April: Dr 4000 1,000.00, Cr 2300 400.00, Cr 1160 600.00
"""

from domain.events.commercial import ContractSigned
from domain.events.finance import RevenueAdjusted
from domain.money import format_amount, smallest_unit
from domain.policy_faults import ENTRY_MOST, Fault


def fault(event: RevenueAdjusted, terms: ContractSigned) -> Fault | None:
    """Field and message of what cannot be posted on a contract of the terms; the first in the order of the fields."""
    amount, currency = format_amount(event.amount), terms.currency
    if not event.amount:
        return "amount", "expected an amount other than zero, got 0.00"
    if abs(event.amount) > ENTRY_MOST:
        return "amount", f"expected at most {format_amount(ENTRY_MOST)}, got {amount}"
    if event.currency != currency:
        return "currency", f"contract {event.contract_id} is in {currency}, the adjustment in {event.currency}"
    if event.amount % smallest_unit(currency):
        return "amount", f"{amount} is finer than {currency} can be paid"
    if event.adjusted_on < terms.starts_on:
        why = f"expected a day from {terms.starts_on} on, when contract {event.contract_id} starts, got {event.adjusted_on}"
        return "adjusted_on", f"{why}; send the adjustment with its day, or amend the start of the contract"
    return None
