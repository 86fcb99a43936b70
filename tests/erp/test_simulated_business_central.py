"""What Business Central alone has: posting is a write of its own, and leaves the shell of a journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.delivery.documents import JOURNAL, JournalDocument, key_of
from domain.delivery.outcomes import Outcome, RejectedPeriod, Taken, Throttled, Uncertain
from simulation.erp.troubles import Trouble
from tests.erp.contract import SCOPE
from tests.erp.plugs import BUSINESS_CENTRAL
from tests.erp.simulated import simulated

# Trouble of the posting, the second write, and what the adapter says.
OF_POSTING: tuple[tuple[Trouble, type[Outcome]], ...] = (
    (Trouble.FAILS, Uncertain),
    (Trouble.CUT, Uncertain),
    (Trouble.THROTTLED, Uncertain),
    (Trouble.LOST, Taken),
    (Trouble.FAILS_AFTER, Taken),
    (Trouble.HUGE, Taken),
)


def journal() -> JournalDocument:
    found = BUSINESS_CENTRAL.document("journal")
    assert isinstance(found, JournalDocument)
    return found


def test_the_ledger_has_what_the_customer_of_an_invoice_owes(tmp_path: Path) -> None:
    """1,500.00 of services and 80.00 of travel with 19 % = 1,880.20."""
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        found.settled(BUSINESS_CENTRAL.document("invoice"))
        (entry,) = found.erp.ledger(SCOPE)
        assert (entry.reference, entry.is_posted, entry.currency) == ("100001", True, "USD")
        assert [(line.account, line.amount) for line in entry.lines] == [
            ("5501", 18_802_000),
            ("901", -15_000_000),
            ("902", -800_000),
            ("", -3_002_000),
        ]


@pytest.mark.parametrize(("trouble", "kind"), OF_POSTING, ids=[each[0] for each in OF_POSTING])
def test_a_journal_is_posted_once(trouble: Trouble, kind: type[Outcome], tmp_path: Path) -> None:
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        found.meets(None, trouble)
        outcome = found.send(journal())
        assert isinstance(outcome, kind), outcome
        there = found.erp.look_up([journal()])
        assert isinstance(there, dict)
        assert there[journal().key].is_posted
        assert [(entry.key, entry.is_posted) for entry in found.books.entries()] == [(journal().key, True)]


def test_a_draft_whose_posting_is_throttled_waits_as_long_as_the_erp_says(tmp_path: Path) -> None:
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        found.meets(None, Trouble.THROTTLED)
        outcome = found.send(journal())
        assert isinstance(outcome, Uncertain)
        assert outcome.throttled == Throttled(1.0)


def test_drafts_that_a_look_up_has_posted_are_known_although_the_next_is_throttled(tmp_path: Path) -> None:
    """Of three drafts the first is posted, the posting of the second is throttled, and the third is not tried."""
    drafts = [journal()._replace(key=key_of(JOURNAL, [name])) for name in ("J-1", "J-2", "J-3")]
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        for draft in drafts:
            found.meets(None, Trouble.FAILS)
            assert isinstance(found.send(draft), Uncertain)
        found.meets(None, None, Trouble.THROTTLED)
        there = found.erp.look_up(drafts)
        assert isinstance(there, dict)
        first, second, third = (there[each.key] for each in drafts)
        assert first.is_posted
        assert (second.throttled, third) == (Throttled(1.0), Throttled(1.0))


def test_a_shell_that_stays_is_deleted_by_the_next_look_up(tmp_path: Path) -> None:
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        found.meets(None, None, Trouble.FAILS)
        assert isinstance(found.send(journal()), Taken)
        found.meets(None)
        there = found.erp.look_up([journal()])
        assert isinstance(there, dict)
        assert list(there) == [journal().key]
        writes = found.books.troubles.writes
        found.erp.look_up([journal()])
        assert found.books.troubles.writes == writes


def test_a_month_that_closes_after_the_journal_was_made_takes_it_back(tmp_path: Path) -> None:
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        found.meets(None, Trouble.FAILS)
        assert isinstance(found.send(journal()), Uncertain)
        found.act("close=2026-06")
        there = found.erp.look_up([journal()])
        assert isinstance(there, dict)
        assert isinstance(there[journal().key], RejectedPeriod)
        assert found.keys() == {}
        assert isinstance(found.settled(journal()), RejectedPeriod)
        assert found.keys() == {}


def test_an_invoice_is_made_and_posted_once(tmp_path: Path) -> None:
    """The draft and its posting are both lost."""
    invoice = BUSINESS_CENTRAL.document("invoice")
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        found.meets(Trouble.LOST, Trouble.LOST)
        outcome = found.settled(invoice)
        assert isinstance(outcome, Taken)
        assert (outcome.is_posted, outcome.reference, outcome.tax_amount) == (True, "100001", 3_002_000)
        # By the invoice's own number.
        assert found.keys() == {"100001": 1}
