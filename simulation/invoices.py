"""The statements that a run of Milepost has made, and the ERP's invoices for those that are issued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from connectors.containers import decode_output_file
from domain.events.finance import InvoicePosted, InvoiceRejected
from domain.identity import engagement_of
from domain.outputs import BillingStatement
from domain.units import AMOUNT_ONE, Instant
from simulation.calendar import HOUR, SECOND, instant, nth_workday
from simulation.chance import between, stream
from simulation.sources import ERP, stamped

STATEMENTS = "billing.statements"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Every so many statements, counted over all rounds: refused at first, and invoiced with another amount at first.
REFUSED = (23, 5)
MISTYPED = (37, 11)
WORKDAYS_TO_INVOICE = (1, 3)
WORKDAYS_TO_PUT_RIGHT = 2
REFUSALS = (
    ("CUSTOMER_BLOCKED", "Customer is blocked for invoicing."),
    ("PO_MISSING", "Customer requires a purchase order number."),
    ("PERIOD_CLOSED", "Posting period is closed."),
)

Answer = InvoicePosted | InvoiceRejected


class NoStatements(ValueError):
    """There is nothing that could be invoiced."""


class NewestStatement(NamedTuple):
    """The newest revision of a statement, and since when it stands."""

    statement: BillingStatement
    at: Instant


def newest_statements(output: Path) -> list[NewestStatement]:
    """The newest revision of each statement; ordered by when it was made, then by id."""
    paths = sorted(path for path in output.rglob("*.avro") if path.parent.name == STATEMENTS)
    if not paths:
        raise NoStatements(f"{output}: expected a folder {STATEMENTS} in it; give the output of `milepost run`")
    newest: dict[str, NewestStatement] = {}
    for path in paths:
        for position, record in decode_output_file(path):
            if isinstance(record, BillingStatement) and record.part == 1:
                before = newest.get(record.statement_id)
                if before is None or before.statement.revision <= record.revision:
                    newest[record.statement_id] = NewestStatement(record, position.recorded_at)
    return sorted(newest.values(), key=lambda each: (each.at, each.statement.statement_id))


def day_of(at: Instant) -> date:
    return (EPOCH + timedelta(microseconds=at)).date()


def answers(new: Sequence[NewestStatement], before: int, seed: int) -> Iterator[Answer]:
    """One invoice for each statement; now and then a refusal or a wrong amount comes first."""
    for number, (statement, issued_at) in enumerate(new, start=before + 1):
        random = stream(seed, f"invoice/{statement.statement_id}")
        day = nth_workday(day_of(issued_at) + timedelta(days=1), between(random, *WORKDAYS_TO_INVOICE))
        right = nth_workday(day + timedelta(days=1), WORKDAYS_TO_PUT_RIGHT)
        if number % REFUSED[0] == REFUSED[1]:
            yield refused(statement, number, day)
            yield posted(statement, f"INV-{number:06}", number, right)
        elif number % MISTYPED[0] == MISTYPED[1]:
            wrong = posted(statement, f"INV-{number:06}", number, day)
            yield wrong._replace(amount=wrong.amount + 100 * AMOUNT_ONE)
            yield posted(statement, f"INV-{number:06}-B", number, right)
        else:
            yield posted(statement, f"INV-{number:06}", number, day)


def posted(statement: BillingStatement, invoice_id: str, number: int, day: date) -> InvoicePosted:
    at = posting_time(number, day)
    return InvoicePosted(
        **stamped(ERP, invoice_id, at),
        invoice_id=invoice_id,
        posted_on=day,
        amount=statement.amount_due,
        engagement_id=engagement_of(statement.statement_id),
        tax_amount=sum(tax.amount for tax in statement.tax),
        statement_id=statement.statement_id,
    )


def refused(statement: BillingStatement, number: int, day: date) -> InvoiceRejected:
    at = posting_time(number, day)
    code, message = REFUSALS[number % len(REFUSALS)]
    return InvoiceRejected(
        **stamped(ERP, f"refused-{number:06}", at),
        code=code,
        message=message,
        engagement_id=engagement_of(statement.statement_id),
        statement_id=statement.statement_id,
    )


def posting_time(number: int, day: date) -> Instant:
    """In the afternoon, one after the other."""
    return instant(day, 14 * HOUR, "UTC") + number % 7200 * SECOND
