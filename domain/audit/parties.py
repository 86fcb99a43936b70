"""Everyone whom a statement bills was defined before it was said."""

from __future__ import annotations

from collections.abc import Iterator

from domain.audit.findings import STATEMENTS, SeenOutput, Violation, violation
from domain.audit.reference import ReferenceSoFar
from domain.outputs import BillingStatement


def billed_to_nobody(seen: SeenOutput, statement: BillingStatement, reference: ReferenceSoFar) -> Iterator[Violation]:
    if reference.book.customer(statement.bill_to) is None:
        expected = "a bill-to that the log has defined up to here"
        yield violation(STATEMENTS, seen, statement.statement_id, expected, statement.bill_to)
