"""Revenue that is recognised, what statements bill of it, and what was invoiced: three figures that follow each other.

recognised 1,600.00   billed 1,200.00   retained 60.00, invoiced 940.00     to bill 400.00, to invoice 200.00
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from domain.accounts import REVENUE
from domain.delivery.reconciled import Billing
from domain.outputs import JournalEntry
from domain.units import Amount


class Sold(NamedTuple):
    """Of one company and currency, net of tax. `billed` less `withheld`, what is retained or was paid as a deposit, is `invoiced` or
    `to_invoice`, but for `differing`: invoices of another amount than their statement's.
    """

    legal_entity_id: str
    currency: str
    recognised: Amount
    billed: Amount = 0
    invoiced: Amount = 0
    to_invoice: Amount = 0
    differing: int = 0
    withheld: Amount = 0

    @property
    def to_bill(self) -> Amount:
        """Below zero where more is billed than recognised, such as deposits and instalments ahead of the work."""
        return self.recognised - self.billed


class Revenue:
    """What journals recognise, by company and currency."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, str], Amount] = defaultdict(int)

    def add(self, journal: JournalEntry) -> None:
        earned = -sum(line.amount for line in journal.lines if line.account in REVENUE)
        self._sums[journal.legal_entity_id, journal.currency] += earned

    def sold(self, billing: Billing) -> list[Sold]:
        found = {place: Sold(*place, recognised) for place, recognised in self._sums.items()}
        for statement in billing.statements.values():
            place = (statement.legal_entity_id, statement.currency)
            had = found.get(place, Sold(*place, 0))
            invoice = billing.invoices.get(statement.statement_id)
            found[place] = had._replace(
                billed=had.billed + statement.total,
                invoiced=had.invoiced + (invoice.amount if invoice else 0),
                to_invoice=had.to_invoice + (0 if invoice else statement.amount_due),
                withheld=had.withheld + statement.total - statement.amount_due,
                differing=had.differing + (invoice is not None and invoice.amount != statement.amount_due),
            )
        return [found[place] for place in sorted(found)]
