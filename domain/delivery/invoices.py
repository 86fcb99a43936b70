"""The invoice of an issued statement, where the company's ERP issues invoices.

It has the number that the statement was issued under, so that a person in the ERP finds what the client holds.

It is dated on the last day of the statement's period. Statements that are dated before the ERP began to issue invoices were invoiced
by somebody else, and are left out.

Lines are the statement's, and what the customer retains, is released, or was paid ahead stands below them, so that they sum to what is
due. Work and expenses were recognised against the unbilled receivable (1150), which the invoice clears: revenue stands in the ERP once.
A deposit is owed to the customer (2310) until it is set against a statement.

    10 h at 150.00                 1,500.00   time        1150
    train to Hamburg                  80.00   expense     1150
    retained, 5 %                    -79.00   retention   1170
    amount due                     1,501.00
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from domain.accounts import CUSTOMER_DEPOSIT, RETENTION_RECEIVABLE, UNBILLED_RECEIVABLE
from domain.billing.statement import EACH
from domain.delivery.chart import (
    CUSTOMER,
    DELIVERY,
    DEPOSIT,
    EXPENSE,
    FEE,
    ITEM,
    RETENTION,
    TIME,
    EntityChart,
    ErpAccount,
    Unmapped,
)
from domain.delivery.documents import INVOICE, InvoiceDocument, InvoiceLine, key_of, revision_of
from domain.money import format_amount
from domain.outputs import BillingStatement, StatementLine
from domain.terms import deposit
from domain.units import AMOUNT_ONE, QUANTITY_ONE, RATE_ONE, Amount, Quantity, Rate
from domain.work import rows
from domain.work.rows import named, origin

_KINDS: Final = {rows.TIME_ENTRY: TIME, rows.EXPENSE: EXPENSE, rows.DELIVERY: DELIVERY}
_OF_STATEMENT: Final = ("contract", "currency")
# What lines of an invoice have as journals on these accounts have it: rules that ask for more would part the two for good. Not the
# customer: an invoice has that of its bill-to, accruals that of the contract.
CONDITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    UNBILLED_RECEIVABLE: ("project", *_OF_STATEMENT),
    RETENTION_RECEIVABLE: _OF_STATEMENT,
    CUSTOMER_DEPOSIT: _OF_STATEMENT,
}


class _Part(NamedTuple):
    """What is one line of the invoice."""

    kind: str
    role: str
    text: str
    quantity: Quantity
    unit: str
    rate: Rate
    amount: Amount
    project_id: str = ""


def invoice(
    statement: BillingStatement, chart: EntityChart, correlation_id: str | None = None
) -> InvoiceDocument | Unmapped:
    """Of a whole statement. Its due date is the ERP's terms' to say."""
    if (customer := chart.customer(statement.bill_to)) is None:
        return Unmapped(CUSTOMER, statement.bill_to)
    if unnamed := next(chart.unnamed(statement.currency), None):
        return unnamed
    categories = {each.category for each in statement.tax} | {each.category for each in statement.undetermined_tax}
    category = categories.pop() if len(categories) == 1 else ""
    lines: list[InvoiceLine] = []
    for part in _parts(statement):
        place = _place(part, statement, chart)
        if isinstance(place, Unmapped):
            return place
        item = chart.items.get(part.kind, "")
        if not item and (chart.items or chart.bills_by_item):
            return Unmapped(ITEM, part.kind)
        lines.append(
            InvoiceLine(
                item,
                place.account,
                part.text,
                part.quantity,
                part.unit,
                part.rate,
                part.amount,
                category,
                place.segments,
            )
        )
    if (found := sum(line.amount for line in lines)) != statement.amount_due:
        raise AssertionError(
            f"statement {statement.statement_id}: lines sum to {format_amount(found)}, "
            f"expected the amount due, {format_amount(statement.amount_due)} {statement.currency}"
        )
    return InvoiceDocument(
        key=key_of(INVOICE, [revision_of(statement.statement_id, statement.revision)]),
        legal_entity_id=statement.legal_entity_id,
        subsidiary=chart.subsidiary,
        customer=customer,
        currency=statement.currency,
        currency_id=chart.currencies.get(statement.currency, statement.currency),
        statement_id=statement.statement_id,
        revision=statement.revision,
        invoice_date=date_of(statement),
        due_date=None,
        period="",
        period_id="",
        text=f"{statement.number}, Milepost {statement.statement_id}"
        if statement.number
        else f"Milepost {statement.statement_id}",
        lines=tuple(lines),
        amount=statement.amount_due,
        tax_amount=sum(each.amount for each in statement.tax),
        correlation_id=correlation_id,
        number=statement.number or "",
    )


def lack_of(statement: BillingStatement, chart: EntityChart) -> Unmapped | None:
    """What the chart has no place for; of one part of several only its customer is looked at."""
    if chart.customer(statement.bill_to) is None:
        return Unmapped(CUSTOMER, statement.bill_to)
    made = invoice(statement, chart) if statement.parts == 1 else None
    return made if isinstance(made, Unmapped) else None


def date_of(statement: BillingStatement) -> date:
    return statement.to - timedelta(days=1)


def kind_of(line: StatementLine) -> str:
    """What the line is about; a line without entries, or of several kinds, is a fee."""
    kinds = {_kind(origin(entry)) for entry in line.entries}
    return kinds.pop() if len(kinds) == 1 else FEE


def _kind(row: str) -> str:
    return DEPOSIT if deposit.is_named(row) else _KINDS.get(named(row)[0], FEE)


def _parts(statement: BillingStatement) -> Iterator[_Part]:
    for line in statement.lines:
        kind = kind_of(line)
        yield _Part(
            kind,
            CUSTOMER_DEPOSIT if kind == DEPOSIT else UNBILLED_RECEIVABLE,
            line.description,
            line.quantity,
            line.unit,
            line.rate,
            line.amount,
            line.project_id,
        )
    for kind, role, text, amount in (
        (RETENTION, RETENTION_RECEIVABLE, "Retained", -statement.retained),
        (RETENTION, RETENTION_RECEIVABLE, "Retention released", statement.released),
        (DEPOSIT, CUSTOMER_DEPOSIT, "Deposits applied", -statement.deposits_applied),
    ):
        if amount:
            sign = 1 if amount > 0 else -1
            yield _Part(kind, role, text, sign * QUANTITY_ONE, EACH, abs(amount) * (RATE_ONE // AMOUNT_ONE), amount)


def _place(part: _Part, statement: BillingStatement, chart: EntityChart) -> ErpAccount | Unmapped:
    about = {
        "project": part.project_id,
        "contract": statement.contract_id,
        "customer": statement.bill_to,
        "currency": statement.currency,
        "purpose": part.kind,
    }
    return chart.mapped(part.role, {name: value for name, value in about.items() if value})
