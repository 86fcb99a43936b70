"""By when a statement is to be paid: the day of issue and the customer's terms of payment."""

from datetime import date

from domain.billing.statement import due_on
from domain.events.reference import CustomerDefined

JULY = date(2026, 7, 1)


def customer(days: int | None) -> CustomerDefined:
    return CustomerDefined("e-1", 0, "crm", "ACME", 1, "Acme AG", payment_terms_days=days)


def test_the_terms_count_from_the_day_of_issue() -> None:
    assert due_on(JULY, customer(30), 100_0000) == date(2026, 7, 31)
    assert due_on(JULY, customer(0), 100_0000) == JULY


def test_without_terms_nobody_knows_the_day() -> None:
    assert due_on(JULY, customer(None), 100_0000) is None
    assert due_on(JULY, None, 100_0000) is None
    assert due_on(None, customer(30), 100_0000) is None


def test_what_asks_for_nothing_is_never_due() -> None:
    assert due_on(JULY, customer(30), 0) is None
    assert due_on(JULY, customer(30), -5_0000) is None
