"""Cash that is applied after it came: to an invoice, or off one and to another; 1100 and 1120 say where it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.test_recording import milepost, recorded, refused, told
from tests.commands.tiny_firm import event, founding, run, said, worked, write

AT = ("--at", "2026-05-04T09:00:00Z")
APPLY = ("payment", "apply", *AT)


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """March is INV-1 over 1,200.00, April INV-2 over 800.00; PAY-1 of 1,000.00 names no invoice, PAY-2 paid 200.00 of INV-2."""
    april = {**worked("T-3", 8), "worked_on": "2026-04-08", "occurred_at": "2026-04-08T18:00:00Z"}
    write(tmp_path / "input", [*founding(), worked("T-1", 2), worked("T-2", 3, "4"), april])
    run(tmp_path, "--until", "2026-05-02")
    statements = {"INV-1": ("2026-03-01", "1200"), "INV-2": ("2026-04-01", "800")}
    paid = {"customer_id": "ACME", "currency": "EUR", "received_on": "2026-05-02"}
    of_april = [{"invoice_id": "INV-2", "amount": "200"}]
    finance = [
        *(
            event(
                "InvoicePosted",
                "2026-05-02T09:00:00Z",
                invoice_id=invoice_id,
                statement_id=f"BRIDGE.K-1/ACME/{period}/1",
                posted_on="2026-05-02",
                amount=amount,
            )
            for invoice_id, (period, amount) in statements.items()
        ),
        event("PaymentReceived", "2026-05-02T10:00:00Z", payment_id="PAY-1", amount="1000", **paid),
        event(
            "PaymentReceived", "2026-05-02T11:00:00Z", payment_id="PAY-2", amount="200", applications=of_april, **paid
        ),
    ]
    write(tmp_path / "input", finance, "finance")
    run(tmp_path)
    monkeypatch.setenv("MILEPOST_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def open_items() -> dict[str, str]:
    """What is open by invoice and payment, as finance sees it; every account foots."""
    found = said(milepost("receivables", "--json"))
    assert all(foot["holds"] for foot in found["feet"])
    return {row["invoice"]: row["open"] for row in found["rows"]}


def test_unapplied_cash_pays_an_invoice(firm: Path) -> None:
    """Of 1,000.00 400.00 pay INV-2, and the rest the oldest: 600.00 of INV-1 stay open."""
    assert open_items() == {"INV-1": "1200.00", "INV-2": "600.00", "PAY-1": "-1000.00"}
    part = milepost(*APPLY, "PAY-1", "--for", "INV-2=400")
    assert "600.00 EUR of payment PAY-1 are for no invoice yet" in told(part)
    assert milepost(*APPLY, "PAY-1", "--oldest").exit_code == 0
    run(firm)
    assert open_items() == {"INV-1": "600.00", "INV-2": "200.00"}
    first, second = recorded(firm)
    assert first["applications"] == [{"invoice_id": "INV-2", "amount": "400.00"}]
    assert second["applications"] == [{"invoice_id": "INV-1", "amount": "600.00"}]
    assert (first["payment_id"], first["applied_on"], first["customer_id"]) == ("PAY-1", "2026-05-04", "ACME")


def test_cash_on_the_wrong_invoice_goes_to_the_right_one(firm: Path) -> None:
    assert milepost(*APPLY, "PAY-2", "--off", "INV-2", "--for", "INV-1").exit_code == 0
    run(firm)
    assert open_items() == {"INV-1": "1000.00", "INV-2": "800.00", "PAY-1": "-1000.00"}
    [moved] = recorded(firm)
    assert moved["applications"] == [
        {"invoice_id": "INV-2", "amount": "-200.00"},
        {"invoice_id": "INV-1", "amount": "200.00"},
    ]


def test_cash_taken_off_an_invoice_waits_for_another(firm: Path) -> None:
    assert milepost(*APPLY, "PAY-2", "--off", "INV-2=50").exit_code == 0
    run(firm)
    assert open_items() == {"INV-1": "1200.00", "INV-2": "650.00", "PAY-1": "-1000.00", "PAY-2": "-50.00"}


def test_what_is_taken_off_and_put_on_one_invoice_is_netted(firm: Path) -> None:
    """PAY-2 paid 200.00 of INV-2: it comes off, and 80.00 of it go back."""
    assert milepost(*APPLY, "PAY-2", "--off", "INV-2", "--for", "INV-2=80").exit_code == 0
    run(firm)
    assert recorded(firm)[0]["applications"] == [{"invoice_id": "INV-2", "amount": "-120.00"}]
    assert open_items() == {"INV-1": "1200.00", "INV-2": "720.00", "PAY-1": "-1000.00", "PAY-2": "-120.00"}
    nothing = refused(*APPLY, "PAY-2", "--off", "INV-2=50", "--for", "INV-2=50")
    assert "as much is taken off each invoice as is put on it: nothing would change" in nothing


def test_what_is_taken_off_an_invoice_pays_the_oldest_others(firm: Path) -> None:
    assert milepost(*APPLY, "PAY-2", "--off", "INV-2", "--oldest").exit_code == 0
    run(firm)
    assert open_items() == {"INV-1": "1000.00", "INV-2": "800.00", "PAY-1": "-1000.00"}


def test_the_same_twice_is_recorded_once(firm: Path) -> None:
    """Before the run that takes it in, and after."""
    assert milepost(*APPLY, "PAY-1", "--for", "INV-1").exit_code == 0
    for _ in range(2):
        again = milepost(*APPLY, "PAY-1", "--for", "INV-1")
        assert (again.exit_code, "Nothing was written" in told(again)) == (0, True)
        run(firm)
    assert len(recorded(firm)) == 1
    assert open_items() == {"INV-1": "200.00", "INV-2": "600.00"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("PAY-1",), "expected --for INVOICE, --oldest, or --off INVOICE"),
        (("PAY-9", "--oldest"), "expected the id of a payment, got PAY-9; the nearest are PAY-2, PAY-1"),
        (
            ("PAY-1", "--for", "INV-9"),
            "expected an open invoice of the customer, got INV-9; the nearest are INV-2, INV-1",
        ),
        (("PAY-1", "--for", "INV-2=700"), "open of INV-2, 600.00 EUR, and what is left of the payment, 1,000.00 EUR"),
        (("PAY-1", "--for", "INV-1=1100"), "left of the payment, 1,000.00 EUR; got 1,100.00"),
        (("PAY-1", "--for", "INV-1=1,5"), "expected an amount in EUR above zero such as 1190.00"),
        (("PAY-2", "--oldest"), "all of payment PAY-2 is applied: INV-2 200.00. --off INVOICE takes it off one"),
        (("PAY-2", "--off", "INV-1"), "expected at most what payment PAY-2 paid of INV-1, 0.00 EUR. It paid INV-2"),
        (("PAY-2", "--off", "INV-2=300"), "paid of INV-2, 200.00 EUR; got 300.00"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_what_cannot_be_applied_is_refused(words: tuple[str, ...], expected: str, firm: Path) -> None:
    assert expected in refused(*APPLY, *words)
    assert recorded(firm) == []


def test_a_payment_is_applied_when_a_run_has_booked_it(firm: Path) -> None:
    assert milepost("payment", "add", "ACME", "50", "EUR", "--payment-id", "B-7", *AT).exit_code == 0
    assert "waits for the next run. milepost run takes it in" in refused(*APPLY, "B-7", "--oldest")
    run(firm)
    assert milepost(*APPLY, "B-7", "--oldest", "-n").exit_code == 0
    reversal = event("PaymentReversed", "2026-05-05T09:00:00Z", payment_id="B-7")
    write(firm / "input", [reversal], "reversal")
    run(firm)
    assert "payment B-7 was taken back" in refused(*APPLY, "B-7", "--oldest")


def test_a_closed_month_books_it_in_the_next(firm: Path) -> None:
    closed = {"legal_entity_id": "BERLIN", "period": "2026-05", "version": 1, "requested_by": "a", "approved_by": "b"}
    write(firm / "input", [event("AccountingPeriodClosed", "2026-06-02T08:00:00Z", **closed)], "closed")
    run(firm)
    late = ("--at", "2026-06-03T09:00:00Z", "--on", "2026-05-31")
    assert milepost("payment", "apply", "PAY-1", "--for", "INV-1", *late).exit_code == 0
    run(firm)
    journals = [json.loads(line) for line in milepost("dump", "erp.postings", "--json").stdout.splitlines()]
    [applied] = [each for each in journals if each["affected_kind"] == "payment_application"]
    assert (applied["accounting_date"], applied["period"]) == ("2026-06-01", "2026-06")
