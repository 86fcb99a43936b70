"""An invoice of the ERP that clears the unbilled receivable, and what of the billing journal is left to be delivered then.

Such an invoice credits 1150 for all that it bills, but deposits (2310) and what is retained (1170), at its own rate. Where the books take
something from elsewhere, a second journal moves it there from 1150, so that every account of the ERP ends as ours:

    10,000.00 of a price that is earned over time, of which 6,000.00 are earned so far and stand on 1160

    the invoice (a memo)   debit 1100 10,000.00   credit 1150 10,000.00
    delivered              debit 1150 10,000.00   credit 1160  6,000.00, 2300 4,000.00
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from domain.accounts import CUSTOMER_DEPOSIT, OUTPUT_TAX, RECEIVABLE, UNBILLED_RECEIVABLE
from domain.ledger.journal import BILLING, Leg, merge, negated
from domain.outputs import JournalEntry
from domain.terms.deposit import is_named as is_deposit
from domain.units import Amount
from domain.work.rows import origin

# The rule of what is delivered then.
CLEARED: Final = "unbilled_cleared"
# What the customer owes, and the tax in it, are the same in either.
OWED: Final = (RECEIVABLE, OUTPUT_TAX)
# Legs by project, in its order.
Placed = Sequence[tuple[str, Leg]]


def is_of_invoice(journal: JournalEntry) -> bool:
    """Whether it is what the books do for an invoice, or the part of that which is delivered."""
    return journal.kind == BILLING or journal.rule == CLEARED


def account_of(row: str) -> str:
    """Where such an invoice has what it bills of a row."""
    return CUSTOMER_DEPOSIT if is_deposit(origin(row)) else UNBILLED_RECEIVABLE


def invoice_legs(booked: Placed, billed: Placed, in_ledger: Callable[[Amount], Amount]) -> Placed:
    """What the invoice itself posts, of what the books do for it; of `billed` the ledger amounts are left to its rate.

    Cents that conversion leaves are on its first line that the customer does not owe.
    """
    sums: defaultdict[tuple[str, str, str], Amount] = defaultdict(int)
    for project_id, leg in billed:
        sums[project_id, leg.account, leg.purpose] += leg.amount
    cleared = [
        (project_id, Leg(account, purpose, amount, in_ledger(amount)))
        for (project_id, account, purpose), amount in sorted(sums.items())
        if amount
    ]
    legs = [(project_id, leg) for project_id, leg in booked if leg.account in OWED]
    rest = sum(leg.ledger_amount for _, leg in (*legs, *cleared))
    if rest and cleared:
        project_id, leg = cleared[0]
        cleared[0] = project_id, leg._replace(ledger_amount=leg.ledger_amount - rest)
    return sorted((*legs, *cleared), key=lambda placed: placed[0])


def left_to_deliver(booked: Placed, invoiced: Placed) -> Placed:
    """What the books have beyond the invoice."""
    by_project: defaultdict[str, list[Leg]] = defaultdict(list)
    for project_id, leg in booked:
        by_project[project_id].append(leg)
    for project_id, leg in invoiced:
        by_project[project_id] += negated((leg,))
    return [(project_id, leg) for project_id in sorted(by_project) for leg in merge(by_project[project_id])]
