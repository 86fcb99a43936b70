"""A payment of invoices in two engagements: intake writes it to both, each takes its own invoices, the first one what is left."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from connectors.avro_codec import EVENT_CODECS
from domain.events.common import PaymentApplication
from domain.events.finance import InvoicePosted, PaymentReceived, PaymentReversed, WrittenOff
from domain.outputs import ExceptionClosed, ExceptionRaised, JournalEntry
from tests.harness import Books, Record
from tests.state.test_shared_contract import ELSEWHERE, firm, head, said, signed, work


def invoiced(folder: Path) -> Books:
    """8 h at 200 on INV-1 in the one engagement, 8 h at 150 on INV-2 in the other."""
    books = firm(folder)
    signed(books)
    books.fold(*(work(f"T-{n}", "P", books.engagement_id, 3) for n in range(8)))
    books.fold(*(work(f"U-{n}", "Q", ELSEWHERE, 3) for n in range(8)))
    books.end_day(date(2026, 6, 30))
    for engagement_id, invoice_id, amount in ((books.engagement_id, "INV-1", 1_600), (ELSEWHERE, "INV-2", 1_200)):
        books.fold(
            InvoicePosted(
                **head(30),
                engagement_id=engagement_id,
                invoice_id=invoice_id,
                posted_on=date(2026, 7, 1),
                amount=amount * 10_000,
                statement_id=f"{engagement_id}.K/C/2026-06-01/1",
            )
        )
    return books


def paid(books: Books, amount: int, first: int, second: int) -> None:
    applications = (PaymentApplication("INV-1", first * 10_000), PaymentApplication("INV-2", second * 10_000))
    event = PaymentReceived(
        **head(30),
        payment_id="PAY",
        customer_id="C",
        amount=amount * 10_000,
        currency="USD",
        received_on=date(2026, 7, 2),
        applications=applications,
    )
    for engagement_id, own in ((books.engagement_id, ("INV-1",)), (ELSEWHERE, ("INV-2",))):
        body = EVENT_CODECS["PaymentReceived"].encode(event)
        books.replay([Record(len(books.log), engagement_id, "PaymentReceived", body, event, own)])


def balances(books: Books) -> dict[str, int]:
    found: Counter[str] = Counter()
    for journal in said(books, JournalEntry):
        if journal.affected_kind == "payment":
            for line in journal.lines:
                found[line.account] += line.amount // 10_000
    return {account: amount for account, amount in found.items() if amount}


def test_each_engagement_takes_its_own_invoices_and_the_rest_is_there_once(tmp_path: Path) -> None:
    books = invoiced(tmp_path)
    paid(books, 3_000, 1_600, 1_200)
    receipts = [
        [(line.account, line.amount // 10_000) for line in journal.lines]
        for journal in said(books, JournalEntry)
        if journal.affected_kind == "payment"
    ]
    assert receipts == [[("1010", 1_800), ("1100", -1_600), ("1120", -200)], [("1010", 1_200), ("1100", -1_200)]]
    assert len({one.journal_id for one in said(books, JournalEntry)}) == len(said(books, JournalEntry))
    books.reopen()
    for engagement_id in (books.engagement_id, ELSEWHERE):
        books.fold(PaymentReversed(**head(30), engagement_id=engagement_id, payment_id="PAY"))
    assert balances(books) == {}
    books.close()


def test_what_does_not_fit_in_one_engagement_waits_there(tmp_path: Path) -> None:
    books = invoiced(tmp_path)
    paid(books, 3_000, 1_600, 1_300)
    assert balances(books) == {"1010": 1_700, "1100": -1_600, "1120": -100}
    raised = [one for one in said(books, ExceptionRaised) if one.category == "misapplied"]
    assert [(one.engagement_id, one.field, one.blocks_amount) for one in raised] == [
        (ELSEWHERE, "applications[1].amount", 100_0000)
    ]
    books.reopen()
    lost: dict[str, Any] = {
        "what": "receivable",
        "currency": "USD",
        "reason": "insolvent",
        "requested_by": "ann",
        "approved_by": "ben",
    }
    more: dict[str, Any] = {
        "write_off_id": "W",
        "invoice_id": "INV-2",
        "amount": 2_000_0000,
        "written_off_on": date(2026, 7, 3),
    }
    books.fold(WrittenOff(**head(30), engagement_id=ELSEWHERE, **lost, **more))
    books.reopen()
    ended = [one.category for one in said(books, ExceptionClosed)]
    books.fold(WrittenOff(**head(30), engagement_id=ELSEWHERE, **lost, **more | {"amount": 1_200_0000}))
    assert [one.category for one in said(books, ExceptionClosed)] == [*ended, "misapplied"]
    assert books.part("receivable", "INV-2", ELSEWHERE).open == (0, 0)
    books.fold(PaymentReversed(**head(30), engagement_id=ELSEWHERE, payment_id="PAY"))
    assert balances(books) == {"1010": 1_700, "1100": -1_600, "1120": -100}
    books.close()
