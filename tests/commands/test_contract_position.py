"""The position of a contract that is billed ahead, in a run: the ledger rolls it forward, and the audit finds nothing."""

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


def invoice(at: str, period: str, amount: str, tax: str = "0") -> Event:
    return event(
        "InvoicePosted",
        f"{at}T10:00:00Z",
        statement_id=f"BRIDGE.K-1/ACME/{period}/1",
        invoice_id=f"INV-{period}",
        posted_on=at,
        amount=amount,
        tax_amount=tax,
    )


def ran(tmp_path: Path) -> str:
    """1,000.00 a month in advance beside 12,000.00 over four months, billed at their end, and eight hours of work at 100.00."""
    fee = {"type": "Subscription", "fee": "1000", "in_advance": True}
    price = {"type": "FixedPrice", "price": "12000", "schedule": [{"on": "2026-04-30", "amount": "12000"}]}
    rated = {"type": "TimeAndMaterials", "rates": [{"rate": "100"}]}
    lines = [
        {"line_id": "A", "project_id": "BRIDGE", "terms": fee},
        {
            "line_id": "B",
            "project_id": "BRIDGE",
            "takes": ["fee"],
            "terms": price,
            "revenue_policy": "straight_line_days",
        },
        {"line_id": "T", "project_id": "BRIDGE", "terms": rated},
    ]
    events = [
        *founding(),
        invoice("2026-02-02", "2026-01-01", "2000", "400"),
        invoice("2026-03-02", "2026-02-01", "1000", "200"),
        worked("T-1", 2),
    ]
    signed = next(one for one in events if one["type"] == "ContractSigned")
    signed |= {"lines": lines, "starts_on": "2026-01-01", "ends_on": "2026-04-30"}
    output = str(tmp_path / "output")
    milepost("run", "--input", str(write(tmp_path / "input", events)), "--output", output, "--until", "2026-04-30")
    return output


def ledger(output: str, period: str) -> Any:
    found = milepost("ledger", "--output", output, "--entity", "BERLIN", "--json", "--period", period)
    return json.loads(found.stdout)


def test_the_audit_finds_nothing(tmp_path: Path) -> None:
    milepost("verify", "--output", ran(tmp_path))


def test_one_position_on_one_side(tmp_path: Path) -> None:
    output = ran(tmp_path)
    closing = {
        period: {line["account"]: line["closing"] for line in ledger(output, period)["ledger"]}
        for period in ("2026-01", "2026-02", "2026-04")
    }
    assert (closing["2026-01"]["1160"], closing["2026-01"]["4000"]) == ("4100.00", "-4100.00")
    assert (closing["2026-02"]["1160"], closing["2026-02"]["4000"]) == ("5900.00", "-7900.00")
    assert closing["2026-04"]["1160"] == "13000.00"
