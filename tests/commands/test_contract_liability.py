"""Billing ahead of revenue in a run: the books foot with 2300 in them, and the audit finds nothing."""

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


def test_the_roll_forward_holds_with_a_contract_liability(tmp_path: Path) -> None:
    """Of 800 and 400 under a cap of 1,000 revenue takes the first alone and billing 1,000; in May the second is earned too."""
    invoice = event(
        "InvoicePosted",
        "2026-04-02T10:00:00Z",
        statement_id="BRIDGE.K-1/ACME/2026-03-01/1",
        invoice_id="INV-1",
        posted_on="2026-04-02",
        amount="1000",
    )
    closes = [closed("2026-03", "2026-05-02T10:00:00Z"), closed("2026-04", "2026-05-02T11:00:00Z")]
    raised = event(
        "ContractAmended",
        "2026-05-04T10:00:00Z",
        contract_id="K-1",
        version=2,
        replaces_version=1,
        effective_on="2026-01-01",
        treatment="prospective",
        retroactive=True,
        approved_by="CFO",
        lines=capped("1200"),
    )
    events = [*founding(), worked("T-1", 2), worked("T-2", 3, "4"), invoice, *closes, raised]
    signed = next(one for one in events if one["type"] == "ContractSigned")
    signed["lines"] = capped("1000")
    signed["policies"] = {"cap_split": "reject_whole", "cap_split_billing": "split"}
    output = str(tmp_path / "output")
    milepost("run", "--input", str(write(tmp_path / "input", events)), "--output", output, "--until", "2026-05-31")
    milepost("verify", "--output", output)
    ledger = ("--output", output, "--entity", "BERLIN", "--json", "--period")
    april = json.loads(milepost("ledger", *ledger, "2026-04").stdout)
    assert closing(april) == {"1100": "1000.00", "1150": "0.00", "2300": "-200.00", "4000": "-800.00"}
    may = json.loads(milepost("ledger", *ledger, "2026-05").stdout)
    assert closing(may) == {"1100": "1000.00", "1150": "200.00", "2300": "0.00", "4000": "-1200.00"}


def capped(amount: str) -> list[Event]:
    terms = {"type": "TimeAndMaterials", "rates": [{"rate": "100"}], "cap": {"kind": "hard", "amount": amount}}
    return [{"line_id": "L-1", "project_id": "BRIDGE", "terms": terms}]


def closed(period: str, at: str) -> Event:
    people = {"requested_by": "CARA", "approved_by": "DAN"}
    return event("AccountingPeriodClosed", at, legal_entity_id="BERLIN", period=period, version=1, **people)


def closing(balance: dict[str, Any]) -> dict[str, str]:
    """Of receivables, contract position and revenue, by account."""
    assert balance["foots"]
    found = {line["account"]: line["closing"] for line in balance["ledger"]}
    return {account: found.get(account, "0.00") for account in ("1100", "1150", "2300", "4000")}
