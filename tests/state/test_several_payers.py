"""What contradicts in who pays is told by its field, and an invoice by the customer who owes it."""

from __future__ import annotations

from datetime import date

import pytest

from domain.outputs import ExceptionRaised, JournalEntry
from tests.told import invoiced, told

FIRM = (
    "entity LE USD America/New_York",
    "customer A",
    "customer B",
    "person bob consultant of LE",
    "cost person bob 100 USD",
    "project P of LE",
)
LINE = ("  line L P", "    rate 100.00")


@pytest.mark.parametrize(
    ("terms", "category", "field", "said"),
    [
        ("bill_to A:60:rounding,B:30", "invalid_terms", "bill_to", "sum to 100, got 60, 30"),
        ("bill_to A:120:rounding,B:-20", "invalid_terms", "bill_to", "above zero"),
        ("bill_to A:60:rounding,A:40", "invalid_terms", "bill_to", "billed twice"),
        ("bill_to A:60,B:40", "invalid_terms", "bill_to.rounding_party", "got none"),
        ("bill_to A:60:rounding,B:40:rounding", "invalid_terms", "bill_to.rounding_party", "got A, B"),
        ("bill_to A:60:rounding,Z:40", "unknown_reference", "bill_to[1].customer_id", "that is defined, got Z"),
        (
            "bill_to A:60:rounding,B:40 policy rounding_scope=line",
            "unsupported",
            "lines[L].policies",
            "rounding_scope=line with several bill-tos",
        ),
    ],
)
def test_terms_are_refused_by_the_field(terms: str, category: str, field: str, said: str) -> None:
    with told([*FIRM, f"contract K A LE USD {terms}", *LINE, "2026-06-01 day ended"]) as books:
        (refused,) = [one.record for one in books.folded if isinstance(one.record, ExceptionRaised)]
        assert (refused.category, refused.field) == (category, field)
        assert said in refused.message


def test_a_billing_journal_names_who_owes_it() -> None:
    events = ["contract K A LE USD bill_to A:60:rounding,B:40", *LINE, "2026-06-01 time T-1 bob 1 h"]
    with told([*FIRM, *events, "2026-06-30 day ended"]) as books:
        invoiced(books, date(2026, 7, 1))
        journals = [one.record for one in books.folded if isinstance(one.record, JournalEntry)]
        owed = {one.customer_id: one.lines[0].amount for one in journals if one.kind == "billing"}
        assert owed == {"A": 600_000, "B": 400_000}
