"""What is refused says what was expected and what came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from domain.events.common import PurchaseOrder, RemainingWork
from domain.events.delivery import EstimateRevised
from domain.events.finance import PaymentReceived, WrittenOff
from domain.money import parse_amount
from domain.outputs import ExceptionClosed, ForecastUpdate, JournalEntry
from domain.units import HOURS_ONE
from tests.harness import Books
from tests.state.test_exceptions import raised
from tests.state.test_forecast_handler import activated, entity, event, line, people, signed, time


@pytest.fixture
def books() -> Iterator[Books]:
    found = Books()
    found.fold(entity(), *people(), activated())
    yield found
    found.close()


def ordered(limit: str) -> Any:
    return signed(purchase_order=PurchaseOrder("PO-1", parse_amount(limit)))


def test_an_order_below_zero_is_one_fault(books: Books) -> None:
    (refused,) = raised(books.fold(ordered("-5.00")))
    assert refused.message == "contract K: purchase_order.limit: expected no less than zero, got -5.00"


@pytest.mark.parametrize("amount", ["0.00", "-5.00"])
def test_a_write_off_of_nothing_asks_for_an_amount_and_blocks_none(books: Books, amount: str) -> None:
    books.fold(signed(), time("T-1", "2026-03-02", 8))
    given_up = event(
        WrittenOff,
        "2026-03-03T10:00",
        write_off_id="W-1",
        what="unbilled",
        entries=("T-1",),
        amount=parse_amount(amount),
        currency="EUR",
        written_off_on=date(2026, 3, 3),
        reason="test",
        requested_by="ann",
        approved_by="ben",
    )
    (refused,) = raised(books.fold(given_up))
    assert refused.message == f"write-off W-1: expected an amount above zero, got {amount}"
    assert (refused.category, refused.blocks_amount) == ("misapplied", 0)


def paid(amount: str) -> Any:
    return event(
        PaymentReceived,
        "2026-03-03T10:00",
        payment_id="P-1",
        customer_id="C",
        amount=parse_amount(amount),
        currency="EUR",
        received_on=date(2026, 3, 3),
    )


def test_a_payment_below_zero_that_names_no_invoice_is_no_payment(books: Books) -> None:
    books.fold(signed())
    (refused,) = raised(books.fold(paid("-25.00")))
    expected = "expected an amount above zero, got -25.00 EUR; one that is taken back is a PaymentReversed"
    assert (refused.field, refused.message) == ("amount", f"payment P-1: {expected}")


def test_what_happens_once_has_no_version_in_its_conflict(books: Books) -> None:
    books.fold(signed(), paid("25.00"))
    (refused,) = raised(books.fold(paid("26.00")))
    assert refused.message == "payment P-1 came twice with different content; the first one stands"


def test_a_forecast_that_no_record_holds_waits_for_a_smaller_estimate(books: Books) -> None:
    """The rest of the engagement goes on: work is booked meanwhile, and the next estimate is told."""
    books.fold(signed(line(rate=900_000_000)), time("T-1", "2026-03-02", 8))
    said = raised([*books.fold(remains(1, "10000000")), *books.end_day(date(2026, 3, 3))])
    (refused,) = (one for one in said if one.category == "amount_out_of_range")
    assert (refused.category, refused.subject_kind, refused.subject_id) == ("amount_out_of_range", "project", "PR")
    assert refused.message.startswith("the forecast of project PR is not published: expected figures of at most ")
    assert any(isinstance(output, JournalEntry) for output in books.fold(time("T-2", "2026-03-04", 8)))
    told = [*books.fold(remains(2, "10")), *books.end_day(date(2026, 3, 4))]
    assert refused.exception_id in {output.exception_id for output in told if isinstance(output, ExceptionClosed)}
    assert any(isinstance(output, ForecastUpdate) for output in told)


def remains(version: int, hours: str) -> Any:
    work = RemainingWork("2026-05", int(hours) * HOURS_ONE, parse_amount("1000"))
    day = f"2026-03-0{version + 2}"
    return event(
        EstimateRevised,
        f"{day}T10:00",
        project_id="PR",
        version=version,
        as_of=date.fromisoformat(day),
        remaining=(work,),
    )
