"""The position of a contract that is billed ahead, in a run: it stands on one side, the books foot, and the audit finds nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from milepost.cli import app
from tests.commands.tiny_firm import Event, event, founding, worked, write


def milepost(verb: str, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [verb, *arguments])
    assert result.exit_code == 0, result.output
    return result


def invoice(at: str, period: str, amount: str, tax: str) -> Event:
    return event(
        "InvoicePosted",
        f"{at}T10:00:00Z",
        statement={"contract_id": "K-1", "period": period, "sequence": 1},
        engagement_id="E-1",
        invoice_id=f"INV-{period}",
        posted_on=at,
        amount=amount,
        tax_amount=tax,
    )


def ran(tmp_path: Path) -> str:
    """From March to June 1,000.00 a month in advance and eight hours at 100.00 on one project, 12,200.00 billed at once and earned at
    100.00 a day on another."""
    price = {"type": "FixedPrice", "price": "12200", "schedule": [{"on": "2026-03-01", "amount": "12200"}]}
    lines: list[Event] = [
        {"line_id": "A", "project_id": "BRIDGE", "terms": {"type": "Subscription", "fee": "1000", "in_advance": True}},
        {"line_id": "B", "project_id": "ROAD", "terms": price, "revenue_policy": "straight_line_days"},
        {"line_id": "T", "project_id": "BRIDGE", "terms": {"type": "TimeAndMaterials", "rates": [{"rate": "100"}]}},
    ]
    events = [
        *founding(),
        worked("T-1", 2),
        invoice("2026-04-02", "2026-03-01", "15000", "3000"),
        invoice("2026-05-04", "2026-04-01", "1000", "200"),
        invoice("2026-06-02", "2026-05-01", "1000", "200"),
    ]
    signed = next(one for one in events if one["type"] == "ContractSigned")
    signed |= {"starts_on": "2026-03-01", "ends_on": "2026-06-30"}
    signed["lines"] = lines
    next(one for one in events if one["type"] == "ProjectActivated")["engagement_id"] = "E-1"
    output = str(tmp_path / "output")
    milepost("run", "--input", str(write(tmp_path / "input", events)), "--output", output, "--until", "2026-06-30")
    return output


def ledger(output: str, period: str) -> Any:
    found = milepost("ledger", "--output", output, "--entity", "BERLIN", "--json", "--period", period)
    return json.loads(found.stdout)


def closing(output: str, period: str) -> tuple[str, ...]:
    found = {line["account"]: line["closing"] for line in ledger(output, period)["ledger"]}
    return tuple(found.get(account, "0.00") for account in ("1100", "1150", "1160", "2300", "4000"))


def test_it_stands_on_one_side_and_the_audit_finds_nothing(tmp_path: Path) -> None:
    output = ran(tmp_path)
    milepost("verify", "--output", output)
    assert closing(output, "2026-03") == ("0.00", "800.00", "4100.00", "0.00", "-4900.00")
    assert closing(output, "2026-04") == ("18000.00", "0.00", "0.00", "-6100.00", "-8900.00")
    assert closing(output, "2026-05") == ("19200.00", "0.00", "0.00", "-3000.00", "-13000.00")
    assert closing(output, "2026-06") == ("20400.00", "0.00", "0.00", "0.00", "-17000.00")


def test_the_ledger_rolls_the_contract_forward(tmp_path: Path) -> None:
    """In April 4,000.00 are earned: 1,000.00 of the subscription and 30 days; March's statement is invoiced with 20 % tax."""
    output = ran(tmp_path)
    (april,) = ledger(output, "2026-04")["contracts"]
    assert april == {
        "contract_id": "K-1",
        "currency": "EUR",
        "opening": "4900.00",
        "earned": "4000.00",
        "invoiced": "15000.00",
        "other": "0.00",
        "closing": "-6100.00",
        "owed_before": "0.00",
        "charged": "18000.00",
        "paid": "0.00",
        "owed_other": "0.00",
        "owed": "18000.00",
    }
    (june,) = ledger(output, "2026-06")["contracts"]
    assert (june["opening"], june["earned"], june["invoiced"], june["closing"]) == (
        "-3000.00",
        "4000.00",
        "1000.00",
        "0.00",
    )
    text = milepost("ledger", "--output", output, "--entity", "BERLIN", "--period", "2026-04").stdout
    assert "Contracts: balance, and what is owed, BERLIN 2026-04" in text


def test_what_each_project_has_comes_to_one_position(tmp_path: Path) -> None:
    """At the end of June nothing is left: BRIDGE was billed and earned 4,800.00, ROAD 12,200.00."""
    output = ran(tmp_path)
    shown = json.loads(milepost("show", "E-1", "--output", output, "--json").stdout)
    assert shown["positions"] == [
        {
            "contract_id": "K-1",
            "currency": "EUR",
            "recognised": "17000.00",
            "billed": "17000.00",
            "invoiced": "17000.00",
            "contract_position": "0.00",
            "paid": "0.00",
            "receivable": "20400.00",
        }
    ]
    assert "Contracts" in milepost("show", "E-1", "--output", output).stdout
