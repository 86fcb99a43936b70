"""Which answers of an ERP a delivery knows as its own."""

from __future__ import annotations

from datetime import date

import pytest

from domain.delivery.answers import Answer, answers_of, journals_of
from domain.events.finance import InvoicePosted, PostingAccepted

DAY = date(2026, 6, 3)
POSTED = PostingAccepted("MP1.1.posted", 1, "berlin", "berlin", 1, "JE-1", DAY, batch_id="MP1", journals=("J-1", "J-2"))
INVOICED = InvoicePosted("MP2.1.posted", 1, "berlin", "INV-1", DAY, 1_000_000, statement_id="S-1")


def test_what_another_account_or_system_answers_is_no_answer_of_this_account() -> None:
    others: list[Answer] = [POSTED._replace(source="boston", erp="boston"), INVOICED._replace(source="accountant")]
    assert list(answers_of("berlin", [POSTED, *others, INVOICED])) == [POSTED, INVOICED]


@pytest.mark.parametrize(
    ("journal_id", "journals", "named"),
    [
        (None, ("J-1", "J-2"), ("J-1", "J-2")),
        ("J-1", ("J-1",), ("J-1",)),
        ("J-1", (), ("J-1",)),
        ("J-1", ("J-1", "J-2"), ("J-1", "J-2")),
    ],
)
def test_a_batch_says_more_than_the_one_journal_that_an_answer_names(
    journal_id: str | None, journals: tuple[str, ...], named: tuple[str, ...]
) -> None:
    assert journals_of(POSTED._replace(journal_id=journal_id, journals=journals)) == named
