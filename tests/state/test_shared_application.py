"""Cash of a payment that is unapplied in one engagement, applied to an invoice of another."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from connectors.avro_codec import EVENT_CODECS
from domain.audit.findings import VIEWS
from domain.events.common import PaymentApplication
from domain.events.finance import InvoicePosted, PaymentApplied, PaymentReceived, PaymentReversed
from domain.events.reference import ExchangeRateSet
from domain.outputs import ExceptionClosed, ExceptionRaised, JournalEntry, ProjectView
from tests.audited import violations
from tests.harness import Books, Record
from tests.state.test_shared_contract import ELSEWHERE, firm, head, said, signed, work
from tests.state.test_shared_payment import invoiced


def on_account(books: Books, amount: int, **more: Any) -> None:
    """In the one engagement alone."""
    books.fold(
        PaymentReceived(
            **head(30),
            engagement_id=books.engagement_id,
            payment_id="PAY",
            customer_id="C",
            amount=amount * 10_000,
            currency="USD",
            received_on=date(2026, 7, 2),
            **more,
        )
    )


def apply(books: Books, application_id: str, exchange_rate: int | None = None, **amounts: int) -> None:
    """To both: the one has the payment and INV-1, the other one INV-2."""
    invoices = {invoice_id.replace("_", "-"): amount for invoice_id, amount in amounts.items()}
    event = PaymentApplied(
        **head(30),
        application_id=application_id,
        payment_id="PAY",
        customer_id="C",
        currency="USD",
        applied_on=date(2026, 7, 3),
        applications=tuple(PaymentApplication(*each) for each in ((i, a * 10_000) for i, a in invoices.items())),
        exchange_rate=exchange_rate,
    )
    for engagement_id, own in ((books.engagement_id, "INV-1"), (ELSEWHERE, "INV-2")):
        body = EVENT_CODECS["PaymentApplied"].encode(event)
        named = (own,) if own in invoices else ()
        books.replay([Record(len(books.log), engagement_id, "PaymentApplied", body, event, named)])


def journals(books: Books, kind: str) -> list[tuple[str, list[tuple[str, int]]]]:
    return [
        (journal.journal_id.partition(".")[0], [(line.account, line.amount // 10_000) for line in journal.lines])
        for journal in said(books, JournalEntry)
        if journal.affected_kind == kind
    ]


def cash(books: Books) -> dict[str, int]:
    """What payments and applications made of accounts, over both engagements."""
    found: dict[str, int] = {}
    for kind in ("payment", "payment_application"):
        for _, lines in journals(books, kind):
            for account, amount in lines:
                found[account] = found.get(account, 0) + amount
    return {account: amount for account, amount in found.items() if amount}


def test_the_company_has_on_1120_what_is_left(tmp_path: Path) -> None:
    books = invoiced(tmp_path)
    on_account(books, 2_000)
    apply(books, "AP-1", INV_1=500, INV_2=1_200)
    assert journals(books, "payment_application") == [
        (books.engagement_id, [("1120", 500), ("1100", -500)]),
        (ELSEWHERE, [("1120", 1_200), ("1100", -1_200)]),
    ]
    assert cash(books) == {"1010": 2_000, "1100": -1_700, "1120": -300}
    assert books.part("receivable", "INV-2", ELSEWHERE).open == (0, 0)
    books.reopen()
    apply(books, "AP-2", INV_2=-200)
    apply(books, "AP-3", INV_1=500)
    assert cash(books) == {"1010": 2_000, "1100": -2_000}
    assert said(books, ExceptionRaised) == []
    books.close()


def in_euro(folder: Path) -> Books:
    """The company's ledger is in euro: 1,200.00 USD on INV-2 in the other engagement, at 0.90."""
    books = firm(folder, "EUR")
    books.fold(
        ExchangeRateSet(
            **head(1),
            rate_type="spot",
            from_currency="USD",
            to_currency="EUR",
            date=date(2026, 6, 1),
            rate=9 * 10**11,
            version=1,
        )
    )
    signed(books)
    books.fold(*(work(f"U-{n}", "Q", ELSEWHERE, 3) for n in range(8)))
    books.end_day(date(2026, 6, 30))
    books.fold(
        InvoicePosted(
            **head(30),
            engagement_id=ELSEWHERE,
            invoice_id="INV-2",
            posted_on=date(2026, 7, 1),
            amount=1_200 * 10_000,
            statement_id=f"{ELSEWHERE}.K/C/2026-06-01/1",
            exchange_rate=9 * 10**11,
        )
    )
    return books


def test_the_payments_rate_is_asked_for_where_it_is_not_known(tmp_path: Path) -> None:
    """2,000.00 USD come at 0.95. 1,000.00 of them settle what is carried with 900.00 EUR: 950.00 of cash, a gain of 50.00."""
    books = in_euro(tmp_path)
    on_account(books, 2_000, exchange_rate=95 * 10**10)
    apply(books, "AP-1", INV_2=1_000)
    (raised,) = [one for one in said(books, ExceptionRaised) if one.category == "unknown_reference"]
    assert (raised.engagement_id, raised.subject_id, raised.field) == (ELSEWHERE, "AP-1", "exchange_rate")
    books.reopen()
    apply(books, "AP-1", 95 * 10**10, INV_2=1_000)
    (journal,) = [one for one in said(books, JournalEntry) if one.affected_kind == "payment_application"]
    assert journal.exchange_rate == 95 * 10**10
    assert [(line.account, line.amount // 10_000, line.ledger_amount // 10_000) for line in journal.lines] == [
        ("1120", 1_000, 950),
        ("1100", -1_000, -900),
        ("7110", 0, -50),
    ]
    assert raised.exception_id in {one.exception_id for one in said(books, ExceptionClosed)}
    books.close()


def test_taken_back_it_leaves_no_balance_in_either(tmp_path: Path) -> None:
    books = invoiced(tmp_path)
    on_account(books, 2_000)
    apply(books, "AP-1", INV_1=500, INV_2=1_200)
    apply(books, "AP-2", INV_2=-200)
    books.reopen()
    for engagement_id in (books.engagement_id, ELSEWHERE):
        books.fold(PaymentReversed(**head(30), engagement_id=engagement_id, payment_id="PAY"))
    assert cash(books) == {}
    assert books.part("receivable", "INV-1").open == (16_000_000, 16_000_000)
    assert books.part("receivable", "INV-2", ELSEWHERE).open == (12_000_000, 12_000_000)
    books.close()


def test_more_than_there_is_is_told_where_the_cash_is(tmp_path: Path) -> None:
    books = invoiced(tmp_path)
    on_account(books, 1_000)
    apply(books, "AP-1", INV_2=700)
    apply(books, "AP-2", INV_2=400)
    raised = said(books, ExceptionRaised)
    assert [(one.engagement_id, one.category, one.field, one.blocks_amount) for one in raised] == [
        (books.engagement_id, "misapplied", "applications", 100_0000)
    ]
    assert "payment PAY 300.00 USD are unapplied in company" in raised[0].message
    books.close()


def test_what_the_other_engagement_refuses_is_taken_off_again_by_its_opposite(tmp_path: Path) -> None:
    """Of INV-2 1,200.00 are open, so that 1,300.00 post nothing there; where the cash is they count as used. The opposite brings both
    right: 2,000.00 are free again, and 1,600.00 of them are applied to INV-1."""
    books = invoiced(tmp_path)
    on_account(books, 2_000)
    apply(books, "AP-1", INV_2=1_300)
    (refused,) = [one for one in said(books, ExceptionRaised) if one.category == "misapplied"]
    assert (refused.engagement_id, refused.subject_id) == (ELSEWHERE, "AP-1")
    books.reopen()
    apply(books, "AP-2", INV_2=-1_300)
    assert {one.exception_id: one.reason for one in said(books, ExceptionClosed)}[refused.exception_id] == "superseded"
    apply(books, "AP-3", INV_1=1_600)
    apply(books, "AP-4", INV_2=400)
    assert cash(books) == {"1010": 2_000, "1100": -2_000}
    assert [one for one in said(books, ExceptionRaised) if one.category == "misapplied"] == [refused]
    books.close()


def test_refused_cash_is_moved_by_one_event(tmp_path: Path) -> None:
    """What it names of the invoice that refused it is the opposite there; the rest goes to another invoice here."""
    books = invoiced(tmp_path)
    on_account(books, 1_300)
    apply(books, "AP-1", INV_2=1_300)
    apply(books, "AP-2", INV_2=-1_300, INV_1=1_300)
    assert cash(books) == {"1010": 1_300, "1100": -1_300}
    assert books.part("receivable", "INV-2", ELSEWHERE).open == (1_200_0000, 1_200_0000)
    (refused,) = [one for one in said(books, ExceptionRaised) if one.category == "misapplied"]
    assert refused.exception_id in {one.exception_id for one in said(books, ExceptionClosed)}
    books.close()


def test_what_is_taken_off_another_engagements_invoice_is_unapplied_here(tmp_path: Path) -> None:
    """Also while the other one refuses it, which only that one can know: 2,000.00 and the 100.00 that are taken off."""
    books = invoiced(tmp_path)
    on_account(books, 2_000)
    apply(books, "AP-1", INV_2=-100)
    books.end_day(date(2026, 7, 3))
    last = [view for view in said(books, ProjectView) if view.project_id == "P"][-1]
    assert [cash.amount for cash in last.unapplied] == [2_100 * 10_000]
    assert cash(books)["1120"] == -2_000
    assert [one for one in violations(books) if one.check == VIEWS and one.subject == "P"] == []
    books.close()
