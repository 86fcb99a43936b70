"""Issued statements as the ERP's invoices."""

from datetime import date
from typing import Any

import pytest

from domain.delivery.chart import AccountRule, ErpAccount, Unmapped, dimensions_of
from domain.delivery.documents import InvoiceDocument, InvoiceLine, key_of
from domain.delivery.invoices import CONDITIONS, invoice
from domain.delivery.lacks import Lacks
from domain.outputs import BillingStatement, StatementLine, StatementTax
from domain.units import AMOUNT_ONE, PERCENT_ONE, QUANTITY_ONE, RATE_ONE
from tests.domain.delivery.journals import chart, journal, line

DAY = date(2026, 6, 3)
WORK = StatementLine(
    "L-1",
    "P-1",
    "Design",
    10 * QUANTITY_ONE,
    "hour",
    150 * RATE_ONE,
    1_500 * AMOUNT_ONE,
    DAY,
    DAY,
    entries=("T-1", "T-2"),
)
TRAIN = StatementLine(
    "L-2", "P-1", "Train", QUANTITY_ONE, "each", 80 * RATE_ONE, 80 * AMOUNT_ONE, DAY, DAY, entries=("expense/E-1",)
)
STATEMENT = BillingStatement(
    statement_id="S-1", revision=3, contract_id="K-1", bill_to="C-1", currency="EUR", legal_entity_id="DE",
    period=date(2026, 6, 1), to=date(2026, 7, 1), status="issued", lines=(WORK, TRAIN), total=1_580 * AMOUNT_ONE,
    retained=79 * AMOUNT_ONE, released=0, deposits_applied=0, amount_due=1_501 * AMOUNT_ONE, rounding="", line_count=2,
    control_total=1_580 * AMOUNT_ONE,
    tax=(StatementTax("services", 1_580 * AMOUNT_ONE, 19 * PERCENT_ONE, 300 * AMOUNT_ONE),),
)  # fmt: skip
ITEMS = {"time": "901", "expense": "902", "retention": "903"}


def test_lines_and_what_is_retained_sum_to_what_is_due() -> None:
    found = invoice(STATEMENT, chart(items=ITEMS, customers={"C-1": "5501"}), correlation_id="c")
    assert isinstance(found, InvoiceDocument)
    assert [(each.item, each.account, each.text, each.amount // AMOUNT_ONE) for each in found.lines] == [
        ("901", "91150", "Design", 1_500),
        ("902", "91150", "Train", 80),
        ("903", "91170", "Retained", -79),
    ]
    assert found.lines[0] == InvoiceLine(
        "901", "91150", "Design", 10 * QUANTITY_ONE, "hour", 150 * RATE_ONE, 1_500 * AMOUNT_ONE, "services"
    )
    last = found.lines[-1]
    assert (last.quantity, last.rate) == (-QUANTITY_ONE, 79 * RATE_ONE)
    assert (found.amount, found.tax_amount) == (1_501 * AMOUNT_ONE, 300 * AMOUNT_ONE)
    assert (found.customer, found.key, found.correlation_id) == ("5501", key_of("invoice", ["S-1 revision 3"]), "c")
    assert found.invoice_date == date(2026, 6, 30)


@pytest.mark.parametrize(
    ("since", "found", "left_out"),
    [(date(2026, 6, 1), [("item", "time", 1, 1_700)], []), (date(2026, 7, 1), [], [(1, 1_700)])],
    ids=["to be sent", "invoiced by somebody else"],
)
def test_a_statement_that_is_issued_again_lacks_and_is_left_out_once(
    since: date, found: list[tuple[Any, ...]], left_out: list[tuple[int, int]]
) -> None:
    """June's is issued over 1,501.00, and again over 1,700.00; the draft of another contract is no statement yet."""
    lacks = Lacks({"DE": chart(invoices_from=since, items={"expense": "902", "retention": "903"})})
    lacks.add(STATEMENT)
    lacks.add(STATEMENT._replace(status="superseded"))
    lacks.add(
        STATEMENT._replace(
            revision=4, lines=(WORK._replace(amount=1_699 * AMOUNT_ONE), TRAIN), amount_due=1_700 * AMOUNT_ONE
        )
    )
    lacks.add(STATEMENT._replace(statement_id="S-2", status="open"))
    assert [(lack.missing, lack.name, held.documents, held.amount // AMOUNT_ONE) for lack, held in lacks.found] == found
    assert [(held.documents, held.amount // AMOUNT_ONE) for _, held in lacks.left_out] == left_out


def test_the_number_of_the_statement_goes_with_it() -> None:
    """Without one the document is as it was before there were numbers."""
    known = chart(items=ITEMS, customers={"C-1": "5501"})
    without, numbered = (invoice(each, known) for each in (STATEMENT, STATEMENT._replace(number="INV-2026-00017")))
    assert isinstance(without, InvoiceDocument)
    assert isinstance(numbered, InvoiceDocument)
    assert (without.number, without.text) == ("", "Milepost S-1")
    assert (numbered.number, numbered.text) == ("INV-2026-00017", "INV-2026-00017, Milepost S-1")
    assert numbered._replace(number="", text=without.text) == without


@pytest.mark.parametrize(
    ("entry", "item", "account"),
    [
        ("fee/K/D/deposit", "905", "92310"),
        ("fee/K/D/refund", "905", "92310"),
        ("fee/K/M/milestone/deposit", "904", "91150"),
        ("fee/K/F/instalment/2026-06-30", "904", "91150"),
        ("delivery/D-1", "906", "91150"),
        ("overflow/T-1", "901", "91150"),
    ],
)
def test_what_a_line_is_about_is_known_by_its_entries(entry: str, item: str, account: str) -> None:
    """A milestone may be called deposit and is none."""
    one = STATEMENT._replace(lines=(WORK._replace(entries=(entry,)),), retained=0, amount_due=1_500 * AMOUNT_ONE)
    found = invoice(one, chart(items={**ITEMS, "fee": "904", "deposit": "905", "delivery": "906"}))
    assert isinstance(found, InvoiceDocument)
    assert [(each.item, each.account) for each in found.lines] == [(item, account)]


def test_a_customer_or_a_kind_that_the_chart_has_not_got_is_named() -> None:
    assert invoice(STATEMENT, chart(customers={"C-2": "1"})) == Unmapped("customer", "C-1")
    assert invoice(STATEMENT, chart(items={"time": "901"})) == Unmapped("item", "expense")
    assert invoice(STATEMENT, chart(accounts={})) == Unmapped("account", "1150")
    assert invoice(STATEMENT, chart(currencies={"CHF": "7"})) == Unmapped("currency", STATEMENT.currency)


@pytest.mark.parametrize(
    ("role", "name", "account"),
    [
        ("1150", "project", "west"),
        ("1150", "contract", "west"),
        ("1150", "customer", "rest"),
        ("1150", "currency", "west"),
        ("1150", "purpose", "rest"),
        ("1150", "practice", "rest"),
        ("1170", "project", "rest"),
        ("1170", "contract", "west"),
        ("1170", "customer", "rest"),
        ("1170", "currency", "west"),
        ("2310", "project", "rest"),
        ("2310", "contract", "west"),
        ("2310", "customer", "rest"),
        ("2310", "currency", "west"),
    ],
)
def test_an_invoice_stands_where_journals_do_by_what_both_have(role: str, name: str, account: str) -> None:
    """Of 100.00 a rule has the journal on west; by anything else the invoice is on the rest, and both accounts stay open.

    C-2 pays for the contract of C-1: journals name C-1.
    """
    entry = journal("J-1", [line(role, 100, practice="water")])
    of_journal = dimensions_of(entry, entry.lines[0])
    rules = (AccountRule("rest"), AccountRule("west", ((name, of_journal[name]),)))
    found = chart(accounts={**chart().accounts, role: rules})
    assert found.mapped(role, of_journal) == ErpAccount("west", ())
    due = {"deposits_applied": 100 * AMOUNT_ONE, "amount_due": 1_401 * AMOUNT_ONE}
    issued = invoice(STATEMENT._replace(bill_to="C-2", **due), found)
    assert isinstance(issued, InvoiceDocument)
    assert {each.account for each in issued.lines if each.account in ("west", "rest")} == {account}
    assert (name in CONDITIONS[role]) == (account == "west")


def test_a_statement_whose_lines_are_not_what_is_due_stops_here() -> None:
    with pytest.raises(AssertionError, match=r"lines sum to 1501.00, expected the amount due, 1500.00 EUR"):
        invoice(STATEMENT._replace(amount_due=1_500 * AMOUNT_ONE), chart())
