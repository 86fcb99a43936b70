"""What one company charges another stands in both, or the audit says which half is missing or differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from domain.audit import pairs
from domain.audit.findings import Violation
from domain.outputs import JournalEntry, JournalLine
from tests.audit.test_engagement_checks import engagement, posted


def half(entity_id: str, debit: str, credit: str, amount: int, **more: Any) -> JournalEntry:
    """In whole units; the ledger is kept in the currency."""
    units = amount * 10_000
    lines = (
        JournalLine(debit, "intercompany", units, units, "P"),
        JournalLine(credit, "intercompany", -units, -units, "P"),
    )
    fields: dict[str, Any] = {"journal_id": f"E.{entity_id}{debit}", "ledger_currency": "USD", "contract_id": None}
    fields |= {"rule": "intercompany", "pair_id": "E.pair"}
    return posted("T-1", amount, legal_entity_id=entity_id, lines=lines, **{**fields, **more})


LENDER = half("GB", "1180", "4100", 150)
BORROWER = half("US", "5050", "2180", 150)


def wrong(*journals: JournalEntry) -> Sequence[Violation]:
    # All outputs of the test stand at one record of the log.
    found = engagement(*journals)
    return pairs.check(found._replace(outputs=tuple(_at_one(one) for one in found.outputs))).violations


def _at_one(seen: Any) -> Any:
    return seen._replace(position=seen.position._replace(log_offset=7))


def test_two_halves_of_one_amount_are_right() -> None:
    assert wrong(LENDER, BORROWER) == ()


def test_halves_are_counted_and_no_other_journal() -> None:
    assert pairs.check(engagement(LENDER, BORROWER, posted("T-2", 100))).checked == 2


@pytest.mark.parametrize(
    ("journals", "expected", "found"),
    [
        ((LENDER,), "1180 and 4100 in one company, 2180 and 5050 in another", "1180 and 4100 in GB"),
        (
            (LENDER, half("GB", "5050", "2180", 150)),
            "1180 and 4100 in one company, 2180 and 5050 in another",
            "1180 and 4100 in GB; 2180 and 5050 in GB",
        ),
        ((LENDER, half("US", "5050", "2180", 140)), "1180 and 2180 that sum to 0 USD", "10.00"),
        ((LENDER, half("US", "5050", "2180", 150, currency="EUR")), "in one currency", "EUR and USD"),
        ((LENDER, BORROWER._replace(pair_id=None)), "a pair_id beside 2180, 5050", "none"),
    ],
)
def test_what_is_wrong_with_a_pair_is_said(journals: tuple[JournalEntry, ...], expected: str, found: str) -> None:
    first = wrong(*journals)[0]
    assert expected in first.expected
    assert first.found == found


def test_a_half_that_is_taken_back_alone_is_found() -> None:
    back = half("GB", "4100", "1180", 150, journal_id="E.back", kind="reversal", reverses=LENDER.journal_id)
    assert wrong(LENDER, BORROWER, back)[0].found == "1180 and 4100 in GB"
