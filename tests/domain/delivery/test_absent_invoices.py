"""Which issued statements the ERP has no invoice of, and why, by outputs and answers alone."""

from __future__ import annotations

from datetime import date

import pytest

from domain.delivery.absent_invoices import NOT_POSTED, absent_invoices
from domain.delivery.chart import EntityChart
from domain.delivery.documents import INVOICE, key_of, revision_of
from domain.delivery.reconciled import Billing
from domain.events.finance import InvoicePosted, InvoiceRejected
from domain.units import AMOUNT_ONE
from tests.domain.delivery.journals import chart
from tests.domain.delivery.test_invoices import ITEMS, STATEMENT

DAY = date(2026, 6, 30)
SECOND, LAST = (key_of(INVOICE, [revision_of("S-1", number)]) for number in (2, 3))
BILLING = chart(invoices_from=date(2026, 6, 1), items=ITEMS)


def posted(event_id: str) -> InvoicePosted:
    return InvoicePosted(event_id, 0, "main", "INV-1", DAY, 1_501 * AMOUNT_ONE, statement_id="S-1")


def rejected(event_id: str, code: str = "C") -> InvoiceRejected:
    because = event_id.rpartition(".")[2]
    return InvoiceRejected(event_id, 0, "main", code, "m", statement_id="S-1", because=because)


def absent(
    charted: EntityChart, invoice: InvoicePosted | None = None, refusal: InvoiceRejected | None = None
) -> list[tuple[str, str]]:
    """Standing and reason of the statement, which is issued for the third time."""
    invoices = {} if invoice is None else {"S-1": invoice}
    refusals = {} if refusal is None else {refusal.event_id.partition(".")[0]: refusal}
    found = list(absent_invoices(charted, Billing({"S-1": STATEMENT}, invoices, refusals)))
    assert all((each.key, each.statement) == (LAST, STATEMENT) for each in found)
    return [(each.standing, each.why) for each in found]


@pytest.mark.parametrize(
    ("invoice", "refusal", "expected"),
    [
        (None, None, [("to_send", NOT_POSTED)]),
        (None, rejected(f"{LAST}.1.data"), [("rejected", "C m")]),
        (None, rejected(f"{LAST}.1.period", "CLOSED"), [("rejected", "CLOSED m")]),
        (None, rejected(f"{LAST}.1.account"), [("unmapped", "m")]),
        (None, rejected(f"{SECOND}.1.data"), [("to_send", NOT_POSTED)]),
        (posted(f"{LAST}.1.posted"), None, []),
        (posted(f"{LAST}.2.posted"), rejected(f"{LAST}.1.data"), []),
        (posted(f"{SECOND}.1.posted"), rejected(f"{LAST}.1.data", "INVOICED_BEFORE"), [("rejected", "INVOICED_BEFORE m")]),
        (posted("by somebody else"), None, []),
        (posted("by somebody else"), rejected(f"{LAST}.1.data"), []),
    ],
)  # fmt: skip
def test_each_statement_without_an_invoice_has_its_reason(
    invoice: InvoicePosted | None, refusal: InvoiceRejected | None, expected: list[tuple[str, str]]
) -> None:
    assert absent(BILLING, invoice, refusal) == expected


def test_what_the_chart_lacks_is_the_reason_before_anything_is_sent() -> None:
    assert absent(BILLING._replace(customers={"C-2": "7"})) == [("unmapped", "no customer of the ERP for C-1")]
    assert absent(BILLING._replace(items={"time": "901"})) == [("unmapped", "no item of the ERP for expense")]


def test_statements_that_others_invoice_are_not_absent() -> None:
    """Of a company whose ERP issues none, or none of a period that ended so early, and of another company."""
    for charted in (
        BILLING._replace(invoices_from=None),
        BILLING._replace(invoices_from=date(2026, 7, 1)),
        BILLING._replace(legal_entity_id="US"),
    ):
        assert absent(charted) == []
