"""The reference data that outputs are looked at with: what of it the log has up to them."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import STATEMENTS, SeenOutput, Violation, violation
from domain.events.reference import (
    AccountingPeriodClosed,
    AccountingPeriodReopened,
    CustomerDefined,
    LegalEntityDefined,
    TaxPolicyDefined,
)
from domain.outputs import BillingStatement
from domain.reference.book import EMPTY_BOOK, apply, approves_itself, conflict, fixed_faults
from domain.reference_faults import faults

Learnt = LegalEntityDefined | CustomerDefined | TaxPolicyDefined | AccountingPeriodClosed | AccountingPeriodReopened


class ReferenceSoFar:
    """Grows with the log; what the rules refuse is not in it."""

    def __init__(self, partitions: int = 1) -> None:
        self.book = EMPTY_BOOK._replace(partitions=partitions)

    def learn(self, event: Learnt) -> None:
        refused = (
            faults(event) or fixed_faults(self.book, event) or approves_itself(event) or conflict(self.book, event)
        )
        if not refused:
            self.book = apply(self.book, event)


def billed_to_nobody(seen: SeenOutput, statement: BillingStatement, reference: ReferenceSoFar) -> Iterator[Violation]:
    if reference.book.customer(statement.bill_to) is None:
        expected = "a bill-to that the log has defined up to here"
        yield violation(STATEMENTS, seen, statement.statement_id, expected, statement.bill_to)
