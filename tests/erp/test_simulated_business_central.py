"""What Business Central alone has: posting is a write of its own, and leaves the shell of a journal."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.delivery.chart import EntityChart
from domain.delivery.documents import JOURNAL, InvoiceDocument, JournalDocument, key_of
from domain.delivery.ledgers import LedgerEntry
from domain.delivery.outcomes import Outcome, RejectedPeriod, Taken, Throttled, Uncertain
from domain.delivery.reconciliation import ErpInvoice, ErpPeriod, compare
from domain.units import Amount
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


def invoice(**changes: Any) -> InvoiceDocument:
    """Of items that are no accounts."""
    found = BUSINESS_CENTRAL.document("invoice")
    assert isinstance(found, InvoiceDocument)
    services, travel = found.lines
    items = (services._replace(item="HOURS-1150"), travel._replace(item="TRAVEL-1150"))
    return found._replace(lines=items, **changes)


def test_the_ledger_has_on_which_accounts_an_invoice_is(tmp_path: Path) -> None:
    """1,500.00 of services and 80.00 of travel with 19 % = 1,880.20. Both items post to 1150, as the chart says, and not to 1155."""
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        found.settled(invoice())
        (entry,) = found.erp.ledger(SCOPE)
    assert (entry.reference, entry.is_posted, entry.currency) == ("100001", True, "USD")
    assert [(line.account, line.amount) for line in entry.lines] == [
        ("1100", 18_802_000),
        ("1150", -15_000_000),
        ("1150", -800_000),
        ("2400", -3_002_000),
    ]
    assert differences(entry, "1150") == []
    assert differences(entry, "1155") == [("account", 15_800_000)]


def test_of_an_invoice_in_another_currency_the_ledger_has_what_is_owed(tmp_path: Path) -> None:
    """The general ledger has dollars alone: the accounts of 1,880.20 EUR are not compared."""
    with simulated(BUSINESS_CENTRAL, tmp_path) as found:
        found.settled(invoice(currency="EUR", currency_id="EUR"))
        (entry,) = found.erp.ledger(SCOPE)
    assert [(line.account, line.amount) for line in entry.lines] == [
        ("5501", 18_802_000),
        ("HOURS-1150", -15_000_000),
        ("TRAVEL-1150", -800_000),
        ("", -3_002_000),
    ]
    assert differences(entry, "1155", "EUR") == []


def differences(entry: LedgerEntry, account: str, currency: str = "USD") -> list[tuple[str, Amount]]:
    """Where 1,880.20 are owed and 1,580.00 should clear the account."""
    june = ErpPeriod("2026-06", date(2026, 6, 1), date(2026, 7, 1), frozenset({"2026-06"}))
    sent = ErpInvoice(entry.key, "S-1", date(2026, 6, 30), currency, currency, 18_802_000, net=((account, 15_800_000),))
    found = compare(EntityChart("US", "main", subsidiary="1"), june, [], [entry], invoices=[sent])
    return [(each.cause, each.amount) for each in found.differences]


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
