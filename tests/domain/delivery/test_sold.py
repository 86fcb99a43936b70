"""Recognised, billed and invoiced, by company and currency."""

from datetime import date

from domain.delivery.reconciled import Billing
from domain.delivery.sold import Revenue, Sold
from domain.events.finance import InvoicePosted
from domain.units import AMOUNT_ONE
from tests.domain.delivery.journals import journal, line
from tests.domain.delivery.test_invoices import STATEMENT

DAY = date(2026, 7, 2)


def posted(units: int) -> InvoicePosted:
    return InvoicePosted("e", 0, "main", "INV-1", DAY, units * AMOUNT_ONE, statement_id="S-1")


def test_what_is_billed_and_not_invoiced_waits_and_so_does_what_is_not_billed() -> None:
    """2,000.00 are recognised, 1,580.00 billed, of which 79.00 is retained."""
    revenue = Revenue()
    revenue.add(journal("J-1", [line("1150", 2_100), line("4000", -2_100)]))
    revenue.add(journal("J-2", [line("1150", -100), line("4050", 100)]))
    revenue.add(journal("J-3", [line("5000", 100), line("2150", -100)], currency="USD"))
    in_dollars = Sold("DE", "USD", 0)
    sent, invoiced = Billing({"S-1": STATEMENT}, {}), Billing({"S-1": STATEMENT}, {"S-1": posted(1_501)})
    waits = Sold(
        "DE",
        "EUR",
        2_000 * AMOUNT_ONE,
        1_580 * AMOUNT_ONE,
        0,
        1_501 * AMOUNT_ONE,
        withheld=79 * AMOUNT_ONE,
        to_bill=420 * AMOUNT_ONE,
    )
    assert revenue.sold(sent) == [waits, in_dollars]
    assert waits.billed - waits.withheld == waits.to_invoice
    assert revenue.sold(invoiced) == [waits._replace(invoiced=1_501 * AMOUNT_ONE, to_invoice=0), in_dollars]


def test_an_invoice_of_another_amount_is_counted() -> None:
    (found,) = Revenue().sold(Billing({"S-1": STATEMENT}, {"S-1": posted(1_500)}))
    assert (found.differing, found.invoiced) == (1, 1_500 * AMOUNT_ONE)


def test_a_deposit_that_was_set_against_a_bill_and_a_credit_are_no_unbilled_work() -> None:
    """All of 6,000.00 is billed, 1,000.00 of it paid as a deposit, and 100.00 were given up; 300.00 credited are to be billed again."""
    revenue = Revenue()
    revenue.add(journal("J-1", [line("1150", 6_000), line("4000", -6_000)]))
    revenue.add(
        journal(
            "J-2",
            [line("1100", 5_000), line("2310", 1_000), line("1150", -6_000)],
            kind="billing",
            affected_kind="statement",
            affected_id="S-1",
        )
    )
    revenue.add(journal("J-3", [line("4000", 100), line("1100", -100)], kind="difference"))
    statement = STATEMENT._replace(
        total=6_000 * AMOUNT_ONE, retained=0, deposits_applied=1_000 * AMOUNT_ONE, amount_due=5_000 * AMOUNT_ONE
    )
    billing = Billing({"S-1": statement}, {"S-1": posted(5_000)})
    (found,) = revenue.sold(billing)
    assert (found.to_bill, found.recognised, found.withheld) == (0, 5_900 * AMOUNT_ONE, 1_000 * AMOUNT_ONE)
    revenue.add(journal("J-4", [line("1150", 300), line("1100", -300)], kind="difference"))
    (found,) = revenue.sold(billing)
    assert found.to_bill == 300 * AMOUNT_ONE
    assert found.not_of_work == 400 * AMOUNT_ONE, "5,900.00 less 6,000.00 and this is 300.00"
