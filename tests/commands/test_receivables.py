"""Payments and a receivable given up, in a run: intake finds their engagement, the books foot, and the audit finds nothing."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.test_contract_position import invoice, ledger, milepost
from tests.commands.tiny_firm import Event, event, founding, worked, write


def paid(at: str, payment_id: str, amount: str, **applied: str) -> Event:
    return event(
        "PaymentReceived",
        f"{at}T09:00:00Z",
        payment_id=payment_id,
        customer_id="ACME",
        amount=amount,
        currency="EUR",
        received_on=at,
        applications=[{"invoice_id": name.replace("_", "-"), "amount": amount} for name, amount in applied.items()],
    )


def ran(tmp_path: Path) -> str:
    """Eight hours at 100.00 in March, 20 % tax: 960.00 are owed. 100.00 come before anybody says what for, 500.00 are applied; 460.00
    more are taken back, so that the 400.00 which were too much fit; the last 60.00 are given up in June."""
    events = [
        *founding(),
        worked("T-1", 2),
        paid("2026-03-20", "PAY-0", "100"),
        invoice("2026-04-02", "2026-03-01", "800", "160"),
        paid("2026-04-20", "PAY-1", "500", INV_2026_03_01="500"),
        paid("2026-04-27", "PAY-2", "550", INV_2026_03_01="460"),
        paid("2026-04-28", "PAY-3", "550", INV_2026_03_01="400"),
        event("PaymentReversed", "2026-04-29T09:00:00Z", payment_id="PAY-2", received_on="2026-04-29"),
        event(
            "WrittenOff",
            "2026-06-15T09:00:00Z",
            write_off_id="W-1",
            what="receivable",
            invoice_id="INV-2026-03-01",
            amount="60",
            currency="EUR",
            written_off_on="2026-06-15",
            reason="insolvent",
            requested_by="ann",
            approved_by="ben",
        ),
    ]
    next(one for one in events if one["type"] == "ProjectActivated")["engagement_id"] = "E-1"
    output = str(tmp_path / "output")
    milepost("run", "--input", str(write(tmp_path / "input", events)), "--output", output, "--until", "2026-06-30")
    return output


def closing(output: str, period: str) -> tuple[str, ...]:
    found = {line["account"]: line["closing"] for line in ledger(output, period)["ledger"]}
    return tuple(found.get(account, "0.00") for account in ("1010", "1100", "1120", "6900"))


def test_the_books_foot_and_the_audit_finds_nothing(tmp_path: Path) -> None:
    output = ran(tmp_path)
    milepost("verify", "--output", output)
    assert closing(output, "2026-03") == ("100.00", "0.00", "-100.00", "0.00")
    assert closing(output, "2026-04") == ("1150.00", "60.00", "-250.00", "0.00")
    assert closing(output, "2026-06") == ("1150.00", "0.00", "-250.00", "60.00")


def test_the_ledger_rolls_forward_what_is_owed(tmp_path: Path) -> None:
    output = ran(tmp_path)
    (april,) = ledger(output, "2026-04")["contracts"]
    assert [april[name] for name in ("charged", "paid", "owed_other", "owed")] == ["960.00", "900.00", "0.00", "60.00"]
    (june,) = ledger(output, "2026-06")["contracts"]
    assert [june[name] for name in ("charged", "paid", "owed_other", "owed")] == ["0.00", "0.00", "-60.00", "0.00"]


def test_show_and_explain_say_what_is_paid_and_owed(tmp_path: Path) -> None:
    output = ran(tmp_path)
    (position,) = json.loads(milepost("show", "E-1", "--output", output, "--json").stdout)["positions"]
    assert (position["paid"], position["receivable"]) == ("900.00", "0.00")
    for figure, said in (("paid", "900.00"), ("receivable", "0.00"), ("bad_debt", "60.00")):
        assert said in milepost("explain", f"BRIDGE#{figure}", "--output", output).stdout
