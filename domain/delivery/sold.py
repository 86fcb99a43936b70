"""Revenue that is recognised, what statements bill of it, and what was invoiced: three figures that follow each other.

What is left to bill is the position of all contracts (1150 + 1160 - 2300), less what issued statements bill of it until their invoices are
in the books: deposits that were set against a bill and credits that were given are no unbilled work.

recognised 1,600.00   billed 1,200.00   retained 60.00, invoiced 940.00     to bill 400.00, to invoice 200.00
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from domain.accounts import CONTRACT_POSITION, REVENUE
from domain.delivery.chart import DEPOSIT
from domain.delivery.invoices import kind_of
from domain.delivery.reconciled import Billing
from domain.ledger.journal import BILLING
from domain.outputs import BillingStatement, JournalEntry
from domain.revenue.refund import is_refund
from domain.units import Amount


class Sold(NamedTuple):
    """Of one company and currency, net of tax. `billed` less `withheld`, what is retained or was paid as a deposit, is `invoiced` or
    `to_invoice`, but for `differing`: invoices of another amount than their statement's. `to_bill` is below zero where more is billed than
    recognised, such as instalments ahead of the work.
    """

    legal_entity_id: str
    currency: str
    recognised: Amount
    billed: Amount = 0
    invoiced: Amount = 0
    to_invoice: Amount = 0
    differing: int = 0
    withheld: Amount = 0
    to_bill: Amount = 0

    @property
    def not_of_work(self) -> Amount:
        """`recognised` less `billed`, and this added, is `to_bill`: credits that were given, deposits that were billed and set off."""
        return self.to_bill - self.recognised + self.billed


class Revenue:
    """What journals recognise and leave to bill, by company and currency."""

    def __init__(self) -> None:
        self._earned: defaultdict[tuple[str, str], Amount] = defaultdict(int)
        self._position: defaultdict[tuple[str, str], Amount] = defaultdict(int)
        self._invoiced: set[str] = set()

    def add(self, journal: JournalEntry) -> None:
        place = journal.legal_entity_id, journal.currency
        self._earned[place] -= sum(line.amount for line in journal.lines if line.account in REVENUE)
        if not is_refund(journal.rule):
            self._position[place] += sum(line.amount for line in journal.lines if line.account in CONTRACT_POSITION)
        if journal.kind == BILLING:
            self._invoiced.add(journal.affected_id)

    def sold(self, billing: Billing) -> list[Sold]:
        found = {
            place: Sold(*place, recognised, to_bill=self._position[place]) for place, recognised in self._earned.items()
        }
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
                to_bill=had.to_bill - (0 if statement.statement_id in self._invoiced else _of_work(statement)),
            )
        return [found[place] for place in sorted(found)]


def _of_work(statement: BillingStatement) -> Amount:
    """What it bills but for deposits."""
    return sum(line.amount for line in statement.lines if kind_of(line) != DEPOSIT)
